"""What a hosted lab tells a visitor: which limits hold, why something is not possible now, how long a run waits.

In a lab of one's own all of it is empty.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from tlcore.errors import LabError
from tlcore.execution.fairness import Wait, forecast
from tlcore.execution.queue import Queue
from tlcore.gallery import recorded
from tlcore.runs import Run
from tlcore.runs.paces import pace_of, seconds_left
from tlcore.runs.service import Service
from tlcore.specs import Parameter
from ui.experiment import Experiment
from ui.library import hosted_executor, lab, runs_at_once
from ui.visitor import hosted, scope

STEPS = "budget.steps"
REFUSAL_SECONDS, QUEUE_SECONDS = 2, 1  # how long an answer is kept; the server checks again what is pressed


def train_words() -> str:
    """The limits of this server, for the help of Train."""
    settings = hosted()
    return f" {settings.limits.words()}" if settings is not None else ""


def upload_words() -> str:
    """The limits of this server, to stand beside an uploader; empty where there are none."""
    settings = hosted()
    return settings.limits.upload_words() if settings is not None else ""


def upload_megabytes(otherwise: int | None = None) -> int | None:
    """How large a file may be; `otherwise` where no server limits it further."""
    settings = hosted()
    if settings is None:
        return otherwise
    return min(settings.limits.upload_mb, otherwise or settings.limits.upload_mb)


def upload_refusal() -> str | None:
    """Why this visitor may bring nothing now, or None."""
    executor = hosted_executor()
    if executor is None:
        return None
    try:
        executor.admission.require_upload(0)
    except LabError as error:
        return str(error)
    return None


def require_upload(size: int) -> None:
    """Check, on the server, that a file of `size` bytes may be brought. Raises LabError."""
    executor = hosted_executor()
    if executor is not None:
        executor.admission.require_upload(size)


def require_kept(size: int) -> None:
    """Check that whoever looks may keep `size` bytes more, however small their file is. Raises OutOfSpace."""
    executor = hosted_executor()
    if executor is not None:
        executor.admission.require_room(size)


def limited(parameter: Parameter) -> Parameter:
    """A parameter within what this server allows, which its help tells."""
    settings = hosted()
    if settings is None or parameter.path != STEPS:
        return parameter
    most = settings.limits.steps
    return replace(
        parameter, maximum=min(parameter.maximum or most, most), value=min(parameter.value, most),
        help=f"{parameter.help} {settings.limits.steps_sentence()}",
    )  # fmt: skip


def train_refusal(experiment: Experiment, seeds: int) -> str | None:
    """Why whoever looks may not train these runs now, or None where they may."""
    if hosted() is None:
        return None
    changes = tuple(experiment.changes.items())
    return _train_refusal(scope(), experiment.preset.identity, changes, seeds, experiment)


@st.cache_data(ttl=REFUSAL_SECONDS, max_entries=2000, show_spinner=False)
def _train_refusal(
    visitor: str, preset: str, changes: tuple[tuple[str, str], ...], seeds: int, _experiment: Experiment
) -> str | None:
    executor = hosted_executor()
    assert executor is not None
    try:
        executor.require_admission([spec for _, _, spec in _experiment.preset.specs(range(seeds), _experiment.changes)])
    except LabError as error:
        return str(error)
    return None


def waiting_words(live: Sequence[Run]) -> str:
    """How long the first of these runs that waits is going to wait; empty where none does or nobody else is there."""
    if hosted() is None:
        return ""
    waits = [wait for run in live if run.state == "queued" and (wait := queue().get(run.id)) is not None]
    if not waits or any(run.state == "running" for run in live):
        return ""
    first = min(waits, key=lambda wait: wait.position)
    before = first.position - 1
    place = "Next in the queue" if not before else f"{before:,} run{'s' * (before != 1)} before yours"
    return f"{place}{beginning(first)}."


def beginning(wait: Wait) -> str:
    """When a run that waits is going to begin, to stand behind its place; nothing where nobody can say."""
    if Service(lab().store.database).draining:
        return ", begins after maintenance"
    if wait.seconds is None:
        return ""
    if wait.seconds < 5:
        return ", begins in a moment"
    minutes = wait.seconds / 60
    words = f"{10 * round(wait.seconds / 10) or 5:.0f} s" if wait.seconds < 90 else f"{minutes:.0f} min"
    return f", begins in about {words}"


@st.cache_data(ttl=QUEUE_SECONDS, max_entries=1, show_spinner=False)
def queue() -> dict[str, Wait]:
    """Every run that waits on this server, in its order, with its wait; by measured paces."""
    store = lab().store
    live = Queue(store).live()
    runs = store.several([run.id for run in live])
    order = [run.id for run in live if run.state == "queued" and run.id in runs]
    training = [runs[run.id] for run in live if run.state == "running" and not run.paused and run.id in runs]
    return forecast(
        order, {run_id: _expected(runs[run_id]) for run_id in order}, [seconds_left(store, run) for run in training],
        runs_at_once(),
    )  # fmt: skip


def _expected(run: Run) -> float | None:
    """Seconds that a run is likely to take: as measured here, else where it was recorded."""
    shipped = recorded(run.preset) if run.preset else None
    for store in (lab().store, shipped):
        pace = pace_of(store, run.spec) if store is not None else None
        if pace is not None:
            return pace.seconds(run.spec)
    return None
