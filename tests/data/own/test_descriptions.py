"""Descriptions of classes beside somebody's pictures make a zero-shot task of them, whatever the pictures are."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.data.own.conftest import classes, fill
from tlcore.data.own.folders import FolderFiles
from tlcore.data.own.library import find_own, import_pictures
from tlcore.data.own.load import load_own
from tlcore.data.own.sources import preview
from tlcore.data.splits import Share
from tlcore.data.zero_shot import load_own_zero_shot
from tlcore.errors import InvalidRequest
from tlcore.specs import validate
from tlcore.specs.own_data import OwnPictures
from tlcore.training.preparation import prepare

NAMES = ("cat", "dog", "polar bear", "zebra")
TABLE = "class,split,furry,stripes\ncat,seen,1,0.2\ndog,seen,1,0\npolar bear,seen,1,0\nzebra,unseen,0.5,1\n"


def brought(folder: Path, **files: str) -> Path:
    fill(folder, classes(*NAMES, count=6))
    for name, text in files.items():
        (folder / name.replace("_", ".")).write_text(text, encoding="utf-8")
    return folder


def kept(folder: Path) -> OwnPictures:
    manifest = import_pictures(FolderFiles(folder), "mine", side=16)
    return OwnPictures(dataset="mine", content=manifest.content)


def test_a_table_of_attributes_makes_a_zero_shot_task(tmp_path: Path, data: Path) -> None:
    spec = kept(brought(tmp_path / "pictures", descriptions_csv=TABLE))
    task = load_own_zero_shot(spec)
    assert task.class_names == NAMES and task.attribute_names == ("furry", "stripes")
    torch.testing.assert_close(task.class_vectors, torch.tensor([[1, 0.2], [1, 0], [1, 0], [0.5, 1]]))
    assert task.seen.tolist() == [True, True, True, False]
    assert task.test_unseen.labels.tolist() == [3] * 6 and task.input_shape == (3, 16, 16)
    assert {0, 1, 2} == set(task.train.labels.tolist()) == set(task.test_seen.labels.tolist())
    assert task.for_tuning().class_names == NAMES[:3]
    # Other methods do not learn from an unseen class either.
    assert 3 not in load_own(spec, 0, Share()).train.labels.tolist()


def test_a_run_on_own_pictures_is_prepared(tmp_path: Path, data: Path) -> None:
    spec = kept(brought(tmp_path / "pictures", descriptions_csv=TABLE))
    run = validate({
        "method": {"name": "margin"}, "data": {"kind": "zero_shot", "source": spec.model_dump(mode="json")},
        "network": {"name": "pyramid-cnn", "channels": 4}, "budget": {"steps": 2, "batch_size": 4, "probe_points": 20},
    })  # fmt: skip
    ready = prepare(run, device=torch.device("cpu"), precision=torch.float32)
    assert ready.context.data.shares is True  # type: ignore[attr-defined]
    assert ready.probe.described.sum() == 4


def test_vectors_of_words_describe_classes_of_several_words(tmp_path: Path, data: Path) -> None:
    words = "5 3\nCat 1 0 0\npolar 0 1 0\nbear 0 0 1\nof 9 9 9\nDog 1 1 0\nzebra 0 1 1\n"
    spec = kept(brought(tmp_path / "pictures", descriptions_txt=words))
    task = load_own_zero_shot(spec)
    torch.testing.assert_close(task.class_vectors[2], torch.tensor([0, 0.5, 0.5]))
    assert task.attribute_names == () and task.seen.tolist() == [True, True, True, False]
    assert any("every fifth" in note for note in find_own("mine")[1].notes)


def test_descriptions_are_said_to_be_read_and_not_to_be_left_out(tmp_path: Path, data: Path) -> None:
    folder = brought(tmp_path / "pictures", descriptions_csv=TABLE)
    assert preview(folder).notes == ["Descriptions of 4 classes with 2 attributes each are read."]
    (folder / "README.md").write_text("of the pictures")
    assert "1 file is left out because its name says that it is no picture." in preview(folder).notes
    words = "\n".join(f"{word} {place}" for place, word in enumerate(("cat", "dog", "polar", "bear", "zebra")))
    folder = brought(tmp_path / "words", descriptions_txt=words)
    assert "Descriptions of 4 classes with 1 number each are read." in preview(folder).notes


def test_the_preview_tells_what_is_unseen(tmp_path: Path, data: Path) -> None:
    counts = preview(brought(tmp_path / "pictures", descriptions_csv=TABLE)).counts
    assert {row["class"] for row in counts if row["part"] == "unseen"} == {"zebra"}


@pytest.mark.parametrize(
    "files, sentence",
    [
        ({"descriptions_csv": "class,furry\ncat,1\n"}, "does not describe dog, polar bear, zebra"),
        ({"descriptions_csv": "class\ncat\n"}, "columns of numbers"),
        ({"descriptions_csv": TABLE.replace("0.2", "much")}, "where a number belongs"),
        ({"descriptions_csv": TABLE.replace("unseen", "new")}, "seen or unseen"),
        ({"descriptions_csv": TABLE + "cat,seen,1,1\n"}, "twice"),
        ({"descriptions_csv": TABLE.replace(",seen", ",unseen")}, "no class that is seen"),
        ({"descriptions_csv": TABLE, "descriptions_txt": "cat 1\n"}, "two files of descriptions"),
        ({"descriptions_txt": "cat 1 2\ndog 1\npolar 1 2\nbear 1 2\nzebra 1 2\n"}, "different numbers"),
        ({"descriptions_txt": "cat nan\n"}, "where a number belongs"),
    ],
)
def test_descriptions_that_cannot_be_used_are_refused(
    files: dict[str, str], sentence: str, tmp_path: Path, data: Path
) -> None:
    with pytest.raises(InvalidRequest, match=sentence):
        import_pictures(FolderFiles(brought(tmp_path / "pictures", **files)), "mine", side=16)
    assert not (data / "own" / "mine").exists()


def test_without_descriptions_there_is_no_task(tmp_path: Path, data: Path) -> None:
    with pytest.raises(InvalidRequest, match="no descriptions"):
        load_own_zero_shot(kept(brought(tmp_path / "pictures")))
