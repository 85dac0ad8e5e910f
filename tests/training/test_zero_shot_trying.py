"""A picture that somebody brings is seen by a zero-shot run as its own pictures were; recorded runs answer as well."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.data.own.conftest import classes, fill
from tests.finished import finished
from tlcore.data.own.folders import FolderFiles
from tlcore.data.own.library import import_pictures
from tlcore.errors import InvalidRequest, MissingData
from tlcore.gallery.answers import ASKED, answers_file, of_weights, read_answers, write_answers
from tlcore.gallery.keep import write_gallery
from tlcore.runs import Run, Store
from tlcore.specs import RunSpec, validate
from tlcore.training.zero_shot_trying import ask_zero_shot
from ui.library import RunView
from ui.zero_shot_model import askable

NETWORK = {"name": "pyramid-cnn", "channels": 4}
CREATURES = {"name": "creatures", "pictures": 10, "test_pictures": 5, "side": 16}


def spec_of(name: str, start: RunSpec | None = None) -> RunSpec:
    return validate({
        "method": {"name": name}, "data": {"kind": "zero_shot", "source": CREATURES}, "network": NETWORK,
        "optimisation": {"learning_rate": 0.01},
        "budget": {"steps": 4, "batch_size": 16, "evaluations": 1, "frames": 1, "probe_points": 240},
        "start": {"kind": "run", "spec": start.model_dump(mode="json")} if start else {"kind": "random"},
    })  # fmt: skip


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    torch.set_num_threads(1)
    store = Store(tmp_path_factory.mktemp("asked"))
    yield store
    store.database.close()


@pytest.fixture(scope="module")
def margin(store: Store) -> Run:
    return finished(store, spec_of("margin"))


def picture_of(store: Store, run: Run, row: int, folder: Path) -> Path:
    probe = store.probe(run.id)
    assert probe is not None and probe.thumbnails is not None
    written = folder / "upload"
    Image.fromarray(probe.thumbnails[row].transpose(1, 2, 0)).save(written, "PNG")
    return written


@pytest.mark.parametrize("name", ["margin", "attributes", "conse", "ale"])
def test_one_of_its_own_test_pictures_is_seen_as_the_run_saw_it(store: Store, name: str, tmp_path: Path) -> None:
    run = finished(store, spec_of(name, spec_of("features") if name == "conse" else None))
    known = of_weights(store.run_folder(run.id) / "weights.safetensors")
    assert known is not None
    upload = picture_of(store, run, 7, tmp_path)
    answer = ask_zero_shot(store, run, upload)
    np.testing.assert_allclose(answer["evidence"], known["evidence_of_probe"][7], rtol=1e-3, atol=1e-4)
    seen = np.asarray(Image.open(io.BytesIO(base64.b64decode(answer["seen"]))))
    assert np.array_equal(seen, np.asarray(Image.open(upload)))


def test_what_is_no_picture_or_has_no_weights_is_refused(store: Store, margin: Run, tmp_path: Path) -> None:
    (tmp_path / "upload").write_bytes(b"GIF89a but not really")
    with pytest.raises(InvalidRequest, match="cannot be used"):
        ask_zero_shot(store, margin, tmp_path / "upload")
    with pytest.raises(InvalidRequest, match="no picture"):
        ask_zero_shot(store, margin, None)
    features = finished(store, spec_of("features"))
    with pytest.raises(InvalidRequest, match="cannot be asked"):
        ask_zero_shot(store, features, tmp_path / "upload")
    elsewhere = Store(tmp_path / "elsewhere")
    elsewhere.add(margin.spec)
    elsewhere.change(margin.id, state="finished")
    with pytest.raises(MissingData):
        ask_zero_shot(elsewhere, elsewhere.require(margin.id), picture_of(store, margin, 0, tmp_path))


def test_a_recorded_run_answers_nearly_as_the_run_did(store: Store, margin: Run, tmp_path: Path) -> None:
    file = tmp_path / "recorded.sqlite"
    features = finished(store, spec_of("features"))
    write_gallery(store, [margin.id, features.id], file, films={margin.id})
    assert write_answers(store, [margin.id, features.id], file) == answers_file(file)
    assert read_answers(file, features.id) is None
    known, kept = of_weights(store.run_folder(margin.id) / "weights.safetensors"), read_answers(file, margin.id)
    assert known is not None and kept is not None and set(kept) <= set(ASKED)
    for name, tensor in kept.items():
        np.testing.assert_allclose(tensor, known[name], rtol=2e-3, atol=2e-3)
    recorded = Store(file=file)
    whole = askable(RunView(margin, store, is_recorded=False))
    model = askable(RunView(recorded.require(margin.id), recorded, is_recorded=True))
    assert whole is not None and model is not None and model.drawn
    np.testing.assert_allclose(model.scores(model.vectors), whole.scores(whole.vectors), rtol=0.02, atol=0.02)
    recorded.database.close()


def test_own_pictures_can_be_asked_about_and_are_not_drawn(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TLCORE_DATA", str(tmp_path / "data"))
    folder = fill(tmp_path / "pictures", classes("cat", "dog", "zebra", count=6))
    (folder / "descriptions.csv").write_text(
        "class,split,legs,weight\ncat,seen,4,5\ndog,seen,3,30\nzebra,unseen,4,300\n"
    )
    manifest = import_pictures(FolderFiles(folder), "mine", side=16)
    run = finished(store, validate({
        "method": {"name": "margin"}, "network": NETWORK, "budget": {"steps": 2, "batch_size": 4, "probe_points": 20},
        "data": {
            "kind": "zero_shot", "source": {"name": "own-pictures", "dataset": "mine", "content": manifest.content},
        },
    }))  # fmt: skip
    model = askable(RunView(run, store, is_recorded=False))
    assert model is not None and model.takes_pictures and not model.drawn
    assert model.attributes == ("legs", "weight") and model.limits.tolist() == [[0, 4], [0, 300]]
    answer = ask_zero_shot(store, run, folder / "cat" / "0.png")
    assert len(answer["evidence"]) == 2


def test_where_nothing_can_be_asked_no_file_is_left(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "recorded.sqlite"
    answers_file(file).write_bytes(b"of an earlier recording")
    assert write_answers(store, [finished(store, spec_of("features")).id], file) is None
    assert not answers_file(file).exists()
