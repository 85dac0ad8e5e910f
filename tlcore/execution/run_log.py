"""What the supervisor's log tells of runs: when one begins, when it waits again, and how it ended."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from tlcore.errors import LabError
from tlcore.execution.logs import short
from tlcore.execution.queue import LiveRun
from tlcore.runs import Run, Store

LOGGER = logging.getLogger("tlcore.supervisor")


class RunLog:
    """Compares what it is shown with what it was shown before: whoever ends a run, and however, it is told once."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._states: dict[str, str] | None = None

    def look(self, live: Iterable[LiveRun]) -> None:
        """Tell what has happened to the runs that wait or train since this was called last."""
        now = {run.id: run for run in live}
        first, before = self._states is None, self._states or {}
        self._states = {run.id: run.state for run in now.values()}
        for run_id in before.keys() - now.keys():
            self._tell_end(run_id)
        for run_id, run in now.items():
            if run.state == "running" and before.get(run_id) != "running":
                self._tell_beginning(run, "goes on as it was found" if first else "begins")
            elif run.state == "queued" and before.get(run_id) == "running":
                LOGGER.info("run %s waits again", run_id, extra={"run": run_id})

    def _tell_beginning(self, seen: LiveRun, what: str) -> None:
        run = self._find(seen.id)
        about = _about(seen.id, run) | {"pid": seen.pid, "device": seen.device}
        if seen.visitors:
            about["visitors"] = [short(one) for one in seen.visitors]
        if run is not None:
            about["steps"] = run.steps
            about["waited"] = round(run.started - run.created, 3) if run.started else None
        LOGGER.info("run %s %s", seen.id, what, extra=about)

    def _tell_end(self, run_id: str) -> None:
        run = self._find(run_id)
        if run is None:
            LOGGER.info("run %s is no longer there", run_id, extra={"run": run_id})
            return
        about = {"state": run.state, "step": run.step, "seconds": round(run.seconds, 3), "reason": run.reason}
        level = logging.WARNING if run.state == "failed" else logging.INFO
        said = "was stopped" if run.state == "stopped" else f"has {run.state}"
        LOGGER.log(level, "run %s %s", run_id, said, extra=_about(run_id, run) | about)

    def _find(self, run_id: str) -> Run | None:
        try:
            return self.store.get(run_id)
        except LabError:  # a log must not hold up those whose log it is
            return None


def _about(run_id: str, run: Run | None) -> dict[str, object]:
    found: dict[str, object] = {"run": run_id}
    return found if run is None else found | {"preset": run.preset, "arm": run.arm, "seed": run.spec.seed}
