"""Files made in a process of their own, as pages ask for them."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from PIL import Image

import tlcore
from tlcore.api import Result, ResultRun
from tlcore.errors import InvalidRequest
from tlcore.exports import View, apart, content_of
from tlcore.exports.apart import content_apart
from tlcore.exports.film_page import Player
from tlcore.gallery import find_run
from tlcore.gallery import recorded as shipped
from tlcore.runs import Store

PRESET = "domain-adversarial/photo-digits"


def test_the_child_makes_the_same_file(pair):
    store, ids = pair[0].store, [source.run.id for source in pair]
    view = View(projection="pca", colour_by="class", step=10, theme="dark", width=640)
    assert content_apart(store.folder, ids, "svg", view) == content_of(pair, "svg", view)
    picture = Image.open(io.BytesIO(content_apart(store.folder, ids, "png", view)))
    assert picture.width == 640
    assert content_apart(store.folder, ids[:1], "tensorboard").startswith(b"PK")


def test_runs_that_ship_with_the_lab_are_found(tmp_path):
    run = next(run for run in shipped(PRESET).runs() if run.arm == "dann" and run.spec.seed == 0)
    content = content_apart(tmp_path, [run.id], "svg", recorded=True)
    assert b"DANN" in content and not list(tmp_path.iterdir())
    assert find_run(run.id[:8], tmp_path).run == run
    with pytest.raises(InvalidRequest, match="no run 'ffffffff' among those that ship"):
        find_run("ffffffff", only_recorded=True)


def test_what_the_child_says_is_the_sentence(recorded):
    source = recorded(features=False)
    with pytest.raises(InvalidRequest, match="keeps no features"):
        content_apart(source.store.folder, [source.run.id], "tensorboard", View(step=10))


def test_drawing_is_limited_in_time_size_and_number(recorded, monkeypatch):
    source = recorded()
    with pytest.raises(InvalidRequest, match="took longer than 0 seconds"):
        content_apart(source.store.folder, [source.run.id], "svg", seconds=0.01)
    monkeypatch.setattr(apart, "MOST_BYTES", 10)
    with pytest.raises(InvalidRequest, match="larger than"):
        content_apart(source.store.folder, [source.run.id], "csv")
    monkeypatch.setattr(apart, "WAIT_SECONDS", 0.01)
    with apart._slots, apart._slots, pytest.raises(InvalidRequest, match="try again in a minute"):
        content_apart(source.store.folder, [source.run.id], "csv")


def test_words_are_arguments_and_never_a_command_line():
    words = apart.command(Path("a store"), ["1; rm -rf /", "2"], "svg", Path("out.svg"), View(step=3))
    assert words[4] == "1; rm -rf /" and words[words.index("--with") + 1] == "2"
    assert words[words.index("--step") + 1] == "3" and "--recorded" not in words


@pytest.fixture
def result(pair) -> Result:
    runs = tuple(
        ResultRun(source.run.id, arm, 0, "finished", None, 1.0, {})
        for source, arm in zip(pair, ("source_only", "dann"), strict=True)
    )
    return Result(PRESET, "cpu", 1.0, runs, pair[0].store)


def test_a_result_writes_itself(result, pair, tmp_path):
    assert result.export(tmp_path / "film.html") == ()
    assert (tmp_path / "film.html").read_bytes() == content_of(pair, "html")
    result.export(tmp_path / "run.json", arms=["dann"])
    assert json.loads((tmp_path / "run.json").read_text())["id"] == pair[1].run.id
    result.export(tmp_path / "picture", "svg", arms=["dann"], colour_by="class")
    assert "Source only" not in (tmp_path / "picture").read_text()
    with pytest.raises(InvalidRequest, match="holds one run, not 2"):
        result.export(tmp_path / "both.json")
    with pytest.raises(InvalidRequest, match="no run of arm 'nobody' with seed 0"):
        result.export(tmp_path / "x.svg", arms=["nobody"])
    with pytest.raises(InvalidRequest, match="with seed 7"):
        result.player(seed=7)
    with pytest.raises(InvalidRequest, match="no export format ''"):
        result.export(tmp_path / "film")


def test_a_notebook_shows_the_player_in_a_page_of_its_own(result, pair, tmp_path):
    player = result.player(colour_by="class")
    shown = player._repr_html_()
    assert shown.startswith('<iframe srcdoc="&lt;!doctype html&gt;') and 'sandbox="allow-scripts"' in shown
    assert shown.count("<") == 2  # the frame opens and closes: nothing of the film is markup of the notebook
    assert player.save(tmp_path / "film.html").read_text() == player.html
    same = tlcore.player_of(pair[0].run.id, pair[1].run.id[:12], store=Store(pair[0].store.folder), colour_by="class")
    assert isinstance(same, Player) and same.html == player.html
