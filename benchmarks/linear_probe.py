"""From a folder of photographs to a trained linear classifier, the first time and the second, as whole processes.

Run as `python -m benchmarks.linear_probe --data FOLDER` where FOLDER has hymenoptera/ inside and torch/ with
SqueezeNet's weights under hub/checkpoints (or name it in TLCORE_REAL_DATA). Each process is started anew and timed
from outside, with the start of Python and all imports; processor time is given too, which a busy machine distorts
less. The first begins with an empty data folder: it decodes the photographs, loads torch and the weights, computes the
features and fits. The second finds what it has kept. The table replaces that between the marks in docs/benchmarks.md
unless `--output -` sends it to the terminal alone.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.pages import PAGE, write
from tlcore.processors import usable_cores

BEGIN, END = "<!-- linear_probe: written by benchmarks/linear_probe.py -->", "<!-- end of linear_probe -->"
TITLE = """From a folder to a linear classifier

`python -m benchmarks.linear_probe --data FOLDER`: the 398 photographs of ants and bees in `hymenoptera` (245 to learn
from, 153 held out), features of SqueezeNet 1.0 before its last layer, a linear support vector machine whose C is chosen
by cross-validation on the 245. Whole processes, timed from outside: the start of Python and all imports count."""


def once(folder: Path, architecture: str) -> None:
    """What one process does; its result as one line of JSON."""
    from tlcore.data.own.folders import FolderFiles
    from tlcore.specs.network import Pretrained
    from tlcore.training.linear_probe import probe_folder

    result = probe_folder(FolderFiles(folder), Pretrained(architecture=architecture))  # type: ignore[arg-type]
    facts = {
        "accuracy": result.accuracy,
        "train": result.train_count,
        "held_out": result.held_out_count,
        "penalty": result.probe.penalty,
        "unreadable": [file for file, _ in result.unreadable],
        "torch": "torch" in sys.modules,
    }
    print(json.dumps(facts))


def timed(folder: Path, architecture: str, data: str, torch_home: Path) -> tuple[float, float, dict]:
    """Seconds, seconds of processor time, and result of one process."""
    environment = os.environ | {"TLCORE_DATA": data, "TORCH_HOME": str(torch_home)}
    command = [sys.executable, "-m", "benchmarks.linear_probe", "--once", str(folder), "--architecture", architecture]
    worked, start = processor_seconds(), time.perf_counter()
    answer = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[1]
    )
    return time.perf_counter() - start, processor_seconds() - worked, json.loads(answer.stdout)


def processor_seconds() -> float:
    """What all cores together have worked for processes that were started here and have ended."""
    times = os.times()
    return times.children_user + times.children_system


def processor() -> str:
    """The processor's name, for the reader of the figures."""
    facts = Path("/proc/cpuinfo")
    lines = facts.read_text().splitlines() if facts.is_file() else []
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown processor"
    )


def row(title: str, figures: list[tuple[float, float]], digits: int) -> str:
    """One line of the table."""
    seconds, work = zip(*figures, strict=True)
    median, spread = statistics.median(seconds), f"{min(seconds):.{digits}f} to {max(seconds):.{digits}f}"
    return f"| {title} | {median:.{digits}f} | {spread} | {statistics.median(work):.{digits}f} |"


def main() -> None:
    """Read the arguments, measure, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--data", default=os.environ.get("TLCORE_REAL_DATA"), help="folder with hymenoptera/ and torch/"
    )
    parser.add_argument("--architecture", default="squeezenet1_0")
    parser.add_argument("--rounds", type=int, default=3, help="how often the whole is measured from an empty folder")
    parser.add_argument("--output", default=str(PAGE), help="page to write the table into; - for none")
    parser.add_argument("--once", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.once:
        once(arguments.once, arguments.architecture)
        return
    if not arguments.data:
        parser.error("name the folder by --data or in TLCORE_REAL_DATA")
    folder, torch_home = Path(arguments.data) / "hymenoptera", Path(arguments.data) / "torch"
    load = f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"
    first: list[tuple[float, float]] = []
    second: list[tuple[float, float]] = []
    result: dict = {}
    for _ in range(arguments.rounds):
        with tempfile.TemporaryDirectory() as data:
            *figures, result = timed(folder, arguments.architecture, data, torch_home)
            first.append((figures[0], figures[1]))
            *figures, again = timed(folder, arguments.architecture, data, torch_home)
            second.append((figures[0], figures[1]))
            if again["accuracy"] != result["accuracy"] or again["torch"]:
                raise SystemExit("The second time differs from the first, or needed torch.")
    cores = usable_cores()
    text = "\n".join(
        [
            f"{time.strftime('%Y-%m-%d')}, {processor()}, {cores} cores, Python {sys.version.split()[0]}. "
            f"Load average before: {load}. {arguments.architecture}, {arguments.rounds} rounds.",
            "",
            "| | seconds, median | fastest and slowest | processor seconds of all cores, median |",
            "|---|---|---|---|",
            row("the first time", first, 1),
            row("the second time", second, 2),
            "",
            f"Held-out accuracy {result['accuracy']:.3f} ({result['train']} pictures to learn from, "
            f"{result['held_out']} held out, C = {result['penalty']:g}; one fit, nothing chosen by the held-out part).",
        ]
    )
    print(text)
    if arguments.output != "-":
        write(text, Path(arguments.output), BEGIN, END, TITLE)


if __name__ == "__main__":
    main()
