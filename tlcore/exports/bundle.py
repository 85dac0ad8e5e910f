"""A run as a bundle that another lab can import, and metrics as Parquet."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence

import numpy as np

from tlcore.errors import InvalidRequest
from tlcore.exports.shown import Source, View
from tlcore.exports.tables import describe
from tlcore.runs.bundles import WEIGHTS, write_bundle

Written = tuple[bytes, tuple[str, ...]]


def bundle(sources: Sequence[Source], view: View) -> Written:
    """Everything of a run in one file, with its weights if `view.weights` and there are any."""
    store, run = sources[0]
    content = write_bundle(store, run, weights=view.weights)
    missing = view.weights and not (store.run_folder(run.id) / WEIGHTS).is_file()
    return content, (f"Run {run.id} keeps no weights here; the bundle is without them.",) if missing else ()


def metrics_parquet(sources: Sequence[Source], view: View) -> Written:
    """The metrics of one or more runs as one long table: run, arm, seed, metric, step, value (missing where no number).

    `describe` of each run lies in the file's metadata under "runs", as JSON.
    """
    import pyarrow
    import pyarrow.parquet

    parts = []
    for store, run in sources:
        for name, series in store.metrics(run.id).items():
            count = len(series.steps)
            parts.append(
                pyarrow.table({
                    "run": [run.id] * count, "arm": pyarrow.array([run.arm] * count, pyarrow.string()),
                    "seed": [run.spec.seed] * count, "metric": [name] * count, "step": pyarrow.array(series.steps),
                    "value": pyarrow.array(series.values, mask=~np.isfinite(series.values)),
                })
            )  # fmt: skip
    if not parts:
        raise InvalidRequest("These runs have recorded no metrics.")
    table = pyarrow.concat_tables(parts)
    described = json.dumps([describe(*source) for source in sources], ensure_ascii=False)
    table = table.replace_schema_metadata({b"runs": described.encode()})
    buffer = io.BytesIO()
    pyarrow.parquet.write_table(table, buffer, compression="zstd")
    return buffer.getvalue(), ()
