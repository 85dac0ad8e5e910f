"""A Streamlit server and a Chromium for the tests that look at what a person sees."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest

from tests.browser.waiting import PATIENCE_SECONDS
from tlcore.execution.local import LocalExecutor
from tlcore.runs import Store

ROOT = Path(__file__).resolve().parents[2]
# Debian's shell without windows of its own opens a page in two thirds of the time of the whole browser.
BROWSER_PLACES = ("/usr/bin/chromium-headless-shell", "/usr/bin/chromium")
BROWSER_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
BROWSER_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
]
LOG_END = 4000  # characters that are printed of a server's log


def find_chromium() -> str | None:
    """The Chromium named by TLCORE_CHROMIUM, or the system's own. Playwright's download needs the internet."""
    named = os.environ.get("TLCORE_CHROMIUM")
    if named:
        return named
    found = (place for place in BROWSER_PLACES if Path(place).is_file())
    return next(found, None) or next((path for name in BROWSER_NAMES if (path := shutil.which(name))), None)


def _missing(reason: str) -> None:
    """Without a browser there is nothing to see: skip at home, fail where every test must run."""
    if os.environ.get("CI"):
        pytest.fail(f"{reason}; with CI set this is a failure")
    pytest.skip(reason)


@pytest.fixture(scope="session")
def browser() -> Iterator[object]:
    """One Chromium for all tests."""
    path = find_chromium()
    if path is None:
        _missing("no Chromium found: install it or name it in TLCORE_CHROMIUM")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        _missing("playwright is not installed")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=BROWSER_FLAGS)
        yield chromium
        chromium.close()


def visitor(browser: object, **wishes: object) -> object:
    """A browser of somebody's own, as patient as a busy machine needs."""
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 1000}, "color_scheme": "light", **wishes})
    context.set_default_timeout(1000 * PATIENCE_SECONDS)
    return context


FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let fixtures know whether their test failed."""
    report = yield
    if report.when == "call":
        item.stash[FAILED] = report.failed
    return report


@pytest.fixture
def page(request: pytest.FixtureRequest, browser: object) -> Iterator[object]:
    """A fresh page, as a new visitor would have it who wants less motion: painting films takes an eighth of the time.

    A module that says `MOVES = True` gets what moves by itself; a test can ask for it with `let_move`. Where the test
    fails, what the page shows is printed, and what its server wrote last.
    """
    context = visitor(browser, reduced_motion="no-preference" if getattr(request.module, "MOVES", False) else "reduce")
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    try:
        if request.node.stash.get(FAILED, False):
            print(f"{page.url} shows:\n{page.locator('body').inner_text(timeout=5000)}")
            print("\n".join(["its scripts complain:", *complaints]))
            log = next((log for address, log in LOGS.items() if page.url.startswith(address)), None)
            if log is not None:
                print(f"its server wrote last:\n{log.read_text(errors='replace')[-LOG_END:]}")
    finally:
        context.close()


def let_move(page: object) -> None:
    """From now on what moves by itself does."""
    page.emulate_media(reduced_motion="no-preference")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def store_of(address: str) -> Store:
    """The store of the server at this address, to see what really happened."""
    return Store(SERVED[address])


SERVED: dict[str, Path] = {}
LOGS: dict[str, Path] = {}
PROCESSES: dict[str, int] = {}


@pytest.fixture(scope="module")
def app_server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., str]]:
    """Start scripts with Streamlit: `app_server()` for the lab itself, `app_server(path)` for another script.

    A module that says `TRAINS = False` needs no processes that train: several servers share two cores.
    Returns the address; the same script is started once for a test module. Its store is an empty folder.
    """
    running: dict[Path, tuple[subprocess.Popen[bytes], str]] = {}
    stores: list[Path] = []

    def start(script: str | Path = "app.py", **environment: str) -> str:
        path = ROOT / script
        if path in running:
            return running[path][1]
        folder = tmp_path_factory.mktemp("server")
        stores.append(folder / "store")
        port = _free_port()
        log = folder / "log.txt"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "streamlit", "run", str(path)),
                    *("--server.headless", "true", "--server.port", str(port), "--server.address", "127.0.0.1"),
                ],
                cwd=ROOT,
                env={
                    **os.environ,
                    "TLCORE_STORE": str(folder / "store"),
                    "TLCORE_READY": "1" if getattr(request.module, "TRAINS", True) else "0",
                    "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])),
                    **environment,
                },
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        address = f"http://127.0.0.1:{port}"
        running[path] = (process, address)
        SERVED[address], LOGS[address] = folder / "store", log
        PROCESSES[address] = process.pid
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            if process.poll() is not None:
                break
            try:
                with urllib.request.urlopen(f"{address}/_stcore/health", timeout=1) as answer:
                    if answer.status == 200 and process.poll() is None:  # else another server has that port
                        return address
            except OSError:
                time.sleep(0.1)
        raise RuntimeError(f"Streamlit did not start:\n{log.read_text(errors='replace')}")

    yield start
    for process, _ in running.values():
        process.terminate()
    for process, _ in running.values():
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    for folder in stores:
        if folder.is_dir():
            LocalExecutor(Store(folder)).shutdown()  # the supervisor outlives the server on purpose
            # One that was only being started holds no lock by which it could be found.
            subprocess.run(["pkill", "-f", str(folder)], check=False)
