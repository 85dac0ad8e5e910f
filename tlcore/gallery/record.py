"""Training a preset and keeping what its runs recorded in one small file."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tlcore.errors import RunFailed
from tlcore.execution.local import LocalExecutor
from tlcore.presets import Preset
from tlcore.runs import Run, Store
from tlcore.runs.database import create_tables, pack, unpack

KEPT_TABLES = ("metrics", "notices", "confusions")
KEPT_OF_FILMS = ("probes", "frames", "surfaces", "neighbours", "film_quality")
MOST_FILMS = 3
"""Of a preset with more arms than these, only what is shown side by side is kept as a film."""
METRICS_KEPT = 40
"""Points of each metric of a run without a film."""
NEIGHBOURS_KEPT = 12
"""Steps at which the neighbours among the features are kept."""
FINE_GRID = 1024
"""In space, points are rounded to this share of the film's width: zeros that compress."""
POLL_SECONDS = 0.5
NEWEST_LAYOUT = (
    "DELETE FROM {table} WHERE layout < "
    "(SELECT max(layout) FROM {table} AS other WHERE other.run = {table}.run AND other.projection = {table}.projection)"
)


def record(executor: LocalExecutor, preset: Preset, seeds: Sequence[int], file: Path) -> Path:
    """Train every arm of `preset` for `seeds`, wait for their films, and write them to `file`, replacing it.

    Raises:
        RunFailed: a run failed or was stopped; the file is left as it was.
    """
    identities = [executor.submit(spec, preset=preset.identity, arm=arm) for arm, _, spec in preset.specs(seeds)]
    films = set(_shown(executor.store, preset, identities))
    for identity in identities:
        _wait(executor, identity, film=identity in films)
    return write_gallery(executor.store, identities, file, films=films)


def _shown(store: Store, preset: Preset, identities: Sequence[str]) -> list[str]:
    """The runs whose films are kept: the first seed's, of many arms only those that are shown side by side."""
    runs = [store.require(identity) for identity in identities]
    first = min(run.spec.seed for run in runs)
    arms = preset.side_by_side if len(preset.arms) > MOST_FILMS else tuple(preset.arms)
    return [run.id for run in runs if run.spec.seed == first and run.arm in arms]


def _wait(executor: LocalExecutor, identity: str, *, film: bool) -> Run:
    while True:
        run = executor.store.require(identity)
        if run.state in ("failed", "stopped"):
            raise RunFailed(f"Run {identity} ({run.arm}, seed {run.spec.seed}) {run.state}: {run.reason or 'by hand'}")
        if run.state == "finished" and (run.projected or not film):
            return run
        executor.ensure_supervisor()
        time.sleep(POLL_SECONDS)


def write_gallery(store: Store, identities: Sequence[str], file: Path, *, films: set[str]) -> Path:
    """Copy runs into one file that is opened for reading only. films: the runs whose frames are kept as well."""
    temporary = file.with_suffix(".partial")
    temporary.unlink(missing_ok=True)
    connection = sqlite3.connect(temporary, isolation_level=None)
    try:
        create_tables(connection)
        connection.execute("ATTACH DATABASE ? AS lab", (str(store.database.path),))
        connection.execute("BEGIN")
        for identity in identities:
            connection.execute("INSERT INTO runs SELECT * FROM lab.runs WHERE id = ?", (identity,))
            for table in (*KEPT_TABLES, *(KEPT_OF_FILMS if identity in films else ())):
                connection.execute(f"INSERT INTO {table} SELECT * FROM lab.{table} WHERE run = ?", (identity,))
            _thin_neighbours(connection, identity)
            if identity not in films:
                _thin_metrics(connection, identity)
        for table in ("frames", "film_quality"):
            connection.execute(NEWEST_LAYOUT.format(table=table))
        _shrink(connection)
        connection.execute("UPDATE runs SET pid = NULL")
        connection.execute("COMMIT")
        connection.execute("DETACH DATABASE lab")
        connection.execute("VACUUM")
    finally:
        connection.close()
    temporary.replace(file)
    return file


def _on_grid(points: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Points (N, 3) rounded to the next power of two below their width / FINE_GRID, which half precision can hold."""
    width = float(np.ptp(points)) if points.size else 0.0
    if not np.isfinite(width) or width <= 0:
        return points
    grid = 2.0 ** np.floor(np.log2(width / FINE_GRID))
    return np.asarray(np.round(points / grid) * grid, np.float32)


def _thin_neighbours(connection: sqlite3.Connection, identity: str) -> None:
    """Keep those of a few steps, evenly spread over those recorded, the first and the last among them."""
    query = "SELECT step FROM neighbours WHERE run = ? ORDER BY step"
    steps = [row[0] for row in connection.execute(query, (identity,))]
    chosen = np.linspace(0, len(steps) - 1, min(NEIGHBOURS_KEPT, len(steps))).round().astype(int)
    for step in set(steps) - {steps[index] for index in chosen}:
        connection.execute("DELETE FROM neighbours WHERE run = ? AND step = ?", (identity, step))


def _thin_metrics(connection: sqlite3.Connection, identity: str) -> None:
    """Of each metric keep some points, evenly spread, the first and the last among them."""
    names = connection.execute("SELECT DISTINCT name FROM metrics WHERE run = ?", (identity,)).fetchall()
    for (name,) in names:
        query = "SELECT step FROM metrics WHERE run = ? AND name = ? ORDER BY step"
        steps = [row[0] for row in connection.execute(query, (identity, name))]
        kept = {
            steps[index] for index in np.linspace(0, len(steps) - 1, min(METRICS_KEPT, len(steps))).round().astype(int)
        }
        gone = [(identity, name, step) for step in steps if step not in kept]
        connection.executemany("DELETE FROM metrics WHERE run = ? AND name = ? AND step = ?", gone)


def _shrink(connection: sqlite3.Connection) -> None:
    """Half precision for points and surfaces: a thousandth of the picture's width is finer than a dot."""
    for table, column in (("frames", "points"), ("surfaces", "field")):
        for rowid, blob in connection.execute(f"SELECT rowid, {column} FROM {table}").fetchall():
            values = unpack(blob)
            if table == "frames" and values.ndim == 2 and values.shape[1] == 3:
                values = _on_grid(values)
            connection.execute(
                f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (pack(values.astype(np.float16)), rowid)
            )
    # Confusions are shown for the final model only.
    connection.execute(
        "DELETE FROM confusions WHERE step < "
        "(SELECT max(step) FROM confusions AS other WHERE other.run = confusions.run)"
    )
