"""The runs of layer transfer as its page sees them: the arms, what was built at the bench, and what is shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import streamlit as st

from tlcore.presets.layer_transfer import BASE, BASE_A, LAYERS, split_arm, textbook_arm
from tlcore.specs import LayerTransfer, RunSpec
from ui.address import number_of
from ui.comparison import Finished
from ui.crowd import redraw_seconds
from ui.experiment import COMPARED_SEEDS, Experiment
from ui.library import RunView, find_several

METRIC = "target_accuracy"
MOST_BUILT = 12  # runs of the bench in one address
CHANGES = {"labels": "other labels", "input": "another sensor"}


@dataclass(frozen=True)
class Board:
    """Everything the page shows of an experiment, read once for each drawing.

    views: by seed (a split), then by arm. built: runs of the bench, in the order in which they were asked for.
    """

    experiment: Experiment
    views: Mapping[int, Mapping[str, RunView | None]]
    built: Sequence[RunView]

    def view(self, name: str) -> RunView | None:
        """The run of an arm in the split that is shown, or a run of the bench by its identity."""
        own = next((view for view in self.built if view.run.id == name), None)
        return own or self.views[self.experiment.seed].get(name)

    @cached_property
    def finished(self) -> Finished:
        """Every finished run of the arms, also of splits beyond those that were asked for."""
        found: dict[str, list[RunView]] = {}
        for seed in sorted(self.views):
            for arm, view in self.views[seed].items():
                if view is not None and view.run.state == "finished" and METRIC in view.run.summary:
                    found.setdefault(arm, []).append(view)
        return Finished(found)

    def values(self, arm: str) -> list[float]:
        """Accuracy on the task of each finished split."""
        return self.finished.values(arm, METRIC)

    @cached_property
    def points(self) -> dict[str, dict[int, list[float]]]:
        """Values over the splits by curve, then by n, for the figures."""
        found: dict[str, dict[int, list[float]]] = {}
        for arm in self.experiment.arms:
            parts, values = split_arm(arm), self.values(arm)
            if parts is not None and values:
                found.setdefault(parts[0], {})[parts[1]] = values
        return found

    def by_split(self, arm: str) -> dict[int, float]:
        """Accuracy by split."""
        return {view.run.spec.seed: view.run.summary[METRIC] for view in self.finished.views.get(arm, ())}

    def title(self, name: str) -> str:
        """An arm as it is called, a run of the bench by what was done."""
        own = next((view for view in self.built if view.run.id == name), None)
        return f"bench: {built_title(own.run.spec)}" if own is not None else arm_title(name)


def arm_title(arm: str) -> str:
    """The paper's own name; the arms of first or last in words."""
    change, _, rest = arm.partition(":")
    if change not in CHANGES:
        return {BASE: "base B", BASE_A: "base A"}.get(arm, arm)
    kept, _, count = rest.partition("@")
    return f"{CHANGES[change]}, {f'{kept} {count} kept' if count else 'base'}"


def built_title(spec: RunSpec) -> str:
    """What the paper calls it, else what was done."""
    return textbook_arm(spec) or spec.method.title


def tasks_of(experiment: Experiment) -> dict[str, str]:
    """The base arm of each task that layers can be brought to, with its words."""
    if BASE in experiment.arms:
        return {BASE: "B"}
    return {f"{change}:base": words for change, words in CHANGES.items()}


def place_of(spec: RunSpec, *, counted: bool = False) -> int:
    """Where a run of the bench stands on the axis: its last copied layer, or its last frozen one; counted: how many
    layers of the feature extractor are kept."""
    method = spec.method
    if not isinstance(method, LayerTransfer):
        return 0
    if counted:
        return sum(number <= LAYERS for number in method.copied or method.frozen)
    return max(method.copied or method.frozen or (0,))


def board_of(experiment: Experiment) -> Board:
    """Read the runs of an experiment."""
    views = experiment.views_of({*range(COMPARED_SEEDS), experiment.seed})
    found = find_several(experiment.preset, built_ids(experiment))
    alike = [experiment.arms[task] for task in tasks_of(experiment)]
    built = [found[run] for run in built_ids(experiment) if run in found and _like(found[run].run.spec, alike)]
    return Board(experiment, views, built)


def _like(spec: RunSpec, bases: Sequence[RunSpec]) -> bool:
    """Only runs that differ from a base in nothing but their layers can stand beside it."""
    return any(
        (spec.data, spec.network, spec.optimisation, spec.budget, spec.augmentation)
        == (base.data, base.network, base.optimisation, base.budget, base.augmentation)
        for base in bases
    )


def built_ids(experiment: Experiment) -> list[str]:
    """Identities of the runs that were asked for at the bench, in this session or by the address."""
    key = f"built-{experiment.preset.name}"
    if key not in st.session_state:
        asked = st.query_params.get("built", "").split(",")
        st.session_state[key] = [run for run in asked if run.isalnum() and len(run) == 16][:MOST_BUILT]
    found: list[str] = st.session_state[key]
    return found


def add_built(experiment: Experiment, run: str) -> None:
    """Let a run of the bench join the figure; of too many the oldest leaves."""
    known = [one for one in built_ids(experiment) if one != run]
    st.session_state[f"built-{experiment.preset.name}"] = [*known, run][-MOST_BUILT:]


def pace_of(experiment: Experiment) -> float | None:
    """How often to look: as for every experiment, and while a run of the bench lives."""
    pace = experiment.refresh_seconds()
    if pace is None and built_ids(experiment):
        built = find_several(experiment.preset, built_ids(experiment)).values()
        return redraw_seconds() if any(view.run.live for view in built) else None
    return pace


# The run that is shown ---------------------------------------------------------------------------------------------


def _default(experiment: Experiment) -> str:
    wanted = [arm for arm in experiment.preset.side_by_side if arm in experiment.arms]
    return wanted[-1] if wanted else next(iter(experiment.arms))


def choices(experiment: Experiment) -> list[str]:
    """All arms, and the runs of the bench."""
    return [*experiment.arms, *built_ids(experiment)]


def chosen_run(experiment: Experiment) -> str:
    """The arm, or the run of the bench, that is shown: of this session, at first of the address, else the preset's."""
    key = f"chosen-run-{experiment.preset.name}"
    if st.session_state.get(key) not in choices(experiment):
        asked = st.query_params.get("arm")
        st.session_state[key] = asked if asked in choices(experiment) else _default(experiment)
    return str(st.session_state[key])


def chosen_address(experiment: Experiment) -> dict[str, str | None]:
    """What of the choice belongs into the address."""
    chosen, built = chosen_run(experiment), built_ids(experiment)
    return {"arm": None if chosen == _default(experiment) else chosen, "built": ",".join(built) or None}


def open_point(experiment: Experiment, point: str, view: Mapping[str, str | None]) -> None:
    """Show the run behind a point of the figure, `ARM|SPLIT`. view: what else the address holds."""
    name, _, seed = point.partition("|")
    if name not in choices(experiment):
        return
    st.session_state[f"chosen-run-{experiment.preset.name}"] = name
    number = number_of(seed)
    if number is not None and number != experiment.seed:
        replace(experiment, seed=number).write_address(**{**view, **chosen_address(experiment)})


def base_of(experiment: Experiment, name: str) -> str:
    """The base network of the task that an arm, or a run of the bench, learns."""
    change = name.partition(":")[0]
    return f"{change}:base" if change in CHANGES else next(iter(tasks_of(experiment)))


def compared_bases(experiment: Experiment) -> tuple[str, str]:
    """The two base networks whose layers are compared."""
    return BASE_A, next(iter(tasks_of(experiment)))


def is_built(experiment: Experiment, run: str) -> bool:
    """Whether a run was asked for at the bench."""
    return run in built_ids(experiment)
