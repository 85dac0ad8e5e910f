"""What stands on a run as its code and its command makes that very run: both are executed, in a store of their own."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

from tlcore.execution.local import LocalExecutor
from tlcore.gallery import recorded
from tlcore.presets import all_presets
from tlcore.runs import Store
from tlcore.runs.bundle_reading import read_bundle
from tlcore.specs import override
from ui import runs_actions, runs_reach

PRESET = all_presets()["domain-adversarial/moons"]
ROOT = Path(__file__).resolve().parents[2]


def test_this_run_in_python_and_in_the_terminal(tmp_path: Path, monkeypatch, request) -> None:
    monkeypatch.setenv("TLCORE_STORE", str(tmp_path / "seen"))
    seen = Store(tmp_path / "seen")
    spec = override(PRESET.arms, {"seed": 3, "steps": 20, "lambda_max": 0.5})["dann"]
    run = seen.require(seen.add(spec, preset=PRESET.identity, arm="dann"))
    experiment = runs_reach.experiment_of(run)
    assert experiment is not None
    # Plotly opens a browser and waits until it has fetched the figure: here something that fetches and shows nothing.
    browser = tmp_path / "browser"
    fetch = "import sys, urllib.request; urllib.request.urlopen(sys.argv[1]).read()"
    browser.write_text(f"#!/bin/sh\n'{sys.executable}' -c '{fetch}' \"$1\" &\n")
    browser.chmod(0o755)
    environment = os.environ | {
        "TLCORE_STORE": str(tmp_path / "store"), "PLOTLY_RENDERER": "browser", "BROWSER": str(browser),
        "PYTHONPATH": str(ROOT),
    }  # fmt: skip

    def done(*words: str) -> str:
        ended = subprocess.run(
            words, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300, check=False
        )
        assert ended.returncode == 0, ended.stderr[-2000:]
        return ended.stdout

    request.addfinalizer(lambda: LocalExecutor(Store(tmp_path / "store")).shutdown())
    told = done(sys.executable, "-c", runs_actions._python(experiment, run))
    assert "target_accuracy" in told and (tmp_path / "film.html").stat().st_size > 10_000
    made = Store(tmp_path / "store")
    again = done(sys.executable, "-c", runs_actions._python(experiment, run))
    assert again == told, "pasted once more in the same folder"
    assert [(one.id, one.state) for one in made.runs()] == [(run.id, "finished")]

    _, *words = shlex.split(runs_actions._terminal(experiment, run))
    (again,) = json.loads(done(sys.executable, *words, "--json"))["runs"]
    assert again["id"] == run.id
    assert again["metrics"]["target_accuracy"] == made.require(run.id).summary["target_accuracy"]


def test_the_commands_that_stand_on_a_recorded_run(tmp_path: Path) -> None:
    shipped = recorded(PRESET.identity)
    assert shipped is not None
    run = shipped.runs()[0]
    environment = os.environ | {"TLCORE_STORE": str(tmp_path / "store"), "PYTHONPATH": str(ROOT)}
    told = []
    for line in runs_actions._commands(run).splitlines():
        _, *words = shlex.split(line)
        ended = subprocess.run(
            [sys.executable, *words], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300,
            check=False,
        )  # fmt: skip
        assert ended.returncode == 0, ended.stderr[-2000:]
        told.append(ended.stdout)
    assert run.id in told[0] and read_bundle((tmp_path / "run.tlrun.zip").read_bytes()).identity == run.id
