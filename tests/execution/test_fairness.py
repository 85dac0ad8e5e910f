"""Turns of visitors, by simulating many days of a lab: nobody starves, and with one run each they come in order."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tlcore.execution.fairness import Wait, Waiting, fair_order, forecast

REQUESTS = st.lists(
    st.tuples(st.integers(0, 5), st.floats(0, 50), st.integers(1, 6), st.floats(0.5, 8)), min_size=1, max_size=12
)
"""Visitor, moment, how many runs, how long each."""


@dataclass
class Day:
    """A lab with some slots in which visitors ask for runs. Times are numbers, nothing waits."""

    slots: int
    requests: list[tuple[int, float, int, float]]
    starts: list[tuple[float, str, str]] = field(default_factory=list)  # moment, visitor, run

    def __post_init__(self) -> None:
        self.asked: dict[str, tuple[str, float, float]] = {}  # run: visitor, moment, length
        for number, (who, moment, count, length) in enumerate(sorted(self.requests, key=lambda one: one[1])):
            for one in range(count):
                self.asked[f"{number}-{one}"] = (f"v{who}", moment, length)
        self.run()

    def run(self) -> None:
        training: dict[str, float] = {}
        waiting = dict(self.asked)
        served: dict[str, float] = {}
        now = 0.0
        while waiting or training:
            training = {run: end for run, end in training.items() if end > now}
            while len(training) < self.slots:
                present = [Waiting(run, (who,), since) for run, (who, since, _) in waiting.items() if since <= now]
                if not present:
                    break
                chosen = fair_order(present, Counter(self.asked[run][0] for run in training), served)[0]
                who, _, length = waiting.pop(chosen)
                training[chosen], served[who] = now + length, now
                self.starts.append((now, who, chosen))
            later = [since for _, since, _ in waiting.values() if since > now] + list(training.values())
            now = min(later, default=now)


@settings(max_examples=60, deadline=None)
@given(requests=REQUESTS)
def test_nobody_is_served_twice_while_another_waits_for_a_first_run(requests):
    day = Day(1, requests)
    assert sorted(run for _, _, run in day.starts) == sorted(day.asked)
    for place, (moment, who, run) in enumerate(day.starts):
        before = [start for start in day.starts[:place] if start[1] == who]
        head = max(day.asked[run][1], before[-1][0] if before else 0.0)
        # From when it was this visitor's turn to wait until the run began, each other visitor was served once at most.
        others = Counter(other for begun, other, _ in day.starts[:place] if other != who and begun > head)
        assert all(count <= 1 for count in others.values()), (head, moment, others)


@settings(max_examples=40, deadline=None)
@given(requests=REQUESTS, slots=st.integers(1, 3))
def test_each_visitors_own_runs_keep_their_order_and_no_slot_is_idle(requests, slots):
    day = Day(slots, requests)
    places = list(day.asked)
    for who in {entry[0] for entry in day.asked.values()}:
        own = [places.index(run) for _, one, run in day.starts if one == who]
        assert own == sorted(own)


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=40, unique=True))
def test_with_one_run_each_it_is_first_come_first_served(moments):
    waiting = [Waiting(f"{moment}", (f"v{moment}",), moment) for moment in sorted(moments)]
    assert fair_order(waiting, {}, {}) == [run.id for run in waiting]


def test_many_runs_of_one_let_a_second_visitor_through_at_once():
    greedy = [Waiting(f"a{number}", ("a",), 0.0) for number in range(50)]
    order = fair_order([*greedy, Waiting("b0", ("b",), 10.0), Waiting("b1", ("b",), 10.0)], {"a": 1}, {"a": 5.0})
    assert order[:4] == ["b0", "a0", "b1", "a1"]


def test_a_run_that_several_want_comes_with_the_first_of_them():
    waiting = [Waiting("a0", ("a",), 0.0), Waiting("a1", ("a",), 0.0), Waiting("both", ("a", "b"), 0.0)]
    assert fair_order(waiting, {}, {}) == ["a0", "both", "a1"]


def test_without_visitors_the_order_is_that_of_asking():
    waiting = [Waiting(f"{number}", (), float(number)) for number in range(9)]
    assert fair_order(waiting, {}, {}) == [run.id for run in waiting]


def test_the_wait_of_each_is_what_a_simulation_of_the_slots_gives():
    assert forecast(["a", "b", "c"], {"a": 10.0, "b": 20.0, "c": 5.0}, [4.0], 1) == {
        "a": Wait(1, 4.0), "b": Wait(2, 14.0), "c": Wait(3, 34.0),
    }  # fmt: skip
    assert forecast(["a", "b"], {"a": 10.0, "b": None}, [4.0], 2) == {"a": Wait(1, 0.0), "b": Wait(2, 4.0)}
    assert forecast(["a"], {}, [None], 1) == {"a": Wait(1, None)}


@pytest.mark.parametrize("slots", [1, 2, 3])
def test_the_forecast_agrees_with_the_day(slots):
    requests = [(who, 0.0, 1, 1.0 + who) for who in range(6)]
    day = Day(slots, requests)
    order = [run for _, _, run in day.starts]
    waits = forecast(order, {run: length for run, (_, _, length) in day.asked.items()}, [], slots)
    assert [waits[run].seconds for run in order] == [begun for begun, _, _ in day.starts]
