"""The lab from Python."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import tlcore
from tlcore import api
from tlcore.api import Result, ResultRun
from tlcore.errors import InvalidRequest, RunFailed
from tlcore.execution.local import LocalExecutor
from tlcore.runs import Store

CHANGES = {"steps": 40, "evaluations": 2, "frames": 2, "probe_points": 40}
PRESET = "domain-adversarial/moons"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("store")
    yield folder
    LocalExecutor(Store(folder)).shutdown()


def test_run_gives_metrics_and_summary(folder):
    told = []
    result = tlcore.run(
        PRESET, seeds=2, seed=5, changes=CHANGES, arms=["dann", "source_only"], store=folder,
        progress=lambda names, runs: told.append(tuple(run.state for run in runs)),
    )  # fmt: skip
    assert result.metrics[["arm", "seed"]].to_records(index=False).tolist() == [
        ("source_only", 5), ("dann", 5), ("source_only", 6), ("dann", 6),
    ]  # fmt: skip
    by_arm = result.metrics.groupby("arm")["target_accuracy"]
    for arm, metrics in result.summary.items():
        assert metrics["target_accuracy"]["mean"] == pytest.approx(by_arm.mean()[arm])
        assert metrics["target_accuracy"]["sd"] == pytest.approx(by_arm.std()[arm])
    assert told[-1] == ("finished",) * 4
    assert [run.id for run in result.runs] == [run.id for run in result.store.runs()]


def test_a_failed_run_is_an_error_with_its_reason(folder):
    with pytest.raises(RunFailed, match=r"dann, seed 0, failed: .*mps"):
        tlcore.run(PRESET, changes=CHANGES, arms=["dann"], seeds=1, device="mps", store=folder)


@pytest.mark.parametrize("wrong", [{"seeds": 0}, {"seed": -1}, {"arms": ["nobody"]}, {"changes": {"nothing": 1}}])
def test_wrong_requests_change_nothing(wrong, tmp_path):
    with pytest.raises(InvalidRequest):
        tlcore.run(PRESET, store=tmp_path, **wrong)
    assert not list(tmp_path.iterdir())


def test_what_an_arm_starts_from_is_an_arm_too(tmp_path, monkeypatch):
    monkeypatch.setattr(LocalExecutor, "ensure_supervisor", lambda self: None)
    monkeypatch.setattr(api, "_wait", lambda store, *rest: [run for run in store.runs() if run.arm == "fine_tune@2"])
    api.train_preset(
        "fine-tuning/few-shot-digits", arms=["fine_tune@2"], seeds=1, seed=4, changes={"steps": 30}, store=tmp_path
    )
    named = {(run.arm, run.preset, run.spec.seed) for run in Store(tmp_path).runs()}
    assert named == {(arm, "fine-tuning/few-shot-digits", 4) for arm in ("source", "fine_tune@2")}


def test_a_film_is_waited_for_until_it_is_laid_out(folder, tmp_path, monkeypatch):
    result = tlcore.run(PRESET, seeds=1, changes=CHANGES, arms=["dann"], store=folder)
    path, store = tmp_path / "film.html", result.store
    result.export(tmp_path / "first.html", arms=["dann"])
    assert store.require(result.runs[0].id).projected
    LocalExecutor(store).shutdown()  # nobody lays films out any more
    store.change(result.runs[0].id, projected=False)
    asked = []

    def lay_out(self: LocalExecutor) -> None:
        asked.append(self)
        if len(asked) == 3:
            store.change(result.runs[0].id, projected=True)

    monkeypatch.setattr(LocalExecutor, "ensure_supervisor", lay_out)
    result.export(path, arms=["dann"])
    assert len(asked) == 3 and path.stat().st_size > 10_000
    store.change(result.runs[0].id, projected=False)
    with pytest.raises(InvalidRequest, match=r"exists already; force=True replaces it\.$"):
        result.export(path, arms=["dann"])
    result.export(tmp_path / "curves.csv", arms=["dann"])
    assert len(asked) == 3, "curves need no film"
    monkeypatch.setattr(api, "FILM_PATIENCE_SECONDS", 0.3)
    result.export(path, arms=["dann"], force=True)
    assert len(asked) > 3


def test_figures_that_are_no_numbers_are_left_out_of_the_summary(tmp_path):
    runs = tuple(
        ResultRun(str(seed), "arm", seed, "finished", None, 1.0, {"good": 0.5, "mixed": value})
        for seed, value in enumerate([0.25, float("nan")])
    )
    result = Result("page/preset", "cpu", 1.0, runs, Store(tmp_path))
    assert result.summary["arm"]["good"] == {"mean": 0.5, "sd": 0.0, "n": 2}
    assert result.summary["arm"]["mixed"] == {"mean": 0.25, "sd": None, "n": 1}
    assert result.document()["runs"][1]["metrics"]["mixed"] is None


def test_importing_the_package_is_light():
    code = "import tlcore, sys; assert not {'torch', 'pydantic', 'numpy', 'plotly'} & set(sys.modules); tlcore.run"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_unknown_attributes_are_named():
    with pytest.raises(AttributeError, match="nothing"):
        _ = tlcore.nothing
