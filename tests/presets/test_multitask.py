"""The arms of the multitask experiments, and those of real attributes on files in torchvision's layout."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.data.stand_ins import BUILDERS
from tlcore.errors import InvalidRequest, MissingData
from tlcore.execution.checkpoint_files import WEIGHTS, StoredTensors, write_tensors
from tlcore.execution.start import find_beginning
from tlcore.methods.registry import METHODS
from tlcore.presets import find_preset, presets_of
from tlcore.presets.multitask import CELEBA, COMPANIONS, PROGRESSIVE, arms_of_tasks, your_table, yours_named
from tlcore.runs import Store
from tlcore.specs import Budget, ManyTasks, PyramidCnn, RunSpec, Shared, SingleTask, override
from tlcore.training.events import Metrics
from tlcore.training.preparation import prepare


def test_the_arms_are_called_as_their_page_and_readers_expect() -> None:
    names = {preset.name: list(preset.arms) for preset in presets_of("multitask")}
    assert next(iter(names)) == "two-digits" and names["many-small-tasks"] == [
        "single_task", *(f"shared@{count}" for count in COMPANIONS),
    ]  # fmt: skip
    assert {"single_column", "progressive", "fine_tune_all", "fine_tune_output", "random_column"} <= set(
        names["progressive"]
    )


@pytest.mark.parametrize("preset", presets_of("multitask"), ids=lambda preset: preset.name)
def test_shared_and_single_networks_have_the_same_budget(preset: object) -> None:
    runs: list[RunSpec] = [spec for spec in preset.arms.values() if isinstance(spec.data, ManyTasks)]  # type: ignore[attr-defined]
    for spec in runs:
        for other in runs:
            same = (other.optimisation, other.budget, other.datasets())
            assert (spec.optimisation, spec.budget, spec.datasets()) == same
        assert isinstance(spec.method, Shared | SingleTask)
        assert (len(spec.data.tasks) == 1) == isinstance(spec.method, SingleTask)  # type: ignore[union-attr]


def test_the_third_column_starts_from_the_second_and_this_from_the_first() -> None:
    third, second = PROGRESSIVE.arms["third_progressive"], PROGRESSIVE.arms["progressive"]
    assert third.dependencies() == (second,) and second.dependencies() == (PROGRESSIVE.arms["first_column"],)
    assert third.data.source == second.data.target  # type: ignore[union-attr]
    shorter = override(PROGRESSIVE.arms, {"budget.steps": 7})
    assert shorter["third_progressive"].dependencies() == (shorter["progressive"],)


def test_own_tables_are_named_by_their_data_and_tasks() -> None:
    name = yours_named("pets", ("mood", "label"))
    assert name == "your-table@pets,mood,label" and find_preset(f"multitask/{name}") is your_table(name)
    assert your_table(name).arms["single_task_label"].data.tasks == ("label",)  # type: ignore[union-attr]
    for wrong in (
        "your-table@pets",
        "your-table@pets," + ",".join("abcdefghi"),
        "your-table@a/b,c",
        "your-table@a,b.c",
    ):
        with pytest.raises(InvalidRequest, match="own table is called"):
            your_table(wrong)


def test_attributes_of_faces_are_learned_from_files_as_torchvision_lays_them_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TLCORE_DATA", str(tmp_path))
    data = CELEBA.arms["shared"].datasets()[0].model_copy(update={"side": 16, "limit": 0})
    budget = Budget(steps=2, batch_size=8, evaluations=1, frames=1, probe_points=20)
    spec = arms_of_tasks(data, ("Smiling", "Young"), PyramidCnn(channels=4), budget)["shared"]
    with pytest.raises(MissingData, match="CelebA is not complete"):
        prepare(spec, device=torch.device("cpu"), precision=torch.float32)
    BUILDERS["celeba"](tmp_path)
    prepared = prepare(spec, device=torch.device("cpu"), precision=torch.float32)
    assert prepared.probe.class_names == ("no", "yes") and prepared.probe.others[0].task == "Young"
    scores: dict[str, float] = {}
    for event in METHODS["shared"](spec, prepared.context):
        for one in (event, *prepared.evaluator.score(event)):
            scores |= one.values if isinstance(one, Metrics) else {}
    assert {"accuracy.Smiling", "accuracy.Young", "gradient_cosine.Smiling.Young.conv1"} <= set(scores)
    with pytest.raises(InvalidRequest, match="no task “Beard”; there are Bald, Smiling, Young, label"):
        wrong = arms_of_tasks(data, ("Smiling", "Beard"), PyramidCnn(channels=4), budget)["shared"]
        prepare(wrong, device=torch.device("cpu"), precision=torch.float32)


def test_a_third_column_is_handed_all_columns_before_it(tmp_path: Path) -> None:
    store, second = Store(tmp_path), PROGRESSIVE.arms["progressive"]
    names = ("extractor.conv1.bias", "predictor.output.bias", "laterals.column1_layer2.scale", "columns.columns.0.x")
    weights = {name: torch.full((1,), float(number)) for number, name in enumerate((*names, "random_columns.x"))}
    identity = store.add(second)
    write_tensors(store.run_folder(identity) / WEIGHTS, StoredTensors(identity, 200, 0.1, weights))
    third = store.require(store.add(PROGRESSIVE.arms["third_progressive"]))
    handed = find_beginning(store, third).start_weights
    assert handed is not None and set(handed) == set(names)
