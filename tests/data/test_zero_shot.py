"""What a zero-shot task may hold, proved on the object; and the standard benchmarks read into it."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.io import loadmat, savemat

from tlcore.data.dataset import Dataset, Provenance
from tlcore.data.own import matlab
from tlcore.data.own.sources import import_source
from tlcore.data.zero_shot import ZeroShotData, benchmark_folder, from_partitions, load_own_zero_shot, load_xlsa17
from tlcore.errors import InvalidRequest, MissingData
from tlcore.specs.own_data import OwnFeatures

NAMES = ("ant", "bee", "cat", "dog", "elk", "fox")
SEEN = torch.tensor([True, True, True, True, False, False])
TUNING = torch.tensor([False, True, False, False, False, False])
VECTORS = torch.eye(6)


def part(labels: list[int], first: int) -> Dataset:
    tensor = torch.tensor(labels)
    inputs = torch.arange(first, first + len(labels)).float()[:, None].repeat(1, 3)
    identities = torch.arange(first, first + len(labels))
    return Dataset(inputs, tensor, identities, NAMES, Provenance("t", "o", "", ""))


def task(**changes: Any) -> ZeroShotData:
    content: dict[str, Any] = {
        "train": part([0, 1, 2, 3] * 5, 0),
        "validation": part([0, 1, 2, 3], 100),
        "test_seen": part([0, 1, 2, 3], 200),
        "test_unseen": part([4, 5], 300),
        "class_vectors": VECTORS,
        "class_names": NAMES,
        "attribute_names": (),
        "seen": SEEN,
        "tuning": TUNING,
    }
    return ZeroShotData(**content | changes)


def test_a_sound_task() -> None:
    data = task()
    assert data.seen_classes.tolist() == [0, 1, 2, 3] and data.unseen_classes.tolist() == [4, 5]
    assert data.input_shape == (3,)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"train": part([0, 1, 4], 0)}, "train holds an unseen class, elk"),
        ({"validation": part([5], 100)}, "validation holds an unseen class, fox"),
        ({"test_seen": part([0, 4], 200)}, "test_seen holds an unseen class, elk"),
        ({"test_unseen": part([4, 0], 300)}, "test_unseen holds a seen class, ant"),
        ({"validation": part([0], 3)}, "train and validation share an original"),
        ({"test_unseen": part([4], 5)}, "train and test_unseen share an original"),
        ({"train": part([0, 6], 0)}, "a label outside of 6 classes"),
        ({"class_vectors": torch.eye(5)}, "6 classes need a description each"),
        ({"class_vectors": VECTORS * torch.nan}, "not finite"),
        ({"attribute_names": ("one",)}, "one name for each attribute"),
        ({"seen": SEEN.int()}, "“seen” must say yes or no"),
        ({"seen": torch.ones(6, dtype=torch.bool)}, "Some classes must be seen and some unseen"),
        ({"tuning": ~SEEN}, "must be some of the seen ones"),
        ({"tuning": SEEN}, "not all of them"),
        ({"train": replace(part([0], 0), class_names=("x",))}, "train has other classes"),
    ],
)
def test_refused(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        task(**changes)


def test_tuning_knows_nothing_of_the_unseen_classes() -> None:
    data = task()
    tuning = data.for_tuning()
    assert tuning.class_names == NAMES[:4] and tuning.unseen_classes.tolist() == [1]
    assert torch.equal(tuning.class_vectors, VECTORS[:4])
    assert set(tuning.train.labels.tolist()) == set(tuning.validation.labels.tolist()) == {0, 2, 3}
    assert tuning.test_unseen.labels.tolist() == [1] * 5
    used = torch.cat([p.identities for p in (tuning.train, tuning.validation, tuning.test_seen, tuning.test_unseen)])
    allowed = torch.cat([data.train.identities, data.validation.identities])
    assert set(used.tolist()) <= set(allowed.tolist()), "what is reported on was used to tune"
    with pytest.raises(ValueError, match="set apart"):
        task(tuning=torch.zeros(6, dtype=torch.bool)).for_tuning()


def test_tuning_counts_labels_over_the_classes_that_are_left() -> None:
    seen = torch.tensor([False, True, True, False, True, True])
    data = ZeroShotData(
        part([1, 2, 4, 5] * 5, 0), part([1, 2, 4, 5], 100), part([5], 200), part([0, 3], 300), VECTORS, NAMES, (), seen,
        torch.tensor([False, False, False, False, True, False]),
    )  # fmt: skip
    tuning = data.for_tuning()
    assert tuning.class_names == ("bee", "cat", "elk", "fox")
    for mine in (tuning.train, tuning.validation, tuning.test_seen, tuning.test_unseen):
        for label, identity in zip(mine.labels.tolist(), mine.identities.tolist(), strict=True):
            original = data.train if identity < 100 else data.validation
            before = int(original.labels[original.identities == identity])
            assert tuning.class_names[label] == NAMES[before]


RANDOM = np.random.default_rng(5)


def benchmark(folder: Path, **changes: Any) -> Path:
    """res101.mat and att_splits.mat of 120 examples of six classes; the last two are unseen."""
    labels = np.arange(120) % 6 + 1
    seen, unseen = np.flatnonzero(labels <= 4) + 1, np.flatnonzero(labels > 4) + 1
    features = RANDOM.normal(size=(7, 120))
    trainval = seen[:64]
    variables = {
        "att": RANDOM.random((5, 6)), "allclasses_names": np.array(NAMES, dtype=object)[:, None],
        "trainval_loc": trainval[:, None].astype(np.uint16), "test_seen_loc": seen[64:, None],
        "test_unseen_loc": unseen[:, None].astype(np.uint16),
        "train_loc": trainval[labels[trainval - 1] <= 3][:, None],
        "val_loc": trainval[labels[trainval - 1] == 4][:, None],
    } | changes  # fmt: skip
    folder.mkdir(exist_ok=True)
    savemat(folder / "res101.mat", {"features": features, "labels": labels[:, None].astype(float)})
    savemat(folder / "att_splits.mat", variables)
    return folder


class TestBenchmark:
    def test_indices_begin_at_one(self, tmp_path: Path) -> None:
        folder = benchmark(tmp_path / "AWA2")
        data = load_xlsa17(folder)
        raw = loadmat(folder / "res101.mat") | loadmat(folder / "att_splits.mat")
        learned = torch.cat([data.train.identities, data.validation.identities]).sort().values
        assert learned.tolist() == sorted((raw["trainval_loc"].ravel().astype(int) - 1).tolist())
        for name, mine in (("test_seen_loc", data.test_seen), ("test_unseen_loc", data.test_unseen)):
            rows = raw[name].ravel().astype(int) - 1
            assert mine.identities.tolist() == rows.tolist()
            assert np.array_equal(mine.inputs.numpy(), raw["features"].T[rows].astype(np.float32))
            assert mine.labels.tolist() == (raw["labels"].ravel()[rows].astype(int) - 1).tolist()
        assert np.allclose(data.class_vectors.numpy(), raw["att"].T)
        assert data.class_names == NAMES

    def test_seen_unseen_and_tuning_classes(self, tmp_path: Path) -> None:
        data = load_xlsa17(benchmark(tmp_path / "AWA2"))
        assert data.seen.tolist() == SEEN.tolist()
        assert data.tuning.tolist() == [False, False, False, True, False, False]
        assert data.for_tuning().class_names == NAMES[:4]

    def test_validation_is_a_balanced_part_of_what_is_learned_from(self, tmp_path: Path) -> None:
        folder = benchmark(tmp_path / "AWA2")
        one, other = load_xlsa17(folder, 0), load_xlsa17(folder, 1)
        assert torch.bincount(one.validation.labels).tolist() == [2, 2, 2, 2]  # of 16 each
        assert one.validation.identities.tolist() != other.validation.identities.tolist()

    def test_what_was_brought_is_the_same_task(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("TLCORE_DATA", str(tmp_path / "data"))
        folder = benchmark(tmp_path / "AWA2")
        import_source(folder, "awa2", side=64)
        brought, read = load_own_zero_shot(OwnFeatures(dataset="awa2"), 3), load_xlsa17(folder, 3)
        assert brought.seen.tolist() == read.seen.tolist() and brought.tuning.tolist() == read.tuning.tolist()
        assert torch.equal(brought.class_vectors, read.class_vectors)
        assert torch.equal(brought.test_unseen.inputs, read.test_unseen.inputs)
        assert torch.equal(brought.test_seen.labels, read.test_seen.labels)

    def test_features_alone_are_no_zero_shot_task(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("TLCORE_DATA", str(tmp_path / "data"))
        np.savez(tmp_path / "f.npz", X=RANDOM.normal(size=(40, 3)), y=np.arange(40) % 4)
        import_source(tmp_path / "f.npz", "plain", side=64)
        with pytest.raises(InvalidRequest, match="no descriptions of its classes"):
            load_own_zero_shot(OwnFeatures(dataset="plain"))

    def test_where_the_files_are_looked_for(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("TLCORE_DATA", str(tmp_path))
        place = benchmark_folder("awa2")
        place.parent.mkdir(parents=True)
        benchmark(place)
        assert len(load_xlsa17(tmp_path / "xlsa17" / "data" / "AWA2").test_unseen) == 40

    @pytest.mark.parametrize("missing", ["res101.mat", "att_splits.mat"])
    def test_a_missing_file_is_named(self, missing: str, tmp_path: Path) -> None:
        folder = benchmark(tmp_path / "CUB")
        (folder / missing).unlink()
        with pytest.raises(MissingData, match=missing):
            load_xlsa17(folder)

    def test_splits_that_mix_seen_and_unseen_are_refused(self, tmp_path: Path) -> None:
        labels = np.arange(120) % 6 + 1
        mixed = np.append(np.flatnonzero(labels > 4), 3) + 1
        folder = benchmark(tmp_path / "SUN", test_unseen_loc=mixed[:, None], trainval_loc=np.array([[1], [2], [10]]))
        with pytest.raises(InvalidRequest, match=r"not a zero-shot task|two parts at once"):
            load_xlsa17(folder)
        with pytest.raises(InvalidRequest, match="no examples in test_unseen_loc"):
            load_xlsa17(benchmark(tmp_path / "SUN", test_unseen_loc=np.zeros((0, 1))))

    @pytest.mark.real_data
    def test_the_real_splits_of_awa2(self) -> None:
        named = os.environ.get("TLCORE_REAL_DATA")
        if not named:
            if os.environ.get("CI"):
                pytest.fail("TLCORE_REAL_DATA is not set, and CI must not skip the tests on real data")
            pytest.skip("TLCORE_REAL_DATA does not name a folder with xlsa17/ inside")
        protocol = matlab.read_protocol(Path(named) / "xlsa17/data/AWA2/att_splits.mat")
        # Features and labels are in the other file, which is not there: three kinds of classes stand for the fifty.
        partitions = {name: torch.from_numpy(rows - 1) for name, rows in protocol["locations"].items()}
        labels = torch.zeros(37_322, dtype=torch.int64)
        unseen = torch.zeros(37_322, dtype=torch.bool)
        unseen[partitions["test_unseen_loc"]] = True
        labels[unseen] = 1
        validating = set(partitions["val_loc"].tolist()) - set(partitions["train_loc"].tolist())
        labels[torch.tensor(sorted(validating & set(partitions["trainval_loc"].tolist())))] = 2
        data = from_partitions(
            torch.zeros(37_322, 1), labels, ("trained", "unseen", "tuned"), torch.eye(3), partitions, "AWA2"
        )
        assert len(data.train) + len(data.validation) == 23_527
        assert (len(data.test_seen), len(data.test_unseen)) == (5_882, 7_913)
        assert data.seen.tolist() == [True, False, True]
