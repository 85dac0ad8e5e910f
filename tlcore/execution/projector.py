"""`python -m tlcore.execution.projector --store DIR`: turns recorded features into frames, apart from the training.

PCA at once, UMAP and each point's nearest neighbours after it and once umap-learn is ready; runs that train before
runs that have ended, the newest first and turn by turn. When a run has ended its whole film is laid out once more, in
the plane and in space, and measured, one frame at a time whenever nothing else is to be done. It ends when its standard
input closes.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from tlcore.errors import OutOfSpace, StoreError
from tlcore.execution.locks import FileLock
from tlcore.execution.logs import set_up_process
from tlcore.execution.priority import yield_to_others
from tlcore.runs import ENDED, FilmQuality, Frame, Neighbours, Notice, Run, Store

if TYPE_CHECKING:
    from tlcore.projection.live import ProjectFrame

LOGGER = logging.getLogger("tlcore.projector")
LOCK = "projector.lock"
TICK_SECONDS = 0.1
RUNS_IN_TURN = 4
FILMS_KEPT = 8
LINEAR = ("pca", "pca-3d")  # what they show of a frame does not depend on later ones: laid out once
PROJECTIONS = (*LINEAR, "umap")

Features = npt.NDArray[np.float32]


def readable_features(store: Store, run: Run, step: int) -> tuple[Features, npt.NDArray[np.int16]] | None:
    """The features (N, D) and predictions (N,) of one step; None, and a notice, where the record is damaged.

    Raises StoreError where the store does not answer at all.
    """
    try:
        return store.features(run.id, step)
    except StoreError as error:
        text = f"The features at step {step} cannot be read: {error}"
        store.record_notice(run.id, Notice(step, "warning", "features_damaged", text))  # fails where the store does
        return None


class Film:
    """The frames of one run in one projection, in the order of their steps."""

    def __init__(self, store: Store, run: Run, projection: str) -> None:
        self.store = store
        self.run = run
        self.projection = projection
        self.last_step = -1
        self.refused: set[int] = set()  # steps whose features cannot be projected
        self._project_frame = self._new_film()
        self._described = Described(store, run)

    def _new_film(self) -> ProjectFrame:
        from tlcore.projection.live import new_film  # takes seconds the first time

        return new_film(self.projection, self.run.spec.seed)

    def project(self, step: int) -> None:
        """Project the features of one step and record the frame; earlier frames are projected first."""
        if step <= self.last_step:  # the run went back to a checkpoint and recorded anew
            self._project_frame, self.last_step = self._new_film(), -1
            self.refused.clear()
        for earlier in self.store.feature_steps(self.run.id):
            if self.last_step < earlier <= step:
                self._project(earlier)

    def _project(self, step: int) -> None:
        recorded = readable_features(self.store, self.run, step)
        self.last_step = step
        if recorded is None:
            self.refused.add(step)
            return
        features, predictions = recorded
        try:
            points, nearest = self._project_frame(features)
        except ValueError as error:
            self.refused.add(step)
            text = f"The features at step {step} cannot be shown as points: {error}"
            self.store.record_notice(self.run.id, Notice(step, "warning", "projection_impossible", text))
            return
        with self.store.database.transaction():
            self.store.record_frames(self.run.id, [Frame(step, self.projection, points, predictions)])
            if nearest is not None:
                self.store.record_neighbours(self.run.id, self._described.among(step, nearest, features))


class Described:
    """The neighbours of a run's probe points, with the nearest descriptions among them where classes have any."""

    def __init__(self, store: Store, run: Run) -> None:
        self._store, self._run = store, run
        self._points: npt.NDArray[np.bool_] | None = None

    def among(
        self, step: int, nearest: npt.NDArray[np.integer], features: npt.NDArray[np.float32]
    ) -> Neighbours:  # fmt: skip
        """What is recorded at a step; see `with_descriptions`."""
        if self._points is None:
            probe = self._store.probe(self._run.id)
            self._points = np.zeros(len(features), dtype=bool) if probe is None else probe.described
        if not self._points.any() or len(self._points) != len(features):
            return Neighbours(step, nearest)
        from tlcore.projection.neighbours import with_descriptions

        return Neighbours(step, with_descriptions(nearest, features, self._points).astype(nearest.dtype))


class CarefulLayout:
    """The film of a run that has ended, on its way to being laid out with care: one frame at a time, the last first."""

    def __init__(self, store: Store, run: Run) -> None:
        from tlcore.projection.film import CarefulFilm

        self.store = store
        self.run = run
        self._left = store.feature_steps(run.id)
        self._film = CarefulFilm(run.spec.seed)
        self._live = {name: self._recorded_points(name) for name in LINEAR}
        self._neighbours_known = set(store.neighbour_steps(run.id))
        self._laid_out: list[tuple[int, npt.NDArray[np.int16]]] = []  # steps and predictions
        self._neighbours: list[Neighbours] = []
        self._described = Described(store, run)

    def _recorded_points(self, projection: str) -> dict[int, npt.NDArray[np.float32]]:
        try:
            return {frame.step: frame.points for frame in self.store.frames(self.run.id, projection)}
        except StoreError as error:
            about = {"run": self.run.id, "projection": projection}
            LOGGER.warning("%s %s is not measured: %s", self.run.id, projection, error, extra=about)
            return {}

    def advance(self) -> bool:
        """Lay out the next frame; returns whether there was one."""
        if not self._left:
            return False
        step = self._left.pop()
        recorded = readable_features(self.store, self.run, step)
        if recorded is None or not bool(np.isfinite(recorded[0]).all()):
            return True
        features, predictions = recorded
        live = {name: points[step] for name, points in self._live.items() if step in points}
        others = {name: points for name, points in live.items() if len(points) == len(features)}
        try:
            nearest = self._film.add(features, others)
        except ValueError as error:
            text = f"The whole film cannot be laid out anew: {error}"
            self.store.record_notice(self.run.id, Notice(self.run.step, "warning", "film_not_laid_out", text))
            self._left, self._laid_out, self._neighbours = [], [], []
            return True
        self._laid_out.append((step, predictions))
        if nearest is not None and step not in self._neighbours_known:
            self._neighbours.append(self._described.among(step, nearest, features))
        return True

    def record(self) -> None:
        """Record the film and how good it is, all at once; nothing if the run goes on: its film would end too early."""
        frames: list[Frame] = []
        qualities: list[FilmQuality] = []
        if self._laid_out:
            placed = self._film.points()
            for name, film in placed.items():
                for (step, predictions), points in zip(reversed(self._laid_out), film, strict=True):
                    frames.append(Frame(step, name, points, predictions, layout=1))
            for name, values in self._film.quality(placed).items():
                qualities.append(FilmQuality(name, 0 if name in LINEAR else 1, values))
        with self.store.database.transaction():
            if not self.store.change(self.run.id, only=[self.run.state], projected=True):
                return
            self.store.record_frames(self.run.id, frames)
            for neighbours in self._neighbours:
                self.store.record_neighbours(self.run.id, neighbours)
            for quality in qualities:
                self.store.record_film_quality(self.run.id, quality)


class Projector:
    """Finds what is to be projected, and decides what comes first."""

    def __init__(self, store: Store, ready: Callable[[], bool] = lambda: True) -> None:
        """ready: whether UMAP can be computed without waiting for it to be imported and compiled."""
        self.store = store
        self._ready = ready
        self._films: dict[tuple[str, str], Film] = {}
        self._served: dict[str, float] = {}
        self._version: int | None = None
        self._careful: CarefulLayout | None = None
        self.latest = ""
        """What was done last: a projection, or a film laid out with care."""

    def work(self) -> bool:
        """Project one frame, or lay out one frame of a film once more; returns whether there was any to do."""
        runs = self._unprojected_runs()
        ready = self._ready()
        for projection in PROJECTIONS if ready else LINEAR:
            for run in self._in_turn(runs):
                step = self._missing_step(run, projection)
                if step is not None:
                    self._served[run.id] = time.monotonic()
                    self._film(run, projection).project(step)
                    self.latest = projection
                    return True
        return ready and self._work_with_care(self._in_turn(runs))

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

    def _work_with_care(self, runs: list[Run]) -> bool:
        """Lay out one more frame of an ended run's film, now that all its frames are known; one film at a time."""
        if self._careful is not None:
            begun = self._careful.run
            run = self.store.get(begun.id)
            if run is None or (run.state, run.ended, run.step) != (begun.state, begun.ended, begun.step):
                self._careful = None  # deleted, or gone on since
        if self._careful is None:
            ended = next((run for run in runs if run.state in ENDED), None)
            if ended is None:
                return False
            self._careful = CarefulLayout(self.store, ended)
        self.latest = "film"
        if not self._careful.advance():
            finished, self._careful = self._careful, None
            finished.record()
            for projection in PROJECTIONS:
                self._films.pop((finished.run.id, projection), None)
            self._served.pop(finished.run.id, None)
        return True


def serve(folder: Path) -> None:
    """Project until standard input closes."""
    import torch

    torch.set_num_threads(1)
    store = Store(folder)
    lock = FileLock(folder / LOCK)
    while not lock.acquire(str(os.getpid()), patience=60.0):
        LOGGER.info("another projector works for this store; waiting")
    from tlcore.projection.umap import UmapProjector

    warming = threading.Thread(target=UmapProjector().warm_up, daemon=True)
    warming.start()
    LOGGER.info("ready")
    projector = Projector(store, lambda: not warming.is_alive())
    warm = yields = False
    last_look = 0.0
    while True:
        try:
            just_warmed = not warm and not warming.is_alive()
            warm = warm or just_warmed
            # Features may have been written just before the version was read, so look now and then regardless.
            if projector.changed() or just_warmed or time.monotonic() - last_look > 2.0:
                last_look = time.monotonic()
                while projector.work():
                    # Somebody waits for the first pictures; the others are made beside what trains.
                    if not yields and projector.latest not in LINEAR:
                        yield_to_others()
                        yields = True
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
    set_up_process()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    serve(arguments.store)


if __name__ == "__main__":
    main()
