"""The terminal: what it prints, what it writes, and with which status it ends."""

from __future__ import annotations

import csv
import functools
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from tlcore.execution.local import LocalExecutor
from tlcore.runs import Store

QUICK = ["--set", "steps=40", "--set", "evaluations=2", "--set", "frames=2", "--set", "probe_points=40"]
LONG = ["--set", "steps=200000"]
PRESET = "domain-adversarial/moons"


def tlcore(*arguments: object) -> subprocess.CompletedProcess[str]:
    answer = subprocess.run(
        [sys.executable, "-m", "tlcore", *map(str, arguments)], capture_output=True, text=True, timeout=300
    )
    assert "Traceback" not in answer.stderr
    return answer


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("store")
    yield folder
    LocalExecutor(Store(folder)).shutdown()


@pytest.fixture(scope="module")
def document(folder: Path) -> dict:
    answer = tlcore("run", PRESET, "--seeds", 2, *QUICK, "--store", folder, "--json")
    assert answer.returncode == 0, answer.stderr
    assert "finished" in answer.stderr
    return json.loads(answer.stdout)


def test_list_names_every_preset():
    answer = tlcore("list")
    assert answer.returncode == 0 and PRESET in answer.stdout
    assert PRESET in json.loads(tlcore("list", "--json").stdout)


def test_run_prints_one_json_document(document):
    assert set(document) == {"preset", "device", "seconds", "runs", "summary"}
    assert document["preset"] == PRESET and document["device"] == "cpu" and document["seconds"] > 0
    assert [(run["arm"], run["seed"]) for run in document["runs"]] == [
        (arm, seed) for seed in (0, 1) for arm in ("source_only", "dann", "train_on_target")
    ]
    for run in document["runs"]:
        assert set(run) == {"id", "arm", "seed", "seconds", "metrics"}
        assert 0 <= run["metrics"]["target_accuracy"] <= 1
    for arm, metrics in document["summary"].items():
        values = [run["metrics"]["target_accuracy"] for run in document["runs"] if run["arm"] == arm]
        figure = metrics["target_accuracy"]
        assert figure["n"] == 2
        assert figure["mean"] == pytest.approx(sum(values) / 2)
        assert figure["sd"] == pytest.approx(abs(values[0] - values[1]) / 2**0.5)


def test_one_arm_and_one_seed_come_from_the_store_without_spread(document, folder):
    answer = tlcore("run", PRESET, "--seed", 1, "--arm", "dann", *QUICK, "--store", folder, "--json")
    again = json.loads(answer.stdout)
    assert again["runs"] == [run for run in document["runs"] if (run["arm"], run["seed"]) == ("dann", 1)]
    assert again["summary"]["dann"]["target_accuracy"]["sd"] is None
    plain = tlcore("run", PRESET, "--seed", 1, "--arm", "dann", *QUICK, "--store", folder)
    assert "target_accuracy" in plain.stdout and plain.returncode == 0


def test_show(document, folder):
    run = document["runs"][0]
    shown = json.loads(tlcore("show", run["id"][:10], "--store", folder, "--json").stdout)
    assert shown["id"] == run["id"] and shown["metrics"] == run["metrics"] and shown["spec"]["budget"]["steps"] == 40
    assert run["id"] in tlcore("show", run["id"], "--store", folder).stdout


def test_export(document, folder, tmp_path):
    run_id = document["runs"][1]["id"]
    store = Store(folder)

    def export(kind: str) -> Path:
        path = tmp_path / f"run.{kind}"
        answer = tlcore("export", run_id, "--format", kind, "--output", path, "--store", folder)
        assert (answer.returncode, answer.stdout) == (0, ""), answer.stderr
        return path

    losses = store.metrics(run_id)["class_loss"]
    written = json.loads(export("json").read_text())
    assert written["curves"]["class_loss"] == {"steps": losses.steps.tolist(), "values": losses.values.tolist()}
    with export("csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {int(row["step"]): float(row["class_loss"]) for row in rows if row["class_loss"]} == dict(
        zip(losses.steps.tolist(), losses.values.tolist(), strict=True)
    )
    deadline = time.monotonic() + 90
    while not store.require(run_id).projected:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    with np.load(export("npz"), allow_pickle=False) as arrays:
        assert arrays["umap_points"].shape == arrays["pca_points"].shape == (3, 40, 2)
        assert arrays["labels"].shape == arrays["domains"].shape == (40,)
        assert arrays["pca_steps"].tolist() == [0, 20, 40]
    assert "extractor" in " ".join(load_file(export("safetensors")))
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_export_replaces_nothing_unasked(document, folder, tmp_path):
    path = tmp_path / "run.json"
    path.write_text("mine")
    command = ["export", document["runs"][0]["id"], "--format", "json", "--output", path, "--store", folder]
    answer = tlcore(*command)
    assert answer.returncode == 2 and "exists already; add --force" in answer.stderr
    assert path.read_text() == "mine"
    assert tlcore(*command, "--force").returncode == 0
    assert json.loads(path.read_text())
    answer = tlcore("export", document["runs"][0]["id"], "--format", "abacus", "--output", path, "--store", folder)
    assert answer.returncode == 2 and "safetensors" in answer.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "domain-adversarial/mooons"], "domain-adversarial/moons"),
        (["run", PRESET, "--set", "no_such=1"], "no_such"),
        (["run", PRESET, "--set", "steps"], "KEY=VALUE"),
        (["run", PRESET, "--set", "learning_rate=-1"], "learning_rate"),
        (["run", PRESET, "--arm", "nobody"], "source_only"),
        (["run", PRESET, "--seeds", "0"], "seed"),
        (["show", "ffffffff"], "no run"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(arguments, words, tmp_path):
    answer = tlcore(*arguments, "--store", tmp_path)
    assert answer.returncode == 2 and answer.stdout == ""
    assert words in answer.stderr and answer.stderr.count("\n") == 1


@pytest.mark.parametrize("arguments", [["run"], ["run", PRESET, "--device", "abacus"], ["dance"], []])
def test_bad_arguments_end_with_status_2(arguments):
    assert tlcore(*arguments).returncode == 2


def test_a_run_that_fails_ends_with_status_1(folder):
    answer = tlcore("run", PRESET, "--seed", 3, "--arm", "dann", *QUICK, "--device", "mps", "--store", folder, "--json")
    assert answer.returncode == 1
    (run,) = json.loads(answer.stdout)["runs"]
    assert run["state"] == "failed" and "mps" in run["reason"] and "mps" in answer.stderr


def test_ctrl_c_stops_the_runs(folder):
    process = subprocess.Popen(
        [sys.executable, "-m", "tlcore", "run", PRESET, "--seed", "4", "--arm", "dann", "--store", str(folder), *LONG],
        stderr=subprocess.PIPE,
        text=True,
        # What a shell starts in the background ignores Ctrl-C, and hands that on to everything below, these tests too.
        preexec_fn=functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )
    for line in process.stderr:
        if "running" in line:
            break
    process.send_signal(signal.SIGINT)
    rest = process.communicate(timeout=120)[1]
    assert process.returncode == 130 and "Traceback" not in rest
    store = Store(folder)
    deadline = time.monotonic() + 120
    while store.runs(["running", "queued"]):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert store.runs(["stopped"])


def test_stores_that_cannot_be_used(tmp_path):
    newer = Store(tmp_path / "newer")
    newer.database.connection.execute("PRAGMA user_version = 99")
    (tmp_path / "garbage").mkdir()
    (tmp_path / "garbage" / "lab.sqlite").write_bytes(b"no database at all" * 500)
    (tmp_path / "file").write_text("")
    for name, words in (("newer", "newer version"), ("garbage", "damaged"), ("file", "cannot be created")):
        for command in (["run", PRESET], ["show", "abc"], ["worker"]):
            answer = tlcore(*command, "--store", tmp_path / name)
            assert answer.returncode == 2 and words in answer.stderr, answer.stderr


def test_doctor(tmp_path):
    answer = tlcore("doctor", "--store", tmp_path)
    assert answer.returncode == 0
    for name in ("python", "torch", "disk", "store", "worker"):
        assert f"ok  {name}" in answer.stdout
    (tmp_path / "file").write_text("")
    bad = tlcore("doctor", "--store", tmp_path / "file")
    assert bad.returncode == 1 and "BAD store" in bad.stdout
