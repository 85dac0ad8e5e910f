"""The multitask page as a visitor finds it, run without a browser."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from tests.pages.test_pages import button, open_page, store, text_of  # noqa: F401
from tlcore.presets import find_preset, presets_of
from tlcore.presets.multitask import your_table, yours_named
from tlcore.runs import Probe, Store
from tlcore.runs.records import TaskLabels
from tlcore.specs import with_seed
from ui.experiment import Experiment
from ui.multitask_columns import columns_scene, lateral_weights, leans
from ui.multitask_network import trunk_scene
from ui.multitask_results import _table
from ui.multitask_runs import board_of, columns_in, gradient_cosines

PAGE = "multitask.py"
DIGITS = tuple("0123456789")


@pytest.fixture(autouse=True)
def nothing_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures are checked on runs made here; those that ship with the lab would stand among them."""
    monkeypatch.setattr("ui.library.recorded", lambda preset: None)


def experiment_of(name: str, **changes: str) -> Experiment:
    return Experiment(find_preset(f"multitask/{name}"), {path.replace("__", "."): one for path, one in changes.items()})


def finish(
    store: Store,  # noqa: F811
    experiment: Experiment,
    values: Mapping[str, Mapping[str, float]],
    seed: int = 0,
) -> dict[str, str]:
    """Put finished runs of one seed into the store, with what the page reads of them."""
    specs, runs = with_seed(experiment.arms, seed), {}
    labels = np.arange(20, dtype=np.int16) % 10
    for arm, metrics in values.items():
        run = runs[arm] = store.add(specs[arm], preset=experiment.preset.identity, arm=arm)
        others = (TaskLabels("right", labels[::-1].copy(), DIGITS),) if arm == "shared" else ()
        store.record_probe(run, Probe(labels, np.ones(20, np.int8), DIGITS, None, "left" if others else "", others))
        store.record_metrics(run, [(0, dict.fromkeys(metrics, 0.1)), (400, metrics)])
        store.change(run, state="finished", step=400, seconds=4.0, summary=dict(metrics), projected=1)
    return runs


def html_of(test: AppTest) -> str:
    return "\n".join(str(element.proto.body) for element in test.get("html"))


def alone(task: str, value: float) -> dict[str, float]:
    return {f"accuracy.{task}": value, "target_accuracy": value}


TOGETHER = {
    "accuracy.left": 0.9, "target_accuracy": 0.9, "accuracy.right": 0.6, "gradient_norm.left": 2.0,
    "gradient_norm.right": 0.5, "gradient_cosine.left.right.conv1": -0.3, "gradient_cosine.left.right.all": 0.1,
}  # fmt: skip


@pytest.mark.parametrize("preset", [preset.name for preset in presets_of("multitask")])
def test_every_preset_opens_empty_and_offers_to_train(preset: str, store: Store) -> None:  # noqa: F811
    test = open_page(PAGE, preset=preset)
    assert not test.exception and not test.error
    assert not button(test, "Train").disabled


def test_each_task_is_compared_with_its_own_network_seed_by_seed(store: Store) -> None:  # noqa: F811
    experiment = experiment_of("two-digits")
    finish(
        store,
        experiment,
        {"single_task": alone("left", 0.8), "single_task_right": alone("right", 0.75), "shared": TOGETHER},
    )
    finish(store, experiment, {"single_task": alone("left", 0.9), "shared": TOGETHER}, seed=1)
    board = board_of(experiment)
    changes = board.changes("shared")
    assert changes["left"] == pytest.approx([0.125, 0.0]) and changes["right"] == pytest.approx([-0.2])
    assert changes[""] == pytest.approx([-0.0375])  # of the seed in which every task has its own network
    assert board.differences("shared", "left") == pytest.approx([0.1, 0.0])
    table = _table(board, ["shared"])
    assert "(−20.0 %)" in table and ">−3.8 %<" in table.replace("</span>", "<")
    test = open_page(PAGE)
    assert not test.exception and "Each task and its own network" in html_of(test)


def test_a_chosen_weighting_makes_other_runs_and_goes_into_the_address(store: Store) -> None:  # noqa: F811
    test = open_page(PAGE)
    control = next(one for one in test.get("button_group") if (one.key or "").startswith("weighting"))
    control.set_value("upgrad").run()
    assert not test.exception
    assert test.query_params["set"] == "method.weighting=upgrad"
    button(test, "Train").click().run()
    weightings = {run.arm: getattr(run.spec.method, "weighting", "") for run in store.runs()}
    assert weightings == {"single_task": "", "single_task_right": "", "shared": "upgrad"}
    button(test, "Stop").click().run()


def test_the_drawing_follows_what_was_measured(store: Store) -> None:  # noqa: F811
    experiment = experiment_of("two-digits")
    run = finish(store, experiment, {"shared": TOGETHER})["shared"]
    metrics = store.metrics(run)
    scene = trunk_scene(experiment.arms["shared"], metrics, {})
    widths = {arrow.id: arrow.width for arrow in scene.arrows if arrow.back}
    assert widths["back-0"] == 4 * widths["back-1"]
    assert [box.title for box in scene.boxes] == ["pictures", "shared trunk", "left", "right"]
    assert "left 0.900" in scene.description
    assert gradient_cosines(metrics) == {("left", "right"): {"conv1": pytest.approx(-0.3), "all": pytest.approx(0.1)}}
    many = trunk_scene(find_preset("multitask/many-small-tasks").arms["shared@32"], {}, {})
    assert [box.title for box in many.boxes][-1] == "26 more heads"


LATERALS = {
    "target_accuracy": 0.8, "source_accuracy": 0.7, "lateral_share.column1_layer2": 0.4,
    "lateral_share.column1_layer3": 0.1, "without_column1_layer2_accuracy": 0.5,
    "without_column1_layer3_accuracy": 0.81, "fisher.column1_layer2": 0.3, "fisher.column2_layer2": 0.7,
    "parameters.trained": 120.0, "parameters.laterals": 20.0, "parameters.total": 220.0,
}  # fmt: skip


def test_arrows_are_as_wide_as_what_the_new_task_loses_without_them(store: Store) -> None:  # noqa: F811
    experiment = experiment_of("progressive")
    run = finish(store, experiment, {"progressive": LATERALS})["progressive"]
    metrics, spec = store.metrics(run), experiment.arms["progressive"]
    assert lateral_weights(metrics, "ablation", 0.8) == pytest.approx({(1, 2): 0.3, (1, 3): -0.01})
    widths = {arrow.id: arrow for arrow in columns_scene(spec, metrics, "share").arrows if "lateral" in arrow.id}
    assert widths["lateral-1-2"].width > widths["lateral-1-3"].width
    assert columns_scene(spec, metrics, "ablation").arrows[-1].faint
    lost, shares = leans(board_of(experiment), "progressive")
    assert lost["column 1 → conv 2"] == pytest.approx([0.3])
    assert shares == {"column 1": {"conv 2": pytest.approx(0.3)}, "column 2": {"conv 2": pytest.approx(0.7)}}
    assert len(columns_in(experiment.arms["third_progressive"])) == 3


def test_what_is_forgotten_is_said_in_points(store: Store) -> None:  # noqa: F811
    experiment = experiment_of("progressive")
    finish(
        store,
        experiment,
        {
            "first_column": {"source_accuracy": 0.8},
            "single_column": {"target_accuracy": 0.7},
            "progressive": {**LATERALS, "target_accuracy": 0.75, "source_accuracy": 0.8},
            "fine_tune_all": {"target_accuracy": 0.78, "source_accuracy": 0.6},
        },
    )
    test = open_page(PAGE, preset="progressive")
    assert not test.exception
    said = html_of(test)
    assert "reaches 5.0 points more than a single column" in said
    assert "has cost 20.0 points of the old task" in said and "<td>-20.0 points</td>" in said


def test_an_own_table_is_an_experiment_of_its_own(store: Store) -> None:  # noqa: F811
    name = yours_named("pets", ("mood", "label", "weight"))
    preset = find_preset(f"multitask/{name}")
    assert preset is your_table(name) and preset.title == "pets: mood, label, weight"
    assert list(preset.arms) == ["single_task", "single_task_label", "single_task_weight", "shared"]
    assert preset.arms["shared"].data.tasks == ("mood", "label", "weight")
    assert preset.arms["shared"].network.name == "pyramid-cnn"
    features = your_table(yours_named("numbers", ("label", "age"), features=True))
    assert features.arms["shared"].network.name == "perceptron"
    test = open_page(PAGE, preset=name)
    assert not test.exception and not button(test, "Train").disabled


def test_columns_of_an_own_table_are_chosen_and_become_the_address(
    store: Store,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tasks = [
        {"name": "label", "title": "label", "classes": 2, "known": 40},
        {"name": "mood", "title": "Mood", "classes": 3, "known": 25},
        {"name": "weight", "title": "weight", "classes": 0, "known": 40},
    ]
    entry = {"name": "pets", "kind": "pictures", "examples": 40, "tasks": tasks, "content": "0" * 16}
    monkeypatch.setattr("ui.multitask_own.own_sets", lambda: [entry])
    monkeypatch.setattr("ui.experiment.own_contents", lambda: {"pets": "0" * 16})
    test = open_page(PAGE, preset="your-table")
    assert not test.exception and "Choose a table" in text_of(test)
    test.selectbox(key="own-table-").set_value("pets").run()
    choice = test.multiselect(key="own-tasks-pets-")
    assert choice.options == ["label (2 classes)", "Mood (3 classes, 25 of 40 known)", "weight (a quantity)"]
    choice.set_value(["mood", "label"]).run()
    button(test, "Learn these").click().run()
    assert not test.exception and test.query_params["preset"] == "your-table@pets,mood,label"
    assert not button(test, "Train").disabled


@pytest.mark.parametrize("name", ["your-table@", "your-table@Pets,a", "your-table@pets", "your-table@p,../x", "none"])
def test_a_preset_that_is_none_is_said_to_be_none(name: str, store: Store) -> None:  # noqa: F811
    test = open_page(PAGE, preset=name)
    assert not test.exception and "There is no preset" in test.warning[0].value
