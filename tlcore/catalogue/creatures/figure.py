"""An animal as a list of filled outlines, in a plane of its own, and the way from there to pixels.

The animal looks to the right; x grows forward, y downward, and the middle of its body is the origin. Sizes are shares
of the side of a picture that the animal just fills.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw

Colour = tuple[int, int, int]
Points = np.ndarray

SIDEWAYS = np.array([-1.0, 1.0])


@dataclass(frozen=True)
class Shape:
    """One filled outline. points: (n, 2). paint: a colour, or the name of a coat."""

    points: Points
    paint: Colour | str


@dataclass
class Figure:
    """Shapes in the order in which they are painted."""

    shapes: list[Shape] = field(default_factory=list)

    def polygon(self, points: Sequence[tuple[float, float]] | Points, paint: Colour | str) -> None:
        """A filled outline through `points` (n, 2)."""
        self.shapes.append(Shape(np.asarray(points, dtype=float), paint))

    def ellipse(
        self, middle: tuple[float, float], radii: tuple[float, float], paint: Colour | str, angle: float = 0.0
    ) -> None:
        """A filled ellipse, turned by `angle` in radians."""
        self.polygon(ellipse(middle, radii, angle), paint)

    def limb(self, through: Sequence[tuple[float, float]], widths: Sequence[float], paint: Colour | str) -> None:
        """A bent stroke through points, of half-widths that go evenly from one to the next."""
        self.polygon(limb(through, widths), paint)

    def bounds(self) -> tuple[float, float, float, float]:
        """Smallest and largest x and y of all there is: left, top, right, bottom."""
        every = np.concatenate([shape.points for shape in self.shapes])
        (left, top), (right, bottom) = every.min(axis=0), every.max(axis=0)
        return float(left), float(top), float(right), float(bottom)


def ellipse(middle: tuple[float, float], radii: tuple[float, float], angle: float = 0.0, count: int = 24) -> Points:
    """(count, 2) points around an ellipse."""
    circle = _circle(count)
    if not angle:
        return np.asarray(circle * radii + middle)
    cosine, sine = math.cos(angle), math.sin(angle)
    x, y = circle[:, 0] * radii[0], circle[:, 1] * radii[1]
    return np.stack([middle[0] + cosine * x - sine * y, middle[1] + sine * x + cosine * y], axis=1)


@lru_cache(maxsize=8)
def _circle(count: int) -> Points:
    turns = np.linspace(0, 2 * math.pi, count + 1)[:-1]
    return np.stack([np.cos(turns), np.sin(turns)], axis=1)


COUNT = 12  # points along a bent stroke


@lru_cache(maxsize=16)
def _basis(knots: int) -> tuple[Points, Points]:
    """(COUNT, knots) weights that make a smooth line of knots (Catmull–Rom), and those that make its direction."""
    places = np.linspace(0, knots - 1, COUNT)
    starts = np.minimum(places.astype(int), knots - 2)
    line, slope = np.zeros((COUNT, knots)), np.zeros((COUNT, knots))
    for row, (start, t) in enumerate(zip(starts.tolist(), (places - starts).tolist(), strict=True)):
        weights = (
            (-0.5 * t + t**2 - 0.5 * t**3, -0.5 + 2 * t - 1.5 * t**2),
            (1 - 2.5 * t**2 + 1.5 * t**3, -5 * t + 4.5 * t**2),
            (0.5 * t + 2 * t**2 - 1.5 * t**3, 0.5 + 4 * t - 4.5 * t**2),
            (-0.5 * t**2 + 0.5 * t**3, -t + 1.5 * t**2),
        )
        for shift, (on_line, on_slope) in enumerate(weights):
            knot = min(max(start + shift - 1, 0), knots - 1)
            line[row, knot] += on_line
            slope[row, knot] += on_slope
    return line, slope


@lru_cache(maxsize=16)
def _evenly(count: int) -> Points:
    """(COUNT, count) weights that go evenly from one of `count` values to the next."""
    places = np.linspace(0, count - 1, COUNT)
    return np.asarray(np.maximum(0.0, 1 - np.abs(places[:, None] - np.arange(count))))


def limb(through: Sequence[tuple[float, float]], widths: Sequence[float]) -> Points:
    """(n, 2) outline of a bent stroke with a pointed or rounded end. At least two points and two widths."""
    knots = np.array(through, dtype=float)
    line_weights, slope_weights = _basis(len(knots))
    line, along = line_weights @ knots, slope_weights @ knots
    half = _evenly(len(widths)) @ np.array(widths, dtype=float)
    along *= (half / np.maximum(np.sqrt((along * along).sum(axis=1)), 1e-9))[:, None]
    across = along[:, ::-1] * SIDEWAYS
    return np.concatenate([line + across, line[-1:] + along[-1:], (line - across)[::-1]])


def fringed(outline: Points, depth: float, strength: np.ndarray) -> Points:
    """An outline (n, 2) whose every second point stands out by `depth` × `strength` (n,): fur, or a ragged edge."""
    middle = outline.mean(axis=0)
    away = outline - middle
    away = away / np.maximum(np.hypot(away[:, :1], away[:, 1:]), 1e-9)
    out = np.where(np.arange(len(outline)) % 2 == 0, depth, -0.2 * depth) * (0.5 + strength)
    return np.asarray(outline + away * out[:, None])


@dataclass(frozen=True)
class View:
    """The map from a figure's plane to pixels: x' = a·x + b·y + c, y' = d·x + e·y + f."""

    a: float
    b: float
    c: float
    d: float
    e: float
    f: float

    def flat(self, points: Points) -> list[float]:
        """x, y, x, y, … in pixels, as Pillow draws them fastest."""
        return list(self._placed(points).ravel().tolist())

    def each(self, points: Points) -> list[list[float]]:
        """The same for many lines of as many points: (m, n, 2) becomes m lists."""
        return list(self._placed(points).reshape(len(points), -1).tolist())

    def _placed(self, points: Points) -> Points:
        placed = np.empty_like(points)
        x, y = points[..., 0], points[..., 1]
        placed[..., 0] = self.a * x + self.b * y + self.c
        placed[..., 1] = self.d * x + self.e * y + self.f
        return placed

    @property
    def scale(self) -> float:
        """Pixels in a unit of the figure's plane."""
        return math.sqrt(abs(self.a * self.e - self.b * self.d))


def paint_figure(picture: Image.Image, figure: Figure, view: View, coats: dict[str, Image.Image], edge: float) -> None:
    """Draw the shapes into `picture`. Neighbours in the list with one coat become one silhouette.

    edge: width of the dark outline, in units of the figure's plane.
    """
    drawing = ImageDraw.Draw(picture)
    width = max(1, round(edge * view.scale))
    position = 0
    while position < len(figure.shapes):
        paint = figure.shapes[position].paint
        group = [view.flat(figure.shapes[position].points)]
        position += 1
        while position < len(figure.shapes) and figure.shapes[position].paint == paint:
            group.append(view.flat(figure.shapes[position].points))
            position += 1
        if isinstance(paint, str):
            mask = Image.new("L", picture.size, 0)
            masking = ImageDraw.Draw(mask)
            for points in group:
                drawing.line(points + points[:2], fill=OUTLINE, width=2 * width)
                masking.polygon(points, fill=255)
            picture.paste(coats[paint], (0, 0), mask)
        else:
            dark = tuple(int(0.55 * value) for value in paint)
            for points in group:
                drawing.line(points + points[:2], fill=dark, width=width)
                drawing.polygon(points, fill=paint)


OUTLINE: Colour = (34, 28, 30)
