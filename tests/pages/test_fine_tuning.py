"""The fine-tuning page as a visitor finds it, run without a browser."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file
from streamlit.testing.v1 import AppTest

from tests.pages.test_pages import button, open_page, store, text_of  # noqa: F401
from tlcore.execution.slots import plan
from tlcore.plots.fine_tuning import Measured
from tlcore.presets import find_preset, presets_of
from tlcore.processors import usable_cores
from tlcore.runs import Confusion, Notice, Probe, Store
from tlcore.specs import FineTune, FixedFeatures, L2Sp, Scratch
from ui.experiment import Experiment
from ui.fine_tuning_arms import board_of, layers_of, method_titles
from ui.fine_tuning_curve import transfer_warnings
from ui.fine_tuning_network import filters_of, first_filters, what_happens
from ui.library import estimate

PAGE = "fine_tuning.py"
FEW = "easy-target"  # the smallest of the experiments with a source task
CLASSES = tuple("0123456789")


@pytest.fixture
def experiment(store: Store, monkeypatch: pytest.MonkeyPatch) -> Experiment:  # noqa: F811
    """An experiment of which nothing is recorded: all that a page shows of it was put there by a test."""
    monkeypatch.setattr("ui.library.recorded", lambda preset: None)
    return Experiment(find_preset(f"fine-tuning/{FEW}"), {})


def finish(store: Store, experiment: Experiment, arm: str, accuracy: float, seed: int = 0) -> str:  # noqa: F811
    """Put a finished run into the store, with what the page reads of it."""
    spec = next(spec for name, _, spec in experiment.preset.specs([seed], experiment.changes) if name == arm)
    run = store.add(spec, preset=experiment.preset.identity, arm=arm)
    right = round(20 * accuracy)
    counts = np.full((10, 10), 0)
    np.fill_diagonal(counts, right)
    counts[:, 0] += 20 - right
    store.record_probe(run, Probe(np.arange(20, dtype=np.int16) % 10, np.ones(20, np.int8), CLASSES))
    store.record_confusion(run, Confusion(200, "target", counts))
    names = {"target_accuracy": accuracy, "source_accuracy": 0.7, "target_cross_entropy": 1.0}
    store.record_metrics(run, [(0, names), (200, {**names, "parameter_change.conv1": 0.25, "cka.conv1": 0.9})])
    summary = {"target_accuracy": accuracy, "source_accuracy": 0.7}
    store.change(run, state="finished", step=spec.budget.steps, seconds=4.0, summary=summary, projected=1)
    return run


def html_of(test: AppTest) -> str:
    return "\n".join(str(element.proto.body) for element in test.get("html"))


@pytest.mark.parametrize("preset", [preset.name for preset in presets_of("fine-tuning")])
def test_every_preset_opens_and_offers_to_train(preset: str, store: Store) -> None:  # noqa: F811
    test = open_page(PAGE, preset=preset)
    assert not test.exception and not test.error
    assert not button(test, "Train").disabled


def test_train_queues_every_arm_and_stop_ends_them(store: Store, experiment: Experiment) -> None:  # noqa: F811
    test = open_page(PAGE, preset=FEW)
    button(test, "Train").click().run()
    assert not test.exception
    assert sorted(run.arm for run in store.runs()) == sorted(experiment.arms)
    assert f"0 of {len(experiment.arms)} runs are done" in html_of(test)
    button(test, "Stop").click().run()
    assert {run.state for run in store.runs()} == {"stopped"}


def test_the_address_chooses_the_arms(store: Store) -> None:  # noqa: F811
    def shown(**query: str) -> list[str]:
        test = open_page(PAGE, preset=FEW, **query)
        assert not test.exception
        return [box.value for box in test.selectbox if box.label in ("Left", "Right")]

    assert shown() == ["scratch@5", "fine_tune@5"]
    assert shown(arms="l2_sp@1,output_matching@20") == ["l2_sp@1", "output_matching@20"]
    assert shown(seed="17") == ["scratch@5", "fine_tune@5"]
    assert shown(k="20") == ["scratch@20", "fine_tune@20"]
    assert shown(arms="<b>,source", k="all", metric="nonsense", seed="x", step="-1") == ["scratch@5", "fine_tune@5"]


def test_the_labels_and_the_arms_go_together(store: Store) -> None:  # noqa: F811
    test = open_page(PAGE, preset=FEW)
    labels = next(group for group in test.get("button_group") if group.label == "Labels per class")
    labels.set_value(20).run()
    assert [box.value for box in test.selectbox if box.label in ("Left", "Right")] == ["scratch@20", "fine_tune@20"]
    assert test.query_params["arms"] in ("scratch@20,fine_tune@20", ["scratch@20,fine_tune@20"])


def test_the_table_shows_means_over_seeds_and_the_gain_over_scratch(store: Store, experiment: Experiment) -> None:  # noqa: F811
    for seed, (alone, tuned) in enumerate([(0.5, 0.8), (0.6, 0.9)]):
        finish(store, experiment, "scratch@5", alone, seed)
        finish(store, experiment, "fine_tune@5", tuned, seed)
    test = open_page(PAGE, preset=FEW, seeds="2")
    assert not test.exception
    rows = {row.split("</td>")[0]: row for row in re.findall(r"<tr><td>(.*?)</tr>", html_of(test))}
    assert "<b>0.85</b> <small>± .07</small>" in rows["Fine-tuned"]
    assert '<small data-change="up">+0.30</small>' in rows["Fine-tuned"]
    assert "0.55 <small>± .07</small>" in rows["From scratch"] and "<b>" not in rows["From scratch"]
    assert "conv1<small>tuned · 25%</small>" in html_of(test)


def test_a_source_that_hurts_is_said_with_the_classes_that_lost(store: Store, experiment: Experiment) -> None:  # noqa: F811
    for seed in range(2):
        finish(store, experiment, "scratch@20", 0.9, seed)
        finish(store, experiment, "fixed_features@20", 0.6, seed)
        finish(store, experiment, "l2_sp@20", 0.95, seed)
    notices = transfer_warnings(board_of(experiment), CLASSES)
    assert [notice.code for notice in notices] == ["negative-20"]
    assert "from scratch reaches 90%; points below it: Fixed features by 30.0." in notices[0].text
    assert "Classes that lose with Fixed features, in points: 1 (−30)" in notices[0].text
    assert "0 (" not in notices[0].text.partition("in points:")[2], "a class that lost nothing is not blamed"


def test_a_failed_run_says_why_and_markup_stays_text(store: Store, experiment: Experiment) -> None:  # noqa: F811
    run = finish(store, experiment, "fine_tune@5", 0.4)
    store.record_notice(run, Notice(40, "warning", "x", "<img src=x onerror=alert(1)>"))
    store.change(run, state="failed", step=40, reason="No room is left on the disk.")
    test = open_page(PAGE, preset=FEW)
    assert not test.exception
    assert ", 5 per class failed: No room is left on the disk." in html_of(test)
    assert "<img src=x" not in html_of(test)


def test_a_point_of_the_curve_knows_its_run(store: Store, experiment: Experiment) -> None:  # noqa: F811
    finish(store, experiment, "fine_tune@5", 0.8, seed=1)
    waiting = next(spec for name, _, spec in experiment.preset.specs([0]) if name == "scratch@1")
    store.add(waiting)
    assert board_of(experiment).measured("target_accuracy") == [
        Measured("scratch", 1, 0, "queued", None, "scratch@1|0"),
        Measured("fine_tune", 5, 1, "finished", 0.8, "fine_tune@5|1"),
    ]


def test_all_arms_and_seeds_are_read_with_one_question(
    store: Store, experiment: Experiment, monkeypatch: pytest.MonkeyPatch  # noqa: F811
) -> None:  # fmt: skip
    finish(store, experiment, "fine_tune@5", 0.8)
    board_of(experiment)
    asked: list[tuple[Store, int]] = []
    several = Store.several
    monkeypatch.setattr(Store, "several", lambda self, runs: asked.append((self, len(runs))) or several(self, runs))
    monkeypatch.setattr(Store, "get", lambda self, run: pytest.fail("runs are asked for one by one"))
    board = board_of(experiment)
    assert board.finished.values("fine_tune@5", "target_accuracy") == [0.8]
    stores = [one for one, count in asked if count >= len(experiment.arms)]
    assert stores and len(stores) == len(set(map(id, stores))), "the lab's own, and each file of recorded ones, once"


def test_a_run_that_experiments_share_bears_the_name_of_its_arm_here(store: Store, experiment: Experiment) -> None:  # noqa: F811
    run = store.add(experiment.arms["scratch@5"], preset="another/one", arm="elsewhere")
    view = experiment.views(0)["scratch@5"]
    assert view is not None and (view.run.id, view.run.arm) == (run, "scratch@5")


def test_the_estimate_counts_all_arms_over_the_slots(store: Store, experiment: Experiment) -> None:  # noqa: F811
    assert estimate(experiment.preset, experiment.arms) is None or not store.runs()
    for arm in experiment.arms:
        if arm == "source" or arm.endswith("@5"):  # other numbers of labels take as long a step
            run = finish(store, experiment, arm, 0.5)
            store.change(run, started=100.0, ended=106.0)  # two seconds around four of training
    guess = estimate(experiment.preset, experiment.arms)
    assert guess is not None and guess.measured_here
    seconds = sum(
        2 + 4 * spec.budget.steps / experiment.arms[like].budget.steps
        for arm, spec in experiment.arms.items()
        for like in [arm if arm == "source" else f"{arm.partition('@')[0]}@5"]
    )
    assert guess.seconds == pytest.approx(seconds / plan(usable_cores()).cpu)


def test_what_happens_to_the_layers(experiment: Experiment) -> None:
    arms = experiment.arms

    def kinds(arm: str, method: object) -> list[str]:
        return [kind for kind, _ in what_happens(arms[arm].model_copy(update={"method": method}), 4)]

    assert kinds("scratch@5", Scratch()) == ["random"] * 4
    assert kinds("fixed_features@5", FixedFeatures(layer=3)) == ["frozen", "frozen", "frozen", "unused"]
    assert kinds("fine_tune@5", FineTune(last_layers=1)) == ["frozen", "frozen", "frozen", "tuned"]
    assert kinds("l2_sp@5", L2Sp()) == ["held"] * 4


def test_variants_are_called_by_what_they_do() -> None:
    titles = method_titles(find_preset("fine-tuning/how-deep").arms)
    assert titles["last_2"] == "Last 2 layers tuned" and titles["scratch"] == "From scratch"
    assert len(set(titles.values())) == len(titles)


def test_methods_from_two_sources_are_told_apart() -> None:
    titles = method_titles(find_preset("fine-tuning/four-cases").arms)
    assert titles["near:fine_tune"] == "Near: fine-tuned" and titles["far:l2_sp"] == "Far: parameters held (L2-SP)"
    assert titles["scratch"] == "From scratch" and len(set(titles.values())) == len(titles)


def test_layers_are_sorted_as_numbers() -> None:
    metrics = dict.fromkeys(["cka.network.features.10", "cka.network.features.3", "cka.conv1", "loss"], None)
    assert [*layers_of(metrics, "cka")] == ["conv1", "network.features.3", "network.features.10"]


def test_the_first_filters_before_and_after(store: Store, experiment: Experiment) -> None:  # noqa: F811
    run = finish(store, experiment, "fine_tune@5", 0.5)
    view = board_of(experiment).view("fine_tune@5")
    assert view is not None
    assert "its weights are gone" in filters_of(board_of(experiment), view)[1]
    weights = {f"extractor.conv{number}.weight": np.ones((4, 3, 3, 3), np.float32) for number in (10, 2)}
    weights["extractor.centre.mean"] = np.zeros((3, 1, 1), np.float32)
    start = view.run.spec.start.spec.content_hash
    for identity, factor in ((start, 1.0), (run, 1.5)):
        folder = Path(store.run_folder(identity))
        folder.mkdir(parents=True, exist_ok=True)
        save_file(
            {name: tensor * np.float32(factor) for name, tensor in weights.items()}, folder / "weights.safetensors"
        )
    from ui.fine_tuning_network import _filters

    _filters.cache_clear()
    pictures, sentence = filters_of(board_of(experiment), view)
    assert pictures.count("<figure>") == 3 and "moved by 50.0%" in sentence
    assert first_filters(store.run_folder(run) / "nothing.safetensors") is None


def test_downloads_of_many_arms_hide_behind_a_choice(store: Store, experiment: Experiment) -> None:  # noqa: F811
    for method in experiment.arms:
        if method.endswith(("@5", "@1")):
            finish(store, experiment, method, 0.5)
    test = open_page(PAGE, preset=FEW)
    labels = [element.proto.label for element in test.get("download_button")]
    assert labels.count("metrics (CSV)") == 2, "the two that are shown"
    choice = next(box for box in test.selectbox if box.key == "take-along-arm")
    assert "Parameters held (L2-SP), 1 per class" in choice.options
    choice.set_value("l2_sp@1").run()
    labels = [element.proto.label for element in test.get("download_button")]
    assert labels.count("metrics (CSV)") == 1
