"""A classifier that is taken away runs without the lab, and says the same as it did there."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import load, save

from tests.finished import finished
from tlcore.errors import InvalidRequest, MissingData
from tlcore.exports import Source
from tlcore.exports.classifier import classifier, model_card, renamed_tensors, wilson_interval
from tlcore.exports.classifier_script import SCRIPT
from tlcore.exports.shown import View
from tlcore.runs import Run, Store
from tlcore.specs import RunSpec, validate
from tlcore.training.asking import answer_model
from tlcore.training.trying import trained

GLYPHS = {"name": "glyphs", "characters": "digits", "pictures": 10}
# What an environment with torch and torchvision alone does not have; `-I` keeps this folder out of sight as well.
ALONE = """
import os, runpy, sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("tlcore", "ui", "safetensors", "pydantic", "streamlit"):
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Absent())
for script, picture in zip(sys.argv[1::2], sys.argv[2::2]):
    sys.argv, sys.path[:0] = [script, picture], [os.path.dirname(script)]  # as `python SCRIPT PICTURE` has it
    runpy.run_path(script, run_name="__main__")
    del sys.path[0], sys.modules["classifier"]
"""


def spec_of(method: dict, network: dict, target: dict | None = None, start: RunSpec | None = None) -> RunSpec:
    data: dict = {"kind": "task_pair", "target": target or {"name": "photo-digits", "renderings": 1},
                  "labels_per_class": 3}  # fmt: skip
    document = {"method": method, "data": data, "network": network, "optimisation": {"learning_rate": 0.02},
                "budget": {"steps": 25, "batch_size": 8, "evaluations": 1, "frames": 1}}  # fmt: skip
    if start is not None:
        data["source"] = GLYPHS
        document["start"] = {"kind": "run", "spec": start.model_dump(mode="json")}
    return validate(document)


def source_of(network: dict) -> RunSpec:
    return validate({
        "method": {"name": "pretrain"}, "data": {"kind": "source_task", "source": GLYPHS}, "network": network,
        "budget": {"steps": 25, "batch_size": 16, "evaluations": 1, "frames": 1},
    })  # fmt: skip


BLOCK = {"name": "block-cnn", "channels": 4, "features": 8}
TORCHVISION = {"name": "torchvision", "architecture": "squeezenet1_1", "weights": "none", "side": 32}
RUNS = {
    "fine-tuned": lambda: spec_of({"name": "fine_tune"}, BLOCK, start=source_of(BLOCK)),
    "on an earlier layer": lambda: spec_of({"name": "fixed_features", "layer": 2}, BLOCK, start=source_of(BLOCK)),
    "small-cnn": lambda: spec_of({"name": "scratch"}, {"name": "small-cnn", "channels": 4, "dropout": 0.2}),
    "two sizes": lambda: spec_of(
        {"name": "fine_tune"}, BLOCK, target={"name": "glyphs", "pictures": 5, "side": 24}, start=source_of(BLOCK)
    ),
    "torchvision": lambda: spec_of({"name": "scratch"}, TORCHVISION),
    "torchvision, an earlier layer": lambda: spec_of({"name": "fixed_features", "layer": 4}, TORCHVISION),
}


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    torch.set_num_threads(1)
    store = Store(tmp_path_factory.mktemp("kept"))
    yield store
    store.database.close()


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Questions are answered in this process, which has torch already."""
    monkeypatch.setattr("tlcore.exports.classifier.ask", answer_model)


def unpacked(content: bytes, folder: Path) -> Path:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        archive.extractall(folder)
        assert {Path(name).name for name in archive.namelist()} == {
            "README.md", "classifier.py", "model.json", "predict.py", "weights.safetensors",
        }  # fmt: skip
    return next(folder.iterdir())


def said_alone(pairs: list[tuple[Path, Path]]) -> list[dict[str, float]]:
    """For each folder and picture, probabilities by class, as the script prints them without the lab."""
    command = [sys.executable, "-I", "-c", ALONE]
    for folder, picture in pairs:
        command += [str(folder / "predict.py"), str(picture)]
    answer = subprocess.run(command, cwd=pairs[0][0].parent, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr
    told: list[dict[str, float]] = []
    for line in answer.stdout.splitlines():
        if not line.startswith("  "):
            assert line == str(pairs[len(told)][1])
            told.append({})
        else:
            chance, name = line.split(None, 1)
            told[-1][name] = float(chance)
    return told


def test_the_script_alone_says_what_the_lab_says(kept: Store, tmp_path: Path, here: None) -> None:
    generator = torch.Generator().manual_seed(1)
    rough = torch.randint(0, 255, (6, 9, 3), generator=generator, dtype=torch.uint8).numpy()
    picture = tmp_path / "picture.png"
    Image.fromarray(rough).resize((70, 48), Image.Resampling.BICUBIC).save(picture)
    pairs, expected = [], []
    for name, make in RUNS.items():
        run = finished(kept, make())
        pairs.append((unpacked(classifier([Source(kept, run)], View())[0], tmp_path / name), picture))
        ready = trained(kept, run)
        chances = ready.probabilities(ready.read_picture(picture.read_bytes()))[0].tolist()
        assert max(chances) - min(chances) > 1e-3, f"{name}: it would prove little if all classes were alike"
        expected.append(dict(zip(ready.class_names, chances, strict=True)))
    for name, lab, alone in zip(RUNS, expected, said_alone(pairs), strict=True):
        assert alone == pytest.approx(lab, abs=1e-4), name


def test_transparent_turned_and_grey_pictures_are_read_alike(kept: Store, tmp_path: Path, here: None) -> None:
    run = finished(kept, RUNS["fine-tuned"]())
    folder = unpacked(classifier([Source(kept, run)], View())[0], tmp_path / "zip")
    ready = trained(kept, run)
    colours = torch.randint(0, 255, (8, 8, 4), generator=torch.Generator().manual_seed(2), dtype=torch.uint8).numpy()
    image = Image.fromarray(colours).resize((40, 40), Image.Resampling.BICUBIC)
    exif = Image.Exif()
    exif[0x0112] = 6
    files = {"transparent.png": image, "grey.png": image.convert("L"), "turned.png": image.convert("RGB")}
    for name, one in files.items():
        one.save(tmp_path / name, exif=exif if name == "turned.png" else None)
    for name, told in zip(files, said_alone([(folder, tmp_path / name) for name in files]), strict=True):
        expected = ready.probabilities(ready.read_picture((tmp_path / name).read_bytes()))[0].tolist()
        assert told == pytest.approx(dict(zip(ready.class_names, expected, strict=True)), abs=5e-3), name


def test_the_card_tells_what_is_known(kept: Store, tmp_path: Path, here: None) -> None:
    run = finished(kept, RUNS["fine-tuned"]())
    folder = unpacked(classifier([Source(kept, run)], View())[0], tmp_path / "zip")
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert "Labelled pictures: 30, 3 of each class." in card
    assert "handwritten" in card.lower() and "seed 0" in card and run.id in card
    assert f"{run.summary['target_accuracy']:.1%} of 359 held-out pictures" in card
    assert f"the weights of run {run.spec.start.spec.content_hash}" in card
    model = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    assert model["classes"] == [str(digit) for digit in range(10)] and model["sides"] == [16]
    names = {layer[0] for layer in model["layers"]}
    assert {name.split(".")[0] for name in load((folder / "weights.safetensors").read_bytes())} <= names


def test_the_script_is_one_that_a_person_reads() -> None:
    assert len(SCRIPT.splitlines()) <= 20


def test_names_of_classes_cannot_break_the_card(kept: Store) -> None:
    run = finished(kept, RUNS["fine-tuned"]())
    facts = {"classes": ["a|b", "<img src=x>\n# title"], "labels": [1, 3], "data": "x", "licence": "y", "sides": [16],
             "held_out": {}}  # fmt: skip
    card = model_card(run, facts)
    assert r"| a\|b | 1 |" in card and r"| \<img src=x\> \# title | 3 |" in card
    assert "from 1 to 3 a class" in card and "It was not tested." in card


def test_tensors_keep_their_numbers_under_their_new_names() -> None:
    tensors = {"a.x": torch.arange(5.0), "a.n": torch.tensor(3), "b": torch.ones(2, 3, dtype=torch.bfloat16)}
    renamed = load(renamed_tensors(save(tensors), {"b": "new", "a.n": "count"}))
    assert set(renamed) == {"new", "count"}
    assert torch.equal(renamed["new"], tensors["b"]) and renamed["count"].item() == 3
    for damaged in (b"", b"\xff" * 40, save({"b": torch.ones(1)})[:20]):
        with pytest.raises(InvalidRequest, match="damaged"):
            renamed_tensors(damaged, {"b": "c"})


def test_the_interval_is_wilsons() -> None:
    low, high = wilson_interval(0.9, 100)
    assert (low, high) == pytest.approx((0.8256, 0.9448), abs=1e-4)
    assert wilson_interval(1.0, 10) == pytest.approx((0.7225, 1.0), abs=1e-3)
    assert wilson_interval(0.0, 10)[0] == 0.0


def test_the_terminal_writes_it(kept: Store, tmp_path: Path) -> None:
    run = finished(kept, RUNS["fine-tuned"]())
    path = tmp_path / "F.zip"
    command = [sys.executable, "-m", "tlcore", "export", run.id, "--format", "classifier", "--output", str(path),
               "--store", str(kept.folder)]  # fmt: skip
    answer = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr
    assert zipfile.is_zipfile(path)


def test_a_run_without_weights_says_so(kept: Store) -> None:
    waiting = kept.require(kept.add(spec_of({"name": "scratch"}, BLOCK)))
    with pytest.raises(InvalidRequest, match="is queued and has no final weights"):
        classifier([Source(kept, waiting)], View())
    kept.change(waiting.id, state="finished")
    with pytest.raises(MissingData, match="recorded runs come without them"):
        classifier([Source(kept, kept.require(waiting.id))], View())


def test_a_classifier_of_numbers_is_refused(kept: Store, here: None) -> None:
    spec = validate({
        "method": {"name": "source_only"}, "data": {"source": {"name": "moons"}, "target": {"name": "moons"}},
        "network": {"name": "perceptron"},
        "budget": {"steps": 2, "batch_size": 8, "evaluations": 1, "frames": 1, "probe_points": 20},
    })  # fmt: skip
    run: Run = finished(kept, spec)
    with pytest.raises(InvalidRequest, match="learned from numbers"):
        classifier([Source(kept, run)], View())
