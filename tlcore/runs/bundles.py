"""One run as one file: spec, metrics, notices, frames, probe, confusions, and its weights if wanted.

A bundle is a zip. `manifest.json` names its format, the lab's version, the identity of the run, and the SHA-256 and
size of every other member. Arrays are NumPy's own format; nothing is a pickle. Reading is in `bundle_reading`, which
believes none of it.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import time
import zipfile
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt

import tlcore
from tlcore.errors import InvalidRequest
from tlcore.runs.arrays import unpack
from tlcore.runs.store import Run, Store

BUNDLE_FORMAT = 1
KIND = "transfer-learning-lab run"
SUFFIX = ".tlrun.zip"
WEIGHTS = "weights.safetensors"
ARRAY_TABLES = {
    "probes": (("class_names",), ("labels", "domains", "thumbnails")),
    "frames": (("projection", "layout", "step"), ("points", "predictions")),
    "surfaces": (("name", "step", "extent"), ("field",)),
    "confusions": (("domain", "step"), ("counts",)),
    "neighbours": (("step",), ("indices",)),
}
"""For each table with arrays: its plain columns, and those that hold a packed array."""
JSON_COLUMNS = frozenset({"class_names", "extent"})
RUN_COLUMNS = ("preset", "arm", "state", "device", "created", "started", "ended", "seconds", "step", "steps", "reason")


def write_bundle(store: Store, run: Run, *, weights: bool = True) -> bytes:
    """The run as the bytes of a bundle. weights: also its final weights, where there are any.

    Raises:
        InvalidRequest: the run still waits or trains.
        StoreError: what it recorded cannot be read.
    """
    if run.live:
        raise InvalidRequest(f"Run {run.id} is {run.state}; a bundle is made of a run that has ended.")
    members: dict[str, bytes] = {
        "run.json": _json(_run_document(store, run)),
        "metrics.json": _json(_metrics(store, run.id)),
        "notices.json": _json([asdict(notice) for notice in store.notices(run.id)]),
    }
    members["records.json"] = _json(_records(store, run.id, members))
    path = store.run_folder(run.id) / WEIGHTS
    if weights and path.is_file():
        members[WEIGHTS] = path.read_bytes()
    manifest = {
        "kind": KIND,
        "format": BUNDLE_FORMAT,
        "lab": tlcore.__version__,
        "run": run.id,
        "written": time.time(),
        "members": {
            name: {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
            for name, content in members.items()
        },
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=4) as archive:
        archive.writestr("manifest.json", _json(manifest))
        for name, content in members.items():
            # Weights do not compress.
            archive.writestr(name, content, zipfile.ZIP_STORED if name == WEIGHTS else zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def _json(content: Any) -> bytes:
    return json.dumps(content, ensure_ascii=False, allow_nan=False).encode()


def _finite(value: float) -> float | None:
    """JSON knows no NaN."""
    return value if math.isfinite(value) else None


def _run_document(store: Store, run: Run) -> dict[str, Any]:
    label = store.label(run.id)
    return {
        "spec": json.loads(run.spec.canonical_json()),
        **{column: getattr(run, column) for column in RUN_COLUMNS},
        "parent": run.parent,
        "provenance": json.loads(json.dumps(run.provenance), parse_constant=lambda _: None),
        "summary": {name: _finite(value) for name, value in run.summary.items()},
        "name": label.name,
        "note": label.note,
        "tags": list(label.tags),
    }


def _metrics(store: Store, run_id: str) -> dict[str, Any]:
    return {
        name: {"steps": series.steps.tolist(), "values": [_finite(value) for value in series.values.tolist()]}
        for name, series in store.metrics(run_id).items()
    }


def _records(store: Store, run_id: str, members: dict[str, bytes]) -> dict[str, Any]:
    """The rows of the tables with arrays; each array becomes a member, and its row names it."""
    records: dict[str, Any] = {}
    database = store.database
    for table, (plain, arrays) in ARRAY_TABLES.items():
        if table == "neighbours" and database.format < 2:
            continue
        newest = ""
        if table == "frames":  # of a film that was laid out anew only what is shown
            newest = (
                " AND layout = (SELECT max(layout) FROM frames AS other WHERE other.run = frames.run AND "
                "other.projection = frames.projection)"
            )
        records[table] = []
        for row in database.rows(f"SELECT * FROM {table} WHERE run = ?{newest}", run_id):
            record = {name: json.loads(row[name]) if name in JSON_COLUMNS else row[name] for name in plain}
            for name in arrays:
                record[name] = None if row[name] is None else _add(members, unpack(row[name]))
            records[table].append(record)
    if database.format >= 2:
        query = "SELECT projection, layout, content FROM film_quality WHERE run = ?"
        records["film_quality"] = [
            {"projection": row["projection"], "layout": row["layout"], "values": json.loads(row["content"])}
            for row in database.rows(query, run_id)
        ]
    return records


def _add(members: dict[str, bytes], array: npt.NDArray[Any]) -> str:
    """Add an array as a member; the same array is added once."""
    buffer = io.BytesIO()
    np.save(buffer, np.ascontiguousarray(array), allow_pickle=False)
    content = buffer.getvalue()
    name = f"arrays/{hashlib.sha256(content).hexdigest()[:24]}.npy"
    members[name] = content
    return name
