"""What a zero-shot experiment came to: two protocols that are never mixed, the curve between them, who is confused."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import streamlit as st

from tlcore.analysis.deciding_attributes import confused_pairs
from tlcore.analysis.hubness import skewness
from tlcore.analysis.statistics import summarise
from tlcore.analysis.zero_shot import harmonic_mean, with_constant
from tlcore.plots import zero_shot as plots
from tlcore.plots.comparison import confusion_matrix
from tlcore.presets import Published
from tlcore.runs import Confusion, Series
from ui.comparison import Finished
from ui.library import RunView
from ui.live_chart import live_chart
from ui.page import card, card_header
from ui.terms import metric_heading
from ui.zero_shot_model import AskableModel, number

PROTOCOLS = {
    "Among unseen classes": {"unseen_accuracy": "unseen"},
    "Among all classes": {
        "seen_accuracy": "seen",
        "generalised_unseen_accuracy": "unseen",
        "harmonic_mean": "harmonic mean",
        "calibration_area": "area of the curve",
    },
}
SHOWN_PAIRS = 6
BLAMED = 3
MOST_DIGITS = 8


def protocol_table(entries: Sequence[Published], titles: Mapping[str, str], finished: Finished) -> None:
    """Every arm in both protocols: per-class means over seeds, and what was published beside them."""
    published = {(entry.arm, entry.metric): entry for entry in entries}
    columns = [metric for metrics in PROTOCOLS.values() for metric in metrics]
    shown = [metric for metric in columns if any(key[1] == metric for key in published)]
    top = "".join(
        f"<th colspan={len(metrics) + sum(metric in shown for metric in metrics)}>{name}</th>"
        for name, metrics in PROTOCOLS.items()
    )
    head = "".join(
        f"<th>{metric_heading(metric, title)}</th>" + "<th>published</th>" * (metric in shown)
        for metrics in PROTOCOLS.values()
        for metric, title in metrics.items()
    )
    rows = []
    for arm, title in titles.items():
        cells = []
        for metric in columns:
            cells.append(_cell(finished.values(arm, metric)))
            if metric in shown:
                cells.append(_published_cell(published.get((arm, metric))))
        rows.append(f"<tr><td>{html.escape(title)}</td>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    st.html(f'<table class="tl-table"><tr><th></th>{top}</tr><tr><th></th>{head}</tr>{"".join(rows)}</table>')
    for words in published_words(entries, titles):
        st.caption(words)


def _published_cell(entry: Published | None) -> str:
    if entry is None:
        return "–"
    tolerance = "" if entry.tolerance is None else f" <small>± {entry.tolerance:.2f}</small>".replace("0.", ".")
    return f"{entry.value:.3f}{tolerance}"


def published_words(entries: Sequence[Published], titles: Mapping[str, str]) -> list[str]:
    """Where the published figures come from, and for which arms what differs; nothing where there are none."""
    told: dict[str, list[str]] = {}
    for entry in entries:
        names = told.setdefault(entry.difference, [])
        if entry.arm in titles and titles[entry.arm] not in names:
            names.append(titles[entry.arm])
    if not told:
        return []
    sources = "; ".join(dict.fromkeys(entry.source for entry in entries))
    differences = " ".join(f"**{', '.join(names)}**: {words}." for words, names in told.items() if names)
    return [f"Published: {sources}. ± there: how far ours may lie from it and still be called the same. {differences}"]


def _cell(values: Sequence[float]) -> str:
    if not values:
        return "–"
    summary = summarise(values)
    spread = f" <small>± {summary.sd:.2f}</small>".replace("0.", ".") if summary.sd is not None else ""
    return f"{summary.mean:.2f}{spread}"


def calibration_card(metrics: Mapping[str, Series], title: str, key: str) -> None:
    """The whole curve of one run, and the constant somebody has chosen on it."""
    curve = calibration_points(metrics)
    area = metrics.get("calibration_area")
    if curve is None:
        card_header("Seen against unseen")
        st.caption("The curve is there once this run has finished.")
        return
    constants, unseen, seen = curve.T
    card_header("Seen against unseen", f"area {area.values[-1]:.3f}" if area is not None else "")
    place = st.select_slider(
        "Taken from the score of every seen class, from “always seen” to “always unseen”",
        range(len(constants)), int(np.argmin(np.abs(constants))), key=f"calibration-{key}",
        format_func=place_labels(constants).__getitem__,
    )  # fmt: skip
    at = float(unseen[place]), float(seen[place])
    live_chart(
        plots.calibration(unseen, seen, at, title), key=f"chart-calibration-{key}", height=260,
        description=f"accuracy on seen against unseen classes of {title}, for every constant",
    )  # fmt: skip
    st.caption(
        f"Constant {place_labels(constants)[place]}: seen {at[1]:.1%}, unseen {at[0]:.1%}, harmonic mean "
        f"{harmonic_mean(*at):.1%}. To choose it on these test classes would be an oracle: it is to be looked at."
    )


def calibration_points(metrics: Mapping[str, Series]) -> npt.NDArray[np.float64] | None:
    """(n, 3) constants, unseen and seen accuracies of a run, 0 among the constants; None while there is no curve.

    Curves of earlier recordings have no point at 0: it is what the table says of all classes.
    """
    constants, unseen, seen = (metrics.get(f"calibration_{name}") for name in ("constant", "unseen", "seen"))
    if constants is None or unseen is None or seen is None or len(constants.values) < 2:
        return None
    curve = np.stack([constants.values, unseen.values, seen.values], axis=1).astype(np.float64)
    table = metrics.get("generalised_unseen_accuracy"), metrics.get("seen_accuracy")
    if table[0] is None or table[1] is None:
        return curve
    return with_constant(curve, np.array([0.0, table[0].values[-1], table[1].values[-1]]))


def place_labels(constants: Iterable[float]) -> list[str]:
    """How each constant stands on the slider: with as many digits as tell them apart, as the slider knows its places by
    their labels alone; where none do, with the place."""
    found = [float(constant) for constant in constants]
    for digits in range(2, MOST_DIGITS + 1):
        labels = [number(constant, digits) for constant in found]
        if len(set(labels)) == len(labels):
            return labels
    return [f"{number(constant)} ({place})" for place, constant in enumerate(found, 1)]


def unseen_part(confusion: Confusion, names: Sequence[str]) -> tuple[Confusion, list[str]]:
    """The rows and columns of those classes that were shown to be tested on."""
    present = np.flatnonzero(confusion.counts.sum(axis=1) > 0)
    counts = confusion.counts[np.ix_(present, present)]
    return Confusion(confusion.step, "target", counts), [names[index] for index in present]


def confusion_cards(view: RunView, names: Sequence[str], title: str, model: AskableModel | None) -> None:
    """Which unseen classes are taken for which, through what, and which descriptions attract too many pictures."""
    confusion = view.store.confusion(view.run.id, "target")
    if confusion is None or len(confusion.counts) > len(names):
        return
    shown, present = unseen_part(confusion, names)
    left, right = st.columns(2)
    with left, card("confusion"):
        card_header(f"Unseen classes taken for each other: {title}")
        live_chart(
            confusion_matrix(shown, present), key="chart-confusion", height=430,
            description="true against predicted classes, among the unseen ones",
        )  # fmt: skip
    with right, card("hubs"):
        nearest = shown.counts.sum(axis=0) / shown.counts.sum()
        expected = shown.counts.sum(axis=1) / shown.counts.sum()
        card_header("Which descriptions attract too much", f"skewness {number(skewness(shown.counts.sum(axis=0)))}")
        live_chart(
            plots.hub_bars(nearest, expected, present), key="chart-hubs", height=240,
            description="share of the unseen pictures that each description attracts",
        )  # fmt: skip
        # Where all lie in one point no description decides anything, and so no attribute.
        if model and model.method != "naive":
            st.html(f'<p class="tl-words">{confusion_words(confusion, model)}</p>')


def confusion_words(confusion: Confusion, model: AskableModel) -> str:
    """The worst confusions of the matrix in words, with the attributes that decided on those pictures of the film that
    are confused alike."""
    unseen = np.flatnonzero(~model.seen)
    rows = np.isin(model.labels, unseen)
    predictions = unseen[model.scores(model.vectors)[rows][:, unseen].argmax(axis=1)]
    counts = np.zeros((len(model.names), len(model.names)), dtype=np.int64)
    counts[: len(confusion.counts), : len(confusion.counts)] = confusion.counts
    pairs = confused_pairs(
        counts, model.evidence[rows], model.labels[rows], predictions, model.scored(model.vectors), SHOWN_PAIRS
    )
    lines = []
    for pair in pairs:
        blamed = [index for index in pair.attributes[:BLAMED] if pair.contributions[index] > 0]
        through = ", ".join(html.escape(model.attributes[index]) for index in blamed)
        label, taken = (html.escape(model.names[index]) for index in (pair.label, pair.prediction))
        of_all = f"{pair.count} of {counts[pair.label].sum()}"
        words = f"{pair.share:.0%} of <b>{label}</b> taken for <b>{taken}</b> ({of_all})"
        lines.append(f"{words}, through {through}" if through else words)
    return "<br>".join(lines)
