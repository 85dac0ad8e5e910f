"""A few pictures as a surface and back."""

from __future__ import annotations

import numpy as np
import pytest

from tlcore.analysis.sheets import pictures_of, sheet_of
from tlcore.runs.records import Surface


def test_pictures_come_back_as_they_were():
    rows = np.random.default_rng(0).random((2, 5, 3, 4, 6)).astype(np.float32)
    sheet = sheet_of(7, [*rows])
    assert sheet.step == 7 and sheet.values.ndim == 2
    assert np.array_equal(pictures_of(sheet), rows.transpose(0, 1, 3, 4, 2))


def test_another_surface_is_none():
    with pytest.raises(ValueError, match="sheet"):
        pictures_of(Surface(0, "class", (-1.0, 0.2, -1.0, 1.0), np.zeros((64, 64), np.float32)))
