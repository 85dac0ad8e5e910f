"""The walk through adding a method works: its blocks are carried out in a copy of the lab, which then trains it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tlcore.execution.local import LocalExecutor
from tlcore.runs import Store

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "add_a_method.md"
BLOCK = re.compile(r"^```(?P<kind>\w+) file=(?P<file>\S+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
COPIED = ("tlcore", "ui", "pages", "tests", "app.py", "pyproject.toml")
SECONDS = 300


def changed(text: str, difference: str) -> str:
    """A file after a block of lines that stay (" "), go ("-") and come ("+"); their place is found by what they say."""
    lines = difference.splitlines()
    before = "\n".join(line[1:] for line in lines if line[:1] in " -")
    after = "\n".join(line[1:] for line in lines if line[:1] in " +")
    assert text.count(before) == 1, f"not exactly once in the file:\n{before}"
    return text.replace(before, after)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy of the lab in which the page's blocks have been carried out."""
    folder = tmp_path_factory.mktemp("walk")
    leave_out = shutil.ignore_patterns("__pycache__", "*.sqlite", "browser")
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=leave_out)
        else:
            shutil.copy(source, folder / name)
    blocks = [*BLOCK.finditer(PAGE.read_text(encoding="utf-8"))]
    assert {block["kind"] for block in blocks} == {"python", "diff"}
    for block in blocks:
        file = folder / block["file"]
        if block["kind"] == "python":
            assert not file.exists(), f"{block['file']} is there already"
            file.write_text(block["text"], encoding="utf-8")
        else:
            file.write_text(changed(file.read_text(encoding="utf-8"), block["text"]), encoding="utf-8")
    yield folder
    LocalExecutor(Store(folder / "store")).shutdown()


def run_in(folder: Path, *words: str) -> str:
    environment = os.environ | {"PYTHONPATH": str(folder), "TLCORE_STORE": str(folder / "store")}
    done = subprocess.run(
        [sys.executable, *words], cwd=folder, env=environment, capture_output=True, text=True, timeout=SECONDS
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def test_the_new_method_trains_by_the_terminal(copy: Path) -> None:
    words = ["-m", "tlcore", "run", "entropy/moons", "--arm", "entropy", "--set", "weight=0.3", "--set", "steps=20"]
    document = json.loads(run_in(copy, *words, "--json"))
    (run,) = document["runs"]
    assert run["arm"] == "entropy" and 0 <= run["metrics"]["target_accuracy"] <= 1


def test_its_tests_pass_and_those_of_all_specs_and_presets_take_it_in(copy: Path) -> None:
    tests = ["tests/methods/test_entropy.py", "tests/presets/test_presets.py"]
    told = run_in(copy, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests)
    assert " passed" in told and "failed" not in told


def test_its_page_opens(copy: Path) -> None:
    script = (
        "from streamlit.testing.v1 import AppTest\n"
        "from tlcore.execution.local import LocalExecutor\n"
        "LocalExecutor.ensure_supervisor = lambda self: None\n"
        "test = AppTest.from_file('pages/entropy.py', default_timeout=120).run()\n"
        "assert not test.exception, test.exception\n"
        "assert [button.label for button in test.button if button.label == 'Train']\n"
    )
    run_in(copy, "-c", script)


def test_the_code_is_in_the_style_of_the_house(copy: Path) -> None:
    files = [block["file"] for block in BLOCK.finditer(PAGE.read_text(encoding="utf-8")) if block["kind"] == "python"]
    run_in(copy, "-m", "ruff", "check", *files)
    run_in(copy, "-m", "ruff", "format", "--check", *files)
