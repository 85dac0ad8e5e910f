"""Pictures of animals drawn from their attributes alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image

from tlcore.catalogue.creature_table import ATTRIBUTES
from tlcore.catalogue.creatures.anatomy import build
from tlcore.catalogue.creatures.body import Pose
from tlcore.catalogue.creatures.coat import darker, main_colour, make_coat, shades
from tlcore.catalogue.creatures.figure import View, paint_figure
from tlcore.catalogue.creatures.scene import backdrop, foreground

VERSION = 1  # part of the name of what is kept: to be raised when the same attributes give other pictures
EDGE = 0.011


def draw_creature(
    values: Sequence[float] | np.ndarray, side: int, seed: int | Sequence[int], *, clean: bool = False
) -> np.ndarray:
    """One picture (side, side, 3) uint8 of the animal with the attributes `values` (A,), each from 0 to 1.

    The seed decides all that the attributes leave open: pose, shades, background, what stands in front, noise. It is
    spent the same way whatever the attributes are, so that one seed shows a changed animal in an unchanged pose.
    clean: nothing stands in front and there is no noise.
    Raises ValueError for another number of attributes or a value outside of 0 to 1.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.shape != (len(ATTRIBUTES),) or not ((array >= 0) & (array <= 1)).all():
        raise ValueError(f"{len(ATTRIBUTES)} attributes from 0 to 1 are needed, not an array of shape {array.shape}.")
    # What a table does not have, no animal has.
    look = defaultdict(float, zip(ATTRIBUTES, array.tolist(), strict=True))
    random = np.random.default_rng(seed)
    chance = random.random(600)
    sampling = 3 if side <= 128 else 2
    large = sampling * side
    picture = backdrop(large, look, chance[:80])
    _draw_animal(picture, look, chance)
    amount = 0.0 if clean or chance[140] > 0.45 else float(chance[141])
    foreground(picture, look, chance[150:190], amount)
    pixels = np.asarray(picture.reduce(sampling), dtype=np.float32)
    if not clean:
        pixels = pixels * (0.86 + 0.26 * chance[142])
        pixels += random.standard_normal(pixels.shape, dtype=np.float32) * np.float32(9.0 * chance[143] ** 2)
    return np.asarray(np.clip(pixels, 0, 255).astype(np.uint8))


def _draw_animal(picture: Image.Image, look: Mapping[str, float], chance: np.ndarray) -> None:
    layers = shades(look, chance[80:84])
    main = main_colour(layers)
    second = next((colour for colour, _ in layers if colour != main), darker(main, 0.85))
    figure, body, head = build(look, Pose(chance[200:264]), main, second)
    view = _view(figure.bounds(), picture.width, look, chance[84:100])
    body_box = (0.0, body.middle(0.0), body.length, body.height + 0.5 * body.wave)
    head_box = (head.x, head.y, 1.4 * head.size, 0.95 * head.size)
    coats = {
        "body": make_coat(picture.size, view, look, layers, body_box, chance[300:500]),
        "head": make_coat(picture.size, view, look, layers, head_box, chance[400:600]),
        "far": Image.new("RGB", picture.size, darker(main, 0.7)),
    }
    paint_figure(picture, figure, view, coats, EDGE)


def _view(
    bounds: tuple[float, float, float, float], pixels: int, look: Mapping[str, float], chance: np.ndarray
) -> View:
    """Place an animal with these bounds: as large as it is, whole or nearly so, facing left or right."""
    left, top, right, bottom = bounds
    free = max(look["flies"], look["swims"] * (1 - 0.7 * look["four legs"]))
    tilt = np.radians((2 * chance[0] - 1) * (5 + 11 * free))
    facing = -1.0 if chance[1] < 0.5 else 1.0
    narrow = 0.86 + 0.2 * float(chance[2])
    wanted = (0.66 + 0.34 * look["size"]) * (0.94 + 0.12 * float(chance[3]))
    extent = max((right - left) * narrow, bottom - top)
    scale = pixels * wanted * min(1.15, 1.0 / extent)
    slack = max(0.0, 1 - scale / pixels * extent)
    middle_x = pixels * (0.5 + (float(chance[4]) - 0.5) * min(0.3, slack + 0.06))
    middle_y = pixels * (0.5 + (float(chance[5]) - 0.5) * min(0.25, slack + 0.04) + 0.4 * slack * (1 - free))
    cosine, sine = float(np.cos(tilt)), float(np.sin(tilt))
    a, b = facing * narrow * scale * cosine, -facing * scale * sine
    d, e = narrow * scale * sine, scale * cosine
    x, y = 0.5 * (left + right), 0.5 * (top + bottom)
    return View(a, b, middle_x - a * x - b * y, d, e, middle_y - d * x - e * y)
