"""A finished run's network put together again answers as it did, and a new picture is read as its own were."""

from __future__ import annotations

import base64
import importlib.util
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.finished import finished
from tlcore.errors import InvalidRequest, MissingData
from tlcore.runs import Run, Store
from tlcore.specs import RunSpec, validate
from tlcore.training.describing import ONNX_PACKAGES, onnx_model
from tlcore.training.trying import load_trained, trained, try_picture

NETWORK = {"name": "block-cnn", "channels": 4, "features": 8}
GLYPHS = {"name": "glyphs", "characters": "digits", "pictures": 10}


def source_spec() -> RunSpec:
    return validate({
        "method": {"name": "pretrain"}, "data": {"kind": "source_task", "source": GLYPHS}, "network": NETWORK,
        "optimisation": {"learning_rate": 0.05},
        "budget": {"steps": 60, "batch_size": 16, "evaluations": 1, "frames": 1},
    })  # fmt: skip


def target_spec(name: str, **method: object) -> RunSpec:
    return validate({
        "method": {"name": name, **method},
        "data": {"kind": "task_pair", "source": GLYPHS, "target": {"name": "photo-digits", "renderings": 1},
                 "labels_per_class": 3},
        "network": NETWORK, "optimisation": {"learning_rate": 0.02},
        "budget": {"steps": 30, "batch_size": 8, "evaluations": 1, "frames": 1},
        "start": {"kind": "run", "spec": source_spec().model_dump(mode="json")},
    })  # fmt: skip


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    torch.set_num_threads(1)
    store = Store(tmp_path_factory.mktemp("tried"))
    yield store
    store.database.close()


@pytest.fixture(scope="module")
def tuned(store: Store) -> Run:
    return finished(store, target_spec("fine_tune"))


def as_png(picture: torch.Tensor) -> bytes:
    written = io.BytesIO()
    Image.fromarray(picture.numpy().transpose(1, 2, 0)).save(written, "PNG")
    return written.getvalue()


@pytest.mark.parametrize(
    "method", [{"name": "fine_tune"}, {"name": "fixed_features"}, {"name": "fixed_features", "layer": 2}],
    ids=["fine_tune", "fixed_features", "an earlier layer"],
)  # fmt: skip
def test_the_network_is_as_accurate_as_the_run_said(store: Store, method: dict) -> None:
    run = finished(store, target_spec(**method))
    ready = trained(store, run)
    test = ready.loaded.visible.held_out["target", "test"]
    labels = ready.loaded.evaluator._tasks["target", "test"][0]
    predicted = torch.cat([ready.probabilities(chunk) for chunk in test.split(200)]).argmax(1).numpy()
    assert float((predicted == labels).mean()) == pytest.approx(run.summary["target_accuracy"], abs=1e-9)
    assert not ready.classifier.training
    assert not any(parameter.requires_grad for parameter in ready.classifier.parameters())


def test_a_classifier_alone_is_the_same(store: Store, tuned: Run) -> None:
    ready, alone = trained(store, tuned), load_trained(store, tuned)
    inputs = ready.examples.inputs[:4]
    with torch.no_grad():
        assert torch.equal(alone(inputs), ready.classifier(inputs))


def test_a_picture_it_learned_from_is_its_own_nearest(store: Store, tuned: Run, tmp_path: Path) -> None:
    ready = trained(store, tuned)
    path = tmp_path / "upload"
    path.write_bytes(as_png(ready.examples.inputs[7]))
    answer = try_picture(store, tuned, path, 3)
    expected = ready.probabilities(ready.examples.inputs[7:8])[0]
    told = {row["class"]: row["probability"] for row in answer["classes"]}
    assert [told[name] for name in ready.class_names] == pytest.approx(expected.tolist(), abs=1e-6)
    assert sum(told.values()) == pytest.approx(1.0, abs=1e-5)
    assert [row["probability"] for row in answer["classes"]] == sorted(told.values(), reverse=True)
    nearest = answer["neighbours"][0]
    assert nearest["similarity"] == pytest.approx(1.0, abs=1e-5) and len(answer["neighbours"]) == 3
    assert nearest["class"] == ready.class_names[int(ready.examples.labels[7])]
    assert answer["compared"] == len(ready.examples) == 30
    seen = np.asarray(Image.open(io.BytesIO(base64.b64decode(answer["seen"]))))
    assert np.array_equal(seen, ready.examples.inputs[7].numpy().transpose(1, 2, 0))


def test_a_large_picture_is_brought_to_the_size_that_was_learned(store: Store, tuned: Run, tmp_path: Path) -> None:
    wide = Image.new("RGB", (300, 200), "black")
    wide.paste("white", (50, 0, 250, 200))  # the middle square is white
    path = tmp_path / "upload"
    wide.save(path, "PNG")
    ready = trained(store, tuned)
    assert tuple(ready.read_picture(path.read_bytes()).shape) == (1, 3, 16, 16)
    assert int(ready.read_picture(path.read_bytes())[..., 1:-1].min()) == 255


@pytest.mark.parametrize("content", [b"", b"no picture", b"<svg/>", b"PK\x03\x04"])
def test_what_is_no_picture_is_refused_in_a_sentence(store: Store, tuned: Run, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "upload"
    path.write_bytes(content)
    with pytest.raises(InvalidRequest, match="The picture cannot be used: it is"):
        try_picture(store, tuned, path, 0)


def test_runs_without_a_network_say_why(store: Store, tuned: Run) -> None:
    waiting = store.require(store.add(target_spec("l2_sp")))
    with pytest.raises(InvalidRequest, match="is queued: its network can be used once it has finished"):
        load_trained(store, waiting)
    lost = store.require(store.add(target_spec("output_matching")))
    store.change(lost.id, state="finished")
    with pytest.raises(MissingData, match="recorded runs come without them"):
        trained(store, store.require(lost.id))
    with pytest.raises(InvalidRequest, match="There is no picture"):
        try_picture(store, tuned, None, 0)


def test_onnx_says_the_same_or_says_how_to_have_it(store: Store, tuned: Run, tmp_path: Path) -> None:
    ready = trained(store, tuned)
    if any(importlib.util.find_spec(name) is None for name in ONNX_PACKAGES):
        with pytest.raises(MissingData, match="python -m pip install onnx onnxscript"):
            onnx_model(ready)
        return
    import onnx.reference

    path = tmp_path / "classifier.onnx"
    path.write_bytes(base64.b64decode(onnx_model(ready)["onnx"]))
    pictures = ready.examples.inputs[:3]
    session = onnx.reference.ReferenceEvaluator(str(path))
    (told,) = session.run(None, {"pictures": pictures.float().div(255).numpy()})
    assert told == pytest.approx(ready.probabilities(pictures).numpy(), abs=1e-4)
