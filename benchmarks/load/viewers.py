"""Fifty viewers of one live run: how late what is recorded reaches them, and what watching costs the training."""

from __future__ import annotations

import asyncio
import base64
import bisect
import contextlib
import json
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from streamlit.proto.Element_pb2 import Element

from benchmarks.load.report import Row
from benchmarks.load.served import Served, taken
from benchmarks.load.session import Visitor
from tlcore.presets import all_presets
from tlcore.runs import Store

CASE = "50 viewers of one live run, 1 update a second"
TO_HOLD = "p95 of an update below 500 ms, none missed, memory growth below 100 MB, training slowed by less than 10 %"
PRESET, ARM, STEPS = "domain-adversarial/photo-digits", "dann", 30_000  # numbers every 75 steps: about once a second
CHART = "chart-loss-domain-adversarial"
BASELINE_SECONDS, WATCHED_SECONDS, ROUNDS = 10.0, 20.0, 2
LOOK_SECONDS = 0.005
SETTLE_SECONDS = 3.0  # at the end of watching nothing new is counted, only waited for


@dataclass
class Watch:
    """What one viewer saw: when, and the newest step of the loss chart at that time."""

    times: list[float] = field(default_factory=list)
    steps: list[int] = field(default_factory=list)

    def take(self, element: Element) -> None:
        """Note the newest step if this is the chart of losses."""
        if element.WhichOneof("type") == "bidi_component":
            self.hear(element.bidi_component.json)

    def hear(self, message: str) -> None:
        """The same of a message that came by itself."""
        if CHART in message:
            now = time.monotonic()
            step = newest_step(message)
            if step is not None and (not self.steps or step > self.steps[-1]):
                self.times.append(now)
                self.steps.append(step)


def newest_step(message: str) -> int | None:
    """The last step drawn in the chart, from a message that brings it; None for an empty chart."""
    lasts = []
    for trace in json.loads(message)["figure"]["data"]:
        steps = trace.get("x", ())
        if isinstance(steps, dict):
            steps = np.frombuffer(base64.b64decode(steps["bdata"]), steps["dtype"])
        if len(steps):
            lasts.append(int(steps[-1]))
    return max(lasts, default=None)


class Commits:
    """When each newest step came into the store, seen by looking at it all the time."""

    def __init__(self, store: Store, run: str) -> None:
        self.store = store
        self.run = run
        self.seen: list[tuple[float, int]] = []
        self._known = 0

    async def follow(self) -> None:
        """Look until cancelled."""
        version = None
        while True:
            now = self.store.database.rows("PRAGMA data_version")[0][0]
            if now != version:
                version = now
                query = "SELECT max(step) FROM metrics WHERE run = ? AND name = 'class_loss'"
                step = self.store.database.rows(query, self.run)[0][0] or 0
                if step > self._known:
                    self._known = step
                    self.seen.append((time.monotonic(), step))
            await asyncio.sleep(LOOK_SECONDS)


def latencies(commits: Sequence[tuple[float, int]], watch: Watch, until: float) -> list[float]:
    """Seconds until the viewer had each update, one update a second; infinite for one that never came."""
    found, next_at = [], 0.0
    for at, step in commits:
        if at < next_at or at > until:
            continue
        next_at = at + 1.0
        place = bisect.bisect_left(watch.steps, step)
        found.append(watch.times[place] - at if place < len(watch.steps) else math.inf)
    return found


async def pace(store: Store, run: str, seconds: float) -> float:
    """Steps a second of a run that trains, over some time."""
    before, begin = store.require(run), time.monotonic()
    await asyncio.sleep(seconds)
    after = store.require(run)
    if after.state != "running":
        raise RuntimeError(f"the run that is watched has {after.state}: {after.reason}")
    # By the run's own clock, which stands in the same row as the step.
    taken_seconds = after.seconds - before.seconds or time.monotonic() - begin
    return (after.step - before.step) / taken_seconds


async def watch_live_run(served: Served, viewers: int, where: str) -> Row:
    """Pace without viewers, with them, and once more without; latencies while they watch."""
    (spec,) = [spec for arm, _, spec in all_presets()[PRESET].specs([0], {"budget.steps": str(STEPS)}) if arm == ARM]
    run = served.executor.submit(spec, preset=PRESET, arm=ARM)
    while served.store.require(run).step < 20:
        await asyncio.sleep(0.2)
    query = f"preset={PRESET.partition('/')[2]}&set=budget.steps%3D{STEPS}"
    async with Visitor(served.address, "domain_adversarial", query) as first:
        await first.finished()  # imports and caches are not what is asked about
    alone, watched, waits, answers, missed = [], [], [], [], 0
    before = taken(served.pid).memory
    most = before
    commits = Commits(served.store, run)
    following = asyncio.create_task(commits.follow())
    for _ in range(ROUNDS):
        alone.append(await pace(served.store, run, BASELINE_SECONDS))
        watches = [Watch() for _ in range(viewers)]
        async with contextlib.AsyncExitStack() as stack:
            visitors = [
                Visitor(served.address, "domain_adversarial", query, on_element=watch.take, on_message=watch.hear)
                for watch in watches
            ]
            for visitor in visitors:
                await stack.enter_async_context(visitor)
            for visitor in visitors:
                await visitor.finished()
            begin = time.monotonic()
            watched.append(await pace(served.store, run, WATCHED_SECONDS))
            until = time.monotonic()
            await asyncio.sleep(SETTLE_SECONDS)
            most = max(most, taken(served.pid).memory)
            if any(visitor.errors for visitor in visitors):
                raise RuntimeError(next(visitor.errors[0] for visitor in visitors if visitor.errors))
        recent = [commit for commit in commits.seen if commit[0] >= begin]
        for watch in watches:
            waits += latencies(recent, watch, until)
        answers += [seconds for visitor in visitors for seconds in visitor.answer_seconds]
    alone.append(await pace(served.store, run, BASELINE_SECONDS))
    following.cancel()
    served.executor.stop(run)
    missed = sum(math.isinf(wait) for wait in waits)
    p95 = float(np.percentile(waits, 95))
    slowed = 1 - float(np.mean(watched)) / float(np.mean(alone))
    grown = (most - before) / 2**20
    measured = (
        f"{viewers} viewers, {len(waits):,} updates: store to browser p50 {1000 * np.median(waits):.0f} ms, "
        f"p95 {1000 * p95:.0f} ms, {missed} missed; refresh answered p95 {1000 * np.percentile(answers, 95):.0f} ms; "
        f"memory {grown:+.0f} MB; {np.mean(alone):.1f} steps a second alone, {np.mean(watched):.1f} watched "
        f"({slowed:+.0%} slower)"
    )
    return Row(CASE, TO_HOLD, measured, p95 < 0.5 and missed == 0 and grown < 100 and slowed < 0.1, where)
