"""The colours of the house, light and dark, and the one style of its figures.

Every hex of the lab stands here (and, for Streamlit's own widgets, in `.streamlit/config.toml`). Figures are built in
the light colours; a page that is dark swaps them when it draws.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go


@dataclass(frozen=True)
class Palette:
    """One theme's colours. A role keeps its hue on every page: source blue, target orange, and so on."""

    source: str
    target: str
    extractor: str
    label: str
    domain: str
    ink: str
    soft: str
    line: str
    card: str
    ground: str
    correct: str
    wrong: str
    unknown: str
    on_colour: str
    classes: tuple[str, ...]


# The class colours are chosen so that any two of the first ten stay apart (15 in Lab) for full vision, deuteranopia
# and protanopia alike, and none is mistaken for the blue of the source or the orange of the target.
LIGHT = Palette(
    source="#2f6fde",
    target="#ef8a17",
    extractor="#3b9a57",
    label="#5a55d2",
    domain="#d4457e",
    ink="#1d2433",
    soft="#667085",
    line="#e4e7ec",
    card="#ffffff",
    ground="#fafafa",
    correct="#9aa5b8",
    wrong="#c8102e",
    unknown="#b4bac6",
    on_colour="#ffffff",
    classes=(
        "#2c9678",
        "#873dc0",
        "#a47b01",
        "#b52a1f",
        "#54afec",
        "#6c4334",
        "#e277b1",
        "#687282",
        "#93bb1b",
        "#1e3991",
        "#9ad1c9",
        "#e97550",
    ),
)

DARK = Palette(
    source="#6ea0ff",
    target="#ffab4a",
    extractor="#63c282",
    label="#9591ff",
    domain="#ff7fae",
    ink="#e8eaf0",
    soft="#98a2b3",
    line="#2b3240",
    card="#151a23",
    ground="#0e1117",
    correct="#5d6880",
    wrong="#ff5a6e",
    unknown="#4a5266",
    on_colour="#10141c",
    classes=(
        "#6dc79f",
        "#ac62ca",
        "#cfa202",
        "#e1493c",
        "#8dd0ff",
        "#bb896b",
        "#f39bc9",
        "#8f9198",
        "#a9da4d",
        "#5a7ef6",
        "#beede5",
        "#ff9a76",
    ),
)

ROLES = ("source", "target", "extractor", "label", "domain", "ink", "soft", "line")


def role_colour(role: str) -> str:
    """The light colour of a role, for figures; a dark page shows its dark twin."""
    if role not in ROLES:
        raise ValueError(f"unknown role {role!r}: one of {', '.join(ROLES)}")
    return str(getattr(LIGHT, role))


def class_colour(index: int) -> str:
    """The light colour of a class; the palette is gone through again after its last colour."""
    return LIGHT.classes[index % len(LIGHT.classes)]


def house_layout(**overrides: Any) -> go.Layout:
    """A Plotly layout in the style of the house: no ground, a thin grid, tabular numerals, the legend above."""
    axis = {
        "gridcolor": LIGHT.line,
        "gridwidth": 1,
        "zeroline": False,
        "linecolor": LIGHT.line,
        "ticks": "",
        "automargin": True,
        "title": {"standoff": 8},
    }
    layout = go.Layout(
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": LIGHT.soft, "size": 13},
        colorway=list(LIGHT.classes),
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        xaxis=axis,
        yaxis=axis,
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.0, "x": 0, "title": {"text": ""}},
        hovermode="x unified",
        hoverlabel={"bgcolor": LIGHT.card, "bordercolor": LIGHT.line, "font": {"color": LIGHT.ink}},
    )
    layout.update(overrides)
    return layout


def style_figure(figure: go.Figure, **overrides: Any) -> go.Figure:
    """Give a figure the house style in place, and return it."""
    # Without a mode Plotly marks the points of a short line only: a live curve would change its face as it grows.
    figure.update_traces(selector=lambda trace: trace.type == "scatter" and trace.mode is None, mode="lines")
    # Plotly's own update of a layout looks every name up again and again; plain data are merged in a fifth of the time,
    # and a page with fifty viewers draws several figures a second.
    house = house_layout(**overrides).to_plotly_json()
    figure.layout = _merged(figure.layout.to_plotly_json(), house) | {"template": "none"}
    return figure


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = {**below, **above}
    for name in below.keys() & above.keys():
        if isinstance(below[name], Mapping) and isinstance(above[name], Mapping):
            merged[name] = _merged(below[name], above[name])
    return merged


def say_empty(figure: go.Figure, words: str = "The points come as the runs finish:") -> None:
    """Say in the middle of a figure without points that they are still to come, in two lines for narrow windows."""
    figure.add_annotation(
        text=f"{words}<br>press Train", xref="paper", yref="paper", x=0.5, y=0.5,
        showarrow=False, font={"size": 14},
    )  # fmt: skip


def say_no_curves(figure: go.Figure) -> None:
    """Say so in a figure over the steps that has no curve yet."""
    if not figure.data:
        say_empty(figure, "The curves come as runs train:")


def palette_payload() -> dict[str, Any]:
    """Both palettes as plain data for the browser."""
    return {
        name: {**vars(palette), "classes": list(palette.classes)}
        for name, palette in (("light", LIGHT), ("dark", DARK))
    }
