"""Asking a zero-shot model what it sees in a picture."""

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
from tlcore.execution.questions import ask
from tlcore.plots import zero_shot as plots
from tlcore.specs.model_questions import AskZeroShot
from ui.background import Snapshot, look
from ui.choices import first_until_chosen
from ui.data_pieces import said, waiting
from ui.hosted_words import upload_megabytes
from ui.library import RunView
from ui.live_chart import live_chart
from ui.page import card, card_header
from ui.zero_shot_model import AskableModel, Floats, best_first, kind_of, number

RANKED = 5
DECIDING = 4
BARS = 12
SHOWN_SIDE = 192
SHOWN_STYLE = f"width:{SHOWN_SIDE}px;image-rendering:pixelated;border-radius:8px"
WAYS = ("of the test", "yours")
AMONG = ("unseen", "all")
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
            if model.takes_pictures:
                way = st.segmented_control("Picture", WAYS, default=WAYS[0], required=True, key="ask-way")
            asked = _own_picture(view, model, attributes) if way == WAYS[1] else _test_picture(model, attributes)
            among = st.segmented_control("Choose among", AMONG, default=AMONG[0], required=True, key="ask-among")
        if asked is None:
            return
        candidates = np.arange(len(model.names)) if among == "all" else np.flatnonzero(~model.seen)
        scores = model.scored(model.vectors)[candidates] @ asked.evidence
        ranked = candidates[np.argsort(-scores, kind="stable")]
        with middle:
            st.html(_ranking(model, asked, ranked))
        with right:
            _attribute_bars(attributes, asked, int(ranked[0]), title)


def _test_picture(model: AskableModel, attributes: tuple[RunView, AskableModel] | None) -> Asked | None:
    known = [label for label in best_first(model) if (model.labels == label).any()]
    key = f"ask-class-{model.table}"
    label = st.selectbox(
        "A test picture of", known, format_func=lambda one: f"{model.names[one]}{kind_of(model, one)}", key=key,
        on_change=first_until_chosen(key, known),
    )  # fmt: skip
    rows = np.flatnonzero(model.labels == label)
    place = st.slider("Which one", 1, len(rows), 1, key=f"ask-picture-{label}") if len(rows) > 1 else 1
    row = int(rows[place - 1])
    if model.thumbnails is not None:
        st.image(enlarged(model.thumbnails[row]), width=SHOWN_SIDE)
    known_here = attributes is not None and len(attributes[1].labels) == len(model.labels)
    probabilities = attributes[1].probabilities() if attributes is not None and known_here else None
    return Asked(model.evidence[row], int(model.labels[row]), None if probabilities is None else probabilities[row])


def _own_picture(
    view: RunView, model: AskableModel, attributes: tuple[RunView, AskableModel] | None
) -> Asked | None:  # fmt: skip
    """An uploaded picture, looked at by a process of its own; None while there is no answer."""
    if view.is_recorded:
        st.caption("A recorded run comes without its weights: press Train, and it can be asked about your picture.")
        return None
    label = "A picture of an animal" if model.drawn else "A picture"
    uploaded = st.file_uploader(label, key="ask-upload", max_upload_size=upload_megabytes(LARGEST_MB))
    if uploaded is None:
        drawings = "It knows drawings only: expect little of a photograph."
        others = "Expect little of a picture unlike those it learned from."
        st.caption(f"It looks at the middle square. {drawings if model.drawn else others}")
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


def _attribute_bars(attributes: tuple[RunView, AskableModel] | None, asked: Asked, best: int, title: str) -> None:
    """Each attribute as the run guesses it that predicts them one by one, whichever run is asked: title."""
    if asked.probabilities is None or attributes is None:
        st.caption("Where a run of this experiment predicts attributes, its guesses stand here beside the table.")
        return
    view, guesser = attributes
    source, table = view.run.spec.method.title, guesser.vectors[best]
    matter = np.argsort(-np.maximum(asked.probabilities, table), kind="stable")[:BARS]
    figure = plots.attribute_bars(
        asked.probabilities[matter], table[matter], [guesser.attributes[i] for i in matter],
        f"guessed by {source}", f"the table's {guesser.names[best]}",
    )  # fmt: skip
    live_chart(figure, key="chart-attributes", height=360, description="predicted attributes of the picture")
    if source != title:
        st.caption(
            f"The bars are guesses of another run, “{source}”. “{title}” guesses no attributes: what its ranking goes "
            "by stands below the ranking."
        )


def _ranking(model: AskableModel, asked: Asked, ranked: npt.NDArray[np.int64]) -> str:
    table, evidence = model.scored(model.vectors), asked.evidence
    rows = []
    for place, label in enumerate(ranked[:RANKED].tolist(), 1):
        mark = " ✓" if label == asked.truth else ""
        name = f"<b>{html.escape(model.names[label])}</b>{mark}"
        rows.append(f"<tr><td>{place}. {name}</td><td>{number(float(evidence @ table[label]))}</td></tr>")
    words = ""
    if len(ranked) > 1:
        first, second = int(ranked[0]), int(ranked[1])
        lead = contributions(evidence, table[first], table[second])
        deciding = [index for index in np.argsort(-np.abs(lead), kind="stable")[:DECIDING] if abs(lead[index]) > 1e-9]
        shares = [number(float(lead[index]), signed=True) for index in deciding]
        decided = zip((model.attributes[index] for index in deciding), shares, strict=True)
        parts = ", ".join(f"{html.escape(name)} {share}" for name, share in decided)
        names = [html.escape(model.names[label]) for label in (first, second)]
        words = f"<p class=tl-words>{names[0]} leads {names[1]} by {number(float(lead.sum()))}: {parts}.</p>"
    return f'<table class="tl-table"><tr><th></th><th>score</th></tr>{"".join(rows)}</table>{words}'


def enlarged(picture: npt.NDArray[np.uint8], side: int = SHOWN_SIDE) -> npt.NDArray[np.uint8]:
    """(C, H, W) as (H', W', 3), each pixel a square."""
    factor = max(1, side // picture.shape[-1])
    pixels = np.broadcast_to(picture, (3, *picture.shape[1:])).transpose(1, 2, 0)
    return pixels.repeat(factor, axis=0).repeat(factor, axis=1)
