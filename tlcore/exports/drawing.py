"""The feature space drawn with matplotlib: panels side by side, one legend, and a step that can be moved on.

Figures are built without pyplot: it keeps them all in one global state, which no two threads may share.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tlcore.exports.shown import Film, ShownRun, View, caption
from tlcore.exports.surfaces import SurfaceDrawing
from tlcore.plots.style import DARK, LIGHT, Palette
from tlcore.runs.records import Frame

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import PathCollection
    from matplotlib.figure import Figure
    from matplotlib.text import Text

MOST_LEGEND_CLASSES = 24
MOST_LETTERS = 26
FONTS = (
    "Inter", "Helvetica Neue", "Arial", "Liberation Sans", "DejaVu Sans", "Noto Sans CJK SC", "Noto Sans CJK JP",
    "PingFang SC", "Microsoft YaHei", "Noto Sans Arabic", "Noto Sans Devanagari",
)  # fmt: skip
# Sizes in points of the house's page, at which a picture of the natural width is drawn; wider ones are enlarged.
PANEL_SIZES = {1: (700, 520), 2: (560, 440), 3: (430, 360)}
MARGIN, GAP = 26, 20
TITLE, ROW, PANEL_TITLE, FOOT = 54, 22, 34, 50
POINT = 72  # matplotlib counts in inches of 72 points


def palette_of(view: View) -> Palette:
    """The colours of the house in the wanted theme."""
    return DARK if view.theme == "dark" else LIGHT


def natural_width(panels: int) -> int:
    """The width at which a picture of so many panels is drawn unless another is asked for."""
    return 2 * MARGIN + panels * PANEL_SIZES[panels][0] + (panels - 1) * GAP


class Drawing:
    """A film as a figure that shows one moment at a time."""

    def __init__(self, film: Film, view: View, *, width: int, timeline: bool = False) -> None:
        """Lay the figure out. width: in pixels; its height follows and both are even, as video codecs want it.

        timeline: a thin line at the lower edge shows how far the training is.
        """
        from matplotlib.figure import Figure

        self.film, self.view, self.palette = film, view, palette_of(view)
        self._fonts = _fonts()
        self._legend = _legend_entries(film, view, self.palette)
        count = len(film.runs)
        panel_width, panel_height = PANEL_SIZES[count]
        self.width = natural_width(count)
        letters = max((len(name) for _, _, name in self._legend), default=1)
        self._columns = max(1, int((self.width - 2 * MARGIN) / (letters * 7.4 + 40)))
        rows = -(-len(self._legend) // self._columns)
        self._top = TITLE + ROW * rows + 6
        self.height = self._top + PANEL_TITLE + panel_height + FOOT
        scale = width / self.width
        pixels = (2 * round(width / 2), 2 * round(self.height * scale / 2))
        self.dpi = POINT * scale
        self.figure: Figure = Figure(
            figsize=(pixels[0] / self.dpi, pixels[1] / self.dpi), dpi=self.dpi, facecolor=self.palette.ground
        )
        self._random = np.random.default_rng(0).permutation(len(film.probe))
        self._draw_words()
        self._panels = [
            _Panel(self, shown, self._panel_box(place, panel_width, panel_height))
            for place, shown in enumerate(film.runs)
        ]
        self._head = self._draw_timeline() if timeline else None

    # Words ------------------------------------------------------------------------------------------------------------

    def text(self, x: float, y: float, words: str, *, size: float, colour: str, **how: Any) -> Text:
        """Words at a place counted from the upper left corner. They are text and nothing else: no mathematics."""
        return self.figure.text(
            x / self.width, 1 - y / self.height, words, fontsize=size, color=colour, family=self._fonts,
            parse_math=False, **{"va": "baseline", **how},
        )  # fmt: skip

    def _draw_words(self) -> None:
        right = self.width - MARGIN
        self.text(MARGIN, 40, shorten(self.film.title, 70), size=19, colour=self.palette.ink, weight="bold")
        self._step = self.text(right, 40, "", size=15, colour=self.palette.soft, ha="right")
        foot = caption(self.film)
        if self.film.missing:
            foot += f" · {self.film.missing:,} left out: not a number"
        self.text(MARGIN, self.height - 16, shorten(foot, int(self.width / 7)), size=11, colour=self.palette.soft)
        if not self._legend:
            return
        from matplotlib.lines import Line2D

        handles = [
            Line2D(
                [], [], linestyle="", marker=marker, markersize=8, markeredgewidth=1.6,
                markerfacecolor="none" if marker == "x" or ring else colour, markeredgecolor=colour,
            )
            for (marker, ring), colour, _ in self._legend
        ]  # fmt: skip
        legend = self.figure.legend(
            handles, [name for _, _, name in self._legend], loc="upper left", frameon=False, borderpad=0,
            bbox_to_anchor=((MARGIN - 4) / self.width, 1 - TITLE / self.height), borderaxespad=0,
            ncols=self._columns, handletextpad=0.2, columnspacing=1.4, labelcolor=self.palette.ink,
            prop={"size": 13, "family": self._fonts},
        )  # fmt: skip
        for words in legend.get_texts():
            words.set_parse_math(False)

    def _panel_box(self, place: int, panel_width: int, panel_height: int) -> tuple[float, float, float, float]:
        left = MARGIN + place * (panel_width + GAP)
        top = self._top + PANEL_TITLE
        return left, top, panel_width, panel_height

    def _draw_timeline(self) -> Any:
        from matplotlib.lines import Line2D

        ends = np.array([MARGIN, self.width - MARGIN]) / self.width
        y = 1 - (self.height - 38) / self.height
        self.figure.add_artist(Line2D(ends, [y, y], color=self.palette.line, linewidth=3, solid_capstyle="round"))
        head = Line2D(
            [ends[0], ends[0]], [y, y], color=self.palette.soft, linewidth=3, solid_capstyle="round", marker="o",
            markersize=8, markevery=[1], markeredgewidth=0,
        )  # fmt: skip
        self.figure.add_artist(head)
        return head

    # Moments ----------------------------------------------------------------------------------------------------------

    def show(self, moment: float) -> None:
        """Show a moment of the timeline: 0 is its first step, 1 its second; between two the points are on their way."""
        index = min(int(moment), len(self.film.moments) - 1)
        before = self.film.moments[index]
        after = self.film.moments[min(index + 1, len(self.film.moments) - 1)]
        fraction = moment - index
        step = before if fraction < 0.5 else after
        self._step.set_text(f"step {step:,} / {self.film.moments[-1]:,}")
        for panel in self._panels:
            panel.show(before, after, _eased(fraction), step)
        if self._head is not None:
            first, last = self.film.moments[0], self.film.moments[-1]
            share = (before + (after - before) * fraction - first) / max(last - first, 1)
            left, right = MARGIN / self.width, 1 - MARGIN / self.width
            self._head.set_xdata([left, left + (right - left) * share])

    def show_step(self, step: int | None) -> None:
        """Show the moment nearest to a step, the last for None."""
        moments = np.asarray(self.film.moments)
        self.show(float(len(moments) - 1 if step is None else int(np.abs(moments - step).argmin())))


class _Panel:
    """One run of the drawing. Its axes hold the whole film, so that nothing but the points moves."""

    def __init__(self, drawing: Drawing, shown: ShownRun, box: tuple[float, float, float, float]) -> None:
        self.drawing, self.shown = drawing, shown
        palette = drawing.palette
        left, top, width, height = box
        self.axes: Axes = drawing.figure.add_axes(
            (left / drawing.width, 1 - (top + height) / drawing.height, width / drawing.width, height / drawing.height),
            facecolor=palette.card,
        )
        self.axes.set_xticks([])
        self.axes.set_yticks([])
        for spine in self.axes.spines.values():
            spine.set_color(palette.line)
        drawing.text(left, top - 12, shorten(shown.title, 40), size=15, colour=palette.ink, weight="bold")
        self._value = drawing.text(left + width, top - 12, "", size=13, colour=palette.soft, ha="right")
        self._flat = {frame.step: _on_paper(frame.points) for frame in shown.frames}
        self._set_limits(width / height)
        size = (4.6 if len(drawing.film.probe) > 1200 else 5.4 if len(drawing.film.probe) > 500 else 6.6) ** 2
        nowhere = np.full((len(drawing.film.probe), 2), np.nan)
        line = 0.0 if drawing.view.colour_by == "domain" else 1.1  # discs alone need no edge, and are drawn faster
        self._dots: PathCollection = self.axes.scatter(nowhere[:, 0], nowhere[:, 1], s=size, linewidths=line, zorder=2)
        self._crosses: PathCollection = self.axes.scatter(
            nowhere[:, 0], nowhere[:, 1], s=size, linewidths=1.5, marker="x", color=palette.wrong, zorder=3
        )
        self._styled: Frame | None = None
        self._field = SurfaceDrawing(self.axes, shown, palette)

    def _set_limits(self, ratio: float) -> None:
        every = np.concatenate(list(self._flat.values()))
        every = every[np.isfinite(every).all(axis=1)]
        for surface in self.shown.surfaces[:1]:
            every = np.concatenate([every, np.reshape(surface.extent, (2, 2)).T])
        low, high = (every.min(axis=0), every.max(axis=0)) if len(every) else (np.zeros(2), np.ones(2))
        middle, span = (low + high) / 2, np.where(high > low, high - low, 1.0) * 1.06
        # The axes of a projection have no unit, but a cloud stretched too far misleads.
        stretch = 1.35
        span = np.array([max(span[0], span[1] * ratio / stretch), max(span[1], span[0] / ratio / stretch)])
        self.axes.set_xlim(middle[0] - span[0] / 2, middle[0] + span[0] / 2)
        self.axes.set_ylim(middle[1] - span[1] / 2, middle[1] + span[1] / 2)

    def show(self, before: int, after: int, fraction: float, step: int) -> None:
        """Put the points between the frames of two steps, in the colours of the nearer one."""
        start, end = self._flat[self.shown.frame_at(before).step], self._flat[self.shown.frame_at(after).step]
        points = start + (end - start) * fraction
        # A point that has a place in one of the two frames only is shown there.
        points = np.where(np.isfinite(points), points, start if fraction < 0.5 else end)
        frame = self.shown.frame_at(step)
        view, palette = self.drawing.view, self.drawing.palette
        faces, edges, crossed = point_colours(self.drawing.film, frame, view, palette)
        order = self.drawing._random
        self._dots.set_offsets(np.where(crossed[:, None], np.nan, points)[order])
        self._crosses.set_offsets(np.where(crossed[:, None], points, np.nan)[order])
        self._crosses.set_visible(bool(crossed.any()))
        if frame is not self._styled:
            self._styled = frame
            self._dots.set_facecolor(faces[order])  # type: ignore[arg-type]
            self._dots.set_edgecolor(edges[order])  # type: ignore[arg-type]
        self._field.show(before, after, fraction)
        accuracy = self.shown.accuracy_at(step)
        self._value.set_text("" if accuracy is None else f"target accuracy {accuracy:.2f}")


def point_colours(
    film: Film, frame: Frame, view: View, palette: Palette
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """The looks of the points as in the player: face and edge colours (N, 4), and which are crosses (N,).

    By domain every point is a disc. In the other colourings the source are discs, the target rings, and what is
    predicted wrongly is a cross when correctness is shown.
    """
    from matplotlib.colors import to_rgba

    probe = film.probe
    target = probe.domains == 1
    crossed = np.zeros(len(probe), dtype=bool)
    if view.colour_by == "domain":
        pair = np.array([to_rgba(palette.source, 0.66), to_rgba(palette.target, 0.66)])
        colours = pair[target.astype(int)]
        edges = colours.copy()
        edges[:, 3] = 0
        return colours, edges, crossed
    if view.colour_by == "correctness":
        known = frame.predictions >= 0
        crossed = known & (frame.predictions != probe.labels)
        colours = np.where(known[:, None], to_rgba(palette.correct, 0.8), to_rgba(palette.unknown, 0.8))
    else:
        classes = np.array([to_rgba(colour, 0.8) for colour in (*palette.classes, palette.unknown)])
        values = frame.predictions if view.colour_by == "prediction" else probe.labels_by(view.colour_by)[0]
        colours = classes[np.where(values < 0, len(palette.classes), values % len(palette.classes))]
    faces = colours.copy()
    faces[target, 3] = 0
    return faces, colours, crossed


def _legend_entries(film: Film, view: View, palette: Palette) -> list[tuple[tuple[str, bool], str, str]]:
    """What each look means: (marker, whether it is a ring), colour, word."""
    disc, ring, cross = ("o", False), ("o", True), ("x", False)
    if view.colour_by == "domain":
        return [(disc, palette.source, "source"), (disc, palette.target, "target")]
    entries = [(disc, palette.soft, "source"), (ring, palette.soft, "target")]
    if view.colour_by == "correctness":
        return [*entries, (disc, palette.correct, "correct"), (cross, palette.wrong, "wrong")]
    names = film.probe.labels_by(view.colour_by)[1]
    for index, name in enumerate(names[:MOST_LEGEND_CLASSES]):
        entries.append((disc, palette.classes[index % len(palette.classes)], shorten(str(name), MOST_LETTERS)))
    if len(names) > MOST_LEGEND_CLASSES:
        entries.append((("", False), palette.soft, f"and {len(names) - MOST_LEGEND_CLASSES} more"))
    return entries


def shorten(text: str, letters: int) -> str:
    """One line of at most so many letters."""
    line = "".join(letter if letter.isprintable() else " " for letter in text)
    return line if len(line) <= letters else line[: letters - 1] + "…"


def _on_paper(points: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Points in the plane as they are; points in space as the player first shows them, turned a little."""
    places: npt.NDArray[np.float64] = np.where(np.isfinite(points), points, np.nan).astype(np.float64)
    if places.shape[1] == 2:
        return places
    yaw, pitch = 0.6, 0.35
    across = [np.cos(yaw), 0.0, np.sin(yaw)]
    up = [np.sin(pitch) * np.sin(yaw), np.cos(pitch), -np.sin(pitch) * np.cos(yaw)]
    turned: npt.NDArray[np.float64] = places @ np.array([across, up]).T
    return turned


def _eased(fraction: float) -> float:
    """Slow at each frame, quicker between: the eye gets a moment to read every frame, yet nothing halts."""
    return 0.45 * fraction + 0.55 * fraction * fraction * (3 - 2 * fraction)


def _fonts() -> list[str]:
    """Those of the wanted fonts that this machine has; asking matplotlib for others makes it complain."""
    from matplotlib.font_manager import fontManager

    present = {font.name for font in fontManager.ttflist}
    return [name for name in FONTS if name in present] or ["DejaVu Sans"]
