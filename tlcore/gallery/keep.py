"""Writing runs into one small file: what pages show of them, thinned and rounded to what an eye can tell apart.

Frames, neighbours and metrics are thinned evenly, the first and the last stay, and the player moves points smoothly
between frames in any case. Points and surfaces are rounded to what a screen shows of them. Running it on what it has
written changes nothing, so that files made by an older version can be brought to the present layout without training.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

import numpy as np
import numpy.typing as npt

from tlcore.gallery.compact import Contents, create_compact_tables
from tlcore.runs import Store
from tlcore.runs.arrays import pack, unpack
from tlcore.runs.sheets import is_sheet, pack_sheet

FRAMES_KEPT = 21
"""Steps of a film in the plane that are kept, and the surfaces with them."""
FRAMES_KEPT_IN_SPACE = 11
NEIGHBOURS_KEPT = 7
"""Steps at which the neighbours among the features are kept."""
METRICS_KEPT, METRICS_KEPT_WITH_FILM = 40, 100
"""Points of each metric of a run without and with a film."""
FINE_GRID, FINE_GRID_IN_SPACE = 1024, 512
"""Points are rounded to this share of the film's width, as half precision can hold: zeros that compress."""
LEVELS = 256
"""Steps of a surface between 0 and 1; the player shows as many."""

NEWEST_LAYOUT = (
    "layout = (SELECT max(layout) FROM lab.{table} AS other WHERE other.run = kept.run AND "
    "other.projection = kept.projection)"
)


def write_gallery(store: Store, identities: Sequence[str], file: Path, *, films: set[str]) -> Path:
    """Copy runs into one file that is opened for reading only, and return it. films: those whose frames are kept."""
    temporary = file.with_suffix(".partial")
    temporary.unlink(missing_ok=True)
    connection = sqlite3.connect(temporary, isolation_level=None, uri=True)
    try:
        create_compact_tables(connection)
        connection.execute("ATTACH DATABASE ? AS lab", (_address(store),))
        connection.execute("BEGIN")
        contents = Contents(connection)
        for identity in sorted(set(identities)):
            _copy_rows(connection, "runs", "id = ?", identity)
            _copy_rows(connection, "notices", "run = ?", identity)
            _copy_confusions(connection, identity)
            _copy_metrics(connection, identity, METRICS_KEPT_WITH_FILM if identity in films else METRICS_KEPT)
            if identity in films:
                _copy_probe(connection, contents, identity)
                _copy_film(connection, contents, identity)
                _copy_surfaces(connection, identity)
                if store.database.format >= 2:
                    _copy_neighbours(connection, identity)
                    newest = NEWEST_LAYOUT.format(table="film_quality")
                    _copy_rows(connection, "film_quality", f"run = ? AND {newest}", identity)
        connection.execute("UPDATE runs SET pid = NULL")
        connection.execute("COMMIT")
        connection.execute("DETACH DATABASE lab")
        connection.execute("VACUUM")
    finally:
        connection.close()
    temporary.replace(file)
    return file


def repack(file: Path) -> Path:
    """Write a file of recorded runs anew as `write_gallery` does at present, without training; returns it."""
    store = Store(file=file)
    identities = [run.id for run in store.runs()]
    films = {identity for identity in identities if store.projections(identity)}
    try:
        return write_gallery(store, identities, file, films=films)
    finally:
        store.database.close()


def _address(store: Store) -> str:
    """The store's file as SQLite attaches it; one that is only read needs no lock files beside it."""
    mode = "ro&immutable=1" if store.database.read_only else "ro"
    return f"file:{quote(str(store.database.path.resolve()))}?mode={mode}"


def _spread(steps: Sequence[int], most: int) -> list[int]:
    """At most so many of the steps, evenly spread, the first and the last among them."""
    chosen = np.linspace(0, len(steps) - 1, min(most, len(steps))).round().astype(int)
    return [steps[index] for index in chosen]


def _steps(connection: sqlite3.Connection, table: str, where: str, *values: str) -> list[int]:
    query = f"SELECT DISTINCT step FROM lab.{table} AS kept WHERE {where} ORDER BY step"
    return [row[0] for row in connection.execute(query, values)]


def _copy_rows(connection: sqlite3.Connection, table: str, where: str, identity: str) -> None:
    """Copy rows as they are, in the columns that both files know: the store may be of an older format."""
    mine, theirs = (
        [row[1] for row in connection.execute(f"PRAGMA {schema}.table_info({table})")] for schema in ("main", "lab")
    )
    columns = ", ".join(name for name in mine if name in theirs and (table, name) != ("notices", "id"))
    connection.execute(
        f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM lab.{table} AS kept WHERE {where}", (identity,)
    )


def _copy_confusions(connection: sqlite3.Connection, identity: str) -> None:
    """Those of the last step: confusions are shown for the final model only."""
    last = "(SELECT max(step) FROM lab.confusions WHERE run = ?)"
    query = f"SELECT run, domain, step, counts FROM lab.confusions WHERE run = ? AND step = {last}"
    for *key, counts in connection.execute(query, (identity, identity)).fetchall():
        connection.execute("INSERT INTO confusions VALUES (?, ?, ?, ?)", (*key, _squeezed(unpack(counts))))


def _copy_metrics(connection: sqlite3.Connection, identity: str, most: int) -> None:
    """Of each metric so many points."""
    connection.execute("INSERT OR IGNORE INTO run_numbers (run) VALUES (?)", (identity,))
    number = connection.execute("SELECT number FROM run_numbers WHERE run = ?", (identity,)).fetchone()[0]
    points: dict[str, dict[int, float | None]] = {}
    query = "SELECT name, step, value FROM lab.metrics WHERE run = ? ORDER BY name, step"
    for name, step, value in connection.execute(query, (identity,)):
        points.setdefault(name, {})[step] = value
    for name, values in points.items():
        connection.execute("INSERT OR IGNORE INTO metric_names (name) VALUES (?)", (name,))
        kept = [(number, name, step, values[step]) for step in _spread(list(values), most)]
        connection.executemany(
            "INSERT INTO metric_points SELECT ?, number, ?3, ?4 FROM metric_names WHERE name = ?2", kept
        )


def _copy_probe(connection: sqlite3.Connection, contents: Contents, identity: str) -> None:
    query = "SELECT labels, domains, class_names, thumbnails FROM lab.probes WHERE run = ?"
    for labels, domains, class_names, thumbnails in connection.execute(query, (identity,)).fetchall():
        sheet = None if thumbnails is None else contents.number(thumbnails, _sheet)
        row = (identity, contents.number(labels), contents.number(domains), class_names, sheet)
        connection.execute("INSERT INTO probe_contents VALUES (?, ?, ?, ?, ?)", row)


def _copy_film(connection: sqlite3.Connection, contents: Contents, identity: str) -> None:
    """The frames of the newest layout of each projection."""
    shown = f"run = ? AND projection = ? AND {NEWEST_LAYOUT.format(table='frames')}"
    names = connection.execute("SELECT DISTINCT projection FROM lab.frames WHERE run = ?", (identity,)).fetchall()
    for (projection,) in names:
        in_space = projection.endswith("-3d")
        grid = FINE_GRID_IN_SPACE if in_space else FINE_GRID
        steps = _steps(connection, "frames", shown, identity, projection)
        for step in _spread(steps, FRAMES_KEPT_IN_SPACE if in_space else FRAMES_KEPT):
            query = f"SELECT layout, points, predictions FROM lab.frames AS kept WHERE {shown} AND step = ?"
            layout, points, predictions = connection.execute(query, (identity, projection, step)).fetchone()
            rounded = _squeezed(_on_grid(unpack(points).astype(np.float32), grid).astype(np.float16))
            numbers = (contents.number(rounded), contents.number(predictions, _again))
            row = (identity, projection, layout, step, *numbers)
            connection.execute("INSERT INTO frame_contents VALUES (?, ?, ?, ?, ?, ?)", row)


def _copy_surfaces(connection: sqlite3.Connection, identity: str) -> None:
    """Those of the steps of the film."""
    for step in _spread(_steps(connection, "surfaces", "run = ?", identity), FRAMES_KEPT):
        query = "SELECT run, name, step, extent, field FROM lab.surfaces WHERE run = ? AND step = ?"
        for *key, field in connection.execute(query, (identity, step)).fetchall():
            levels = np.round(unpack(field).astype(np.float32) * LEVELS) / LEVELS
            row = (*key, _squeezed(levels.astype(np.float16)))
            connection.execute("INSERT INTO surfaces VALUES (?, ?, ?, ?, ?)", row)


def _copy_neighbours(connection: sqlite3.Connection, identity: str) -> None:
    for step in _spread(_steps(connection, "neighbours", "run = ?", identity), NEIGHBOURS_KEPT):
        query = "SELECT run, step, indices FROM lab.neighbours WHERE run = ? AND step = ?"
        for *key, indices in connection.execute(query, (identity, step)).fetchall():
            connection.execute("INSERT INTO neighbours VALUES (?, ?, ?)", (*key, _again(indices)))


def _on_grid(points: npt.NDArray[np.float32], fineness: int) -> npt.NDArray[np.float32]:
    """Points (N, 2) or (N, 3) rounded to the next power of two below their width / fineness."""
    width = float(np.ptp(points)) if points.size else 0.0
    if not np.isfinite(width) or width <= 0:
        return points
    grid = 2.0 ** np.floor(np.log2(width / fineness))
    return np.asarray(np.round(points / grid) * grid, np.float32)


def _squeezed(array: npt.NDArray[np.generic]) -> bytes:
    """An array as `pack` writes it, compressed as far as zlib goes: it is written once and read often."""
    return zlib.compress(zlib.decompress(pack(array)), 9)


def _again(blob: bytes) -> bytes:
    """What `pack` wrote, compressed as far as zlib goes."""
    return _squeezed(unpack(blob))


def _sheet(thumbnails: bytes) -> bytes:
    """Thumbnails as one picture; those that are no pictures in grey or colour stay an array."""
    if is_sheet(thumbnails):
        return thumbnails
    pictures = unpack(thumbnails)
    try:
        return pack_sheet(pictures)
    except ValueError:
        return _squeezed(pictures)
