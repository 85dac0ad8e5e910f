"""Runs as data for other programs: JSON, CSV, NPZ, Parquet, and the weights."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tlcore.errors import InvalidRequest
from tlcore.exports.shown import Source, View
from tlcore.runs.records import Frame, Probe
from tlcore.runs.store import Run, Store

Written = tuple[bytes, tuple[str, ...]]
DOMAINS = ("source", "target")


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


def json_document(sources: Sequence[Source], view: View) -> Written:
    """What is known of a run, with its curves."""
    store, run = sources[0]
    curves = {
        name: {
            "steps": series.steps.tolist(),
            "values": [value if math.isfinite(value) else None for value in series.values.tolist()],
        }
        for name, series in store.metrics(run.id).items()
    }
    document = describe(store, run) | {"curves": curves}
    return json.dumps(document, ensure_ascii=False, indent=1).encode(), ()


def csv_table(sources: Sequence[Source], view: View) -> Written:
    """The metrics of a run, one row a step."""
    store, run = sources[0]
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
    return text.getvalue().encode(), ()


def npz(sources: Sequence[Source], view: View) -> Written:
    """The frames of a run in every projection, as arrays."""
    probe, films = _films(sources[0])
    arrays: dict[str, Any] = {
        "labels": probe.labels,
        "domains": probe.domains,
        "class_names": np.asarray(probe.class_names),
    }
    for projection, frames in films.items():
        name = projection.replace("-", "_")
        arrays[f"{name}_steps"] = np.asarray([frame.step for frame in frames], np.int64)
        arrays[f"{name}_points"] = np.stack([frame.points for frame in frames])
        arrays[f"{name}_predictions"] = np.stack([frame.predictions for frame in frames])
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue(), _missing_remark([frame for frames in films.values() for frame in frames])


def parquet(sources: Sequence[Source], view: View) -> Written:
    """The frames of one or more runs as one table: a row for each point in each frame of each projection.

    Columns: run, arm, seed, projection, step, point, x, y, z (missing in the plane), domain, label, prediction,
    correct. Coordinates that are not numbers are missing values. `describe` of each run lies in the file's metadata
    under "runs", as JSON.
    """
    import pyarrow
    import pyarrow.parquet

    parts: list[Any] = []
    every: list[Frame] = []

    def words(places: Any, names: Sequence[str], known: Any = None) -> Any:
        places = pyarrow.array(places.astype(np.int32), mask=None if known is None else ~known)
        return pyarrow.DictionaryArray.from_arrays(places, pyarrow.array([*names], pyarrow.string()))

    def numbers(values: Any) -> Any:
        return pyarrow.array(values.astype(np.float32), mask=~np.isfinite(values))

    for source in sources:
        probe, films = _films(source)
        names = [str(name) for name in probe.class_names]
        same = np.zeros(len(probe), np.int32)
        for projection, frames in films.items():
            every += frames
            for frame in frames:
                known = frame.predictions >= 0
                depth = frame.points[:, 2] if frame.points.shape[1] > 2 else np.full(len(probe), np.nan)
                parts.append(
                    pyarrow.table({
                        "run": words(same, [source.run.id]), "arm": words(same, [source.run.arm or ""]),
                        "seed": pyarrow.array(same + source.run.spec.seed), "projection": words(same, [projection]),
                        "step": pyarrow.array(same + frame.step), "point": pyarrow.array(np.arange(len(probe))),
                        "x": numbers(frame.points[:, 0]), "y": numbers(frame.points[:, 1]), "z": numbers(depth),
                        "domain": words(probe.domains, DOMAINS), "label": words(probe.labels, names),
                        "prediction": words(frame.predictions, names, known),
                        "correct": pyarrow.array(frame.predictions == probe.labels, mask=~known),
                    })
                )  # fmt: skip
    table = pyarrow.concat_tables(parts).unify_dictionaries()
    described = json.dumps([describe(*source) for source in sources], ensure_ascii=False)
    table = table.replace_schema_metadata({**(table.schema.metadata or {}), b"runs": described.encode()})
    buffer = io.BytesIO()
    pyarrow.parquet.write_table(table, buffer, compression="zstd")
    return buffer.getvalue(), _missing_remark(every)


def safetensors(sources: Sequence[Source], view: View) -> Written:
    """The final weights of a run."""
    store, run = sources[0]
    weights = store.run_folder(run.id) / "weights.safetensors"
    if not weights.exists():
        raise InvalidRequest(f"Run {run.id} is {run.state} and has no final weights.")
    return weights.read_bytes(), ()


def _films(source: Source) -> tuple[Probe, dict[str, list[Frame]]]:
    store, run = source
    probe = store.probe(run.id)
    films = {projection: store.frames(run.id, projection) for projection in store.projections(run.id)}
    if probe is None or not films:
        raise InvalidRequest(f"Run {run.id} has recorded no frames.")
    return probe, films


def _missing_remark(frames: Sequence[Frame]) -> tuple[str, ...]:
    missing = sum(int((~np.isfinite(frame.points).all(axis=1)).sum()) for frame in frames)
    if not missing:
        return ()
    return (f"{missing:,} coordinate{'s are' if missing > 1 else ' is'} not a number; the file keeps them as such.",)
