"""Wings, folded on land and spread in the sky."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from tlcore.catalogue.creatures.body import LEAST, Body, Pose
from tlcore.catalogue.creatures.coat import darker
from tlcore.catalogue.creatures.figure import Colour, Figure, Points


def draw_wing(figure: Figure, body: Body, look: Mapping[str, float], pose: Pose, second: Colour, *, far: bool) -> None:
    """One wing: of feathers, of skin between fingers, or the two pairs of an insect. second: the colour of wings."""
    strength = look["wings"]
    if strength <= LEAST:
        return
    spread = 0.35 + 0.65 * look["flies"]
    size = (0.30 + 0.26 * spread) * (0.35 + 0.65 * strength)
    x, y = (0.12 if far else 0.02) * body.length, body.middle(0.0) - 0.35 * body.height
    # Folded wings point to the rear, spread ones up; the beat moves them.
    angle = math.radians(172 - 58 * spread - 30 * spread * (pose.flap - 0.5) - (22 if far else 0))
    along = np.array([math.cos(angle), -math.sin(angle)])
    across = np.array([-along[1], along[0]])
    if far:
        size *= 0.92
    if look["feathered"] > 0.3:
        count = 5
        paint: Colour = darker(second, 0.68 if far else 0.9)
        start = np.array([x, y])
        for number in range(count):
            share = number / (count - 1)
            turn = 0.75 * (share - 0.25)
            direction = along * math.cos(turn) - across * math.sin(turn)
            end = start + direction * size * (1.05 - 0.28 * share)
            figure.limb([tuple(start + along * 0.02), tuple(0.5 * (start + end) + 0.02 * across), tuple(end)],
                        (0.05, 0.06, 0.035), paint)  # fmt: skip
        figure.ellipse(tuple(start + along * 0.22 * size), (0.3 * size, 0.085), darker(second, 0.78 if far else 1.06),
                       math.atan2(along[1], along[0]))  # fmt: skip
        return
    tone: Colour = (205, 222, 232) if look["furry"] < 0.3 or look["many legs"] > 0.3 else darker(second, 1.2)
    if look["many legs"] > 0.3 and look["stripes"] < 0.5 and look["long body"] < 0.3 and look["shell"] < 0.5:
        tone = second  # coloured wings, a butterfly's
    if look["many legs"] <= 0.3:  # skin between fingers
        tips = [_tip_of(x, y, along, across, size, share) for share in (0.0, 0.33, 0.66, 1.0)]
        dents = [_tip_of(x, y, along, across, 0.72 * size, share) for share in (0.17, 0.5, 0.83)]
        ring = [(x + 0.05, y), tips[0], dents[0], tips[1], dents[1], tips[2], dents[2], tips[3], (x - 0.09, y + 0.05)]
        figure.polygon(ring, darker(tone, 0.72 if far else 1.0))
        return
    for turn, reach, wide in ((0.0, 1.0, 0.33), (0.75, 0.72, 0.3)):
        direction = along * math.cos(turn) - across * math.sin(turn)
        middle = np.array([x, y]) + direction * 0.52 * size * reach
        turned = math.atan2(direction[1], direction[0])
        figure.ellipse(
            tuple(middle), (0.52 * size * reach, wide * size * reach), darker(tone, 0.8 if far else 1.0), turned
        )
        if tone is second and not far:
            figure.ellipse(tuple(middle + 0.12 * size * direction), (0.2 * size * reach, 0.13 * size * reach),
                           darker(second, 0.6), turned)  # fmt: skip


def _tip_of(x: float, y: float, along: Points, across: Points, size: float, share: float) -> tuple[float, float]:
    """A point of a bat's wing: `share` of the way from its leading finger to its last."""
    turn = 1.35 * (share - 0.2)
    direction = along * math.cos(turn) - across * math.sin(turn)
    return x + size * float(direction[0]), y + size * float(direction[1])
