"""The networks of self-taught learning, drawn: what is learned without labels, and where the few labels come in."""

from __future__ import annotations

import html
from collections.abc import Mapping

import streamlit as st

from tlcore.runs import Series
from tlcore.specs import RunSpec
from ui.fine_tuning_arms import metrics_of
from ui.page import card, card_header
from ui.self_taught_arms import TITLES, SelfTaughtBoard, learners
from ui.self_taught_results import last_value

_STYLE = """
.tl-flow-row{display:flex;align-items:center;gap:6px;min-width:780px;padding:4px 2px;font-size:.85rem}
.tl-flow-name{flex:0 0 150px;color:var(--tl-soft);line-height:1.25}
.tl-box{border-radius:8px;padding:6px 12px;color:var(--tl-on-colour);text-align:center;line-height:1.2;
 white-space:nowrap}
.tl-box small{display:block;opacity:.9;font-size:.72rem}
.tl-box[data-is=source]{background:var(--tl-source)}
.tl-box[data-is=target]{background:var(--tl-target)}
.tl-box[data-is=extractor]{background:var(--tl-extractor)}
.tl-box[data-is=label]{background:var(--tl-label)}
.tl-box[data-is=aside]{background:none;border:1.5px dashed var(--tl-soft);color:var(--tl-ink)}
.tl-arrow{color:var(--tl-soft);flex:0 0 auto}
.tl-arrow[data-words]{width:6.2em;text-align:right;line-height:1.2}
.tl-flow-told{color:var(--tl-soft);font-variant-numeric:tabular-nums;min-width:9em}
.tl-flow-told b{color:var(--tl-ink)}
.tl-sheet{display:flex;gap:10px;align-items:stretch}
.tl-sheet-rows{display:flex;flex-direction:column;justify-content:space-around;font-size:.78rem;color:var(--tl-soft);
 flex:0 0 auto;max-width:92px}
.tl-sheet img{image-rendering:pixelated;max-width:100%;min-width:300px;flex:1 1 auto;width:0;align-self:flex-start}
.tl-curve td{vertical-align:top}
.tl-curve small[data-change=up]{color:var(--tl-extractor)}
.tl-curve small[data-change=down]{color:var(--tl-wrong)}
.tl-steps.tl-plain li{color:var(--tl-ink)}
@media(max-width:640px){
 .tl-flow{mask-image:linear-gradient(90deg,#000 calc(100% - var(--tl-right-fade)),transparent)}
 .tl-flow-name{flex-basis:84px;position:sticky;left:0;z-index:1;align-self:stretch;align-content:center;
  background:var(--tl-card)}}
"""
AIMS = {
    "autoencoder": ("decoder", "the clean picture"),
    "contrastive": ("projector", "find the other view"),
    "vicreg": ("projector", "both views alike"),
}
TOLD = (
    ("reconstruction_loss", "reconstruction loss", ".3f"),
    ("contrastive_loss", "contrastive loss", ".2f"),
    ("partner_accuracy", "partners found", ".0%"),
    ("vicreg_loss", "loss", ".2f"),
    ("explained_variance", "variance kept", ".0%"),
    ("effective_rank", "effective rank", ".1f"),
)


def self_taught_style() -> None:
    """The rules that the diagram, the sheets and the table need."""
    st.html(f"<style>{_STYLE}</style>")


def network_card(board: SelfTaughtBoard) -> None:
    """A row for each way of learning without labels, and one for the few labels that come after."""
    arms = {arm: board.experiment.arms[arm] for arm in learners(board.experiment)}
    uses = any("@" in arm for arm in board.experiment.arms)
    with card("network"):
        card_header("What is learned, and from what", "numbers of the latest step")
        rows = []
        for arm, spec in arms.items():
            view = board.view(arm)
            rows.append(_learner_row(TITLES.get(arm, arm), spec, metrics_of(view) if view is not None else {}))
        if uses:
            rows.append(_row("then, with k labels per class", [
                _box("target", "target", "k labels per class"), _arrow(), _box("extractor", "the same features"),
                _arrow(), _box("label", "label predictor", "linear, neighbours, or all tuned"),
            ]))  # fmt: skip
        st.html(f'<div class="tl-flow tl-scroll" tabindex="0">{"".join(rows)}</div>')
        thrown = any(getattr(spec.method, "projection", spec.method.name in AIMS) for spec in arms.values())
        dashed = "Dashed: helps to learn and is thrown away afterwards. " if thrown else ""
        st.caption(f"{dashed}Nobody here reads a label of the source.")


def _learner_row(title: str, spec: RunSpec, metrics: Mapping[str, Series]) -> str:
    task, method = spec.data, spec.method.name
    given = []
    if getattr(task, "source", None) is not None:
        behind = "laid over photographs" if getattr(task, "backdrop", "") == "photographs" else "no labels"
        given.append(_box("source", "source", behind))
    if getattr(task, "target_pictures", 0):
        given.append(_box("target", "target", "no labels"))
    views = "one picture, disturbed" if method in ("autoencoder", "principal_components") else "two views of each"
    boxes = [*given, _arrow(views), _box("extractor", "feature extractor", _size(spec))]
    if method in AIMS:
        compared = getattr(spec.method, "projection", 1)  # 0: features are compared as they are
        helper, aim = AIMS[method]
        boxes += [_arrow(), _box("aside", helper if compared else "nothing between", aim)]
    told = [f"{words} <b>{last_value(metrics, name):{form}}</b>" for name, words, form in TOLD if name in metrics]
    return _row(title, [*boxes, f'<span class="tl-flow-told">{" · ".join(told)}</span>'])


def _size(spec: RunSpec) -> str:
    features = getattr(spec.network, "features", 0)
    return f"{features} features" if features else ""


def _row(title: str, parts: list[str]) -> str:
    return f'<div class="tl-flow-row"><span class="tl-flow-name">{html.escape(title)}</span>{"".join(parts)}</div>'


def _box(role: str, words: str, small: str = "") -> str:
    below = f"<small>{html.escape(small)}</small>" if small else ""
    return f'<span class="tl-box" data-is="{role}">{html.escape(words)}{below}</span>'


def _arrow(words: str = "") -> str:
    said = f"<small>{html.escape(words)}</small> " if words else ""
    return f'<span class="tl-arrow"{" data-words" if words else ""}>{said}→</span>'
