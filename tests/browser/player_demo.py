"""A page with nothing but a player over a film made up here, odd ones among them, for `test_player.py`."""

import numpy as np
import streamlit as st

from tlcore.player.film import Caption, Curve, Panel
from tlcore.player.message import nearest_of
from tlcore.runs.records import Frame, Neighbours, Probe
from ui import player as player_module
from ui.player import player, player_state

EVIL = "<img src=x onerror=\"window.executed='yes'\">"

st.set_page_config(layout="wide")
film = st.query_params.get("film", "plain")
count = {"three": 3, "many": 2000}.get(film, 400)
classes = 200 if film == "classes" else 4
frames_of = {"single": 1, "none": 0, "many": 20}.get(film, 6)
three_classes = np.arange(count, dtype=np.int16) % classes
domains = (np.arange(count) >= (0 if film == "single" else count // 2)).astype(np.int8)  # one film of the target alone
names = (*(f"class {number}" for number in range(classes - 1)), EVIL)
thumbnails = np.repeat((three_classes * 60 % 255).astype(np.uint8)[:, None], 3 * 64, axis=1).reshape(count, 3, 8, 8)
probe = Probe(three_classes, domains, names, thumbnails)


def make_frames(projection: str, mistakes: float) -> list[Frame]:
    """Classes that draw apart; so many are taken for the class that follows, fewer with every frame."""
    noise = np.random.default_rng(1).normal(size=(count, 3))
    centres = np.random.default_rng(2).normal(size=(classes, 3)) * 5
    frames = []
    for number in range(frames_of):
        points = noise + centres[three_classes] * (number + 1) / max(frames_of, 1)
        wrong = np.random.default_rng(3).random(count) < mistakes * (1 - number / 10)
        predictions = np.where(wrong, (three_classes + 1) % classes, three_classes).astype(np.int16)
        points = points[:, : 3 if projection.endswith("3d") else 2].astype(np.float32)
        if film == "nan" and number == 2:
            points[:150] = np.nan
        frames.append(Frame(number * 100, projection, points, predictions))
    return frames


projections = ["umap", "umap-3d"]
state = player_state("player", projections)
table = [Neighbours(0, (np.arange(count)[:, None] + np.arange(1, 4) * classes) % count)]
nearest = None if state.point is None else nearest_of(table, state.point)
panels = [
    Panel("one", EVIL, "0.74", make_frames(state.projection, 0.5), nearest=nearest, quality={"trustworthiness": 0.97}),
    Panel("two", "DANN", "0.95", make_frames(state.projection, 0.1), nearest=nearest),
]
if film == "problem":
    panels[1] = Panel("two", "DANN", problem="The store holds a damaged record: it is cut short.")
if film == "broken":  # what reaches the browser is spoilt on its way
    send = player_module.mount

    def spoil(name: str, **arguments):
        for panel in arguments["data"]["panels"]:
            for frame in panel["frames"][2:3]:
                frame["points"] = frame["points"][:100]
        return send(name, **arguments)

    player_module.mount = spoil
steps = [number * 100 for number in range(frames_of)]
try:
    player(
        panels,
        probe,
        key="player",
        projections=projections,
        curves=[Curve("target accuracy", "target", steps, np.linspace(0, 1, frames_of))],
        captions=[Caption(200, f"Here it begins {EVIL}"), Caption(400, "And here it ends")],
        total_steps=500,
        initial_lecture=st.query_params.get("lecture") == "1",
    )
finally:
    if film == "broken":
        player_module.mount = send
st.write(f"point {state.point} lecture {state.lecture}")
