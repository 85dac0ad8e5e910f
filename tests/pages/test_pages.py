"""Every page as a visitor finds it, run without a browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from tlcore.errors import StoreError
from tlcore.execution.local import LocalExecutor
from tlcore.presets import presets_of
from tlcore.runs import Notice, Store
from tlcore.specs import override

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(path.name for path in (ROOT / "pages").glob("*.py"))
SECONDS = 60


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """An empty store that the pages use, with nobody to train what is queued."""
    monkeypatch.setenv("TLCORE_STORE", str(tmp_path))
    monkeypatch.setattr(LocalExecutor, "ensure_supervisor", lambda self: None)
    st.cache_resource.clear()
    yield Store(tmp_path)
    st.cache_resource.clear()


def open_page(name: str, **query: str | list[str]) -> AppTest:
    # AppTest opens the first page of a navigation: here that is the one to be tested.
    pages = [name, *(other for other in PAGES if other != name)]
    entries = ", ".join(f"st.Page({str(ROOT / 'pages' / page)!r})" for page in pages)
    test = AppTest.from_string(f"import streamlit as st\nst.navigation([{entries}]).run()", default_timeout=SECONDS)
    for key, value in query.items():
        test.query_params[key] = value
    return test.run()


def text_of(test: AppTest) -> str:
    """All the page says, however it says it."""
    kinds = (test.markdown, test.caption, test.warning, test.error, test.info, test.code)
    return "\n".join(str(element.value) for kind in kinds for element in kind)


def button(test: AppTest, label: str):
    return next(found for found in test.button if found.label == label)


@pytest.mark.parametrize("name", PAGES)
def test_every_page_opens_without_an_exception(name: str, store: Store) -> None:
    test = open_page(name)
    assert not test.exception
    assert not test.error


@pytest.mark.parametrize("preset", [preset.name for preset in presets_of("domain-adversarial")])
def test_every_preset_opens_and_offers_to_train(preset: str, store: Store) -> None:
    test = open_page("domain_adversarial.py", preset=preset)
    assert not test.exception
    assert not button(test, "Train").disabled
    assert button(test, "Stop").disabled


def test_train_queues_every_arm_once(store: Store) -> None:
    test = open_page("domain_adversarial.py", preset="moons")
    button(test, "Train").click().run()
    assert not test.exception
    assert sorted(run.arm for run in store.runs()) == ["dann", "source_only", "train_on_target"]
    assert button(test, "Train").disabled
    button(test, "Stop").click().run()
    assert {run.state for run in store.runs()} == {"stopped"}


def test_the_address_changes_parameters(store: Store) -> None:
    test = open_page("domain_adversarial.py", preset="moons", set=["method.lambda_max=0.5", "data.target.rotation=20"])
    button(test, "Train").click().run()
    specs = {run.arm: run.spec for run in store.runs()}
    assert specs["dann"].method.lambda_max == 0.5
    assert {spec.data.target.rotation for spec in specs.values()} == {20.0}
    test.session_state["take-along-tabs"] = "Terminal"
    assert "--set method.lambda_max=0.5" in text_of(test.run())


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"preset": "<script>alert(1)</script>"}, "There is no preset"),
        ({"preset": "moons", "set": "method.lambda_max=99"}, "less than or equal to 20"),
        ({"preset": "moons", "set": "no_such_parameter=1"}, "No parameter 'no_such_parameter'"),
        ({"preset": "photo-digits", "set": "network.hidden_units=4"}, "No parameter 'network.hidden_units'"),
    ],
)
def test_an_impossible_address_is_answered_in_a_sentence(query: dict[str, str], sentence: str, store: Store) -> None:
    test = open_page("domain_adversarial.py", **query)
    assert not test.exception
    assert sentence in text_of(test)
    assert not button(test, "Train").disabled


@pytest.mark.parametrize("seeds", ["abc", "-1", "99999999999999999999", "1e9"])
def test_numbers_in_the_address_are_kept_within_bounds(seeds: str, store: Store) -> None:
    test = open_page("domain_adversarial.py", preset="moons", seeds=seeds, seed=seeds, step=seeds)
    assert not test.exception


def test_a_failed_run_says_why(store: Store) -> None:
    arms = presets_of("domain-adversarial")[1].arms
    identity = store.add(arms["dann"], preset="domain-adversarial/moons", arm="dann")
    store.change(identity, state="failed", step=40, reason="The class loss is no longer a finite number at step 40.")
    store.record_notice(identity, Notice(40, "warning", "x", "<img src=x onerror=alert(1)> is text"))
    test = open_page("domain_adversarial.py", preset="moons")
    assert not test.exception
    html = "\n".join(str(element.proto.body) for element in test.get("html"))
    assert "no longer a finite number at step 40" in html
    assert "<img src=x" not in html
    assert "&lt;img src=x" in html


def test_a_store_of_a_newer_lab_is_refused_in_a_sentence(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    with store.database.transaction() as connection:
        connection.execute("PRAGMA user_version = 999")
    st.cache_resource.clear()
    with pytest.raises(StoreError):
        Store(tmp_path)
    test = open_page("domain_adversarial.py")
    assert not test.exception
    assert "newer version of the lab" in text_of(test)


def test_another_seed_is_another_run(store: Store) -> None:
    arms = presets_of("domain-adversarial")[1].arms
    for spec in arms.values():
        store.change(store.add(spec), state="finished", step=spec.budget.steps)
    test = open_page("domain_adversarial.py", preset="moons")
    button(test, "Train another seed").click().run()
    queued = {run.id for run in store.runs(["queued"])}
    assert queued == {spec.content_hash for spec in override(arms, {"seed": 1}).values()}
