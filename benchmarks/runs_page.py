"""How long the library of runs takes with many runs: `python -m benchmarks.runs_page [--runs 10000]`.

Fills a store with synthetic rows (real specs, other seeds, names, tags, summaries) and measures what the Runs page asks
(the first page, filters, searches, sorting), and in a real Chromium how long the page itself takes to open and to
filter. Writes the table into docs/benchmarks.md. Aim: 1 s to open the page, 200 ms for a filter.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import platform
import random
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from benchmarks.pages import PAGE, write
from tlcore.execution.local import LocalExecutor
from tlcore.gallery import recorded
from tlcore.presets import all_presets
from tlcore.runs import Store
from tlcore.runs.library import Library, Wanted
from tlcore.runs.usage import usage

BEGIN, END = "<!-- runs page: begin -->", "<!-- runs page: end -->"
BROWSER = os.environ.get("TLCORE_CHROMIUM", "/usr/bin/chromium")
BUSY = (
    "The machine was busy with other work (load {:.0f}): times are upper bounds, and processor time is about what is "
    "left of them on a quiet one."
)
# Milliseconds from the next Enter key to another count of runs, on the page's own clock.
UNTIL_TOLD = r"""before => { window.told = new Promise((tell) => {
  let begin = null;
  const count = () => [...document.querySelectorAll("[data-testid=stCaptionContainer]")]
    .map((caption) => caption.textContent.trim()).find((text) => /^\d.* of [\d,]+ runs?$/.test(text));
  const watch = new MutationObserver(() => {
    const now = count();
    if (begin === null || !now || now === before.trim()) return;
    watch.disconnect();
    requestAnimationFrame(() => tell(performance.now() - begin));
  });
  addEventListener("keydown", () => { begin = performance.now(); }, { once: true, capture: true });
  watch.observe(document.body, { subtree: true, childList: true, characterData: true });
}); }"""
COUNTED = re.compile(r"^\d.* of [\d,]+ runs?$")


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
            labels.append((store.visitor, identity, f"series {number // 50} run {number}", "a note", number % 15 == 0))
            tags += [(store.visitor, identity, tag) for tag in (f"tag{number % 7}", f"group{number % 40}")]
    with store.database.transaction() as connection:
        connection.executemany(
            "INSERT INTO runs (id, spec, method, preset, arm, seed, state, created, step, steps, summary, seconds) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows,
        )  # fmt: skip
        connection.executemany("INSERT INTO labels (visitor, run, name, note, starred) VALUES (?, ?, ?, ?, ?)", labels)
        connection.executemany("INSERT OR IGNORE INTO tags VALUES (?, ?, ?)", tags)


Times = tuple[float, float, float]


def timed(action: Callable[[], object], repeats: int = 7) -> Times:
    """Milliseconds of the first time, the median of the others, and that of their processor time in this process."""
    times, work = [], []
    for _ in range(repeats):
        begin, began = time.perf_counter(), time.process_time()
        action()
        times.append(1000 * (time.perf_counter() - begin))
        work.append(1000 * (time.process_time() - began))
    return *summed_up(times)[:2], statistics.median(work[1:])


def summed_up(times: list[float]) -> Times:
    """The first of several times, the median of the others, and no processor time of this process."""
    return times[0], statistics.median(times[1:]), 0.0


def asked_of_the_library(store: Store) -> Iterator[tuple[str, Times]]:
    """What is asked, and what it takes."""
    shipped = [found for name in all_presets() if (found := recorded(name)) is not None]
    library = Library(store, shipped, {name: preset.title for name, preset in all_presets().items()})
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
    yield "recorded runs read, once a server", timed(lambda: Library(store, shipped))
    yield "choices of the filters", timed(library.choices)
    yield "disk use", timed(lambda: usage(store))
    for what, query in wanted.items():
        yield f"count and page: {what}", timed(lambda query=query: library.page(query))
    yield "page 300 of the newest", timed(lambda: library.page(Wanted(), offset=7500))


def in_the_browser(address: str) -> Iterator[tuple[str, Times]]:
    """The page in Chromium: seconds count from the navigation, or from the Enter key, to the new count of runs."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox", "--disable-gpu"])
        page = chromium.new_page()

        def opened() -> None:
            page.goto(f"{address}/runs")
            page.get_by_text(COUNTED).first.wait_for()

        def told(text: str) -> float:
            search = page.get_by_role("textbox", name="Search")
            search.fill(text)
            page.evaluate(UNTIL_TOLD, page.get_by_text(COUNTED).first.inner_text())
            search.press("Enter")
            return float(page.evaluate("window.told"))

        texts = itertools.cycle(["series 12", "series 13 run", "group5", "tag3"])
        yield "Chromium: the page opened", timed(opened)
        yield "Chromium: a filter, from Enter to the new table", summed_up([told(next(texts)) for _ in range(13)])
        chromium.close()


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The lab over the store in this folder; yields its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.headless=true", f"--server.port={port}"]
    server = subprocess.Popen(words, env=os.environ | {"TLCORE_STORE": str(folder)}, stdout=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        while server.poll() is None:
            with suppress(OSError), urllib.request.urlopen(f"{address}/_stcore/health", timeout=1):
                break
            time.sleep(0.1)
        yield address
    finally:
        server.terminate()
        server.wait()


def main() -> None:
    """Fill a store, measure, write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--without-browser", action="store_true", help="measure the library alone")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        store = Store(folder)
        fill(store, options.runs)
        rows = list(asked_of_the_library(store))
        if not options.without_browser:
            with served(Path(folder)) as address:
                rows += in_the_browser(address)
            LocalExecutor(store).shutdown()
    lines = []
    for what, (first, median, work) in rows:  # what a browser makes the server do is not this process's work
        mine = "–" if what.startswith("Chromium") else f"{work:,.0f}"
        lines.append(f"| {what} | {first:,.0f} | {median:,.0f} | {mine} |")
    head = ["| asked | first, ms | then, ms (median) | of it processor time, ms |", "| --- | ---: | ---: | ---: |"]
    table = "\n".join([*head, *lines])
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    words = f"{options.runs:,} runs in the store and the recorded ones beside them; {os.cpu_count()} cores, Python "
    busy = f" {BUSY.format(load)}" if load > 2 * (os.cpu_count() or 1) else ""
    text = f"{words}{platform.python_version()}.{busy}\n\n{table}"
    write(text, PAGE, BEGIN, END, "The page of all runs")
    print(table)


if __name__ == "__main__":
    main()
