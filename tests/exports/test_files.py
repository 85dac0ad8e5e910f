"""What is written where, and what is refused in one sentence."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from tlcore.errors import InvalidRequest, StoreError
from tlcore.exports import FORMATS, SINGLE_RUN, Source, View, content_of, export, film_page, make
from tlcore.runs import Neighbours
from tlcore.specs import Budget, Dann, RunSpec, SourceOnly


def test_a_file_is_written_whole_and_replaces_nothing_unasked(recorded, tmp_path):
    path = tmp_path / "run.json"
    assert export([recorded()], "json", path) == ()
    before = path.read_bytes()
    assert json.loads(before)["metrics"]["target_accuracy"] == 0.7
    with pytest.raises(InvalidRequest, match="exists already; force=True"):
        export([recorded()], "json", path)
    path.write_text("mine")
    export([recorded()], "json", path, force=True)
    assert path.read_bytes() == before
    assert [found.name for found in tmp_path.iterdir() if found.name.startswith(".")] == []


def test_tensorboard_is_a_folder_or_a_zip(recorded, tmp_path):
    source = recorded()
    export([source], "tensorboard", tmp_path / "projector")
    export([source], "tensorboard", tmp_path / "projector.zip")
    curves = f"events.out.tfevents.{int(source.run.created)}.{source.run.id}"
    files = {curves, "vectors.tsv", "metadata.tsv", "sprite.png", "projector_config.pbtxt"}
    assert {path.name for path in (tmp_path / "projector").iterdir()} == files
    assert set(zipfile.ZipFile(tmp_path / "projector.zip").namelist()) == files
    with pytest.raises(InvalidRequest, match="exists already"):
        export([recorded()], "tensorboard", tmp_path / "projector")
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidRequest, match=r"is a file; .* ends in \.zip"):
        export([recorded()], "tensorboard", tmp_path / "file")


def test_places_that_cannot_be_written(recorded, tmp_path):
    with pytest.raises(InvalidRequest, match="is a folder; name a file in it"):
        export([recorded()], "csv", tmp_path)
    with pytest.raises(StoreError, match="there is no folder"):
        export([recorded()], "csv", tmp_path / "nowhere" / "run.csv")


def test_a_folder_without_the_right_to_write(recorded, tmp_path, monkeypatch):
    def refuse(self, content):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "write_bytes", refuse)
    with pytest.raises(StoreError, match=r"cannot be written: Permission denied\."):
        export([recorded()], "csv", tmp_path / "run.csv")
    assert not (tmp_path / "run.csv").exists()


def test_an_unknown_format_names_those_there_are(recorded, tmp_path):
    with pytest.raises(InvalidRequest) as caught:
        export([recorded()], "docx", tmp_path / "run.docx")
    assert all(name in str(caught.value) for name in FORMATS)


@pytest.mark.parametrize("kind", SINGLE_RUN)
def test_one_run_to_a_file_where_the_format_holds_one(kind, pair):
    with pytest.raises(InvalidRequest, match="holds one run, not 2"):
        make(pair, kind)


@pytest.mark.parametrize("kind", ["html", "gif", "png", "svg", "npz", "parquet"])
def test_a_run_without_frames_is_named(kind, store):
    identity = store.add(RunSpec(method=Dann(), budget=Budget(steps=20)))
    with pytest.raises(InvalidRequest, match=f"Run {identity} has recorded no frames"):
        content_of([Source(store, store.require(identity))], kind)


@pytest.mark.parametrize("kind", ["html", "png", "gif"])
def test_runs_that_follow_different_points_are_not_put_together(kind, recorded):
    runs = [recorded(SourceOnly(), probe_seed=1), recorded(Dann(), probe_seed=2)]
    with pytest.raises(InvalidRequest, match="follow different points"):
        content_of(runs, kind)


def test_too_many_runs_side_by_side(recorded):
    with pytest.raises(InvalidRequest, match="One to 3 runs"):
        content_of([recorded(seed=seed) for seed in range(4)], "svg")


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        ({"projection": "tsne"}, "no projection 'tsne' .* choose one of umap, pca"),
        ({"step": 21}, "from step 0 to step 20; there is no picture of step 21"),
        ({"step": -1}, "there is no picture of step -1"),
        ({"colour_by": "mood"}, "no colouring 'mood'"),
        ({"theme": "sepia"}, "no theme 'sepia'"),
        ({"width": 10}, "320 to 3840 pixels wide, not 10"),
        ({"width": 100_000}, "320 to 3840"),
    ],
)
@pytest.mark.parametrize("kind", ["html", "svg"])
def test_wishes_that_cannot_be_met(kind, wish, words, recorded):
    with pytest.raises(InvalidRequest, match=words):
        content_of([recorded()], kind, View(**wish))


def test_points_that_are_not_numbers_are_left_out_and_counted(recorded):
    def spoil(points):
        points[3] = np.nan
        points[7, 1] = np.inf
        return points

    spoiled = [recorded(change=spoil)]
    for kind in ("html", "png", "svg", "gif"):
        made = make(spoiled, kind)
        assert made.remarks == ("2 points were left out where the coordinates are not numbers.",)
    assert "2 left out: not a number" in make(spoiled, "svg").content.decode()


def test_a_film_in_which_nothing_is_a_number_is_still_a_file(recorded):
    lost = [recorded(change=lambda points: points * np.nan)]
    assert f"{24} points were left out" in make(lost, "png").remarks[0]
    assert make(lost, "html").content


def test_a_damaged_frame_is_left_out_and_counted(recorded, store):
    source = recorded()
    store.database.connection.execute("UPDATE frames SET points = x'00ff' WHERE step = 10 AND projection = 'umap'")
    made = make([source], "svg")
    assert made.remarks == ("1 frame was left out that cannot be read.",)
    store.database.connection.execute("UPDATE frames SET points = x'00ff'")
    with pytest.raises(InvalidRequest, match="None of the frames of run"):
        make([source], "svg")


def test_nothing_slow_is_imported_before_something_is_drawn():
    code = (
        "import sys, tlcore.exports, tlcore.exports.apart, tlcore.cli;"
        "assert not {'torch', 'matplotlib', 'pandas', 'pyarrow', 'streamlit'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_neighbours_go_into_the_film_as_far_as_there_is_room(recorded, store, monkeypatch):
    source = recorded()
    for step in range(0, 21, 2):
        store.record_neighbours(source.run.id, Neighbours(step, np.full((24, 4), step, np.uint16)))

    def steps(most: int) -> list[int]:
        monkeypatch.setattr(film_page, "MOST_NEIGHBOURS", most)
        found = film_page.neighbours_of(source, 24, 2)
        assert all((one.indices == one.step).all() for one in found)
        return [one.step for one in found]

    assert steps(10**6) == list(range(0, 21, 2))
    assert steps(2 * 24 * 4 * 4) == [2, 8, 14, 20] and steps(1) == [20]
    assert film_page.neighbours_of(source, 23, 2) == []
