"""A pair of domains on the Data page: both side by side, the classes they share, and how far apart they are."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import plotly.graph_objects as go
import streamlit as st

from tlcore.catalogue import listing, spec_of
from tlcore.errors import LabError
from tlcore.execution.questions import ask
from tlcore.plots.style import role_colour, style_figure
from tlcore.specs import DatasetSpec, DomainPair, OwnFeatures, OwnPictures, Shifted, Spec
from tlcore.specs.catalogue_sets import ShiftKind
from tlcore.specs.parameters import FIXED_KEYS
from tlcore.specs.questions import LookAtPair, MeasureShift
from tlcore.specs.run import VECTORS
from ui.background import Snapshot, look, peek
from ui.data_pieces import (
    chips,
    empty,
    points,
    quiet,
    remember,
    said,
    spec_code,
    spec_names,
    strip,
    waiting,
)  # fmt: skip
from ui.live_chart import live_chart
from ui.own_library import own_sets
from ui.page import card, card_header

DOMAIN_ADVERSARIAL = Path(__file__).parents[1] / "pages" / "domain_adversarial.py"
NONE = "none"
SHIFTS = (NONE, *get_args(ShiftKind))
SHIFT_WORDS = {
    "photo-background": "a photograph behind", "noise": "noise", "blur": "blur", "colour": "other colours",
    "rotation": "turned", "contrast": "less contrast", "sketch-edges": "a sketch of its edges", NONE: "as it is",
}  # fmt: skip
USUAL = {"source": "digits", "target": "digits", "shift": "photo-background", "strength": 0.5}
FEATURE_SETTINGS = {"hidden_units": 100, "learning_rate": 0.003, "lambda_max": 1, "domain_hidden_layers": 1}
PICTURES = 20
SECONDS = 900.0


def pair_section() -> None:
    """Choose two domains and look at them side by side."""
    choices = loadable()
    source, target, shift, strength = _choice(choices)
    try:
        pair, base = _pair(choices[source][1], choices[target][1], shift, strength)
    except (ValueError, LabError) as error:
        said(str(error), "error")
        return
    seen, trouble = _seen(pair, base, shift, strength)
    with card("pair-distance"):
        card_header("How far apart", "proxy A-distance")
        left, right = st.columns([3, 2], gap="large", vertical_alignment="center")
        with left:
            if shift == NONE:
                able = pair.target.name not in VECTORS
                hint = " Choose a shift above to make one, as strong as you like." if able else ""
                quiet(f"The target is shown as it is.{hint}")
            else:
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
    left, right = st.columns(2)
    with left, card("pair-classes"):
        _classes(seen)
    with right, card("pair-code"):
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


def loadable() -> dict[str, tuple[str, DatasetSpec]]:
    """Everything that can be read on this machine, by the name it has in an address: a title, and the spec."""
    found: dict[str, tuple[str, DatasetSpec]] = {
        row.entry.name: (row.entry.title, spec_of(row.entry.name))
        for row in listing()
        if row.state in ("embedded", "on disk")
    }
    for one in own_sets():
        if one.get("problem"):
            continue
        kind = OwnPictures if one["kind"] == "pictures" else OwnFeatures
        domains = [domain for domain in one["domains"] if domain]
        for domain in ["", *(domains if len(domains) > 1 else [])]:
            name = f"own:{one['name']}" + (f":{domain}" if domain else "")
            title = f"{one['name']} · {domain}" if domain else one["name"]
            found[name] = (title, kind(dataset=one["name"], content=one["content"], domain=domain))
    return found


def _choice(choices: Mapping[str, tuple[str, DatasetSpec]]) -> tuple[str, str, str, float]:
    """Source, target, shift and strength, from the address and back into it."""
    address, state = st.query_params, st.session_state
    for role in ("source", "target"):
        given = address.get(role, USUAL[role])
        if f"pair-{role}" not in state:
            state[f"pair-{role}"] = given if given in choices else USUAL[role]
        elif state[f"pair-{role}"] not in choices:  # it was removed meanwhile
            state[f"pair-{role}"] = USUAL[role]
    if "pair-shift" not in state:
        plain = USUAL["shift"] if "target" not in address else NONE
        given = address.get("shift", plain)
        state["pair-shift"] = given if given in SHIFTS else plain
    if "pair-strength" not in state:
        state["pair-strength"] = _strength(address.get("strength", ""))
    names = list(choices)
    one, two, three = st.columns([2, 2, 2], vertical_alignment="bottom")
    with one:
        source = st.selectbox(":blue[Source]", names, key="pair-source", format_func=lambda name: choices[name][0],
                              persist_state="session")  # fmt: skip
    with two:
        target = st.selectbox(":orange[Target]", names, key="pair-target", format_func=lambda name: choices[name][0],
                              persist_state="session")  # fmt: skip
    with three:
        shift = st.selectbox("The target is shown", SHIFTS, key="pair-shift", format_func=SHIFT_WORDS.__getitem__,
                             help="A shift made on purpose, with a strength you choose.",
                             persist_state="session")  # fmt: skip
    strength = round(float(state["pair-strength"]), 1)
    remember(source=source, target=target, shift=shift, strength=f"{strength:g}" if shift != NONE else None)
    return source, target, shift, strength


def _strength(text: str) -> float:
    try:
        return round(min(1.0, max(0.0, float(text))), 1)
    except ValueError:
        return float(USUAL["strength"])  # type: ignore[arg-type]


def _pair(source: DatasetSpec, target: DatasetSpec, shift: str, strength: float) -> tuple[DomainPair, DomainPair]:
    """The pair, and the same without its made shift. Raises InvalidRequest or ValueError where it cannot be."""
    base = DomainPair(source=source, target=target)
    if shift == NONE:
        return base, base
    if target.name in VECTORS:
        raise ValueError("Points and features cannot be shifted here: show the target as it is.")
    shifted = Shifted.model_validate({"base": target.model_dump(), "shift": shift, "strength": strength})
    return DomainPair(source=source, target=shifted), base


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


def _distance(seen: Mapping[str, Any] | None, trouble: str | None) -> None:
    """The measured distance and what it means."""
    if seen:
        st.html(f'<div class="tl-figure">{max(0.0, seen["distance"]):.2f}<small>of 2</small></div>')
        quiet(meaning(seen["accuracy"]))
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


def meaning(accuracy: float) -> str:
    """What the distance says, in one sentence."""
    told = f"A fresh linear classifier of pixels tells source from target in {accuracy:.0%} of held-out examples"
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


def target_page(pair: DomainPair) -> dict[str, str | list[str]]:
    """The parameters of the address at which the domain-adversarial page trains on the pair."""
    preset = "moons" if pair.source.name in VECTORS else "photo-digits"
    data = json.dumps(document_of(pair), ensure_ascii=False, separators=(",", ":"))
    changes = [f"data={data}"]
    if pair.source.name == "own-features":  # the moons' own settings suit two coordinates
        changes += [f"{name}={value}" for name, value in FEATURE_SETTINGS.items()]
    return {"preset": preset, "set": changes}


def document_of(spec: Spec) -> dict[str, Any]:
    """A spec as a document without what is as it is by default, but for the names that say which spec it is."""
    plain, document = type(spec)(), {}
    for name in type(spec).model_fields:
        value = getattr(spec, name)
        if isinstance(value, Spec):
            document[name] = document_of(value)
        elif name in FIXED_KEYS or value != getattr(plain, name):
            document[name] = value
    return document


def pair_code(pair: DomainPair) -> str:
    """The pair in Python, and a run on it."""
    vectors = pair.source.name in VECTORS
    network = ", network=Perceptron()" if vectors else ""
    names = spec_names(pair) | {"Dann", "RunSpec"} | ({"Perceptron"} if vectors else set())
    return (
        "from tlcore.execution.local import LocalExecutor\nfrom tlcore.runs import Store\n"
        f"from tlcore.specs import {', '.join(sorted(names))}\n\n"
        f"pair = DomainPair(\n    source={spec_code(pair.source)},\n    target={spec_code(pair.target)},\n)\n"
        f"LocalExecutor(Store()).submit(RunSpec(method=Dann(), data=pair{network}))"
    )
