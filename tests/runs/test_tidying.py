"""Who has gone leaves nothing; who comes back, or has signed in, keeps everything."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tlcore.cli import main
from tlcore.errors import MissingData
from tlcore.runs import Store
from tlcore.runs.labels import UNDO_SECONDS
from tlcore.runs.service import Service
from tlcore.runs.tidying import DAY, Tidied, clear_up
from tlcore.runs.visitors import Visitor, VisitorStore
from tlcore.specs import Budget, RunSpec

GONE, HERE, SIGNED_IN, CURIOUS = (letter * 32 for letter in "abcd")


def run_of(store: Store, visitor: str, seed: int) -> str:
    run = VisitorStore(store, Visitor(visitor)).add(RunSpec(budget=Budget(steps=10), seed=seed))
    store.change(run, state="finished")
    return run


@pytest.fixture
def visited(store: Store) -> Store:
    """A store with a stranger who has gone, one who is here, one who only looked, and somebody who has signed in."""
    ann = "ann@school.edu"
    for visitor, name, days in ((GONE, None, 40), (HERE, None, 1), (SIGNED_IN, ann, 400), (CURIOUS, None, 40)):
        VisitorStore(store, Visitor(visitor, name=name)).note_visit()
        with store.database.transaction() as connection:
            seen = "UPDATE visitors SET last_seen = ? WHERE id = ?"
            connection.execute(seen, (time.time() - days * DAY, visitor))
    return store


def known(store: Store) -> set[str]:
    return {row["id"] for row in store.database.rows("SELECT id FROM visitors")}


def test_strangers_who_have_gone_leave_with_their_runs_and_data(visited: Store) -> None:
    theirs, shared, kept = run_of(visited, GONE, 1), run_of(visited, GONE, 2), run_of(visited, SIGNED_IN, 3)
    assert run_of(visited, HERE, 2) == shared
    gone = VisitorStore(visited, Visitor(GONE))
    gone.rename(theirs, "mine")
    assert gone.claim_data("pictures")
    removed: list[str] = []
    assert clear_up(visited, 30, removed.append) == Tidied(runs=2, data=1, strangers=2)
    assert removed == ["pictures"] and known(visited) == {HERE, SIGNED_IN}
    assert {run.id for run in visited.runs()} == {shared, kept}
    assert gone.own_data() == set() and visited.database.rows("SELECT * FROM labels") == []
    assert clear_up(visited, 30, removed.append) == Tidied()


def test_what_trains_or_cannot_be_removed_waits_for_the_next_time(visited: Store) -> None:
    run = run_of(visited, GONE, 1)
    visited.change(run, state="running")
    gone = VisitorStore(visited, Visitor(GONE))
    assert gone.claim_data("pictures")

    def fail(name: str) -> None:
        raise MissingData("It is in use.")

    assert clear_up(visited, 30, fail) == Tidied(strangers=1), "the one who only looked"
    assert GONE in known(visited) and gone.own_data() == {"pictures"} and gone.get(run) is not None
    visited.change(run, state="finished")
    assert clear_up(visited, 30, lambda name: None) == Tidied(runs=1, data=1, strangers=1)
    assert GONE not in known(visited)


def test_what_was_deleted_goes_although_its_visitor_does_not_come_back(
    visited: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = run_of(visited, HERE, 1)
    VisitorStore(visited, Visitor(HERE)).discard([run])
    assert clear_up(visited, 0, lambda name: None) == Tidied(), "it can still be brought back"
    late = time.time() + UNDO_SECONDS + 1
    monkeypatch.setattr(time, "time", lambda: late)
    assert clear_up(visited, 0, lambda name: None) == Tidied(deleted=1)
    assert visited.get(run) is None and known(visited) == {GONE, HERE, SIGNED_IN, CURIOUS}, "0 days: strangers are kept"


def test_in_the_terminal(visited: Store, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    run_of(visited, GONE, 1)
    monkeypatch.setattr("tlcore.execution.priority.yield_to_others", lambda: None)
    assert main(["tidy", "--store", str(visited.folder)]) == 0
    assert "not hosted" in capsys.readouterr().out and len(visited.runs()) == 1
    Path(visited.folder / "hosted.toml").write_text("[limits]\ndays_kept = 30\n")
    assert main(["tidy", "--store", str(visited.folder)]) == 0
    assert capsys.readouterr().out == (
        "2 strangers forgotten, 1 runs and 0 data sets of theirs given up, 0 deleted runs removed for good.\n"
    )
    assert visited.runs() == [] and Service(visited.database).visitors().every == 2
