"""Who may know whom: the contracts in pyproject.toml, and what really gets imported."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SLOW = ("torch", "torchvision", "sklearn", "umap", "numba")
COMPUTE_PACKAGES = ("analysis", "data", "methods", "networks", "projection", "training")
WORKER_MODULES = (
    "answer",
    "batch_fit",
    "checkpoint_files",
    "forkserver",
    "machine",
    "projector",
    "recorder",
    "spare",
    "start",
    "training",
    "worker",
)


def contract(identity: str) -> dict:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    return next(found for found in contracts if found["id"] == identity)


def modules_of(package: str) -> list[str]:
    folder = ROOT / package.replace(".", "/")
    names = {path.stem for path in folder.glob("*.py") if not path.stem.startswith("__")}
    names |= {path.parent.name for path in folder.glob("*/__init__.py")}
    return [f"{package}.{name}" for name in sorted(names)]


def web_side() -> list[str]:
    """Every module that the web process may import: all but the compute side."""
    engine = [name for name in modules_of("tlcore") if name.rsplit(".", 1)[-1] not in (*COMPUTE_PACKAGES, "execution")]
    execution = [name for name in modules_of("tlcore.execution") if name.rsplit(".", 1)[-1] not in WORKER_MODULES]
    return ["ui", *engine, *execution]


def test_contracts_are_kept():
    answer = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert answer.returncode == 0, answer.stdout


def test_every_module_stands_on_one_side():
    """A module that is new belongs to the web side, unless this file says that only workers import it."""
    named = set(contract("web")["source_modules"])
    wanted = set(web_side())
    assert named == wanted, (
        f"pyproject.toml lacks {sorted(wanted - named)} and names in vain {sorted(named - wanted)} (contract 'web')"
    )


@pytest.fixture(scope="module")
def loaded_by_web_side() -> set[str]:
    """Top-level packages in a fresh interpreter once everything on the web side has been imported."""
    modules = [*modules_of("ui"), "tlcore", *(name for name in web_side() if name != "ui")]
    for package in ("tlcore.presets", "tlcore.runs", "tlcore.plots", "tlcore.specs"):
        modules += modules_of(package)
    script = (
        "import importlib, json, sys\n"
        f"for name in {modules!r}: importlib.import_module(name)\n"
        "print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))"
    )
    answer = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr
    return set(ast.literal_eval(answer.stdout.splitlines()[-1]))


def test_web_side_loads_nothing_slow(loaded_by_web_side: set[str]):
    assert loaded_by_web_side.isdisjoint(SLOW)
    assert "tlcore" in loaded_by_web_side


def test_engine_loads_no_streamlit():
    modules = ["tlcore", *(name for name in web_side() if name != "ui")]
    script = "import importlib, sys\n" + f"for name in {modules!r}: importlib.import_module(name)\n"
    script += "sys.exit('streamlit' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], cwd=ROOT).returncode == 0


def imported_by(path: Path) -> set[str]:
    """Every module that a file imports anywhere in it; `from a import b` counts as `a` and `a.b`."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


@pytest.mark.parametrize(
    "path", [ROOT / "app.py", *sorted((ROOT / "pages").glob("*.py"))], ids=lambda path: str(path.relative_to(ROOT))
)
def test_pages_import_only_the_web_side(path: Path):
    compute = {f"tlcore.{name}" for name in COMPUTE_PACKAGES if name != "analysis"} | {
        f"tlcore.execution.{name}" for name in WORKER_MODULES
    }
    for name in imported_by(path):
        assert name.split(".")[0] not in SLOW, f"{path.name} imports {name}"
        assert not any(name == module or name.startswith(f"{module}.") for module in compute), (
            f"{path.name} imports {name}, which is for workers"
        )
