"""Where a page finds runs: in the store of this lab, and behind it among the recorded runs that ship with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import streamlit as st

from tlcore.execution.local import LocalExecutor
from tlcore.execution.slots import plan, usable_cores
from tlcore.gallery import recorded
from tlcore.presets import Preset
from tlcore.runs import Run, Store
from tlcore.specs import RunSpec


@dataclass(frozen=True)
class RunView:
    """A run and the store it is read from."""

    run: Run
    store: Store
    is_recorded: bool

    @property
    def machine(self) -> str:
        """Where and when it was trained, in a few words."""
        provenance = self.run.provenance
        on_cpu = provenance.get("device", "cpu") == "cpu"
        device = f"{provenance.get('cores', '?')} CPU cores" if on_cpu else str(provenance.get("device_name"))
        day = datetime.fromtimestamp(self.run.ended or self.run.created, UTC)
        return f"{device} · {day.day} {day:%B %Y}"


@st.cache_resource(show_spinner=False)
def executor() -> LocalExecutor:
    """The executor over this lab's store, one for all sessions.

    Raises:
        StoreError: the store cannot be opened.
    """
    return LocalExecutor(Store())


def warm_up() -> None:
    """Have a worker ready before someone presses Train; costs nothing where one is.

    Raises:
        StoreError: it cannot be started.
    """
    executor().ensure_supervisor()


def find(preset: Preset, run_id: str) -> RunView | None:
    """A run by its identity: the lab's own if it has begun, else the recorded one, else the lab's own that waits."""
    own = executor().store.get(run_id)
    if own is not None and (own.live or own.state == "finished" or own.step > 0):
        return RunView(own, executor().store, False)
    shipped = recorded(preset.identity)
    run = shipped.get(run_id) if shipped else None
    if run is not None and shipped is not None:
        return RunView(run, shipped, True)
    return RunView(own, executor().store, False) if own else None


@dataclass(frozen=True)
class Estimate:
    """What training is likely to take, from runs that were trained. seconds: for all arms of one seed together."""

    seconds: float
    memory_bytes: float | None
    measured_here: bool

    def text(self) -> str:
        """In the words of the page."""
        seconds = f"{self.seconds:.0f} s" if self.seconds < 90 else f"{self.seconds / 60:.0f} min"
        memory = f" · {self.memory_bytes / 2**20:,.0f} MB" if self.memory_bytes else ""
        place = "on this machine" if self.measured_here else "where it was recorded"
        return f"about {seconds} {place}{memory}"


def estimate(preset: Preset, arms: Mapping[str, RunSpec]) -> Estimate | None:
    """Seconds and memory for one seed of these arms, from finished runs that are alike."""
    steps = {arm: spec.budget.steps for arm, spec in arms.items()}
    likenesses = {arm: _speed_likeness(spec) for arm, spec in arms.items()}
    shipped = recorded(preset.identity)
    for store, here in ((executor().store, True), (shipped, False)):
        if store is None:
            continue
        rates: dict[str, float] = {}
        memory: list[float] = []
        for run in reversed(store.runs(["finished"], limit=200)):
            for arm, likeness in likenesses.items():
                if arm not in rates and run.step and run.seconds and likeness == _speed_likeness(run.spec):
                    rates[arm] = run.seconds / run.step
                    memory += [float(value) for value in _peaks(run.provenance)]
        if set(rates) == set(steps):
            slots = plan(usable_cores()).cpu
            total = sum(rates[arm] * steps[arm] for arm in steps)
            longest = max(rates[arm] * steps[arm] for arm in steps)
            return Estimate(max(longest, total / slots), max(memory) if memory else None, here)
    return None


def _speed_likeness(spec: RunSpec) -> tuple[str, ...]:
    """What decides how long a step takes: method, network, batch size and data."""
    return (spec.method.name, spec.network.canonical_json(), str(spec.budget.batch_size), spec.data.canonical_json())


def _peaks(provenance: Mapping[str, Any]) -> Iterable[float]:
    peak = provenance.get("peak_memory_bytes")
    return (peak,) if isinstance(peak, (int, float)) else ()
