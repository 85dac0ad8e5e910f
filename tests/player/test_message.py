"""What is sent to the player can be read back, and is sent once."""

import base64
import io
import json

import numpy as np
import pytest
from PIL import Image

from tlcore.player.film import Curve, Panel, film_message, projection_label
from tlcore.player.message import (
    MISSING_COORDINATE,
    REPEAT_SECONDS,
    Ledger,
    encode_curve,
    encode_film,
    encode_frame,
    encode_neighbours,
    encode_probe,
    encode_surface,
    nearest_of,
    newest_layout,
    probe_digest,
)
from tlcore.runs.records import Frame, Neighbours, Probe, Surface, TaskLabels


def frame(step, points, predictions=None, projection="pca", layout=0):
    points = np.asarray(points, dtype=np.float32)
    predictions = np.zeros(len(points), np.int16) if predictions is None else np.asarray(predictions, np.int16)
    return Frame(step, projection, points, predictions, layout)


def numbers(text, kind):
    return np.frombuffer(base64.b64decode(text), dtype=kind)


def test_points_come_back_within_a_hair_of_the_box():
    points = np.random.default_rng(0).normal(size=(500, 2)) * [3, 1000]
    encoded = encode_frame(frame(7, points))
    low_x, high_x, low_y, high_y = encoded["box"]
    fraction = (numbers(encoded["points"], "<i2").reshape(-1, 2).astype(float) + 32767) / 65534
    back = np.array([low_x, low_y]) + fraction * [high_x - low_x, high_y - low_y]
    assert np.abs(back - points.astype(np.float32)).max() <= 1000 * 8 / 65534
    assert encoded["step"] == 7


def test_points_that_are_no_numbers_are_marked_and_counted():
    encoded = encode_frame(frame(0, [[0, 0], [np.nan, 1], [np.inf, 0], [2, 3]]))
    packed = numbers(encoded["points"], "<i2").reshape(-1, 2)
    assert (packed[[1, 2]] == MISSING_COORDINATE).all()
    assert encoded["missing"] == 2
    assert encoded["box"] == [0, 2, 0, 3]


@pytest.mark.parametrize("points", [[[np.nan, np.nan]], np.empty((0, 2))])
def test_a_frame_without_a_single_place_has_no_box(points):
    assert encode_frame(frame(0, points))["box"] is None


def test_points_at_one_place_are_no_division_by_zero():
    encoded = encode_frame(frame(0, [[5, 5], [5, 5]]))
    assert encoded["box"] == [5, 6, 5, 6]
    assert (numbers(encoded["points"], "<i2") == -32767).all()


def test_predictions_take_one_byte_until_there_are_too_many_classes():
    points = np.zeros((3, 2))
    few = encode_frame(frame(0, points, [-1, 0, 254]))
    many = encode_frame(frame(0, points, [-1, 0, 255]))
    assert numbers(few["predictions"], "u1").tolist() == [255, 0, 254] and not few["wide"]
    assert numbers(many["predictions"], "<i2").tolist() == [-1, 0, 255] and many["wide"]


def test_a_new_frame_of_two_thousand_points_is_small():
    points = np.random.default_rng(0).normal(size=(2000, 2))
    assert len(json.dumps(encode_frame(frame(0, points)))) < 15_000


def test_only_frames_not_yet_sent_are_sent():
    ledger = Ledger()
    frames = [frame(step, np.zeros((2, 2))) for step in range(5)]
    first = encode_film(ledger, 0, "run|pca|0", frames[:3], [])
    second = encode_film(ledger, 0, "run|pca|0", frames, [])
    third = encode_film(ledger, 0, "run|pca|0", frames, [])
    assert (first["first"], len(first["frames"])) == (0, 3)
    assert (second["first"], [item["step"] for item in second["frames"]]) == (3, [3, 4])
    assert (third["first"], third["frames"], third["total"]) == (5, [], 5)


def test_a_new_film_a_shorter_one_and_a_forgetful_browser_get_everything():
    ledger = Ledger()
    frames = [frame(step, np.zeros((2, 2))) for step in range(5)]
    encode_film(ledger, 0, "a", frames, [])
    assert len(encode_film(ledger, 0, "b", frames, [])["frames"]) == 5
    assert len(encode_film(ledger, 0, "b", frames[:2], [])["frames"]) == 2
    ledger.forget()
    assert len(encode_film(ledger, 0, "b", frames[:2], [])["frames"]) == 2
    assert ledger.answers == 1


def test_a_browser_that_has_lost_its_film_gets_all_of_it_for_a_while(monkeypatch):
    """A busy browser sees only the latest of several messages: one complete message might be overtaken."""
    now = [100.0]
    monkeypatch.setattr("tlcore.player.message.time.monotonic", lambda: now[0])
    labels = np.zeros(2, np.int16)
    probe = Probe(labels, labels.astype(np.int8), ("a",))
    panels = [Panel("run", "DANN", frames=[frame(step, np.zeros((2, 2))) for step in range(5)])]
    ledger = Ledger()

    def sent():
        message = film_message(ledger, panels, probe, ["pca"], "pca")
        return "labels" in message["probe"], len(message["panels"][0]["frames"])

    assert [sent(), sent()] == [(True, 5), (False, 0)]
    ledger.forget()
    assert [sent(), sent(), sent()] == [(True, 5)] * 3
    now[0] += REPEAT_SECONDS
    assert sent() == (False, 0)
    ledger.forget()
    now[0] += 1.5 * REPEAT_SECONDS
    assert sent() == (True, 5)


def test_the_newest_layout_of_the_projection_is_shown_in_order():
    frames = [frame(0, [[0, 0]]), frame(20, [[0, 0]], layout=1), frame(10, [[0, 0]], layout=1)]
    frames.append(frame(30, [[0, 0]], projection="umap", layout=2))
    assert [item.step for item in newest_layout(frames, "pca")] == [10, 20]
    assert [item.step for item in newest_layout(frames, "umap")] == [30]
    assert newest_layout(frames, "tsne") == []


@pytest.mark.parametrize("channels", [1, 3])
def test_thumbnails_lie_in_one_sheet_row_by_row(channels):
    thumbnails = np.zeros((5, channels, 4, 6), np.uint8)
    thumbnails[4] = 200
    probe = Probe(np.zeros(5, np.int16), np.zeros(5, np.int8), ("a",), thumbnails)
    sprite = encode_probe(probe, probe_digest(probe))["sprite"]
    sheet = np.asarray(Image.open(io.BytesIO(base64.b64decode(sprite["address"].split(",")[1]))).convert("L"))
    assert (sprite["columns"], sprite["width"], sprite["height"]) == (3, 6, 4)
    assert sheet.shape == (8, 18)
    assert sheet[5:7, 7:11].mean() > 180
    assert sheet[:3].mean() < 20


def test_a_probe_is_known_by_what_is_in_it():
    labels = np.array([0, 1], np.int16)
    domains = np.array([0, 1], np.int8)
    same = [probe_digest(Probe(labels.copy(), domains.copy(), ("a", "b"))) for _ in range(2)]
    assert same[0] == same[1] != probe_digest(Probe(labels, domains, ("a", "c")))


def test_what_else_is_asked_of_a_probe_goes_along():
    labels, domains = np.array([0, 1], np.int16), np.array([1, 1], np.int8)
    others = tuple(TaskLabels(f"t{n}", np.array([n, -1], np.int16), tuple("abcdef")) for n in range(5))
    probe = Probe(labels, domains, ("a", "b"), None, "main", others)
    assert probe_digest(probe) != probe_digest(Probe(labels, domains, ("a", "b")))
    encoded = encode_probe(probe, probe_digest(probe))
    assert encoded["task"] == "main" and [one["task"] for one in encoded["others"]] == ["t0", "t1", "t2"]
    assert numbers(encoded["others"][2]["labels"], "<i2").tolist() == [2, -1]
    assert encoded["others"][0]["class_names"] == list("abcdef")


def test_a_surface_keeps_its_rows_and_survives_what_is_no_number():
    values = np.array([[0, 1], [np.nan, 0.5], [2, -1]], np.float32)
    encoded = encode_surface(Surface(3, "class", (0, 1, 0, 2), values))
    assert (encoded["height"], encoded["width"]) == (3, 2)
    assert numbers(encoded["values"], "u1").tolist() == [0, 255, 128, 128, 255, 0]


def test_a_long_curve_is_thinned_and_keeps_its_ends():
    curve = encode_curve("accuracy", "target", range(10_000), np.linspace(0, 1, 10_000))
    assert len(curve["steps"]) <= 160
    assert (curve["steps"][0], curve["steps"][-1], curve["values"][-1]) == (0, 9999, 1.0)
    assert encode_curve("x", "target", [0, 1], [np.nan, 1])["values"] == [None, 1.0]
    assert encode_curve("x", "target", [], [])["steps"] == []


def test_a_live_message_with_one_new_frame_of_two_thousand_points_is_below_thirty_kilobytes():
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 10, 2000).astype(np.int16)
    thumbnails = generator.integers(0, 255, (2000, 3, 16, 16)).astype(np.uint8)
    probe = Probe(labels, (labels % 2).astype(np.int8), tuple("0123456789"), thumbnails)
    frames = [frame(step, generator.normal(size=(2000, 2)), labels) for step in range(30)]
    curves = [Curve(name, "target", range(400), generator.random(400)) for name in ("one", "two")]
    ledger = Ledger()
    film_message(ledger, [Panel("run", "DANN", "0.9", frames[:-1])], probe, ["pca", "umap"], "pca", curves=curves)
    message = film_message(ledger, [Panel("run", "DANN", "0.9", frames)], probe, ["pca", "umap"], "pca", curves=curves)
    assert [len(panel["frames"]) for panel in message["panels"]] == [1]
    assert len(json.dumps(message)) < 30_000


def test_points_in_space_come_back_within_a_hair_of_the_box():
    points = np.random.default_rng(0).normal(size=(50, 3)) * [1, 10, 100]
    encoded = encode_frame(frame(7, points, projection="pca-3d"))
    box = np.array(encoded["box"]).reshape(3, 2)
    fraction = (numbers(encoded["points"], "<i2").reshape(-1, 3).astype(float) + 32767) / 65534
    back = box[:, 0] + fraction * (box[:, 1] - box[:, 0])
    assert encoded["dimensions"] == 3
    assert np.abs(back - points.astype(np.float32)).max() <= 1000 / 65534


def test_neighbours_of_all_points_and_of_one():
    table = [
        Neighbours(0, np.array([[1, 2], [0, 2], [0, 1]], np.int16)),
        Neighbours(9, np.array([[2, 1], [2, 0], [1, 0]])),
    ]
    encoded = encode_neighbours(table[0])
    assert (encoded["k"], numbers(encoded["text"], "<u2").tolist()) == (2, [1, 2, 0, 2, 0, 1])
    assert nearest_of(table, 1) == {"point": 1, "steps": [0, 9], "rows": [[0, 2], [2, 0]]}
    assert nearest_of(table, 3) is None and nearest_of([], 0) is None


@pytest.mark.parametrize(("name", "label"), [("umap", "UMAP"), ("pca-3d", "PCA 3-D"), ("input", "Input")])
def test_projections_are_called_by_their_names(name, label):
    assert projection_label(name) == label


def test_descriptions_are_told_apart_and_have_the_class_they_describe():
    names = ("ant", "bee", "ant, as described", "bee, as described")
    probe = Probe(np.array([0, 1, 1, 2, 3, -1], np.int16), np.zeros(6, np.int8), names)
    sent = encode_probe(probe, probe_digest(probe))
    assert numbers(sent["described"], np.uint8).tolist() == [0, 0, 0, 1, 1, 0]
    assert sent["pictured"] == [0, 1, 0, 1]
    plain = Probe(np.array([0, 1], np.int16), np.zeros(2, np.int8), ("ant", "an ant, as described"))
    assert encode_probe(plain, "plain")["described"] is None
