"""Steps a second of our DANN and of the loop that is usually written, on MNIST → MNIST-M, and what both learn.

Run as `python -m benchmarks.dann_speed --data FOLDER` where FOLDER has MNIST/ and BSDS500/ inside (or name it in
TLCORE_DATA). `--device cuda` measures on a GPU, `--train-steps 3000 --seeds 3` compares accuracies with more patience,
`--train-steps 0` leaves them out. The tables replace those between the marks in docs/benchmarks.md unless
`--output -` sends them to the terminal alone.

The contenders take turns in one process, so that what else the machine does hits all of them alike; the figure of each
is the median over the rounds. The usual loop is two `DataLoader`s over PIL pictures with per-sample transforms of
torchvision, float32, and `.item()` on what is reported. It is given what it might miss: pictures already decoded in
memory, both domains in one forward pass, no validation.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torchvision

from benchmarks.usual_loop import BATCH, UsualLoop, indexed, loaded
from tlcore.data import load_pair
from tlcore.execution.machine import choose_device, choose_precision, provenance
from tlcore.execution.slots import usable_cores
from tlcore.methods.registry import METHODS
from tlcore.presets.domain_adversarial import MNIST_MNISTM
from tlcore.specs import Dann, Optimisation, PaperMnist, RunSpec, override
from tlcore.training.events import Advanced, Outputs
from tlcore.training.preparation import Prepared, prepare

LONG = 1_000_000  # steps of a run that is only timed
PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"
BEGIN, END = "<!-- dann_speed: written by benchmarks/dann_speed.py -->", "<!-- end of dann_speed -->"

Advance = Callable[[int], None]


def usual_spec(steps: int, seed: int) -> RunSpec:
    """The paper's network and schedules, looked at only at the end."""
    method = Dann(domain_hidden_layers=1, domain_hidden_units=100, batch_norm_statistics="joint")
    paper = {"method": method, "network": PaperMnist(), "optimisation": Optimisation(learning_rate=0.01)}
    arm = MNIST_MNISTM.arms["dann"].model_copy(update=paper)
    changes = {"steps": steps, "batch_size": BATCH, "evaluations": 1, "frames": 1, "seed": seed}
    return override({"dann": arm}, changes)["dann"]


def ours(device: torch.device, precision: torch.dtype) -> Advance:
    """Our method itself, pulled step by step; only the looks at held-out pictures are left out."""
    spec = usual_spec(LONG, 0)
    context = prepare(spec, device=device, precision=precision).context
    context.cadence.evaluation_steps = context.cadence.frame_steps = frozenset()
    context.cadence.metrics_every = 10  # as in a run of 4,000 steps
    events = METHODS["dann"](spec, context)

    def advance(steps: int) -> None:
        while steps:
            steps -= isinstance(next(events), Advanced)

    return advance


def contenders(data: Any, mean: torch.Tensor, device: torch.device) -> dict[str, Advance]:
    """What is timed, by name: first the usual ways, ours last."""
    spec = usual_spec(LONG, 0)
    source, target = data.source.train, data.target.train
    found: dict[str, Advance] = {}
    for workers in (0, 2):
        loaders = (loaded(dataset, mean, workers, device) for dataset in (source, target))
        found[f"usual: two DataLoaders, {workers} workers, float32"] = UsualLoop(*loaders, device, spec).advance
    tensors = (indexed(dataset, mean, device) for dataset in (source, target))
    found["usual step, data as one tensor, float32"] = UsualLoop(*tensors, device, spec).advance
    found["ours, float32"] = ours(device, torch.float32)
    precision = choose_precision("auto", device)
    if precision != torch.float32:
        found["ours, bfloat16"] = ours(device, precision)
    return found


def time_in_turns(found: dict[str, Advance], rounds: int, steps: int, device: torch.device) -> dict[str, list[float]]:
    """Steps a second of each contender in each round."""
    speeds: dict[str, list[float]] = {name: [] for name in found}
    for advance in found.values():
        advance(10)
    for _ in range(rounds):
        for name, advance in found.items():
            advance(5)  # uses up what workers have prepared while others had their turn
            wait(device)
            start = time.perf_counter()
            advance(steps)
            wait(device)
            speeds[name].append(steps / (time.perf_counter() - start))
    return speeds


def wait(device: torch.device) -> None:
    """Until the device has done what it was told."""
    if device.type == "cuda":
        torch.cuda.synchronize()


def train_both(seed: int, steps: int, workers: int, device: torch.device) -> dict[str, tuple[float, float, float]]:
    """Source accuracy, target accuracy and seconds after so many steps, of the usual loop and of ours."""
    data = load_pair(usual_spec(1, seed).data, seed)
    mean = data.source.train.inputs.float().mean((0, 2, 3)).div(255)[:, None, None]
    spec = usual_spec(steps, seed)
    start = time.perf_counter()
    loaders = (loaded(dataset, mean, workers, device) for dataset in (data.source.train, data.target.train))
    loop = UsualLoop(*loaders, device, spec)
    loop.advance(steps)
    seconds = time.perf_counter() - start
    usual = (loop.accuracy(data.source.test, mean), loop.accuracy(data.target.test, mean), seconds)
    prepared: Prepared = prepare(spec, device=device, precision=choose_precision("auto", device))
    prepared.context.cadence.evaluation_steps = frozenset({steps})
    prepared.context.cadence.frame_steps = frozenset()
    scores, start = {}, time.perf_counter()
    for event in METHODS["dann"](spec, prepared.context):
        if isinstance(event, Advanced) and event.step == steps - 1:
            seconds = time.perf_counter() - start
        elif isinstance(event, Outputs) and event.part == "test":
            labels = getattr(data, event.domain).test.labels.numpy()
            scores[event.domain] = float((event.logits.argmax(1) == labels).mean())
    return {"usual": usual, "ours": (scores["source"], scores["target"], seconds)}


def spread(values: list[float]) -> str:
    """Mean ± standard deviation."""
    return f"{np.mean(values):.3f} ± {np.std(values, ddof=1):.3f}" if len(values) > 1 else f"{values[0]:.3f}"


def describe(device: torch.device) -> str:
    """The machine, for the reader of the figures."""
    facts = provenance(device, choose_precision("auto", device))
    load = f" Load average before: {os.getloadavg()[0]:.1f}." if hasattr(os, "getloadavg") else ""
    return (
        f"{time.strftime('%Y-%m-%d')}, {facts['device']}: {facts['device_name']}, {usable_cores()} cores, "
        f"{facts['threads']} threads, {torch.backends.cpu.get_cpu_capability()}, Python {facts['python']}, "
        f"torch {facts['torch']}, torchvision {torchvision.__version__}.{load}"
    )


def write(text: str, page: Path) -> None:
    """Replace what stands between the marks, or append."""
    before = page.read_text() if page.exists() else "# Benchmarks\n"
    block = f"{BEGIN}\n{text}\n{END}"
    if BEGIN in before:
        head, rest = before.split(BEGIN, 1)
        page.write_text(head + block + rest.split(END, 1)[1])
    else:
        page.write_text(f"{before.rstrip()}\n\n{block}\n")


def speed_table(speeds: dict[str, list[float]]) -> str:
    """Steps a second of each contender, and how many times the faster of the usual loops that is."""
    medians = {name: statistics.median(values) for name, values in speeds.items()}
    reference = max(value for name, value in medians.items() if name.startswith("usual:"))
    lines = ["| loop | steps a second, median | slowest and fastest round | × the usual loop |", "|---|---|---|---|"]
    for name, values in speeds.items():
        span = f"{min(values):.1f} to {max(values):.1f}"
        lines.append(f"| {name} | {medians[name]:.1f} | {span} | {medians[name] / reference:.2f} |")
    return "\n".join(lines)


def accuracy_table(results: list[dict[str, tuple[float, float, float]]]) -> str:
    """What both learn in the same number of steps, over seeds."""
    lines = ["| loop | source accuracy | target accuracy | seconds |", "|---|---|---|---|"]
    for name in ("usual", "ours"):
        source, target, seconds = ([result[name][column] for result in results] for column in range(3))
        lines.append(f"| {name} | {spread(source)} | {spread(target)} | {np.mean(seconds):.0f} |")
    return "\n".join(lines)


def main() -> None:
    """Read the arguments, measure, and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", help="folder with MNIST/ and BSDS500/ inside; TLCORE_DATA if not given")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each contender")
    parser.add_argument("--steps", type=int, default=60, help="steps in each turn")
    parser.add_argument("--train-steps", type=int, default=600, help="steps after which accuracies are compared; 0: no")
    parser.add_argument("--seeds", type=int, default=3, help="seeds of that comparison")
    parser.add_argument("--threads", type=int, default=usable_cores(), help="threads of the training process")
    parser.add_argument("--output", default=str(PAGE), help="page to write the tables into; - for none")
    arguments = parser.parse_args()
    if arguments.data:
        os.environ["TLCORE_DATA"] = arguments.data
    torch.set_num_threads(arguments.threads)
    device = choose_device(arguments.device)
    machine = describe(device)
    print(machine, flush=True)
    data = load_pair(usual_spec(1, 0).data, 0)
    mean = data.source.train.inputs.float().mean((0, 2, 3)).div(255)[:, None, None]
    speeds = time_in_turns(contenders(data, mean, device), arguments.rounds, arguments.steps, device)
    text = [
        f"{machine} Batches of {BATCH} + {BATCH}; {arguments.rounds} rounds of {arguments.steps} steps in turn.",
        speed_table(speeds),
    ]
    print(text[-1], flush=True)
    if arguments.train_steps:
        usual = {name: statistics.median(values) for name, values in speeds.items() if name.startswith("usual:")}
        workers = 2 if max(usual, key=lambda name: usual[name]).endswith("2 workers, float32") else 0
        results = []
        for seed in range(arguments.seeds):
            results.append(train_both(seed, arguments.train_steps, workers, device))
            print(f"seed {seed}: {results[-1]}", flush=True)
        text.append(f"After {arguments.train_steps} steps, {arguments.seeds} seeds (mean ± standard deviation):")
        text.append(accuracy_table(results))
        print(text[-1])
    if arguments.output != "-":
        write("\n\n".join(text), Path(arguments.output))


if __name__ == "__main__":
    main()
