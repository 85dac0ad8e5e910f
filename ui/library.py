"""Where a page finds runs: in the store of this lab, and behind it among the recorded runs that ship with it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

import streamlit as st

from tlcore.execution.hosted import HostedExecutor
from tlcore.execution.local import LocalExecutor
from tlcore.execution.questions import Guard, guard_questions
from tlcore.execution.slots import plan
from tlcore.gallery import recorded
from tlcore.presets import Preset, presets_of
from tlcore.processors import usable_cores
from tlcore.runs import Run, Series, Store
from tlcore.runs.database import Database
from tlcore.runs.paces import pace_of
from tlcore.runs.recordings import Recordings
from tlcore.runs.visitors import Visitor
from tlcore.specs import RunSpec
from tlcore.specs.hosting import Hosting
from ui.visitor import hosted, visitor

READY = "TLCORE_READY"  # "0": processes that train are started with the first run, not with the first page


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
def lab() -> LocalExecutor:
    """The executor over the whole store, one for all sessions. What a page shows or does goes through `executor`.

    Raises:
        StoreError: the store cannot be opened.
    """
    return LocalExecutor(Store())


def executor() -> LocalExecutor:
    """The executor for whoever looks: of a hosted lab only what is theirs, and within the limits that hold there.

    Raises:
        StoreError: the store cannot be opened.
        LabError: the lab is hosted and nobody knows who looks.
    """
    return hosted_executor() or lab()


def hosted_executor() -> HostedExecutor | None:
    """The executor for whoever looks at a hosted lab; None where a lab is one person's own."""
    who, settings = visitor(), hosted()
    return _executor_of(who, settings) if who is not None and settings is not None else None


@lru_cache(maxsize=1000)
def _executor_of(who: Visitor, settings: Hosting) -> HostedExecutor:
    return HostedExecutor(lab(), who, settings)


def _guard() -> Guard | None:
    found = hosted_executor()
    return found.admission if found is not None else None


guard_questions(_guard)


def warm_up() -> None:
    """Have a worker ready before someone presses Train; costs nothing where one is, nor where `TLCORE_READY=0` asks to
    wait for the first run.

    Raises:
        StoreError: it cannot be started.
    """
    if os.environ.get(READY, "1") != "0":
        lab().ensure_supervisor()


def find(preset: Preset, run_id: str) -> RunView | None:
    """A run by its identity: the lab's own if it has begun, else the recorded one, else the lab's own that waits."""
    return find_several(preset, [run_id]).get(run_id)


def find_several(preset: Preset, run_ids: Sequence[str]) -> dict[str, RunView]:
    """Those of the runs that there are, by identity, each as `find` chooses it."""
    store = executor().store
    own = store.several(run_ids)
    begun = {key: run for key, run in own.items() if run.live or run.state == "finished" or run.step > 0}
    others = [run_id for run_id in run_ids if run_id not in begun]
    return {key: RunView(run, store, False) for key, run in own.items()} | _recorded(preset, others)


def _recorded(preset: Preset, run_ids: Sequence[str]) -> dict[str, RunView]:
    """Recorded runs, of the preset itself or of another one of its page that has the very same."""
    found: dict[str, RunView] = {}
    presets = sorted(presets_of(preset.page), key=lambda one: one.identity != preset.identity)
    for shipped in filter(None, (recorded(one.identity) for one in presets)):
        missing = [run_id for run_id in run_ids if run_id not in found]
        if missing:
            found |= {key: RunView(run, shipped, True) for key, run in shipped.several(missing).items()}
    return found


def metrics_of(view: RunView) -> dict[str, Series]:
    """The metrics of a run as they were when it gave its last sign of life, read once for all viewers of it."""
    run = view.run
    return _metrics(view.store.database, run.id, (run.state, run.step, run.heartbeat))


# By the file and not by the store: every visitor of a hosted lab has a store of their own over the same file.
@lru_cache(maxsize=100)
def _metrics(database: Database, run_id: str, moment: tuple[str, int, float | None]) -> dict[str, Series]:
    recordings = Recordings()
    recordings.database = database
    return recordings.metrics(run_id)


def shown_of(metrics: Mapping[str, Series]) -> tuple[tuple[str, int, int, float], ...]:
    """What of a run's metrics decides how their curves look: a run only ever adds points to them."""
    return tuple(
        (name, len(line.steps), int(line.steps[-1]), float(line.values[-1]))
        for name, line in sorted(metrics.items())
        if len(line.steps)
    )


def runs_at_once() -> int:
    """How many runs this machine trains at once, and its owner lets train."""
    slots, settings = plan(usable_cores()).cpu, hosted()
    limit = settings.limits.running_in_all if settings is not None else 0
    return min(slots, limit) if limit else slots


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
    shipped = recorded(preset.identity)
    for store, here in ((lab().store, True), (shipped, False)):
        if store is None:
            continue
        known = {arm: pace for arm, spec in arms.items() if (pace := pace_of(store, spec)) is not None}
        if len(known) == len(arms):
            seconds = [pace.seconds(arms[arm]) for arm, pace in known.items()]
            memory = max(pace.memory_bytes for pace in known.values())
            return Estimate(max(max(seconds), sum(seconds) / runs_at_once()), memory or None, here)
    return None
