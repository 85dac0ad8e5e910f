"""The bench: the network as a row of layers, each copied or random, frozen or trained, and the run that this makes."""

from __future__ import annotations

import html
from dataclasses import dataclass, replace

import numpy as np
import streamlit as st

from tlcore.errors import InvalidRequest, LabError
from tlcore.presets import named_starts
from tlcore.presets.layer_transfer import BASE, BASE_A, LAYERS, textbook_arm
from tlcore.specs import LayerTransfer, RandomStart, RunSpec, RunStart, with_seed
from ui.address import number_of
from ui.experiment import Experiment
from ui.fine_tuning_network import KNOWN_LAYERS
from ui.layer_transfer_runs import METRIC, Board, add_built, arm_title, is_built, tasks_of
from ui.library import RunView, executor
from ui.page import card, card_header

A, B, RANDOM = "A", "B", "random"
ORIGINS = {A: "A (transfer)", B: "B (selffer)", RANDOM: "random"}
OUTPUT = LAYERS + 1
_TROUBLE = "_bench_trouble"
_STYLE = """
.st-key-bench-layers{flex-wrap:nowrap;padding-bottom:6px;gap:8px}
.st-key-bench-layers>*{flex:1 0 112px!important;min-width:112px}
[class*=st-key-bench-layer-]{width:100%;border:1.5px solid var(--tl-extractor);border-radius:9px;
 padding:8px;gap:6px;background:color-mix(in srgb,var(--tl-extractor) 9%,transparent)}
[class*=st-key-bench-layer-] button{width:100%;min-height:2rem;padding:.1rem .2rem}
[class*=st-key-bench-layer-] button p{font-size:.84rem}
[class*=st-key-bench-layer-]:has([data-copied=no]){border-style:dashed}
[class*=st-key-bench-layer-]:has([data-copied=yes]){background:color-mix(in srgb,var(--tl-extractor) 26%,transparent)}
[class*=st-key-bench-layer-]:has([data-frozen=yes]){background-image:
 repeating-linear-gradient(135deg,transparent 0 6px,color-mix(in srgb,var(--tl-extractor) 22%,transparent) 6px 8px)}
[class*=st-key-bench-layer-output]{border-color:var(--tl-label);
 background:color-mix(in srgb,var(--tl-label) 9%,transparent)!important}
[class*=st-key-bench-layer-output]:has([data-copied=yes]){
 background:color-mix(in srgb,var(--tl-label) 30%,transparent)!important}
[class*=st-key-bench-layer-output]:has([data-frozen=yes]){background-image:
 repeating-linear-gradient(135deg,transparent 0 6px,
 color-mix(in srgb,var(--tl-label) 22%,transparent) 6px 8px)!important}
.tl-bench-name{font-weight:600;font-size:.9rem;color:var(--tl-ink);display:flex;justify-content:space-between}
.tl-bench-name small{color:var(--tl-soft);font-weight:400}
"""


@dataclass(frozen=True)
class Bench:
    """What is set. task: the arm of the base of what is learned. origin: whose weights are copied."""

    task: str
    origin: str = A
    copied: tuple[int, ...] = (1, 2, 3)
    frozen: tuple[int, ...] = (1, 2, 3)

    @property
    def taken(self) -> tuple[int, ...]:
        """The layers that are copied: none where all weights are random, whatever was chosen before."""
        return () if self.origin == RANDOM else self.copied

    def text(self) -> str:
        """As the address has it: `A.1-2-3.1-2-3.base`."""
        numbers = ("-".join(map(str, found)) for found in (self.taken, self.frozen))
        return ".".join((self.origin, *numbers, self.task))

    def spec(self, experiment: Experiment) -> RunSpec:
        """The run that this makes in the split that is shown."""
        base = experiment.arms[self.task]
        starts = {A: experiment.arms.get(BASE_A), B: base}
        origin = starts.get(self.origin) if self.taken else None
        spec = RunSpec(
            method=LayerTransfer(copied=self.taken if origin else (), frozen=self.frozen),
            data=base.data, network=base.network, optimisation=base.optimisation, augmentation=base.augmentation,
            budget=base.budget, start=RunStart(spec=origin) if origin else RandomStart(),
        )  # fmt: skip
        return with_seed({"bench": spec}, experiment.seed)["bench"]


def bench_of(experiment: Experiment) -> Bench:
    """What is set in this session; at first what the address has."""
    key = f"bench-{experiment.preset.name}"
    if key not in st.session_state:
        st.session_state[key] = _from_text(experiment, st.query_params.get("bench", ""))
    found: Bench = st.session_state[key]
    return found


def _from_text(experiment: Experiment, text: str) -> Bench:
    tasks, parts = tasks_of(experiment), text.split(".")
    usual = Bench(next(iter(tasks)))
    if len(parts) != 4 or parts[0] not in ORIGINS or parts[3] not in tasks:
        return usual
    given = [[number_of(one) for one in part.split("-")] for part in parts[1:3]]
    numbers = [tuple(sorted({one for one in part if one is not None})) for part in given]
    if any(not 1 <= one <= OUTPUT for found in numbers for one in found):
        return usual
    copied = () if parts[0] == RANDOM else numbers[0]
    return Bench(parts[3], parts[0], copied, numbers[1])


def bench_address(experiment: Experiment) -> str | None:
    """What is set, unless it is what everybody begins with."""
    bench = bench_of(experiment)
    return None if bench == _from_text(experiment, "") else bench.text()


def bench_card(board: Board) -> None:
    """The row of layers, what the paper calls it, and the run."""
    experiment = board.experiment
    bench = bench_of(experiment)
    tasks = tasks_of(experiment)
    st.html(f"<style>{_STYLE}</style>")
    with card("bench"):
        card_header("The bench", f"split {experiment.seed}")
        with st.container(horizontal=True, vertical_alignment="bottom", key="bench-choices"):
            if len(tasks) > 1:
                _choice(experiment, "What changes", tasks, "task", bench.task)
            _choice(experiment, "Weights from", ORIGINS, "origin", bench.origin)
        with st.container(horizontal=True, key="bench-layers"):
            for number in range(1, OUTPUT + 1):
                _layer(experiment, bench, number)
        st.caption("Dashed: begins at random. Filled: copied. Hatched: frozen, it does not learn.")
        try:
            spec = bench.spec(experiment)
        except (InvalidRequest, ValueError) as error:  # another network, or parameters that do not fit together
            st.error(str(error))
            return
        _verdict(board, bench, spec)


def _choice(experiment: Experiment, label: str, options: dict[str, str], field: str, value: str) -> None:
    key = f"bench-{field}-{experiment.preset.name}"
    st.session_state[key] = value

    def choose() -> None:
        if st.session_state[key] is None:
            return
        _set(experiment, replace(bench_of(experiment), **{field: st.session_state[key]}))

    st.segmented_control(label, [*options], format_func=options.__getitem__, key=key, on_change=choose)


def _set(experiment: Experiment, bench: Bench) -> None:
    st.session_state[f"bench-{experiment.preset.name}"] = bench


def _layer(experiment: Experiment, bench: Bench, number: int) -> None:
    is_output = number == OUTPUT
    names = KNOWN_LAYERS.get(experiment.arms[bench.task].network.name, ())
    name = "output" if is_output else names[number - 1] if len(names) == LAYERS else f"layer {number}"
    copied, frozen = number in bench.taken, number in bench.frozen
    with st.container(key=f"bench-layer-{'output' if is_output else number}"):
        states = f'data-copied="{"yes" if copied else "no"}" data-frozen="{"yes" if frozen else "no"}"'
        st.html(f'<div class="tl-bench-name" {states}>{html.escape(name)}<small>{number}</small></div>')
        st.button(
            "copied" if copied else "random", key=f"bench-copied-{number}", disabled=bench.origin == RANDOM,
            width="stretch",
            help=f"Layer {number}: copied or random", on_click=_flip, args=(experiment, "copied", number),
        )  # fmt: skip
        st.button(
            "frozen" if frozen else "trained", key=f"bench-frozen-{number}", width="stretch",
            help=f"Layer {number}: frozen or trained", on_click=_flip, args=(experiment, "frozen", number),
        )  # fmt: skip


def _flip(experiment: Experiment, field: str, number: int) -> None:
    bench = bench_of(experiment)
    _set(experiment, replace(bench, **{field: tuple(sorted({number} ^ set(getattr(bench, field))))}))


_MEANINGS = {
    "BnB": "The layers of a network that learned this very task, frozen: what is lost is lost by the cut alone.",
    "BnB+": "The layers of a network that learned this very task, learning on: they can grow together again.",
    "AnB": "The layers of a network that learned the other task, frozen: what they know must serve as it is.",
    "AnB+": "The layers of a network that learned the other task, learning on: a start, not a limit.",
    "random": "Layers that know nothing and never learn: the bottom of the scale.",
}


def verdict(spec: RunSpec) -> str:
    """Which arm of the paper this is, as HTML."""
    name = textbook_arm(spec)
    if name is None:
        return f"<b>No arm of the paper:</b> {html.escape(spec.method.title)}."
    if name in (BASE, BASE_A):
        return "This is the <b>base</b> network: nothing is copied, nothing frozen."
    return f"This is <b>{html.escape(name)}</b>. {_MEANINGS[name.partition('@')[0]]}"


def _called_here(experiment: Experiment, spec: RunSpec) -> str:
    """What an arm that is not the paper's is called in this experiment."""
    arm = next((arm for arm, run in experiment.runs(experiment.seed).items() if run == spec.content_hash), None)
    return f" It is this experiment's own: {html.escape(arm_title(arm))}." if arm and not textbook_arm(spec) else ""


def _verdict(board: Board, bench: Bench, spec: RunSpec) -> None:
    experiment = board.experiment
    view = next((view for view in (*board.built, *_shown(board)) if view.run.id == spec.content_hash), None)
    all_frozen = len(bench.frozen) == OUTPUT
    st.html(f'<p class="tl-words" role="status">{verdict(spec)}{_called_here(experiment, spec)}</p>')
    with st.container(horizontal=True, vertical_alignment="center", key="bench-train-row"):
        live = view is not None and view.run.live
        done = view is not None and view.run.state == "finished" and is_built(experiment, view.run.id)
        st.button(
            "Train this", icon=":material/play_arrow:", key="bench-train", on_click=_train, args=(experiment, spec),
            disabled=live or done or all_frozen,
            help="Train this one network, and the one it copies from if that is not there yet.",
        )  # fmt: skip
        words = "Every layer is frozen: nothing is left to learn." if all_frozen else _state(board, bench, view)
        if words:
            st.caption(words, width="content")
    trouble = st.session_state.pop(_TROUBLE, None)
    if trouble:
        st.error(trouble)


def _shown(board: Board) -> list[RunView]:
    return [view for view in board.views[board.experiment.seed].values() if view is not None]


def _state(board: Board, bench: Bench, view: RunView | None) -> str:
    if view is None:
        return ""
    run = view.run
    if run.state == "queued":
        return "Waits for its turn, or for the network it copies from."
    if run.state == "running":
        return f"Trains: step {run.step:,} of {run.steps:,}."
    if run.state != "finished":
        return (
            f"This run {'failed' if run.state == 'failed' else 'was stopped'}{f': {run.reason}' if run.reason else '.'}"
        )
    value = run.summary.get(METRIC)
    if value is None:
        return ""
    base = board.by_split(bench.task).get(run.spec.seed)
    beside = "" if base is None else f", {100 * (value - base):+.1f} points from the base".replace("-", "−")
    star = " Its star is in the figure." if is_built(board.experiment, run.id) else " It is in the figure already."
    return f"Reached {np.round(100 * value, 1):.1f}%{beside}.{star}"


def _train(experiment: Experiment, spec: RunSpec) -> None:
    try:
        name = textbook_arm(spec)
        arm = name if name in experiment.arms else "bench"
        executor().require_admission([spec])  # with what it starts from
        for start, origin in named_starts(experiment.arms, spec):
            executor().submit(origin, preset=experiment.preset.identity, arm=start)
        add_built(experiment, executor().submit(spec, preset=experiment.preset.identity, arm=arm))
    except LabError as error:
        st.session_state[_TROUBLE] = str(error)
