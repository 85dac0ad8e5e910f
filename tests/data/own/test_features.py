"""Features computed elsewhere: NPZ, Parquet and the zero-shot layout; sizes and indices are never believed."""

from __future__ import annotations

import io
import os
import pickle
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
import torch
from scipy.io import loadmat, savemat

from tests.data.own.conftest import left_behind, pack
from tlcore.catalogue.described import attribute_names
from tlcore.data import load_dataset, load_pair
from tlcore.data.own import matlab
from tlcore.data.own.load import open_own
from tlcore.data.own.manifest import Manifest, open_array
from tlcore.data.own.sources import import_source, preview
from tlcore.data.zero_shot import load_own_zero_shot
from tlcore.errors import InvalidRequest, MissingData
from tlcore.specs import DomainPair, OwnFeatures

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(40, 6)).astype(np.float32)
Y = np.arange(40) % 4


def imported(path: Path, **options: bool) -> Manifest:
    return import_source(path, "features", side=64, **options)


def array_of(data: Path, manifest: Manifest) -> np.ndarray:
    return open_array(data / "own" / "features", manifest)


def npz(path: Path, **arrays: Any) -> Path:
    np.savez(path, **arrays)
    return path


class TestNpz:
    def test_numbers_labels_and_names(self, tmp_path: Path, data: Path) -> None:
        path = npz(tmp_path / "f.npz", X=X, y=Y, class_names=np.array(["ant", "bee", "cat", "dog"]))
        seen = preview(path)
        assert (seen.kind, seen.examples, seen.classes) == ("features", 40, ["ant", "bee", "cat", "dog"])
        assert not data.exists()
        manifest = imported(path)
        assert np.array_equal(array_of(data, manifest), X)
        assert manifest.labels == tuple(Y) and manifest.width == 6
        domain = load_dataset(OwnFeatures(dataset="features"), 0)
        assert domain.train.inputs.dtype == torch.float32
        rows = domain.test.identities
        assert torch.equal(domain.test.inputs, torch.from_numpy(X[rows.numpy()]))
        assert torch.equal(domain.test.labels, torch.from_numpy(Y[rows.numpy()]))

    @pytest.mark.parametrize("kind", [np.float64, np.float16, np.int32, np.uint8, ">f4"])
    @pytest.mark.parametrize("order", ["C", "F"])
    def test_any_numbers_in_any_order(self, kind: Any, order: Any, tmp_path: Path, data: Path) -> None:
        values = np.asarray(X * 10 + 50, dtype=kind, order=order)
        np.savez_compressed(tmp_path / "f.npz", features=values, labels=Y)
        assert np.array_equal(array_of(data, imported(tmp_path / "f.npz")), values.astype(np.float32))

    def test_blocks_make_no_difference(self, tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("tlcore.data.own.features.BLOCK_BYTES", 100)
        assert np.array_equal(array_of(data, imported(npz(tmp_path / "f.npz", X=X, y=Y))), X)

    def test_texts_as_labels_domains_and_parts(self, tmp_path: Path, data: Path) -> None:
        labels, domains = np.array(["Füchse", "ant"])[Y % 2], np.array(["photo", "sketch"])[Y // 2]
        parts = np.where(np.arange(40) < 20, "train", "test")
        manifest = imported(npz(tmp_path / "f.npz", X=X, y=labels, domain=domains, split=parts))
        assert manifest.classes == ("Füchse", "ant") and manifest.domains == ("photo", "sketch")
        photo, sketch = (OwnFeatures(dataset="features", domain=name) for name in manifest.domains)
        pair = load_pair(DomainPair(source=photo, target=sketch), 0)
        assert set(pair.source.test.identities.tolist()) == {n for n in range(20, 40) if Y[n] // 2 == 0}
        assert pair.input_shape == (6,)

    def test_the_same_file_again_is_there_at_once(
        self, tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = npz(tmp_path / "f.npz", X=X, y=Y)
        first = imported(path)
        monkeypatch.setattr("tlcore.data.own.features._stream", lambda *_: pytest.fail("read again"))
        assert imported(path) == first


def forged(path: Path, shape: tuple[int, ...], content: bytes, descr: str = "<f4") -> Path:
    """An NPZ whose features say they have a shape."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": descr, "fortran_order": False, "shape": shape})
    labels = io.BytesIO()
    np.save(labels, Y)
    return pack(path, {"X.npy": header.getvalue() + content, "y.npy": labels.getvalue()})


class Harmful:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("harm-was-done",)


NPZ_REFUSED = {
    "no labels": ({"X": X}, "has no labels"),
    "no features": ({"y": Y}, "has no features"),
    "other lengths": ({"X": X, "y": Y[:-1]}, "has 39 labels for 40 examples"),
    "three dimensions": ({"X": X[:, :, None], "y": Y}, r"one row an example, not \(40, 6, 1\)"),
    "texts as features": ({"X": X.astype(str), "y": Y}, "must be numbers"),
    "complex": ({"X": X.astype(complex), "y": Y}, "must be numbers"),
    "one class": ({"X": X, "y": Y * 0}, "only one class"),
    "one of a class": ({"X": X, "y": np.arange(40) == 0}, "The class “True” has only one example"),
    "one example": ({"X": X[:1], "y": Y[:1]}, "too few to learn from"),
    "names out of range": ({"X": X, "y": Y + 1, "class_names": np.array(list("abcd"))}, "labels from 1 to 4 for 4"),
    "fractions": ({"X": X, "y": Y + 0.5, "class_names": np.array(list("abcde"))}, "labels must be whole numbers"),
    "names twice": ({"X": X, "y": Y, "class_names": np.array(["a", "b", "c", "a"])}, "two classes of one name"),
    "split unknown": ({"X": X, "y": Y, "split": np.array(["later"] * 40)}, "the split “later”"),
    "not finite": ({"X": np.where(np.arange(40)[:, None] == 7, np.nan, X), "y": Y}, "Row 7 .* not finite"),
    "objects": ({"X": X, "y": np.array([Harmful()] * 40, dtype=object)}, "Python objects, which are never loaded"),
    "features as objects": ({"X": np.array([[Harmful()]], dtype=object), "y": Y}, "Python objects"),
}


@pytest.mark.parametrize("case", NPZ_REFUSED)
def test_npz_refused(case: str, tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arrays, sentence = NPZ_REFUSED[case]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(pickle, "load", lambda *_, **__: pytest.fail("a pickle was loaded"))
    path = npz(tmp_path / "f.npz", **arrays)
    with pytest.raises(InvalidRequest, match=sentence) as refused:
        imported(path)
    assert "\n" not in str(refused.value)
    assert left_behind(data) in ([], ["own"]) and not (tmp_path / "harm-was-done").exists()


CODE = b"\x93NUMPY\x01\x00\x20\x00" + b"__import__('os').mkdir('x')     "
FORGED = {
    "more rows than there are": (lambda path: forged(path, (10**12, 6), X.tobytes()), "too short for them"),
    "overflowing": (lambda path: forged(path, (2**40, 2**40), X.tobytes()), "too short for them"),
    "negative": (lambda path: forged(path, (-1, 6), X.tobytes()), "too short for them"),
    "too many": (lambda path: forged(path, (40, 200_000), bytes(4 * 40 * 200_000)), "at most .* 100,000 features"),
    "no header": (lambda path: pack(path, {"X.npy": b"nothing", "y.npy": b""}), "is not an array of NumPy"),
    "code as header": (
        lambda path: pack(path, {"X.npy": CODE, "y.npy": b""}),
        "is not an array of NumPy",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", FORGED)
def test_forged_sizes_are_refused_before_memory_is_taken(case: str, tmp_path: Path, data: Path) -> None:
    make, sentence = FORGED[case]
    with pytest.raises(InvalidRequest, match=sentence):
        imported(make(tmp_path / "f.npz"))
    assert left_behind(data) == []


def test_npz_bomb(tmp_path: Path, data: Path) -> None:
    with zipfile.ZipFile(tmp_path / "f.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("X.npy", "w") as member:
            np.lib.format.write_array_header_1_0(
                member, {"descr": "<f4", "fortran_order": False, "shape": (500_000, 100)}
            )
            for _ in range(200):
                member.write(bytes(10**6))
        archive.writestr("y.npy", b"")
    with pytest.raises(InvalidRequest, match="100 times its own size"):
        imported(tmp_path / "f.npz")


class TestParquet:
    def table(self, **more: Any) -> pandas.DataFrame:
        return pandas.DataFrame({f"f{n}": X[:, n] for n in range(6)} | {"label": np.array(list("abcd"))[Y]} | more)

    def test_numeric_columns_are_features(self, tmp_path: Path, data: Path) -> None:
        frame = self.table(domain=np.array(["p", "q"])[Y % 2], note="text")
        frame.to_parquet(tmp_path / "f.parquet", row_group_size=7)
        manifest = imported(tmp_path / "f.parquet")
        assert np.array_equal(array_of(data, manifest), X)
        assert manifest.classes == ("a", "b", "c", "d") and manifest.domains == ("p", "q")
        assert manifest.labels == tuple(Y)

    def test_content_decides_not_the_name(self, tmp_path: Path, data: Path) -> None:
        self.table().to_parquet(tmp_path / "f.parquet")
        (tmp_path / "f.parquet").rename(tmp_path / "f.txt")
        assert len(imported(tmp_path / "f.txt")) == 40

    def test_refused(self, tmp_path: Path, data: Path) -> None:
        for number, (frame, sentence) in enumerate(
            [
                (self.table().drop(columns="label"), "has no label column"),
                (self.table()[["label"]], "of 0 features"),
                (self.table(f7=np.where(Y == 1, np.inf, 0)), "not finite"),
                (self.table(split="later"), "the split “later”"),
                (self.table().assign(label=[None, *"abc" * 13]), "does not have a value in every row"),
            ]
        ):
            frame.to_parquet(tmp_path / f"{number}.parquet")
            with pytest.raises(InvalidRequest, match=sentence):
                imported(tmp_path / f"{number}.parquet")
        (tmp_path / "cut.parquet").write_bytes((tmp_path / "0.parquet").read_bytes()[:-100])
        with pytest.raises(InvalidRequest, match="cannot be read as Parquet"):
            imported(tmp_path / "cut.parquet")
        assert left_behind(data) == ["own"]


NAMES = ("antelope", "grizzly+bear", "killer+whale")


def zero_shot(folder: Path, **changes: Any) -> Path:
    """res101.mat and att_splits.mat of 30 examples of three classes, the last of which is unseen."""
    labels = np.arange(30) % 3 + 1
    seen, unseen = np.flatnonzero(labels < 3) + 1, np.flatnonzero(labels == 3) + 1
    variables = {
        "features": RANDOM.normal(size=(5, 30)), "labels": labels[:, None].astype(float),
        "image_files": np.array([f"/x/{n}.jpg" for n in range(30)], dtype=object)[:, None],
        "att": RANDOM.random((4, 3)), "allclasses_names": np.array(NAMES, dtype=object)[:, None],
        "trainval_loc": seen[:16, None].astype(np.uint16), "train_loc": seen[:10, None], "val_loc": seen[10:16, None],
        "test_seen_loc": seen[16:, None], "test_unseen_loc": unseen[:, None].astype(np.uint16),
    } | changes  # fmt: skip
    variables = {name: value for name, value in variables.items() if value is not None}
    first = {name: variables.pop(name) for name in ("features", "labels", "image_files") if name in variables}
    folder.mkdir(exist_ok=True)
    savemat(folder / "res101.mat", first, do_compression=True)
    savemat(folder / "att_splits.mat", variables)
    return folder


class TestZeroShot:
    @pytest.mark.parametrize("what", ["", "res101.mat"])
    def test_indices_from_one_become_indices_from_zero(self, what: str, tmp_path: Path, data: Path) -> None:
        folder = zero_shot(tmp_path / "AWA2")
        manifest = imported(folder / what)
        raw = loadmat(folder / "res101.mat") | loadmat(folder / "att_splits.mat")
        assert np.array_equal(array_of(data, manifest), raw["features"].T.astype(np.float32))
        assert manifest.labels == tuple(raw["labels"].ravel().astype(int) - 1)
        assert manifest.classes == NAMES
        arrays = open_own(OwnFeatures(dataset="features"))
        for name in matlab.LOCATIONS:
            assert arrays.partitions[name].tolist() == (raw[name].ravel().astype(int) - 1).tolist()
        assert set(arrays.labels[arrays.partitions["test_unseen_loc"]].tolist()) == {2}
        assert arrays.class_attributes is not None
        assert np.allclose(arrays.class_attributes.numpy(), raw["att"].T)

    def test_unseen_examples_are_in_none_of_the_three_parts(self, tmp_path: Path, data: Path) -> None:
        manifest = imported(zero_shot(tmp_path / "AWA2"))
        domain = load_dataset(OwnFeatures(dataset="features"), 0)
        rows = [set(getattr(domain, part).identities.tolist()) for part in ("train", "validation", "test")]
        assert rows[0] | rows[1] == set(manifest.partitions["trainval_loc"])
        assert rows[2] == set(manifest.partitions["test_seen_loc"])

    @pytest.mark.parametrize(
        ("changes", "sentence"),
        [
            ({"labels": np.zeros((30, 1))}, "labels of .* has the index 0; it must be from 1 to 3"),
            ({"labels": np.full((30, 1), 4)}, "has the index 4; it must be from 1 to 3"),
            ({"labels": np.full((30, 1), 1.5)}, "must be whole numbers"),
            ({"labels": np.ones((29, 1))}, "29 labels for 30 columns"),
            ({"test_seen_loc": np.array([[31]])}, "test_seen_loc of att_splits.mat has the index 31"),
            ({"test_seen_loc": np.array([[0]])}, "has the index 0"),
            ({"test_seen_loc": np.array([[1]])}, "two parts at once"),
            ({"trainval_loc": None}, "has no variable trainval_loc"),
            ({"features": None}, "has no variable features"),
            ({"att": np.ones((4, 2))}, r"attributes of shape \(4, 2\) for 3 classes"),
            ({"att": np.full((4, 3), np.nan)}, "attributes that are not numbers"),
            ({"features": np.full((5, 30), np.inf)}, "Row 0 .* not finite"),
            ({"features": np.array([["text"]])}, "examples of 1 features|labels for|must be numbers|not what"),
            ({"allclasses_names": np.array(["a", "b", "a"], dtype=object)}, "different ones are needed"),
            ({"att_names": np.array(["furry", "wild"], dtype=object)}, "4 attributes and 2 names"),
            ({"att_names": np.array(["furry", "wild", "old", "\x07"], dtype=object)}, "name that cannot be shown"),
        ],
    )
    def test_refused(self, changes: dict[str, Any], sentence: str, tmp_path: Path, data: Path) -> None:
        with pytest.raises(InvalidRequest, match=sentence) as refused:
            imported(zero_shot(tmp_path / "AWA2", **changes))
        assert "\n" not in str(refused.value)
        assert left_behind(data) in ([], ["own"])

    def test_attributes_keep_the_names_that_stand_beside_them(self, tmp_path: Path, data: Path) -> None:
        names = ("furry", "wild", "striped", "old")
        imported(zero_shot(tmp_path / "AWA2", att_names=np.array(names, dtype=object)[:, None]))
        own = OwnFeatures(dataset="features")
        assert attribute_names(own, 4) == load_own_zero_shot(own).attribute_names == names
        assert attribute_names(own, 7) == attribute_names(OwnFeatures(dataset="gone"), 4) == ()

    def test_the_protocol_must_lie_beside(self, tmp_path: Path, data: Path) -> None:
        folder = zero_shot(tmp_path / "AWA2")
        with pytest.raises(InvalidRequest, match=r"has no features: name the file res101\.mat"):
            imported(folder / "att_splits.mat")
        (folder / "att_splits.mat").unlink()
        with pytest.raises(InvalidRequest, match=r"needs the file att_splits\.mat beside it"):
            imported(folder)

    def test_compressed_parts_are_measured_first(self, tmp_path: Path, data: Path) -> None:
        folder = zero_shot(tmp_path / "AWA2")
        head = (folder / "res101.mat").read_bytes()[:128]
        packer = zlib.compressobj(9)
        bomb = b"".join(packer.compress(bytes(2**20)) for _ in range(64)) + packer.flush()
        (folder / "res101.mat").write_bytes(head + struct.pack("<2I", matlab.COMPRESSED, len(bomb)) + bomb)
        with pytest.raises(InvalidRequest, match="far more than its own size"):
            imported(folder)

    @pytest.mark.parametrize("seed", range(20))
    def test_damage_is_refused_and_never_another_error(self, seed: int, tmp_path: Path, data: Path) -> None:
        folder = zero_shot(tmp_path / "AWA2")
        path = folder / ("res101.mat" if seed % 2 else "att_splits.mat")
        content, random = bytearray(path.read_bytes()), np.random.default_rng(seed)
        for position in random.integers(128, len(content), 10):
            content[position] = random.integers(0, 256)
        path.write_bytes(content)
        try:
            imported(folder)
        except InvalidRequest as error:
            assert "\n" not in str(error)

    @pytest.mark.real_data
    def test_the_real_protocol_of_awa2(self) -> None:
        named = os.environ.get("TLCORE_REAL_DATA")
        if not named:
            if os.environ.get("CI"):
                pytest.fail("TLCORE_REAL_DATA is not set, and CI must not skip the tests on real data")
            pytest.skip("TLCORE_REAL_DATA does not name a folder with xlsa17/ inside")
        protocol = matlab.read_protocol(Path(named) / "xlsa17/data/AWA2/att_splits.mat")
        assert len(protocol["classes"]) == 50 and protocol["attributes"].shape == (50, 85)
        sizes = {name: len(members) for name, members in protocol["locations"].items()}
        assert sizes == {
            "trainval_loc": 23527, "train_loc": 20218, "val_loc": 9191, "test_seen_loc": 5882, "test_unseen_loc": 7913
        }  # fmt: skip
        together = np.concatenate([protocol["locations"][name] for name in matlab.PARTS])
        assert sorted(together) == list(range(1, 37_323))


@pytest.mark.parametrize("content", [b"", b"hello", b"\x89PNG\r\n\x1a\n", b"MATLAB 5.0 MAT-file" + bytes(200)])
def test_other_files_are_refused(content: bytes, tmp_path: Path, data: Path) -> None:
    (tmp_path / "file.bin").write_bytes(content)
    with pytest.raises(InvalidRequest, match=r"empty|nothing that can be imported|needs the file att_splits"):
        imported(tmp_path / "file.bin")


def test_features_that_are_damaged_are_noticed(tmp_path: Path, data: Path) -> None:
    manifest = imported(npz(tmp_path / "f.npz", X=X, y=Y))
    path = data / "own" / "features" / manifest.array
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(MissingData, match="damaged"):
        load_dataset(OwnFeatures(dataset="features"), 0)
