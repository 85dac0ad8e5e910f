"""The four cases of the textbook as a map: what won in each when it was measured, beside what is advised."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from functools import partial

import streamlit as st

from tlcore.analysis.advice import TEXTBOOK, Case
from tlcore.analysis.advice_check import case_sentence
from tlcore.presets.four_cases import FAR, FOUR_CASES, LITTLE, MUCH, NEAR, split_case
from ui.background import lively, look_again
from ui.data_pieces import pieces_style, quiet
from ui.experiment import Experiment
from ui.measured_arms import accuracies, mean_cell, submit_all, tested_on, trouble_of_submitting, views_of
from ui.page import card, card_header

_STYLE = """
.tl-four{display:grid;grid-template-columns:max-content minmax(0,1fr) minmax(0,1fr);gap:10px;margin:.6rem 0}
.tl-four>span{color:var(--tl-soft);align-self:center;font-size:.9rem}
.tl-four>span[data-head]{text-align:center}
.tl-four>div{border:1px solid var(--tl-line);border-radius:10px;padding:12px 14px;min-width:0}
.tl-four>div[data-as=book]{border-color:var(--tl-extractor)}
.tl-four b{display:block;font-size:1.05rem;overflow-wrap:anywhere}
.tl-four em{font-style:normal;font-variant-numeric:tabular-nums;color:var(--tl-target);font-weight:600}
.tl-four p{margin:.35rem 0 0;font-size:.88rem;color:var(--tl-soft)}
.tl-four p b{display:inline;font-size:inherit;color:var(--tl-ink);font-weight:500}
.tl-four small[data-case]{display:none;color:var(--tl-soft)}
@media (max-width:760px){.tl-four{grid-template-columns:minmax(0,1fr)}.tl-four>span{display:none}
 .tl-four small[data-case]{display:block;margin-bottom:.2rem}}
"""


def four_cases() -> None:
    """The map of the four cases: what won in each when it was measured, beside the textbook's advice."""
    lively(_four_cases, "four-cases")


def _four_cases() -> None:
    pieces_style()
    st.html(f"<style>{_STYLE}</style>")
    experiment = Experiment(FOUR_CASES, {})
    views = views_of(experiment, FOUR_CASES.arms)
    finished = {arm: accuracies(found) for arm, found in views.items() if split_case(arm)}
    numbers = sorted({len(values) for values in finished.values()}) or [0]
    seeds = numbers[-1]
    recorded = any(view.is_recorded for found in views.values() for view in found)
    with card("four-cases"):
        several = f"{numbers[0]} to {seeds}" if numbers[0] != seeds else f"{seeds}"
        aside = f"{several} seed{'s' * (seeds != 1)}{' · recorded' * recorded}" if seeds else "not measured yet"
        card_header("The four cases", aside)
        quiet(f"{FOUR_CASES.lead} Each cell: what won when it was measured, and what the textbook advises.")
        cells = ["<span></span>", "<span data-head>near source</span>", "<span data-head>far source</span>"]
        tested = tested_on(views)
        for count, words in ((LITTLE, "little data"), (MUCH, "much data")):
            cells.append(f"<span>{words}<br><small>{count} per class</small></span>")
            for source in (NEAR, FAR):
                cells.append(_cell(source, count, finished, tested))
        st.html(f'<div class="tl-four">{"".join(cells)}</div>')
        live = [view for found in views.values() for view in found if view.run.live]
        waiting_for = [arm for arm, found in views.items() if not found or found[0].run.state in ("failed", "stopped")]
        if live:
            look_again()
            begun = sum(map(len, views.values()))
            st.progress(1 - len(live) / begun, text=f"{len(live)} runs wait or train")
        elif any(split_case(arm) for arm in waiting_for):
            st.button(
                f"Measure the four cases ({len(waiting_for)} runs)", icon=":material/play_arrow:",
                key="four-cases-train",
                on_click=partial(submit_all, {arm: FOUR_CASES.arms[arm] for arm in waiting_for}, FOUR_CASES.identity),
            )  # fmt: skip
        trouble_of_submitting()


CASES: dict[tuple[str, int], Case] = {
    (NEAR, LITTLE): ("little", "near"), (NEAR, MUCH): ("much", "near"),
    (FAR, LITTLE): ("little", "far"), (FAR, MUCH): ("much", "far"),
}  # fmt: skip
WAYS = {
    "scratch": "From scratch", "fixed_features": "Classifier on the features",
    "early_features": "Classifier on an earlier layer", "fine_tune": "Fine-tune all",
    "l2_sp": "Fine-tune, held (L2-SP)",
}  # fmt: skip


def case_values(source: str, count: int, finished: Mapping[str, Sequence[float]]) -> dict[str, list[float]]:
    """The accuracies of one cell by way of transfer; learning from scratch stands in both cells of its row."""
    found: dict[str, list[float]] = {}
    for arm, values in finished.items():
        parts = split_case(arm)
        if parts is not None and values and parts[2] == count and parts[0] in ("", source):
            found[parts[1]] = list(values)
    return found


def _cell(source: str, count: int, finished: Mapping[str, Sequence[float]], tested: int) -> str:
    case, values = CASES[source, count], case_values(source, count, finished)
    book, words = TEXTBOOK[case]
    size, distance = case
    says = f"<p>Textbook: <b>{html.escape(words)}</b></p>"
    where = f"<small data-case>{size} data, {count} per class, {distance} source</small>"  # on a narrow screen
    if len(values) < len(WAYS):
        return f"<div>{where}<b>{len(values)} of {len(WAYS)} ways measured</b>{says}</div>"
    best = max(values, key=lambda method: sum(values[method]) / len(values[method]))
    sentence = html.escape(case_sentence(case, values, tested))
    kind, name = "book" if best == book else "", html.escape(WAYS[best])
    return f'<div data-as="{kind}">{where}<b>{name}</b><em>{mean_cell(values[best])}</em>{says}<p>{sentence}</p></div>'
