"""What runs recorded, written and read: metrics, notices, probe points, frames and what belongs to them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from tlcore.errors import StoreError
from tlcore.runs.arrays import pack, unpack
from tlcore.runs.database import Database
from tlcore.runs.probe_columns import probe_columns, probe_of
from tlcore.runs.records import (
    Confusion,
    FilmQuality,
    Frame,
    Neighbours,
    Notice,
    Probe,
    Series,
    StepAnatomy,
    Surface,
)


class Recordings:
    """What runs tell, in the store. Writing raises OutOfSpace or StoreError and has then written nothing."""

    database: Database

    # Recording ----------------------------------------------------------------------------------------------------

    def record_metrics(self, run_id: str, points: Iterable[tuple[int, Mapping[str, float]]]) -> None:
        """Add metrics: pairs of a step and its named values. NaN is kept as NaN."""
        rows = [(run_id, name, step, value) for step, values in points for name, value in values.items()]
        with self.database.transaction() as connection:
            connection.executemany("INSERT OR REPLACE INTO metrics VALUES (?, ?, ?, ?)", rows)

    def record_notice(self, run_id: str, notice: Notice) -> None:
        """Add a notice; one of each code is kept, the latest."""
        with self.database.transaction() as connection:
            connection.execute("DELETE FROM notices WHERE run = ? AND code = ?", (run_id, notice.code))
            connection.execute(
                "INSERT INTO notices (run, step, level, code, text) VALUES (?, ?, ?, ?, ?)",
                (run_id, notice.step, notice.level, notice.code, notice.text),
            )

    def record_probe(self, run_id: str, probe: Probe) -> None:
        """Set the probe points of a run."""
        thumbnails = None if probe.thumbnails is None else pack(probe.thumbnails)
        labels, names = probe_columns(probe)
        with self.database.transaction() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO probes VALUES (?, ?, ?, ?, ?)",
                (run_id, pack(labels), pack(probe.domains), json.dumps(names), thumbnails),
            )

    def record_features(
        self, run_id: str, step: int, features: npt.NDArray[np.float32], predictions: npt.NDArray[np.int16]
    ) -> None:
        """Add the features (N, D) of the probe points, to be projected by whoever is free."""
        with self.database.transaction() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO features VALUES (?, ?, ?, ?)",
                (run_id, step, pack(features.astype(np.float16)), pack(predictions)),
            )

    def record_frames(self, run_id: str, frames: Iterable[Frame]) -> None:
        """Add frames, all in one transaction: a film laid out anew appears whole or not at all."""
        rows = [
            (run_id, frame.projection, frame.layout, frame.step, pack(frame.points), pack(frame.predictions))
            for frame in frames
        ]
        with self.database.transaction() as connection:
            connection.executemany("INSERT OR REPLACE INTO frames VALUES (?, ?, ?, ?, ?, ?)", rows)

    def record_surface(self, run_id: str, surface: Surface) -> None:
        """Add a function over the plane."""
        with self.database.transaction() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO surfaces VALUES (?, ?, ?, ?, ?)",
                (run_id, surface.name, surface.step, json.dumps(surface.extent), pack(surface.values)),
            )

    def record_confusion(self, run_id: str, confusion: Confusion) -> None:
        """Add a confusion matrix."""
        with self.database.transaction() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO confusions VALUES (?, ?, ?, ?)",
                (run_id, confusion.domain, confusion.step, pack(confusion.counts)),
            )

    def record_neighbours(self, run_id: str, neighbours: Neighbours) -> None:
        """Add the nearest neighbours of the probe points in the feature space of one step."""
        with self.database.transaction() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO neighbours VALUES (?, ?, ?)",
                (run_id, neighbours.step, pack(neighbours.indices)),
            )

    def record_film_quality(self, run_id: str, quality: FilmQuality) -> None:
        """Set how good the frames of one projection and layout are."""
        with self.database.transaction() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO film_quality VALUES (?, ?, ?, ?)",
                (run_id, quality.projection, quality.layout, json.dumps(dict(quality.values))),
            )

    def record_anatomy(self, run_id: str, anatomy: StepAnatomy) -> None:
        """Add a training step taken apart."""
        phases = json.dumps([[name, dict(values)] for name, values in anatomy.phases])
        with self.database.transaction() as connection:
            connection.execute("INSERT OR REPLACE INTO anatomies VALUES (?, ?, ?)", (run_id, anatomy.step, phases))

    # Reading ------------------------------------------------------------------------------------------------------

    def metrics(self, run_id: str, names: Sequence[str] = ()) -> dict[str, Series]:
        """The metrics of a run over its steps, all of them or those in `names`."""
        where = f"AND name IN ({','.join('?' * len(names))})" if names else ""
        rows = self.database.rows(
            f"SELECT name, step, value FROM metrics WHERE run = ? {where} ORDER BY name, step", run_id, *names
        )
        grouped: dict[str, tuple[list[int], list[float]]] = {}
        for name, step, value in rows:
            steps, values = grouped.setdefault(name, ([], []))
            steps.append(step)
            values.append(float("nan") if value is None else value)
        return {
            name: Series(name, np.asarray(steps, np.int64), np.asarray(values, np.float64))
            for name, (steps, values) in grouped.items()
        }

    def latest(self, run_id: str) -> dict[str, float]:
        """The last value of each metric."""
        rows = self.database.rows("SELECT name, value, max(step) FROM metrics WHERE run = ? GROUP BY name", run_id)
        return {row["name"]: float("nan") if row["value"] is None else row["value"] for row in rows}

    def notices(self, run_id: str) -> list[Notice]:
        """The notices of a run, by step."""
        rows = self.database.rows("SELECT * FROM notices WHERE run = ? ORDER BY step, id", run_id)
        return [Notice(row["step"], row["level"], row["code"], row["text"]) for row in rows]

    def probe(self, run_id: str) -> Probe | None:
        """The probe points of a run, or None before it has started."""
        rows = self.database.rows("SELECT * FROM probes WHERE run = ?", run_id)
        if not rows:
            return None
        return _probe(rows[0]["labels"], rows[0]["domains"], rows[0]["class_names"], rows[0]["thumbnails"])

    def feature_steps(self, run_id: str) -> list[int]:
        """The steps at which features were recorded."""
        return [row[0] for row in self.database.rows("SELECT step FROM features WHERE run = ? ORDER BY step", run_id)]

    def features(self, run_id: str, step: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int16]] | None:
        """Features (N, D) and predictions (N,) of the probe points at one step, or None."""
        rows = self.database.rows("SELECT * FROM features WHERE run = ? AND step = ?", run_id, step)
        if not rows:
            return None
        return unpack(rows[0]["features"]).astype(np.float32), unpack(rows[0]["predictions"])

    def projections(self, run_id: str) -> dict[str, tuple[int, int]]:
        """For each projection of a run: its newest layout, and how many frames that has."""
        rows = self.database.rows(
            "SELECT projection, layout, count(*) AS frames FROM frames WHERE run = ? GROUP BY projection, layout "
            "ORDER BY layout",
            run_id,
        )
        return {row["projection"]: (row["layout"], row["frames"]) for row in rows}

    def frames(
        self, run_id: str, projection: str, *, after_step: int = -1, damaged: list[int] | None = None
    ) -> list[Frame]:
        """The frames of the newest layout of one projection, by step, those after `after_step`.

        Frames that cannot be read are left out and their steps added to `damaged`; without such a list they raise
        StoreError.
        """
        rows = self.database.rows(
            "SELECT * FROM frames WHERE run = ? AND projection = ? AND step > ? AND layout = "
            "(SELECT max(layout) FROM frames WHERE run = ? AND projection = ?) ORDER BY step",
            run_id, projection, after_step, run_id, projection,
        )  # fmt: skip
        found = []
        for row in rows:
            try:
                points, predictions = _single(row["points"]), unpack(row["predictions"])
                if points.ndim != 2 or len(points) != len(predictions):
                    raise StoreError(f"The frame of run {run_id} at step {row['step']} is damaged.")
            except StoreError:
                if damaged is None:
                    raise
                damaged.append(row["step"])
            else:
                found.append(Frame(row["step"], row["projection"], points, predictions, row["layout"]))
        return found

    def surfaces(self, run_id: str, name: str | None = None) -> list[Surface]:
        """The functions over the plane that a run recorded, by step."""
        rows = self.database.rows(
            "SELECT * FROM surfaces WHERE run = ? AND name = coalesce(?, name) ORDER BY step, name", run_id, name
        )
        return [
            Surface(row["step"], row["name"], tuple(json.loads(row["extent"])), _single(row["field"])) for row in rows
        ]

    def neighbours(self, run_id: str, step: int | None = None) -> Neighbours | None:
        """The nearest neighbours at the last step recorded, up to `step` if it is given; None where there are none."""
        if self.database.format < 2:
            return None
        rows = self.database.rows(
            "SELECT * FROM neighbours WHERE run = ? AND step <= coalesce(?, step) ORDER BY step DESC LIMIT 1",
            run_id, step,
        )  # fmt: skip
        return Neighbours(rows[0]["step"], unpack(rows[0]["indices"])) if rows else None

    def neighbour_steps(self, run_id: str) -> list[int]:
        """The steps at which nearest neighbours were recorded."""
        if self.database.format < 2:
            return []
        return [row[0] for row in self.database.rows("SELECT step FROM neighbours WHERE run = ? ORDER BY step", run_id)]

    def film_quality(self, run_id: str, projection: str) -> FilmQuality | None:
        """How good the newest layout of a projection is for which that was measured, or None."""
        if self.database.format < 2:
            return None
        rows = self.database.rows(
            "SELECT * FROM film_quality WHERE run = ? AND projection = ? ORDER BY layout DESC LIMIT 1",
            run_id, projection,
        )  # fmt: skip
        return FilmQuality(projection, rows[0]["layout"], json.loads(rows[0]["content"])) if rows else None

    def anatomy(self, run_id: str) -> StepAnatomy | None:
        """The latest training step that was taken apart, or None."""
        if self.database.format < 2:
            return None
        rows = self.database.rows("SELECT * FROM anatomies WHERE run = ? ORDER BY step DESC LIMIT 1", run_id)
        if not rows:
            return None
        phases = tuple((name, values) for name, values in json.loads(rows[0]["phases"]))
        return StepAnatomy(rows[0]["step"], phases)

    def confusion(self, run_id: str, domain: str) -> Confusion | None:
        """The latest confusion matrix on one domain, or None."""
        rows = self.database.rows(
            "SELECT * FROM confusions WHERE run = ? AND domain = ? ORDER BY step DESC LIMIT 1", run_id, domain
        )
        return Confusion(rows[0]["step"], domain, unpack(rows[0]["counts"])) if rows else None


def _single(blob: bytes) -> npt.NDArray[np.float32]:
    """Recorded runs that ship with the lab keep half precision; whoever reads sees float32 either way."""
    return unpack(blob).astype(np.float32, copy=False)


@lru_cache(maxsize=64)
def _probe(labels: bytes, domains: bytes, class_names: str, thumbnails: bytes | None) -> Probe:
    """The probe from its columns. It never changes while a run trains, and every refresh of a page asks for it."""
    pictures = None if thumbnails is None else unpack(thumbnails)
    return probe_of(unpack(labels), unpack(domains), json.loads(class_names), pictures)
