"""Mean, spread and number of seeds: how every comparison in the lab is reported."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Summary:
    """Mean of n values and their sample standard deviation (n − 1 in the denominator), None for a single value."""

    mean: float
    sd: float | None
    n: int


def summarise(values: Iterable[float]) -> Summary:
    """The mean, sample standard deviation and number of the values, one value a seed.

    One value has no spread: its sd is None, not 0, so that a page cannot print "± 0.0" for a single seed.

    Raises ValueError when there are no values or one of them is not finite.
    """
    array = np.asarray(list(values), dtype=np.float64)
    if array.size == 0:
        raise ValueError("There are no values to summarise.")
    if not np.isfinite(array).all():
        raise ValueError("Only finite values can be summarised: one of them is NaN or infinite.")
    return Summary(float(array.mean()), float(array.std(ddof=1)) if array.size > 1 else None, int(array.size))
