"""The doctor where the lab cannot be imported: another Python, packages that are missing, hidden or too old."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from tlcore import installation

ROOT = Path(__file__).resolve().parents[2]
REQUIREMENTS = installation.wanted((ROOT / "requirements.txt").read_text())
HIDDEN = ("streamlit", "umap", "torchjd", "plotly", "matplotlib")
HOOK = f"""
import sys
class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {HIDDEN!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Hidden())
"""


def doctor(*options: str, folder: Path, command: str = "doctor", **changes: str) -> subprocess.CompletedProcess[str]:
    """The doctor as `python -m tlcore` starts it, in an interpreter with these options."""
    script = (
        f"import runpy, sys; sys.path.insert(0, {str(ROOT)!r}); "
        f"sys.argv = ['tlcore', {command!r}, '--store', {str(folder)!r}]; "
        "runpy.run_module('tlcore', run_name='__main__', alter_sys=True)"
    )
    if command == "list":
        script = script.replace(f", '--store', {str(folder)!r}", "")
    return subprocess.run(
        [sys.executable, *options, "-c", script], capture_output=True, text=True, timeout=300,
        env={**os.environ, "TLCORE_DATA": str(folder / "data"), **changes}, cwd=folder,
    )  # fmt: skip


@pytest.mark.parametrize("options", [["-S"], ["-I", "-S"]], ids=" ".join)
def test_without_any_package_it_says_what_is_missing_and_what_to_run(options, tmp_path):
    answer = doctor(*options, folder=tmp_path)
    assert answer.returncode == 1 and answer.stderr == ""
    python, packages, lab = answer.stdout.splitlines()
    assert python.startswith("ok  python: 3.") and packages.startswith("BAD packages: not installed: streamlit, torch,")
    assert all(name in packages for name, _ in REQUIREMENTS)
    assert "make run" in packages and ("-m pip install -r" in packages or ".venv/bin/python" in packages)
    assert lab.startswith("BAD lab: ") and "platformdirs" in lab


def test_packages_that_are_hidden_are_named_and_the_rest_is_looked_at(tmp_path):
    (tmp_path / "hook").mkdir()
    (tmp_path / "hook" / "sitecustomize.py").write_text(HOOK)
    answer = doctor(folder=tmp_path, PYTHONPATH=str(tmp_path / "hook"))
    assert answer.returncode == 1 and "Traceback" not in answer.stderr
    assert "BAD packages: not installed: streamlit, matplotlib, plotly, torchjd, umap-learn;" in answer.stdout
    assert "BAD imports: cannot be imported: streamlit" in answer.stdout
    assert "ok  torch" in answer.stdout and "ok  store" in answer.stdout


def test_other_commands_say_in_one_line_where_to_ask(tmp_path):
    answer = doctor("-S", folder=tmp_path, command="list")
    assert answer.returncode == 1 and answer.stdout == ""
    assert answer.stderr.count("\n") == 1 and "python -m tlcore doctor" in answer.stderr


def test_what_a_version_of_python_is_told():
    marks = {
        version: installation.python_finding(version)[0]
        for version in ((2, 7, 18), (3, 6, 0), (3, 10, 99), (3, 11, 0), (3, 12, 9), (3, 13, 0), (4, 0, 0))
    }
    assert list(marks.values()) == [installation.BAD] * 3 + [installation.OK] * 2 + [installation.WARNING] * 2
    assert "3.10.99 is too old: install Python 3.11 or 3.12" in installation.python_finding((3, 10, 99))[2]
    assert "newer" in installation.python_finding((3, 13, 0))[2]


def test_an_old_python_is_not_told_of_packages_and_a_newer_one_is_no_failure(capsys):
    assert not installation.report((3, 9, 2))
    assert capsys.readouterr().out.splitlines() == [
        "BAD python: 3.9.2 is too old: install Python 3.11 or 3.12, and start the lab with it"
    ]
    assert installation.report((3, 13, 1))
    assert [line[:3] for line in capsys.readouterr().out.splitlines()] == ["!! ", "ok "]


@pytest.mark.parametrize("name", ["__init__.py", "__main__.py", "installation.py"])
def test_an_old_python_can_read_what_comes_before_the_check(name):
    source = (ROOT / "tlcore" / name).read_text()
    tree = ast.parse(source, feature_version=(3, 6))
    imported = {
        alias.name if isinstance(node, ast.Import) else node.module
        for node in tree.body
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    assert imported <= {"importlib.util", "os", "re", "sys", "typing", "tlcore"}, "the standard library alone"


def test_every_line_is_understood_and_found_here():
    lines = [line for line in (ROOT / "requirements.txt").read_text().splitlines() if line and line[0] != "#"]
    assert [f"{name}{specifier}" for name, specifier in REQUIREMENTS] == lines
    assert all(installation.is_there(name) for name, _ in REQUIREMENTS), "MODULES lacks a name"
    assert installation.packages_finding()[0] == installation.OK


def test_lines_of_all_kinds():
    text = "a>=1\n# c\n-r other.txt\nb[extra] ~= 1.2 # why\nc; python_version < '3'\nd @ https://e\n\nf (>=2,<3)\ng"
    assert installation.wanted(text) == [("a", ">=1"), ("b", "~= 1.2"), ("f", ">=2,<3"), ("g", "")]


def test_a_package_that_is_too_old_is_named_with_both_versions(monkeypatch):
    monkeypatch.setattr(installation, "requirements_text", lambda: "numpy>=999\nplatformdirs>=1")
    mark, _, text = installation.packages_finding()
    assert mark == installation.BAD
    assert text.startswith(f"numpy is {metadata.version('numpy')} instead of >=999; ") and "platformdirs" not in text


def test_a_lab_without_its_requirements_says_so(monkeypatch, tmp_path):
    monkeypatch.setattr(installation, "ROOT", str(tmp_path))
    monkeypatch.setattr(installation, "DISTRIBUTION", "no-such-distribution-at-all")
    assert installation.packages_finding()[0] == installation.WARNING


@pytest.mark.parametrize(
    ("version", "specifier", "good"),
    [
        ("1.0", ">=1", True), ("1.10", ">=1.9", True), ("1.9", ">=1.10", False), ("2.0rc1", ">=2.0", False),
        ("2.0.dev3", ">=2.0", False), ("2.0.dev3", ">=2.0rc1", False), ("2.0b2", ">2.0b1", True),
        ("0.5.9.post2", ">=0.5.9.post2", True), ("0.5.9", ">=0.5.9.post2", False), ("0.5.12", ">=0.5.9.post2", True),
        ("2.14.1+cu130", ">=2.11", True), ("2.14.1+cu130", ">=2.11,<2.14", False), ("3.1", "!=3.1", False),
        ("1.4.5", "~=1.4", True), ("2.0", "~=1.4", False), ("1.4.5", "~=1.4.2", True), ("1.5", "~=1.4.2", False),
        ("1.0", "==1", True), ("1.0", "==1.*", True), ("odd", ">=1", True), ("1", "", True),
    ],
)  # fmt: skip
def test_versions(version, specifier, good):
    assert installation.satisfies(version, specifier) is good
