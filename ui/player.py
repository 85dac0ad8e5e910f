"""The feature-space player: the probe points of one to three runs, moving through training on one timeline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from tlcore.player.film import COLOURINGS, Caption, Curve, Panel, film_message
from tlcore.player.message import Ledger
from tlcore.runs.records import Probe
from ui import theme
from ui.address import number_of
from ui.components import mount
from ui.page import card

MOST_PANELS = 3
_LEDGER = "_player_ledger_"
BEGINS = "Training is about to begin: data and network are being made ready. The film starts with the first frame."
EMPTY_HEIGHT = 440  # of the card in the player's place: about what the player takes, so that nothing below it jumps


@dataclass(frozen=True)
class PlayerState:
    """Where the viewer is: projection, colouring, the step at which they paused (None while it runs), the probe point
    they have chosen if it is one alone, and whether they give a lecture.
    """

    projection: str
    colour_by: str
    step: int | None
    point: int | None = None
    lecture: bool = False


def wanted_by_address(projections: Sequence[str], colour: str) -> dict[str, Any]:
    """Where the address of the page wants the viewer to be, as `player_state` and `player` take it."""
    address = st.query_params
    return {
        "initial_projection": address.get("projection") if address.get("projection") in projections else projections[0],
        "initial_colour_by": address.get("colour", colour),
        "initial_step": number_of(address.get("step")),
        "initial_lecture": address.get("lecture") == "1",
    }


def player_address(state: PlayerState | None, projection: str, colour: str) -> dict[str, str | None]:
    """What of the viewer's place goes into the address of the page: what is not as it is at first, with `projection`
    and `colour`."""
    if state is None:
        return {}
    return {
        "projection": state.projection if state.projection != projection else None,
        "colour": state.colour_by if state.colour_by != colour else None,
        "step": str(state.step) if state.step is not None else None,
        "lecture": "1" if state.lecture else None,
    }


def player_state(
    key: str,
    projections: Sequence[str],
    *,
    initial_projection: str | None = None,
    initial_colour_by: str = "domain",
    initial_step: int | None = None,
    initial_lecture: bool = False,
) -> PlayerState:
    """The player's state, known before it is drawn: ask it to fetch the frames of the right projection."""
    memory = st.session_state.get(f"_player_view_{key}", {})
    component = st.session_state.get(key)
    view: dict[str, Any] = (component or {}).get("view") or memory
    wanted = view.get("projection", initial_projection)
    colour_by = view.get("colour_by", initial_colour_by)
    step, point = view.get("step", initial_step), view.get("point")
    return PlayerState(
        projection=wanted if wanted in projections else projections[0],
        colour_by=colour_by if colour_by in COLOURINGS else "domain",
        step=int(step) if isinstance(step, (int, float)) else None,
        point=int(point) if isinstance(point, (int, float)) else None,
        lecture=bool(view.get("lecture", initial_lecture)),
    )


def player(
    panels: Sequence[Panel],
    probe: Probe,
    *,
    key: str,
    projections: Sequence[str],
    curves: Sequence[Curve] = (),
    captions: Sequence[Caption] = (),
    live: bool = False,
    autoplay: bool = False,
    loop: bool = False,
    total_steps: int | None = None,
    badge: str | None = None,
    height: int = 300,
    initial_projection: str | None = None,
    initial_colour_by: str = "domain",
    initial_step: int | None = None,
    initial_lecture: bool = False,
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
        initial_lecture=initial_lecture,
    )
    st.session_state[f"_player_view_{key}"] = {
        "projection": state.projection,
        "colour_by": state.colour_by,
        "step": state.step,
        "point": state.point,
        "lecture": state.lecture,
    }
    ledger: Ledger = st.session_state.setdefault(f"{_LEDGER}{key}", Ledger())
    message = film_message(
        ledger, panels, probe, projections, state.projection, state.colour_by, state.step, curves, captions
    )
    message["view"] |= {"point": state.point, "lecture": state.lecture}
    mount(
        "player",
        script="player_component.js",
        style="player.css",
        key=key,
        data=message
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


def no_player(sentence: str) -> None:
    """Why there is no film yet, in the place of the player."""
    # The browser forgets a player that is not drawn: what comes next must carry everything, not only what is new.
    for key in [key for key in st.session_state if str(key).startswith(_LEDGER)]:
        del st.session_state[key]
    inside = {"border": False, "horizontal_alignment": "center", "vertical_alignment": "center"}
    with card("player-empty"), st.container(height=EMPTY_HEIGHT, **inside):
        st.caption(sentence, width="content")
