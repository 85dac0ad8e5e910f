"""What transfer bought: every arm's figures over seeds, published ones beside them, and plain words about both."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import streamlit as st

from tlcore.analysis.confusion import per_class_accuracy
from tlcore.analysis.diagnosis import negative_transfer, negative_transfer_by_class
from tlcore.analysis.statistics import summarise
from tlcore.presets import Published
from tlcore.runs import Notice
from ui.experiment import COMPARED_SEEDS, Experiment
from ui.library import RunView
from ui.notices import notice_box
from ui.page import paragraph
from ui.terms import metric_heading

COLUMNS = {
    "source_accuracy": "source",
    "target_accuracy": "target",
    "domain_accuracy": "domain acc.",
    "proxy_a_distance": "proxy A-dist.",
}


@dataclass(frozen=True)
class Finished:
    """The finished runs of an experiment: by arm, one for each seed that has any."""

    views: Mapping[str, Sequence[RunView]]

    def values(self, arm: str, metric: str) -> list[float]:
        """The metric of each finished seed of an arm, as the run's summary has it."""
        found = [view.run.summary.get(metric) for view in self.views.get(arm, ())]
        return [value for value in found if value is not None]

    @property
    def seeds(self) -> int:
        """Most finished seeds of any arm."""
        return max((len(views) for views in self.views.values()), default=0)

    @property
    def recorded(self) -> int:
        """How many of the finished runs came with the lab."""
        return sum(view.is_recorded for views in self.views.values() for view in views)


def finished_runs(experiment: Experiment) -> Finished:
    """Every finished run of the experiment, also of seeds beyond those that are asked for."""
    found: dict[str, list[RunView]] = {}
    for arms in experiment.views_of(range(COMPARED_SEEDS)).values():
        for arm, view in arms.items():
            if view is not None and view.run.state == "finished":
                found.setdefault(arm, []).append(view)
    return Finished(found)


def comparison_table(entries: Sequence[Published], titles: Mapping[str, str], finished: Finished, *, best: str) -> None:
    """The table of arms: mean ± sample standard deviation over seeds, and what was published."""
    published = {(entry.arm, entry.metric): entry for entry in entries}
    shows_published = bool(published)
    head = "".join(f"<th>{metric_heading(metric, title)}</th>" for metric, title in COLUMNS.items())
    head += "<th>published</th>" * shows_published
    rows = []
    for arm, title in titles.items():
        cells = [_cell(finished.values(arm, metric)) for metric in COLUMNS]
        if shows_published:
            entry = published.get((arm, "target_accuracy"))
            words = html.escape(f"{entry.source}; {entry.difference}", quote=True) if entry else ""
            cells.append(f'<span title="{words}">{entry.value:.3f}</span>' if entry else "–")
        name = f"<b>{html.escape(title)}</b>" if arm == best else html.escape(title)
        rows.append(f"<tr><td>{name}</td>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    st.html(f'<table class="tl-table"><tr><th></th>{head}</tr>{"".join(rows)}</table>')


def _cell(values: Sequence[float]) -> str:
    if not values:
        return "–"
    summary = summarise(values)
    spread = f" <small>± {summary.sd:.2f}</small>".replace("0.", ".") if summary.sd is not None else ""
    return f"{summary.mean:.2f}{spread}"


def gap_sentence(finished: Finished, *, baseline: str, adapted: str, ceiling: str) -> str | None:
    """How much of the gap between the baseline and training on the target's labels was closed."""
    before, after, best = (finished.values(arm, "target_accuracy") for arm in (baseline, adapted, ceiling))
    if not (before and after and best):
        return None
    low, now, high = (float(np.mean(values)) for values in (before, after, best))
    if high - low < 0.01:
        return "There was hardly a gap to close: the target is as easy as the source."
    share = (now - low) / (high - low)
    if share < 0:
        return f"Nothing of the gap to training on target labels is closed: it is {-share:.0%} wider."
    return f"{share:.0%} of the gap to training on target labels is closed."


def selection_sentence(finished: Finished, arm: str) -> str | None:
    """The final model beside the models that rules without target labels choose, and the oracle beside both."""
    parts = []
    for name, words in (
        ("target_accuracy", "Final model"),
        ("target_accuracy_by_source_validation", "chosen by source validation"),
        ("target_accuracy_by_information_maximisation", "by information maximisation"),
    ):
        values = finished.values(arm, name)
        if values:
            parts.append(f"{words} {np.mean(values):.2f}")
    oracle = finished.values(arm, "target_accuracy_oracle")
    if not parts or not oracle:
        return None
    return ", ".join(parts) + f". Oracle (picked with target labels, for comparison only): {np.mean(oracle):.2f}."


def warnings(finished: Finished, class_names: Sequence[str], *, baseline: str, adapted: str) -> list[Notice]:
    """Where transfer hurt, on the whole or for single classes."""
    before, after = (finished.values(arm, "target_accuracy") for arm in (baseline, adapted))
    if not (before and after):
        return []
    notices = []
    hurt = negative_transfer(before, after)
    if hurt:
        notices.append(Notice(0, "warning", "negative_transfer", hurt))
    tables = [_recalls(finished.views[arm]) for arm in (baseline, adapted)]
    if class_names and all(len(table) for table in tables):
        sentence = negative_transfer_by_class(tables[0], tables[1], class_names)
        if sentence:
            notices.append(Notice(0, "info", "negative_transfer_by_class", sentence))
    return notices


def _recalls(views: Sequence[RunView]) -> np.ndarray:
    found = (view.store.confusion(view.run.id, "target") for view in views)
    return np.asarray([per_class_accuracy(confusion.counts) for confusion in found if confusion is not None])


def comparison_words(finished: Finished, class_names: Sequence[str], *, arms: tuple[str, str, str]) -> None:
    """Sentences under the table. arms: baseline, adapted, ceiling."""
    baseline, adapted, ceiling = arms
    sentences = (
        gap_sentence(finished, baseline=baseline, adapted=adapted, ceiling=ceiling),
        selection_sentence(finished, adapted),
    )
    text = " ".join(sentence for sentence in sentences if sentence)
    paragraph(text)
    notice_box(warnings(finished, class_names, baseline=baseline, adapted=adapted))
