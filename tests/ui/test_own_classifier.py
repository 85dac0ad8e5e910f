"""The card of a working classifier as a visitor finds it, without a browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from tests.browser.waiting import until
from tlcore.errors import InvalidRequest
from tlcore.execution.local import LocalExecutor
from tlcore.presets import find_preset
from tlcore.runs import Store
from ui.own_classifier import MOST_BARS, guess_bars

SECONDS = 60
FEW_SHOT = find_preset("fine-tuning/few-shot-digits")
SCRIPT = """
from tlcore.presets import find_preset
from ui.experiment import Experiment
from ui.own_classifier import own_classifier
own_classifier(Experiment(find_preset("{}"), {{}}))
"""


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setenv("TLCORE_STORE", str(tmp_path))
    monkeypatch.setattr(LocalExecutor, "ensure_supervisor", lambda self: None)
    st.cache_resource.clear()
    yield Store(tmp_path)
    st.cache_resource.clear()


def draw(preset: str = "fine-tuning/few-shot-digits") -> AppTest:
    return AppTest.from_string(SCRIPT.format(preset), default_timeout=SECONDS).run()


def text_of(test: AppTest) -> str:
    assert not test.exception
    return "\n".join(str(element.proto.body) for element in test.get("html"))


def finish(store: Store, arm: str, accuracy: float, *, weights: bool = True) -> str:
    identity = store.add(FEW_SHOT.arms[arm], arm=arm)
    store.change(identity, state="finished", summary={"target_accuracy": accuracy})
    if weights:
        store.run_folder(identity).mkdir(parents=True)
        (store.run_folder(identity) / "weights.safetensors").write_bytes(b"")
    return identity


def test_without_runs_it_says_what_to_do(store: Store) -> None:
    assert "recorded runs come without their weights" in text_of(draw())
    assert "learn from numbers" in text_of(draw("domain-adversarial/moons"))


def test_runs_whose_weights_are_here_are_offered_the_best_first(store: Store) -> None:
    finish(store, "fine_tune@2", 0.5)
    finish(store, "l2_sp@5", 0.7)
    finish(store, "scratch@2", 0.9, weights=False)
    finish(store, "source", 0.99)
    box = draw().selectbox[0]
    titles = [FEW_SHOT.arms[arm].method.title for arm in ("l2_sp@5", "fine_tune@2")]
    assert box.options == [
        f"{titles[0]} · 5 labels per class · 70.0% right",
        f"{titles[1]} · 2 labels per class · 50.0% right",
    ]


def test_a_picture_is_looked_at_by_the_chosen_run(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    identity = finish(store, "fine_tune@2", 0.5)
    asked: list[Any] = []

    def answer(question: Any, *, upload: bytes, **options: Any) -> dict[str, Any]:
        asked.append((question.run, upload))
        if upload == b"bad":
            raise InvalidRequest("The picture cannot be used: it is empty.")
        classes = [{"class": "<b>seven</b>", "probability": 0.75}, {"class": "one", "probability": 0.25}]
        return {"classes": classes, "seen": "AAAA", "neighbours": [], "compared": 20}

    monkeypatch.setattr("ui.own_classifier.ask", answer)
    test = draw()
    assert "The picture stays on this server" in text_of(test)
    for content, words in ((b"good", "&lt;b&gt;seven&lt;/b&gt;"), (b"bad", "it is empty")):
        test.file_uploader[0].set_value(("a.png", content, "image/png")).run()
        until(lambda words=words: words in text_of(test.run()), "the answer comes")
    assert asked == [(identity, b"good"), (identity, b"bad")], "each is looked at once"


def test_bars_escape_names_and_sum_up_the_last() -> None:
    shown = guess_bars([{"class": '<i onload="x">', "probability": 0.9}, {"class": "b", "probability": 0.1}])
    assert "<i onload" not in shown and "&lt;i onload=&quot;x&quot;&gt;" in shown
    assert "90.0%" in shown and shown.count("data-first") == 1
    many = guess_bars([{"class": str(at), "probability": 1 / 40} for at in range(40)])
    assert f"{40 - MOST_BARS} others" in many and "75.0%" in many
