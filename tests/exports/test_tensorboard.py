"""What TensorBoard is given: curves, and features for its projector."""

from __future__ import annotations

import io
import struct
import zipfile

import numpy as np
import pytest
from PIL import Image

from tlcore.errors import InvalidRequest
from tlcore.exports import View, content_of, make
from tlcore.exports.event_file import crc32c, events, read_events
from tlcore.runs import Series


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


def test_a_run_without_features_says_so_and_gives_its_curves(recorded):
    made = make([recorded(features=False)], "tensorboard")
    assert "keeps no features" in made.remarks[0]
    assert [name.partition(".")[0] for name in files_of(made.content)] == ["events"]
    with pytest.raises(InvalidRequest, match="keeps no features"):
        content_of([recorded(features=False)], "tensorboard", View(step=10))
    with pytest.raises(InvalidRequest, match="from step 0 to step 20, not of step 99"):
        content_of([recorded(seed=3)], "tensorboard", View(step=99))


def decoded(record: bytes) -> dict[int, list]:
    """The fields of a protocol buffer, read by the format's own rules and nothing of the lab."""

    def varint(at: int) -> tuple[int, int]:
        value = shift = 0
        while True:
            byte = record[at]
            value, shift, at = value | (byte & 0x7F) << shift, shift + 7, at + 1
            if not byte & 0x80:
                return value, at

    fields: dict[int, list] = {}
    at = 0
    while at < len(record):
        key, at = varint(at)
        if key & 7 == 0:
            value, at = varint(at)
        else:
            length, at = (8, at) if key & 7 == 1 else (4, at) if key & 7 == 5 else varint(at)
            value, at = record[at : at + length], at + length
        fields.setdefault(key >> 3, []).append(value)
    return fields


def test_curves_are_an_event_file(recorded):
    source = recorded()
    files = files_of(content_of([source], "tensorboard"))
    (content,) = (content for name, content in files.items() if name.startswith("events.out.tfevents."))
    records = [decoded(record) for record in read_events(content)]
    assert records[0][3] == [b"brain.Event:2"]
    curves: dict[str, list[tuple[int, float]]] = {}
    for record in records[1:]:
        (value,) = decoded(record[5][0])[1]
        scalar = decoded(value)
        curves.setdefault(scalar[1][0].decode(), []).append((record[2][0], struct.unpack("<f", scalar[2][0])[0]))
    stored = source.store.metrics(source.run.id)
    assert curves.keys() == stored.keys()
    for name, series in stored.items():
        assert [step for step, _ in curves[name]] == series.steps.tolist()
        np.testing.assert_allclose([value for _, value in curves[name]], series.values, rtol=1e-6)
    moments = [struct.unpack("<d", record[1][0])[0] for record in records]
    assert moments == sorted(moments)


def test_the_checksum_is_the_standards():
    assert crc32c(b"123456789") == 0xE3069283  # RFC 3720's polynomial, the check value of every catalogue of CRCs
    assert crc32c(bytes(32)) == 0x8A9136AA  # RFC 3720, appendix B.4
    content = events({"λ": Series("λ", np.asarray([300]), np.asarray([0.5]))}, 1.8e9, 10.0)
    assert len(list(read_events(content))) == 2
    with pytest.raises(ValueError, match="checksum"):
        list(read_events(content[:-1] + bytes([content[-1] ^ 1])))
    with pytest.raises(ValueError, match="cut"):
        list(read_events(content[:-30] + b"x"))
