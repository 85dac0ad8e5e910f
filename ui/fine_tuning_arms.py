"""The arms of a fine-tuning experiment as its page sees them: methods by labels per class, and the two shown."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

import streamlit as st

from tlcore.analysis.statistics import Summary, summarise
from tlcore.plots.fine_tuning import Measured, shots_label
from tlcore.presets.fine_tuning import SOURCE, arm_name, split_arm
from tlcore.runs import Probe, Series, Store
from tlcore.specs import FineTune, FixedFeatures, RunSpec
from ui.address import number_of
from ui.comparison import Finished
from ui.experiment import COMPARED_SEEDS, Experiment
from ui.library import RunView

MOST_PROBES = 50
METRICS = {"target_accuracy": "accuracy on the target", "source_accuracy": "accuracy on the source"}
_BRACKETS = re.compile(r"(^|: )[^:]*\((.+)\)$")


@dataclass(frozen=True)
class Board:
    """Everything the page shows of an experiment, read once for each drawing.

    views: by seed, then by arm. methods: in the order of the preset. shots: labels per class, all of them (0) last.
    """

    experiment: Experiment
    views: Mapping[int, Mapping[str, RunView | None]]
    methods: tuple[str, ...]
    shots: tuple[int, ...]
    titles: Mapping[str, str]

    def view(self, arm: str) -> RunView | None:
        """The run of an arm in the seed that is shown."""
        return self.views[self.experiment.seed].get(arm)

    def arms_at(self, shots: int) -> dict[str, str]:
        """The arms of so many labels per class, by method."""
        named = {method: arm_name(method, shots) for method in self.methods}
        return {method: arm for method, arm in named.items() if arm in self.experiment.arms}

    @property
    def short_titles(self) -> dict[str, str]:
        """The methods where there is little room: of "Parameters held (L2-SP)" what stands in brackets."""
        return {method: _BRACKETS.sub(r"\1\2", title) for method, title in self.titles.items()}

    def title(self, arm: str) -> str:
        """`Fine-tuned, 5 per class`."""
        return _title(arm, self.experiment.arms, self.titles)

    @cached_property
    def finished(self) -> Finished:
        """Every finished run, also of seeds beyond those that were asked for."""
        found: dict[str, list[RunView]] = {}
        for arms in self.views.values():
            for arm, view in arms.items():
                if view is not None and view.run.state == "finished":
                    found.setdefault(arm, []).append(view)
        return Finished(found)

    def summary(self, method: str, shots: int, metric: str) -> Summary | None:
        """A metric of an arm over its finished seeds; None where there is none."""
        values = self.finished.values(arm_name(method, shots), metric)
        return summarise(values) if values else None

    def source_accuracy(self) -> float | None:
        """What the source network reaches on its own task, in the seed that is shown or the first that is there."""
        view = self.view(SOURCE) if SOURCE in self.experiment.arms else None
        if view is not None and "source_accuracy" in view.run.summary:
            return view.run.summary["source_accuracy"]
        known = self.finished.values(SOURCE, "source_accuracy")
        return known[0] if known else None

    def measured(self, metric: str) -> list[Measured]:
        """Every run that has finished, trains or waits, with its value; those of the shown seed first."""
        shown = self.experiment.seed
        found = []
        for seed in sorted(self.views, key=lambda seed: (seed != shown, seed)):
            for arm, view in self.views[seed].items():
                parts = split_arm(arm)
                if view is None or parts is None or view.run.state not in ("finished", "running", "queued"):
                    continue
                value = view.run.summary.get(metric)
                if view.run.state == "running":
                    line = view.store.metrics(view.run.id, [metric]).get(metric)
                    value = float(line.values[-1]) if line is not None else None
                if value is not None or view.run.state != "finished":
                    found.append(Measured(*parts, seed, view.run.state, value, f"{arm}|{seed}"))
        return found


def board_of(experiment: Experiment) -> Board:
    """Read the runs of an experiment."""
    parts = [part for part in map(split_arm, experiment.arms) if part is not None]
    methods = tuple(dict.fromkeys(method for method, _ in parts))
    shots = tuple(sorted({count for _, count in parts}, key=lambda count: count or 10**9))
    return Board(
        experiment,
        experiment.views_of({*range(COMPARED_SEEDS), experiment.seed}),
        methods,
        shots,
        method_titles(experiment.arms),
    )


def method_titles(arms: Mapping[str, RunSpec]) -> dict[str, str]:
    """What each method is called. Arms that are named otherwise than their method are variants of it, and are called by
    what they do otherwise."""
    specs: dict[str, RunSpec] = {}
    for arm, spec in arms.items():
        parts = split_arm(arm)
        if parts is not None:
            specs[parts[0]] = spec
    return {method: _method_title(method, spec) for method, spec in specs.items()}


def _method_title(method: str, spec: RunSpec) -> str:
    """`near:fine_tune`, from one of two sources, is "Near: fine-tuned"."""
    source, _, name = method.rpartition(":")
    title = spec.method.title if name == spec.method.name else _variant(name, spec)
    return f"{source.capitalize()}: {title[0].lower()}{title[1:]}" if source else title


def arm_titles(arms: Mapping[str, RunSpec]) -> dict[str, str]:
    """`Fine-tuned, 5 per class` for each arm."""
    titles = method_titles(arms)
    return {arm: _title(arm, arms, titles) for arm in arms}


def _title(arm: str, arms: Mapping[str, RunSpec], titles: Mapping[str, str]) -> str:
    parts = split_arm(arm)
    if parts is None:
        return arms[arm].method.title
    method, shots = parts
    return f"{titles[method]}, {f'{shots} per class' if shots else 'all labels'}"


def _variant(name: str, spec: RunSpec) -> str:
    """`last_2` is "Last 2 layers tuned"."""
    method = spec.method
    if isinstance(method, FineTune):
        if method.last_layers:
            return "Last layer tuned" if method.last_layers == 1 else f"Last {method.last_layers} layers tuned"
        if method.gradual_unfreezing:
            return "Unfrozen in turn"
        if method.rate_decay < 1:
            return "Lower layers slower"
        if method.early_stopping:
            return "Stopped early"
    if isinstance(method, FixedFeatures):
        if getattr(spec.network, "weights", "") == "none":
            return "Random features"
        if method.layer:
            return f"Features after layer {method.layer}"
        if method.classifier == "svm":
            return "Fixed features, SVM"
    words = name.replace("_", " ")
    return words[0].upper() + words[1:]


def probe_of(view: RunView) -> Probe | None:
    """The points that are followed; they never change once there are any, and weigh some."""
    known = _probes.get((view.store, view.run.id)) or view.store.probe(view.run.id)
    if known is not None:
        if len(_probes) > MOST_PROBES:
            _probes.clear()
        _probes[view.store, view.run.id] = known
    return known


_probes: dict[tuple[Store, str], Probe] = {}


def moment_of(view: RunView) -> tuple[str, bool, str, int]:
    """What tells whether anything new was measured of a run since it was looked at last."""
    return view.run.id, view.is_recorded, view.run.state, view.run.step


def metrics_of(view: RunView) -> dict[str, Series]:
    """Everything measured of a run; what no longer changes is read once."""
    run = view.run
    return _metrics(view.store, run.id, run.step, run.state) if not run.live else view.store.metrics(run.id)


@lru_cache(maxsize=300)
def _metrics(store: Store, run_id: str, step: int, state: str) -> dict[str, Series]:
    return store.metrics(run_id)


def layers_of(metrics: Mapping[str, Series], prefix: str) -> dict[str, Series]:
    """The series called `prefix.LAYER`, by layer, in the order of the network: `features.3` before `features.10`."""
    found = {name.partition(".")[2]: line for name, line in metrics.items() if name.startswith(f"{prefix}.")}
    return {name: found[name] for name in sorted(found, key=_natural)}


def _natural(name: str) -> list[tuple[int, str | int]]:
    return [(0, int(part)) if part.isdigit() else (1, part) for part in re.split(r"(\d+)", name) if part]


# The two arms that are shown ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Pair:
    """The two arms that stand side by side. What is told of one arm alone is told of the right one."""

    left: str
    right: str

    @property
    def shots(self) -> int:
        """The labels per class whose arms are told of together: those of the right one."""
        parts = split_arm(self.right)
        return parts[1] if parts else 0

    @property
    def arms(self) -> tuple[str, ...]:
        """One arm chosen twice is shown once."""
        return tuple(dict.fromkeys((self.left, self.right)))


def _keys(experiment: Experiment) -> tuple[str, str, str]:
    name = experiment.preset.name
    return f"left-arm-{name}", f"right-arm-{name}", f"labels-{name}"


def _choices(experiment: Experiment) -> list[str]:
    return [arm for arm in experiment.arms if split_arm(arm) is not None]


def _default(experiment: Experiment) -> Pair:
    choices = _choices(experiment)
    wanted = [arm for arm in experiment.preset.side_by_side if arm in choices]
    return Pair(*[*wanted, choices[0], choices[-1]][:2])


def chosen_pair(experiment: Experiment) -> Pair:
    """The pair of this session; at first that of the address, else the preset's."""
    left, right, _ = _keys(experiment)
    choices, default = _choices(experiment), _default(experiment)
    if left not in st.session_state or st.session_state[left] not in choices:
        asked = st.query_params.get("arms", "").split(",")
        pair = Pair(*asked) if len(asked) == 2 and all(arm in choices for arm in asked) else default
        labels = st.query_params.get("k", "")
        shots = 0 if labels == "all" else number_of(labels)
        st.session_state[left], st.session_state[right] = pair.left, pair.right
        if shots is not None:
            _take_labels(experiment, shots)
    return Pair(st.session_state[left], st.session_state.get(right, default.right))


def pair_address(experiment: Experiment, pair: Pair) -> dict[str, str | None]:
    """What of the choice belongs into the address."""
    usual = pair == _default(experiment)
    return {"arms": None if usual else f"{pair.left},{pair.right}", "k": None if usual else shots_label(pair.shots)}


def open_point(experiment: Experiment, point: str) -> None:
    """Show the run behind a point of the curve, `ARM|SEED`, on the right, and on the left the method that was there
    with as many labels."""
    arm, _, seed = point.partition("|")
    parts = split_arm(arm)
    if arm not in _choices(experiment) or parts is None or number_of(seed) is None:
        return
    _take_labels(experiment, parts[1])
    left, right, _ = _keys(experiment)
    if st.session_state.get(left) == arm:
        st.session_state[left] = st.session_state[right]
    st.session_state[right] = arm
    if int(seed) != experiment.seed:
        replace(experiment, seed=int(seed)).write_address(**pair_address(experiment, chosen_pair(experiment)))


def _take_labels(experiment: Experiment, shots: int) -> None:
    """Bring both arms to so many labels per class, where there are such arms."""
    for key in _keys(experiment)[:2]:
        parts = split_arm(st.session_state.get(key, ""))
        if parts is not None and arm_name(parts[0], shots) in experiment.arms:
            st.session_state[key] = arm_name(parts[0], shots)


def pair_choice(board: Board) -> None:
    """Labels per class, and the two arms: a row of widgets."""
    experiment = board.experiment
    left, right, labels = _keys(experiment)
    pair = chosen_pair(experiment)
    st.session_state[labels] = pair.shots

    def relabel() -> None:
        if st.session_state[labels] is not None:
            _take_labels(experiment, st.session_state[labels])

    with st.container(horizontal=True, vertical_alignment="bottom", key="pair-choice"):
        if len(board.shots) > 1:
            st.segmented_control(
                "Labels per class", board.shots, format_func=shots_label, key=labels, on_change=relabel
            )
        for key, side in ((left, "Left"), (right, "Right")):
            st.selectbox(side, _choices(experiment), format_func=board.title, key=key, width=232)
        seeds = [seed for seed, arms in board.views.items() if any(arms.get(arm) for arm in pair.arms)]
        if len(seeds) > 1 or (seeds and experiment.seed not in seeds):
            _seed_choice(experiment, sorted({*seeds, experiment.seed}))


def _seed_choice(experiment: Experiment, seeds: list[int]) -> None:
    key = f"shown-seed-{experiment.preset.name}"
    st.session_state[key] = experiment.seed

    def choose() -> None:
        pair = chosen_pair(experiment)
        replace(experiment, seed=st.session_state[key]).write_address(**pair_address(experiment, pair))

    st.selectbox("Seed", seeds, key=key, on_change=choose, width=76)
