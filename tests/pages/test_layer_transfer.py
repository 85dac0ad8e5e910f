"""The layer transfer page as a visitor finds it, run without a browser."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

import numpy as np
import pytest
from safetensors.numpy import save_file
from streamlit.testing.v1 import AppTest

from tests.pages.test_pages import button, open_page, store, text_of  # noqa: F401
from tlcore.presets import find_preset, presets_of
from tlcore.presets.layer_transfer import textbook_arm
from tlcore.runs import Probe, Store
from tlcore.specs import RandomStart, RunStart, with_seed
from ui.experiment import Experiment
from ui.layer_transfer_bench import Bench, verdict
from ui.layer_transfer_figure import _curves_figure, _kept_figure
from ui.layer_transfer_inside import contents_words
from ui.layer_transfer_runs import Board, board_of
from ui.layer_transfer_words import SINGLE_SPLIT, curve_words, kept_words

PAGE = "layer_transfer.py"
CLASSES = tuple("ABCDE")


@pytest.fixture(autouse=True)
def nothing_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures are checked on runs made here; those that ship with the lab would stand among them."""
    monkeypatch.setattr("ui.library.recorded", lambda preset: None)


@pytest.fixture
def experiment(store: Store) -> Experiment:  # noqa: F811
    return Experiment(find_preset("layer-transfer/glyphs"), {})


@pytest.fixture
def kept(store: Store) -> Experiment:  # noqa: F811
    return Experiment(find_preset("layer-transfer/first-or-last"), {})


def finish(store: Store, experiment: Experiment, values: Mapping[str, float], seed: int = 0) -> dict[str, str]:  # noqa: F811
    """Put finished runs of one split into the store, with what the page reads of them."""
    specs, runs = with_seed(experiment.arms, seed), {}
    for arm, value in values.items():
        run = runs[arm] = store.add(specs[arm], preset=experiment.preset.identity, arm=arm)
        store.record_probe(run, Probe(np.arange(20, dtype=np.int16) % 5, np.ones(20, np.int8), CLASSES))
        store.record_metrics(run, [(0, {"target_accuracy": 0.2}), (500, {"target_accuracy": value})])
        store.change(run, state="finished", step=500, seconds=4.0, summary={"target_accuracy": value}, projected=1)
    return runs


def html_of(test: AppTest) -> str:
    return "\n".join(str(element.proto.body) for element in test.get("html"))


def keyed(test: AppTest, key: str) -> object:
    return next(one for one in test.button if one.key == key)


@pytest.mark.parametrize("preset", [preset.name for preset in presets_of("layer-transfer")])
def test_every_preset_opens_empty_and_offers_to_train(preset: str, store: Store) -> None:  # noqa: F811
    test = open_page(PAGE, preset=preset)
    assert not test.exception and not test.error
    assert not button(test, "Train").disabled
    assert "nothing trained yet" in html_of(test)


def test_train_queues_every_arm_and_stop_ends_them(store: Store, experiment: Experiment) -> None:  # noqa: F811
    test = open_page(PAGE)
    button(test, "Train").click().run()
    assert not test.exception
    assert sorted(run.arm for run in store.runs()) == sorted(experiment.arms)
    assert f"0 of {len(experiment.arms)} runs are done" in html_of(test)
    button(test, "Stop").click().run()
    assert {run.state for run in store.runs()} == {"stopped"}


def test_fragility_and_specificity_are_told_apart_from_the_numbers(store: Store, experiment: Experiment) -> None:  # noqa: F811
    finish(store, experiment, {"base": 0.80, "BnB@3": 0.74, "AnB@3": 0.73, "BnB@5": 0.79, "AnB@5": 0.60})
    finish(store, experiment, {"base": 0.82, "BnB@3": 0.76, "AnB@3": 0.75, "BnB@5": 0.81, "AnB@5": 0.62}, seed=1)
    fragile, specific = curve_words(board_of(experiment))
    assert "BnB@3 reaches 75.0%, 6.0 points below the base, in 2 of 2 splits" in fragile
    assert "AnB@5 reaches 61.0%, 19.0 points below BnB@5, in 2 of 2 splits" in specific


def test_what_the_numbers_do_not_show_is_not_said(store: Store, experiment: Experiment) -> None:  # noqa: F811
    finish(store, experiment, {"base": 0.80, "BnB@3": 0.80, "AnB@3": 0.80})
    said = curve_words(board_of(experiment))
    assert said[0].startswith("<b>No fragile co-adaptation") and said[1].startswith("<b>No specificity")
    assert "A single split" in said[2]


def test_the_order_turns_round_only_where_it_does(store: Store, kept: Experiment) -> None:  # noqa: F811
    finish(store, kept, {"labels:first@2": 0.6, "labels:last@2": 0.4, "input:first@2": 0.3, "input:last@2": 0.5})
    said = kept_words(board_of(kept))
    assert "the first layers are those to keep: at n = 2 they reach 60.0%, 20.0 points above the last 2" in said[0]
    assert "the last layers are those to keep: at n = 2 they reach 50.0%" in said[1]
    assert "The order turns round" in said[2]
    finish(store, kept, {"input:first@3": 0.9, "input:last@3": 0.5})
    said = kept_words(board_of(kept))
    assert "The two lines cross between n = 2 and n = 3." in said[1] and len(said) == 2


def test_kept_layers_are_compared_with_learning_without_transfer(store: Store, kept: Experiment) -> None:  # noqa: F811
    arms = {"input:base": 0.5, "input:first@1": 0.45, "input:first@2": 0.3, "input:first@3": 0.2}
    finish(store, kept, arms | {"input:last@1": 0.4, "input:last@2": 0.55, "input:last@3": 0.6})
    said = kept_words(board_of(kept))
    assert "From n = 2 on they lie above learning without transfer, 50.0%." in said[0]
    assert said[1] == SINGLE_SPLIT
    finish(store, kept, {"input:base": 0.9, "labels:base": 0.4}, seed=1)
    said = kept_words(board_of(kept))
    assert "Learning without transfer reaches 70.0%." in said[0] and SINGLE_SPLIT not in said


def test_every_point_knows_its_run(store: Store, experiment: Experiment, kept: Experiment) -> None:  # noqa: F811
    finish(store, experiment, {"base": 0.8, "BnB@2": 0.7})
    finish(store, experiment, {"base": 0.8, "BnB@2": 0.72, "BnB@4": 0.6}, seed=3)
    dots, line = (trace for trace in _curves_figure(board_of(experiment), []).data if trace.legendgroup == "BnB")
    assert list(dots.customdata) == ["BnB@2|0", "BnB@2|3", "BnB@4|3"]
    assert list(dots.y) == [0.7, 0.72, 0.6]
    assert list(line.customdata) == ["BnB@2|0", "BnB@4|3"]
    finish(store, kept, {"labels:first@1": 0.5, "input:first@1": 0.4})
    found = [list(trace.customdata) for trace in _kept_figure(board_of(kept), []).data if trace.legendgroup == "first"]
    assert found == [["labels:first@1|0"]] * 2 + [["input:first@1|0"]] * 2


@pytest.mark.parametrize(
    ("bench", "name"),
    [
        (Bench("base", "A", (1, 2, 3), (1, 2, 3)), "AnB@3"),
        (Bench("base", "A", (1, 2, 3), ()), "AnB+@3"),
        (Bench("base", "B", (1, 2, 3, 4), (1, 2, 3, 4)), "BnB@4"),
        (Bench("base", "B", (1,), ()), "BnB+@1"),
        (Bench("base", "random", (), (1, 2)), "random@2"),
        (Bench("base", "A", (), ()), "base"),
    ],
)
def test_the_bench_makes_the_very_runs_of_the_paper(experiment: Experiment, bench: Bench, name: str) -> None:
    spec = bench.spec(experiment)
    assert textbook_arm(spec) == name
    assert spec.content_hash == experiment.runs(0)[name]
    assert f"<b>{name}</b>" in verdict(spec)


def test_other_choices_are_no_arm_of_the_paper(experiment: Experiment) -> None:
    spec = Bench("base", "A", (2, 4), (2,)).spec(experiment)
    assert isinstance(spec.start, RunStart) and spec.start.spec.data.half == "A"
    assert verdict(spec) == "<b>No arm of the paper:</b> Layers 2 copied and frozen; 4 copied."
    assert isinstance(Bench("base", "A", (), (2,)).spec(experiment).start, RandomStart)


def test_layers_are_set_by_clicks_and_kept_in_the_address(store: Store, experiment: Experiment) -> None:  # noqa: F811
    test = open_page(PAGE)
    assert "This is <b>AnB@3</b>" in html_of(test)
    keyed(test, "bench-frozen-1").click().run()
    assert "No arm of the paper" in html_of(test)
    for number in (2, 3):
        keyed(test, f"bench-frozen-{number}").click().run()
    assert "This is <b>AnB+@3</b>" in html_of(test)
    assert test.query_params["bench"] in ("A.1-2-3..base", ["A.1-2-3..base"])
    origin = next(group for group in test.get("button_group") if group.label == "Weights from")
    origin.set_value("random").run()
    assert "This is the <b>base</b> network" in html_of(test)
    assert keyed(test, "bench-copied-1").disabled
    next(group for group in test.get("button_group") if group.label == "Weights from").set_value("A").run()
    assert "This is <b>AnB+@3</b>" in html_of(test), "what was copied before is copied again"
    assert "This is <b>BnB@2</b>" in html_of(open_page(PAGE, bench="B.1-2.1-2.base"))
    for nonsense in ("x", "A.9.1.base", "A.1.1.<b>", "...."):
        test = open_page(PAGE, bench=nonsense)
        assert not test.exception and "This is <b>AnB@3</b>" in html_of(test)


def test_train_this_queues_one_run_and_what_it_copies_from(store: Store, experiment: Experiment) -> None:  # noqa: F811
    test = open_page(PAGE, bench="A.2-4.2.base")
    keyed(test, "bench-train").click().run()
    assert not test.exception
    wanted = Bench("base", "A", (2, 4), (2,)).spec(experiment)
    assert {run.id: (run.preset, run.arm) for run in store.runs()} == {
        wanted.content_hash: (experiment.preset.identity, "bench"),
        experiment.runs(0)["base_A"]: (experiment.preset.identity, "base_A"),
    }
    assert keyed(test, "bench-train").disabled
    assert test.query_params["built"] in (wanted.content_hash, [wanted.content_hash])


def test_a_run_of_the_bench_becomes_a_star_where_it_belongs(
    store: Store, experiment: Experiment  # noqa: F811
) -> None:  # fmt: skip
    spec = Bench("base", "A", (2, 4), (2,)).spec(experiment)
    run = store.add(spec, preset=experiment.preset.identity, arm="bench")
    store.change(run, state="finished", step=500, seconds=4.0, summary={"target_accuracy": 0.7}, projected=1)
    finish(store, experiment, {"base": 0.75})
    test = open_page(PAGE, bench="A.2-4.2.base", built=run, arm=run)
    assert not test.exception
    assert "Reached 70.0%, −5.0 points from the base. Its star is in the figure." in text_of(test)
    board = Board(experiment, board_of(experiment).views, [experiment_view(store, run)])
    from ui.layer_transfer_figure import _star

    star = _star(board.built[0])
    assert star == (run, "Layers 2 copied and frozen; 4 copied", "B", 4, 0.7)
    trace = _curves_figure(board, [star]).data[-1]
    assert (trace.marker.symbol, list(trace.x), list(trace.y), list(trace.customdata)) == (
        "star", [4], [0.7], [f"{run}|"],
    )  # fmt: skip


def experiment_view(store: Store, run: str) -> object:  # noqa: F811
    from ui.library import RunView

    return RunView(store.require(run), store, False)


def test_the_address_chooses_run_overlay_and_split(store: Store, experiment: Experiment) -> None:  # noqa: F811
    finish(store, experiment, {"base": 0.8, "AnB@2": 0.7}, seed=1)
    test = open_page(PAGE, arm="AnB@2", overlay="2014", seed="1")
    assert not test.exception
    assert next(box.value for box in test.selectbox if box.label == "Features of") == "AnB@2"
    assert "from the authors&#x27; published logs" in html_of(test)
    assert "AnB@2: run" in html_of(test) and "split 1, finished" in html_of(test)
    test = open_page(PAGE, arm="<b>", overlay="x", seed="y", built="<script>,1", step="-1")
    assert not test.exception and not test.error


def test_the_table_has_means_over_splits(store: Store, experiment: Experiment) -> None:  # noqa: F811
    for seed, value in enumerate((0.6, 0.7)):
        finish(store, experiment, {"AnB@1": value, "base": 0.8}, seed)
    rows = {row.split("</td>")[0]: row for row in re.findall(r"<tr><td[^>]*>(.*?)</tr>", html_of(open_page(PAGE)))}
    assert "0.650 <small>± .071</small>" in rows["AnB"]
    assert "0.800" in html_of(open_page(PAGE)) and rows["BnB"].count("–") == 5


def test_a_failed_run_says_why(store: Store, experiment: Experiment) -> None:  # noqa: F811
    run = finish(store, experiment, {"AnB@5": 0.4})["AnB@5"]
    store.change(run, state="failed", step=40, reason="No room is <b>left</b>.")
    test = open_page(PAGE)
    assert "@5 failed: No room is &lt;b&gt;left&lt;/b&gt;." in html_of(test)


def test_filters_of_both_bases_are_shown_where_weights_are(store: Store, experiment: Experiment) -> None:  # noqa: F811
    test = open_page(PAGE)
    assert "Train both base networks to look into them." in text_of(test)
    for run in finish(store, experiment, {"base_A": 0.8, "base": 0.8}).values():
        folder = store.run_folder(run)
        folder.mkdir(parents=True, exist_ok=True)
        weights = np.random.default_rng(0).normal(size=(8, 3, 3, 3)).astype(np.float32)
        save_file({"extractor.conv1.weight": weights}, folder / "weights.safetensors")
    test = open_page(PAGE)
    assert not test.exception
    assert "first-layer filters, base A" in html_of(test) and "first-layer filters, base B" in html_of(test)
    assert keyed(test, "compare-layers").label == "Compare their layers"


def test_the_base_networks_can_be_trained_without_the_other_arms(store: Store, experiment: Experiment) -> None:  # noqa: F811
    test = open_page(PAGE, seed="2")
    keyed(test, "train-bases").click().run()
    assert not test.exception
    assert sorted((run.arm, run.spec.seed) for run in store.runs()) == [("base", 2), ("base_A", 2)]
    assert "The base networks are being trained" in text_of(test)


def test_what_the_layers_hold_in_words() -> None:
    answer = {
        "layers": ["conv1", "conv2"],
        "cka": [0.9, 0.4],
        "probes": [[[0.5, 0.8], [0.6, 0.5]], [[0, 0], [0.6, 0.7]]],
    }
    said = contents_words(json.loads(json.dumps(answer)))
    assert "the networks part on the way up" in said
    assert "conv1 serves B best (60.0%); at its last layer 10.0 points of that are lost" in said
    assert "B's own network is 20.0 points ahead" in said
