"""From attributes to the outlines of an animal. Every part grows with its attribute, from nothing to full size."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from tlcore.catalogue.creatures.body import LEAST, Body, Pose
from tlcore.catalogue.creatures.coat import darker
from tlcore.catalogue.creatures.figure import Colour, Figure, ellipse, fringed
from tlcore.catalogue.creatures.head import Head, draw_face, draw_head
from tlcore.catalogue.creatures.wings import draw_wing


def build(look: Mapping[str, float], pose: Pose, main: Colour, second: Colour) -> tuple[Figure, Body, Head]:
    """All shapes of an animal. main and second: its most common colour, and that of wings and fins."""
    figure, body = Figure(), Body(look, pose)
    head = Head(look, pose, body.length, body.height, body.middle(body.length))
    draw_wing(figure, body, look, pose, second, far=True)
    _legs(figure, body, look, pose, far=True)
    _tails(figure, body, look, pose)
    _fins(figure, body, look, pose, second)
    _spines(figure, body, look, pose)
    _neck_and_body(figure, body, head, look, pose)
    _legs(figure, body, look, pose, far=False)
    _shell(figure, body, look, main)
    if look["mane"] > LEAST:
        _mane(figure, head, look["mane"], pose, main)
    draw_head(figure, head, look, pose)
    draw_face(figure, head, look, pose)
    _pincers(figure, body, head, look, pose)
    draw_wing(figure, body, look, pose, second, far=False)
    return figure, body, head


def _neck_and_body(figure: Figure, body: Body, head: Head, look: Mapping[str, float], pose: Pose) -> None:
    outline = body.outline()
    if look["furry"] > LEAST:
        outline = fringed(outline, 0.024 * look["furry"], pose.fringe[np.arange(len(outline)) % 48])
    figure.polygon(outline, "body")
    if look["hump"] > LEAST:
        rise = look["hump"]
        x, y = body.top(-0.2 * body.length)
        figure.ellipse((x, y + 0.03), (0.1 + 0.06 * rise, 0.05 + 0.19 * rise), "body")
    root = body.top(0.72 * body.length)
    thick = 0.075 + 0.02 * look["mane"]
    bend = (0.5 * (root[0] + head.x) + 0.05 * look["long neck"], 0.55 * root[1] + 0.45 * head.y)
    slim = thick * (1 - 0.35 * look["long neck"])
    figure.limb([(root[0] - 0.04, root[1] + 0.12), bend, (head.x, head.y)], (thick * 1.35, slim, slim), "body")
    if look["scaly"] > LEAST:  # a saw along the back
        places = np.linspace(-0.85, 0.75, 9) * body.length
        height = 0.05 * look["scaly"]
        for x in places.tolist():
            left, right = body.top(x - 0.04), body.top(x + 0.04)
            figure.polygon([left, (x - 0.01, body.top(x)[1] - height), right], "body")


def _legs(figure: Figure, body: Body, look: Mapping[str, float], pose: Pose, *, far: bool) -> None:
    paint = "far" if far else "body"
    length = (0.17 + 0.24 * look["long legs"]) * pose.tall
    side = math.pi if far else 0.0
    shift = 0.05 if far else -0.02
    for name, places in (("four legs", (-0.68, 0.62)), ("two legs", (0.02,))):
        strength = look[name]
        if name == "two legs" and body.legs <= LEAST:
            strength = look["long legs"]  # long legs must be seen even where nothing says how many
        if strength <= LEAST:
            continue
        for number, place in enumerate(places):
            x = place * body.length + shift
            root = body.bottom(x)
            swing = 0.30 * math.sin(pose.stride + side + 2.1 * number)
            reach = length * strength
            knee = (root[0] + 0.5 * reach * math.sin(swing + 0.25), root[1] + 0.5 * reach)
            foot = (root[0] + reach * math.sin(swing), root[1] + reach)
            width = 0.05 - 0.016 * look["long legs"] if name == "four legs" else 0.036
            figure.limb([(root[0], root[1] - 0.09), knee, foot], (width * 1.35, width, width * 0.85), paint)
            figure.limb(
                [(foot[0] - 0.01, foot[1]), (foot[0] + 0.045, foot[1] + 0.012)], (width * 0.7, width * 0.6), paint
            )
    strength = look["many legs"]
    if strength > LEAST:
        reach = length * 0.95 * strength
        for number, place in enumerate(np.linspace(-0.72, 0.72, 4 if look["long body"] < 0.75 else 7).tolist()):
            x = place * body.length + 0.6 * shift
            root = (x, body.middle(x) + 0.55 * body.half(x))
            lean = 0.55 * place + 0.16 * math.sin(pose.stride + side + 1.7 * number)
            up = 0.30 if look["long body"] < 0.75 else 0.0
            knee = (x + 0.75 * reach * (lean + (0.25 if far else 0.0)), root[1] - up * reach * (1.5 if far else 0.7))
            foot = (x + 1.45 * reach * lean, root[1] + body.half(x) * 0.4 + reach)
            figure.limb([root, knee, foot], (0.022, 0.02, 0.009), "far" if look["wings"] < 0.5 else (52, 42, 40))


def _tails(figure: Figure, body: Body, look: Mapping[str, float], pose: Pose) -> None:
    rear = -0.93 * body.length
    x, y = rear, body.middle(rear) - 0.25 * body.height
    lift = pose.tail
    if look["feathered"] > LEAST:  # a fan
        for number in range(3):
            angle = 0.35 * (number - 1) + 0.25 * lift
            size = 0.24 * look["feathered"]
            end = (x - size * math.cos(angle), y + 0.05 + size * math.sin(angle))
            figure.limb([(x + 0.08, y + 0.03), end], (0.035, 0.05), "far")
    if look["long tail"] > LEAST:
        reach = 0.5 * look["long tail"]
        wide = 0.03 + 0.035 * look["scaly"]
        through = [
            (x + 0.08, y), (x - 0.4 * reach, y - 0.05 + 0.12 * lift), (x - 0.8 * reach, y + (0.02 + 0.2 * lift)),
            (x - reach, y - 0.16 + 0.5 * lift * reach),
        ]  # fmt: skip
        figure.limb(through, (wide * 1.4, wide, 0.85 * wide, 0.6 * wide), "body")
    if look["bushy tail"] > LEAST:
        size = look["bushy tail"]
        up = 0.24 + 0.12 * lift
        through = [(x + 0.08, y), (x - 0.12 * size, y - 0.07 * size), (x - 0.24 * size, y - up * size),
                   (x - 0.22 * size, y - (up + 0.18) * size)]  # fmt: skip
        figure.limb(through, (0.04, 0.105 * size, 0.125 * size, 0.05 * size), "body")
    if look["furry"] > LEAST and look["long tail"] <= LEAST and look["bushy tail"] <= LEAST:
        figure.limb([(x + 0.05, y), (x - 0.07, y - 0.03 + 0.05 * lift)], (0.03, 0.03), "body")


def _fins(figure: Figure, body: Body, look: Mapping[str, float], pose: Pose, second: Colour) -> None:
    strength = look["fins"]
    if strength <= LEAST:
        return
    colour = darker(second, 0.8)
    x, y = body.top(-0.05 * body.length)
    figure.polygon([(x + 0.14, y + 0.05), (x - 0.06, y - 0.19 * strength), (x - 0.13, y + 0.05)], colour)
    rear = -0.9 * body.length
    y = body.middle(rear)
    swing = 0.05 * pose.tail
    size = 0.24 * strength
    figure.polygon(
        [(rear + 0.08, y - 0.03), (rear - size, y - 0.95 * size + swing), (rear - 0.55 * size, y + swing),
         (rear - size, y + 0.95 * size + swing), (rear + 0.08, y + 0.03)],
        colour,
    )  # fmt: skip
    x = 0.3 * body.length
    y = body.middle(x) + 0.75 * body.half(x)
    figure.polygon([(x + 0.06, y - 0.04), (x - 0.13, y + 0.19 * strength), (x - 0.07, y - 0.04)], colour)


def _spines(figure: Figure, body: Body, look: Mapping[str, float], pose: Pose) -> None:
    strength = look["spines"]
    if strength <= LEAST:
        return
    for number, place in enumerate(np.linspace(-0.97, 0.72, 15).tolist()):
        x, y = body.top(place * body.length)
        reach = 0.2 * strength * (0.85 + 0.3 * float(pose.fringe[number]))
        lean = 0.5 * place - 0.45 + 0.25 * (float(pose.fringe[47 - number]) - 0.5)
        end = (x + reach * lean, y - reach * (1 - 0.4 * abs(lean)))
        colour = (246, 236, 214) if number % 2 else (58, 44, 40)
        figure.polygon([(x - 0.022, y + 0.05), end, (x + 0.022, y + 0.05)], colour)


def _shell(figure: Figure, body: Body, look: Mapping[str, float], main: Colour) -> None:
    strength = look["shell"]
    if strength <= LEAST:
        return
    long = body.length * (0.98 - 0.42 * look["long body"])
    base = body.middle(0.0) + 0.25 * body.height
    rise = (0.14 + body.height) * (0.35 + 0.65 * strength)
    middle = -0.06
    # Not the colour of the skin: what is on top must be seen to be a shell.
    ground = (176, 132, 74) if max(main) - min(main) < 60 or main[1] > main[0] else darker(main, 0.82)
    turns = np.linspace(math.pi, 2 * math.pi, 15)
    arch = np.stack([middle + long * np.cos(turns), base + rise * np.sin(turns)], axis=1)
    figure.polygon(np.concatenate([arch, [(middle + long, base + 0.035), (middle - long, base + 0.035)]]), ground)
    for share, tone in ((0.74, 0.74), (0.46, 1.12), (0.2, 0.68)):
        inner = np.stack(
            [middle + share * long * np.cos(turns), base - 0.05 * rise + share * rise * np.sin(turns)], axis=1
        )
        figure.polygon(inner, darker(ground, tone))


def _mane(figure: Figure, head: Head, strength: float, pose: Pose, main: Colour) -> None:
    colour = (118, 52, 18) if 0.3 * main[0] + 0.59 * main[1] + 0.11 * main[2] > 85 else (214, 150, 62)
    size = head.size * (0.95 + 0.95 * strength)
    middle = (head.x - 0.45 * head.size, head.y + 0.1 * head.size)
    for share, tone, start in ((1.0, 1.0, 0), (0.78, 1.25, 12), (0.58, 0.85, 24)):
        outline = ellipse(middle, (share * size, share * size * 1.1), count=36)
        depth = (0.034 * strength + 0.012) * (1.0 if share == 1.0 else 0.7)
        figure.polygon(fringed(outline, depth, pose.fringe[(start + np.arange(36)) % 48]), darker(colour, tone))


def _pincers(figure: Figure, body: Body, head: Head, look: Mapping[str, float], pose: Pose) -> None:
    strength = look["pincers"]
    if strength <= LEAST:
        return
    for far in (True, False):
        root = (0.72 * body.length, body.middle(body.length) + 0.3 * body.height)
        lift = -0.30 if far else 0.02
        wrist = (body.length + (0.2 + 0.08 * pose.reach) * strength, root[1] + lift * strength + 0.1 * pose.reach)
        elbow = (body.length + 0.03, root[1] + (0.10 if not far else -0.12))
        figure.limb([root, elbow, wrist], (0.026, 0.026, 0.03), "far" if far else "body")
        size = 0.115 * strength
        turns = np.linspace(0.38, 2 * math.pi - 0.38, 15)
        angle = -0.5 + 0.5 * pose.reach
        jaw = np.stack([1.25 * size * np.cos(turns), size * np.sin(turns)], axis=1)
        jaw = np.concatenate([jaw, [(-0.25 * size, 0.0)]])
        cosine, sine = math.cos(angle), math.sin(angle)
        turned = np.stack([cosine * jaw[:, 0] - sine * jaw[:, 1], sine * jaw[:, 0] + cosine * jaw[:, 1]], axis=1)
        figure.polygon(turned + np.array([wrist[0] + 0.8 * size, wrist[1] - 0.3 * size]), "far" if far else "body")
