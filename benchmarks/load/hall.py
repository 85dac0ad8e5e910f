"""Thirty visitors of a hosted lab press Train where one run trains at a time: order, slots, positions, all end."""

from __future__ import annotations

import asyncio
import contextlib
import re
import sys
import time
from pathlib import Path

from benchmarks.load.report import Row
from benchmarks.load.served import Served
from benchmarks.load.session import Visitor
from tlcore.runs import Run

CASE = "30 visitors press Train, one slot"
TO_HOLD = "order kept, no double slots, positions right, all end"
LIMITS = "[limits]\nrunning_in_all = 1\nrunning_per_visitor = 1\n"
STEPS = 40
PATIENCE_SECONDS = 1500.0
LOOK_SECONDS = 0.02
BEFORE = re.compile(r"(\d+) runs? before yours")


def one_slot(folder: Path) -> None:
    """Make the lab whose store is going to lie in this folder a hosted one with a single slot."""
    (folder / "store").mkdir(parents=True, exist_ok=True)
    (folder / "store" / "hosted.toml").write_text(LIMITS)


async def press_train(served: Served, visitors: int, where: str) -> Row:
    """All press at once, each for runs of their own (other numbers of steps are other runs)."""
    queries = [f"preset=moons&set=budget.steps%3D{STEPS + number}" for number in range(visitors)]
    people = [Visitor(served.address, "domain_adversarial", query, least_interval=2.0) for query in queries]
    async with contextlib.AsyncExitStack() as stack:
        for visitor in people:
            await stack.enter_async_context(visitor)
            await visitor.finished()
        slots = Slots()
        watching = asyncio.create_task(slots.follow(served))
        begin = time.time()
        await asyncio.gather(*(visitor.press("Train") for visitor in people))
        while len({run.steps for run in served.store.runs()}) < visitors and time.time() - begin < PATIENCE_SECONDS:
            await asyncio.sleep(0.2)
        said = []
        for visitor in people:  # drawn anew for the question: short runs end faster than pages refresh themselves
            await visitor.ask()
            await visitor.finished()
            said.append((said_before(visitor), time.time()))
        while any(run.live for run in served.store.runs()) and time.time() - begin < PATIENCE_SECONDS:
            await asyncio.sleep(0.5)
        watching.cancel()
        errors = [error for visitor in people for error in visitor.errors]
    for error in errors:  # the row only counts them
        print(error, file=sys.stderr)
    runs = served.store.runs()
    firsts = [min((run for run in runs if run.steps == STEPS + number), key=began) for number in range(visitors)]
    inversions = sum(one.created < other.created and began(one) > began(other) for one in firsts for other in firsts)
    judged = [
        (place, sum(seen_at <= began(run) < began(first) for run in runs))
        for first, (place, seen_at) in zip(firsts, said, strict=True)
        if place is not None and began(first) > seen_at
    ]
    off = max((abs(place - real) for place, real in judged), default=0)
    finished = sum(run.state == "finished" for run in runs)
    measured = (
        f"{visitors} visitors, {len(runs)} runs: {finished} finished; at most {slots.most} trained at once; first runs "
        f"out of order {inversions}; {len(judged)} positions said, off by at most {off}; {len(errors)} errors"
    )
    holds = slots.most == 1 and inversions == 0 and off <= 1 and finished == len(runs) and not errors
    return Row(CASE, TO_HOLD, measured, holds, where)


def began(run: Run) -> float:
    """When a run began to train; long after everything if it never did."""
    return run.started or float("inf")


def said_before(visitor: Visitor) -> int | None:
    """How many runs the page says come before this visitor's, None where it says nothing."""
    words = " ".join(str(element.markdown.body) for element, _ in visitor.elements.values())
    found = BEFORE.search(words)
    return int(found.group(1)) if found else 0 if "Next in the queue" in words else None


class Slots:
    """How many runs have trained at once. most: the largest number seen."""

    def __init__(self) -> None:
        self.most = 0

    async def follow(self, served: Served) -> None:
        """Look all the time, until cancelled."""
        while True:
            rows = served.store.database.rows("SELECT count(*) FROM runs WHERE state = 'running' AND paused = 0")
            self.most = max(self.most, rows[0][0])
            await asyncio.sleep(LOOK_SECONDS)
