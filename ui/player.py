"""The feature-space player: the probe points of one to three runs, moving through training on one timeline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from tlcore.runs.records import Frame, Probe, Surface
from ui import theme
from ui.components import mount
from ui.player_message import Ledger, encode_curve, encode_film, encode_probe, newest_layout, probe_digest

COLOURINGS = ("domain", "class", "correctness", "prediction")
MOST_PANELS = 3


@dataclass(frozen=True)
class Panel:
    """One run in the player. `frames` may hold several projections and layouts: the player picks what it shows."""

    run_id: str
    title: str
    value_text: str = ""
    frames: Sequence[Frame] = ()
    surfaces: Sequence[Surface] = ()


@dataclass(frozen=True)
class Curve:
    """A line under the timeline, its values in [0, 1]. role: a name of `theme.ROLES`, or a hex colour."""

    name: str
    role: str
    steps: Sequence[float] = field(default_factory=tuple)
    values: Sequence[float] = field(default_factory=tuple)


@dataclass(frozen=True)
class PlayerState:
    """Where the viewer is: projection, colouring, and the step at which they paused (None while it runs)."""

    projection: str
    colour_by: str
    step: int | None


def projection_label(projection: str) -> str:
    """How a projection is called on the page: UMAP and PCA are acronyms."""
    return projection.upper() if projection in {"umap", "pca", "tsne"} else projection.capitalize()


def player_state(
    key: str,
    projections: Sequence[str],
    *,
    initial_projection: str | None = None,
    initial_colour_by: str = "domain",
    initial_step: int | None = None,
) -> PlayerState:
    """The player's state, known before it is drawn: ask it to fetch the frames of the right projection."""
    memory = st.session_state.get(f"_player_view_{key}", {})
    component = st.session_state.get(key)
    view: dict[str, Any] = (component or {}).get("view") or memory
    wanted = view.get("projection", initial_projection)
    colour_by = view.get("colour_by", initial_colour_by)
    step = view.get("step", initial_step)
    return PlayerState(
        projection=wanted if wanted in projections else projections[0],
        colour_by=colour_by if colour_by in COLOURINGS else "domain",
        step=int(step) if isinstance(step, (int, float)) else None,
    )


def player(
    panels: Sequence[Panel],
    probe: Probe,
    *,
    key: str,
    projections: Sequence[str],
    curves: Sequence[Curve] = (),
    live: bool = False,
    autoplay: bool = False,
    loop: bool = False,
    total_steps: int | None = None,
    badge: str | None = None,
    height: int = 300,
    initial_projection: str | None = None,
    initial_colour_by: str = "domain",
    initial_step: int | None = None,
) -> PlayerState:
    """Show the player and return where the viewer is.

    With a fixed `key` it is updated in place, and only frames that are new since the last call are sent. `live`: more
    frames are coming; a viewer at the end follows them, one who has gone back stays. `autoplay`: a film of new runs
    starts by itself (not for people who ask their system for less motion). `badge`: a short remark, such as
    "recorded run · 2 CPU cores". Frames of other projections than the chosen one are left out.
    """
    if not 1 <= len(panels) <= MOST_PANELS:
        raise ValueError(f"a player shows 1 to {MOST_PANELS} panels, not {len(panels)}")
    if not projections:
        raise ValueError("a player needs at least one projection")
    state = player_state(
        key,
        projections,
        initial_projection=initial_projection,
        initial_colour_by=initial_colour_by,
        initial_step=initial_step,
    )
    st.session_state[f"_player_view_{key}"] = {
        "projection": state.projection,
        "colour_by": state.colour_by,
        "step": state.step,
    }
    ledger: Ledger = st.session_state.setdefault(f"_player_ledger_{key}", Ledger())
    mount(
        "player",
        script="player_component.js",
        style="player.css",
        key=key,
        data=_message(ledger, panels, probe, state, projections, curves)
        | {
            "live": live,
            "autoplay": autoplay,
            "loop": loop,
            "total_steps": total_steps,
            "badge": badge,
            "height": height,
            "palette": theme.palette_payload(),
        },
        on_view_change=lambda: None,
        # The browser asks when it misses frames, for instance after the page was left and opened again.
        on_resend_change=ledger.forget,
    )
    return state


def _message(
    ledger: Ledger,
    panels: Sequence[Panel],
    probe: Probe,
    state: PlayerState,
    projections: Sequence[str],
    curves: Sequence[Curve],
) -> dict[str, Any]:
    """What changes from call to call, with only the frames the browser does not have yet."""
    digest = probe_digest(probe)
    if ledger.probe != digest:
        ledger.films.clear()
        probe_data: dict[str, Any] = encode_probe(probe, digest)
        ledger.probe = digest
    else:
        probe_data = {"id": digest, "count": len(probe)}
    chosen = state.projection if len(projections) > 1 else None
    panel_data = []
    for place, panel in enumerate(panels):
        frames = newest_layout(panel.frames, chosen)
        name = f"{panel.run_id}|{state.projection}|{frames[0].layout if frames else ''}|{digest}"
        surfaces = sorted(panel.surfaces, key=lambda surface: surface.step)
        film = encode_film(ledger, place, name, frames, surfaces)
        panel_data.append({"run": panel.run_id, "title": panel.title, "value": panel.value_text, **film})
    for place in [place for place in ledger.films if place >= len(panels)]:
        del ledger.films[place]
    return {
        "probe": probe_data,
        "panels": panel_data,
        "answers": ledger.answers,
        "projections": [{"id": name, "label": projection_label(name)} for name in projections],
        "view": {"projection": state.projection, "colour_by": state.colour_by, "step": state.step},
        "curves": [encode_curve(curve.name, curve.role, curve.steps, curve.values) for curve in curves],
    }
