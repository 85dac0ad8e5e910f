"""What a person takes along from a page: the link, the same run in Python and in the terminal, and the data."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from functools import partial
from urllib.parse import urlencode

import numpy as np
import pandas as pd
import streamlit as st

from ui.experiment import Experiment
from ui.library import RunView


def take_along(experiment: Experiment, views: Sequence[RunView]) -> None:
    """Draw the section. views: the runs that are shown."""
    link, python, terminal = st.tabs(["Link", "Python", "Terminal"])
    with link:
        st.caption("The address of this page holds preset, parameters, seeds, projection and step. Copy it from here:")
        st.code(address_of(experiment), language=None, wrap_lines=True)
    with python:
        st.code(python_code(experiment), language="python")
    with terminal:
        st.code(terminal_command(experiment), language="bash", wrap_lines=True)
    with st.container(horizontal=True):
        for view in views:
            _downloads(view)


def _downloads(view: RunView) -> None:
    title = view.run.spec.method.title
    name = f"{view.run.spec.method.name}-{view.run.id}"
    files = [
        (f"{title}: metrics (CSV)", partial(metrics_csv, view), f"{name}-metrics.csv", "text/csv"),
        (f"{title}: frames (NPZ)", partial(frames_npz, view), f"{name}-frames.npz", "application/octet-stream"),
    ]
    weights = view.store.run_folder(view.run.id) / "weights.safetensors"
    if not view.is_recorded and weights.is_file():
        label = f"{title}: weights (safetensors)"
        files.append((label, weights.read_bytes, f"{name}.safetensors", "application/octet-stream"))
    for label, content, file_name, kind in files:
        # A function instead of the content: nothing is built before someone clicks.
        st.download_button(label, content, file_name, kind, on_click="ignore", key=f"download-{file_name}")


def address_of(experiment: Experiment) -> str:
    """The address of this page with everything that reproduces the view."""
    query = {name: st.query_params.get_all(name) for name in st.query_params} | experiment.query()
    return f"{(st.context.url or '').partition('?')[0]}?{urlencode(query, doseq=True)}"


def python_code(experiment: Experiment) -> str:
    """The experiment as a call of the Python interface."""
    seeds = "" if experiment.seeds == 1 else f", seeds={experiment.seeds}"
    changes = {path: _number(value) for path, value in experiment.changes.items()}
    changed = f", changes={changes!r}" if changes else ""
    return (
        "import tlcore\n\n"
        f'result = tlcore.run("{experiment.preset.identity}"{seeds}{changed})\n'
        "print(result.summary)\nresult.plot().show()"
    )


def terminal_command(experiment: Experiment) -> str:
    """The experiment as a command."""
    seeds = "" if experiment.seeds == 1 else f" --seeds {experiment.seeds}"
    changes = "".join(f" --set {path}={value}" for path, value in experiment.changes.items())
    return f"python -m tlcore run {experiment.preset.identity}{seeds}{changes}"


def metrics_csv(view: RunView) -> bytes:
    """Every metric of a run: a column a metric, a row a step."""
    series = view.store.metrics(view.run.id)
    table = pd.DataFrame({name: pd.Series(line.values, index=line.steps) for name, line in series.items()})
    return table.rename_axis("step").to_csv().encode()


def frames_npz(view: RunView) -> bytes:
    """The frames of a run as NumPy arrays, `umap_points` (frames, N, 2) and so on; readable without pickle."""
    arrays: dict[str, np.ndarray] = {}
    for projection in view.store.projections(view.run.id):
        frames = view.store.frames(view.run.id, projection)
        arrays[f"{projection}_steps"] = np.asarray([frame.step for frame in frames])
        arrays[f"{projection}_points"] = np.stack([frame.points for frame in frames])
        arrays[f"{projection}_predictions"] = np.stack([frame.predictions for frame in frames])
    probe = view.store.probe(view.run.id)
    if probe is not None:
        arrays |= {"labels": probe.labels, "domains": probe.domains}
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def _number(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return {"True": True, "False": False}.get(text, text)
