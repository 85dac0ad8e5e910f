"""The section "Take it along": which downloads there are, and what is said when one could not be made."""

from __future__ import annotations

from tests.pages.test_pages import open_page, store, text_of  # noqa: F401
from tlcore.exports import animation
from tlcore.gallery import recorded
from tlcore.presets import find_preset
from ui.library import RunView
from ui.player import PlayerState
from ui.take_along import Watched, _drawn


def downloads(test) -> list[str]:
    return [element.proto.label for element in test.get("download_button")]


def test_recorded_runs_offer_films_pictures_and_data(store, monkeypatch):  # noqa: F811
    monkeypatch.setattr(animation.shutil, "which", lambda name: None)
    labels = downloads(open_page("domain_adversarial.py", preset="moons"))
    assert labels[:4] == ["HTML", "GIF", "PNG", "SVG"]
    assert labels.count("metrics (CSV)") == labels.count("frames (Parquet)") == 3
    assert "weights (safetensors)" not in labels  # recorded runs ship without
    monkeypatch.setattr(animation.shutil, "which", lambda name: "/somewhere/ffmpeg")
    assert "MP4" in downloads(open_page("domain_adversarial.py", preset="moons"))


def test_the_terminal_writes_the_same_film(store):  # noqa: F811
    arms = find_preset("domain-adversarial/moons").arms
    runs = [arms[arm].content_hash for arm in ("source_only", "dann")]
    command = f"python -m tlcore export {' --with '.join(runs)} --format html --output film.html"
    page = open_page("domain_adversarial.py", preset="moons")
    assert command not in text_of(page), "code is drawn for those who want to see it"
    page.session_state["take-along-tabs"] = "Terminal"
    assert command in text_of(page.run())


def test_a_run_that_has_not_begun_offers_no_film(store):  # noqa: F811
    preset = find_preset("domain-adversarial/moons")
    store.add(preset.specs([0], {"steps": 50})[1][2], preset=preset.identity, arm="dann")
    labels = downloads(open_page("domain_adversarial.py", preset="moons", set="budget.steps=50"))
    assert "HTML" not in labels and labels == ["metrics (CSV)"]


def test_what_is_drawn_is_what_the_viewer_sees_at_the_click(store, monkeypatch):  # noqa: F811
    shipped = recorded("domain-adversarial/moons")
    views = [RunView(run, shipped, True) for run in shipped.runs() if shipped.projections(run.id)][:2]
    asked = []
    monkeypatch.setattr("ui.take_along.content_apart", lambda *words, **more: asked.append((*words, more)) or b"x")
    sight = Watched()
    assert _drawn(store.folder, views, "svg", sight, "dark") == b"x"
    sight.state = PlayerState("pca", "class", 750)
    _drawn(store.folder, views, "svg", sight, "dark")
    sight.state = PlayerState("pca", "change", 750)  # a colouring that pictures do not have
    _drawn(store.folder, views, "gif", sight, "light")
    seen = [(view.projection, view.colour_by, view.step, view.theme) for *_, view, _ in asked]
    assert seen == [(None, "domain", None, "dark"), ("pca", "class", 750, "dark"), ("pca", "domain", None, "light")]
    assert asked[0][1] == [view.run.id for view in views] and asked[0][-1] == {"recorded": True}
