"""From a run in the library to the run itself, and to the page that shows it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import streamlit as st

from tlcore.errors import InvalidRequest, LabError
from tlcore.gallery import recorded
from tlcore.presets import Preset, all_presets, find_preset
from tlcore.runs import Run, Store
from tlcore.runs.library import Library
from tlcore.runs.lineage import Arrow
from tlcore.specs import CheckpointStart, OwnFeatures, OwnPictures, RunSpec, override, parameters
from tlcore.specs.base import Spec
from tlcore.specs.parameters import with_contents
from ui.experiment import MOST_SEEDS, Experiment
from ui.library import RunView, executor

PAGES = Path(__file__).resolve().parents[1] / "pages"


@st.cache_resource(show_spinner=False)
def shipped() -> tuple[Store, ...]:
    """The files of recorded runs that ship with the lab."""
    return tuple(store for name in all_presets() if (store := recorded(name)) is not None)


def library() -> Library:
    """The library of whoever looks.

    Raises:
        StoreError: the store cannot be opened.
    """
    return _library_over(executor().store)


@lru_cache(maxsize=100)
def _library_over(store: Store) -> Library:
    return Library(store, shipped(), {name: preset.title for name, preset in all_presets().items()})


@st.cache_resource(show_spinner=False)
def recorded_arrows() -> tuple[Arrow, ...]:
    """Which recorded run's weights went into which: their files may be older than the table of it."""
    arrows = []
    for store in shipped():
        for run in store.runs():
            arrows += [Arrow(spec.content_hash, run.id, "run") for spec in run.spec.dependencies()]
            if isinstance(run.spec.start, CheckpointStart):
                arrows.append(Arrow(run.spec.start.run, run.id, "checkpoint"))
    return tuple(arrows)


def reach(run_id: str) -> RunView | None:
    """The run with this identity: of this lab, else the recorded one; None where there is none.

    Raises:
        StoreError: this version cannot read it.
    """
    own = executor().store.get(run_id)
    if own is not None:
        return RunView(own, executor().store, False)
    for store in shipped():
        run = store.get(run_id)
        if run is not None:
            return RunView(run, store, True)
    return None


def reach_all(run_ids: Sequence[str]) -> tuple[list[RunView], list[str]]:
    """The runs that are there, and a sentence for each that this version cannot read."""
    views, problems = [], []
    for run_id in run_ids:
        try:
            view = reach(run_id)
        except LabError as error:
            problems.append(str(error))
        else:
            if view is not None:
                views.append(view)
    return views, problems


def page_of(preset: Preset) -> Path | None:
    """The script of a preset's page, if it is in this version."""
    path = PAGES / f"{preset.page.replace('-', '_')}.py"
    return path if path.is_file() else None


# By the spec, which its identity stands for: whoever looks, and whenever, it comes to the same.
@st.cache_data(show_spinner=False, max_entries=500)
def _changes_of(identity: str, preset_name: str, arm: str, _spec: RunSpec) -> dict[str, str] | None:
    preset = find_preset(preset_name)
    own = [data for data in _spec.datasets() if isinstance(data, OwnPictures | OwnFeatures)]
    seeded = with_contents(
        override(preset.arms, {"seed": _spec.seed}), {data.dataset: data.content for data in own if data.content}
    )
    if seeded[arm].content_hash == identity:
        return {}
    within = _changed(seeded[arm], _spec)
    besides = {path: value for path, value in within.items() if not path.startswith("data.")}
    # Data of another kind have other parameters, and can only be given whole.
    parts = {
        f"data.{place}": data.canonical_json()
        for place in ("source", "target")
        if isinstance(data := getattr(_spec.data, place, None), Spec)
        and data != getattr(seeded[arm].data, place, None)
    }  # fmt: skip
    for changes in (within, parts | besides, {"data": _spec.data.canonical_json()} | besides):
        try:
            rebuilt = override(override(preset.arms, changes), {"seed": _spec.seed})
        except LabError:
            continue
        if rebuilt[arm].content_hash == identity:
            return changes
    return None


def _changed(before: RunSpec, after: RunSpec) -> dict[str, str]:
    """The parameters in which a run differs from an arm, and those in which the runs they start from differ: a change
    is one of the whole experiment.
    """
    known = {parameter.path: parameter.value for parameter in parameters(before)}
    changes = {
        parameter.path: _written(parameter.value)
        for parameter in parameters(after)
        if parameter.path != "seed" and known.get(parameter.path) != parameter.value
    }
    starts = before.dependencies(), after.dependencies()
    return _changed(starts[0][0], starts[1][0]) | changes if all(starts) else changes


def _written(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def experiment_of(run: Run) -> Experiment | None:
    """The experiment whose page shows this run, or None where no page can."""
    try:
        preset = find_preset(run.preset or "")
    except InvalidRequest:
        return None
    if run.arm not in preset.arms or run.spec.seed >= MOST_SEEDS:
        return None
    if isinstance(run.spec.start, CheckpointStart):
        return Experiment(preset, {}, seed=run.spec.seed, forks=(run.id,))
    try:
        changes = _changes_of(run.id, preset.identity, run.arm, run.spec)
    except LabError:
        return None
    return None if changes is None else Experiment(preset, changes, seed=run.spec.seed)
