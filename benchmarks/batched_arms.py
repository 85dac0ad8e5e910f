"""The arms of one split of layer transfer, trained one after another and together as one model, in one run.

Run as `python -m benchmarks.batched_arms [--device cuda] [--steps 100]`. Both ways learn the same from the same start;
reported are the seconds of a training step of all arms together, and processor time, which a busy machine distorts
less. Data and base networks are made before and not counted; both ways are warmed up. The table replaces that between
the marks in docs/benchmarks.md unless `--output -` sends it to the terminal alone.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import torch

from benchmarks.linear_probe import processor
from benchmarks.pages import PAGE, write
from tlcore.methods.layer_transfer import train_arms_together
from tlcore.methods.registry import METHODS
from tlcore.presets.layer_transfer import BASE, BASE_A, GLYPHS, split_arm
from tlcore.specs import RunSpec, RunStart, override
from tlcore.training.context import Cadence, Context
from tlcore.training.events import Finished
from tlcore.training.preparation import prepare

BEGIN, END = "<!-- batched_arms: written by benchmarks/batched_arms.py -->", "<!-- end of batched_arms -->"
TITLE = """Arms trained together

`python -m benchmarks.batched_arms`: arms of one split of `layer-transfer/glyphs`, one after another through the step
loop that every method shares (with no looks at the model between), and those with the same frozen layers stacked into
one model (`torch.func`)."""
GROUPS = {
    "the ten that learn on (BnB+, AnB+)": ("BnB+", "AnB+"),
    "the fifteen with frozen layers (BnB, AnB, random)": ("BnB", "AnB", "random"),
}


def finished(spec: RunSpec, context: Context) -> Mapping[str, torch.Tensor]:
    """The weights a run ends with."""
    return next(event.weights for event in METHODS[spec.method.name](spec, context) if isinstance(event, Finished))


def measured(work: Callable[[], object], device: torch.device) -> tuple[float, float]:
    """Seconds, and seconds of processor time."""
    if device.type == "cuda":
        torch.cuda.synchronize()
    worked, start = time.process_time(), time.perf_counter()
    work()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - start, time.process_time() - worked


def main() -> None:
    """Read the arguments, measure, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--output", default=str(PAGE), help="page to write the table into; - for none")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    device = torch.device(arguments.device)
    load = f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"
    arms = override(GLYPHS.arms, {"steps": arguments.steps, "evaluations": 1, "frames": 1, "probe_points": 20})
    prepared = {
        half: prepare(arms[arm], device=device, precision=torch.float32).context.data
        for half, arm in (("A", BASE_A), ("B", BASE))
    }

    def context(spec: RunSpec, weights: Mapping[str, torch.Tensor] | None) -> Context:
        silent = Cadence(spec.budget.steps, spec.budget.steps, frozenset(), frozenset())
        return Context(device, torch.float32, prepared[spec.data.half], silent, weights)  # type: ignore[union-attr]

    bases = {arms[arm].content_hash: finished(arms[arm], context(arms[arm], None)) for arm in (BASE_A, BASE)}

    def with_context(arm: str) -> tuple[RunSpec, Context]:
        spec = arms[arm]
        start = bases[spec.start.spec.content_hash] if isinstance(spec.start, RunStart) else None
        return spec, context(spec, start)

    lines = []
    for title, curves in GROUPS.items():
        chosen = [arm for arm in arms if (point := split_arm(arm)) and point[0] in curves]
        singly: list[tuple[float, float]] = []
        together: list[tuple[float, float]] = []
        for counted in [False] + [True] * arguments.rounds:
            one = measured(lambda: [finished(*with_context(arm)) for arm in chosen], device)  # noqa: B023
            pairs = [with_context(arm) for arm in chosen]
            other = measured(lambda: train_arms_together(*map(list, zip(*pairs, strict=True))), device)  # type: ignore[arg-type]  # noqa: B023
            if counted:
                singly.append(one)
                together.append(other)
        for way, figures in (("one after another", singly), ("together", together)):
            seconds, work = (
                [1000 * value / arguments.steps for value in column] for column in zip(*figures, strict=True)
            )
            spread = f"{min(seconds):.0f} to {max(seconds):.0f}"
            lines.append(
                f"| {title} | {way} | {statistics.median(seconds):.0f} | {spread} | {statistics.median(work):.0f} |"
            )
    name = torch.cuda.get_device_name() if device.type == "cuda" else f"{processor()}, {arguments.threads} thread(s)"
    text = "\n".join(
        [
            f"{time.strftime('%Y-%m-%d')}, {name}, Python {sys.version.split()[0]}, torch {torch.__version__}. Load "
            f"average before: {load}. {arguments.steps} steps of 128, float32, {arguments.rounds} rounds.",
            "",
            "| arms | trained | ms a step of all arms, median | fastest and slowest | processor ms, median |",
            "|---|---|---|---|---|",
            *lines,
        ]
    )
    print(text)
    if arguments.output != "-":
        write(text, Path(arguments.output), BEGIN, END, TITLE)


if __name__ == "__main__":
    main()
