"""Bundles and metrics in the terminal, and runs for MLflow."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pyarrow.parquet
import pytest

from tlcore.cli import main
from tlcore.errors import InvalidRequest, StoreError
from tlcore.exports import Source, content_of, tracking
from tlcore.runs import Store


def test_out_and_in_by_the_terminal(
    recorded: Callable[..., Source], tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    store, run = recorded()
    file, other = tmp_path / "run.tlrun.zip", tmp_path / "other"
    words = ["export", run.id, "--format", "bundle", "--output", str(file), "--store", str(store.folder)]
    assert main([*words, "--without-weights"]) == 0
    assert main(["import", str(file), "--store", str(other)]) == 0
    assert capsys.readouterr().out.strip() == run.id
    assert Store(other).require(run.id).spec == run.spec
    file.write_bytes(file.read_bytes()[:-40])
    assert main(["import", str(file), "--store", str(tmp_path / "third")]) == 2
    assert "cannot be imported" in capsys.readouterr().err
    assert main(["import", str(tmp_path / "none"), "--store", str(other)]) == 2


def test_metrics_as_parquet(pair: list[Source]):
    table = pyarrow.parquet.read_table(io.BytesIO(content_of(pair, "metrics-parquet")))
    rows = table.to_pylist()
    expected = sum(len(series.steps) for store, run in pair for series in store.metrics(run.id).values())
    assert len(rows) == expected
    row = next(row for row in rows if row["metric"] == "target_accuracy" and row["step"] == 10)
    assert (row["run"], row["value"]) == (pair[0].run.id, 0.6)
    assert [run["id"] for run in json.loads(table.schema.metadata[b"runs"])] == [source.run.id for source in pair]


class FakeClient:
    """As much of MLflow's client as is used, in memory."""

    def __init__(self) -> None:
        self.made: dict[str, dict] = {}

    def get_experiment_by_name(self, name: str) -> None:
        return None

    def create_experiment(self, name: str) -> str:
        return "1"

    def search_runs(self, experiments: list[str], query: str, max_results: int) -> list[SimpleNamespace]:
        return [
            SimpleNamespace(info=SimpleNamespace(run_id=name, status=run["status"] or "RUNNING"))
            for name, run in self.made.items()
            if run["tags"]["tlcore.run"] in query
        ][:max_results]

    def create_run(self, experiment: str, start_time: int, tags: dict) -> SimpleNamespace:
        name = f"m{len(self.made)}"
        self.made[name] = {"tags": tags, "metrics": [], "params": [], "status": None}
        return SimpleNamespace(info=SimpleNamespace(run_id=name))

    def log_batch(self, name: str, metrics: list = (), params: list = (), tags: list = ()) -> None:
        assert len(metrics) <= 1000 and len(params) <= 100
        self.made[name]["metrics"] += metrics
        self.made[name]["params"] += params

    def set_terminated(self, name: str, status: str, end_time: int) -> None:
        self.made[name]["status"] = status


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> FakeClient:
    client = FakeClient()
    package, part, entities = ModuleType("mlflow"), ModuleType("mlflow.tracking"), ModuleType("mlflow.entities")
    part.MlflowClient = lambda: client
    for name in ("Metric", "Param", "RunTag"):
        setattr(entities, name, lambda *values: values)
    for module in (package, part, entities):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(tracking.importlib.util, "find_spec", lambda name: object())
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "file:/nowhere")
    return client


def test_runs_are_logged_once_with_parameters_and_curves(pair: list[Source], client: FakeClient):
    assert tracking.tracking_available()
    names = tracking.log_to_mlflow(pair)
    assert tracking.log_to_mlflow(pair) == names and len(client.made) == 2
    made = client.made[names[0]]
    assert made["status"] == "FINISHED" and made["tags"]["tlcore.run"] == pair[0].run.id
    assert ("method.name", "source_only") in made["params"]
    assert [(name, value, step) for name, value, _, step in made["metrics"] if name == "target_accuracy"] == [
        ("target_accuracy", 0.5, 0), ("target_accuracy", 0.6, 10), ("target_accuracy", 0.7, 20),
    ]  # fmt: skip


def test_a_run_that_broke_off_half_way_is_logged_anew(
    pair: list[Source], client: FakeClient, monkeypatch: pytest.MonkeyPatch
):
    log_batch = client.log_batch

    def break_off(name: str, metrics: list = (), **more: list) -> None:
        if metrics:
            raise ConnectionError("gone")
        log_batch(name, **more)

    monkeypatch.setattr(client, "log_batch", break_off)
    for _ in range(2):
        with pytest.raises(StoreError, match="gone"):
            tracking.log_to_mlflow(pair[:1])
    monkeypatch.setattr(client, "log_batch", log_batch)
    (name,) = tracking.log_to_mlflow(pair[:1])
    assert client.made[name]["status"] == "FINISHED" and client.made[name]["metrics"]
    assert tracking.log_to_mlflow(pair[:1]) == [name] and len(client.made) == 3


def test_a_server_that_fails_is_one_sentence(pair: list[Source], client: FakeClient, monkeypatch: pytest.MonkeyPatch):
    def fail(name: str) -> None:
        raise ConnectionError("refused\nby the server")

    monkeypatch.setattr(client, "get_experiment_by_name", fail)
    with pytest.raises(StoreError, match="MLflow did not take the run: refused"):
        tracking.log_to_mlflow(pair)


def test_without_an_address(pair: list[Source], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert not tracking.tracking_available()
    with pytest.raises(InvalidRequest, match="MLFLOW_TRACKING_URI"):
        tracking.log_to_mlflow(pair)
