"""Columns of an own table as tasks: classes and quantities, and what is missing."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import torch

from tests.data.own.conftest import fill
from tlcore.data.own.columns import task_columns
from tlcore.data.own.folders import FolderFiles
from tlcore.data.own.library import import_pictures
from tlcore.data.own.load import load_own
from tlcore.data.own.number_tables import read_number_table
from tlcore.data.splits import Share
from tlcore.specs import OwnPictures


def test_words_and_few_whole_numbers_are_classes_and_other_numbers_quantities() -> None:
    found = task_columns(
        {
            "Haar farbe": ["dark", "fair", "", "dark", "fair", "fair"],
            "legs": [4.0, 2.0, 2.0, 4.0, 4.0, 2.0],
            "age": ["1.5", "n/a", "3", "4", "5.25", "?"],
            "file": ["a", "b", "c", "d", "e", "f"],
            "always": ["yes"] * 6,
            "label": ["x", "y", "x", "y", "NA", "x"],
        }
    )
    assert [(one.name, one.title, one.class_names, one.known) for one in found] == [
        ("Haar_farbe", "Haar farbe", ("dark", "fair"), 5),
        ("legs", "legs", ("2", "4"), 6),
        ("age", "age", (), 4),
        ("label_5", "label", ("x", "y"), 5),
    ]
    assert found[0].values.tolist() == [0, 1, -1, 0, 1, 1] and found[1].values.tolist() == [1, 0, 0, 1, 1, 0]
    assert found[2].values[0] == 1.5 and np.isnan(found[2].values[[1, 5]]).all()


def test_a_name_in_another_script_becomes_one_that_a_metric_can_have() -> None:
    names = [
        one.name for one in task_columns({"年齢": ["1", "2"] * 3, "a.b/c": ["p", "q"] * 3, "a b c": ["p", "q"] * 3})
    ]
    assert names == ["task_2", "a_b_c", "a_b_c_4"]
    assert max(len(one.name) for one in task_columns({"x" * 99: ["p", "q"] * 3})) <= 40


def test_a_table_of_pictures_gives_tasks_with_missing_labels(tmp_path: Path, data: Path) -> None:
    source = fill(tmp_path / "pets", [f"{number}.png" for number in range(16)])
    rows = [["file", "label", "mood", "weight"]]
    for number in range(16):
        mood = "" if number % 4 == 0 else ("calm", "wild")[number % 2]
        rows.append([f"{number}.png", ("cat", "dog")[number // 8], mood, "" if number == 5 else f"{number}.5"])
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    (source / "labels.csv").write_text(text.getvalue())
    manifest = import_pictures(FolderFiles(source), "pets", side=16)
    told = {one["name"]: (one["classes"], one["known"]) for one in manifest.summary("pets")["tasks"]}
    assert told == {"label": (2, 16), "mood": (2, 12), "weight": (0, 15)}
    domain = load_own(OwnPictures(dataset="pets"), 0, Share())
    part = domain.train
    assert part.attribute_names == ("mood", "weight") and part.attribute_classes == (("calm", "wild"), ())
    assert part.attributes is not None and set(part.attributes[:, 0].tolist()) == {-1.0, 0.0, 1.0}


def test_columns_of_a_table_of_features_that_are_tasks_are_no_features(tmp_path: Path) -> None:
    (tmp_path / "f.csv").write_text(
        "label,x1,x2,task:mood\n" + "".join(f"{n % 2},{n},1.5,{'ab'[n % 2]}\n" for n in range(8))
    )
    table = read_number_table(FolderFiles(tmp_path), "f.csv")
    assert (table.width, table.attributes) == (2, {"mood": ["a", "b"] * 4})
    rows: list[np.ndarray] = []
    table.read(rows.append)
    assert torch.from_numpy(np.concatenate(rows))[3].tolist() == [3.0, 1.5]
