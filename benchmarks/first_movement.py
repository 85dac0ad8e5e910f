"""When the home page first moves: `python -m benchmarks.first_movement [--servers 3] [--visits 4] [--write]`.

Starts a server anew, opens the home page in a real Chromium that has shown a page before, as several visitors one after
another, each with an empty cache, and reads on the page's own clock when a film of the map has first changed since the
page was asked for. The first visitor of a server also waits for what it loads then. Aim: 2 s.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path

from benchmarks.load.report import machine
from benchmarks.load.served import serve
from benchmarks.pages import PAGE, write
from benchmarks.runs_page import BROWSER

BEGIN, END = "<!-- first movement: begin -->", "<!-- first movement: end -->"
# The map lies in a shadow root; each of its canvases says which frame it shows.
WATCH = """
const shown = new Map();
const canvases = (root) => [...root.querySelectorAll("*")].flatMap(
  (node) => [...(node.matches("a.tile canvas") ? [node] : []), ...(node.shadowRoot ? canvases(node.shadowRoot) : [])]);
const look = () => {
  for (const canvas of canvases(document)) {
    const position = canvas.dataset.position;
    if (position === undefined) continue;
    if (shown.has(canvas) && shown.get(canvas) !== position) { window.moved = performance.now(); return; }
    shown.set(canvas, position);
  }
  requestAnimationFrame(look);
};
requestAnimationFrame(look);
"""


def visits(address: str, count: int) -> list[float]:
    """Seconds until the page moves, for one visitor after another."""
    from playwright.sync_api import sync_playwright

    found = []
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox", "--disable-gpu"])
        chromium.new_page().goto(f"{address}/_stcore/health")
        for _ in range(count):
            context = chromium.new_context(viewport={"width": 1280, "height": 1000})
            page = context.new_page()
            page.add_init_script(WATCH)
            page.goto(address)
            page.wait_for_function("window.moved")
            found.append(page.evaluate("window.moved") / 1000)
            context.close()
        chromium.close()
    return found


def row(who: str, times: list[float]) -> str:
    """A line of the table."""
    return f"| {who} | {len(times)} | {statistics.median(times):.2f} | {min(times):.2f} to {max(times):.2f} |"


def main() -> None:
    """Measure, print, and write if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--servers", type=int, default=3)
    parser.add_argument("--visits", type=int, default=4)
    parser.add_argument("--write", action="store_true", help="put the table into docs/benchmarks.md")
    wanted = parser.parse_args()
    where, first, later = machine(), [], []
    for _ in range(wanted.servers):
        with tempfile.TemporaryDirectory() as folder, serve(Path(folder)) as served:
            begun, *others = visits(served.address, wanted.visits)
        first.append(begun)
        later += others
    table = "\n".join([
        f"{where}.", "", "| who | visits | seconds, median | from … to |", "|---|---:|---:|---:|",
        row("the first visitor of a server that has just begun", first), row("later visitors", later),
    ])  # fmt: skip
    print(table)
    if wanted.write:
        write(table, PAGE, BEGIN, END, "The first movement of the home page")


if __name__ == "__main__":
    main()
