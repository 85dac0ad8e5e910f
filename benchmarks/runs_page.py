"""How long the library of runs takes with many runs: `python -m benchmarks.runs_page [--runs 10000]`.

Fills a store with synthetic rows (real specs, other seeds, names, tags, summaries) and prints milliseconds for what the
Runs page asks: the first page, filters, searches, sorting. Aim: 1 s to open the page, 200 ms for a filter.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import tempfile
import time
from collections.abc import Callable

from tlcore.gallery import recorded
from tlcore.presets import all_presets
from tlcore.runs import Store
from tlcore.runs.library import Library, Wanted
from tlcore.runs.usage import usage


def fill(store: Store, count: int) -> None:
    """Put `count` runs into the store, spread over presets, arms and seeds."""
    chance = random.Random(0)
    arms = [(preset.identity, arm, spec) for preset in all_presets().values() for arm, spec in preset.arms.items()]
    documents = [json.loads(spec.canonical_json()) for _, _, spec in arms]
    rows, labels, tags = [], [], []
    for number in range(count):
        preset, arm, spec = arms[number % len(arms)]
        seed = number // len(arms)
        document = json.dumps(documents[number % len(arms)] | {"seed": seed}, sort_keys=True, separators=(",", ":"))
        identity = f"{chance.getrandbits(64):016x}"
        summary = json.dumps({"target_accuracy": chance.random(), "source_accuracy": chance.random()})
        state = chance.choice(["finished"] * 8 + ["stopped", "failed"])
        now = 1_790_000_000 + 60 * number
        rows.append((identity, document, spec.method.name, preset, arm, seed, state, now, 100, 100, summary, 60.0))
        if number % 5 == 0:
            labels.append((identity, f"series {number // 50} run {number}", "a note", number % 15 == 0))
            tags += [(identity, f"tag{number % 7}"), (identity, f"group{number % 40}")]
    with store.database.transaction() as connection:
        connection.executemany(
            "INSERT INTO runs (id, spec, method, preset, arm, seed, state, created, step, steps, summary, seconds) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows,
        )  # fmt: skip
        connection.executemany("INSERT INTO labels (run, name, note, starred) VALUES (?, ?, ?, ?)", labels)
        connection.executemany("INSERT OR IGNORE INTO tags VALUES (?, ?)", tags)


def timed(what: str, action: Callable[[], object], repeats: int = 7) -> None:
    """Print the first time and the median of the others, in milliseconds."""
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        action()
        times.append(1000 * (time.perf_counter() - begin))
    print(f"{what:42} first {times[0]:7.1f} ms   median {statistics.median(times[1:]):7.1f} ms")


def main() -> None:
    """Fill a store, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--keep", help="fill the store in this folder and keep it, to open the page on it")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        store = Store(options.keep or folder)
        fill(store, options.runs)
        shipped = [found for name in all_presets() if (found := recorded(name)) is not None]
        library = Library(store, shipped)
        wanted = {
            "newest": Wanted(),
            "one preset": Wanted(presets=["domain-adversarial/moons"]),
            "arm, state, seed": Wanted(arms=["dann"], states=["finished"], seeds=[3]),
            "tag": Wanted(tags=["tag3"]),
            "starred": Wanted(starred=True),
            "text": Wanted(text="series 12"),
            "text that nothing holds": Wanted(text="zebra"),
            "by metric": Wanted(sort="metric"),
            "by name": Wanted(sort="name", descending=False),
        }
        timed("shipped runs read", lambda: Library(store, shipped))
        timed("choices of the filters", library.choices)
        timed("disk use", lambda: usage(store))
        for what, query in wanted.items():
            timed(f"count and page: {what}", lambda query=query: (library.count(query), library.entries(query)))
        timed("page 300 of the newest", lambda: library.entries(Wanted(), offset=7500))


if __name__ == "__main__":
    main()
