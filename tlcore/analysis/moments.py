"""The moments of a training that a lecture points at, found in its curves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tlcore.runs.records import Series

STRENGTH_BEGINS = 0.1
HALF = 0.56
WELL_APART = 0.65
CLEARLY = 0.02


@dataclass(frozen=True)
class Moment:
    """A step, and what happens there in one short sentence."""

    step: int
    text: str


def strength_rises(strength: Series | None) -> Moment | None:
    """Where λ passes a tenth of its largest value."""
    if strength is None or not len(strength.steps):
        return None
    ceiling = float(np.nanmax(strength.values))
    step = _first(strength.steps, strength.values > STRENGTH_BEGINS * ceiling) if ceiling > 0 else None
    return None if step is None else Moment(step, "λ rises: the features begin to hide the domain")


def domains_meet(domain_accuracy: Series | None) -> Moment | None:
    """Where the domain classifier, once well above chance, first falls to guessing."""
    if domain_accuracy is None:
        return None
    values = domain_accuracy.values
    was_apart = np.maximum.accumulate(np.nan_to_num(values)) >= WELL_APART
    step = _first(domain_accuracy.steps, was_apart & (values <= HALF))
    return None if step is None else Moment(step, "The domain classifier can only guess: source and target look alike")


def target_passes(adapted: Series | None, baseline: Series | None) -> Moment | None:
    """From where the adapted run's target accuracy stays clearly above the baseline's to the end."""
    if adapted is None or baseline is None or not len(adapted.steps) or not len(baseline.steps):
        return None
    # Each is compared with what the baseline had reached by then.
    place = np.clip(np.searchsorted(baseline.steps, adapted.steps, "right") - 1, 0, None)
    above = adapted.values > baseline.values[place] + CLEARLY
    stays = np.logical_and.accumulate(above[::-1])[::-1]
    step = _first(adapted.steps, stays)
    if step is None:
        return None
    gain = float(adapted.values[-1] - baseline.values[place[-1]])
    return Moment(step, f"Target accuracy passes source-only, and ends {100 * gain:.0f} points above it")


def _first(steps: npt.NDArray[np.int64], holds: npt.NDArray[np.bool_]) -> int | None:
    found = np.flatnonzero(holds)
    return int(steps[found[0]]) if len(found) else None
