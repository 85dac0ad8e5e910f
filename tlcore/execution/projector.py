"""`python -m tlcore.execution.projector --store DIR`: turns recorded features into frames, apart from the training.

PCA at once, UMAP after it, runs that train before runs that have ended, the newest first and turn by turn. When a run
has ended its whole film is laid out once more. It ends when its standard input closes.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import threading
import time
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from tlcore.errors import OutOfSpace, StoreError
from tlcore.execution.locks import FileLock
from tlcore.runs import ENDED, Frame, Notice, Run, Store

LOGGER = logging.getLogger("tlcore.projector")
LOCK = "projector.lock"
TICK_SECONDS = 0.1
RUNS_IN_TURN = 4
FILMS_KEPT = 8
PROJECTIONS = ("pca", "umap")

Features = npt.NDArray[np.float32]


class FrameProjector(Protocol):
    """Projects one frame after another and remembers the one before."""

    def project(self, features: Features) -> npt.NDArray[np.float32]:
        """Project features (N, D) to points (N, 2); raises ValueError for features that cannot be projected."""


class Film:
    """The frames of one run in one projection, in the order of their steps."""

    def __init__(self, store: Store, run: Run, projection: str) -> None:
        self.store = store
        self.run = run
        self.projection = projection
        self.last_step = -1
        self.refused: set[int] = set()  # steps whose features cannot be projected
        self._projector = self._new_projector()

    def _new_projector(self) -> FrameProjector:
        if self.projection == "pca":
            from tlcore.projection.pca import PcaProjector

            return PcaProjector()
        from tlcore.projection.umap import UmapProjector

        return UmapProjector(seed=self.run.spec.seed)

    def project(self, step: int) -> None:
        """Project the features of one step and record the frame; earlier frames are projected first."""
        if step <= self.last_step:  # the run went back to a checkpoint and recorded anew
            self._projector, self.last_step = self._new_projector(), -1
        for earlier in self.store.feature_steps(self.run.id):
            if self.last_step < earlier <= step:
                self._project(earlier)

    def _project(self, step: int) -> None:
        recorded = self.store.features(self.run.id, step)
        self.last_step = step
        if recorded is None:
            return
        features, predictions = recorded
        try:
            points = self._projector.project(features)
        except ValueError as error:
            self.refused.add(step)
            text = f"The features at step {step} cannot be shown as points: {error}"
            self.store.record_notice(self.run.id, Notice(step, "warning", "projection_impossible", text))
            return
        self.store.record_frames(self.run.id, [Frame(step, self.projection, points, predictions)])


class Projector:
    """Finds what is to be projected, and decides what comes first."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._films: dict[tuple[str, str], Film] = {}
        self._served: dict[str, float] = {}
        self._version: int | None = None

    def work(self) -> bool:
        """Do one piece of work: one frame, or the layout of one film. Returns whether there was any."""
        runs = self._unprojected_runs()
        for projection in PROJECTIONS:
            for run in self._in_turn(runs):
                step = self._missing_step(run, projection)
                if step is not None:
                    self._served[run.id] = time.monotonic()
                    self._film(run, projection).project(step)
                    return True
        for run in self._in_turn(runs):
            if run.state in ENDED:
                self._lay_out(run)
                return True
        return False

    def changed(self) -> bool:
        """Whether the store has changed since this was asked last."""
        version = self.store.database.rows("PRAGMA data_version")[0][0]
        changed = version != self._version
        self._version = version
        return changed

    def _unprojected_runs(self) -> list[Run]:
        rows = self.store.database.rows(
            "SELECT id FROM runs WHERE projected = 0 AND state != 'queued' "
            "ORDER BY state = 'running' DESC, created DESC LIMIT ?",
            2 * RUNS_IN_TURN,
        )
        found = [self.store.get(row[0]) for row in rows]
        return [run for run in found if run is not None]

    def _in_turn(self, runs: list[Run]) -> list[Run]:
        live = [run for run in runs if run.state == "running"]
        first = (live or runs)[:RUNS_IN_TURN]
        first.sort(key=lambda run: self._served.get(run.id, 0.0))
        return first + [run for run in runs if run not in first]

    def _missing_step(self, run: Run, projection: str) -> int | None:
        refused = self._film(run, projection).refused
        rows = self.store.database.rows(
            "SELECT step FROM features WHERE run = ? AND step NOT IN "
            "(SELECT step FROM frames WHERE run = ? AND projection = ? AND layout = 0) ORDER BY step",
            run.id, run.id, projection,
        )  # fmt: skip
        return next((row[0] for row in rows if row[0] not in refused), None)

    def _film(self, run: Run, projection: str) -> Film:
        key = (run.id, projection)
        if key not in self._films:
            if len(self._films) >= FILMS_KEPT * len(PROJECTIONS):
                oldest = min(self._films, key=lambda other: self._served.get(other[0], 0.0))
                del self._films[oldest]
            self._films[key] = Film(self.store, run, projection)
        return self._films[key]

    def _lay_out(self, run: Run) -> None:
        """Lay the whole film out with care, now that all its frames are known."""
        from tlcore.projection.film import lay_out_film

        recorded = {step: self.store.features(run.id, step) for step in self.store.feature_steps(run.id)}
        usable = {
            step: pair for step, pair in recorded.items() if pair is not None and bool(np.isfinite(pair[0]).all())
        }
        frames = []
        if len(usable) > 1:
            try:
                points = lay_out_film([features for features, _ in usable.values()], seed=run.spec.seed)
            except ValueError as error:
                text = f"The whole film cannot be laid out anew: {error}"
                self.store.record_notice(run.id, Notice(run.step, "warning", "film_not_laid_out", text))
            else:
                frames = [
                    Frame(step, "umap", placed, predictions, layout=1)
                    for (step, (_, predictions)), placed in zip(usable.items(), points, strict=True)
                ]
        with self.store.database.transaction():
            # Not if the run goes on meanwhile: its film would end before its end.
            if self.store.change(run.id, only=[run.state], projected=True):
                self.store.record_frames(run.id, frames)
        for projection in PROJECTIONS:
            self._films.pop((run.id, projection), None)
        self._served.pop(run.id, None)


def serve(folder: Path) -> None:
    """Project until standard input closes."""
    import torch

    torch.set_num_threads(1)
    store = Store(folder)
    lock = FileLock(folder / LOCK)
    while not lock.acquire(str(os.getpid()), patience=60.0):
        LOGGER.info("another projector works for this store; waiting")
    from tlcore.projection.umap import UmapProjector

    UmapProjector().warm_up()
    projector = Projector(store)
    last_look = 0.0
    while True:
        try:
            # Features may have been written just before the version was read, so look now and then regardless.
            if projector.changed() or time.monotonic() - last_look > 2.0:
                last_look = time.monotonic()
                while projector.work():
                    pass
        except OutOfSpace as error:
            LOGGER.warning("%s", error)
            time.sleep(10.0)
        except StoreError as error:
            LOGGER.error("%s", error)
            time.sleep(2.0)
        time.sleep(TICK_SECONDS)


def _end_with_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(0)  # every write is a transaction: nothing can be left half done


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m tlcore.execution.projector", description=__doc__)
    parser.add_argument("--store", type=Path, required=True, help="folder of the store")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if hasattr(os, "nice"):
        os.nice(10)
    serve(arguments.store)


if __name__ == "__main__":
    main()
