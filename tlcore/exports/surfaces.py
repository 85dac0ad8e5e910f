"""Functions over the plane beneath the points: the class as a soft field of two colours, the domain as a line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tlcore.exports.shown import ShownRun
from tlcore.plots.style import Palette
from tlcore.runs import Surface

if TYPE_CHECKING:
    from matplotlib.axes import Axes

STRONGEST = 0.3  # how much of its colour the field shows where the class is certain


class SurfaceDrawing:
    """The surfaces of one run in its axes, at the moment that is shown. A run without surfaces draws nothing."""

    def __init__(self, axes: Axes, shown: ShownRun, palette: Palette) -> None:
        self._axes, self._shown, self._palette = axes, shown, palette
        self._lines: list[Any] = []
        first = shown.surface_at("class", 0)
        self._image = None
        if first is not None:
            limits = axes.get_xlim(), axes.get_ylim()
            height, width = first.values.shape
            left, right, low, high = first.extent
            # Samples sit on the grid's nodes, pixels are areas: half a cell more on each side.
            across, up = (right - left) / (width - 1) / 2, (high - low) / (height - 1) / 2
            self._image = axes.imshow(
                np.zeros((height, width, 4)), extent=(left - across, right + across, low - up, high + up),
                origin="lower", aspect="auto", interpolation="bilinear", zorder=0,
            )  # fmt: skip
            axes.set_xlim(limits[0])
            axes.set_ylim(limits[1])

    def show(self, before: int, after: int, fraction: float) -> None:
        """Draw them between two steps."""
        for line in self._lines:
            line.remove()
        self._lines = []
        classes = self._between("class", before, after, fraction)
        if classes is not None and self._image is not None:
            self._image.set_data(class_field(classes[1], self._palette))
            self._trace(*classes, colour=self._palette.ink, style="solid", width=1.6)
        domains = self._between("domain", before, after, fraction)
        if domains is not None:
            self._trace(*domains, colour=self._palette.domain, style="dashed", width=2.0)

    def _between(
        self, name: str, before: int, after: int, fraction: float
    ) -> tuple[Surface, npt.NDArray[np.float32]] | None:
        first, second = self._shown.surface_at(name, before), self._shown.surface_at(name, after)
        if first is None or second is None:
            return None
        if first.values.shape != second.values.shape:
            return first, first.values
        return first, first.values + (second.values - first.values) * np.float32(fraction)

    def _trace(
        self, surface: Surface, values: npt.NDArray[np.float32], *, colour: str, style: str, width: float
    ) -> None:
        """The line along which the function is one half, where it crosses it at all."""
        if not values.min() < 0.5 < values.max():
            return
        left, right, low, high = surface.extent
        across, up = np.linspace(left, right, values.shape[1]), np.linspace(low, high, values.shape[0])
        self._lines.append(
            self._axes.contour(
                across, up, values, levels=[0.5], colors=[colour], linestyles=style, linewidths=width, zorder=1
            )
        )


def class_field(values: npt.NDArray[np.float32], palette: Palette) -> npt.NDArray[np.float64]:
    """Probabilities of class 1 (H, W) as colours (H, W, 4): the likelier class's, stronger where it is more certain."""
    from matplotlib.colors import to_rgb

    known = np.nan_to_num(values.astype(np.float64), nan=0.5)
    pair = np.array([to_rgb(palette.classes[0]), to_rgb(palette.classes[1])])
    strength = STRONGEST * np.minimum(1.0, np.abs(known - 0.5) * 2.2)
    return np.concatenate([pair[(known >= 0.5).astype(int)], strength[..., None]], axis=-1)
