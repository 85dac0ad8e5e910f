"""What the embedding projector is given."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from tlcore.errors import InvalidRequest
from tlcore.exports import View, content_of, make


def files_of(content: bytes) -> dict[str, bytes]:
    archive = zipfile.ZipFile(io.BytesIO(content))
    return {name: archive.read(name) for name in archive.namelist()}


def test_vectors_are_the_features_of_the_wanted_step(recorded):
    source = recorded()
    for wish, step in ((None, 20), (10, 10), (13, 10)):
        files = files_of(content_of([source], "tensorboard", View(step=wish)))
        vectors = np.loadtxt(io.BytesIO(files["vectors.tsv"]), delimiter="\t")
        stored, _ = source.store.features(source.run.id, step)
        assert np.allclose(vectors, stored, rtol=1e-4)
        assert f"step {step}" in files["projector_config.pbtxt"].decode()


def test_metadata_and_sprite_go_line_by_line_with_the_vectors(recorded):
    source = recorded()
    files = files_of(content_of([source], "tensorboard"))
    lines = files["metadata.tsv"].decode().splitlines()
    assert lines[0].split("\t") == ["label", "domain", "prediction", "correct"]
    assert lines[1].split("\t") == ["nought", "source", "nought", "yes"] and len(lines) == 25
    sheet = np.asarray(Image.open(io.BytesIO(files["sprite.png"])))
    assert sheet.shape == (5 * 8, 5 * 8, 3)  # 24 thumbnails fill a square of 5 by 5
    thumbnail = source.store.probe(source.run.id).thumbnails[7].transpose(1, 2, 0)
    assert np.array_equal(sheet[8:16, 16:24], thumbnail)
    configuration = files["projector_config.pbtxt"].decode()
    for words in ('tensor_path: "vectors.tsv"', 'metadata_path: "metadata.tsv"', 'image_path: "sprite.png"'):
        assert words in configuration
    assert configuration.count("single_image_dim: 8") == 2


def test_points_without_pictures_need_no_sprite(recorded):
    files = files_of(content_of([recorded(thumbnails=False)], "tensorboard"))
    assert "sprite.png" not in files and b"sprite" not in files["projector_config.pbtxt"]


def test_names_break_neither_lines_nor_columns(recorded):
    files = files_of(content_of([recorded(names=("a\tb\nc", "<b>x</b>", " "))], "tensorboard"))
    lines = files["metadata.tsv"].decode().splitlines()
    assert len(lines) == 25 and all(line.count("\t") == 3 for line in lines)
    assert [line.split("\t")[0] for line in lines[1:4]] == ["a b c", "<b>x</b>", "unnamed"]


def test_features_that_are_not_numbers_are_left_out_everywhere(recorded, store):
    source = recorded()
    features, predictions = store.features(source.run.id, 20)
    features[5, 2] = np.nan
    store.record_features(source.run.id, 20, features, predictions)
    made = make([source], "tensorboard")
    files = files_of(made.content)
    assert made.remarks == ("1 point was left out: not all of its features are numbers.",)
    assert len(files["vectors.tsv"].splitlines()) == 23 and len(files["metadata.tsv"].splitlines()) == 24
    store.record_features(source.run.id, 20, features * np.nan, predictions)
    with pytest.raises(InvalidRequest, match="are not numbers"):
        make([source], "tensorboard")


def test_a_run_without_features_says_so(recorded):
    with pytest.raises(InvalidRequest, match="keeps no features"):
        content_of([recorded(features=False)], "tensorboard")
    with pytest.raises(InvalidRequest, match="from step 0 to step 20, not of step 99"):
        content_of([recorded(seed=3)], "tensorboard", View(step=99))
