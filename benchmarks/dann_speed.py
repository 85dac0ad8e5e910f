"""Steps a second of our DANN and of the loop that is usually written, on MNIST → MNIST-M, and what both learn.

Run as `python -m benchmarks.dann_speed --data FOLDER` where FOLDER has MNIST/ and BSDS500/ inside (or name it in
TLCORE_DATA). `--device cuda` measures on a GPU, `--train-steps 3000 --seeds 3` compares accuracies with more patience,
`--train-steps 0` leaves them out. The tables replace those between the marks in docs/benchmarks.md unless
`--output -` sends them to the terminal alone.

The contenders take turns, each in a process of its own, so that what else the machine does hits all of them alike;
the figure of each is the median over the rounds. The usual loop is two `DataLoader`s over PIL pictures with per-sample
transforms of torchvision, float32, and `.item()` on what is reported, as most published code of DANN on digits: source
and target pass the network one after the other, and MNIST-M is one PNG file a picture. The rows below it show what
passing both at once saves, and what having the data as tensors. Nothing is read from a disk, and no loop validates.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import torch
import torchvision

from benchmarks.pages import PAGE, write
from benchmarks.usual_loop import BATCH, UsualLoop, indexed, loaded
from tlcore.data import load_pair
from tlcore.data.dataset import PairData
from tlcore.execution.machine import choose_device, choose_precision, provenance
from tlcore.methods.registry import METHODS
from tlcore.presets.domain_adversarial import MNIST_MNISTM
from tlcore.processors import usable_cores
from tlcore.specs import Dann, Optimisation, PaperMnist, RunSpec, override
from tlcore.training.events import Advanced, Metrics
from tlcore.training.preparation import prepare

USUAL_0 = "usual: two DataLoaders, 0 workers, float32"
USUAL_2 = "usual: two DataLoaders, 2 workers each, float32"
ONE_PASS = "usual, 0 workers, both domains in one pass"
LONG = 1_000_000  # steps of a run that is only timed
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


def usual(device: torch.device, workers: int | None, one_pass: bool = False) -> Advance:
    """The usual loop with so many workers a loader, or with None fed from tensors."""
    spec = usual_spec(LONG, 0)
    data = load_pair(spec.data, 0)
    mean = mean_of(data)
    if workers is None:
        batches = indexed(data.source.train, mean, device), indexed(data.target.train, mean, device)
    else:
        batches = loaded(data, mean, workers, device)
    return UsualLoop(*batches, device, spec, one_pass).advance


CONTENDERS: dict[str, Callable[[torch.device], Advance]] = {
    USUAL_0: lambda device: usual(device, 0),
    USUAL_2: lambda device: usual(device, 2),
    ONE_PASS: lambda device: usual(device, 0, one_pass=True),
    "usual, one pass, data as one tensor": lambda device: usual(device, None, one_pass=True),
    "ours, float32": lambda device: ours(device, torch.float32),
    "ours, bfloat16": lambda device: ours(device, torch.bfloat16),
}


class Contender:
    """One loop in a process of its own: what one sets for itself, another does not profit from."""

    def __init__(self, name: str, device: torch.device, threads: int) -> None:
        arguments = (name, str(device), threads)
        context = multiprocessing.get_context("spawn")
        self._process = ProcessPoolExecutor(1, context, initializer=_prepare_turns, initargs=arguments)

    def seconds(self, steps: int) -> float:
        """How long so many steps more take. All others wait meanwhile."""
        return self._process.submit(_take_turn, steps).result()

    def close(self) -> None:
        """End the process."""
        self._process.shutdown()


_turn: Callable[[int], float]  # in a contender's process


def _prepare_turns(name: str, device_name: str, threads: int) -> None:
    global _turn
    torch.set_num_threads(threads)
    device = torch.device(device_name)
    advance = CONTENDERS[name](device)

    def turn(steps: int) -> float:
        wait(device)
        start = time.perf_counter()
        advance(steps)
        wait(device)
        return time.perf_counter() - start

    _turn = turn


def _take_turn(steps: int) -> float:
    return _turn(steps)


def time_in_turns(device: torch.device, rounds: int, steps: int) -> dict[str, list[float]]:
    """Steps a second of each contender in each round."""
    names = [name for name in CONTENDERS if "bfloat16" not in name or choose_precision("auto", device) != torch.float32]
    contenders = {name: Contender(name, device, torch.get_num_threads()) for name in names}
    speeds: dict[str, list[float]] = {name: [] for name in names}
    for contender in contenders.values():
        contender.seconds(10)
    for _ in range(rounds):
        for name, contender in contenders.items():
            contender.seconds(5)  # uses up what workers have prepared while others had their turn
            speeds[name].append(steps / contender.seconds(steps))
    for contender in contenders.values():
        contender.close()
    return speeds


def mean_of(data: PairData) -> torch.Tensor:
    """Mean of each channel (3, 1, 1) of the source's training pictures, which both loops subtract."""
    return data.source.train.inputs.float().mean((0, 2, 3)).div(255)[:, None, None]


def wait(device: torch.device) -> None:
    """Until the device has done what it was told."""
    if device.type == "cuda":
        torch.cuda.synchronize()


Result = tuple[float, float, float]


def train_usual(seed: int, steps: int, workers: int, device_name: str, threads: int) -> Result:
    """Source accuracy, target accuracy and seconds of the usual loop."""
    torch.set_num_threads(threads)
    device, spec = torch.device(device_name), usual_spec(steps, seed)
    data = load_pair(spec.data, seed)
    mean = mean_of(data)
    loop = UsualLoop(*loaded(data, mean, workers, device), device, spec)
    start = time.perf_counter()
    loop.advance(steps)
    seconds = time.perf_counter() - start
    return loop.accuracy(data.source.test, mean), loop.accuracy(data.target.test, mean), seconds


def train_ours(seed: int, steps: int, device_name: str, threads: int) -> Result:
    """Source accuracy, target accuracy and seconds of our method, the last look at the model left out."""
    torch.set_num_threads(threads)
    device, spec = torch.device(device_name), usual_spec(steps, seed)
    prepared = prepare(spec, device=device, precision=choose_precision("auto", device))
    prepared.context.cadence.evaluation_steps = frozenset({steps})
    prepared.context.cadence.frame_steps = frozenset()
    accuracies, start = {}, time.perf_counter()
    for event in METHODS["dann"](spec, prepared.context):
        if isinstance(event, Advanced) and event.step == steps - 1:
            seconds = (time.perf_counter() - start) * steps / max(1, steps - 1)
        for told in prepared.evaluator.score(event):
            if isinstance(told, Metrics):
                accuracies.update(told.values)
    return accuracies["source_accuracy"], accuracies["target_accuracy"], seconds


def train_both(seeds: int, steps: int, workers: int, device: torch.device) -> dict[str, list[Result]]:
    """Both loops for so many steps, seed by seed, each in a process of its own."""
    results: dict[str, list[Result]] = {"usual": [], "ours": []}
    threads = torch.get_num_threads()
    for seed in range(seeds):
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), max_tasks_per_child=1) as process:
            usual_run = process.submit(train_usual, seed, steps, workers, str(device), threads)
            results["usual"].append(usual_run.result())
            results["ours"].append(process.submit(train_ours, seed, steps, str(device), threads).result())
        print(f"seed {seed}: { ({name: runs[-1] for name, runs in results.items()}) }", flush=True)
    return results


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


def speed_table(speeds: dict[str, list[float]]) -> str:
    """Steps a second of each contender, and how many times the faster of the usual loops that is."""
    medians = {name: statistics.median(values) for name, values in speeds.items()}
    reference = max(medians[USUAL_0], medians[USUAL_2])
    lines = ["| loop | steps a second, median | slowest and fastest round | × the usual loop |", "|---|---|---|---|"]
    for name, values in speeds.items():
        span = f"{min(values):.1f} to {max(values):.1f}"
        lines.append(f"| {name} | {medians[name]:.1f} | {span} | {medians[name] / reference:.2f} |")
    return "\n".join(lines)


def accuracy_table(results: dict[str, list[Result]], steps: int) -> str:
    """What both learn in the same number of steps, over seeds, and how long that takes."""
    usual_seconds = np.mean([seconds for _, _, seconds in results["usual"]])
    lines = [
        "| loop | source accuracy | target accuracy | seconds | steps a second | × the usual loop |",
        "|---|---|---|---|---|---|",
    ]
    for name, runs in results.items():
        source, target, seconds = ([run[column] for run in runs] for column in range(3))
        mean = np.mean(seconds)
        times = f"{mean:.0f} | {steps / mean:.1f} | {usual_seconds / mean:.2f}"
        lines.append(f"| {name} | {spread(source)} | {spread(target)} | {times} |")
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
    speeds = time_in_turns(device, arguments.rounds, arguments.steps)
    text = [
        f"{machine} Batches of {BATCH} + {BATCH}; {arguments.rounds} rounds of {arguments.steps} steps in turn.",
        speed_table(speeds),
    ]
    print(text[-1], flush=True)
    if arguments.train_steps:
        medians = {name: statistics.median(values) for name, values in speeds.items()}
        workers = 2 if medians[USUAL_2] > medians[USUAL_0] else 0
        results = train_both(arguments.seeds, arguments.train_steps, workers, device)
        text.append(f"After {arguments.train_steps} steps, {arguments.seeds} seeds (mean ± standard deviation):")
        text.append(accuracy_table(results, arguments.train_steps))
        print(text[-1])
    if arguments.output != "-":
        write("\n\n".join(text), Path(arguments.output), BEGIN, END)


if __name__ == "__main__":
    main()
