"""What a person takes along from a page: the link, the same in Python and in the terminal, films, pictures, data."""

from __future__ import annotations

import html
import json
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import urlencode

import streamlit as st

from tlcore.exports import Source, View, content_of
from tlcore.exports.animation import has_ffmpeg
from tlcore.exports.apart import content_apart
from tlcore.exports.shown import COLOURINGS, MOST_PANELS
from ui.downloads import download, download_trouble
from ui.experiment import Experiment
from ui.library import RunView, executor
from ui.player import PlayerState

MIME = {
    "html": "text/html", "gif": "image/gif", "mp4": "video/mp4", "png": "image/png", "svg": "image/svg+xml",
    "csv": "text/csv", "tensorboard": "application/zip",
}  # fmt: skip

WHERE = (
    "In the folder of the lab, after `. .venv/bin/activate` (Windows: `.venv\\Scripts\\activate`), which switches a "
    "terminal to the environment that `make run` has made."
)
MOST_ROWS = 5  # downloads of more runs than these hide behind a choice


@dataclass
class Watched:
    """What the viewer sees at this moment. The player renews it; a download reads it when it is pressed."""

    state: PlayerState | None = None


def watched(page: str) -> Watched:
    """The one of this session and page."""
    found: Watched = st.session_state.setdefault(f"_watched_{page}", Watched())
    return found


def take_along(
    experiment: Experiment, views: Sequence[RunView], *, beside: Sequence[str] | None = None,
    titles: Mapping[str, str] | None = None,
) -> None:  # fmt: skip
    """Draw the section. views: the runs there are, one of each arm. beside: the arms that stand side by side, if the
    viewer has chosen them; else those of the preset. titles: what the page calls its arms; else they are called by
    their methods.
    """
    named = titles or {}
    arms = experiment.preset.side_by_side if beside is None else beside
    # `st.code` brings a highlighter that takes the browser half a second to read: only for who wants to see code.
    link, python, terminal = st.tabs(["Link", "Python", "Terminal"], key="take-along-tabs", on_change="rerun")
    with link:
        st.caption("The address of this page holds preset, parameters, seeds, projection and step. Copy it from here:")
        st.html(f"<code class='tl-copy'>{html.escape(address_of(experiment))}</code>")
    if python.open:
        python.code(python_code(experiment), language="python")
        python.caption(WHERE)
    if terminal.open:
        commands = [terminal_command(experiment), *export_command(views, arms)]
        terminal.code("\n".join(commands), language="bash")
        terminal.caption(WHERE)
    sight = watched(experiment.preset.page)
    if trouble := download_trouble():
        st.warning(trouble)
    _films(experiment.preset.name, _side_by_side(views, arms), sight)
    for row, view in enumerate(_chosen(views, arms, named)):
        _data(view, sight, _arm_title(view, named), f"run-{row}")


def _chosen(views: Sequence[RunView], arms: Sequence[str], titles: Mapping[str, str]) -> Sequence[RunView]:
    """Of few runs all; of many those that stand side by side, or the one that is asked for."""
    if len(views) <= MOST_ROWS:
        return views
    by_arm = {view.run.arm or view.run.id: view for view in views}
    picked = st.selectbox(
        "Numbers and weights of", ["the runs shown above", *by_arm], key="take-along-arm", width=330,
        format_func=lambda arm: _arm_title(by_arm[arm], titles) if arm in by_arm else arm,
    )  # fmt: skip
    return [by_arm[picked]] if picked in by_arm else [by_arm[arm] for arm in arms if arm in by_arm]


def _arm_title(view: RunView, titles: Mapping[str, str]) -> str:
    """What the page calls an arm, else its method, with what tells arms of one method apart: the task of a run with one
    alone, and the part of the arm's name after the `@`."""
    if view.run.arm in titles:
        return titles[view.run.arm]
    _, _, rest = (view.run.arm or "").partition("@")
    tasks = getattr(view.run.spec.data, "tasks", ())
    title = f"{view.run.spec.method.title}: {tasks[0]}" if len(tasks) == 1 else view.run.spec.method.title
    return f"{title} @ {rest}" if rest else title


def _films(preset: str, beside: Sequence[RunView], sight: Watched) -> None:
    """The film and the picture of the runs that stand side by side, as they are shown at the moment of the click."""
    if not beside:
        return
    theme = st.context.theme.type if st.context.theme.type in ("light", "dark") else "light"
    names = "-".join((view.run.arm or view.run.spec.method.name).replace("@", "-") for view in beside)
    rows = {"Film": ("html", "gif", *(["mp4"] if has_ffmpeg() else [])), "Picture": ("png", "svg")}
    for title, kinds in rows.items():
        with _row(title):
            for kind in kinds:
                _button(
                    title, kind.upper(), kind, f"{preset}-{names}-{title.lower()}.{kind}",
                    partial(_drawn, executor().store.folder, beside, kind, sight, None if kind == "html" else theme),
                    HELP.get(kind),
                )  # fmt: skip


def _data(view: RunView, sight: Watched, title: str, row: str) -> None:
    """Numbers and weights of one run, in a row of that name."""
    name = f"{view.run.spec.method.name}-{view.run.id}"
    folder = executor().store.folder
    here = partial(content_of, [Source(view.store, view.run)])
    with _row(title):
        _button(row, "metrics (CSV)", "csv", f"{name}-metrics.csv", partial(here, "csv"))
        if _has_frames(view):
            _button(row, "frames (NPZ)", "npz", f"{name}-frames.npz", partial(here, "npz"))
            _button(
                row, "frames (Parquet)", "parquet", f"{name}-frames.parquet",
                partial(_drawn, folder, [view], "parquet", sight, None),
            )  # fmt: skip
        if view.run.step:
            _button(
                row, "TensorBoard", "tensorboard", f"{name}-tensorboard.zip",
                partial(_drawn, folder, [view], "tensorboard", sight, None), HELP["tensorboard"],
            )  # fmt: skip
        if not view.is_recorded and (view.store.run_folder(view.run.id) / "weights.safetensors").is_file():
            _button(
                row, "weights (safetensors)", "safetensors", f"{name}.safetensors",
                partial(here, "safetensors"),
            )  # fmt: skip


HELP = {
    "html": "One file with the player and all its interactions; it opens from disk, without internet.",
    "gif": "An animation for slides; drawing it takes some seconds.",
    "mp4": "A film for slides; drawing it takes some seconds.",
    "tensorboard": "Curves, and where the run keeps features also these for the projector, as a zip: unpack it and run "
    "tensorboard --logdir on the folder.",
}


def _row(title: str) -> st.delta_generator.DeltaGenerator:
    """A line of downloads with its name before them."""
    name, buttons = st.columns([1, 6], vertical_alignment="center")
    name.caption(title)
    return buttons.container(horizontal=True, gap="small")


def _button(
    row: str, label: str, kind: str, file_name: str, content: Callable[[], bytes], help_text: str | None = None
) -> None:
    # Known by its place: whoever follows a hundred runs here sees the same buttons all the time.
    download(
        label, content, file_name, mime=MIME.get(kind, "application/octet-stream"), key=f"download-{row}-{kind}",
        help_text=help_text,
    )  # fmt: skip


def _side_by_side(views: Sequence[RunView], arms: Sequence[str]) -> list[RunView]:
    """The runs that make a film together."""
    by_arm = {view.run.arm: view for view in views if _has_frames(view)}
    found = [by_arm[arm] for arm in arms if arm in by_arm]
    return found[:MOST_PANELS]


def _has_frames(view: RunView) -> bool:
    return bool(view.store.projections(view.run.id)) and view.store.probe(view.run.id) is not None


def _drawn(folder: Path, views: Sequence[RunView], kind: str, sight: Watched, theme: str | None) -> bytes:
    """A file made by a process of its own, of what the viewer sees now. Runs in a thread without a session."""
    state = sight.state
    common = set.intersection(*(set(view.store.projections(view.run.id)) for view in views))
    projection = state.projection if state is not None and state.projection in common else None
    colour_by = state.colour_by if state is not None and state.colour_by in COLOURINGS else "domain"
    step = state.step if state is not None and kind in ("png", "svg") else None
    wanted = View(projection=projection, colour_by=colour_by, step=step, theme=theme)
    return content_apart(
        folder, [view.run.id for view in views], kind, wanted, recorded=all(view.is_recorded for view in views)
    )


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
        "print(result.summary)\nresult.plot().show()\n"
        'result.player()  # the film, in a notebook\nresult.export("film.html", force=True)'
    )


def terminal_command(experiment: Experiment) -> str:
    """The experiment as a command."""
    seeds = "" if experiment.seeds == 1 else f" --seeds {experiment.seeds}"
    changes = "".join(f" --set {shlex.quote(f'{path}={value}')}" for path, value in experiment.changes.items())
    return f"python -m tlcore run {experiment.preset.identity}{seeds}{changes}"


def export_command(views: Sequence[RunView], arms: Sequence[str]) -> list[str]:
    """The command that writes the film of these arms, where there is one."""
    runs = [view.run.id for view in _side_by_side(views, arms)]
    if not runs:
        return []
    return [f"python -m tlcore export {' --with '.join(runs)} --format html --output film.html"]


def _number(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return {"True": True, "False": False}.get(text, text)
