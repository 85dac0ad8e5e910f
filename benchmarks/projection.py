"""How fast UMAP frames are, how still they stay, and how true, against independent UMAP fits.

    python -m benchmarks.projection [--store FOLDER] [--film "trained digits"] [--frames 12] [--seeds 2]

Without `--film` it measures the features of a recorded run: the newest that has finished in the store, or, without
`--store`, photo-digits by DANN, which it trains first. Four films that are made for the purpose can be asked for.
Measured are the displacement of points whose features hardly changed (root mean square radius of the frame before = 1),
trustworthiness and neighbour preservation for 15 neighbours, averaged over the frames, and processor seconds a frame,
all on one thread. The tables replace those between the marks in docs/benchmarks.md unless `--output -`.
"""

from __future__ import annotations

import argparse
import itertools
import os
import platform
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from sklearn.datasets import load_digits

from benchmarks.pages import PAGE, write
from tlcore.projection.alignment import align
from tlcore.projection.film import lay_out_film
from tlcore.projection.pca import PcaProjector
from tlcore.projection.quality import faithfulness, stability, unmoved_points
from tlcore.projection.umap import UmapProjector
from tlcore.runs import Store

Film = list[npt.NDArray[np.float32]]
BEGIN, END = "<!-- projection: written by benchmarks/projection.py -->", "<!-- end of projection -->"


def drifting_clusters(frames: int, seed: int, points: int = 2000, features: int = 50) -> Film:
    """Ten clusters, of which the five odd ones travel across the space while the even ones stay where they are."""
    generator = np.random.default_rng(seed)
    centres = 4.0 * generator.normal(size=(10, features))
    labels = np.arange(points) % 10
    spread = generator.normal(size=(points, features))
    travel = np.where((labels % 2 == 1)[:, None], 4.0 * generator.normal(size=(10, features))[labels], 0.0)
    times = np.linspace(0.0, 1.0, frames)
    return [(centres[labels] + spread + moment * travel).astype(np.float32) for moment in times]


def merging_domains(frames: int, seed: int, points: int = 2000, features: int = 50) -> Film:
    """Ten classes in two domains: the target's clusters travel onto the source's, as adaptation means them to."""
    generator = np.random.default_rng(seed)
    centres, offsets = 4.0 * generator.normal(size=(10, features)), 2.0 * generator.normal(size=(10, features))
    labels, domains = np.arange(points) % 10, np.arange(points) // 10 % 2
    start = centres[labels] + generator.normal(size=(points, features))
    travel = domains[:, None] * offsets[labels]
    return [(start + (1.0 - moment) * travel).astype(np.float32) for moment in np.linspace(0.0, 1.0, frames)]


def rotated_digits(frames: int, seed: int) -> Film:
    """The handwritten digits, each picture's 64 pixels slowly turned in pixel space, some directions faster."""
    generator = np.random.default_rng(seed)
    pixels = load_digits().data.astype(np.float64)
    pixels -= pixels.mean(axis=0)
    basis = np.linalg.qr(generator.normal(size=(64, 64)))[0]
    speeds = np.linspace(0.0, np.pi / 4, 32)
    pairs = (pixels @ basis).reshape(len(pixels), 32, 2)
    film = []
    for moment in np.linspace(0.0, 1.0, frames):
        cosine, sine = np.cos(speeds * moment), np.sin(speeds * moment)
        turned = np.stack([pairs[..., 0] * cosine, pairs[..., 0] * sine + pairs[..., 1]], axis=-1)
        film.append(turned.reshape(len(pixels), 64).astype(np.float32))
    return film


def trained_digits(frames: int, seed: int, steps_a_frame: int = 10) -> Film:
    """The 100 hidden units of a small network while it learns the handwritten digits, after a first 300 steps."""
    torch.manual_seed(seed)
    digits = load_digits()
    pictures = torch.from_numpy(digits.data.astype(np.float32) / 16.0)
    labels = torch.from_numpy(digits.target)
    first, second = torch.nn.Linear(64, 100), torch.nn.Linear(100, 100)
    extractor = torch.nn.Sequential(first, torch.nn.ReLU(), second, torch.nn.ReLU())
    head = torch.nn.Linear(100, 10)
    optimiser = torch.optim.SGD([*extractor.parameters(), *head.parameters()], lr=0.05)
    film = []
    # In the first steps every point moves, and none is left to measure stillness by.
    for steps in [300] + [steps_a_frame] * (frames - 1):
        for _ in range(steps):
            batch = torch.randint(len(pictures), (128,))
            loss = torch.nn.functional.cross_entropy(head(extractor(pictures[batch])), labels[batch])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        film.append(extractor(pictures).detach().numpy().copy())
    return film


def recorded_run(folder: Path) -> tuple[str, Film]:
    """The features of the newest finished run in a store, and what that run is."""
    store = Store(folder)
    run = store.runs(["finished"])[-1]
    found = [store.features(run.id, step) for step in store.feature_steps(run.id)]
    return f"{run.preset}, {run.arm}, seed {run.spec.seed}", [pair[0] for pair in found if pair is not None]


def independent_umap(film: Film, seed: int, dimensions: int) -> Film:
    """One umap-learn fit a frame with default settings and one seed, then aligned to the frame before."""
    import umap

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fits = [umap.UMAP(n_components=dimensions, random_state=seed, n_jobs=1) for _ in film]
        points = [fit.fit_transform(features) for fit, features in zip(fits, film, strict=True)]
    for index in range(1, len(points)):
        points[index] = align(points[index], points[index - 1])
    return points


def warm_umap(film: Film, seed: int, dimensions: int) -> Film:
    """Each frame from the one before, as a live view does it."""
    projector = UmapProjector(dimensions, seed=seed)
    return [projector.project(features) for features in film]


def careful_umap(film: Film, seed: int, dimensions: int) -> Film:
    """From the last frame backwards, then calmed, as it is done when a run has ended."""
    return lay_out_film(film, seed, dimensions=dimensions)


def pca(film: Film, seed: int, dimensions: int) -> Film:
    """Principal components, turned onto the frame before."""
    projector = PcaProjector(dimensions)
    return [projector.project(features) for features in film]


MADE_FILMS = {
    "drifting clusters": drifting_clusters,
    "merging domains": merging_domains,
    "rotated digits": rotated_digits,
    "trained digits": trained_digits,
}
LAYOUTS: dict[str, Callable[[Film, int, int], Film]] = {
    "independent umap-learn fits, aligned": independent_umap,
    "live: each frame from the one before": warm_umap,
    "film: from the last frame backwards, calmed": careful_umap,
    "PCA": pca,
}


def measure(title: str, films: list[Film], text: list[str]) -> None:
    """Add one row for each layout in the plane and in space, averaged over the seeds: one film a seed."""
    count, width = films[0][0].shape
    unmoved = np.mean([unmoved_points(*pair).mean() for film in films for pair in itertools.pairwise(film)])
    text.append(
        f"{title}: {len(films[0])} frames of {count:,} points × {width} features; between two frames {unmoved:.0%} of "
        f"the points hardly change. Seeds: {len(films)}.\n"
    )
    text.append(
        "| dimensions | layout | displacement of unmoved points | × less | trustworthiness, all frames | last frame "
        "| neighbours kept | processor seconds a frame |\n|---|---|---|---|---|---|---|---|"
    )
    for dimensions in (2, 3):
        baseline = float("nan")
        for name, lay_out in LAYOUTS.items():
            rows = []
            for seed, film in enumerate(films):
                start = time.process_time()  # of one thread: other work on the machine distorts it less
                points = lay_out(film, seed, dimensions)
                seconds = (time.process_time() - start) / len(film)
                faithful = np.array(
                    [faithfulness(*pair)[""] for pair in zip(film, ({"": p} for p in points), strict=True)]
                )
                moved = stability(film, points)
                rows.append((np.nan if moved is None else moved, *faithful.mean(axis=0), faithful[-1, 0], seconds))
            moved, trust, kept, last, seconds = np.mean(rows, axis=0)
            baseline = moved if lay_out is independent_umap else baseline
            text.append(
                f"| {dimensions} | {name} | {moved:.4f} | {baseline / moved:.1f} | {trust:.4f} | {last:.4f} "
                f"| {kept:.3f} | {seconds:.3f} |"
            )
            print(text[-1], file=sys.stderr, flush=True)
    text.append("")


def measure_speed(text: list[str]) -> None:
    """Add the seconds of one warm-started frame of 2,000 points × 100 features, the median of seven."""
    generator = np.random.default_rng(0)
    features = (generator.normal(size=(10, 100))[np.arange(2000) % 10] * 3 + generator.normal(size=(2000, 100))).astype(
        np.float32
    )
    for dimensions in (2, 3):
        projector = UmapProjector(dimensions)
        projector.warm_up()
        start = time.process_time()
        projector.project(features)
        first = time.process_time() - start
        seconds, processor_seconds = [], []
        for _ in range(7):
            start, processor_start = time.perf_counter(), time.process_time()
            projector.project(features)
            seconds.append(time.perf_counter() - start)
            processor_seconds.append(time.process_time() - processor_start)
        text.append(
            f"UMAP of 2,000 points × 100 features in {dimensions} dimensions: first frame {first:.2f} s of processor "
            f"time, later frames {np.median(processor_seconds):.2f} s (on the clock {np.median(seconds):.2f} s)."
        )
    text.append("")


def main() -> None:
    """Read the arguments, name the hardware, and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", type=Path, help="measure the newest finished run of this store")
    parser.add_argument("--film", choices=list(MADE_FILMS), help="measure this film, which is made for the purpose")
    parser.add_argument("--frames", type=int, default=12, help="frames of such a film")
    parser.add_argument("--seeds", type=int, default=2, help="seeds of such a film")
    parser.add_argument("--output", default=str(PAGE), help="page to write the tables into; - for none")
    arguments = parser.parse_args()
    torch.set_num_threads(1)  # as the projector does
    load = f", load average {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    text = [
        f"{datetime.now(UTC):%Y-%m-%d}, {platform.machine()}, {os.cpu_count()} cores, one thread{load}, "
        f"Python {platform.python_version()}, torch {torch.__version__}.\n"
    ]
    measure_speed(text)
    if arguments.film:
        make = MADE_FILMS[arguments.film]
        measure(arguments.film, [make(arguments.frames, seed) for seed in range(arguments.seeds)], text)
    else:
        with tempfile.TemporaryDirectory(prefix="projection-") as temporary:
            folder = arguments.store or Path(temporary)
            if arguments.store is None:
                command = [sys.executable, "-m", "tlcore", "run", "domain-adversarial/photo-digits", "--arm", "dann"]
                subprocess.run([*command, "--seeds", "1", "--store", temporary], check=True, stdout=sys.stderr)
            title, film = recorded_run(folder)
        measure(title, [film], text)
    print("\n".join(text))
    if arguments.output != "-":
        write("\n".join(text).strip(), Path(arguments.output), BEGIN, END)


if __name__ == "__main__":
    main()
