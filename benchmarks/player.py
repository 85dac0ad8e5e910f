"""Frames a second and the longest task of the player in Chromium with software rendering, at several numbers of points.

Run as `python -m benchmarks.player`; needs what the tests need (Playwright and a Chromium, see TLCORE_CHROMIUM). The
standalone page of a film made up here is opened from disk and played while Chromium's own trace is recorded. The table
replaces the one between the marks in docs/benchmarks.md unless `--output -` sends it to the terminal alone.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.pages import PAGE, write
from tlcore.player.film import Curve, Panel, film_message
from tlcore.player.message import Ledger
from tlcore.player.standalone import standalone
from tlcore.plots.style import palette_payload
from tlcore.runs.records import Frame, Probe

BEGIN, END = "<!-- player: written by benchmarks/player.py -->", "<!-- end of player -->"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
FILMS = ((2_000, 2, 60), (10_000, 1, 30), (10_000, 2, 30), (50_000, 1, 12))  # points, panels, frames
WARM_UP_SECONDS, TRACED_SECONDS = 1.0, 4.0


def film(points: int, panels: int, frames: int) -> tuple[list[Panel], Probe]:
    """Ten classes that draw apart while two domains draw together."""
    generator = np.random.default_rng(0)
    labels = (np.arange(points) % 10).astype(np.int16)
    domains = (np.arange(points) >= points // 2).astype(np.int8)
    noise, centres = generator.normal(size=(points, 2)), generator.normal(size=(10, 2)) * 6
    steps = np.arange(frames) * 100
    made = []
    for panel in range(panels):
        parts = []
        for number, step in enumerate(steps.tolist()):
            share = number / max(1, frames - 1)
            places = noise + centres[labels] * share + domains[:, None] * np.array([4, 2]) * (1 - share)
            parts.append(Frame(step, "umap", places.astype(np.float32), labels))
        made.append(Panel(f"run{panel}", f"Run {panel + 1}", frames=parts))
    return made, Probe(labels, domains, tuple("0123456789"))


def measure(chromium: Any, points: int, panels: int, frames: int) -> dict[str, float]:
    """Frames a second while playing, the longest task and the 95th percentile of a frame's script (milliseconds)."""
    shown, probe = film(points, panels, frames)
    steps = [frame.step for frame in shown[0].frames]
    curve = Curve("target accuracy", "target", steps, np.linspace(0, 1, frames).tolist())
    message = film_message(Ledger(), shown, probe, ["umap"], "umap", curves=[curve])
    text = standalone(
        {"umap": message}, projection="umap", title="Benchmark", lead="", palettes=palette_payload(), most_bytes=10**9
    )
    page = chromium.new_page(viewport={"width": 1440, "height": 900})
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "film.html"
        file.write_text(text, encoding="utf-8")
        start = time.perf_counter()
        page.goto(file.as_uri())
        page.wait_for_function("document.querySelector('.tl-player')?.dataset.frameCount > ''")
        opened = time.perf_counter() - start
        page.wait_for_timeout(1500)
        trace: list[dict[str, Any]] = []
        ended: list[bool] = []
        session = page.context.new_cdp_session(page)
        session.on("Tracing.dataCollected", lambda part: trace.extend(part["value"]))
        session.on("Tracing.tracingComplete", lambda _: ended.append(True))
        page.evaluate(
            "() => { window.ticks = 0; const next = () => { window.ticks += 1; requestAnimationFrame(next) }; next() }"
        )
        if page.locator(".tl-player").get_attribute("data-playing") == "true":  # it plays by itself when it is opened
            page.locator(".tl-player button.play").click()
            page.wait_for_timeout(500)
        page.keyboard.press("Home")
        page.wait_for_timeout(600)
        page.locator(".tl-player button.play").click()
        page.wait_for_timeout(1000 * WARM_UP_SECONDS)
        categories = "devtools.timeline,disabled-by-default-devtools.timeline"
        session.send("Tracing.start", {"categories": categories, "transferMode": "ReportEvents"})
        ticks, begun = page.evaluate("window.ticks"), time.perf_counter()
        page.wait_for_timeout(1000 * TRACED_SECONDS)
        drawn, seconds = page.evaluate("window.ticks") - ticks, time.perf_counter() - begun
        if page.locator(".tl-player").get_attribute("data-playing") != "true":
            raise RuntimeError("the film had ended before it was measured")
        session.send("Tracing.end")
        while not ended:
            page.wait_for_timeout(50)
    page.close()
    threads = Counter((event["pid"], event["tid"]) for event in trace if event.get("name") == "FireAnimationFrame")
    main = threads.most_common(1)[0][0]
    own = [event for event in trace if (event["pid"], event["tid"]) == main]
    tasks = [event["dur"] / 1000 for event in own if event.get("name") == "RunTask" and "dur" in event]
    scripts = [event["dur"] / 1000 for event in own if event.get("name") == "FireAnimationFrame" and "dur" in event]
    return {
        "frames a second": drawn / seconds,
        "longest task": max(tasks),
        "script": float(np.percentile(scripts, 95)),
        "opened": opened,
        "megabytes": len(text.encode()) / 1e6,
    }


def table(rows: dict[tuple[int, int, int], dict[str, float]]) -> str:
    """One row a film."""
    lines = [
        "| points | panels | frames of film | frames a second | longest task, ms | script (95 %), ms | file, MB "
        "| opened in, s |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for (points, panels, frames), found in rows.items():
        lines.append(
            f"| {points:,} | {panels} | {frames} | {found['frames a second']:.0f} | {found['longest task']:.0f} | "
            f"{found['script']:.1f} | {found['megabytes']:.1f} | {found['opened']:.2f} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Read the arguments, measure, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", default=str(PAGE), help="page to write the table into; - for none")
    arguments = parser.parse_args()
    from playwright.sync_api import sync_playwright

    path = os.environ.get("TLCORE_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        raise SystemExit("No Chromium found: install it or name it in TLCORE_CHROMIUM.")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=FLAGS)
        head = (
            f"{time.strftime('%Y-%m-%d')}, Chromium {chromium.version}, software rendering, {os.cpu_count()} cores, "
            f"window of 1,440 × 900. Load average before: {os.getloadavg()[0]:.1f}."
        )
        rows = {shape: measure(chromium, *shape) for shape in FILMS}
        chromium.close()
    text = f"{head}\n\n{table(rows)}"
    print(text)
    if arguments.output != "-":
        write(text, Path(arguments.output), BEGIN, END, "The feature-space player")


if __name__ == "__main__":
    main()
