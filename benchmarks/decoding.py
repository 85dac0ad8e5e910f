"""Pictures a second: our import and its mapped file, and torchvision's ImageFolder with a DataLoader's workers.

Run as `python -m benchmarks.decoding --folder FOLDER` where FOLDER has one folder a class, or train/ and val/ around
such folders. The table replaces that between the marks in docs/benchmarks.md unless `--output -` sends it to the
terminal alone.

All contenders make the same squares of bytes: shorter side to the size, centre cut out, bilinear with antialiasing.
They take turns in one run, so that what else the machine does hits all of them alike; the figure of each is the median
over the rounds. The workers of the loaders are started, and have had one round, before any is timed; an import is timed
whole, with looking for duplicates and writing. The files are in the system's cache for all. `--enlarge 3000` also
measures photographs as large as a camera's, made of the same ones.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import PIL
import torch
import torchvision
from PIL import Image
from torch.utils.data import ConcatDataset, DataLoader, Dataset
from torchvision.transforms import v2

from benchmarks.pages import PAGE, write
from tlcore.data.own.folders import FolderFiles
from tlcore.data.own.library import import_pictures, remove_own
from tlcore.data.own.manifest import open_array, read_manifest
from tlcore.data.own.places import own_folder
from tlcore.processors import usable_cores

BEGIN, END = "<!-- decoding: written by benchmarks/decoding.py -->", "<!-- end of decoding -->"
BATCH = 64
ENLARGED_OF_A_FOLDER = 16
NAME = "measured"
IMPORT, MAPPED = "ours: import, the first time", "ours: batches from the mapped file, ever after"


def image_folder(folder: Path, side: int) -> Dataset[tuple[torch.Tensor, int]]:
    """ImageFolder as it is usually written, over all parts of the folder."""
    transform = v2.Compose([v2.Resize(side), v2.CenterCrop(side), v2.PILToTensor()])
    parts = [folder / name for name in ("train", "val", "test") if (folder / name).is_dir()] or [folder]
    return ConcatDataset([torchvision.datasets.ImageFolder(str(part), transform) for part in parts])


def loader_round(dataset: Dataset[tuple[torch.Tensor, int]], workers: int) -> Callable[[], int]:
    """One pass over a DataLoader that keeps its workers; returns how many pictures came."""
    loader = DataLoader(
        dataset, BATCH, shuffle=True, num_workers=workers, persistent_workers=workers > 0, drop_last=False
    )
    return lambda: sum(len(pictures) for pictures, _ in loader)


def import_round(folder: Path, side: int, number: list[int]) -> Callable[[], int]:
    """An import under a new name each time."""

    def once() -> int:
        number[0] += 1
        if number[0] > 1:
            remove_own(f"{NAME}-{side}-{number[0] - 1}")
        return import_pictures(FolderFiles(folder), f"{NAME}-{side}-{number[0]}", side=side).total

    return once


def mapped_round(side: int, number: list[int]) -> Callable[[], int]:
    """Random batches of the pictures that were imported last, copied out of the mapped file."""

    def once() -> int:
        folder = own_folder() / f"{NAME}-{side}-{number[0]}"
        array = open_array(folder, read_manifest(folder))
        order = torch.randperm(len(array))
        return sum(len(torch.from_numpy(array[rows.sort().values.numpy()])) for rows in order.split(BATCH))

    return once


Round = tuple[float, float]  # pictures a second, and milliseconds of this process's processor time a picture


def measure(folder: Path, side: int, workers: list[int], rounds: int) -> dict[str, list[Round]]:
    """Speed and cost of each contender in each round."""
    dataset, number = image_folder(folder, side), [0]
    turns: dict[str, Callable[[], int]] = {
        f"ImageFolder, DataLoader with {count} workers": loader_round(dataset, count) for count in workers
    }
    turns |= {IMPORT: import_round(folder, side, number), MAPPED: mapped_round(side, number)}
    for turn in turns.values():
        turn()
    speeds: dict[str, list[Round]] = {name: [] for name in turns}
    for _ in range(rounds):
        for name, turn in turns.items():
            start, busy = time.perf_counter(), time.process_time()
            count = turn()
            seconds, busy = time.perf_counter() - start, time.process_time() - busy
            speeds[name].append((count / seconds, 1000 * busy / count))
    remove_own(f"{NAME}-{side}-{number[0]}")
    return speeds


def table(side: int, rounds: dict[str, list[Round]]) -> str:
    """Pictures a second, how many times the fastest loader that is, and what a picture costs the processor.

    The cost is told of what works in one process alone; other work on the machine distorts it less.
    """
    speeds = {name: [speed for speed, _ in values] for name, values in rounds.items()}
    costs = {name: statistics.median(cost for _, cost in values) for name, values in rounds.items()}
    medians = {name: statistics.median(values) for name, values in speeds.items()}
    reference = max(value for name, value in medians.items() if name not in (IMPORT, MAPPED))
    lines = [
        f"| {side} × {side} | pictures a second, median | slowest and fastest round | × the fastest loader | "
        "processor time a picture |",
        "|---|---|---|---|---|",
    ]
    for name, values in speeds.items():
        span = f"{min(values):,.0f} to {max(values):,.0f}"
        cost = f"{costs[name]:.2f} ms" if "DataLoader" not in name or " 0 workers" in name else ""
        lines.append(f"| {name} | {medians[name]:,.0f} | {span} | {medians[name] / reference:.2f} | {cost} |")
    return "\n".join(lines)


def describe(folder: Path) -> str:
    """Machine and pictures, for the reader of the figures."""
    files = FolderFiles(folder)
    size = sum(files.size(name) for name in files.names) / len(files.names)
    load = f" Load average before: {os.getloadavg()[0]:.1f}." if hasattr(os, "getloadavg") else ""
    return (
        f"{time.strftime('%Y-%m-%d')}, {processor()}, {usable_cores()} cores, "
        f"Python {platform.python_version()}, Pillow {PIL.__version__}, torch {torch.__version__}, "
        f"torchvision {torchvision.__version__}. "
        f"{len(files.names):,} pictures of {size / 1000:.0f} kB on average ({folder.name}).{load}"
    )


def processor() -> str:
    """What the processor is called."""
    facts = Path("/proc/cpuinfo")
    lines = facts.read_text().splitlines() if facts.is_file() else []
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def enlarged(folder: Path, destination: Path, longer: int) -> Path:
    """The first pictures of each folder as JPEGs whose longer side has so many pixels."""
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        target = (destination / file.relative_to(folder)).with_suffix(".jpg")
        target.parent.mkdir(parents=True, exist_ok=True)
        if len(list(target.parent.iterdir())) < ENLARGED_OF_A_FOLDER:
            with Image.open(file) as image:
                scale = longer / max(image.size)
                size = (round(image.width * scale), round(image.height * scale))
                image.convert("RGB").resize(size, Image.Resampling.BICUBIC).save(target, quality=90)
    return destination


def main() -> None:
    """Read the arguments, measure, and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True, help="pictures, one folder a class")
    parser.add_argument("--sides", type=int, nargs="+", default=[224, 64], help="sizes of the squares, in pixels")
    parser.add_argument("--enlarge", type=int, default=0, help="also with pictures so many pixels wide; 0: no")
    parser.add_argument("--workers", type=int, nargs="+", default=[0, usable_cores()], help="workers of the loaders")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each contender")
    parser.add_argument("--output", default=str(PAGE), help="page to write the tables into; - for none")
    arguments = parser.parse_args()
    text = []
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["TLCORE_DATA"] = f"{scratch}/data"
        folders = [arguments.folder]
        if arguments.enlarge:
            folders.append(
                enlarged(arguments.folder, Path(scratch) / f"{arguments.folder.name}, enlarged", arguments.enlarge)
            )
        for folder in folders:
            text.append(f"{describe(folder)} {arguments.rounds} rounds in turn, batches of {BATCH}.")
            print(text[-1], flush=True)
            for side in arguments.sides:
                text.append(table(side, measure(folder, side, arguments.workers, arguments.rounds)))
                print(text[-1], flush=True)
    if arguments.output != "-":
        write("\n\n".join(text), Path(arguments.output), BEGIN, END, "Decoding pictures")


if __name__ == "__main__":
    main()
