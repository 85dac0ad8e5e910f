"""What a hosted lab's supervisor sees to: that no visitor has too many runs in hand, and no run takes too long."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Mapping

from tlcore.errors import InvalidRequest
from tlcore.execution.hosting import hosting
from tlcore.execution.queue import LiveRun
from tlcore.execution.ration import Ration
from tlcore.runs import Store
from tlcore.runs.service import Service
from tlcore.specs.hosting import MEGABYTE, Limits, duration_text

LOGGER = logging.getLogger("tlcore.supervisor")
OVERTIME_SECONDS = 60.0
"""Beyond its ration, for a run that prepares its data or does not look at the time."""


class Rationing:
    """The limits of a store, as they are now; none where the lab is one person's own."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._limits: Limits | None = None
        self._training_since: dict[str, float] = {}  # the present stretch of each run between two pauses
        self._paused_since: dict[str, float] = {}
        self._told_to_stop: dict[str, str] = {}

    def limits(self) -> Limits | None:
        """What is allowed now. Where the file of settings cannot be understood, what was allowed before."""
        try:
            settings = hosting(self.store.folder)
        except InvalidRequest as error:
            LOGGER.error("%s", error)
        else:
            self._limits = settings.limits if settings is not None else None
        return self._limits

    def ration(self) -> Ration:
        """What a run that begins now may take."""
        limits = self.limits()
        return Ration() if limits is None else Ration(limits.seconds, limits.memory_mb * MEGABYTE)

    def turns(self, live: Iterable[LiveRun], begun: Iterable[str]) -> Turns:
        """Whose turn it is. begun: runs that train though their state does not tell yet."""
        limits = self.limits()
        closed = limits is not None and Service(self.store.database).draining
        present = [run for run in live if run.state == "running" or run.id in begun]
        return Turns(limits, closed, present, begun)

    def watch(self, training: Mapping[str, LiveRun], now: float) -> None:
        """Stop what trains longer than its ration though it should have stopped itself, and what is paused so long
        that somebody else should have the memory. now: by the monotonic clock."""
        for known in (self._training_since, self._paused_since, self._told_to_stop):
            for run_id in known.keys() - training.keys():
                del known[run_id]
        limits = self.limits()
        if limits is None:
            return
        for run_id, run in training.items():
            if run.paused and not run.wishes:
                since, other, most = self._paused_since, self._training_since, limits.paused_seconds
                reason = f"This run was paused for {duration_text(most)}, which is all that this server allows."
            else:
                since, other, most = self._training_since, self._paused_since, limits.seconds + OVERTIME_SECONDS
                reason = Ration(limits.seconds).time_is_up()
            other.pop(run_id, None)
            if now - since.setdefault(run_id, now) > most and run_id not in self._told_to_stop:
                self._told_to_stop[run_id] = reason
                self.store.send(run_id, "stop", reason=reason)

    def reason(self, run_id: str) -> str | None:
        """Why a run was told to stop, or None if it was not."""
        return self._told_to_stop.get(run_id)


class Turns:
    """Which runs may begin at this moment."""

    def __init__(
        self, limits: Limits | None, closed: bool, present: Iterable[LiveRun], begun: Iterable[str] = ()
    ) -> None:
        """closed: none but those that trained already, because the server is being readied for maintenance. present:
        those that have a process. begun: those of them that train though their state does not tell yet."""
        runs = list(present)
        self.limits = limits
        self.closed = closed
        self._training = sum(not run.paused or run.id in begun for run in runs)
        self._in_hand = Counter(one for run in runs for one in run.visitors)

    def has(self, run: LiveRun) -> bool:
        """Whether it may begin: somebody who wants it has fewer runs in hand than a visitor may have."""
        if self.limits is None:
            return True
        if (self.closed and not run.interrupted) or not self._place_in_all(self.limits):
            return False
        most = self.limits.running_per_visitor
        return not run.visitors or any(self._in_hand[one] < most for one in run.visitors)

    def has_again(self, run: LiveRun) -> bool:
        """Whether a paused run may go on: its visitor has it in hand already."""
        return self.limits is None or self._place_in_all(self.limits)

    def _place_in_all(self, limits: Limits) -> bool:
        return not limits.running_in_all or self._training < limits.running_in_all

    def take(self, run: LiveRun) -> None:
        """It begins, or goes on."""
        self._training += 1
        if run.state == "queued":
            self._in_hand.update(run.visitors)
