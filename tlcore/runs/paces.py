"""How long runs take, from those that were trained: per step, and before and after training."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from tlcore.runs.store import Run, Store
from tlcore.specs import RunSpec, TaskPair

MOST_PREPARATION_SECONDS = 15.0
RUNS_READ = 500


@dataclass(frozen=True)
class Pace:
    """How long a run took: seconds before and after training, and seconds a step; and its memory, 0 if unknown."""

    preparation: float
    step: float
    memory_bytes: float

    def seconds(self, spec: RunSpec) -> float:
        """How long a run is likely to take at this pace."""
        return self.preparation + self.step * spec.budget.steps


def pace_of(store: Store, spec: RunSpec) -> Pace | None:
    """The pace of finished runs that are like this one, or None where there are none."""
    paces = _paces(store, store.count("finished"))
    return paces.get(likeness(spec)) or paces.get(likeness(spec, few=True))


def seconds_left(store: Store, run: Run) -> float | None:
    """Seconds that a run in training is likely to train on, or None where nobody can say."""
    if run.step and run.seconds:
        return run.seconds / run.step * (run.steps - run.step)
    pace = pace_of(store, run.spec)
    return pace.seconds(run.spec) if pace is not None else None


@lru_cache(maxsize=20)
def _paces(store: Store, finished: int) -> dict[tuple[str, ...], Pace]:
    """What the latest finished runs took, by what they are like. finished: how many there are by now."""
    found: dict[tuple[str, ...], Pace] = {}
    for run in store.runs(["finished"], limit=RUNS_READ, newest=True):
        if not (run.step and run.seconds) or "imported" in run.provenance:
            continue
        around = (run.ended or 0.0) - (run.started or 0.0) - run.seconds
        # A run that was paused, or stopped and gone on with, tells nothing about what comes before and after training.
        preparation = around if 0 < around < MOST_PREPARATION_SECONDS else 0.0
        pace = Pace(preparation, run.seconds / run.step, max([float(one) for one in _peaks(run.provenance)] or [0.0]))
        found.setdefault(likeness(run.spec), pace)
        found.setdefault(likeness(run.spec, few=True), pace)
    return found


@lru_cache(maxsize=4000)
def likeness(spec: RunSpec, few: bool = False) -> tuple[str, ...]:
    """What decides how long a step takes: method and what it freezes, network, batch size and data.

    few: whatever the number of labels.
    """
    data = spec.data
    if few and isinstance(data, TaskPair):
        data = data.model_copy(update={"labels_per_class": 0})
    method = f"{spec.method.name} {getattr(spec.method, 'frozen', ())}"
    words = (method, spec.network.canonical_json(), str(spec.budget.batch_size), data.canonical_json())
    return (*words, "few") if few else words


def _peaks(provenance: Mapping[str, Any]) -> Iterable[float]:
    peak = provenance.get("peak_memory_bytes")
    return (peak,) if isinstance(peak, (int, float)) else ()
