"""Which weights came from where: the runs before and after a run."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from tlcore.runs.store import Store

MOST_RUNS = 60
MOST_GENERATIONS = 12


@dataclass(frozen=True)
class Arrow:
    """Weights of `origin` went into `run`. kind: "run" for its final weights, "checkpoint" for a fork of it."""

    origin: str
    run: str
    kind: str


@dataclass(frozen=True)
class Lineage:
    """Runs by generation, the earliest 0, and the arrows between them. left_out: how many more there are."""

    generations: dict[str, int]
    arrows: tuple[Arrow, ...]
    left_out: int = 0


def lineage(store: Store, run_ids: Iterable[str], more: Iterable[Arrow] = ()) -> Lineage:
    """What these runs came from and what came from them, as far as it goes.

    more: arrows that the store does not know, of recorded runs.

    Raises:
        StoreError: the store cannot be read.
    """
    others = list(more)
    wanted = list(dict.fromkeys(run_ids))
    known, arrows = dict.fromkeys(wanted), dict[tuple[str, str], Arrow]()
    for before in (True, False):
        newest = wanted
        for _ in range(MOST_GENERATIONS):
            found = _arrows(store, newest, before=before)
            near = set(newest)
            found += [arrow for arrow in others if (arrow.run if before else arrow.origin) in near]
            arrows |= {(arrow.origin, arrow.run): arrow for arrow in found}
            ends = dict.fromkeys(arrow.origin if before else arrow.run for arrow in found)
            newest = [end for end in ends if end not in known]
            known |= dict.fromkeys(newest)
            if not newest:
                break
    kept = set(list(known)[:MOST_RUNS])
    shown = tuple(arrow for arrow in arrows.values() if arrow.origin in kept and arrow.run in kept)
    return Lineage(_generations(kept, shown), shown, len(known) - len(kept))


def _arrows(store: Store, run_ids: list[str], *, before: bool) -> list[Arrow]:
    column = "run" if before else "origin"
    # What a run came from is part of its spec; what came of it is told only where that run is in sight.
    seen = "" if before else f"AND run IN (SELECT id FROM runs WHERE {store.present})"
    rows = store.database.rows(
        f"SELECT origin, run, kind FROM origins WHERE {column} IN (SELECT value FROM json_each(?)) {seen} ORDER BY run",
        json.dumps(run_ids),
    )
    return [Arrow(row["origin"], row["run"], row["kind"]) for row in rows]


def _generations(runs: Iterable[str], arrows: Iterable[Arrow]) -> dict[str, int]:
    """How many arrows lead to each run at most."""
    generations = dict.fromkeys(sorted(runs), 0)
    arrows = list(arrows)
    for _ in range(2 * MOST_GENERATIONS):  # arrows never lead in a circle: identities are hashes of what came before
        changed = False
        for arrow in arrows:
            if generations[arrow.run] <= generations[arrow.origin]:
                generations[arrow.run], changed = generations[arrow.origin] + 1, True
        if not changed:
            break
    return generations
