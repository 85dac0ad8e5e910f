"""Many visitors at once: opening the map, pressing Stop, coming back after the connection or the server was lost."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time

import numpy as np

from benchmarks.load.report import Row
from benchmarks.load.served import Served
from benchmarks.load.session import Visitor
from tlcore.presets import all_presets

HOME = "50 visitors open the home page within 10 s"
HOME_TO_HOLD = "all succeed, p95 below 5 s"
HOME_SECONDS = 10.0
STOP = "stop pressed"
STOP_TO_HOLD = "process gone within 2 s"
RECONNECT = "200 reconnects at once"
RECONNECT_TO_HOLD = "none loses its run"
MOONS, ARM = "domain-adversarial/moons", "dann"
RUNS, SHORT, LONG = 20, 20, 100_000
AT_ONCE = 20  # pages that are opened at the same time, before all connections are cut at once


async def open_home(served: Served, visitors: int, where: str) -> Row:
    """Visitors come evenly spread over ten seconds; each waits until the page stands."""

    async def come(number: int) -> float:
        await asyncio.sleep(HOME_SECONDS * number / visitors)
        begin = time.monotonic()
        async with Visitor(served.address) as visitor:
            await visitor.finished()
            if visitor.errors or not visitor.elements:
                raise RuntimeError(visitor.errors[0] if visitor.errors else "an empty page")
            return time.monotonic() - begin

    async with Visitor(served.address) as first:
        await first.finished()
    answers = await asyncio.gather(*(come(number) for number in range(visitors)), return_exceptions=True)
    seconds = [answer for answer in answers if isinstance(answer, float)]
    p95 = float(np.percentile(seconds, 95)) if seconds else float("inf")
    measured = f"{len(seconds)} of {visitors} succeeded; p50 {np.median(seconds):.2f} s, p95 {p95:.2f} s"
    return Row(HOME, HOME_TO_HOLD, measured, len(seconds) == visitors and p95 < 5.0, where)


def moons(seed: int, steps: int) -> str:
    """The address of the page that shows a run of the moons."""
    return f"preset=moons&set=budget.steps%3D{steps}&seeds={seed + 1}&seed={seed}"


def submit(served: Served, seed: int, steps: int) -> str:
    """Queue one arm of the moons."""
    specs = all_presets()[MOONS].specs([seed], {"budget.steps": str(steps)})
    (spec,) = [spec for arm, _, spec in specs if arm == ARM]
    return served.executor.submit(spec, preset=MOONS, arm=ARM)


async def press_stop(served: Served, runs: int, where: str) -> Row:
    """Stop pressed on the page of a run that trains: how long its process lives on."""
    seconds = []
    for seed in range(runs):
        run = submit(served, seed, LONG)
        while served.store.require(run).step < 1:
            await asyncio.sleep(0.1)
        pid = served.store.require(run).pid
        assert pid is not None
        async with Visitor(served.address, "domain_adversarial", moons(seed, LONG)) as visitor:
            await visitor.finished()
            begin = time.monotonic()
            await visitor.press("Stop")
            while _alive(pid) and time.monotonic() - begin < 30:
                await asyncio.sleep(0.01)
            seconds.append(time.monotonic() - begin)
        state = served.store.require(run).state
        if state != "stopped":
            raise RuntimeError(f"run {run} is {state}")
    measured = f"{runs} runs: median {np.median(seconds):.2f} s, slowest {max(seconds):.2f} s"
    return Row(STOP, STOP_TO_HOLD, measured, max(seconds) < 2.0, where)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def reconnect(served: Served, visitors: int, where: str) -> Row:
    """All connections are cut at once and come back; then the web server is killed and started, and all come back."""
    runs = [submit(served, seed, SHORT) for seed in range(RUNS)]
    while any(served.store.require(run).live for run in runs):
        await asyncio.sleep(0.5)
    people = [
        (Visitor(served.address, "domain_adversarial", moons(seed % RUNS, SHORT)), runs[seed % RUNS])
        for seed in range(visitors)
    ]
    for begin in range(0, visitors, AT_ONCE):
        await asyncio.gather(*(_come(visitor) for visitor, _ in people[begin : begin + AT_ONCE]))
    lost = sum(not visitor.says(run) for visitor, run in people)
    if lost:
        raise RuntimeError(f"{lost} pages did not show their run before anything was cut")
    parts = []
    everything_kept = True
    for words, killed in (("connections cut", False), ("server killed", True)):
        await asyncio.gather(*(visitor.disconnect() for visitor, _ in people))
        if killed:
            served.kill()
            served.start()
        for visitor, _ in people:
            visitor.elements.clear()
        begin_again = time.monotonic()
        came = await asyncio.gather(*(_come(visitor) for visitor, _ in people), return_exceptions=True)
        seconds = [answer for answer in came if isinstance(answer, float)]
        kept = sum(visitor.says(run) and not visitor.errors for visitor, run in people)
        everything_kept &= kept == visitors
        parts.append(
            f"{words}: {kept} of {visitors} have their run again, the last after "
            f"{time.monotonic() - begin_again:.1f} s (median {np.median(seconds):.1f} s)"
        )
    for visitor, _ in people:
        with contextlib.suppress(Exception):
            await visitor.disconnect()
    trained = [served.store.require(run).state for run in runs]
    everything_kept &= trained == ["finished"] * RUNS
    return Row(RECONNECT, RECONNECT_TO_HOLD, "; ".join(parts), everything_kept, where)


async def _come(visitor: Visitor) -> float:
    begin = time.monotonic()
    await visitor.connect()
    await visitor.ask()
    await visitor.finished()
    return time.monotonic() - begin
