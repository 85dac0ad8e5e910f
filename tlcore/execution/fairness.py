"""Whose turn it is: an order of the runs that wait in which nobody can keep the others waiting.

Whoever has the fewest runs in training comes first; among those who have equally many, whoever has waited longest since
they were last served. So visitors take turns, whatever number of runs each has asked for, and with one run each they
are served in the order in which they came. Nobody starves: newcomers stand behind everybody who already waits with as
few runs in training. (Round robin is fair queueing where all jobs are of one length: Nagle, RFC 970, 1985; here the
length of a run is bounded, and so is a round.)
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Waiting:
    """A run that waits. visitors: who wants it. since: when it was asked for, in seconds since 1970."""

    id: str
    visitors: tuple[str, ...]
    since: float
    priority: int = 0


def fair_order(waiting: Sequence[Waiting], busy: Mapping[str, int], served: Mapping[str, float]) -> list[str]:
    """The runs in the order in which they should be trained.

    waiting: in the order in which they were asked for, which each visitor's own runs keep. busy: how many runs of each
    visitor train now. served: when a run of each visitor began last. A run that several want comes when the first of
    them has a turn.
    """
    ahead: Counter[str] = Counter(busy)
    keys = []
    for place, run in enumerate(waiting):
        turns = [(ahead[one], max(run.since, served.get(one, 0.0))) for one in run.visitors or ("",)]
        keys.append((-run.priority, *min(turns), place))
        for one in run.visitors or ("",):
            ahead[one] += 1
    return [waiting[key[-1]].id for key in sorted(keys)]


@dataclass(frozen=True)
class Wait:
    """Where a run stands. position: 1 for the next to begin. seconds: until it begins, or None where nobody can say."""

    position: int
    seconds: float | None


def forecast(
    order: Sequence[str], seconds_of: Mapping[str, float | None], left: Sequence[float | None], slots: int
) -> dict[str, Wait]:
    """How long each run in `order` is going to wait.

    seconds_of: how long each is likely to train. left: seconds that are left of each run in training. slots: how many
    train at once. A duration that is not known is taken to be the mean of those that are; without any, nobody can say.
    """
    durations = [seconds_of.get(run) for run in order]
    known = [seconds for seconds in (*durations, *left) if seconds is not None]
    if not known:
        return {run: Wait(place, None) for place, run in enumerate(order, 1)}
    usual = sum(known) / len(known)
    free = [usual if seconds is None else max(0.0, seconds) for seconds in left]
    free += [0.0] * max(0, slots - len(free))
    heapq.heapify(free)
    waits = {}
    for place, (run, seconds) in enumerate(zip(order, durations, strict=True), 1):
        begins = heapq.heappop(free)
        waits[run] = Wait(place, begins)
        heapq.heappush(free, begins + (usual if seconds is None else seconds))
    return waits
