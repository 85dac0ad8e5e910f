"""What holds for the project as a whole: no way in for pickles, and a set-up that says what is wrong."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CODE_FOLDERS = ("tlcore", "ui", "pages", "benchmarks")
PICKLE_MODULES = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}


def code_files() -> list[Path]:
    return [ROOT / "app.py", *(path for folder in CODE_FOLDERS for path in sorted((ROOT / folder).rglob("*.py")))]


def pickles_in(source: str) -> list[str]:
    """The calls and imports in a file by which a pickle could get in."""
    found = []
    for node in ast.walk(ast.parse(source)):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
            if node.module == "torch" and any(alias.name == "load" for alias in node.names):
                found.append("from torch import load")
        found += [f"import {name}" for name in names if name.split(".")[0] in PICKLE_MODULES]
        if isinstance(node, ast.Call):
            call = ast.unparse(node.func)
            keywords = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
            if call == "torch.load" and keywords.get("weights_only") != "True":
                found.append(ast.unparse(node))
            if "allow_pickle" in keywords and keywords["allow_pickle"] != "False":
                found.append(ast.unparse(node))
            if call in ("pd.read_pickle", "pandas.read_pickle"):
                found.append(ast.unparse(node))
    return found


@pytest.mark.parametrize("path", code_files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_no_pickle_gets_in(path: Path):
    assert pickles_in(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from pickle import loads",
        "import joblib",
        "import torch\ntorch.load(path)",
        "import torch\ntorch.load(path, weights_only=False)",
        "from torch import load",
        "import numpy as np\nnp.load(path, allow_pickle=True)",
        "import pandas as pd\npd.read_pickle(path)",
    ],
)
def test_a_pickle_would_be_found(source: str):
    assert pickles_in(source)


@pytest.mark.parametrize(
    "source", ["import torch\ntorch.load(path, weights_only=True)", "import numpy as np\nnp.load(path)"]
)
def test_safe_loading_is_let_through(source: str):
    assert pickles_in(source) == []


def folder_of_interpreters(folder: Path, **scripts: str) -> str:
    """A PATH with the tools make needs and these scripts as interpreters."""
    folder.mkdir()
    for tool in ("bash", "sh", "awk", "touch", "rm", "make", "env"):
        found = shutil.which(tool)
        if found:
            (folder / tool).symlink_to(found)
    for name, script in scripts.items():
        path = folder / name.replace("_", ".")
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
    return str(folder)


def make(folder: Path, path: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PATH": path, "LC_ALL": "C"}
    for name in [name for name in environment if name.startswith("MAKE") or name in ("MFLAGS", "PYTHON", "PIP_FLAGS")]:
        del environment[name]
    return subprocess.run(["make", *arguments], cwd=folder, env=environment, capture_output=True, text=True)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder, with a space in its name, that holds nothing but what installing needs."""
    folder = tmp_path / "a lab"
    folder.mkdir()
    shutil.copy(ROOT / "Makefile", folder)
    (folder / "requirements.txt").write_text("")
    (folder / "requirements-dev.txt").write_text("-r requirements.txt\n")
    return folder


needs_make = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


@needs_make
def test_interpreters_that_fail_are_passed_over(checkout: Path, tmp_path: Path):
    path = folder_of_interpreters(
        tmp_path / "bin", python3_12="exit 127", python3_11=f'exec "{sys.executable}" "$@"', python3="exit 1"
    )
    answer = make(checkout, path, ".venv/.installed")
    assert answer.returncode == 0, answer.stderr
    assert "bin/python3.11" in answer.stdout
    assert (checkout / ".venv/bin/python").exists()
    again = make(checkout, path, ".venv/.installed")
    assert "up to date" in again.stdout, "the second time nothing is installed"
    later = (checkout / ".venv/.installed").stat().st_mtime + 5
    os.utime(checkout / "requirements.txt", (later, later))
    assert "pip" in make(checkout, path, "-n", ".venv/.installed").stdout, "changed requirements are installed"


@needs_make
def test_without_a_python_it_says_so_in_one_sentence(checkout: Path, tmp_path: Path):
    path = folder_of_interpreters(tmp_path / "bin", python3="exit 1", python="exec false")
    answer = make(checkout, path, "run")
    assert answer.returncode == 2
    sentences = [line for line in answer.stderr.splitlines() if not line.startswith("make")]
    assert len(sentences) == 1
    assert sentences[0].startswith("The lab needs Python 3.11 or 3.12")
    assert not (checkout / ".venv").exists()


@needs_make
def test_make_alone_lists_the_targets():
    answer = make(ROOT, os.environ["PATH"])
    assert {"run", "test", "lint", "gallery", "clean"} <= set(re.findall(r"make (\w+)", answer.stdout))


@needs_make
def test_a_lab_of_ones_own_is_reached_from_its_own_machine_alone():
    assert "--server.address=127.0.0.1" in make(ROOT, os.environ["PATH"], "-n", "run").stdout
    assert "--server.address=0.0.0.0" in make(ROOT, os.environ["PATH"], "-n", "run", "ADDRESS=0.0.0.0").stdout
