"""A description, changed by hand: what becomes of the answers of a zero-shot model that nobody trains for it."""

from __future__ import annotations

import html
import math
from dataclasses import dataclass, field

import numpy as np
import streamlit as st

from tlcore.catalogue.creatures.render import draw_creature
from tlcore.plots import zero_shot as plots
from ui.choices import first_until_chosen
from ui.live_chart import live_chart
from ui.page import card, card_header
from ui.zero_shot_ask import SHOWN_SIDE, enlarged
from ui.zero_shot_model import AskableModel, Floats, best_first, kind_of

NEW = -1  # in place of a class: a description that begins with nothing
STRIP = 12
MOST_SLIDERS = 16  # as many as an animal of the table has attributes, and as can be looked over
MOST_NAMED = 5
EDITS = "_zero_shot_edits"


@dataclass
class Edit:
    """What somebody has changed of one description. more: attributes that were added; values: by attribute.

    Kept apart from the controls, which Streamlit forgets as soon as another description is looked at.
    """

    more: list[int] = field(default_factory=list)
    values: dict[int, float] = field(default_factory=dict)


def edit_card(model: AskableModel, title: str) -> None:
    """A description, changed attribute by attribute: placed and scored at once, and drawn where it is an animal's."""
    with card("edit"):
        card_header("Edit a description", title)
        known = "animals" if model.drawn else "classes"
        reason = f"the model knows {known} by their descriptions alone, so it knows this one too"
        st.caption(f"Nothing is trained: {reason}.")
        best = best_first(model)
        key = f"edit-class-{model.table}"
        base = st.selectbox(
            # At the top: nobody looks for it below a hundred animals.
            "Begin with", [NEW, *best], key=key, on_change=first_until_chosen(key, [*best, NEW]),
            format_func=lambda one: _name(model, one) + ("" if one == NEW else kind_of(model, one)),
        )  # fmt: skip
        left, right = st.columns([1.3, 1.7])
        with left:
            vector = _sliders(model, base)
        with right:
            _outcome(model, base, vector)


def _name(model: AskableModel, base: int) -> str:
    return model.names[base] if base != NEW else f"a new {'animal' if model.drawn else 'class'}"


def telling(model: AskableModel, vector: Floats) -> list[int]:
    """The attributes that a description has; where these are many, those in which it differs most from the others."""
    has = np.flatnonzero(vector)
    if len(has) <= MOST_SLIDERS:
        return has.tolist()
    low, high = model.limits[has].T
    difference = np.abs(vector[has] - model.vectors[:, has].mean(axis=0)) / np.maximum(high - low, 1e-12)
    return sorted(has[np.argsort(-difference, kind="stable")[:MOST_SLIDERS]].tolist())


def steps_of(low: float, high: float) -> tuple[float, float, float, int]:
    """A slider from `low` to `high` in about twenty steps: both ends in round numbers, the step, and its digits."""
    span = (high - low) / 20
    digits = max(0, math.ceil(-math.log10(span)))
    unit = 10.0**digits
    return math.floor(low * unit) / unit, math.ceil(high * unit) / unit, round(span, digits), digits


def _sliders(model: AskableModel, base: int) -> Floats:
    """The description as it has been changed."""
    original = np.asarray(model.vectors[base] if base != NEW else np.zeros(model.vectors.shape[1]), dtype=np.float64)
    edits: dict[tuple[str, int], Edit] = st.session_state.setdefault(EDITS, {})
    edit = edits.setdefault((model.table, base), Edit())
    prefix = f"edit-{model.table}-{base}-"
    shown = telling(model, original)
    st.session_state.setdefault(f"{prefix}more", list(edit.more))
    edit.more = st.multiselect(
        "More attributes", [index for index in range(len(original)) if index not in shown], key=f"{prefix}more",
        format_func=lambda index: model.attributes[index],
        placeholder="add one, such as stripes" if model.drawn else "add one",
    )  # fmt: skip
    vector, values = original.copy(), {}
    columns = st.columns(2)
    for place, index in enumerate([*edit.more, *shown]):
        low, high, step, digits = steps_of(*model.limits[index].tolist())
        # What is added begins with all of it, where it was not there at all.
        start = round(float(original[index]) if original[index] or index in shown else high, digits)
        st.session_state.setdefault(f"{prefix}{index}", min(max(edit.values.get(index, start), low), high))
        with columns[place % 2]:
            value = st.slider(
                model.attributes[index], low, high, step=step, format=f"%.{digits}f", key=f"{prefix}{index}"
            )
        if value != start or index in edit.more:
            values[index] = value
        if value != round(float(original[index]), digits):  # rounded for the slider alone
            vector[index] = value
    edit.values = values
    st.button("Reset", key=f"{prefix}reset", on_click=_reset, args=((model.table, base), prefix), disabled=not values)
    return vector


def _reset(which: tuple[str, int], prefix: str) -> None:
    st.session_state[EDITS].pop(which, None)
    for key in [key for key in st.session_state if str(key).startswith(prefix)]:
        del st.session_state[key]


def _outcome(model: AskableModel, base: int, vector: Floats) -> None:
    """Which pictures fall to it among the unseen classes and itself, its drawing where there is one, and its place."""
    unseen = np.flatnonzero(~model.seen)
    rivals = unseen[unseen != base]
    candidates = np.append(rivals, len(model.vectors))
    scores = model.scores(np.vstack([model.vectors, vector]))[:, candidates]
    falls = scores.argmax(axis=1) == len(candidates) - 1
    if model.drawn:
        drawing, words = st.columns([1, 1.5])
        with drawing:
            pose = st.number_input("Pose", 1, 999, 1, key="edit-pose", help="Another number: another picture of it.")
            st.image(draw_creature(vector, SHOWN_SIDE, [2, int(pose)], clean=True), width=SHOWN_SIDE)
    else:
        words = st.container()
    with words:
        st.html(f'<p class="tl-words">{fallen_words(model, base, falls, len(rivals))}</p>')
        if model.thumbnails is not None and falls.any():
            lead = scores[:, -1] - scores[:, :-1].max(axis=1, initial=-np.inf)
            strip = [int(row) for row in np.argsort(-lead)[:STRIP] if falls[row]]
            st.image([enlarged(model.thumbnails[row], 48) for row in strip], width=48)
    now = model.place(vector)
    if model.points is not None and now is not None:
        before = model.place(model.vectors[base]) if base != NEW else None
        figure = plots.plane(model.points, ~model.seen[model.labels], falls, before, now, _name(model, base))
        live_chart(figure, key="chart-plane", height=300, description="the changed description among the test pictures")


def fallen_words(model: AskableModel, base: int, falls: np.ndarray, rivals: int) -> str:
    """How many of the film's pictures fall to the description, (M,) bool, and against whom. In HTML."""
    counts = np.bincount(model.labels[falls], minlength=len(model.names))
    most = [f"{counts[at]} × {html.escape(model.names[at])}" for at in np.argsort(-counts)[:MOST_NAMED] if counts[at]]
    other = "other " if base != NEW and not model.seen[base] else ""
    one, many = ("animal", "animals") if model.drawn else ("class", "classes")
    against = f"the {rivals} {other}unseen {many if rivals != 1 else one}"
    fallen = f"<b>{falls.sum()}</b> of {len(falls)} test pictures fall to it"
    words = f"{fallen} rather than to one of its rivals, {against}."
    if most:
        words += f" {'They show' if (counts > 0).sum() <= MOST_NAMED else 'Most often they show'} {', '.join(most)}."
    if base == NEW:
        return words
    return (
        f"{words} {counts[base]} of the {(model.labels == base).sum()} pictures of {html.escape(model.names[base])} do."
    )
