"""What a person takes along from a page: the link, the same run in Python and in the terminal, and the data."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from urllib.parse import urlencode

import streamlit as st

from tlcore.runs.export import content_of
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
        ("metrics (CSV)", "csv", f"{name}-metrics.csv"),
        ("frames (NPZ)", "npz", f"{name}-frames.npz"),
    ]
    if not view.is_recorded and (view.store.run_folder(view.run.id) / "weights.safetensors").is_file():
        files.append(("weights (safetensors)", "safetensors", f"{name}.safetensors"))
    for label, kind, file_name in files:
        # A function instead of the content: nothing is built before someone clicks.
        content = partial(content_of, view.store, view.run, kind)
        st.download_button(
            f"{title}: {label}", content, file_name, "application/octet-stream", on_click="ignore",
            key=f"download-{file_name}",
        )  # fmt: skip


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


def _number(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return {"True": True, "False": False}.get(text, text)
