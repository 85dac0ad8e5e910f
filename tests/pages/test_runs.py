"""The Runs page without a browser: what it shows, what its buttons do to the store, what its words say."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import shlex
import zipfile
from collections.abc import Iterator
from datetime import UTC
from pathlib import Path

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from tlcore.cli import build_parser
from tlcore.errors import InvalidRequest
from tlcore.gallery import recorded
from tlcore.presets import Preset, all_presets
from tlcore.runs import Store
from tlcore.runs.bundle_reading import import_bundle
from tlcore.runs.bundles import write_bundle
from tlcore.runs.lineage import Arrow, Lineage
from tlcore.specs import Budget, Parameter, RunSpec, override
from ui import runs_actions, runs_compare, runs_reach
from ui.parameter_form import parameters_of
from ui.runs_lineage import ROOMY_ROWS, lineage_figure
from ui.runs_table import _columns, frame, zone_of

PAGES = Path(__file__).parents[2] / "pages"
APP = f"""
import streamlit as st
pages = [st.Page({str(PAGES / "runs.py")!r}, default=True), st.Page({str(PAGES / "domain_adversarial.py")!r})]
st.navigation(pages).run()
"""  # the page links to others, which must be known
PRESET = all_presets()["domain-adversarial/moons"]


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setenv("TLCORE_STORE", str(tmp_path))
    st.cache_resource.clear()
    st.cache_data.clear()
    yield Store(tmp_path)
    st.cache_resource.clear()
    st.cache_data.clear()


def finished(store: Store, arm: str, seed: int = 0, **changes: object) -> str:
    spec = override(PRESET.arms, {"seed": seed, **changes})[arm]
    run = store.add(spec, preset=PRESET.identity, arm=arm)
    store.record_metrics(run, [(0, {"target_accuracy": 0.5}), (10, {"target_accuracy": 0.75})])
    store.change(run, state="finished", step=10, seconds=2.0, summary={"target_accuracy": 0.75})
    return run


def opened(*runs: str) -> AppTest:
    page = AppTest.from_string(APP, default_timeout=60)
    if runs:
        page.query_params["run"] = list(runs)
    page.run()
    assert not page.exception
    return page


def test_every_run_is_listed_and_recorded_ones_are_marked(store: Store):
    finished(store, "dann", 7)
    table = opened().dataframe[0].value
    assert table["From"].tolist().count("here") == 1 and "recorded" in table["From"].tolist()


def test_a_filter_without_a_match_says_so(store: Store):
    page = opened()
    page.text_input(key="text").set_value("zebra").run()
    assert not page.exception and not page.dataframe
    assert "No run matches" in page.info[0].value


def test_name_note_star_and_tags_are_kept(store: Store):
    run = finished(store, "dann", 7)
    page = opened(run)
    page.text_input(key=f"runs-name-{run}").set_value("<b>mine</b>").run()
    page.text_area(key=f"runs-note-{run}").set_value("a note").run()
    page.button(key="runs-star").click().run()
    page.text_input(key="runs-new-tags").set_value("one, two").run()
    assert not page.exception
    label = store.label(run)
    assert (label.name, label.note, label.starred, label.tags) == ("<b>mine</b>", "a note", True, ("one", "two"))
    heads = " ".join(str(element.proto.body) for element in page.get("html"))
    assert "&lt;b&gt;mine" in heads and "<b>mine" not in heads


def test_delete_and_undo(store: Store):
    run = finished(store, "dann", 7)
    page = opened(run)
    page.button(key="runs-delete").click().run()
    assert not page.exception and store.get(run) is None
    page.button(key="runs-undo-last").click().run()
    assert not page.exception and store.get(run) is not None


def test_undo_says_what_cannot_be_brought_back(store: Store):
    runs = [finished(store, "dann", seed) for seed in (7, 8)]
    page = opened(*runs)
    page.button(key="runs-delete").click().run()
    store.remove(runs[:1])  # in another tab
    page.button(key="runs-undo-last").click().run()
    assert not page.success
    assert page.warning[0].value.startswith("1 run is back. 1 run was removed for good")
    page = opened(runs[1])
    page.button(key="runs-delete").click().run()
    store.remove(runs)
    page.button(key="runs-undo-last").click().run()
    assert not page.success and page.warning[0].value.startswith("1 run was removed for good")


def test_nothing_is_written_on_a_run_that_is_gone(store: Store):
    run = finished(store, "dann", 7)
    page = opened(run)
    store.remove([run])
    page.text_input(key=f"runs-name-{run}").set_value("mine").run()
    assert not page.exception and "Nothing was written" in page.error[0].value
    for key, act in (("note", "text_area"), ("new-tags", "text_input"), ("star", "button")):
        run = finished(store, "dann", 7)
        page = opened(run)
        store.remove([run])
        where = getattr(page, act)(key=f"runs-note-{run}" if key == "note" else f"runs-{key}")
        (where.click() if act == "button" else where.set_value("mine")).run()
        assert "Nothing was written" in page.error[0].value
    for table in ("labels", "tags"):
        assert store.database.rows(f"SELECT count(*) FROM {table}")[0][0] == 0


def test_a_recorded_run_can_be_named(store: Store):
    run = PRESET.arms["dann"].content_hash
    assert store.get(run) is None
    opened(run).text_input(key=f"runs-name-{run}").set_value("mine").run()
    assert store.label(run).name == "mine"


def test_when_is_told_in_the_time_of_who_looks(store: Store):
    run = finished(store, "dann", 7)
    store.change(run, ended=1_790_000_000.0)
    (entry,) = runs_reach.library().named([run])
    told = {
        name: frame([entry], "target_accuracy", {}, zone_of(name))["When"][0].strftime("%d %H:%M")
        for name in ("Europe/Berlin", "Asia/Kolkata", None, "Nowhere/At-All", "../../etc/passwd")
    }
    assert told == {
        "Europe/Berlin": "21 16:13", "Asia/Kolkata": "21 19:43", None: "21 14:13", "Nowhere/At-All": "21 14:13",
        "../../etc/passwd": "21 14:13",
    }  # fmt: skip
    assert zone_of(None) is UTC and _columns("", UTC)["When"]["label"] == "When (UTC)"
    assert _columns("", zone_of("Asia/Kolkata"))["When"]["label"] == "When"


def test_several_runs_are_compared(store: Store):
    runs = [finished(store, "dann", 7), finished(store, "source_only", 7)]
    page = opened(*runs)
    bodies = " ".join(str(element.proto.body) for element in page.get("html"))
    assert "method.name" in bodies and "method.lambda_max" in bodies and "optimisation.learning_rate" not in bodies


def test_a_run_that_cannot_be_read_is_said_and_can_be_deleted(store: Store):
    run = finished(store, "dann", 7)
    store.change(run, spec='{"method": {"name": "of another age"}}')
    page = opened(run)
    assert any(run in warning.value for warning in page.warning)
    page.button(key="runs-delete").click().run()
    assert not page.exception and store.discarded()[0][0] == run


@pytest.mark.parametrize("changes", [{}, {"learning_rate": 0.01}, {"steps": 150, "lambda_max": 0.5}])
def test_the_page_of_a_run_and_its_command_make_the_same_run(store: Store, changes: dict[str, object]):
    run = finished(store, "dann", 3, **changes)
    experiment = runs_reach.experiment_of(store.require(run))
    assert experiment is not None and experiment.seed == 3
    assert override(experiment.arms, {"seed": 3})["dann"].content_hash == run
    words = shlex.split(runs_actions._terminal(experiment, store.require(run)))[3:]
    asked = build_parser().parse_args(words)
    told = dict(change.split("=", 1) for change in asked.changes)
    assert override(PRESET.arms, {**told, "seed": asked.seed})[asked.arms[0]].content_hash == run
    code = runs_actions._python(experiment, store.require(run))
    compile(code, "run.py", "exec")
    assert "seed=3" in code and 'arms=["dann"]' in code


def other_values(parameter: Parameter) -> list[str]:
    """Values that the parameter does not have now, of which one will do."""
    if parameter.kind in ("choice", "switch"):
        return [choice for choice in parameter.choices or ("true", "false") if choice != str(parameter.value).lower()]
    if parameter.kind == "text":
        return ['["brightness"]', "x"]
    number, whole = parameter.value, int if parameter.kind == "int" else float
    near = [number * 2, number / 2, number + 1, number - 1, 0.5, parameter.minimum, parameter.maximum]
    return [str(whole(value)) for value in near if value is not None and whole(value) != number]


@pytest.mark.parametrize("preset", all_presets().values(), ids=lambda preset: preset.identity)
def test_a_run_with_any_parameter_of_the_form_changed_can_be_opened_again(store: Store, preset: Preset):
    """Also one that was changed only in the run it starts from."""
    tried = 0
    for path, parameter in parameters_of(preset.arms).items():
        for value in other_values(parameter):
            with contextlib.suppress(InvalidRequest):
                arms = override(preset.arms, {path: value})
                changed = [arm for arm, spec in arms.items() if spec != preset.arms[arm]]
                if not changed:
                    continue
                arm = changed[-1]
                run = store.require(store.add(arms[arm], preset=preset.identity, arm=arm))
                experiment = runs_reach.experiment_of(run)
                assert experiment is not None and experiment.arms[arm].content_hash == run.id, (path, value, arm)
                tried += 1
                break
    assert tried > 5


def test_what_a_runs_settings_come_to_does_not_depend_on_who_sees_the_run(store: Store):
    run = store.require(finished(store, "dann", lambda_max=0.5))
    store.delete(run.id)
    experiment = runs_reach.experiment_of(run)
    assert experiment is not None and dict(experiment.changes) == {"method.lambda_max": "0.5"}


def test_what_was_imported_opens_whatever_its_classes_are_called(store: Store):
    """Half of a surrogate pair is text to JSON, and nothing that a page could send."""
    shipped = recorded(PRESET.identity)
    assert shipped is not None
    run = PRESET.arms["dann"].content_hash
    with zipfile.ZipFile(io.BytesIO(write_bundle(shipped, shipped.require(run)))) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    records, told = json.loads(members["records.json"]), json.loads(members["run.json"])
    records["probes"][0]["class_names"][0] = "\ud800"
    told["provenance"] |= {"device": "cuda", "device_name": "\udfff card"}
    members |= {"records.json": json.dumps(records).encode(), "run.json": json.dumps(told).encode()}
    manifest = json.loads(members.pop("manifest.json"))
    manifest["members"] = {
        name: {"sha256": hashlib.sha256(held).hexdigest(), "bytes": len(held)} for name, held in members.items()
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, held in (members | {"manifest.json": json.dumps(manifest).encode()}).items():
            archive.writestr(name, held)
    assert import_bundle(store, buffer.getvalue()).new
    page = opened(run)
    assert not page.error and any("card" in str(part.proto) for part in page.get("html"))
    own = AppTest.from_file(str(PAGES / "domain_adversarial.py"), default_timeout=60)
    own.query_params["preset"] = PRESET.name
    assert not own.run().exception and not own.error


def test_a_run_of_no_preset_has_no_page(store: Store):
    run = store.add(RunSpec(budget=Budget(steps=10)))
    assert runs_reach.experiment_of(store.require(run)) is None


def test_titles_tell_runs_apart(store: Store):
    runs = [finished(store, "dann", 7), finished(store, "dann", 7, learning_rate=0.01)]
    for run in runs:
        store.rename(run, "the same name " * 6)
    entries = runs_reach.library().named(runs)
    assert len(set(runs_compare.titles_of(entries).values())) == 2
    assert len(frame(entries, "target_accuracy", {})) == 2


@pytest.mark.parametrize("children", [2, ROOMY_ROWS + 1])
def test_every_run_of_a_lineage_can_be_told_from_the_others(store: Store, children: int):
    parent, *others = [finished(store, "dann", seed) for seed in range(children + 1)]
    entries = {entry.id: entry for entry in runs_reach.library().named([parent, *others])}
    tree = Lineage(
        {parent: 0, "f" * 64: 1, **dict.fromkeys(others, 1)}, tuple(Arrow(parent, one, "run") for one in others)
    )
    figure, height = lineage_figure(tree, entries, {parent})
    *lines, runs = figure.data
    at = dict(zip(runs.text, zip(runs.x, runs.y, strict=True), strict=True))
    unknown = "ffffffff, not here"
    assert at.keys() == {*(f"dann, seed {seed}" for seed in range(children + 1)), unknown}
    ends = {((line.x[0], line.y[0]), (line.x[-1], line.y[-1])) for line in lines}
    assert ends == {(at["dann, seed 0"], at[f"dann, seed {seed}"]) for seed in range(1, children + 1)}
    assert max(at.values()) == at[unknown], "below those of which something is known"
    beside = [text for text, at in zip(runs.text, runs.textposition, strict=True) if at == "middle right"]
    assert len(beside) == (0 if children == 2 else children + 1)
    assert runs.textposition[0] == ("bottom center" if children == 2 else "middle left")
    column = sorted(y for x, y in at.values() if x == 1)
    closest = min(np.diff(column)) * height / (children + 1.3)
    assert closest > 20, "a line of text has room"


def test_no_line_of_a_crowded_lineage_goes_through_a_name(store: Store):
    """Three generations: one run, twelve that begin with it, and one or two that begin with each of these."""
    first, *rest = [finished(store, "dann", seed) for seed in range(31)]
    middle, last = rest[:12], rest[12:]
    arrows = [Arrow(first, one, "run") for one in middle]
    arrows += [Arrow(middle[place % 12], one, "checkpoint") for place, one in enumerate(last)]
    generations = {first: 0, **dict.fromkeys(middle, 1), **dict.fromkeys(last, 2)}
    entries = {entry.id: entry for entry in runs_reach.library().named([*generations])}
    figure, height = lineage_figure(Lineage(generations, tuple(arrows)), entries, {first})
    *lines, runs = figure.data
    (x0, x1), (y0, y1) = figure.layout.xaxis.range, figure.layout.yaxis.range

    def pixels(x: object, y: object) -> tuple[np.ndarray, np.ndarray]:
        """Where it stands on a card 1,000 pixels wide."""
        return (np.asarray(x, float) - x0) / (x1 - x0) * 1000, (np.asarray(y, float) - y1) / (y0 - y1) * height

    letter, high, gap = 6.5, 11, 7
    for text, place, x, y in zip(runs.text, runs.textposition, *pixels(runs.x, runs.y), strict=True):
        width = letter * len(text)
        left = x - gap - width if place == "middle left" else x + gap
        top = y - gap - high if place == "top right" else y - high / 2
        for line in lines:
            along = np.linspace(0, 1, 400)
            at = [np.interp(along, np.linspace(0, 1, len(part)), part) for part in pixels(line.x, line.y)]
            within = (at[0] > left) & (at[0] < left + width) & (at[1] > top) & (at[1] < top + high)
            assert not within.any(), (text, place)


def test_a_run_is_called_by_its_name_else_by_the_title_of_its_preset(store: Store):
    run, library = finished(store, "dann", 7), runs_reach.library()
    [entry] = library.named([run])
    assert library.title(entry) == f"{PRESET.title} · dann"
    assert frame([entry], "", library.titles)["Run"].tolist() == [PRESET.title]
    store.rename(run, "mine")
    [entry] = library.named([run])
    assert library.title(entry) == "mine" == frame([entry], "", library.titles)["Run"][0]


def test_filters_come_from_the_address_and_nonsense_there_is_passed_over(store: Store):
    finished(store, "dann", 7)
    finished(store, "source_only", 7)
    page = AppTest.from_string(APP, default_timeout=60)
    page.query_params["only_arm"] = ["dann"]
    page.query_params["from"] = "Trained here"
    page.run()
    assert not page.exception
    assert page.dataframe[0].value["Arm"].tolist() == ["dann"]
    page = AppTest.from_string(APP, default_timeout=60)
    for name in ("only_arm", "only_state", "only_seed", "order", "metric_shown", "from", "starred"):
        page.query_params[name] = "<script>"
    page.run()
    assert not page.exception
    assert "here" in page.dataframe[0].value["From"].tolist()
