"""The library of runs: filtered, searched, sorted, counted and paged by SQLite, without reading a single spec.

Runs that ship with the lab lie in files of their own. They are few, so they are handed to the query as JSON and take
part in it like any other; one that the store holds itself is not listed twice.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tlcore.errors import InvalidRequest
from tlcore.runs.database import folded
from tlcore.runs.store import Store

_COLUMNS = "id, method, preset, arm, seed, state, created, ended, seconds, step, steps, summary, parent, provenance"
_SEARCHED = "id, method, preset, arm, seed, state, created"  # all in the index `runs_listing`: no fat row is read
_ORDERED_BY = {"duration": "seconds", "metric": "summary"}  # what an order needs besides
_SEARCHED_IN = (  # what people write knows more letters than names of the lab
    "id", "folded(coalesce(name, ''))", "folded(coalesce(note, ''))", "coalesce(preset, '')",
    "folded(coalesce(title, ''))", "coalesce(arm, '')", "method",
)  # fmt: skip
_LABELS = "LEFT JOIN labels ON labels.visitor = :visitor AND labels.run = every.id"
_TITLED = "WITH titles (titled, title) AS MATERIALIZED (SELECT key, value FROM json_each(:titles))"
_TITLES = "LEFT JOIN titles ON titled = every.preset"
MAIN_METRICS = ("target_accuracy", "unseen_accuracy", "adjusted_mutual_information")  # the first that a run has
_EXTRACTED = ", ".join(f"json_extract(summary, :metric_{place})" for place in range(len(MAIN_METRICS)))
# JSON knows no NaN; Python writes it all the same, and SQLite would not read another figure beside it.
_READABLE = "replace(replace(replace(summary, ': NaN', ': null'), ': Infinity', ': null'), ': -Infinity', ': null')"
_METRIC = (
    f"CASE WHEN json_valid(summary) THEN coalesce({_EXTRACTED}) "
    f"WHEN json_valid({_READABLE}) THEN coalesce({_EXTRACTED.replace('summary', _READABLE)}) END"
)
SORTINGS = {
    "created": "created", "name": "coalesce(name, title, preset, method) COLLATE NOCASE", "preset": "preset",
    "arm": "arm", "seed": "seed", "state": "state", "duration": "seconds", "metric": _METRIC,
    "starred": "coalesce(starred, 0)",
}  # fmt: skip
MOST_WORDS = 100
METRICS_READ = 200  # of so many of the newest runs the names of the metrics are known


@dataclass(frozen=True)
class Wanted:
    """Which runs are wanted, and in which order. Empty fields ask for nothing.

    text: every word of it must occur in identity, name, note, a tag, preset and its title, arm or method. origin:
    "own", "recorded" or both ("" or "all"). metric: whose last value is shown and sorted by; empty for each run's main
    one.
    """

    text: str = ""
    presets: Sequence[str] = ()
    arms: Sequence[str] = ()
    states: Sequence[str] = ()
    seeds: Sequence[int] = ()
    tags: Sequence[str] = ()
    starred: bool = False
    origin: str = ""
    metric: str = "target_accuracy"
    sort: str = "created"
    descending: bool = True


@dataclass(frozen=True)
class Entry:
    """One run in the library. Times are seconds since 1970; metric: the last value of the metric asked for, or None."""

    id: str
    method: str
    preset: str | None
    arm: str | None
    seed: int
    state: str
    created: float
    ended: float | None
    seconds: float
    step: int
    steps: int
    parent: str | None
    recorded: bool
    imported: bool
    name: str | None
    note: str | None
    starred: bool
    tags: tuple[str, ...]
    metric: float | None


@dataclass(frozen=True)
class Page:
    """Some of the runs that are wanted. offset: how many lie before them; total: how many there are in all."""

    entries: tuple[Entry, ...]
    offset: int
    total: int


@dataclass(frozen=True)
class Choices:
    """What can be filtered by."""

    presets: tuple[str, ...]
    arms: tuple[str, ...]
    seeds: tuple[int, ...]
    tags: tuple[str, ...]
    metrics: tuple[str, ...]


class Library:
    """Every run of a store, and behind them those that ship with the lab."""

    def __init__(self, store: Store, shipped: Iterable[Store] = (), titles: Mapping[str, str] | None = None) -> None:
        """titles: what presets are called; a run without a name is found, and put in order, by that of its preset."""
        self.store = store
        self.titles = dict(titles or {})
        self._titles = json.dumps(self.titles)
        query = f"SELECT {_COLUMNS} FROM runs"
        rows = [dict(row) for recorded in shipped for row in recorded.database.rows(query)]
        self._shipped_rows = list({row["id"]: row for row in reversed(rows)}.values())  # called as by the first preset
        self._shipped: dict[str, str] = {}  # as JSON, by columns: SQLite reads all of it for every query
        self._choices: tuple[tuple[Any, ...], Choices] | None = None

    def page(self, wanted: Wanted, *, limit: int = 25, offset: int = 0) -> Page:
        """Some of the runs that are wanted, in their order, and how many there are in all.

        Where the offset lies behind the last one, the last page is given.

        Raises:
            InvalidRequest: there is no such order.
            StoreError: the store cannot be read.
        """
        if wanted.sort not in SORTINGS:
            raise InvalidRequest(f"Runs cannot be sorted by '{wanted.sort}'; choose one of {', '.join(SORTINGS)}.")
        where, values = self._where(wanted)
        direction = "DESC" if wanted.descending else "ASC"
        columns = ", ".join([_SEARCHED, *([_ORDERED_BY[wanted.sort]] if wanted.sort in _ORDERED_BY else [])])
        everything = f"FROM ({self._all(columns)}) AS every {_LABELS} {_TITLES} {where}"
        query = (  # counted and ordered in one pass
            f"{_TITLED} SELECT id, count(*) OVER () AS total {everything} "
            f"ORDER BY {SORTINGS[wanted.sort]} {direction} NULLS LAST, created DESC, id LIMIT :limit OFFSET :offset"
        )
        values |= {"shipped": self._shipped_with(columns), "titles": self._titles}
        rows = self._rows(query, values | {"limit": limit, "offset": offset})
        if not rows and offset:
            total = int(self._rows(f"{_TITLED} SELECT count(*) {everything}", values)[0][0])
            return self.page(wanted, limit=limit, offset=(total - 1) // limit * limit if total else 0)
        total = rows[0]["total"] if rows else 0
        return Page(tuple(self.named([row["id"] for row in rows], wanted.metric)), offset, total)

    def named(self, run_ids: Sequence[str], metric: str = "target_accuracy") -> list[Entry]:
        """The entries of these runs, in this order; those that are not there are left out."""
        shipped = [row for row in self._shipped_rows if row["id"] in set(run_ids)]
        values = self._values(metric) | {"ids": json.dumps(list(run_ids)), "shipped": json.dumps(shipped)}
        here = "id IN (SELECT value FROM json_each(:ids))"
        query = (
            f"SELECT every.*, name, note, coalesce(starred, 0) AS starred, {_METRIC} AS metric "
            f"FROM ({self._all(_COLUMNS, here)}) AS every {_LABELS}"
        )
        found = {entry.id: entry for entry in self._with_tags([_entry(row) for row in self._rows(query, values)])}
        return [found[run_id] for run_id in run_ids if run_id in found]

    def title(self, entry: Entry) -> str:
        """What a run is called: its name, else the title of its preset and its arm."""
        preset = self.titles.get(entry.preset or "", entry.preset)
        return entry.name or " · ".join(part for part in (preset, entry.arm or entry.method) if part)

    def choices(self) -> Choices:
        """What there is to filter by; read anew only when a run has come, ended or gone, or a tag."""
        state = self._state()
        if self._choices is None or self._choices[0] != state:
            self._choices = state, self._read_choices()
        return self._choices[1]

    def _state(self) -> tuple[Any, ...]:
        """What decides which choices there are, read from indices alone."""
        rows, store = self.store.database.rows, self.store
        states = rows("SELECT state, count(*), max(created) FROM runs GROUP BY state")
        present = rows(f"SELECT count(*) FROM runs WHERE {store.present}")
        tags = rows("SELECT count(*), group_concat(DISTINCT tag) FROM tags WHERE visitor = ?", store.visitor)
        return tuple(tuple(row) for row in (*states, *present, *tags))

    def _read_choices(self) -> Choices:
        present = self.store.present

        def distinct(column: str) -> list[Any]:
            query = f"SELECT DISTINCT {column} FROM runs WHERE {column} IS NOT NULL AND {present}"
            rows = self.store.database.rows(query)
            shipped = [row[column] for row in self._shipped_rows if row[column] is not None]
            return sorted({row[0] for row in rows} | set(shipped))

        query = "SELECT DISTINCT tag FROM tags WHERE visitor = ? ORDER BY tag"
        tags = self.store.database.rows(query, self.store.visitor)
        names: set[str] = set()
        query = f"SELECT summary FROM runs WHERE {present} ORDER BY created DESC LIMIT ?"
        newest = self.store.database.rows(query, METRICS_READ)
        for summary in [row[0] for row in newest] + [row["summary"] for row in self._shipped_rows]:
            names |= set(json.loads(summary))
        return Choices(
            tuple(distinct("preset")), tuple(distinct("arm")), tuple(distinct("seed")), tuple(row[0] for row in tags),
            tuple(sorted(names)),
        )  # fmt: skip

    def _all(self, columns: str, condition: str = "1") -> str:
        """The query for these columns of every run."""
        present = self.store.present
        shipped = ", ".join(f"json_extract(value, '$.{name}') AS {name}" for name in columns.split(", "))
        return (
            f"SELECT {columns}, 0 AS recorded FROM runs WHERE {present} AND {condition} UNION ALL "
            f"SELECT * FROM (SELECT {shipped}, 1 AS recorded FROM json_each(:shipped)) "
            f"AS shipped WHERE {condition} AND NOT EXISTS (SELECT 1 FROM runs WHERE runs.id = shipped.id AND {present})"
        )

    def _values(self, metric: str) -> dict[str, Any]:
        names = (metric,) * len(MAIN_METRICS) if metric else MAIN_METRICS
        paths = {f"metric_{place}": '$."' + name.replace('"', "") + '"' for place, name in enumerate(names)}
        return paths | {"visitor": self.store.visitor}

    def _shipped_with(self, columns: str) -> str:
        if columns not in self._shipped:
            names = columns.split(", ")
            self._shipped[columns] = json.dumps([{name: row[name] for name in names} for row in self._shipped_rows])
        return self._shipped[columns]

    def _where(self, wanted: Wanted) -> tuple[str, dict[str, Any]]:
        conditions, values = [], self._values(wanted.metric)
        for column, chosen in (
            ("preset", wanted.presets), ("arm", wanted.arms), ("state", wanted.states), ("seed", wanted.seeds),
        ):  # fmt: skip
            if chosen:
                conditions.append(f"{column} IN (SELECT value FROM json_each(:{column}))")
                values[column] = json.dumps(list(chosen))
        if wanted.tags:  # all of them
            values["tags"], values["tag_count"] = json.dumps(list(wanted.tags)), len(set(wanted.tags))
            conditions.append(
                "id IN (SELECT run FROM tags WHERE visitor = :visitor AND tag IN (SELECT value FROM json_each(:tags)) "
                "GROUP BY run HAVING count(*) = :tag_count)"
            )
        if wanted.starred:
            conditions.append("starred = 1")
        if wanted.origin in ("own", "recorded"):
            conditions.append(f"recorded = {int(wanted.origin == 'recorded')}")
        for place, word in enumerate(words_of(wanted.text)):
            values[f"word{place}"] = "%" + "".join(f"\\{sign}" if sign in "\\%_" else sign for sign in word) + "%"
            like = f"LIKE :word{place} ESCAPE '\\'"
            written = " OR ".join(f"{field} {like}" for field in _SEARCHED_IN)
            tags = f"SELECT run FROM tags WHERE visitor = :visitor AND folded(tag) {like}"
            conditions.append(f"({written} OR id IN ({tags}))")
        return (f"WHERE {' AND '.join(conditions)}" if conditions else ""), values

    def _rows(self, query: str, values: dict[str, Any]) -> list[sqlite3.Row]:
        return self.store.database.named_rows(query, values)

    def _with_tags(self, entries: list[Entry]) -> list[Entry]:
        rows = self.store.database.rows(
            "SELECT run, tag FROM tags WHERE visitor = ? AND run IN (SELECT value FROM json_each(?)) ORDER BY tag",
            self.store.visitor, json.dumps([entry.id for entry in entries]),
        )  # fmt: skip
        tags: dict[str, list[str]] = {}
        for row in rows:
            tags.setdefault(row["run"], []).append(row["tag"])
        return [replace(entry, tags=tuple(tags.get(entry.id, ()))) for entry in entries]


def words_of(text: str) -> list[str]:
    """The words that somebody looks for, each once, great and small letters alike.

    Raises:
        InvalidRequest: there are too many.
    """
    words = list(dict.fromkeys(folded(text).split()))
    if len(words) > MOST_WORDS:
        raise InvalidRequest(f"Runs are searched for at most {MOST_WORDS} words, not {len(words):,}.")
    return words


def _entry(row: sqlite3.Row) -> Entry:
    metric = row["metric"]
    return Entry(
        id=row["id"], method=row["method"], preset=row["preset"], arm=row["arm"], seed=row["seed"], state=row["state"],
        created=row["created"], ended=row["ended"], seconds=row["seconds"], step=row["step"], steps=row["steps"],
        parent=row["parent"], recorded=bool(row["recorded"]), imported='"imported"' in row["provenance"],
        name=row["name"], note=row["note"], starred=bool(row["starred"]), tags=(),
        metric=float(metric) if isinstance(metric, (int, float)) else None,
    )  # fmt: skip
