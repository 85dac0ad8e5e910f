"""What folders and tables say about classes, domains and parts, and which of them are refused."""

from __future__ import annotations

import os
import unicodedata
from collections import Counter
from pathlib import Path

import pytest

from tests.data.own.conftest import classes, fill, picture, zipped
from tlcore.data.own import places, tables
from tlcore.data.own.archives import ZipFiles
from tlcore.data.own.files import Files
from tlcore.data.own.folders import FolderFiles
from tlcore.data.own.layout import Layout
from tlcore.data.own.library import find_layout
from tlcore.data.own.places import permitted
from tlcore.errors import InvalidRequest


def layout(tmp_path: Path, names: list[str]) -> Layout:
    """The same from a folder and from a zip."""
    folder = find_layout(FolderFiles(fill(tmp_path / "pictures", names)))
    with ZipFiles(zipped(tmp_path / "pictures.zip", names), "pictures") as files:
        assert find_layout(files) == folder
    return folder


def test_classes(tmp_path: Path) -> None:
    found = layout(tmp_path, classes("dog", "cat"))
    assert found.classes == ("cat", "dog") and found.domains == ("",)
    assert Counter((entry.label, entry.part) for entry in found.entries) == {("cat", ""): 4, ("dog", ""): 4}


def test_a_folder_around_all_says_nothing(tmp_path: Path) -> None:
    assert layout(tmp_path, classes("pets/images/dog", "pets/images/cat")).classes == ("cat", "dog")


def test_domains(tmp_path: Path) -> None:
    found = layout(tmp_path, classes("photo/dog", "photo/cat", "sketch/dog", "sketch/cat"))
    assert found.domains == ("photo", "sketch") and found.classes == ("cat", "dog")
    assert {(e.domain, e.label) for e in found.entries} == {(d, c) for d in found.domains for c in found.classes}


def test_domains_with_a_folder_between_as_in_office(tmp_path: Path) -> None:
    found = layout(tmp_path, classes("amazon/images/mug", "amazon/images/pen", "dslr/images/mug", "dslr/images/pen"))
    assert found.domains == ("amazon", "dslr") and found.classes == ("mug", "pen")


def test_parts(tmp_path: Path) -> None:
    found = layout(tmp_path, classes("train/ants", "train/bees", "val/ants", "val/bees"))
    assert found.classes == ("ants", "bees") and found.domains == ("",)
    assert {entry.file.split("/")[0]: entry.part for entry in found.entries} == {"train": "train", "val": "validation"}


@pytest.mark.parametrize("pattern", ["{part}/{domain}/{label}", "{domain}/{part}/{label}"])
def test_parts_and_domains(pattern: str, tmp_path: Path) -> None:
    folders = [
        pattern.format(part=part, domain=domain, label=label)
        for part in ("Train", "Test") for domain in ("real", "art") for label in ("a", "b")
    ]  # fmt: skip
    found = layout(tmp_path, classes(*folders))
    assert found.domains == ("art", "real") and {entry.part for entry in found.entries} == {"train", "test"}


def test_classes_missing_in_a_domain_are_told(tmp_path: Path) -> None:
    found = layout(tmp_path, classes("photo/dog", "photo/cat", "sketch/dog"))
    assert any("cat in sketch" in note for note in found.notes)


def test_files_that_are_no_pictures_are_left_out(tmp_path: Path) -> None:
    folder = fill(tmp_path / "pets", classes("dog", "cat"))
    for name in ("README.md", "dog/notes.txt", "dog/.DS_Store", "cover.png"):
        (folder / name).write_text("x")
    found = find_layout(FolderFiles(folder))
    assert len(found.entries) == 8
    assert any("cover.png" in note for note in found.notes) and any("2 files" in note for note in found.notes)


def test_unicode_is_composed_and_kept(tmp_path: Path) -> None:
    name = "Bärchen 熊"
    folder = fill(tmp_path / "a", classes(f"photo/{unicodedata.normalize('NFD', name)}", f"sketch/{name}", "photo/x"))
    assert find_layout(FolderFiles(folder)).classes == (name, "x")


def test_file_names_as_long_as_the_system_allows_are_read(tmp_path: Path) -> None:
    found = layout(tmp_path, [*classes("a", "b"), f"a/{'n' * 250}.png"])
    assert len(found.entries) == 9


REFUSED = {
    "only in case": (classes("Dog", "cat", "dog"), "“Dog” and “dog” differ only in case"),
    "only in case, in two domains": (classes("photo/Dog", "photo/cat", "sketch/dog", "sketch/cat"), "“Dog” and “dog”"),
    "one class": (classes("dog"), "only one class, “dog”"),
    "one class in two domains": (classes("photo/dog", "sketch/dog"), "only one class, “dog”"),
    "one picture": (["dog/1.png"], "only one picture"),
    "no folders": (["1.png", "2.png"], "has no class folders"),
    "parts without classes": (["train/1.png", "val/1.png"], "split into train, val but has no class folders"),
    "different depths": ([*classes("a", "b"), "c/d/1.png"], "different depths, as a/0.png and c/d/1.png"),
    "too deep": (classes("a/b/c", "a/d/e", "f/b/c"), "lies too deep"),
    "long class name": (classes("a", "n" * 101), "has a name of 101 characters; at most 100"),
    "control characters": (classes("a", "b\x07"), "a name that cannot be shown"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case: str, tmp_path: Path) -> None:
    names, sentence = REFUSED[case]
    with pytest.raises(InvalidRequest, match=sentence) as refused:
        find_layout(FolderFiles(fill(tmp_path / "pictures", names)))
    assert str(refused.value).isprintable()


def test_an_empty_class_is_refused_by_name(tmp_path: Path) -> None:
    folder = fill(tmp_path / "pets", classes("dog", "cat"))
    (folder / "fox").mkdir()
    with pytest.raises(InvalidRequest, match="The class folder “fox” is empty"):
        find_layout(FolderFiles(folder))


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "nothing").mkdir()
    with pytest.raises(InvalidRequest, match="has no class folders"):
        find_layout(FolderFiles(tmp_path / "nothing"))
    (tmp_path / "nothing" / "dog").mkdir()
    with pytest.raises(InvalidRequest, match="not one picture"):
        find_layout(FolderFiles(tmp_path / "nothing"))


def test_links_are_never_followed(tmp_path: Path) -> None:
    secret = fill(tmp_path / "secret", classes("private", count=5))
    folder = fill(tmp_path / "pets", classes("dog", "cat"))
    (folder / "linked").symlink_to(secret / "private", target_is_directory=True)
    (folder / "dog" / "linked.png").symlink_to(secret / "private" / "0.png")
    os.mkfifo(folder / "dog" / "pipe.png")
    files = FolderFiles(folder)
    assert find_layout(files).classes == ("cat", "dog") and len(files.names) == 8
    assert dict(files.left_out) == {
        "linked": "it is a link, and links are not followed",
        "dog/linked.png": "it is a link, and links are not followed",
        "dog/pipe.png": "it is not a file",
    }
    (folder / "dog" / "0.png").unlink()
    (folder / "dog" / "0.png").symlink_to(secret / "private" / "0.png")
    (folder / "cat").rename(folder / "was-cat")
    (folder / "cat").symlink_to(secret / "private", target_is_directory=True)
    for name in ("dog/0.png", "cat/1.png"):  # what has become a link since is not opened either
        with pytest.raises(OSError):
            files.open(name)
    assert files.open("dog/1.png").read() == (folder / "dog/1.png").read_bytes()


def test_too_many_files_and_levels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = fill(tmp_path / "pets", classes("dog", "cat"))
    monkeypatch.setattr("tlcore.data.own.folders.MOST_FILES", 9)
    with pytest.raises(InvalidRequest, match="more than 9 files"):
        FolderFiles(folder)
    (tmp_path / "deep" / "/".join("abcdefghijkl")).mkdir(parents=True)
    with pytest.raises(InvalidRequest, match="more than 8 deep"):
        FolderFiles(tmp_path / "deep")


class TestPermission:
    def test_nothing_is_allowed_unless_named(self, tmp_path: Path, data: Path) -> None:
        with pytest.raises(InvalidRequest, match="its owner has named none in the environment variable TLCORE_FOLDERS"):
            permitted(str(tmp_path))

    def test_below_a_named_folder_alone(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        one, two, outside = (tmp_path / name for name in ("one", "two", "onetwo"))
        for folder in (one / "pets", two, outside):
            folder.mkdir(parents=True)
        monkeypatch.setenv("TLCORE_FOLDERS", os.pathsep.join((str(one), str(two), "")))
        assert permitted(str(one / "pets")) == one / "pets" and permitted(str(two)) == two
        (one / "way-out").symlink_to(outside, target_is_directory=True)
        sentences = set()
        for path in (outside, one / ".." / "onetwo", one / "way-out", one / "missing", tmp_path, Path("/etc/passwd")):
            with pytest.raises(InvalidRequest, match="not below a folder that the server's owner has allowed") as said:
                permitted(str(path))
            sentences.add(str(said.value).replace(str(path), ""))
        assert len(sentences) == 1, "what exists and what does not are refused alike"

    def test_the_owner_may_read_everything(self, tmp_path: Path, data: Path) -> None:
        assert permitted(str(tmp_path), owner=True) == tmp_path
        with pytest.raises(InvalidRequest, match="There is no file or folder"):
            permitted(str(tmp_path / "missing"), owner=True)

    @pytest.mark.parametrize("name", ["", "../x", "a/b", "A", "-a", "a" * 41, ".hidden", "a\n", "ä"])
    def test_names_that_are_no_names(self, name: str) -> None:
        with pytest.raises(InvalidRequest, match="is not a name for a data set"):
            places.checked_name(name)
        assert places.checked_name(places.suggested_name(name))


def with_table(folder: Path, text: str | bytes, names: list[str] | None = None, table: str = "labels.csv") -> Files:
    fill(folder, names or [f"{number}.png" for number in range(8)])
    (folder / table).write_bytes(text if isinstance(text, bytes) else text.encode())
    return FolderFiles(folder)


ROWS = [(f"{number}.png", "cat" if number < 4 else "dog", "photo" if number % 2 else "sketch") for number in range(8)]


class TestTables:
    @pytest.mark.parametrize("delimiter", [",", ";", "\t"])
    def test_file_label_domain_split_and_attributes(self, delimiter: str, tmp_path: Path) -> None:
        lines = [delimiter.join(("File", "Label", "Domain", "Split", "age", "colour"))]
        lines += [delimiter.join((*row, "train", str(n), "red")) for n, row in enumerate(ROWS)]
        found = find_layout(with_table(tmp_path, "\ufeff" + "\r\n".join(lines) + "\r\n"))
        assert found.classes == ("cat", "dog") and found.domains == ("photo", "sketch")
        first = found.entries[0]
        assert (first.file, first.part, first.attributes) == ("0.png", "train", {"age": "0", "colour": "red"})

    def test_in_a_zip_and_in_sub_folders(self, tmp_path: Path) -> None:
        from tests.data.own.conftest import pack

        members = {f"images/{n}.png": picture(n) for n in range(8)}
        text = "image,class\n" + "".join(f"images/{n}.png,c{n % 2}\n" for n in range(8))
        with ZipFiles(pack(tmp_path / "a.zip", members | {"train.csv": text.encode()})) as files:
            assert find_layout(files).classes == ("c0", "c1")

    def test_a_table_of_something_else_beside_class_folders_is_left_out(self, tmp_path: Path) -> None:
        files = with_table(tmp_path, "epoch,loss\n1,2\n", classes("dog", "cat"))
        assert find_layout(files).classes == ("cat", "dog")

    def test_missing_files_are_told(self, tmp_path: Path) -> None:
        text = "file,label\n" + "".join(f"{f},{label}\n" for f, label, _ in ROWS) + "lost.png,cat\n"
        assert any(
            "1 file that the table names is not there" in note and "lost.png" in note
            for note in find_layout(with_table(tmp_path, text)).notes
        )

    @pytest.mark.parametrize(
        ("text", "sentence"),
        [
            ("name,kind\n0.png,cat\n", "must have the columns file and label .* it has name, kind"),
            ("0.png,cat\n1.png,dog\n", "must have the columns file and label"),
            ("file,label\n0.png\n", "Line 2 of the table labels.csv has 1 fields instead of 2"),
            ("file,label\n../0.png,cat\n", "does not lie in the folder"),
            ("file,label\n/etc/passwd,cat\n", "does not lie in the folder"),
            ("file,label\nC:\\x.png,cat\n", "does not lie in the folder"),
            ("file,label\n0.png,cat\n0.png,dog\n", "names the file 0.png twice"),
            ("file,label\nx.png,cat\n", "None of the 1 files"),
            ("file,label,split\n0.png,cat,later\n", "the split “later” instead of train, val or test"),
            ("file,label,label\n0.png,cat,dog\n", "two of one name"),
            ('file,label\n"0.png,cat\n', "is damaged"),
            ("", "is empty"),
            (b"file,label\n\xff\xfe0.png,cat\n", "not text in UTF-8"),
            ("file,label\n0.png,Cat\n1.png,cat\n2.png,dog\n", "differ only in case"),
            ("file,label\n0.png,\n1.png,cat\n", "a name that cannot be shown"),
        ],
    )
    def test_refused(self, text: str | bytes, sentence: str, tmp_path: Path) -> None:
        with pytest.raises(InvalidRequest, match=sentence) as refused:
            find_layout(with_table(tmp_path, text))
        assert "\n" not in str(refused.value)

    def test_a_million_rows_are_refused_before_they_are_parsed(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(tables, "rows_of", lambda *_: pytest.fail("rows were parsed"))
        with pytest.raises(InvalidRequest, match="more than 200,000 rows"):
            find_layout(with_table(tmp_path, b"file,label\n" + b"0.png,cat\n" * 1_000_000))
