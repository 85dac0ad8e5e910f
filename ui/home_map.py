"""The live map: the four quadrants, each method with a small film of its recorded run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from tlcore.errors import StoreError
from tlcore.gallery import recorded
from tlcore.player.message import text_of
from tlcore.presets import all_presets
from tlcore.runs import Frame, Probe, Store
from ui import theme
from ui.components import mount
from ui.page import Quadrant

FRAMES = 14
POINTS = 170
PROJECTIONS = ("input", "umap", "pca")  # the first that a run has
TRIMMED = 0.5  # percent of the places on each side that may lie outside of the picture


@dataclass(frozen=True)
class Method:
    """One method on the map. sentence: what it is about. colour_by: "domain" or "class"."""

    title: str
    sentence: str
    preset: str
    colour_by: str = "domain"

    @property
    def page(self) -> str:
        """The page that shows it, as its file is called."""
        return self.preset.partition("/")[0].replace("-", "_")


@dataclass(frozen=True)
class Corner:
    """One quadrant of the map and its methods."""

    quadrant: Quadrant
    title: str
    sentence: str
    methods: tuple[Method, ...]


CORNERS = (
    Corner(
        "both labelled",
        "Source and target labelled",
        "A network trained on much data is taught a new task with little.",
        (
            Method(
                "Fine-tuning",
                "Few labels and a trained network: what to keep, what to change.",
                "fine-tuning/few-shot-digits",
                "class",
            ),
            Method(
                "Layer transfer",
                "Which layers are general? Copy some, and watch the point land.",
                "layer-transfer/glyphs",
                "class",
            ),
            Method(
                "Multitask",
                "One network, several tasks: when they help each other, when not.",
                "multitask/two-digits",
                "class",
            ),
        ),
    ),
    Corner(
        "source labelled",
        "Only the source labelled",
        "The target has pictures but no labels: make both look alike, or describe what was never shown.",
        (
            Method(
                "Domain-adversarial",
                "Make the features of both domains impossible to tell apart.",
                "domain-adversarial/photo-digits",
            ),
            Method("Zero-shot", "Recognise animals never shown, by a description.", "zero-shot/creatures"),
        ),
    ),
    Corner(
        "target labelled",
        "Only the target labelled",
        "Plenty of unlabelled source pictures teach what pictures are made of.",
        (
            Method(
                "Self-taught learning",
                "Features learned without a label, then a few labels.",
                "self-taught/digits",
                "class",
            ),
        ),
    ),
    Corner(
        "none labelled",
        "Neither labelled",
        "Clusters of the target become clearer with features learned elsewhere.",
        (
            Method(
                "Self-taught clustering",
                "Which pictures belong together? Nobody has said.",
                "self-taught/clustering",
                "class",
            ),
        ),
    ),
)


def home_map(pages: Sequence[str], *, key: str = "home-map") -> Method | None:
    """Draw the map with the methods whose page is among `pages`; returns the one that was clicked, if any."""
    methods = [method for corner in CORNERS for method in corner.methods if method.page in pages]
    corners = [
        {
            "quadrant": corner.quadrant,
            "title": corner.title,
            "sentence": corner.sentence,
            "methods": [_tile(method) for method in corner.methods if method in methods],
        }
        for corner in CORNERS
    ]
    clicked = mount(
        "home_map",
        script="home_map.js",
        style="home_map.css",
        key=key,
        height="content",
        data={"corners": corners, "palette": theme.palette_payload()},
        on_open_change=lambda: None,
    )
    return next((method for method in methods if method.preset == clicked.open), None)


def _tile(method: Method) -> dict[str, Any]:
    return {
        "id": method.preset,
        "title": method.title,
        "sentence": method.sentence,
        # An ordinary address as well: the link can be copied, and opened in another tab.
        "address": f"{method.page}?preset={method.preset.partition('/')[2]}",
        "film": film_of(method.preset, method.colour_by),
    }


@lru_cache(maxsize=32)
def film_of(preset: str, colour_by: str) -> dict[str, Any] | None:
    """A few frames of the recorded run that a preset shows last beside others; None where there are none."""
    store, known = recorded(preset), all_presets().get(preset)
    if store is None or known is None:
        return None
    for arm in reversed(known.side_by_side):
        identity = known.arms[arm].content_hash
        try:
            film = _read(store, identity, colour_by)
        except StoreError:  # the page itself says what is wrong with it
            continue
        if film is not None:
            return film | {"arm": known.arms[arm].method.title}
    return None


def _read(store: Store, identity: str, colour_by: str) -> dict[str, Any] | None:
    probe, kinds = store.probe(identity), store.projections(identity)
    projection = next((name for name in PROJECTIONS if name in kinds), None)
    if probe is None or projection is None:
        return None
    return miniature(store.frames(identity, projection), probe, colour_by)


def miniature(frames: Sequence[Frame], probe: Probe, colour_by: str) -> dict[str, Any]:
    """Frames as the map shows them: some of the points, in 256 places along each side of one picture for all frames.

    Its `places` are bytes, frame by frame, x and y of each point; `colours` is one byte a point.
    """
    rows = np.linspace(0, len(frames) - 1, min(FRAMES, len(frames))).round().astype(int)
    points = np.linspace(0, len(probe) - 1, min(POINTS, len(probe))).round().astype(int)
    places = np.stack([frames[row].points[points, :2] for row in rows]).astype(np.float64)
    low, high = np.nanpercentile(places, [TRIMMED, 100 - TRIMMED], axis=(0, 1))
    middle, width = (low + high) / 2, float(max(*(high - low), 1e-9))
    shares = np.nan_to_num((places - middle) / width + 0.5, nan=0.5).clip(0, 1)
    colours = probe.domains if colour_by == "domain" else probe.labels
    return {
        "frames": len(rows),
        "count": len(points),
        "places": text_of(np.rint(shares * 255).astype(np.uint8)),
        "colours": text_of((np.asarray(colours[points], np.int64) % 256).astype(np.uint8)),
        "colour_by": colour_by,
    }
