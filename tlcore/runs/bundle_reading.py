"""Bundles read: verified in every part, never trusted, and put into the store whole or not at all."""

from __future__ import annotations

import json
import math
import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tlcore.errors import InvalidRequest, StoreError
from tlcore.runs.arrays import pack
from tlcore.runs.bundle_archive import Archive, refuse
from tlcore.runs.bundles import ARRAY_TABLES, JSON_COLUMNS, WEIGHTS
from tlcore.runs.labels import clean_line, clean_note, clean_tags
from tlcore.runs.records import DESCRIBED
from tlcore.runs.safetensors_header import check_safetensors
from tlcore.runs.store import ENDED, Store
from tlcore.runs.tables import origin_of
from tlcore.runs.usage import require_room
from tlcore.specs import RunSpec, validate

MOST_POINTS, MOST_CLASSES, MOST_METRICS, MOST_ROWS = 20_000, 10_000, 2000, 200_000
MOST_TASKS = 100
_WORD = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_ @.:/+\-]{0,119}")
LAST_STEP = 10**9
LAST_SECOND = 10**11


@dataclass(frozen=True)
class Bundle:
    """A bundle that was checked. rows: for each table the rows as the store keeps them, without the run's identity."""

    spec: RunSpec
    columns: dict[str, Any]
    rows: dict[str, list[tuple[Any, ...]]]
    name: str | None
    note: str | None
    tags: tuple[str, ...]
    weights: bytes | None

    @property
    def identity(self) -> str:
        """The run's."""
        return self.spec.content_hash

    @property
    def size(self) -> int:
        """About as many bytes as the store will take for it."""
        values = (value for rows in self.rows.values() for row in rows for value in row)
        content = sum(len(value) if isinstance(value, (bytes, str)) else 8 for value in values)
        return content + len(self.weights or b"") + len(self.spec.canonical_json())


@dataclass(frozen=True)
class Imported:
    """What an import did. new: False where the run was there already and nothing was changed."""

    run: str
    new: bool

    def sentence(self) -> str:
        """In the words of page and terminal."""
        return f"Run {self.run} was imported." if self.new else f"Run {self.run} is in this store already."


def import_bundle(store: Store, content: bytes, *, admit: Callable[[int], None] | None = None) -> Imported:
    """Put the run of a bundle into the store; one that is there already is left as it is.

    admit: asked with the bytes that the store will take for it; raises where that is too much for whoever brings it.

    Raises:
        InvalidRequest: the bundle is cut, altered, of a newer version, hostile, or not what it claims to be.
        OutOfSpace, StoreError: it cannot be written. Either way nothing was changed.
    """
    bundle = read_bundle(content)
    identity = bundle.identity
    if store.get(identity) is not None:
        return Imported(identity, False)
    if store.bring_back([identity]) or store.adopt(identity):
        return Imported(identity, True)
    require_room(store, bundle.size)
    if admit is not None:
        admit(bundle.size)
    weights = store.run_folder(identity) / WEIGHTS
    temporary = weights.with_name(f"{WEIGHTS}.{os.getpid()}.import")
    written = False
    try:
        with store.database.transaction() as connection:
            # Another import may have been faster: the insert would fail, and with it everything.
            _insert_run(store, bundle)
            for table, rows in bundle.rows.items():
                if rows:
                    columns = "(run, step, level, code, text)" if table == "notices" else ""
                    marks = ", ".join("?" * (len(rows[0]) + 1))
                    statement = f"INSERT INTO {table} {columns} VALUES ({marks})"
                    connection.executemany(statement, [(identity, *row) for row in rows])
            if bundle.weights is not None:
                weights.parent.mkdir(parents=True, exist_ok=True)
                with temporary.open("wb") as file:
                    file.write(bundle.weights)
                    file.flush()
                    os.fsync(file.fileno())
                temporary.replace(weights)
                written = True
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if written:
            weights.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise StoreError(f"The weights of run {identity} cannot be written: {error.strerror}.") from None
        raise
    return Imported(identity, True)


def _insert_run(store: Store, bundle: Bundle) -> None:
    identity, spec, connection = bundle.identity, bundle.spec, store.database.connection
    values = {
        "id": identity, "spec": spec.canonical_json(), "method": spec.method.name, "seed": spec.seed,
        "projected": 1, **bundle.columns,
    }  # fmt: skip
    marks = ", ".join("?" * len(values))
    connection.execute(f"INSERT INTO runs ({', '.join(values)}) VALUES ({marks})", tuple(values.values()))
    label = store.label(identity)
    store.rename(identity, label.name or bundle.name or "")
    store.annotate(identity, label.note or bundle.note or "")
    store.tag([identity], bundle.tags)
    store.claim(identity)
    origin = origin_of(json.loads(spec.canonical_json()))
    if origin is not None:
        connection.execute("INSERT OR IGNORE INTO origins VALUES (?, ?, ?)", (identity, *origin))


def read_bundle(content: bytes) -> Bundle:
    """Check every part of a bundle and return what it holds.

    Raises:
        InvalidRequest: with the reason why it is not taken.
    """
    archive = Archive(content)
    document = archive.json("run.json")
    if not isinstance(document, dict) or not isinstance(document.get("spec"), dict):
        raise refuse("run.json holds no run")
    try:
        spec = validate(document["spec"])
    except (InvalidRequest, ValueError, TypeError, RecursionError):
        raise refuse("its spec cannot be read by this version of the lab") from None
    if spec.content_hash != archive.identity:
        raise refuse("its spec is not that of the run it names")
    try:
        columns = _columns(document, spec)
        rows = {"metrics": _metrics(archive.json("metrics.json")), "notices": _notices(archive.json("notices.json"))}
        rows |= _records(archive)
        name = clean_line(_text(document.get("name") or "", 200), "name", 120)
        note = clean_note(_text(document.get("note") or "", 4000))
        tags = tuple(clean_tags(_text(tag, 100) for tag in _list(document.get("tags", []), 20)))
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError) as error:
        detail = str(error) if type(error) is ValueError and error.args else "a record in it is not as it should be"
        raise refuse(detail) from None
    except InvalidRequest as error:
        if str(error).startswith("This bundle"):
            raise
        raise refuse("its name, note or tags are too long") from None
    weights = archive.bytes(WEIGHTS) if WEIGHTS in archive else None
    if weights is not None and (fault := check_safetensors(weights)):
        raise refuse(f"its weights are damaged: {fault}")
    return Bundle(spec, columns, rows, name, note, tags, weights)


def _columns(document: dict[str, Any], spec: RunSpec) -> dict[str, Any]:
    """The columns of the run that its spec does not decide."""
    state = document["state"]
    if state not in ENDED:
        raise ValueError("its run has not ended")
    provenance = _machine(document["provenance"])
    steps = _whole(document["steps"], spec.budget.steps)
    parent = document.get("parent")
    if parent is not None and not re.fullmatch(r"[0-9a-f]{16}", parent):
        raise ValueError("its parent is no run")
    times = {name: _time(document[name]) for name in ("started", "ended")}
    return {
        "state": state, "preset": _word_or_none(document["preset"]), "arm": _word_or_none(document["arm"]),
        "device": _word(document["device"]), "created": _time(document["created"]) or time.time(),
        **times,
        "seconds": max(0.0, _number(document["seconds"]) or 0.0), "step": _whole(document["step"], steps),
        "steps": steps, "reason": None if document["reason"] is None else _text(document["reason"], 2000),
        "parent": parent, "provenance": json.dumps(provenance | {"imported": time.time()}),
        "summary": json.dumps(_known(document["summary"])),
    }  # fmt: skip


def _machine(document: Any) -> dict[str, Any]:
    """What a run says of the machine it was trained on: names and what stands for each, a text or a number."""
    if not isinstance(document, dict) or len(document) > 100:
        raise ValueError("its provenance is no record of a machine")
    cleaned: dict[str, Any] = {}
    for name, value in document.items():
        if isinstance(value, str):
            value = _text(value, 1000)
        elif not isinstance(value, bool):
            _number(value)  # as it is: 2 cores are not 2.0
        cleaned[_word(name)] = value
    return cleaned


def _metrics(document: Any) -> list[tuple[Any, ...]]:
    if len(document) > MOST_METRICS:
        raise ValueError("it has too many metrics")
    rows: list[tuple[Any, ...]] = []
    for name, series in document.items():
        word, steps, values = _word(name), _list(series["steps"], MOST_ROWS), _list(series["values"], MOST_ROWS)
        if len(steps) != len(values) or len(set(steps)) != len(steps):
            raise ValueError("the steps and values of a metric do not fit together")
        rows += [(word, _whole(step), _number(value)) for step, value in zip(steps, values, strict=True)]
        if len(rows) > 10 * MOST_ROWS:
            raise ValueError("it has too many metrics")
    return rows


def _notices(document: Any) -> list[tuple[Any, ...]]:
    rows = []
    for notice in _list(document, 1000):
        if notice["level"] not in ("info", "warning", "error"):
            raise ValueError("a notice in it has no level")
        rows.append((_whole(notice["step"]), notice["level"], _word(notice["code"]), _text(notice["text"], 2000)))
    return rows


def _records(archive: Archive) -> dict[str, list[tuple[Any, ...]]]:
    document = archive.json("records.json")
    if not isinstance(document, dict) or not set(document) <= {*ARRAY_TABLES, "film_quality"}:
        raise ValueError("records.json holds something the lab does not know")
    rows: dict[str, list[tuple[Any, ...]]] = {}
    probes = _list(document.get("probes", []), 1)
    probed = _check_probe(archive, probes[0]) if probes else Probed()
    packs: dict[str, bytes] = {}

    def packed_once(member: str, array: npt.NDArray[Any]) -> bytes:
        if member not in packs:
            packs[member] = pack(array)
        return packs[member]

    for table, (plain, arrays) in ARRAY_TABLES.items():
        rows[table] = []
        for record in _list(document.get(table, []), 5000):
            held = {name: None if record[name] is None else archive.array(record[name]) for name in arrays}
            if table != "probes":
                _CHECKS[table](record, held, probed)
            kept = record if table != "probes" else record | {"class_names": _class_names(record["class_names"])}
            texts = [json.dumps(kept[name]) if name in JSON_COLUMNS else kept[name] for name in plain]
            packed = [None if array is None else packed_once(record[name], array) for name, array in held.items()]
            # The columns of `probes` stand in another order than "plain, then arrays".
            row = [packed[0], packed[1], texts[0], packed[2]] if table == "probes" else [*texts, *packed]
            rows[table].append(tuple(row))
        _require_once(rows[table] if table != "probes" else [], len(plain) - (table == "surfaces"))
    rows["film_quality"] = [
        (_word(one["projection"]), _whole(one["layout"]), json.dumps(_known(one["values"])))
        for one in _list(document.get("film_quality", []), 100)
    ]  # fmt: skip
    _require_once(rows["film_quality"], 2)
    return rows


def _require_once(rows: list[tuple[Any, ...]], columns: int) -> None:
    """columns: how many of the first the store knows a record by."""
    if len({row[:columns] for row in rows}) < len(rows):
        raise ValueError("a record in it stands there twice")


def _class_names(document: Any) -> Any:
    """The names of a probe's classes, or those of each of its tasks, without signs that cannot be shown."""
    if isinstance(document, dict):
        return {_text(task, 300): _class_names(_list(names, MOST_CLASSES)) for task, names in document.items()}
    return [_text(name, 300) for name in _list(document, MOST_CLASSES)]


Held = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Probed:
    """What a run's records are made for. points, classes: of its probe; tables: rows that its target's confusion
    matrices may have: as many as classes or, where some classes are only descriptions of others, as many as others.
    """

    points: int = 0
    classes: int = 0
    tables: frozenset[int] = frozenset()


def _check_probe(archive: Archive, record: dict[str, Any]) -> Probed:
    labels, domains = archive.array(record["labels"]), archive.array(record["domains"])
    cleaned = _class_names(record["class_names"])
    tasks: dict[str, list[str]] = cleaned if isinstance(cleaned, dict) else {"": cleaned}
    names = list(tasks.values())
    table = labels if isinstance(cleaned, dict) else labels.reshape(-1, 1)
    good = labels.dtype == np.int16 and domains.dtype == np.int8 and domains.shape == (len(labels),)
    if not good or not 0 < len(labels) <= MOST_POINTS or table.shape != (len(labels), len(names)) or not names:
        raise ValueError("its probe points are no probe points")
    if len(names) > MOST_TASKS or not all(_word(task) for task in tasks if len(names) > 1):
        raise ValueError("its probe points have tasks that do not exist")
    known = all(-1 <= column.min() <= column.max() < len(one) for column, one in zip(table.T, names, strict=True))
    if not known or table[:, 0].min() < 0 or domains.min() < 0 or domains.max() > 1:
        raise ValueError("its probe points have labels or domains that do not exist")
    if record["thumbnails"] is not None:
        pictures = archive.array(record["thumbnails"])
        if pictures.dtype != np.uint8 or pictures.ndim != 4 or len(pictures) != len(labels):
            raise ValueError("its thumbnails are no pictures of its probe points")
        if pictures.shape[1] not in (1, 3) or not 0 < min(pictures.shape[2:]) <= max(pictures.shape[2:]) <= 512:
            raise ValueError("its thumbnails are no pictures of its probe points")
    described = {DESCRIBED.format(name) for name in names[0]}
    return Probed(len(labels), len(names[0]), frozenset({len(names[0]), len(set(names[0]) - described)}))


def _check_frame(record: dict[str, Any], held: Held, probed: Probed) -> None:
    places, predictions = held["points"], held["predictions"]
    width = 3 if _word(record["projection"]).endswith("-3d") else 2
    _whole(record["layout"]), _whole(record["step"])
    if places.dtype not in (np.float16, np.float32) or places.shape != (probed.points, width) or not probed.points:
        raise ValueError("a frame in it does not fit its probe points")
    _check_predictions(predictions, probed)


def _check_predictions(predictions: npt.NDArray[Any], probed: Probed) -> None:
    if predictions.dtype != np.int16 or predictions.shape != (probed.points,):
        raise ValueError("predictions in it do not fit its probe points")
    if predictions.min() < -1 or predictions.max() >= probed.classes:
        raise ValueError("predictions in it name classes that do not exist")


def _check_surface(record: dict[str, Any], held: Held, probed: Probed) -> None:
    extent = [_number(value) for value in _list(record["extent"], 4)]
    field = held["field"]
    _word(record["name"]), _whole(record["step"])
    if len(extent) != 4 or None in extent or field.ndim != 2 or field.dtype not in (np.float16, np.float32):
        raise ValueError("a surface in it is no function over the plane")
    if not 0 < min(field.shape) <= max(field.shape) <= 2048:
        raise ValueError("a surface in it is no function over the plane")


def _check_confusion(record: dict[str, Any], held: Held, probed: Probed) -> None:
    counts = held["counts"]
    _word(record["domain"]), _whole(record["step"])
    if counts.dtype != np.int64 or counts.ndim != 2 or counts.shape[0] != counts.shape[1] or counts.min(initial=0) < 0:
        raise ValueError("a confusion matrix in it is no table of counts")
    # The source may have classes of its own.
    fits = record["domain"] == "source" or not probed.classes or len(counts) in probed.tables
    if len(counts) > MOST_CLASSES or not fits:
        raise ValueError("a confusion matrix in it does not fit its classes")


def _check_neighbours(record: dict[str, Any], held: Held, probed: Probed) -> None:
    indices = held["indices"]
    _whole(record["step"])
    if (
        indices.dtype not in (np.int16, np.uint16)
        or indices.ndim != 2
        or len(indices) != probed.points
        or not probed.points
    ):
        raise ValueError("neighbours in it do not fit its probe points")
    if indices.size and (indices.min() < 0 or indices.max() >= probed.points):
        raise ValueError("neighbours in it are no probe points")


_CHECKS: dict[str, Callable[[dict[str, Any], Any, Probed], None]] = {
    "frames": _check_frame, "surfaces": _check_surface, "confusions": _check_confusion,
    "neighbours": _check_neighbours,
}  # fmt: skip


def _list(value: Any, most: int) -> list[Any]:
    if not isinstance(value, list) or len(value) > most:
        raise ValueError("a list in it is longer than anything the lab writes")
    return value


def _text(value: Any, longest: int) -> str:
    if not isinstance(value, str) or len(value) > longest:
        raise ValueError("a text in it is longer than anything the lab writes")
    return "".join(sign if sign.isprintable() or sign == "\n" else " " for sign in value)


def _word(value: Any) -> str:
    if not isinstance(value, str) or not _WORD.fullmatch(value):
        raise ValueError("a name in it is none that the lab gives")
    return value


def _word_or_none(value: Any) -> str | None:
    return None if value is None else _word(value)


def _whole(value: Any, most: int = LAST_STEP) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
        raise ValueError("a step in it is out of range")
    return value


def _number(value: Any) -> float | None:
    if value is None:
        return None
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not math.isfinite(value):
        raise ValueError("a number in it is none")
    return float(value)


def _known(values: dict[str, Any]) -> dict[str, float]:
    """Named numbers, without those that are missing."""
    return {_word(name): number for name, value in values.items() if (number := _number(value)) is not None}


def _time(value: Any) -> float | None:
    number = _number(value)
    if number is not None and not 0 <= number <= LAST_SECOND:
        raise ValueError("a time in it is out of range")
    return None if number is None else min(number, time.time())  # the clock of the other machine may be ahead
