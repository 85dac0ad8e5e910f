"""`python -m benchmarks.zero_shot`: ESZSL at the size of AwA2, and what a changed description costs before it is sent.

ESZSL: 30,000 examples of 2,048 features, 50 classes with 85 attributes, made by chance; seconds of the whole solution,
and how far it is from one by a general solver of linear equations. A changed description: drawing the animal, scoring
it and all others on 400 pictures, and placing it, as the page does in the web process. Processor seconds are those of
all threads together, which a busy machine distorts less. The table replaces that between the marks in
docs/benchmarks.md unless `--output -` sends it to the terminal alone.
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

from benchmarks.linear_probe import processor
from benchmarks.pages import PAGE, write
from tlcore.analysis.eszsl import eszsl
from tlcore.catalogue.creature_table import creature_table
from tlcore.catalogue.creatures.render import draw_creature
from ui.zero_shot_model import AskableModel

BEGIN, END = "<!-- zero_shot: written by benchmarks/zero_shot.py -->", "<!-- end of zero_shot -->"
EXAMPLES, FEATURES, CLASSES, ATTRIBUTES = 30_000, 2_048, 50, 85
PICTURES, ROUNDS, SIDE = 400, 5, 192


def main() -> None:
    """Measure, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", default=str(PAGE), help="page to write the table into; - for none")
    output = parser.parse_args().output
    random = np.random.default_rng(0)
    features = random.normal(size=(EXAMPLES, FEATURES)).astype(np.float32)
    labels, vectors = random.integers(0, CLASSES, EXAMPLES), random.random((CLASSES, ATTRIBUTES))
    rows = [row("ESZSL, AwA2's size", lambda: eszsl(features, labels, vectors, 1000.0, 1.0))]
    small = features[:2_000, :200], labels[:2_000], vectors
    apart = np.abs(eszsl(*small, 10.0, 1.0) - by_general_solver(*small, 10.0, 1.0)).max()
    model, description = made_model(random)
    rows.append(row("a changed description, in the server", lambda: change(model, description)))
    load = f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"
    text = "\n".join(
        [
            f"{processor()}, {os.cpu_count()} cores, NumPy {np.__version__}; load average {load} when it began. Median "
            f"of {ROUNDS} rounds. ESZSL differs from a general solver by at most {apart:.1e} in any entry "
            "(2,000 × 200).\n",
            "| what | seconds | from … to | processor seconds |",
            "|---|---:|---:|---:|",
            *rows,
        ]
    )
    print(text)
    if output != "-":
        write(text, Path(output), BEGIN, END, "Zero-shot learning")


def row(title: str, work: Callable[[], Any]) -> str:
    """One line of the table."""
    seconds, processor_seconds = [], []
    for _ in range(ROUNDS):
        begun, worked = time.perf_counter(), time.process_time()
        work()
        seconds.append(time.perf_counter() - begun)
        processor_seconds.append(time.process_time() - worked)
    spread = f"{min(seconds):.3f} to {max(seconds):.3f}"
    return f"| {title} | {statistics.median(seconds):.3f} | {spread} | {statistics.median(processor_seconds):.3f} |"


def by_general_solver(features: Any, labels: Any, vectors: Any, gamma: float, lam: float) -> Any:
    """The same equations, written out: (XXᵀ + γI) V (SSᵀ + λI) = X Y Sᵀ with examples and classes in columns."""
    x, s = features.T.astype(np.float64), vectors.T
    wanted = np.where(labels[:, None] == np.arange(len(vectors)), 1.0, -1.0)
    left = np.linalg.solve(x @ x.T + gamma * np.eye(len(x)), x @ wanted @ s.T)
    return np.linalg.solve((s @ s.T + lam * np.eye(len(s))).T, left.T).T


def made_model(random: np.random.Generator) -> tuple[AskableModel, Any]:
    """A model of the drawn animals as large as the page's, its numbers made by chance; and a description."""
    table = creature_table()
    classes, width = table.values.shape
    weights = {
        "vectors": table.values.astype(np.float64), "centre": table.values.mean(0),
        "evidence_of_probe": random.normal(size=(PICTURES, width)),
        "description_map.weight": random.normal(size=(64, width)),
    }  # fmt: skip
    model = AskableModel(
        method="margin", names=tuple(map(str, range(classes))), attributes=table.attributes,
        seen=np.arange(classes) < classes - 18, labels=random.integers(0, classes, PICTURES), weights=weights,
        points=None, to_plane=None, drawn=True, thumbnails=None,
    ).on(random.normal(size=(PICTURES + classes, 2)))  # fmt: skip
    return model, table.values[2].astype(np.float64)


def change(model: AskableModel, description: Any) -> None:
    """What the page computes when a description has changed."""
    draw_creature(description, SIDE, [2, 1], clean=True)
    model.scores(np.vstack([model.vectors, description])).argmax(axis=1)
    model.place(description)


if __name__ == "__main__":
    main()
