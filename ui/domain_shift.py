"""A pair of domains on the Data page: both side by side, the classes they share, and how far apart they are."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from tlcore.errors import LabError
from tlcore.execution.questions import ask
from tlcore.plots.style import role_colour, style_figure
from tlcore.specs import DomainPair
from tlcore.specs.questions import LookAtPair, MeasureShift
from tlcore.specs.run import VECTORS
from ui.background import Snapshot, look, peek
from ui.data_pieces import (
    chips,
    empty,
    points,
    quiet,
    said,
    strip,
    waiting,
)  # fmt: skip
from ui.domain_choice import NONE, SHIFT_WORDS, chosen_pair, loadable, pair_code, pair_of, target_page
from ui.live_chart import live_chart
from ui.own_library import own_sets_read
from ui.page import card, card_header

DOMAIN_ADVERSARIAL = Path(__file__).parents[1] / "pages" / "domain_adversarial.py"
PICTURES = 20
SECONDS = 900.0


def pair_section() -> None:
    """Choose two domains and look at them side by side."""
    choices = loadable()
    wanted = [st.query_params.get(role, "") for role in ("source", "target")]
    if any(name.startswith("own:") and name not in choices for name in wanted) and not own_sets_read():
        waiting(Snapshot(), "Reading your own data sets")
        return
    source, target, shift, strength = chosen_pair(choices)
    try:
        pair, base = pair_of(choices[source][1], choices[target][1], shift, strength)
    except (ValueError, LabError) as error:
        said(str(error), "error")
        return
    seen, trouble = _seen(pair, base, shift, strength)
    vectors = pair.source.name in VECTORS
    with card("pair-distance"):
        card_header("How far apart", "proxy A-distance")
        if shift == NONE:
            _distance(seen, trouble, vectors=vectors)
            if not vectors:
                quiet("The target is shown as it is. Choose a shift above to make one, as strong as you like.")
        else:
            left, right = st.columns([3, 2], gap="large", vertical_alignment="center")
            with left:
                _slider()
                _curve(base, shift, strength)
            with right:
                _distance(seen, trouble)
    titles = (choices[source][0], choices[target][0] + ("" if shift == NONE else f", {SHIFT_WORDS[shift]}"))
    for column, role, title in zip(st.columns(2), ("source", "target"), titles, strict=True):
        with column, card(f"pair-{role}"):
            card_header(f"{role.capitalize()}: {title}")
            if seen:
                _examples(seen[role], role)
            elif trouble:
                empty("Nothing to show.")
            else:
                waiting(Snapshot(), "Reading both domains")
    with card("pair-classes"):
        _classes(seen)
    with card("pair-code"):
        card_header("Use this pair")
        if seen and target_page(pair) and DOMAIN_ADVERSARIAL.is_file():
            st.page_link(
                DOMAIN_ADVERSARIAL, label="Train DANN on this pair", icon=":material/arrow_forward:",
                query_params=target_page(pair),
            )  # fmt: skip
        st.code(pair_code(pair), language="python", wrap_lines=True)


def _seen(pair: DomainPair, base: DomainPair, shift: str, strength: float) -> tuple[dict[str, Any] | None, str | None]:
    """What is known of the pair, or why nothing can be; both None while nobody knows yet.

    Once the whole slider is measured, its other positions need no further question.
    """
    place = f"{base.canonical_json()} {shift}"
    row = _measured(base, shift, strength)
    kept: tuple[str, dict[str, Any]] = st.session_state.get("_pair_seen", ("", {}))
    if row is None or kept[0] != place:
        snapshot = look(
            f"pair {pair.canonical_json()}",
            lambda report: ask(LookAtPair(pair=pair, pictures=PICTURES), report=report, seconds=SECONDS),
        )
        if not snapshot.done or snapshot.error:
            return None, snapshot.error
        st.session_state["_pair_seen"] = (place, snapshot.answer)
        return snapshot.answer, None
    known = kept[1]
    target = known["target"] | {"pictures": row["pictures"]}
    return known | {"target": target, "distance": row["distance"], "accuracy": row["accuracy"]}, None


def _slider_question(base: DomainPair, shift: str) -> tuple[str, MeasureShift]:
    question = MeasureShift.model_validate({"pair": base.model_dump(), "shift": shift, "pictures": PICTURES})
    return f"curve {question.canonical_json()}", question


def _measured(base: DomainPair, shift: str, strength: float) -> dict[str, Any] | None:
    """The row of the measured slider at this strength, if it is there already."""
    if shift == NONE:
        return None
    snapshot = peek(_slider_question(base, shift)[0])
    rows: list[dict[str, Any]] = (snapshot.answer if snapshot else None) or []
    return next((row for row in rows if abs(row["strength"] - strength) < 0.01), None)


def _examples(domain: Mapping[str, Any], role: str) -> None:
    if domain["pictures"]:
        strip(domain["pictures"], role=role)
    elif domain["points"]:
        points(domain["points"], role=role)
    else:
        empty(f"Vectors of {domain['width']:,} numbers: there are no pictures to show.")
    counts = {part: sum(numbers) for part, numbers in domain["counts"].items()}
    quiet(f"{counts['train']:,} to learn from, {counts['validation']:,} to choose by, {counts['test']:,} to test on")


def _slider() -> None:
    st.slider(
        "Strength of the shift", 0.0, 1.0, step=0.1, key="pair-strength", persist_state="session",
        help="0 leaves the target as it is, 1 is the strongest shift.",
    )  # fmt: skip


def _distance(seen: Mapping[str, Any] | None, trouble: str | None, *, vectors: bool = False) -> None:
    """The measured distance and what it means."""
    if seen:
        st.html(f'<div class="tl-figure">{max(0.0, seen["distance"]):.2f}<small>of 2</small></div>')
        quiet(meaning(seen["accuracy"], "numbers" if vectors else "pixels"))
    elif trouble:
        said(trouble, "error")
    else:
        waiting(Snapshot(), "Measuring the distance")


def _curve(base: DomainPair, shift: str, strength: float) -> None:
    """How the distance grows along the slider."""
    key, question = _slider_question(base, shift)
    curve = look(key, lambda report: ask(question, report=report, seconds=SECONDS))
    if curve.answer:
        live_chart(curve_figure(curve.answer, strength), key="pair-curve", height=150,
                   description="proxy A-distance along the strength of the shift")  # fmt: skip
    elif not curve.done:
        waiting(curve, "Measuring along the slider")


def meaning(accuracy: float, inputs: str = "pixels") -> str:
    """What the distance says, in one sentence. inputs: what the classifier saw."""
    told = f"A fresh linear classifier of {inputs} tells source from target in {accuracy:.0%} of held-out examples"
    if accuracy < 0.6:
        return f"{told}: hardly better than guessing, so there is little to adapt to."
    if accuracy < 0.9:
        return f"{told}: the domains differ, but overlap."
    return f"{told}: to it they are two different worlds."


def curve_figure(rows: list[dict[str, Any]], strength: float) -> go.Figure:
    """The distance by strength, with the strength that is chosen marked."""
    xs, ys = [row["strength"] for row in rows], [max(0.0, row["distance"]) for row in rows]
    here = min(range(len(xs)), key=lambda index: abs(xs[index] - strength))
    figure = go.Figure()
    figure.add_scatter(x=xs, y=ys, mode="lines", line={"color": role_colour("target"), "width": 2}, name="distance",
                       hovertemplate="%{y:.2f}<extra></extra>")  # fmt: skip
    figure.add_scatter(x=[xs[here]], y=[ys[here]], mode="markers", marker={"color": role_colour("target"), "size": 11},
                       name="chosen", hoverinfo="skip")  # fmt: skip
    style_figure(figure, showlegend=False)
    figure.update_xaxes(range=[-0.03, 1.03], tickvals=[0, 0.5, 1])
    figure.update_yaxes(range=[-0.1, 2.1], tickvals=[0, 1, 2])
    return figure


def _classes(seen: Mapping[str, Any] | None) -> None:
    if not seen:
        card_header("Classes")
        quiet("Classes are matched by their names.")
        return
    mapped = seen["mapped"]
    card_header("Classes", f"{len(mapped):,} in both")
    chips([one if one == other else f"{one} = {other}" for one, other in mapped])
    for role in ("source", "target"):
        names = seen["dropped"][role]
        if names:
            quiet(f"Left out of the {role}, as the other has no such class:")
            chips(names, out=True)
    for note in seen["notes"]:
        if "left out" not in note:
            quiet(note)
