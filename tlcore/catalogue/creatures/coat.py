"""What an animal is covered with: its colours from back to belly, stripes, spots, fur, feathers, scales."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise

import numpy as np
from PIL import Image, ImageDraw

from tlcore.catalogue.creatures.figure import Colour, View

PALETTE: dict[str, Colour] = {
    "black": (40, 37, 42), "brown": (122, 70, 30), "blue": (40, 90, 215), "red": (208, 32, 38),
    "green": (58, 158, 62), "grey": (136, 140, 146), "orange": (242, 126, 22), "pink": (248, 150, 182),
    "yellow": (248, 212, 48), "white": (245, 243, 238),
}  # fmt: skip
Layers = list[tuple[Colour, float]]  # colours, back first, and the share of the height each takes
Box = tuple[float, float, float, float]  # middle x, middle y, half length, half height, in the figure's plane
# In this order, dark to light, colours lie from back to belly, as on most animals.
BARE: Colour = (196, 176, 158)
DARK, PALE = (32, 26, 30), (238, 226, 200)


def shades(look: Mapping[str, float], jitter: np.ndarray) -> Layers:
    """The colours of an animal, back first, with the share of its height each takes. jitter: (4,) in [0, 1]."""
    weights = [(PALETTE[name], look[name]) for name in PALETTE if look.get(name, 0.0) > 0.05]
    total = sum(weight for _, weight in weights)
    if not weights:
        weights, total = [(BARE, 1.0)], 1.0
    light = 0.86 + 0.26 * float(jitter[3])
    tint = (jitter[:3] - 0.5) * 34
    return [(_tinted(colour, tint, light), weight / total) for colour, weight in weights]


def _tinted(colour: Colour, tint: np.ndarray, light: float) -> Colour:
    red, green, blue = (int(min(255, max(0, value * light + shift))) for value, shift in zip(colour, tint, strict=True))
    return red, green, blue


def main_colour(layers: Layers) -> Colour:
    """The colour that takes most room."""
    return max(layers, key=lambda layer: layer[1])[0]


def darker(colour: Colour, factor: float) -> Colour:
    """A colour times `factor`, bounded."""
    red, green, blue = (int(min(255, value * factor)) for value in colour)
    return red, green, blue


def brightness(colour: Colour) -> float:
    """0 to 255, as the eye weighs it."""
    return 0.3 * colour[0] + 0.59 * colour[1] + 0.11 * colour[2]


def make_coat(
    size: tuple[int, int],
    view: View,
    look: Mapping[str, float],
    layers: Layers,
    box: Box,
    chance: np.ndarray,
) -> Image.Image:
    """A picture of `size` to be pasted through the silhouette of a part.

    chance: (200,) in [0, 1].
    """
    coat = Image.new("RGB", size, layers[0][0])
    drawing = ImageDraw.Draw(coat)
    x, y, _, height = box
    wide = np.linspace(x - 2.5, x + 2.5, 9)
    sway = 0.25 * height * np.sin(wide * 7 + 6 * chance[0])
    level = -1.0
    for (_, share), (colour, _) in pairwise(layers):
        level += 2 * share
        top = np.stack([wide, y + height * level + sway], axis=1)
        drawing.polygon(view.flat(np.concatenate([top, [(x + 3, y + 3), (x - 3, y + 3)]])), fill=colour)
    main = main_colour(layers)
    if look["furry"] > 0.05:
        _fur(drawing, view, look["furry"], layers, box, chance)
    if look["feathered"] > 0.05:
        _feathers(drawing, view, look["feathered"], layers, box)
    if look["scaly"] > 0.05:
        _scales(drawing, view, look["scaly"], main, box)
    mark = DARK if brightness(main) >= 90 else PALE
    if look["spots"] > 0.05:
        _spots(drawing, view, look["spots"], box, mark, chance)
    if look["stripes"] > 0.05:
        _stripes(drawing, view, look["stripes"], box, mark, chance)
    _shade(coat, view, box)
    return coat


def _stripes(
    drawing: ImageDraw.ImageDraw, view: View, strength: float, box: Box, mark: Colour, chance: np.ndarray
) -> None:
    x, y, length, height = box
    gap = 0.135
    half = 0.036 * (0.4 + 0.6 * strength)
    slant = 0.08 * (chance[1] - 0.5)
    places = np.arange(x - 1.3 * length + gap * float(chance[2]), x + 1.3 * length, gap)
    low, high = y + 2.2 * height + 0.1, y - 2.2 * height - 0.1
    bends = 0.03 * (chance[3 : 3 + len(places)] - 0.5)
    bars = np.empty((len(places), 6, 2))
    bars[:, :, 0] = places[:, None] + np.array([slant - half, slant + half, half, half - slant, -half - slant, -half])
    bars[:, 2:6:3, 0] += bends[:, None]
    bars[:, :, 1] = (high, high, y, low, low, y)
    for points in view.each(bars):
        drawing.polygon(points, fill=mark)


def _spots(
    drawing: ImageDraw.ImageDraw, view: View, strength: float, box: Box, mark: Colour, chance: np.ndarray
) -> None:
    middles = _lattice(box, 0.13, 0.13)
    index = np.arange(len(middles))
    middles = middles + 0.06 * (np.stack([_spread(chance, index, 20), _spread(chance, index, 87)], axis=1) - 0.5)
    radii = (0.03 + 0.018 * _spread(chance, index, 140)) * (0.5 + 0.5 * strength) * view.scale
    for (column, row), radius in zip(view.each(middles[:, None]), radii.tolist(), strict=True):
        drawing.ellipse((column - radius, row - radius, column + radius, row + radius), fill=mark)


def _lattice(box: Box, across: float, down: float) -> np.ndarray:
    """(n, 2) points over a part, every second row moved by half a step."""
    x, y, length, height = box
    columns, rows = math.ceil(1.15 * length / across), math.ceil(1.1 * height / down)
    grid = np.stack(np.meshgrid(np.arange(-columns, columns + 1), np.arange(-rows, rows + 1)), axis=-1).reshape(-1, 2)
    return np.asarray([x, y] + (grid + np.stack([0.5 * (grid[:, 1] % 2), 0 * grid[:, 1]], axis=1)) * [across, down])


def _fur(
    drawing: ImageDraw.ImageDraw, view: View, strength: float, layers: Layers, box: Box, chance: np.ndarray
) -> None:
    x, y, length, height = box
    index = np.arange(int(300 * length * (0.4 + 0.6 * strength)))
    across, down = 2 * _spread(chance, index, 7) - 1, 2 * _spread(chance, index, 61) - 1
    places = np.stack([x + 1.2 * length * across, y + 1.3 * height * down], axis=1)
    lean = 0.5 + 0.5 * _spread(chance, index, 110)[:, None]
    strands = np.stack(
        [places, places + lean * np.array([-0.045, 0.04]), places + lean * np.array([-0.07, 0.09])], axis=1
    )
    line = max(1, round(0.009 * view.scale))
    tones = [(darker(colour, 1.28 if brightness(colour) < 200 else 0.86), darker(colour, 0.66)) for colour, _ in layers]
    ends = np.cumsum([2 * share for _, share in layers]) - 1
    which = np.minimum(np.searchsorted(ends, down * 1.3), len(layers) - 1).tolist()
    for number, points in enumerate(view.each(strands)):
        drawing.line(points, fill=tones[which[number]][number % 2], width=line)


def _feathers(drawing: ImageDraw.ImageDraw, view: View, strength: float, layers: Layers, box: Box) -> None:
    gap = 0.105
    arc = np.stack([np.linspace(-0.5, 0.5, 5) * gap * 1.05, np.array([0, 0.6, 0.85, 0.6, 0]) * gap * 0.75], axis=1)
    places = _lattice(box, gap, 0.62 * gap)
    line = max(1, round(0.012 * view.scale * (0.5 + 0.5 * strength) * 1.5))
    tones = [darker(colour, 1.4 if brightness(colour) < 200 else 0.74) for colour, _ in layers]
    ends = np.cumsum([2 * share for _, share in layers]) - 1
    which = np.minimum(np.searchsorted(ends, (places[:, 1] - box[1]) / box[3]), len(layers) - 1).tolist()
    for number, points in enumerate(view.each(places[:, None] + arc)):
        drawing.line(points, fill=tones[which[number]], width=line)


def _scales(drawing: ImageDraw.ImageDraw, view: View, strength: float, main: Colour, box: Box) -> None:
    x, y, length, height = box
    gap, reach = 0.1, 1.4 * height
    bright, dim = darker(main, 1.45 if brightness(main) < 200 else 0.82), darker(main, 0.5)
    number = math.ceil((length + reach) / gap) + 1
    middles = x + np.arange(-number, number + 1) * gap
    width = max(1, round(0.021 * view.scale * (0.4 + 0.6 * strength)))
    for slope, colour in ((1, dim), (-1, bright)):
        lines = np.empty((len(middles), 2, 2))
        lines[:, 0, 0], lines[:, 1, 0] = middles - slope * reach, middles + slope * reach
        lines[:, :, 1] = (y - reach, y + reach)
        for points in view.each(lines):
            drawing.line(points, fill=colour, width=width)


def _spread(chance: np.ndarray, index: np.ndarray, start: int) -> np.ndarray:
    """Numbers in [0, 1], one for each of `index` (n,), different for each `start`."""
    return np.asarray((chance[(start + index) % 200] + index * 0.6180339887 * (1 + start % 3)) % 1.0)


def _shade(coat: Image.Image, view: View, box: Box) -> None:
    """Darken towards the belly, so that the part looks round."""
    x, y, _, height = box
    down = abs(view.e) * height
    middle = view.d * x + view.e * y + view.f
    # From rows of the coat to the 256 rows of Pillow's slope: black above the middle, white below the belly.
    rows = 256 / (1.5 * down)
    slope = Image.linear_gradient("L").transform(
        coat.size, Image.Transform.AFFINE, (256 / coat.width, 0, 0, 0, rows, -rows * (middle - 0.1 * down)),
    )  # fmt: skip
    below = Image.new("L", coat.size, 0)
    start, end = round(middle - 0.1 * down), round(middle + 1.4 * down)
    below.paste(slope.crop((0, max(0, start), coat.width, max(0, min(end, coat.height)))), (0, max(0, start)))
    if end < coat.height:
        below.paste(255, (0, max(0, end), coat.width, coat.height))
    coat.paste((20, 14, 30), (0, 0), below.point(SHADOW))


SHADOW = [round(0.27 * value) for value in range(256)]
