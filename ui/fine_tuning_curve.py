"""The data-efficiency curve as a card, and its numbers as a table: what transfer bought, for so many labels."""

from __future__ import annotations

import html
from functools import lru_cache

import numpy as np
import streamlit as st

from tlcore.analysis.confusion import per_class_accuracy
from tlcore.analysis.diagnosis import losing_classes, negative_transfer
from tlcore.plots.fine_tuning import Reference, efficiency_curve, shots_label, shots_words
from tlcore.presets.fine_tuning import SOURCE, arm_name, split_arm
from tlcore.runs import Notice, Store
from ui.fine_tuning_arms import METRICS, Board, Pair, open_point
from ui.live_chart import live_chart
from ui.measured_arms import under_way
from ui.notices import notice_box
from ui.page import card, card_header
from ui.remembered import remembered

SCRATCH = "scratch"
MOST_NAMED = 4


def chosen_metric(board: Board) -> str:
    """Which accuracy the curve and the table tell of."""
    if SOURCE not in board.experiment.arms:
        return next(iter(METRICS))
    if st.session_state.get("curve-metric") not in METRICS:
        asked = st.query_params.get("metric")
        st.session_state["curve-metric"] = asked if asked in METRICS else next(iter(METRICS))
    return str(st.session_state["curve-metric"])


def curve_card(board: Board, pair: Pair, metric: str, class_count: int) -> None:
    """The curve, growing in place; a click on a point opens its run below."""
    experiment = board.experiment
    with card("curve"):
        card_header("How far a few labels go", progress(board))
        with st.container(horizontal=True, vertical_alignment="center", key="curve-controls"):
            if SOURCE in experiment.arms:  # of networks that were trained elsewhere nobody has the source task
                st.segmented_control(
                    "What the curve shows", [*METRICS], format_func=_TOGGLE.__getitem__, key="curve-metric",
                    label_visibility="collapsed",
                )  # fmt: skip
            st.caption("Click a point to open its run below.", width="content")
        source = board.source_accuracy()
        references = []
        if metric == "source_accuracy" and source is not None:
            references.append(Reference(source, f"source network before, {source:.0%}", "source"))
        elif metric == "target_accuracy" and class_count:
            references.append(Reference(1 / class_count, "guessing", "soft"))
        chosen = [part for part in map(split_arm, pair.arms) if part is not None]
        points, revision = board.measured(metric), f"{experiment.preset.identity}-{metric}"
        figure = remembered(
            ("curve", revision, *points, *board.titles.items(), *board.shots, *references, *chosen),
            lambda: efficiency_curve(
                points, board.titles, board.shots, metric=METRICS[metric], references=references, chosen=chosen,
                revision=revision,
            ),
        )  # fmt: skip
        live_chart(
            figure, key="efficiency-curve", height=400, on_point=lambda point: open_point(experiment, point),
            description=f"{METRICS[metric]} against labels per class, a line a method; the table below has the numbers",
        )  # fmt: skip


_TOGGLE = {"target_accuracy": "Accuracy on the target", "source_accuracy": "What is left of the source"}


def progress(board: Board) -> str:
    """How many runs are done, or over how many seeds the means of the curve are."""
    words = under_way(view for arms in board.views.values() for view in arms.values() if view is not None)
    if words:
        return words
    points = {arm: views for arm, views in board.finished.views.items() if split_arm(arm) is not None}
    if not points:
        return "nothing trained yet"
    fewest, most = min(map(len, points.values())), max(map(len, points.values()))
    seeds = f"{most} seed{'s' * (most != 1)}" if fewest == most else f"{fewest} to {most} seeds"
    done = sum(map(len, points.values()))
    recorded = sum(view.is_recorded for views in points.values() for view in views)
    kind = " · recorded" if recorded == done else f" · {recorded} runs recorded" if recorded else ""
    return f"mean ± sd, {seeds}{kind}"


def table_card(board: Board, metric: str, words: str = "") -> None:
    """Mean ± sd of every method for every number of labels; the best of each column stands out, with what it gains.
    words: what the metric is called, where it is none of `METRICS`."""
    with card("table"):
        card_header("What transfer bought", words or METRICS[metric])
        if not board.finished.views:
            st.caption("The numbers come with the first run that finishes.")
            return
        best = {shots: _best(board, shots, metric) for shots in board.shots}
        head = "".join(f"<th>{html.escape(shots_label(shots))}</th>" for shots in board.shots)
        rows = []
        for method in board.methods:
            cells = "".join(_cell(board, method, shots, metric, method in best[shots]) for shots in board.shots)
            rows.append(f"<tr><td>{html.escape(board.titles[method])}</td>{cells}</tr>")
        st.html(
            f'<div class="tl-scroll"><table class="tl-table tl-curve"><tr><th>labels per class</th>{head}</tr>'
            f"{''.join(rows)}</table></div>"
        )
        if metric != "source_accuracy" and SCRATCH in board.methods:
            st.caption("Below each number: the gain over learning from scratch with the same labels.")


def _best(board: Board, shots: int, metric: str) -> set[str]:
    """The methods whose mean is the highest, as it is printed."""
    means = {method: board.summary(method, shots, metric) for method in board.methods}
    known = {method: round(summary.mean, 2) for method, summary in means.items() if summary is not None}
    return {method for method, mean in known.items() if mean == max(known.values())} if len(known) > 1 else set()


def _cell(board: Board, method: str, shots: int, metric: str, is_best: bool) -> str:
    summary = board.summary(method, shots, metric)
    if summary is None:
        return "<td>–</td>"
    number = f"{summary.mean:.2f}"
    number = f"<b>{number}</b>" if is_best else number
    spread = f" <small>± {summary.sd:.2f}</small>".replace("0.", ".") if summary.sd is not None else ""
    scratch = board.summary(SCRATCH, shots, metric) if metric != "source_accuracy" else None
    gain = ""
    if scratch is not None and method != SCRATCH:
        change = summary.mean - scratch.mean
        sign = "up" if change > 0.005 else "down" if change < -0.005 else "even"
        words = f"{round(change, 2) + 0.0:+.2f}".replace("-", "−")  # adding 0 makes −0.00 a plain zero
        gain = f'<br><small data-change="{sign}">{words}</small>'
    return f"<td>{number}{spread}{gain}</td>"


def transfer_warnings(board: Board, class_names: tuple[str, ...]) -> list[Notice]:
    """Where using the source made it worse than learning from scratch with the same labels, and which classes lost."""
    notices = []
    for shots in board.shots:
        alone = board.finished.values(arm_name(SCRATCH, shots), "target_accuracy")
        drops: dict[str, float] = {}
        fewest = len(alone)
        for method in board.methods:
            values = board.finished.values(arm_name(method, shots), "target_accuracy")
            if method != SCRATCH and alone and values and negative_transfer(alone, values) is not None:
                drops[method] = float(np.mean(alone) - np.mean(values))
                fewest = min(fewest, len(values))
        if not drops:
            continue
        worst = max(drops, key=drops.__getitem__)
        named = ", ".join(f"{board.titles[method]} by {100 * drop:.1f}" for method, drop in drops.items())
        once = " A single seed: repeat it before believing it." if fewest == 1 else ""
        text = (
            f"The source hurts with {shots_words(shots)}: from scratch reaches {np.mean(alone):.0%}; points below it: "
            f"{named}.{once} {_blame(board, shots, worst, class_names)}"
        )
        notices.append(Notice(0, "warning", f"negative-{shots_label(shots)}", text.strip()))
    return notices


def _blame(board: Board, shots: int, method: str, class_names: tuple[str, ...]) -> str:
    """The classes that lost most, by name."""
    tables = [_recalls(board, arm_name(one, shots)) for one in (SCRATCH, method)]
    if not class_names or any(table.ndim != 2 or table.shape[1] != len(class_names) for table in tables):
        return ""
    lost = losing_classes(*tables)
    named = ", ".join(f"{class_names[index]} (−{100 * drop:.0f})" for index, drop in lost[:MOST_NAMED])
    more = f" and {len(lost) - MOST_NAMED} more" if len(lost) > MOST_NAMED else ""
    return f"Classes that lose with {board.titles[method]}, in points: {named}{more}." if lost else ""


def _recalls(board: Board, arm: str) -> np.ndarray:
    """Accuracy of each class (seeds, classes) on the target."""
    found = (_recall(view.store, view.run.id) for view in board.finished.views.get(arm, ()))
    return np.asarray([recall for recall in found if recall is not None])


@lru_cache(maxsize=1000)
def _recall(store: Store, run_id: str) -> np.ndarray | None:
    """Of a finished run, so that it never changes."""
    confusion = store.confusion(run_id, "target")
    return None if confusion is None else per_class_accuracy(confusion.counts)


def warnings_box(board: Board, class_names: tuple[str, ...], further: list[Notice]) -> None:
    """What a person should know, the gravest first."""
    notice_box([*transfer_warnings(board, class_names), *further])
