"""A store with runs whose films are known to the last point."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from tlcore.exports import Source
from tlcore.runs import Frame, Probe, Store
from tlcore.specs import Budget, Dann, RunSpec, SourceOnly

STEPS = (0, 10, 20)
COUNT = 24
NAMES = ("nought", "one", "two")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "store")
    yield store
    store.database.close()


@pytest.fixture
def recorded(store: Store) -> Callable[..., Source]:
    """Put a finished run into the store: `recorded(method=…, names=…, steps=…, points=…)`."""

    def record(
        method: object = None,
        *,
        names: tuple[str, ...] = NAMES,
        steps: tuple[int, ...] = STEPS,
        projections: tuple[str, ...] = ("pca", "umap"),
        thumbnails: bool = True,
        features: bool = True,
        change: Callable[[np.ndarray], np.ndarray] = lambda points: points,
        seed: int = 0,
        probe_seed: int = 0,
    ) -> Source:
        identity = store.add(RunSpec(method=method or Dann(), budget=Budget(steps=20), seed=seed), arm="arm")
        random = np.random.default_rng(probe_seed)
        labels = np.arange(COUNT, dtype=np.int16) % len(names)
        domains = (np.arange(COUNT) % 2).astype(np.int8)
        pictures = random.integers(0, 255, (COUNT, 3, 8, 8), dtype=np.uint8) if thumbnails else None
        store.record_probe(identity, Probe(labels, domains, names, pictures))
        for step in steps:
            predictions = ((labels + (np.arange(COUNT) < 20 - step)) % len(names)).astype(np.int16)
            base = np.stack([np.arange(COUNT) % 5 + step / 10, np.arange(COUNT) / 3.0], axis=1)
            for place, projection in enumerate(projections):
                points = base + place
                if projection.endswith("-3d"):
                    points = np.column_stack([points, np.arange(COUNT) % 7])
                frame = Frame(step, projection, change(points.astype(np.float32)), predictions)
                store.record_frames(identity, [frame])
            if features:
                values = random.normal(size=(COUNT, 6)).astype(np.float32)
                store.record_features(identity, step, values, predictions)
            store.record_metrics(
                identity,
                [(step, {"target_accuracy": 0.5 + step / 100, "domain_accuracy": 0.9, "grl_lambda": step / 20})],
            )
        store.change(
            identity, state="finished", step=20, ended=1_795_000_000.0, provenance={"device": "cpu", "cores": 2}
        )
        return Source(store, store.require(identity))

    return record


@pytest.fixture
def pair(recorded: Callable[..., Source]) -> list[Source]:
    """Source-only and DANN on the same points."""
    return [recorded(SourceOnly()), recorded(Dann())]
