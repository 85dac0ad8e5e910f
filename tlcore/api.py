"""The lab in a notebook: `result = tlcore.run("domain-adversarial/photo-digits", seeds=3)`."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tlcore.analysis.statistics import summarise
from tlcore.errors import InvalidRequest, RunFailed
from tlcore.execution.local import LocalExecutor
from tlcore.presets import find_preset, named_starts
from tlcore.runs import ENDED, Run, Store
from tlcore.specs import override

if TYPE_CHECKING:
    import pandas
    from plotly.graph_objects import Figure

    from tlcore.exports import Source
    from tlcore.exports.film_page import Player

POLL_SECONDS = 0.1
FILM_PATIENCE_SECONDS = 120.0  # after a run has ended, for its film to be laid out
FILMS = frozenset({"html", "gif", "mp4", "png", "svg", "npz", "parquet"})
"""The kinds of files that are made of frames."""
ProgressReport = Callable[[Sequence[str], Sequence[Run]], None]


@dataclass(frozen=True)
class ResultRun:
    """One run of a result, with the arm and the seed it stands for."""

    id: str
    arm: str
    seed: int
    state: str
    reason: str | None
    seconds: float
    metrics: dict[str, float]


@dataclass(frozen=True)
class Result:
    """What the runs of a preset came to."""

    preset: str
    device: str
    seconds: float
    runs: tuple[ResultRun, ...]
    store: Store = field(repr=False)

    @property
    def complete(self) -> bool:
        """Whether every run has finished."""
        return all(run.state == "finished" for run in self.runs)

    @property
    def metrics(self) -> pandas.DataFrame:
        """One row a run: arm, seed, and a column for each final metric."""
        import pandas

        return pandas.DataFrame([{"arm": run.arm, "seed": run.seed, **run.metrics} for run in self.runs])

    @property
    def summary(self) -> dict[str, dict[str, dict[str, float | int | None]]]:
        """For each arm and metric the mean, the sample standard deviation (None for one seed) and the number n."""
        values: dict[str, dict[str, list[float]]] = {}
        for run in self.runs:
            arm = values.setdefault(run.arm, {})
            for name, value in run.metrics.items():
                if math.isfinite(value):
                    arm.setdefault(name, []).append(value)
        return {
            arm: {name: vars(summarise(numbers)).copy() for name, numbers in metrics.items()}
            for arm, metrics in values.items()
        }

    def plot(self, metric: str = "target_accuracy") -> Figure:
        """The arms compared by one metric: every seed, mean and spread, and published figures beside them."""
        from tlcore.plots.comparison import comparison

        preset = find_preset(self.preset)
        values: dict[str, list[float]] = {}
        for run in self.runs:
            if math.isfinite(run.metrics.get(metric, math.nan)):
                values.setdefault(run.arm, []).append(run.metrics[metric])
        published = {entry.arm: entry.value for entry in preset.published if entry.metric == metric}
        titles = {arm: spec.method.title for arm, spec in preset.arms.items()}
        return comparison(values, titles, published, metric=metric.replace("_", " "))

    def player(self, arms: Sequence[str] = (), *, seed: int | None = None, **view: Any) -> Player:
        """The feature-space player, to be looked at in a notebook: `result.player()` as the last line of a cell.

        arms: up to three, by default those that the preset shows side by side. seed: by default the first. view:
        projection, colour_by, step, theme, as in `tlcore.exports.View`.

        Raises:
            InvalidRequest: there is no such arm or seed, or its runs have no frames.
        """
        from tlcore.exports import View
        from tlcore.exports.film_page import Player

        return Player(_laid_out(self._sources(arms, seed)), View(**view))

    def export(
        self,
        output: Path | str,
        kind: str | None = None,
        *,
        arms: Sequence[str] = (),
        seed: int | None = None,
        force: bool = False,
        **view: Any,
    ) -> tuple[str, ...]:
        """Write runs to a file and return remarks on it: `result.export("film.html")`.

        kind: html, gif, mp4, png, svg, json, csv, npz, parquet, tensorboard or safetensors; by default the ending of
        the file's name. arms: by default those that the preset shows side by side; json, csv, npz, tensorboard and
        safetensors hold one run, whose arm must be named. force: replace a file that is there. view: projection,
        colour_by, step, theme, width.

        Raises:
            FileExists: the file is there.
            InvalidRequest: there is no such format, arm or seed; the runs have nothing to write in it.
            StoreError: the file cannot be written.
        """
        from tlcore.exports import View, export

        path, sources = Path(output), self._sources(arms, seed)
        wanted = kind or path.suffix.lstrip(".")
        sources = _laid_out(sources) if wanted in FILMS and (force or not path.exists()) else sources
        return export(sources, wanted, path, View(**view), force=force)

    def _sources(self, arms: Sequence[str], seed: int | None) -> list[Source]:
        from tlcore.exports import Source

        present = {(run.arm, run.seed): run.id for run in self.runs}
        wanted = list(arms) or [
            arm for arm in find_preset(self.preset).side_by_side if any(arm == found for found, _ in present)
        ] or [arm for arm, _ in present][:1]  # fmt: skip
        chosen = min((number for _, number in present), default=0) if seed is None else seed
        for arm in wanted:
            if (arm, chosen) not in present:
                raise InvalidRequest(f"This result has no run of arm '{arm}' with seed {chosen}.")
        return [Source(self.store, self.store.require(present[arm, chosen])) for arm in wanted]

    def document(self) -> dict[str, Any]:
        """The result as a JSON document; a run that did not finish also tells its state and reason."""
        rows = []
        for run in self.runs:
            metrics = {name: value if math.isfinite(value) else None for name, value in run.metrics.items()}
            row = {"id": run.id, "arm": run.arm, "seed": run.seed, "seconds": run.seconds, "metrics": metrics}
            rows.append(row if run.state == "finished" else row | {"state": run.state, "reason": run.reason})
        return {
            "preset": self.preset, "device": self.device, "seconds": self.seconds, "runs": rows,
            "summary": self.summary,
        }  # fmt: skip

    def table(self) -> str:
        """The summary as text, one line for each arm and metric."""
        lines = []
        for arm, metrics in self.summary.items():
            lines.append(arm)
            for name, figure in metrics.items():
                spread = "" if figure["sd"] is None else f" ± {figure['sd']:.4f}"
                lines.append(f"  {name:40} {figure['mean']:.4f}{spread}  (n = {figure['n']})")
        return "\n".join(lines)


def run(
    preset: str,
    *,
    seeds: int | None = None,
    seed: int = 0,
    changes: Mapping[str, Any] | None = None,
    arms: Sequence[str] = (),
    store: Store | Path | str | None = None,
    device: str = "auto",
    progress: ProgressReport | None = None,
) -> Result:
    """Train the arms of a preset on the seeds `seed` to `seed + seeds − 1` and wait for them.

    seeds: how many, by default the preset's own number. changes: parameters by name, as in
    `{"lambda_max": 0.5, "optimisation.learning_rate": 0.01}`. arms: only these. store: a folder. Runs that the store
    already holds are not trained again.

    Raises:
        InvalidRequest: there is no such preset, arm, parameter or device.
        StoreError, OutOfSpace: the store cannot be used.
        RunFailed: a run failed or was stopped; the message gives the reason. The others have been trained.
    """
    result = train_preset(
        preset, seeds=seeds, seed=seed, changes=changes, arms=arms, store=store, device=device, progress=progress
    )
    for one in result.runs:
        if one.state != "finished":
            raise RunFailed(f"{one.arm}, seed {one.seed}, {one.state}: {one.reason or 'by request'}")
    return result


def train_preset(
    preset: str,
    *,
    seeds: int | None = None,
    seed: int = 0,
    changes: Mapping[str, Any] | None = None,
    arms: Sequence[str] = (),
    store: Store | Path | str | None = None,
    device: str = "auto",
    progress: ProgressReport | None = None,
) -> Result:
    """As `run`, but a run that fails is part of the result. Interrupted (Ctrl-C), it stops the runs.

    Raises:
        InvalidRequest, StoreError, OutOfSpace: as `run`.
    """
    found = find_preset(preset)
    count = found.default_seeds if seeds is None else seeds
    if count < 1 or seed < 0:
        raise InvalidRequest("At least one seed is needed, and seeds are not negative.")
    unknown = [arm for arm in arms if arm not in found.arms]
    if unknown:
        raise InvalidRequest(f"{preset} has no arm '{unknown[0]}'; its arms are {', '.join(found.arms)}.")
    chosen = [
        (arm, number, spec)
        for arm, number, spec in found.specs(range(seed, seed + count), dict(changes or {}))
        if not arms or arm in arms
    ]
    where = store if isinstance(store, Store) else Store(store)
    every = override(found.arms, changes or {})
    executor = LocalExecutor(where)
    began = time.monotonic()
    submitted: list[tuple[str, int, str]] = []
    try:
        for arm, number, spec in chosen:
            for start, origin in named_starts(every, spec):
                executor.submit(origin, preset=preset, arm=start, device=device)
            submitted.append((arm, number, executor.submit(spec, preset=preset, arm=arm, device=device)))
        runs = _wait(where, executor, submitted, progress)
    except KeyboardInterrupt:
        for _, _, run_id in submitted:
            executor.stop(run_id)
        raise
    results = tuple(
        ResultRun(
            one.id, arm, number, one.state, one.reason, one.seconds, one.summary if one.state == "finished" else {}
        )
        for (arm, number, _), one in zip(submitted, runs, strict=True)
    )
    used = next((one.provenance["device"] for one in runs if "device" in one.provenance), device)
    return Result(preset, used, time.monotonic() - began, results, where)


def _wait(
    store: Store, executor: LocalExecutor, submitted: Sequence[tuple[str, int, str]], report: ProgressReport | None
) -> list[Run]:
    names = [f"{arm}, seed {seed}" for arm, seed, _ in submitted]
    while True:
        runs = [store.require(run_id) for _, _, run_id in submitted]
        if report:
            report(names, runs)
        if all(run.state in ENDED for run in runs):
            return runs
        executor.ensure_supervisor()
        time.sleep(POLL_SECONDS)


def _laid_out(sources: Sequence[Source]) -> list[Source]:
    """The runs once their films are laid out: that ends some seconds after the training. It is waited for a while."""
    from tlcore.exports import Source

    end = time.monotonic() + FILM_PATIENCE_SECONDS
    found = list(sources)
    while time.monotonic() < end:
        waiting = [store for store, run in found if not (run.projected or run.live or store.database.read_only)]
        if not waiting:
            break
        LocalExecutor(waiting[0]).ensure_supervisor()
        time.sleep(POLL_SECONDS)
        found = [
            source if source.run.projected else Source(source.store, source.store.require(source.run.id))
            for source in found
        ]
    return found


def player_of(*runs: str, store: Store | Path | str | None = None, **view: Any) -> Player:
    """The feature-space player of one to three runs of a store, for a notebook: `tlcore.player_of("6e687197")`.

    runs: identities, or the first digits of them; those that ship with the lab are found as well. view: projection,
    colour_by, step, theme, as in `tlcore.exports.View`.

    Raises:
        InvalidRequest: there is no such run, it has no frames, or the runs cannot be shown side by side.
    """
    from tlcore.exports import View
    from tlcore.exports.film_page import Player
    from tlcore.gallery import find_run

    return Player(_laid_out([find_run(run, store) for run in runs]), View(**view))
