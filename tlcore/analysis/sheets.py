"""A few pictures side by side, as one of the surfaces that a run records."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tlcore.runs.records import Surface

SHEET = "sheet"
CHANNELS = 3


def sheet_of(step: int, rows: Sequence[npt.NDArray[np.floating]]) -> Surface:
    """Rows of pictures, each (N, 3, H, W) from 0 to 1, as one surface: red, green and blue planes below each other.

    Its extent tells the number of columns and of rows: (0, N, 0, rows).
    """
    table = np.stack([np.asarray(row, dtype=np.float32) for row in rows])
    count, columns, channels, height, width = table.shape
    planes = table.transpose(2, 0, 3, 1, 4).reshape(channels * count * height, columns * width)
    return Surface(step, SHEET, (0.0, float(columns), 0.0, float(count)), planes.clip(0, 1))


def pictures_of(sheet: Surface) -> npt.NDArray[np.float32]:
    """The pictures (rows, N, H, W, 3) of a sheet. Raises ValueError where it is none."""
    columns, rows = round(sheet.extent[1]), round(sheet.extent[3])
    if columns < 1 or rows < 1 or sheet.values.shape[0] % (CHANNELS * rows) or sheet.values.shape[1] % columns:
        raise ValueError("not a sheet of pictures")
    height, width = sheet.values.shape[0] // (CHANNELS * rows), sheet.values.shape[1] // columns
    table = np.asarray(sheet.values, np.float32).reshape(CHANNELS, rows, height, columns, width)
    return table.transpose(1, 3, 2, 4, 0)
