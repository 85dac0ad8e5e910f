"""The head of an animal and what stands on it."""

from __future__ import annotations

import math
from collections.abc import Mapping

from tlcore.catalogue.creatures.body import LEAST, Pose
from tlcore.catalogue.creatures.figure import Colour, Figure

IVORY: Colour = (250, 240, 214)
ANTLER: Colour = (150, 98, 52)
BEAK: Colour = (255, 176, 26)
FEELER: Colour = (44, 34, 38)


class Head:
    """Where the head is and how large. A fish has its head in its body; a long neck lifts it."""

    def __init__(self, look: Mapping[str, float], pose: Pose, length: float, height: float, middle: float) -> None:
        legs = max(look["two legs"], look["four legs"], look["many legs"])
        sunk = max(look["fins"], look["long body"] * (1 - 0.5 * legs), 0.8 * look["many legs"]) * (1 - 0.75 * legs) \
            if look["many legs"] < 0.5 else 0.75  # fmt: skip
        sunk = min(1.0, sunk)
        neck = look["long neck"]
        self.size = (0.115 + 0.02 * look["big eyes"]) * (1 - 0.2 * neck) * (1 - 0.12 * look["long body"])
        raised_x, raised_y = length + 0.05 + 0.06 * neck, -height - 0.05 - 0.42 * neck
        sunk_x, sunk_y = 0.86 * length, middle - 0.03
        self.x = sunk * sunk_x + (1 - sunk) * (raised_x + 0.05 * pose.neck)
        self.y = sunk * sunk_y + (1 - sunk) * (raised_y + 0.07 * pose.nod) - 0.3 * neck * sunk
        self.nod = 0.28 * pose.nod

    def at(self, forward: float, down: float) -> tuple[float, float]:
        """A point in units of the head's size, turned with it."""
        cosine, sine = math.cos(self.nod), math.sin(self.nod)
        return (
            self.x + self.size * (cosine * forward - sine * down),
            self.y + self.size * (sine * forward + cosine * down),
        )


def draw_head(figure: Figure, head: Head, look: Mapping[str, float], pose: Pose) -> None:
    """Horns and the like behind, then skull, muzzle, ears and trunk in the head's coat."""
    _crown(figure, head, look, pose, far=True)
    size = head.size
    bare = 1 - max(look["beak"], look["trunk"] * 0.5, 0.8 * look["many legs"])
    figure.ellipse((head.x, head.y), (size, 0.92 * size), "head", head.nod)
    if bare > LEAST:
        figure.ellipse(head.at(0.85 * bare, 0.22), (0.62 * size, 0.5 * size), "head", head.nod)
    if look["furry"] > LEAST and look["long ears"] < 0.3:
        figure.ellipse(head.at(-0.45, -0.8), (0.34 * size, 0.4 * size * look["furry"]), "head")
    if look["long ears"] > LEAST:
        long = look["long ears"]
        for far in (True, False):
            lean = -0.35 - 0.5 * pose.ears - (0.45 if far else 0.0)
            tip = head.at(-0.2 + 2.6 * long * math.sin(lean), -0.6 - 2.4 * long * math.cos(lean))
            root = head.at(-0.25, -0.5)
            middle = (0.5 * (tip[0] + root[0]), 0.5 * (tip[1] + root[1]))
            figure.limb([root, middle, tip], (0.2 * size, 0.40 * size, 0.14 * size), "head")
            if not far:
                figure.limb([middle, (0.3 * middle[0] + 0.7 * tip[0], 0.3 * middle[1] + 0.7 * tip[1])],
                            (0.2 * size, 0.1 * size), (240, 158, 168))  # fmt: skip
    if look["trunk"] > LEAST:
        reach = look["trunk"]
        curl = 0.6 * pose.reach
        through = [head.at(0.6, 0.1), head.at(1.25, 0.9 * reach), head.at(1.35 + 0.3 * reach, 2.1 * reach),
                   head.at(1.9 + 0.8 * reach + curl, (2.9 - 0.5 * curl) * reach)]  # fmt: skip
        figure.limb(through, (0.5 * size, 0.4 * size, 0.32 * size, 0.28 * size), "head")


def draw_face(figure: Figure, head: Head, look: Mapping[str, float], pose: Pose) -> None:
    """Beak, tusks, nose, eye, and what of the crown stands nearer."""
    size = head.size
    if look["beak"] > LEAST:
        long = 0.5 + 1.5 * look["beak"]
        figure.polygon([head.at(0.7, -0.42), head.at(0.75 + long, 0.18), head.at(0.7, 0.55)], BEAK)
        figure.polygon([head.at(0.7, 0.2), head.at(0.7 + 0.72 * long, 0.28), head.at(0.68, 0.62)], (232, 132, 20))
    if look["tusks"] > LEAST:
        long = look["tusks"]
        for shift in (0.28, 0.0):
            through = [head.at(0.75 + shift, 0.35), head.at(1.05 + shift, 0.6 + 0.8 * long),
                       head.at(1.5 + shift + 0.3 * long, 0.75 + 1.25 * long)]  # fmt: skip
            figure.limb(through, (0.17 * size, 0.17 * size, 0.05 * size), IVORY)
    if look["furry"] > LEAST and look["beak"] < 0.3 and look["many legs"] < 0.3:
        place = head.at(1.36, 0.1)
        figure.ellipse(place, (0.15 * size, 0.13 * size), (30, 24, 26))
    _crown(figure, head, look, pose, far=False)
    large = look["big eyes"]
    radius = (0.17 + 0.42 * large) * size
    middle = head.at(0.22, -0.25 - 0.3 * large)
    figure.ellipse(middle, (radius, radius), (255, 252, 236) if large < 0.3 else (255, 232, 92))
    pupil = (middle[0] + 0.25 * radius, middle[1] + 0.3 * radius * pose.gaze)
    figure.ellipse(pupil, (0.62 * radius, 0.62 * radius), (22, 18, 22))
    if large > 0.3:
        figure.ellipse(
            (pupil[0] + 0.2 * radius, pupil[1] - 0.22 * radius), (0.16 * radius, 0.16 * radius), (255, 255, 255)
        )


def _crown(figure: Figure, head: Head, look: Mapping[str, float], pose: Pose, *, far: bool) -> None:
    size = head.size
    shift = 0.35 if far else -0.05
    if look["horns"] > LEAST:
        long = look["horns"]
        through = [head.at(0.15 + shift, -0.6), head.at(0.30 + shift, -0.8 - 1.0 * long),
                   head.at(-0.35 + shift, -0.9 - 2.1 * long)]  # fmt: skip
        figure.limb(through, (0.3 * size, 0.22 * size, 0.04 * size), (226, 210, 172) if not far else (186, 168, 130))
    if look["antlers"] > LEAST:
        long = look["antlers"]
        lean = 0.25 if far else -0.15
        base = head.at(-0.1 + 0.4 * shift, -0.6)
        knee = head.at(-0.75 + lean, -0.8 - 1.2 * long)
        tip = head.at(-0.2 + 1.2 * lean, -0.9 - 2.9 * long)
        wide = 0.17 * size
        figure.limb([base, knee, tip], (wide, wide, 0.6 * wide), ANTLER)
        for share, forward in ((0.25, 0.9), (0.55, 1.0), (0.55, -1.1), (0.8, 0.9)):
            start = head.at(-0.55 + lean + 0.2 * share, -0.8 - (0.6 + 2.0 * share) * long)
            end = head.at(-0.55 + lean + 0.2 * share + forward * long, -1.2 - (1.0 + 2.0 * share) * long)
            figure.limb([start, end], (0.8 * wide, 0.5 * wide), ANTLER)
    if look["antennae"] > LEAST:
        long = look["antennae"]
        through = [head.at(0.4 + shift, -0.6), head.at(0.75 + shift, -0.7 - 1.1 * long),
                   head.at(1.25 + 1.3 * shift + 0.3 * pose.ears, -0.8 - 1.8 * long)]  # fmt: skip
        figure.limb(through, (0.09 * size, 0.09 * size, 0.09 * size), FEELER)
        figure.ellipse(through[-1], (0.24 * size, 0.24 * size), FEELER)
