"""One run as a file for other programs."""

from __future__ import annotations

import csv
import errno
import io
import json
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tlcore.errors import InvalidRequest, OutOfSpace, StoreError
from tlcore.runs.store import Run, Store


def export(store: Store, run: Run, kind: str, output: Path, *, force: bool = False) -> None:
    """Write the run to `output`; a file that is there is replaced only with `force`.

    Raises:
        InvalidRequest: there is no such format, the file exists, or the run has nothing to write in it.
        StoreError: the file cannot be written; nothing is left half written.
    """
    content = content_of(store, run, kind)
    if output.is_dir():
        raise InvalidRequest(f"{output} is a folder; name a file in it.")
    if output.exists() and not force:
        raise InvalidRequest(f"{output} exists already; add --force to replace it.")
    temporary = output.with_name(f".{output.name}.{os.getpid()}")
    try:
        temporary.write_bytes(content)
        temporary.replace(output)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise OutOfSpace(f"No disk space is left to write {output}.") from None
        raise StoreError(f"{output} cannot be written: {error.strerror}.") from None


def content_of(store: Store, run: Run, kind: str) -> bytes:
    """The run as the bytes of a file of one format.

    Raises:
        InvalidRequest: there is no such format, or the run has nothing to write in it.
    """
    if kind not in FORMATS:
        raise InvalidRequest(f"There is no export format '{kind}'; choose one of {', '.join(FORMATS)}.")
    return FORMATS[kind](store, run)


def describe(store: Store, run: Run) -> dict[str, Any]:
    """What is known of a run, as a JSON document without its curves."""
    return {
        "id": run.id, "preset": run.preset, "arm": run.arm, "seed": run.spec.seed, "state": run.state,
        "reason": run.reason, "step": run.step, "steps": run.steps, "seconds": run.seconds, "parent": run.parent,
        "metrics": _finite(run.summary or store.latest(run.id)), "spec": run.spec.model_dump(mode="json"),
        "provenance": run.provenance,
        "notices": [f"step {notice.step}, {notice.level}: {notice.text}" for notice in store.notices(run.id)],
    }  # fmt: skip


def _finite(values: dict[str, float]) -> dict[str, float | None]:
    """JSON knows no NaN."""
    return {name: value if math.isfinite(value) else None for name, value in values.items()}


def _json(store: Store, run: Run) -> bytes:
    curves = {
        name: {
            "steps": series.steps.tolist(),
            "values": [value if math.isfinite(value) else None for value in series.values.tolist()],
        }
        for name, series in store.metrics(run.id).items()
    }
    document = describe(store, run) | {"curves": curves}
    return json.dumps(document, ensure_ascii=False, indent=1).encode()


def _csv(store: Store, run: Run) -> bytes:
    metrics = store.metrics(run.id)
    table: dict[int, dict[str, float]] = {}
    for name, series in metrics.items():
        for step, value in zip(series.steps.tolist(), series.values.tolist(), strict=True):
            table.setdefault(step, {})[name] = value
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, ["step", *metrics])
    writer.writeheader()
    for step in sorted(table):
        writer.writerow({"step": step, **table[step]})
    return text.getvalue().encode()


def _npz(store: Store, run: Run) -> bytes:
    probe = store.probe(run.id)
    if probe is None:
        raise InvalidRequest(f"Run {run.id} has recorded no frames yet.")
    arrays: dict[str, Any] = {
        "labels": probe.labels,
        "domains": probe.domains,
        "class_names": np.asarray(probe.class_names),
    }
    for projection in store.projections(run.id):
        frames = store.frames(run.id, projection)
        arrays[f"{projection}_steps"] = np.asarray([frame.step for frame in frames], np.int64)
        arrays[f"{projection}_points"] = np.stack([frame.points for frame in frames])
        arrays[f"{projection}_predictions"] = np.stack([frame.predictions for frame in frames])
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def _safetensors(store: Store, run: Run) -> bytes:
    weights = store.run_folder(run.id) / "weights.safetensors"
    if not weights.exists():
        raise InvalidRequest(f"Run {run.id} is {run.state} and has no final weights.")
    return weights.read_bytes()


FORMATS: dict[str, Callable[[Store, Run], bytes]] = {
    "json": _json,
    "csv": _csv,
    "npz": _npz,
    "safetensors": _safetensors,
}
