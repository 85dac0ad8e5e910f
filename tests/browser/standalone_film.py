"""A film as large as the lab records them, for the tests that open it from disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tlcore.exports import Source
from tlcore.runs import Frame, Neighbours, Probe, Store
from tlcore.specs import Budget, Dann, RunSpec, SourceOnly

POINTS, FRAMES = 2000, 60
NAMES = (
    '<img src=x onerror="window.hacked=1">',
    "</script><script>window.hacked=2</script>",
    "\u2028line",
    "<!-- three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
)


def write_film(folder: Path, *, points: int = POINTS, frames: int = FRAMES) -> list[Source]:
    """Two finished runs on the same points: ten clouds that drift together, in PCA and UMAP."""
    store = Store(folder)
    random = np.random.default_rng(0)
    labels = (np.arange(points) % len(NAMES)).astype(np.int16)
    domains = (np.arange(points) // len(NAMES) % 2).astype(np.int8)
    coarse = random.integers(0, 255, (points, 3, 4, 4))
    pictures = np.clip(
        coarse.repeat(7, axis=2).repeat(7, axis=3) + random.integers(-12, 12, (points, 3, 28, 28)), 0, 255
    )
    sources = []
    for method in (SourceOnly(), Dann()):
        spec = RunSpec(method=method, budget=Budget(steps=100 * (frames - 1) or 1))
        run = store.add(spec, preset="domain-adversarial/photo-digits", arm=method.name)
        store.record_probe(run, Probe(labels, domains, NAMES, pictures.astype(np.uint8)))
        for projection in ("pca", "umap"):
            centres = random.normal(scale=5, size=(len(NAMES), 2))
            here = centres[labels] + random.normal(size=(points, 2)) + 4 * domains[:, None]
            film = []
            for number in range(frames):
                here = here + 0.03 * (centres[labels] - here) + random.normal(scale=0.12, size=(points, 2))
                wrong = random.random(points) < 0.4 * (1 - number / frames) + 0.02
                predictions = np.where(wrong, (labels + 1) % len(NAMES), labels).astype(np.int16)
                film.append(Frame(100 * number, projection, here.astype(np.float32), predictions))
            store.record_frames(run, film)
        steps = [100 * number for number in range(frames)]
        curves = {"target_accuracy": np.linspace(0.4, 0.9, frames), "domain_accuracy": np.linspace(1, 0.5, frames)}
        store.record_metrics(
            run, [(step, {name: float(values[at]) for name, values in curves.items()}) for at, step in enumerate(steps)]
        )
        near = np.stack([(np.arange(points) + shift) % points for shift in range(1, 9)], axis=1).astype(np.uint16)
        store.record_neighbours(run, Neighbours(steps[-1], near))
        store.change(
            run, state="finished", step=steps[-1], ended=1_795_000_000.0, provenance={"device": "cpu", "cores": 2}
        )
        sources.append(Source(store, store.require(run)))
    return sources
