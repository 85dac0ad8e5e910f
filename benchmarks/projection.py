"""How fast UMAP frames are, how still they stay, and how true, against independent UMAP fits.

    python benchmarks/projection.py [--frames 12] [--seeds 3] [--quick]

Prints Markdown tables: for three films the displacement of points whose features hardly changed (root mean square
radius of the frame before = 1), trustworthiness and neighbour preservation for 15 neighbours, and seconds a frame.
"""

from __future__ import annotations

import argparse
import os
import platform
import time
import warnings

import numpy as np
import numpy.typing as npt
import torch
from sklearn.datasets import load_digits

from tlcore.projection.alignment import align
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


def trained_digits(frames: int, seed: int, steps_a_frame: int = 15) -> Film:
    """The 100 hidden units of a small network while it learns the handwritten digits."""
    torch.manual_seed(seed)
    digits = load_digits()
    pictures = torch.from_numpy(digits.data.astype(np.float32) / 16.0)
    labels = torch.from_numpy(digits.target)
    extractor = torch.nn.Sequential(torch.nn.Linear(64, 100), torch.nn.ReLU(), torch.nn.Linear(100, 100), torch.nn.ReLU())
    head = torch.nn.Linear(100, 10)
    optimiser = torch.optim.SGD([*extractor.parameters(), *head.parameters()], lr=0.05, momentum=0.9)
    film = []
    for _ in range(frames):
        film.append(extractor(pictures).detach().numpy().copy())
        for _ in range(steps_a_frame):
            batch = torch.randint(len(pictures), (128,))
            loss = torch.nn.functional.cross_entropy(head(extractor(pictures[batch])), labels[batch])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
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
