"""How fast UMAP frames are, how still they stay, and how true, against independent UMAP fits.

    python benchmarks/projection.py [--frames 12] [--seeds 2] [--film "trained digits"]

Prints Markdown tables: for four films the displacement of points whose features hardly changed (root mean square
radius of the frame before = 1), trustworthiness and neighbour preservation for 15 neighbours, and seconds a frame.
"""

from __future__ import annotations

import argparse
import itertools
import os
import platform
import time
import warnings

import numpy as np
import numpy.typing as npt
import torch
from sklearn.datasets import load_digits

from tlcore.projection.alignment import align
from tlcore.projection.film import lay_out_film
from tlcore.projection.pca import PcaProjector
from tlcore.projection.quality import neighbour_preservation, stability, trustworthiness, unmoved_points
from tlcore.projection.umap import UmapProjector

Film = list[npt.NDArray[np.float32]]


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


def independent_umap(film: Film, seed: int) -> Film:
    """One umap-learn fit a frame with default settings and one seed, then aligned to the frame before."""
    import umap

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        points = [umap.UMAP(random_state=seed, n_jobs=1).fit_transform(features) for features in film]
    for index in range(1, len(points)):
        points[index] = align(points[index], points[index - 1])
    return points


def warm_umap(film: Film, seed: int) -> Film:
    """Each frame from the one before, as a live view does it."""
    projector = UmapProjector(seed=seed)
    return [projector.project(features) for features in film]


def pca(film: Film, seed: int) -> Film:
    """Principal components, turned onto the frame before."""
    projector = PcaProjector()
    return [projector.project(features) for features in film]


FILMS = {
    "drifting clusters": drifting_clusters,
    "merging domains": merging_domains,
    "rotated digits": rotated_digits,
    "trained digits": trained_digits,
}
LAYOUTS = {
    "independent umap-learn fits, aligned": independent_umap,
    "live: each frame from the one before": warm_umap,
    "film: from the last frame backwards": lay_out_film,
    "PCA": pca,
}


def measure(frames: int, seeds: int, names: list[str]) -> None:
    """Print one row for each film and layout, averaged over the seeds."""
    print("| film (points × features) | unmoved | layout | displacement | ratio | trust | neighbours | s a frame |")
    print("|---|---|---|---|---|---|---|---|")
    for film_name in names:
        make = FILMS[film_name]
        films = [make(frames, seed) for seed in range(seeds)]
        size = f"{len(films[0][0])} × {films[0][0].shape[1]}"
        unmoved = np.mean([unmoved_points(*pair).mean() for film in films for pair in itertools.pairwise(film)])
        baseline = float("nan")
        for layout_name, lay_out in LAYOUTS.items():
            rows = []
            for seed, film in enumerate(films):
                start = time.perf_counter()
                points = lay_out(film, seed)
                seconds = (time.perf_counter() - start) / frames
                trust = np.mean([trustworthiness(*pair) for pair in zip(film, points, strict=True)])
                kept = np.mean([neighbour_preservation(*pair) for pair in zip(film, points, strict=True)])
                moved = stability(film, points)
                rows.append((np.nan if moved is None else moved, trust, kept, seconds))
            moved, trust, kept, seconds = np.mean(rows, axis=0)
            baseline = moved if lay_out is independent_umap else baseline
            print(
                f"| {film_name} ({size}) | {unmoved:.0%} | {layout_name} | {moved:.4f} | {baseline / moved:.1f} "
                f"| {trust:.4f} | {kept:.3f} | {seconds:.2f} |",
                flush=True,
            )


def measure_speed() -> None:
    """Print the seconds of one warm-started frame of 2,000 points × 100 features, the median of ten."""
    generator = np.random.default_rng(0)
    features = (generator.normal(size=(10, 100))[np.arange(2000) % 10] * 3 + generator.normal(size=(2000, 100))).astype(
        np.float32
    )
    projector = UmapProjector()
    start = time.perf_counter()
    projector.warm_up()
    warm_up = time.perf_counter() - start
    start = time.perf_counter()
    projector.project(features)
    first = time.perf_counter() - start
    seconds, processor_seconds = [], []
    for _ in range(10):
        start, processor_start = time.perf_counter(), time.process_time()
        projector.project(features)
        seconds.append(time.perf_counter() - start)
        processor_seconds.append(time.process_time() - processor_start)
    print(
        f"2,000 × 100: warm-up {warm_up:.2f} s, first frame {first:.2f} s, later frames {np.median(seconds):.3f} s.\n"
    )


def main() -> None:
    """Read the arguments, name the hardware, and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=12)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--film", choices=list(FILMS), help="only this film")
    arguments = parser.parse_args()
    load = f", load average {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    print(
        f"{platform.machine()}, {os.cpu_count()} cores{load}, "
        f"Python {platform.python_version()}, torch {torch.__version__}\n"
    )
    measure_speed()
    measure(arguments.frames, arguments.seeds, [arguments.film] if arguments.film else list(FILMS))


if __name__ == "__main__":
    main()
