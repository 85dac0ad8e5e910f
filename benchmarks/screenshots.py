"""The pictures of the pages in the README and the guides: `python -m benchmarks.screenshots [NAME …]`.

Opens every page in Chromium over an empty store, so that recorded runs are shown, waits until it has settled, and
writes docs/images/NAME.png with few colours, so that all of them together stay small.
"""

from __future__ import annotations

import argparse
import io
import tempfile
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from benchmarks.runs_page import BROWSER, served
from tlcore.execution.local import LocalExecutor
from tlcore.runs import Store

FOLDER = Path(__file__).parents[1] / "docs" / "images"
WIDTH, COLOURS = 1280, 255
PATIENCE = 120_000  # milliseconds
SETTLED = """() => ![...document.querySelectorAll('[data-stale=true], [data-testid=stSkeleton]')].length"""
PLAYER, TILE, CHART, TABLE = "[data-frame-count]", "a.tile canvas", ".js-plotly-plot", "[data-testid=stDataFrame]"


@dataclass(frozen=True)
class Shot:
    """One picture. path: the page with its address. awaited: what must be there. height: of the window."""

    path: str
    awaited: str
    height: int = 900


SHOTS = {
    "home": Shot("", TILE, 980),
    "fine_tuning": Shot("fine_tuning", CHART, 1000),
    "layer_transfer": Shot("layer_transfer", CHART, 1000),
    "multitask": Shot("multitask", PLAYER, 1000),
    "domain_adversarial": Shot("domain_adversarial?preset=photo-digits&step=4000", PLAYER),
    "moons": Shot("domain_adversarial?preset=moons&step=1500", PLAYER),
    "lecture": Shot("domain_adversarial?preset=photo-digits&step=4000&lecture=1", PLAYER, 720),
    "zero_shot": Shot("zero_shot?step=300", PLAYER, 1000),
    "self_taught": Shot("self_taught", PLAYER, 1000),
    "runs": Shot("runs", TABLE),
    "data": Shot("data", ".tl-head", 1000),
}


def take(page: Page, address: str, shot: Shot) -> bytes:
    """The picture of a page that has come to rest, as PNG."""
    page.set_viewport_size({"width": WIDTH, "height": shot.height})
    page.goto(f"{address}/{shot.path}")
    page.locator(shot.awaited).first.wait_for(timeout=PATIENCE)
    page.wait_for_load_state("networkidle", timeout=PATIENCE)
    page.wait_for_function(SETTLED, timeout=PATIENCE)
    page.wait_for_timeout(4000)  # charts glide into place
    picture = Image.open(io.BytesIO(page.screenshot(animations="disabled"))).convert("RGB")
    buffer = io.BytesIO()
    picture.quantize(COLOURS, dither=Image.Dither.NONE).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def main() -> None:
    """Take the pictures that are named, or all whose page exists."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(SHOTS)}")
    names = parser.parse_args().names or list(SHOTS)
    with tempfile.TemporaryDirectory() as folder, served(Path(folder)) as address, sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox", "--disable-gpu"])
        # Without motion, films rest where the address says, and the map on its last frames.
        context = chromium.new_context(color_scheme="light", reduced_motion="reduce")
        for name in names:
            page = context.new_page()
            content = take(page, address, SHOTS[name])
            page.close()
            (FOLDER / f"{name}.png").write_bytes(content)
            print(f"{name}: {len(content) / 1024:.0f} kB")
        chromium.close()
        LocalExecutor(Store(folder)).shutdown()


if __name__ == "__main__":
    main()
