"""Asking a zero-shot model what it sees in a picture, and what becomes of its answers when a description changes."""

from __future__ import annotations

import hashlib
import html
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import streamlit as st

from tlcore.analysis.deciding_attributes import contributions
from tlcore.catalogue.creatures.render import draw_creature
from tlcore.execution.questions import ask
from tlcore.plots import zero_shot as plots
from tlcore.specs.model_questions import AskZeroShot
from ui.background import Snapshot, look
from ui.data_pieces import said, waiting
from ui.hosted_words import upload_megabytes
from ui.library import RunView
from ui.live_chart import live_chart
from ui.page import card, card_header
from ui.zero_shot_model import AskableModel, Floats

RANKED = 5
DECIDING = 4
BARS = 12
SHOWN_SIDE = 192
SHOWN_STYLE = f"width:{SHOWN_SIDE}px;image-rendering:pixelated;border-radius:8px"
STRIP = 12
NEW = "a new animal"
WAYS = ("of the test", "yours")
LARGEST_MB = 16


@dataclass(frozen=True)
class Asked:
    """A picture that a model is asked about. evidence: (A,) for each attribute. truth: its class, where it is known.

    probabilities: (A,) of the attributes by the run that predicts them one by one, where there is one.
    """

    evidence: Floats
    truth: int | None
    probabilities: Floats | None


def ask_card(view: RunView, model: AskableModel, attributes: tuple[RunView, AskableModel] | None, title: str) -> None:
    """One picture: predicted attributes against the table, ranked classes, and what decided between the best two.

    attributes: the run that predicts attributes one by one, where there is one.
    """
    with card("ask"):
        card_header("Ask the model", title)
        left, middle, right = st.columns([1, 1.6, 1.6])
        with left:
            way = WAYS[0]
            if model.drawn:
                way = st.segmented_control("Picture", WAYS, default=WAYS[0], required=True, key="ask-way")
            asked = _own_picture(view, attributes) if way == WAYS[1] else _test_picture(model, attributes)
            among = st.segmented_control("Choose among", ["unseen", "all"], default="unseen", key="ask-among")
        if asked is None:
            return
        candidates = np.arange(len(model.names)) if among == "all" else np.flatnonzero(~model.seen)
        scores = model.scored(model.vectors)[candidates] @ asked.evidence
        ranked = candidates[np.argsort(-scores, kind="stable")]
        with middle:
            st.html(_ranking(model, asked, ranked))
        with right:
            _attribute_bars(model, asked, int(ranked[0]))


def _test_picture(model: AskableModel, attributes: tuple[RunView, AskableModel] | None) -> Asked | None:
    known = [label for label in _best_first(model) if (model.labels == label).any()]
    label = st.selectbox(
        "A test picture of", known, format_func=lambda one: f"{model.names[one]}{_kind(model, one)}", key="ask-class"
    )
    rows = np.flatnonzero(model.labels == label)
    number = st.slider("Which one", 1, len(rows), 1, key=f"ask-picture-{label}") if len(rows) > 1 else 1
    row = int(rows[number - 1])
    if model.thumbnails is not None:
        st.image(_enlarged(model.thumbnails[row]), width=SHOWN_SIDE)
    known_here = attributes is not None and len(attributes[1].labels) == len(model.labels)
    probabilities = attributes[1].probabilities() if attributes is not None and known_here else None
    return Asked(model.evidence[row], int(model.labels[row]), None if probabilities is None else probabilities[row])


def _own_picture(view: RunView, attributes: tuple[RunView, AskableModel] | None) -> Asked | None:
    """An uploaded picture, looked at by a process of its own; None while there is no answer."""
    if view.is_recorded:
        st.caption("A recorded run comes without its weights: press Train, and it can be asked about your picture.")
        return None
    uploaded = st.file_uploader(
        "A picture of an animal", key="ask-upload", max_upload_size=upload_megabytes(LARGEST_MB)
    )
    if uploaded is None:
        st.caption("It looks at the middle square. It knows drawings only: expect little of a photograph.")
        return None
    content = uploaded.getvalue()
    own = [view, *([attributes[0]] if attributes is not None and not attributes[0].is_recorded else [])]
    answers = [_looked_at(one, content) for one in own]
    trouble = next((one.error for one in answers if one.error), None)
    if trouble:
        said(trouble, "error")
        return None
    if not all(one.done for one in answers):
        waiting(answers[0], "Looking at the picture")
        return None
    picture = png_address(answers[0].answer)
    st.html(f'<img style="{SHOWN_STYLE}" alt="the picture as the network sees it" src="{picture}">')
    probabilities = None
    if attributes is not None and len(own) > 1:
        probabilities = attributes[1].probabilities_of(np.array(answers[1].answer["evidence"]))
    return Asked(np.array(answers[0].answer["evidence"]), None, probabilities)


def _looked_at(view: RunView, content: bytes) -> Snapshot:
    question = AskZeroShot(run=view.run.id, store=str(view.store.folder))
    key = f"ask {view.run.id} {hashlib.sha256(content).hexdigest()}"
    return look(key, lambda report: ask(question, upload=content, report=report))


def png_address(answer: Mapping[str, Any]) -> str:
    """The picture of an answer as an address for an image element."""
    return f"data:image/png;base64,{html.escape(answer['seen'], quote=True)}"


def _attribute_bars(model: AskableModel, asked: Asked, best: int) -> None:
    if asked.probabilities is None:
        st.caption("Train the arm that predicts attributes, and they stand here beside the table.")
        return
    matter = np.argsort(-np.maximum(asked.probabilities, model.vectors[best]), kind="stable")[:BARS]
    figure = plots.attribute_bars(
        asked.probabilities[matter], model.vectors[best, matter], [model.attributes[i] for i in matter],
        f"the table's {model.names[best]}",
    )  # fmt: skip
    live_chart(figure, key="chart-attributes", height=360, description="predicted attributes of the picture")


def _best_first(model: AskableModel) -> list[int]:
    """The unseen classes, those that are recognised before those that are not, then the seen ones."""
    unseen = np.flatnonzero(~model.seen)
    chosen = unseen[model.scores(model.vectors)[:, unseen].argmax(axis=1)]
    right = np.bincount(model.labels[chosen == model.labels], minlength=len(model.names))
    return [*unseen[np.argsort(-right[unseen], kind="stable")].tolist(), *np.flatnonzero(model.seen).tolist()]


def _kind(model: AskableModel, label: int) -> str:
    return "" if model.seen[label] else " (unseen)"


def _ranking(model: AskableModel, asked: Asked, ranked: npt.NDArray[np.int64]) -> str:
    table, evidence = model.scored(model.vectors), asked.evidence
    rows = []
    for place, label in enumerate(ranked[:RANKED].tolist(), 1):
        mark = " ✓" if label == asked.truth else ""
        name = f"<b>{html.escape(model.names[label])}</b>{mark}"
        rows.append(f"<tr><td>{place}. {name}</td><td>{float(evidence @ table[label]):.2f}</td></tr>")
    words = ""
    if len(ranked) > 1:
        first, second = int(ranked[0]), int(ranked[1])
        lead = contributions(evidence, table[first], table[second])
        deciding = [index for index in np.argsort(-np.abs(lead), kind="stable")[:DECIDING] if abs(lead[index]) > 1e-9]
        shares = [f"{lead[index]:+.2f}".replace("-", "−") for index in deciding]
        decided = zip((model.attributes[index] for index in deciding), shares, strict=True)
        parts = ", ".join(f"{html.escape(name)} {share}" for name, share in decided)
        names = [html.escape(model.names[label]) for label in (first, second)]
        words = f"<p class=tl-words>{names[0]} leads {names[1]} by {lead.sum():.2f}: {parts}.</p>"
    return f'<table class="tl-table"><tr><th></th><th>score</th></tr>{"".join(rows)}</table>{words}'


def edit_card(model: AskableModel, title: str) -> None:
    """A description, changed attribute by attribute: drawn, placed, and scored against all others at once."""
    if not model.drawn:
        return
    with card("edit"):
        card_header("Edit a description", title)
        st.caption("Nothing is trained: the model knows animals by their descriptions alone, so it knows this one too.")
        choices = [-1, *_best_first(model)]  # at the top: nobody looks for it below a hundred animals
        base = st.selectbox(
            "Begin with", choices, min(1, len(choices) - 1), key="edit-class",
            format_func=lambda one: NEW if one < 0 else f"{model.names[one]}{_kind(model, one)}",
        )  # fmt: skip
        original = model.vectors[base] if base >= 0 else np.zeros(model.vectors.shape[1])
        left, right = st.columns([1.3, 1.7])
        with left:
            vector = _sliders(model, base, original)
        with right:
            _outcome(model, base, vector)


def _sliders(model: AskableModel, base: int, original: Floats) -> Floats:
    vector = np.array(original, dtype=np.float64)
    has = np.flatnonzero(original > 0)
    others = np.flatnonzero(original == 0)
    chosen = st.multiselect(
        "More attributes", others.tolist(), format_func=lambda index: model.attributes[index], key=f"edit-more-{base}",
        placeholder="add one, such as stripes",
    )  # fmt: skip
    columns = st.columns(2)
    for place, index in enumerate([*chosen, *has.tolist()]):
        with columns[place % 2]:
            start = 1.0 if index in chosen else float(original[index])
            vector[index] = st.slider(
                model.attributes[index], 0.0, 1.0, round(start, 2), 0.05, key=f"edit-{base}-{index}"
            )
    return np.clip(vector, 0.0, 1.0)


def _outcome(model: AskableModel, base: int, vector: Floats) -> None:
    """The drawing, its place, and which pictures fall to it among the unseen classes and itself."""
    name = model.names[base] if base >= 0 else NEW
    vectors = np.vstack([model.vectors, vector])
    unseen = np.flatnonzero(~model.seen)
    rivals = unseen[unseen != base]
    candidates = np.append(rivals, len(model.vectors))
    scores = model.scores(vectors)[:, candidates]
    falls = scores.argmax(axis=1) == len(candidates) - 1
    drawing, words = st.columns([1, 1.5])
    with drawing:
        pose = st.number_input("Pose", 1, 999, 1, key="edit-pose", help="Another number: another picture of it.")
        st.image(draw_creature(vector, SHOWN_SIDE, [2, int(pose)], clean=True), width=SHOWN_SIDE)
    with words:
        counts = np.bincount(model.labels[falls], minlength=len(model.names))
        own = f"{counts[base] / max(1, (model.labels == base).sum()):.0%} of the {name} pictures" if base >= 0 else ""
        most = [f"{counts[at]} × {html.escape(model.names[at])}" for at in np.argsort(-counts)[:5] if counts[at]]
        sentence = f"<b>{falls.sum()}</b> of {len(falls)} test pictures fall to it rather than to an unseen animal"
        st.html(
            f'<p class="tl-words">{sentence}{": " + ", ".join(most) if most else ""}.'
            f"{f' That is {html.escape(own)}.' if own else ''}</p>"
        )
        if model.thumbnails is not None and falls.any():
            lead = scores[:, -1] - scores[:, :-1].max(axis=1)
            best = [int(row) for row in np.argsort(-lead)[:STRIP] if falls[row]]
            st.image([_enlarged(model.thumbnails[row], 48) for row in best], width=48)
    now = model.place(vector)
    if model.points is not None and now is not None:
        before = model.place(model.vectors[base]) if base >= 0 else None
        figure = plots.plane(model.points, ~model.seen[model.labels], falls, before, now, name)
        live_chart(figure, key="chart-plane", height=300, description="the changed description among the test pictures")


def _enlarged(picture: npt.NDArray[np.uint8], side: int = SHOWN_SIDE) -> npt.NDArray[np.uint8]:
    """(C, H, W) as (H', W', 3), each pixel a square."""
    factor = max(1, side // picture.shape[-1])
    pixels = np.broadcast_to(picture, (3, *picture.shape[1:])).transpose(1, 2, 0)
    return pixels.repeat(factor, axis=0).repeat(factor, axis=1)
