"""How an animal holds itself in one picture, and the trunk that everything else is fixed to."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from tlcore.catalogue.creatures.figure import Points

LEAST = 0.05  # below this an attribute draws nothing


class Pose:
    """What differs from picture to picture of one animal. chance: (64,) in [0, 1], each number with one use.

    No number is drawn here, so the pose stays when an attribute is changed.
    """

    def __init__(self, chance: np.ndarray) -> None:
        self.stride = 2 * math.pi * float(chance[0])
        self.neck = float(chance[1]) - 0.5
        self.nod = float(chance[2]) - 0.5
        self.tail = float(chance[3]) - 0.5
        self.flap = float(chance[4])
        self.sway = 2 * math.pi * float(chance[5])
        self.ears = float(chance[6]) - 0.5
        self.reach = float(chance[7]) - 0.5
        self.plump = 0.9 + 0.2 * float(chance[8])
        self.tall = 0.9 + 0.2 * float(chance[9])
        self.gaze = float(chance[10]) - 0.5
        self.fringe = chance[16:64]


class Body:
    """The trunk of the animal: where its middle line and its edges are."""

    def __init__(self, look: Mapping[str, float], pose: Pose) -> None:
        long = look["long body"]
        self.legs = max(look["two legs"], look["four legs"], look["many legs"])
        self.upright = look["two legs"] * (1 - 0.8 * look["long body"])
        self.length = 0.27 + 0.27 * long - 0.03 * self.upright
        self.height = (0.185 - 0.095 * long) * pose.plump
        loose = 1 - 0.85 * self.legs
        self.wave = 0.11 * long * long * loose
        self.phase = pose.sway

    def middle(self, x: float) -> float:
        """Height of the middle line at `x`; a long body without legs winds."""
        return self.wave * math.sin(9.0 * x + self.phase) - 0.10 * self.upright * x / self.length

    def half(self, x: float) -> float:
        """Half the body's height at `x`."""
        inside = max(0.0, 1 - (x / self.length) ** 2)
        return self.height * inside**0.42

    def top(self, x: float) -> tuple[float, float]:
        """The point on the back at `x`."""
        return x, self.middle(x) - self.half(x)

    def bottom(self, x: float) -> tuple[float, float]:
        """The point on the belly at `x`."""
        return x, self.middle(x) + self.half(x)

    def outline(self) -> Points:
        """(60, 2) points around the body."""
        places = -self.length * np.cos(np.linspace(0, math.pi, 31))
        upper = [self.top(float(x)) for x in places]
        lower = [self.bottom(float(x)) for x in places[-2:0:-1]]
        return np.array(upper + lower)
