"""What comes through the page: lone tables, several files at once, pairs of MATLAB files, also within a zip."""

from __future__ import annotations

import gc
import io
import tempfile
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from tests.data.own.conftest import pack, picture
from tlcore.data.own.manifest import open_array
from tlcore.data.own.sources import import_source, preview
from tlcore.errors import InvalidRequest
from tlcore.execution.questions import ask
from tlcore.specs.own_data import ImportOwn, PreviewOwn

RANDOM = np.random.default_rng(3)
NUMBERS = RANDOM.normal(size=(24, 5)).astype(np.float32)


def mat(**variables: object) -> bytes:
    file = io.BytesIO()
    savemat(file, variables)
    return file.getvalue()


@pytest.fixture
def res101() -> bytes:
    return mat(features=NUMBERS.T.astype(np.float64), labels=(np.arange(24) % 4 + 1).reshape(-1, 1))


@pytest.fixture
def att_splits() -> bytes:
    names = np.array([["ant"], ["bee"], ["cat"], ["dog"]], dtype=object)
    rows = np.arange(1, 25)
    unseen = rows[(rows - 1) % 4 == 3]
    seen = rows[(rows - 1) % 4 != 3]
    return mat(
        att=RANDOM.normal(size=(3, 4)),
        allclasses_names=names,
        trainval_loc=seen[:12].reshape(-1, 1),
        test_seen_loc=seen[12:].reshape(-1, 1),
        test_unseen_loc=unseen.reshape(-1, 1),
    )


def table(labels: list[str], columns: str = "label,first,second") -> bytes:
    rows = [f"{label},{at},{at * 0.5}" for at, label in enumerate(labels)]
    return "\n".join([columns, *rows, ""]).encode()


class TestTableOfNumbers:
    def test_a_lone_csv_becomes_features(self, data: Path, tmp_path: Path) -> None:
        lines = ["name,label,a,b,split,domain"]
        for at in range(20):
            split = "test" if at >= 12 else "train"
            lines.append(f"no {at},{9 if at % 2 else 10},{at},{-at / 4},{split},{'here' if at % 4 < 2 else 'there'}")
        path = tmp_path / "numbers.csv"
        path.write_text("\n".join(lines))
        seen = preview(path)
        assert (seen.kind, seen.examples, seen.classes, seen.domains) == (
            "features",
            20,
            ["9", "10"],
            ["here", "there"],
        )
        assert any("left out: name" in note for note in seen.notes)
        manifest = import_source(path, "numbers", side=64)
        array = open_array(data / "own" / "numbers", manifest)
        assert np.array_equal(array, np.array([[at, -at / 4] for at in range(20)], dtype=np.float32))
        assert [manifest.classes[label] for label in manifest.labels[:2]] == ["10", "9"]

    @pytest.mark.parametrize(
        ("content", "sentence"),
        [
            (b"", "zero bytes"),
            (b"label,a\n", "no rows"),
            (b"label,name\n0,x\n1,y\n", "no column of numbers"),
            (b"label,a\n0,1\n1,two\n", "Line 3 .* has “two” in the column a, where a number belongs"),
            (b"label,a\n0,1\n1,2,3\n", "Line 3 .* has 3 fields instead of 2"),
            (b"label,a,A\n0,1,1\n", "two of one name"),
            (b"label,a\n0,1\n0,2\n", "only one class"),
            (b"label,a\nCat,1\ncat,2\n", "differ only in case"),
            (b"x,z\n0,1\n1,2\n", "must have the columns file and label"),
            (b"file,label\ncat/1.png,cat\ndog/1.png,dog\n", "cat/1.png: bring table and pictures together"),
            (b"\xff\xfelabel", "not text in UTF-8|must have the columns"),
        ],
    )
    def test_what_is_wrong_is_one_sentence(self, data: Path, tmp_path: Path, content: bytes, sentence: str) -> None:
        path = tmp_path / "table.csv"
        path.write_bytes(content)
        with pytest.raises(InvalidRequest, match=sentence):
            import_source(path, "numbers", side=64)
        assert not (data / "own" / "numbers").exists()

    def test_numbers_that_are_none_are_found_at_import(self, data: Path, tmp_path: Path) -> None:
        path = tmp_path / "table.csv"
        path.write_bytes(b"label,a\n" + b"0,1\n1,2\n" * 4 + b"0,nan\n")
        with pytest.raises(InvalidRequest, match="not finite"):
            import_source(path, "numbers", side=64)


class TestFilesChosenAtOnce:
    def test_a_table_and_its_pictures(self, data: Path) -> None:
        files = {f"{number}.png": picture(number) for number in range(8)}
        lines = [f"photos/{number}.png,{'cat' if number % 2 else 'dog'}" for number in range(8)]
        upload = files | {"labels.csv": "\n".join(["file,label", *lines]).encode()}
        assert ask(PreviewOwn(title="9 files"), upload=upload)["classes"] == ["cat", "dog"]
        taken = ask(ImportOwn(title="9 files", dataset="pets", side=16), upload=upload)
        assert taken["examples"] == 8 and not taken["unreadable_files"]

    @pytest.mark.parametrize("names", [("res101.mat", "att_splits.mat"), ("awa res101 (1).mat", "my splits.mat")])
    def test_both_files_of_the_zero_shot_layout(
        self, data: Path, res101: bytes, att_splits: bytes, names: tuple[str, str]
    ) -> None:
        upload = dict(zip(names, (res101, att_splits), strict=True))
        seen = ask(PreviewOwn(title="two files"), upload=upload)
        assert seen["classes"] == ["ant", "bee", "cat", "dog"]
        assert {row["part"] for row in seen["counts"]} == {"train", "test", "unseen"}
        assert ask(ImportOwn(title="two files", dataset="animals"), upload=upload)["width"] == 5

    def test_one_of_the_two_names_the_other(self, data: Path, res101: bytes, att_splits: bytes) -> None:
        with pytest.raises(InvalidRequest, match=r"needs the file att_splits\.mat .*choose both at once"):
            ask(PreviewOwn(title="res101.mat"), upload={"res101.mat": res101})
        with pytest.raises(InvalidRequest, match=r"name the file res101\.mat beside it, or choose both at once"):
            ask(PreviewOwn(title="att_splits.mat"), upload={"att_splits.mat": att_splits})
        with pytest.raises(InvalidRequest, match=r"needs the file res101\.mat .*choose both at once"):
            ask(PreviewOwn(title="my splits.mat"), upload={"my splits.mat": att_splits})
        with pytest.raises(InvalidRequest, match=r"neither res101\.mat nor att_splits\.mat.*it has other"):
            other = mat(other=np.ones(3))
            ask(PreviewOwn(title="two files"), upload={"other.mat": other, "another.mat": other})
        with pytest.raises(InvalidRequest, match="has no variable features; it has other"):
            ask(PreviewOwn(title="other.mat"), upload={"other.mat": mat(other=np.ones(3))})

    def test_names_are_only_names(self, data: Path, tmp_path: Path) -> None:
        upload = {"../../outside.csv": table(["0", "1"] * 6)}
        assert ask(PreviewOwn(title="outside.csv"), upload=upload)["examples"] == 12
        assert not list(tmp_path.rglob("outside.csv"))
        for name in ("..", "", "\0", "ä" * 300 + ".csv", "a\nb.csv"):
            with pytest.raises(InvalidRequest):
                ask(PreviewOwn(title="upload"), upload={name: b"label"})

    @pytest.mark.parametrize(
        ("name", "sentence"),
        [
            ("weights.pth", "holds a network, not data"),
            ("net.safetensors", "holds a network, not data"),
            ("one.png", "is a picture by itself: bring several of each of at least two classes"),
            ("notes.txt", "is nothing that can be imported: bring a folder or a zip of pictures"),
        ],
    )
    def test_a_file_that_is_no_data_is_told_what_it_is(self, tmp_path: Path, name: str, sentence: str) -> None:
        path = tmp_path / name
        path.write_bytes(b"\x80\x04something")
        with pytest.raises(InvalidRequest, match=sentence):
            preview(path)

    def test_weights_are_told_so_although_torch_packs_them_as_a_zip(self, tmp_path: Path) -> None:
        path = pack(tmp_path / "net.pth", {"net/data.pkl": b"\x80\x02}q\x00.", "net/data/0": b"\0" * 16})
        with pytest.raises(InvalidRequest, match="holds a network, not data"):
            preview(path)

    def test_what_stands_alone_is_said(self, data: Path) -> None:
        upload = {"a.npz": b"PK\x03\x04", "b.png": picture(0)}
        with pytest.raises(InvalidRequest, match=r"a\.npz is brought by itself"):
            ask(PreviewOwn(title="two files"), upload=upload)


class TestZips:
    def test_a_zip_holds_both_files(self, data: Path, tmp_path: Path, res101: bytes, att_splits: bytes) -> None:
        members = {"AWA/res101.mat": res101, "AWA/att_splits.mat": att_splits, "AWA/README.txt": b"words"}
        path = pack(tmp_path / "awa.zip", members)
        assert preview(path).classes == ["ant", "bee", "cat", "dog"]
        manifest = import_source(path, "awa", side=64)
        assert np.allclose(open_array(data / "own" / "awa", manifest), NUMBERS)
        gc.collect()
        assert not list(Path(tempfile.gettempdir()).glob("tlcore-unpacked-*"))

    def test_several_pairs_or_half_a_pair(self, tmp_path: Path, res101: bytes, att_splits: bytes) -> None:
        pairs = {f"{name}/{file}.mat": b"" for name in ("AWA", "CUB") for file in ("res101", "att_splits")}
        with pytest.raises(InvalidRequest, match=r"has several data sets .AWA, CUB"):
            preview(pack(tmp_path / "several.zip", pairs))
        with pytest.raises(InvalidRequest, match=r"needs the file att_splits\.mat"):
            preview(pack(tmp_path / "half.zip", {"res101.mat": res101}))
        with pytest.raises(InvalidRequest, match="cannot be read as a MATLAB file"):
            preview(pack(tmp_path / "broken.zip", {"res101.mat": b"MATLAB 5.0", "att_splits.mat": att_splits}))

    def test_a_zip_holds_a_table_of_numbers(self, tmp_path: Path) -> None:
        seen = preview(pack(tmp_path / "numbers.zip", {"numbers.csv": table(["0", "1"] * 6)}))
        assert (seen.kind, seen.examples) == ("features", 12)
