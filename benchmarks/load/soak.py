"""Hours of ten viewers with runs one after another: does memory stay flat, do threads and open files grow?

What the processes take is sampled into a file while they work, and tracebacks that a viewer is shown are written into
one beside it; the verdict compares the second quarter of the time, when every cache is filled, with the last one. How
many files are open goes up and down by dozens, with who is being answered at the moment: a number counts as grown if
its median has, and if the samples of the last quarter are larger than those of the second beyond chance.
"""

from __future__ import annotations

import asyncio
import contextlib
import csv
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from scipy.stats import mannwhitneyu

from benchmarks.load.report import Row
from benchmarks.load.served import Served, Taken, descendants, taken
from benchmarks.load.session import Visitor
from tlcore.presets import all_presets

CASE = "two hours, 10 viewers, runs one after another"
TO_HOLD = "memory flat, no thread or file-handle growth"
PRESET, ARM = "domain-adversarial/moons", "dann"
STEPS = 1500
SEEDS = 20
REFRESH_SECONDS = 1.0
PAUSE_SECONDS = 15.0  # between two runs: a hall listens more than it trains
SAMPLE_SECONDS = 20.0
WHOLE_SECONDS = 7200.0  # what the case promises; less does not count as held
FLAT_MEMORY = 20 * 2**20  # bytes by which the last quarter may lie above the second
FLAT_COUNT = 2
CHANCE = 0.01  # of a one-sided rank test; samples that follow one another are alike, so it rather finds too much
FIELDS = (
    "seconds", "web_memory", "web_threads", "web_files", "worker_memory", "worker_threads", "worker_files",
    "runs", "updates", "errors",
)  # fmt: skip


@dataclass(frozen=True)
class Sample:
    """One look: seconds since the beginning; the web server; the supervisor with all it keeps running between runs."""

    seconds: float
    web: Taken
    worker: Taken
    runs: int
    updates: int
    errors: int

    def row(self) -> list[float]:
        """In the order of FIELDS."""
        web, worker = self.web, self.worker
        return [
            round(self.seconds, 1), web.memory, web.threads, web.files, worker.memory, worker.threads, worker.files,
            self.runs, self.updates, self.errors,
        ]  # fmt: skip


async def soak(served: Served, seconds: float, viewers: int, samples: Path) -> None:
    """Let the viewers watch run after run, and write samples into the file as they are taken."""
    watching = [
        Visitor(served.address, "domain_adversarial", _query(0), least_interval=REFRESH_SECONDS) for _ in range(viewers)
    ]
    async with contextlib.AsyncExitStack() as stack:
        for visitor in watching:
            await stack.enter_async_context(visitor)
            await visitor.finished()
        ended: list[str] = []
        training = asyncio.create_task(_train_on(served, watching, ended))
        try:
            await _sample(served, seconds, watching, ended, samples, training)
        finally:
            training.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await training


def _query(seed: int) -> str:
    return f"preset={PRESET.partition('/')[2]}&set=budget.steps%3D{STEPS}&seeds={seed + 1}&seed={seed}"


async def _train_on(served: Served, watching: Sequence[Visitor], ended: list[str]) -> None:
    """One run after another; the viewers follow the link to each. A seed comes round again once its run was deleted."""
    preset = all_presets()[PRESET]
    while True:
        for seed in range(SEEDS):
            ((arm, _, spec),) = [
                found for found in preset.specs([seed], {"budget.steps": str(STEPS)}) if found[0] == ARM
            ]
            run = served.executor.submit(spec, preset=PRESET, arm=arm)
            for visitor in watching:
                await visitor.go(_query(seed))
            while served.store.require(run).live:
                await asyncio.sleep(0.5)
            await asyncio.sleep(PAUSE_SECONDS)
            served.store.delete(run)
            ended.append(run)


async def _sample(
    served: Served,
    seconds: float,
    watching: Sequence[Visitor],
    ended: Sequence[str],
    samples: Path,
    training: asyncio.Task[None],
) -> None:
    begin = time.monotonic()
    with samples.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(FIELDS)
        while time.monotonic() - begin < seconds:
            if training.done():
                training.result()  # tells what went wrong
            await asyncio.sleep(SAMPLE_SECONDS)
            sample = look(served, time.monotonic() - begin, watching, len(ended))
            writer.writerow(sample.row())
            file.flush()
            if sample.errors:
                shown = [error for visitor in watching for error in visitor.errors]
                samples.with_suffix(".errors.txt").write_text("\n\n".join(shown) + "\n")


def look(served: Served, seconds: float, watching: Sequence[Visitor], runs: int) -> Sample:
    """What the processes take now; a run that trains at this moment is not counted, as it ends with its process."""
    training = {run.pid for run in served.store.runs(["running"])}
    standing = [served.supervisor or 0]
    standing += [pid for pid in descendants(standing[0]) if pid not in training]
    parts = []
    for pid in standing:
        with contextlib.suppress(ProcessLookupError):
            parts.append(taken(pid))
    worker = Taken(
        sum(part.memory for part in parts), sum(part.threads for part in parts), sum(part.files for part in parts)
    )
    updates = sum(visitor.reruns_answered for visitor in watching)
    return Sample(seconds, taken(served.pid), worker, runs, updates, sum(len(one.errors) for one in watching))


def verdict(samples: Path, machine: str) -> Row:
    """The row of the table from the samples in a file.

    Raises:
        ValueError: too few samples.
    """
    with samples.open(newline="") as file:
        rows = [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]
    if len(rows) < 8:
        raise ValueError(f"{samples} holds only {len(rows)} samples")
    quarter = len(rows) // 4
    growth = {
        name: statistics.median(row[name] for row in rows[-quarter:])
        - statistics.median(row[name] for row in rows[quarter : 2 * quarter])
        for name in FIELDS
    }
    last = rows[-1]
    memory = [growth["web_memory"], growth["worker_memory"]]
    counted = [name for name in FIELDS if name.endswith(("threads", "files"))]
    grown = [name for name in counted if growth[name] > FLAT_COUNT and _larger(rows, name, quarter)]
    files = [row["web_files"] for row in rows]
    whole = last["seconds"] >= 0.95 * WHOLE_SECONDS
    measured = (
        f"{'' if whole else 'only '}{last['seconds'] / 60:.0f} min, {last['runs']:.0f} runs, "
        f"{last['updates']:,.0f} updates of the page, {last['errors']:.0f} errors; "
        f"from the second to the last quarter: memory of the web server "
        f"{memory[0] / 2**20:+.1f} MB (at the end {last['web_memory'] / 2**20:.0f} MB), of the workers "
        f"{memory[1] / 2**20:+.1f} MB; threads {growth['web_threads'] + growth['worker_threads']:+.0f}, "
        f"open files {growth['web_files'] + growth['worker_files']:+.0f} (of the web server {min(files):.0f} to "
        f"{max(files):.0f} at a time)"
    )
    holds = max(memory) <= FLAT_MEMORY and not grown and last["errors"] == 0 and whole
    return Row(CASE, TO_HOLD, measured, holds, machine)


def _larger(rows: Sequence[Mapping[str, float]], name: str, quarter: int) -> bool:
    """Whether the last quarter of the samples is larger than the second (Mann and Whitney 1947)."""
    last, second = ([row[name] for row in part] for part in (rows[-quarter:], rows[quarter : 2 * quarter]))
    return bool(mannwhitneyu(last, second, alternative="greater").pvalue < CHANCE)
