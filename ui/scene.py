"""A drawing of boxes, arrows and words at given places, which changes in place: networks of any shape."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

from ui import theme
from ui.components import mount

LEAST_WIDTH = 620  # pixels: in a narrower window the drawing is scrolled


@dataclass(frozen=True)
class Box:
    """A part of a network. role: a name of `tlcore.plots.style.ROLES`. dashed: an outline alone. tip: what hovering
    tells, if not title and caption."""

    id: str
    x: float
    y: float
    width: float
    height: float
    role: str
    title: str
    caption: str = ""
    faint: bool = False
    dashed: bool = False
    tip: str = ""

    @property
    def middle(self) -> float:
        """Its height's middle."""
        return self.y + self.height / 2


@dataclass(frozen=True)
class Arrow:
    """Along a path of SVG. width: in units of the drawing. back: against the flow, as gradients are."""

    id: str
    path: str
    role: str = "soft"
    width: float = 2.0
    back: bool = False
    faint: bool = False
    tip: str = ""


@dataclass(frozen=True)
class Words:
    """A line of text. anchor: as SVG has it, start, middle or end."""

    id: str
    x: float
    y: float
    text: str
    role: str = "ink"
    anchor: str = "start"
    strong: bool = False


@dataclass(frozen=True)
class Scene:
    """Everything of a drawing. description: the same in words, for those who do not see it."""

    width: float
    height: float
    description: str
    boxes: Sequence[Box] = field(default_factory=tuple)
    arrows: Sequence[Arrow] = field(default_factory=tuple)
    words: Sequence[Words] = field(default_factory=tuple)
    least_width: int = LEAST_WIDTH


def draw(scene: Scene, *, key: str) -> None:
    """Show a scene; with the same key its parts stay where they are, and what differs changes."""
    mount(
        "scene", script="scene.js", style="scene.css", key=key,
        data={"scene": asdict(scene), "palette": theme.palette_payload()},
    )  # fmt: skip
