"""The adviser's card and the map of the four cases as a visitor finds them, without a browser."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from tlcore.analysis.advice import Measurements, advise
from tlcore.execution.local import LocalExecutor
from tlcore.presets import find_preset
from tlcore.presets.four_cases import FOUR_CASES, case_arm
from tlcore.runs import Confusion, Store
from tlcore.specs import RunSpec, RunStart
from tlcore.specs.model_questions import AdviseTransfer
from ui.adviser import places_of
from ui.four_cases import WAYS, case_values

SECONDS = 60
FEW_SHOT = find_preset("fine-tuning/few-shot-digits")
MEASURED = Measurements(20, 10, 2, 1.57, 0.45, 0.35, -0.18, -0.25, -0.56, True)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """An empty store with nobody to train what is queued, and no recorded runs."""
    monkeypatch.setenv("TLCORE_STORE", str(tmp_path))
    monkeypatch.setattr(LocalExecutor, "ensure_supervisor", lambda self: None)
    monkeypatch.setattr("ui.library.recorded", lambda preset: None)
    st.cache_resource.clear()
    yield Store(tmp_path)
    st.cache_resource.clear()


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[AdviseTransfer]:
    """Questions are noted, and answered at once."""
    found: list[AdviseTransfer] = []

    def answer(question: AdviseTransfer, **options: Any) -> dict[str, Any]:
        found.append(question)
        return {"measured": asdict(MEASURED), "advice": asdict(advise(MEASURED, question.arms)), "target_pictures": 900}

    monkeypatch.setattr("ui.adviser.ask", answer)
    return found


def draw(function: str, preset: str = "fine-tuning/few-shot-digits") -> AppTest:
    call = "four_cases()" if function == "four_cases" else f'adviser(Experiment(find_preset("{preset}"), {{}}))'
    script = (
        "from tlcore.presets import find_preset\nfrom ui.adviser import adviser, four_cases\n"
        f"from ui.experiment import Experiment\n{call}\n"
    )
    return AppTest.from_string(script, default_timeout=SECONDS).run()


def text_of(test: AppTest) -> str:
    assert not test.exception
    return "\n".join(str(element.proto.body) for element in test.get("html"))


def button(test: AppTest, label: str) -> Any:
    return next(found for found in test.button if found.label.startswith(label))


def finish(store: Store, spec: RunSpec, accuracy: float, arm: str | None = None) -> None:
    identity = store.add(spec, arm=arm)
    store.record_confusion(identity, Confusion(1, "target", np.diag([40] * 10)))
    store.change(identity, state="finished", step=spec.budget.steps, summary={"target_accuracy": accuracy})


def ask(test: AppTest, expected: str = "advised") -> AppTest:
    """Press the button, and draw the page again until it says what is expected."""
    button(test, "Ask").click().run()
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        if expected in text_of(test):
            return test
        time.sleep(0.05)
        test.run()
    raise AssertionError(f"never said: {expected}")


class TestPlaces:
    def test_labels_of_the_curve(self) -> None:
        places = places_of(FEW_SHOT.arms)
        assert list(places)[:3] == ["1 label per class", "2 labels per class", "5 labels per class"]
        assert places["2 labels per class"]["l2_sp"] == "l2_sp@2" and places["all labels"]["scratch"] == "scratch@all"

    def test_both_sources_of_the_four_cases_are_compared_with_the_same_scratch(self) -> None:
        places = places_of(FOUR_CASES.arms)
        assert next(iter(places)) == "2 labels per class, near source"
        assert places["2 labels per class, far source"] == {
            "scratch": "scratch@2", **{way: case_arm("far", way, 2) for way in WAYS if way != "scratch"},
        }  # fmt: skip
        assert len(places) == 4

    def test_other_experiments_have_none(self, store: Store) -> None:
        assert places_of(find_preset("domain-adversarial/moons").arms) == {}
        assert "nothing to advise on" in text_of(draw("adviser", "domain-adversarial/moons"))


def test_a_source_that_is_not_trained_here_is_offered_to_be_trained(store: Store, asked: list[AdviseTransfer]) -> None:
    test = draw("adviser")
    assert not asked, "nothing is looked at before somebody asks"
    button(test, "Ask").click().run()
    assert "has not been trained on this machine" in text_of(test) and not asked
    button(test, "Train the source network").click().run()
    (run,) = store.runs()
    assert run.state == "queued" and run.spec == FEW_SHOT.arms["source"]
    assert not any(found.label.startswith("Train the source") for found in test.button)


def test_advice_is_given_checked_and_judged(store: Store, asked: list[AdviseTransfer]) -> None:
    finish(store, FEW_SHOT.arms["source"], 0.0)
    test = ask(draw("adviser"))
    (question,) = asked
    assert isinstance(question.task.start, RunStart) and question.task.data.labels_per_class == 2
    assert "early_features" not in question.arms and {"scratch", "l2_sp"} <= set(question.arms)
    said = text_of(test)
    assert FEW_SHOT.arms["l2_sp@2"].method.title in said and "20 labelled pictures of 10 classes are little" in said
    button(test, "Check it").click().run()
    queued = {run.arm for run in store.runs(["queued"])}
    assert queued == set(places_of(FEW_SHOT.arms)["2 labels per class"].values())
    for arm, accuracy in {
        "scratch@2": 0.3,
        "fixed_features@2": 0.5,
        "fine_tune@2": 0.52,
        "output_matching@2": 0.5,
    }.items():
        finish(store, FEW_SHOT.arms[arm], accuracy, arm)
    finish(store, FEW_SHOT.arms["l2_sp@2"], 0.61, "l2_sp@2")
    assert "The advice was right: " in text_of(test.run()) and "0.610" in text_of(test)
    finish(store, FEW_SHOT.arms["fine_tune@2"], 0.75, "fine_tune@2")
    assert "The advice was wrong: " in text_of(test.run()) and "would have cost 0.140" in text_of(test)
    finish(store, FEW_SHOT.arms["fine_tune@2"], 0.62, "fine_tune@2")
    assert "as good as the best" in text_of(test.run())
    assert "taken from this very experiment" not in text_of(test)
    assert len(asked) == 1, "the answer is kept"


def test_what_the_answering_process_refuses_is_said(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    from tlcore.errors import MissingData

    def refuse(*arguments: Any, **options: Any) -> Any:
        raise MissingData("The photographs <b>are gone</b>.")

    monkeypatch.setattr("ui.adviser.ask", refuse)
    finish(store, FEW_SHOT.arms["source"], 0.0)
    test = draw("adviser")
    ask(test, "The photographs &lt;b&gt;are gone&lt;/b&gt;.")


def test_the_map_is_empty_until_it_is_measured(store: Store) -> None:
    test = draw("four_cases")
    assert text_of(test).count("0 of 5 ways measured") == 4
    button(test, "Measure the four cases (20 runs)").click().run()
    assert sorted(run.arm for run in store.runs()) == sorted(FOUR_CASES.arms)
    assert {run.preset for run in store.runs()} == {FOUR_CASES.identity}
    for arm, _, spec in FOUR_CASES.specs([1, 2]):
        store.add(spec, arm=arm)
    assert text_of(test.run()).count("0 of 5 ways measured") == 4, "also while several seeds wait"


def test_each_cell_shows_what_won_and_what_the_textbook_says(store: Store) -> None:
    for arm, spec in FOUR_CASES.arms.items():
        won = arm in ("scratch@50", "near:l2_sp@2", "far:early_features@2")
        finish(store, spec, 0.9 if won else 0.6, arm)
    said = text_of(draw("four_cases"))
    assert said.count("From scratch</b>") == 2 and "0 of 5" not in said
    assert "Fine-tune, held (L2-SP)</b>" in said and "Classifier on an earlier layer</b>" in said
    assert said.count("As the textbook says") == 1 and said.count("Not as the textbook says") == 3
    assert said.count('data-as="book"') == 1


def test_learning_from_scratch_stands_in_both_cells_of_its_row() -> None:
    found = {"scratch@2": [0.3], "near:l2_sp@2": [0.6], "far:l2_sp@2": [], "far:fine_tune@50": [0.8]}
    assert case_values("near", 2, found) == {"scratch": [0.3], "l2_sp": [0.6]}
    assert case_values("far", 2, found) == {"scratch": [0.3]}
    assert case_values("far", 50, found) == {"fine_tune": [0.8]}
