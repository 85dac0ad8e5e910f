"""A form for the parameters of an experiment, made from its specs: no parameter is named here."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import streamlit as st

from tlcore.specs import Parameter, RunSpec, parameters
from ui.hosted_words import limited

SECTIONS = {
    "method": "Method",
    "data": "Data",
    "network": "Network",
    "optimisation": "Optimisation",
    "budget": "Training and looking",
    "augmentation": "Varying the training pictures",
}
DOMAINS = {"source": "source", "target": "target"}


def parameters_of(arms: Mapping[str, RunSpec]) -> dict[str, Parameter]:
    """Every parameter that any arm has, by path; seeds are chosen elsewhere."""
    return dict(_parameters_of(tuple(arms.values())))


@lru_cache(maxsize=100)
def _parameters_of(specs: tuple[RunSpec, ...]) -> dict[str, Parameter]:
    found = {parameter.path: parameter for spec in specs for parameter in parameters(spec)}
    found.pop("seed", None)
    return found


def parameter_form(
    preset_arms: Mapping[str, RunSpec], arms: Mapping[str, RunSpec], *, key: str
) -> dict[str, str] | None:
    """Show the form; when it is sent, return what differs from the preset, by path, as text. None while it is not.

    preset_arms: the arms as the preset has them. arms: as they are now.
    """
    defaults, now = parameters_of(preset_arms), parameters_of(arms)
    values: dict[str, Any] = {}
    with st.form(key, border=False):
        everyday = [parameter for parameter in now.values() if not parameter.advanced]
        _sections(everyday, values, key)
        with st.expander("More parameters"):
            _sections([parameter for parameter in now.values() if parameter.advanced], values, key)
        sent = st.form_submit_button("Use these", type="primary", width="stretch")
        reset = st.form_submit_button("Back to the preset", width="stretch")
    if reset:
        return {}
    if not sent:
        return None
    return {path: f"{value}" for path, value in values.items() if value != defaults[path].value}


def _sections(shown: list[Parameter], values: dict[str, Any], key: str) -> None:
    for section, title in SECTIONS.items():
        members = [parameter for parameter in shown if parameter.path.split(".")[0] == section]
        if not members:
            continue
        st.caption(title)
        columns = st.columns(2)
        for index, parameter in enumerate(members):
            with columns[index % 2]:
                values[parameter.path] = _widget(limited(parameter), f"{key}-{parameter.path}")


def _widget(parameter: Parameter, key: str) -> Any:
    help_text = parameter.help + (f" ({parameter.source})" if parameter.source else "")
    domain = DOMAINS.get(parameter.path.split(".")[1]) if parameter.path.startswith("data.") else None
    label = f"{parameter.label} ({domain})" if domain else parameter.label
    # The value is part of the key: when the address changes the parameters, the widgets show them.
    key = f"{key}={parameter.value}"
    if parameter.kind == "choice":
        choices = list(parameter.choices)
        return st.selectbox(label, choices, index=choices.index(str(parameter.value)), help=help_text, key=key)
    if isinstance(parameter.value, bool):
        return st.checkbox(label, parameter.value, help=help_text, key=key)
    if parameter.kind == "int":
        return int(
            st.number_input(
                label, _whole(parameter.minimum), _whole(parameter.maximum), int(parameter.value), 1, help=help_text,
                key=key,
            )
        )  # fmt: skip
    if parameter.kind == "float":
        return float(
            st.number_input(
                label, parameter.minimum, parameter.maximum, float(parameter.value), format="%g", help=help_text,
                key=key, step=_step(parameter),
            )
        )  # fmt: skip
    return st.text_input(label, str(parameter.value), help=help_text, key=key)


def _whole(bound: float | None) -> int | None:
    return None if bound is None else int(bound)


def _step(parameter: Parameter) -> float:
    """A tenth of the value's own size, so that a click changes something without leaping."""
    size = abs(float(parameter.value)) or float(parameter.maximum or 1.0) / 10
    power = 10.0 ** len(str(int(1 / size))) if size < 1 else 10.0
    return 1 / power if size < 1 else max(0.1, round(size) / 10)
