"""Where an animal is: land, water or sky behind it, and what stands in front."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from PIL import Image, ImageDraw

from tlcore.catalogue.creatures.coat import darker
from tlcore.catalogue.creatures.figure import Colour

LANDS: tuple[Colour, ...] = (
    (136, 182, 92), (226, 206, 158), (206, 178, 110), (176, 136, 100), (222, 228, 232), (92, 130, 78), (198, 190, 176),
)  # fmt: skip
AIRS: tuple[Colour, ...] = ((232, 222, 202), (212, 212, 206), (238, 212, 186), (200, 212, 198))
SKIES: tuple[Colour, ...] = ((140, 196, 246), (116, 178, 240), (168, 210, 246))
WATERS: tuple[Colour, ...] = ((22, 106, 146), (18, 124, 150), (28, 88, 140), (38, 138, 158))


def mixed(one: Colour, other: Colour, share: float) -> Colour:
    """`share` of the other colour in the one."""
    red, green, blue = (int((1 - share) * a + share * b) for a, b in zip(one, other, strict=True))
    return red, green, blue


def _picked(colours: tuple[Colour, ...], chance: float, light: float) -> Colour:
    return darker(colours[min(int(chance * len(colours)), len(colours) - 1)], 0.86 + 0.2 * light)


def backdrop(side: int, look: Mapping[str, float], chance: np.ndarray) -> Image.Image:
    """The picture (side, side) behind the animal. chance: (80,) in [0, 1]."""
    flies, swims = look["flies"], look["swims"]
    air = mixed(_picked(AIRS, chance[0], chance[1]), _picked(SKIES, chance[2], chance[1]), min(1.0, 1.4 * flies))
    picture = Image.new("RGB", (side, side), air)
    drawing = ImageDraw.Draw(picture)
    if flies > 0.05:
        for number in range(3):
            x, y, size = chance[8 + 3 * number : 11 + 3 * number]
            radius = side * (0.06 + 0.08 * size) * min(1.0, 0.4 + flies)
            for shift in (-1.2, 0.0, 1.2):
                middle = side * x + shift * radius, side * (0.05 + 0.8 * y) - 0.3 * radius * (1 - abs(shift))
                box = (middle[0] - radius, middle[1] - 0.6 * radius, middle[0] + radius, middle[1] + 0.6 * radius)
                drawing.ellipse(box, fill=mixed(air, (255, 255, 255), 0.75))
    horizon = side * (0.42 + 0.22 * float(chance[3]) + 0.75 * flies)
    if horizon < side and swims * (1 - 0.5 * flies) < 0.95:
        land = _picked(LANDS, chance[4], chance[5])
        steps = np.linspace(0, side, 9)
        hills = horizon + side * 0.05 * np.sin(steps / side * (3 + 5 * chance[6]) + 6 * chance[7])
        line = [value for pair in zip(steps.tolist(), hills.tolist(), strict=True) for value in pair]
        drawing.polygon([*line, side, side, 0, side], fill=land)
        for number in range(7):
            x, y = chance[20 + 2 * number : 22 + 2 * number]
            place = side * x, horizon + (side - horizon) * (0.15 + 0.85 * y)
            size = side * (0.02 + 0.035 * y)
            tone = darker(land, 0.8 if number % 2 else 1.12)
            corners = (place[0] - 1.8 * size, place[1] - 0.5 * size, place[0] + 1.8 * size, place[1] + 0.5 * size)
            drawing.ellipse(corners, fill=tone)
    if swims > 0.05:
        _water(drawing, side, swims * (1 - 0.5 * flies), _picked(WATERS, chance[40], chance[41]), chance)
    return picture


def _water(drawing: ImageDraw.ImageDraw, side: int, swims: float, water: Colour, chance: np.ndarray) -> None:
    level = side * (1.04 - 1.12 * swims)
    bands = 7
    for number in range(bands):
        top = level + (side - level) * number / bands
        steps = np.linspace(0, side, 13)
        waves = top + side * 0.012 * np.sin(steps / side * 20 + 6 * chance[42 + number])
        line = [value for pair in zip(steps.tolist(), waves.tolist(), strict=True) for value in pair]
        drawing.polygon([*line, side, side, 0, side], fill=darker(water, 1.22 - 0.07 * number))
    for number in range(5):
        x, y = chance[50 + 2 * number : 52 + 2 * number]
        radius = side * (0.012 + 0.014 * chance[60 + number])
        place = side * x, max(level, 0) + (side - max(level, 0)) * y
        drawing.ellipse((place[0] - radius, place[1] - radius, place[0] + radius, place[1] + radius),
                        outline=(196, 232, 238), width=max(1, side // 128))  # fmt: skip


def foreground(picture: Image.Image, look: Mapping[str, float], chance: np.ndarray, amount: float) -> None:
    """Blades, weed or mist that hide a little of the animal. amount: 0 for none, 1 for most. chance: (40,)."""
    drawing, side = ImageDraw.Draw(picture), picture.width
    count = round(5 * amount)
    flying, swimming = look["flies"] > 0.5, look["swims"] > 0.5
    for number in range(count):
        x, y, size, lean = chance[4 * number : 4 * number + 4]
        if flying and not swimming:
            radius = side * (0.035 + 0.04 * size)
            place = side * x, side * y
            drawing.ellipse((place[0] - 1.8 * radius, place[1] - 0.7 * radius, place[0] + 1.8 * radius,
                             place[1] + 0.7 * radius), fill=(240, 246, 250))  # fmt: skip
            continue
        base, tall = side * x, side * (0.14 + 0.22 * size)
        tone = ((52, 120, 96) if swimming else (96, 138, 58)) if y < 0.7 else (128, 110, 76)
        for turn in (-0.35, 0.0, 0.35):
            tip = base + tall * math.sin(turn + 0.5 * (lean - 0.5))
            width = side * 0.014
            drawing.polygon([base - width, side, base + width, side, tip, side - tall * (1 - 0.4 * abs(turn))],
                            fill=darker(tone, 1.0 + 0.3 * turn))  # fmt: skip
