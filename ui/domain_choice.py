"""Which two domains the Data page compares, to and from its address; the way from there to their training."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, get_args

import streamlit as st

from tlcore.catalogue import listing, spec_of
from tlcore.specs import DatasetSpec, DomainPair, OwnFeatures, OwnPictures, Shifted, Spec
from tlcore.specs.catalogue_sets import ShiftKind
from tlcore.specs.parameters import FIXED_KEYS
from tlcore.specs.run import VECTORS
from ui.data_pieces import remember, spec_code, spec_names
from ui.own_library import own_sets

NONE = "none"
SHIFTS = (NONE, *get_args(ShiftKind))
SHIFT_WORDS = {
    "photo-background": "a photograph behind", "noise": "noise", "blur": "blur", "colour": "other colours",
    "rotation": "turned", "contrast": "less contrast", "sketch-edges": "a sketch of its edges", NONE: "as it is",
}  # fmt: skip
USUAL = {"source": "digits", "target": "digits", "shift": "photo-background", "strength": 0.5}
# The moons' settings suit two coordinates. With these, DANN gained on the source alone both on Gaussian classes of 256
# coordinates, mixed and moved (.97 → .99), and on plain digits → digits over photographs as 256 numbers (.63 → .75).
FEATURE_SETTINGS = {"hidden_units": 100, "learning_rate": 0.001, "lambda_max": 0.3, "domain_hidden_layers": 1}


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


def chosen_pair(choices: Mapping[str, tuple[str, DatasetSpec]]) -> tuple[str, str, str, float]:
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


def pair_of(source: DatasetSpec, target: DatasetSpec, shift: str, strength: float) -> tuple[DomainPair, DomainPair]:
    """The pair, and the same without its made shift. Raises InvalidRequest or ValueError where it cannot be."""
    base = DomainPair(source=source, target=target)
    if shift == NONE:
        return base, base
    if target.name in VECTORS:
        raise ValueError("Points and features cannot be shifted here: show the target as it is.")
    shifted = Shifted.model_validate({"base": target.model_dump(), "shift": shift, "strength": strength})
    return DomainPair(source=source, target=shifted), base


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
    method, more, names = "Dann()", "", spec_names(pair) | {"Dann", "RunSpec"}
    if pair.source.name in VECTORS:
        more, names = ", network=Perceptron()", names | {"Perceptron"}
    if pair.source.name == "own-features":
        settings = FEATURE_SETTINGS
        method = f"Dann(lambda_max={settings['lambda_max']})"
        more = (
            f",\n    network=Perceptron(hidden_units={settings['hidden_units']}),\n    optimisation="
            f'Optimisation(optimiser="adam", learning_rate={settings["learning_rate"]}, schedule="cosine")'
        )
        names |= {"Optimisation"}
    return (
        "from tlcore.execution.local import LocalExecutor\nfrom tlcore.runs import Store\n"
        f"from tlcore.specs import {', '.join(sorted(names))}\n\n"
        f"pair = DomainPair(\n    source={spec_code(pair.source)},\n    target={spec_code(pair.target)},\n)\n"
        f"LocalExecutor(Store()).submit(RunSpec(method={method}, data=pair{more}))"
    )
