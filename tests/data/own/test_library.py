"""Import: complete or not there, the right pixels, nothing lost, little memory."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from tests.data.own.conftest import classes, fill, left_behind, pack, picture, zipped
from tlcore.data.own import library
from tlcore.data.own.archives import ZipFiles
from tlcore.data.own.folders import FolderFiles
from tlcore.data.own.library import check_own, find_own, import_pictures, list_own, remove_own
from tlcore.data.own.manifest import FILE, open_array, read_manifest
from tlcore.data.own.pictures import read_square
from tlcore.data.own.preview import preview_pictures
from tlcore.errors import InvalidRequest, MissingData, OutOfSpace

ROOT = Path(__file__).resolve().parents[3]


def imported(folder: Path, name: str = "pets", side: int = 16, **options: bool) -> library.Manifest:
    return import_pictures(FolderFiles(folder), name, side=side, **options)


def test_every_picture_is_kept_with_its_class(cats_and_dogs: Path, data: Path) -> None:
    manifest = imported(cats_and_dogs, side=32)
    array = open_array(data / "own" / "pets", manifest)
    assert array.shape == (16, 3, 32, 32) and isinstance(array, np.memmap)
    for row, label, file in zip(manifest.rows, manifest.labels, manifest.files, strict=True):
        with (cats_and_dogs / file).open("rb") as opened:
            assert np.array_equal(array[row], read_square(io.BytesIO(opened.read()), 32))
        assert file.startswith(manifest.classes[label])
    assert read_manifest(data / "own" / "pets") == manifest
    assert left_behind(data) == ["own", "own/pets", f"own/pets/{FILE}", f"own/pets/{manifest.array}"]


def test_a_zip_and_its_folder_give_the_same_content(cats_and_dogs: Path, data: Path, tmp_path: Path) -> None:
    members = {str(p.relative_to(cats_and_dogs)): p.read_bytes() for p in sorted(cats_and_dogs.rglob("*.png"))}
    with ZipFiles(pack(tmp_path / "pets.zip", members)) as files:
        from_zip = import_pictures(files, "zipped", side=16)
    from_folder = imported(cats_and_dogs)
    assert from_zip.content == from_folder.content and from_zip.array == from_folder.array
    assert imported(cats_and_dogs, "larger", side=17).content != from_folder.content


def test_any_number_of_threads_gives_the_same(cats_and_dogs: Path, data: Path) -> None:
    one = import_pictures(FolderFiles(cats_and_dogs), "one", side=16, threads=1)
    many = import_pictures(FolderFiles(cats_and_dogs), "many", side=16, threads=7)
    assert one.content == many.content
    files = [data / "own" / name / one.array for name in ("one", "many")]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_the_same_again_decodes_nothing(cats_and_dogs: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = imported(cats_and_dogs)
    monkeypatch.setattr(library, "decode_all", lambda *_, **__: pytest.fail("pictures were decoded again"))
    assert imported(cats_and_dogs) == first


def test_another_content_needs_permission_to_replace(cats_and_dogs: Path, data: Path) -> None:
    first = imported(cats_and_dogs)
    before = {path: path.read_bytes() for path in (data / "own" / "pets").iterdir()}
    fill(cats_and_dogs, ["dog/new.png"], first=99)
    with pytest.raises(InvalidRequest, match="already an own data set “pets” with other content"):
        imported(cats_and_dogs)
    assert {path: path.read_bytes() for path in (data / "own" / "pets").iterdir()} == before
    second = imported(cats_and_dogs, replace=True)
    assert len(second) == len(first) + 1 and second.content != first.content
    assert left_behind(data) == ["own", "own/pets", f"own/pets/{FILE}", f"own/pets/{second.array}"]


@pytest.mark.parametrize("replace", [False, True])
def test_whatever_fails_leaves_everything_as_it_was(
    replace: bool, cats_and_dogs: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if replace:
        imported(cats_and_dogs)
        fill(cats_and_dogs, ["dog/new.png"], first=99)
    before = left_behind(data)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    for name in ("decode_all", "write_manifest"):
        with monkeypatch.context() as patch:
            patch.setattr(library, name, full)
            with pytest.raises(OutOfSpace, match="No disk space is left"):
                imported(cats_and_dogs, replace=replace)
        assert left_behind(data) == before or left_behind(data) == ["own"]
    if replace:
        assert check_own("pets")["examples"] == 16


def test_what_a_killed_import_left_behind_is_removed_by_the_next(cats_and_dogs: Path, data: Path) -> None:
    for name in ("pets", "pets-2"):
        (data / "own" / f"{library.INCOMPLETE}{name}.0123").mkdir(parents=True)
    assert list_own() == []
    imported(cats_and_dogs)
    assert sorted(path.name for path in (data / "own").iterdir() if path.is_dir()) == [
        ".incomplete-pets-2.0123",
        "pets",
    ]


def test_too_little_room_is_told_before_decoding(
    cats_and_dogs: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(library, "SPARE_BYTES", 2**60)
    monkeypatch.setattr(library, "decode_all", lambda *_, **__: pytest.fail("pictures were decoded"))
    with pytest.raises(OutOfSpace, match="GB are needed"):
        imported(cats_and_dogs)
    assert left_behind(data) == ["own"]


def test_unreadable_files_are_listed_and_the_others_imported(cats_and_dogs: Path, data: Path) -> None:
    (cats_and_dogs / "cat" / "empty.png").write_bytes(b"")
    (cats_and_dogs / "dog" / "page.png").write_text("<html></html>")
    (cats_and_dogs / "dog" / "cut.jpg").write_bytes(picture(1, (300, 300), "JPEG")[:2000])
    manifest = imported(cats_and_dogs)
    reasons = dict(manifest.unreadable)
    assert len(manifest) == 16 and set(reasons) == {"cat/empty.png", "dog/page.png", "dog/cut.jpg"}
    assert "zero bytes" in reasons["cat/empty.png"] and "web page" in reasons["dog/page.png"]
    assert "truncated" in reasons["dog/cut.jpg"]


REFUSED = {
    "a class of one": ([*classes("cat", count=5), "dog/1.png"], "The class “dog” has only one picture"),
    "a class of two": ([*classes("cat", count=5), *classes("dog", count=2)], "The class “dog” has only 2 pictures"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_classes_that_are_too_small(case: str, tmp_path: Path, data: Path) -> None:
    names, sentence = REFUSED[case]
    folder = fill(tmp_path / "pets", names)
    with pytest.raises(InvalidRequest, match=sentence):
        imported(folder)
    assert any(sentence in problem for problem in preview_pictures(FolderFiles(folder)).problems)
    assert left_behind(data) == ["own"]


def test_a_class_of_which_nothing_can_be_read(cats_and_dogs: Path, data: Path) -> None:
    for path in (cats_and_dogs / "cat").iterdir():
        path.write_bytes(b"<svg></svg>")
    with pytest.raises(InvalidRequest, match=r"only one class, “dog”"):
        imported(cats_and_dogs)
    assert left_behind(data) == ["own"]


class TestDuplicates:
    def test_of_train_and_test_the_test_copy_is_dropped(self, tmp_path: Path, data: Path) -> None:
        folder = fill(tmp_path / "d", classes("train/a", "train/b", "test/a", "test/b", count=5))
        copy = (folder / "train/a/0.png").read_bytes()
        (folder / "test/a/again.png").write_bytes(copy)
        (folder / "train/a/twice.png").write_bytes(copy)
        seen = preview_pictures(FolderFiles(folder))
        assert seen.exact_count == 2
        assert seen.exact[0] == {
            "first": "train/a/0.png", "second": "test/a/again.png", "between": "train and test"
        }  # fmt: skip
        assert seen.exact[1]["between"] == "within train"
        manifest = imported(folder)
        assert set(manifest.dropped) == {"test/a/again.png", "train/a/twice.png"}
        assert len(manifest) == 20

    def test_the_same_pixels_in_another_file_are_the_same_picture(self, tmp_path: Path, data: Path) -> None:
        from PIL import Image

        folder = fill(tmp_path / "d", classes("a", "b"))
        Image.open(folder / "a/0.png").save(folder / "a/0.bmp")
        manifest = imported(folder)
        assert manifest.dropped == ("a/0.png",)  # 0.bmp comes first
        assert len(manifest) == 8

    def test_between_domains_both_stay_and_keep_together(self, tmp_path: Path, data: Path) -> None:
        folder = fill(tmp_path / "d", classes("photo/a", "photo/b", "art/a", "art/b"))
        (folder / "art/a/copy.png").write_bytes((folder / "photo/a/1.png").read_bytes())
        manifest = imported(folder)
        assert not manifest.dropped and len(manifest) == 17
        at = [manifest.files.index(name) for name in ("art/a/copy.png", "photo/a/1.png")]
        assert len({manifest.identities[number] for number in at}) == 1
        assert len(set(manifest.identities)) == 16

    def test_near_duplicates_are_found_and_kept_together(self, tmp_path: Path, data: Path) -> None:
        from PIL import Image

        folder = fill(tmp_path / "d", classes("a", "b", count=6))
        Image.open(folder / "b/2.png").resize((80, 60)).save(folder / "b/smaller.jpg", quality=60)
        seen = preview_pictures(FolderFiles(folder))
        assert (seen.exact_count, seen.near_count) == (0, 1)
        assert {seen.near[0]["first"], seen.near[0]["second"]} == {"b/2.png", "b/smaller.jpg"}
        manifest = imported(folder, side=64)
        assert not manifest.dropped
        pair = [manifest.identities[manifest.files.index(name)] for name in ("b/2.png", "b/smaller.jpg")]
        assert pair[0] == pair[1] and len(set(manifest.identities)) == 12

    def test_flat_pictures_of_different_colours_are_no_duplicates(self, tmp_path: Path, data: Path) -> None:
        from PIL import Image

        for number in range(8):
            path = tmp_path / "d" / "ab"[number % 2] / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (20, 20), (number * 30, 0, 255 - number * 30)).save(path)
        seen = preview_pictures(FolderFiles(tmp_path / "d"))
        assert (seen.exact_count, seen.near_count) == (0, 0)


def test_preview_tells_all_and_writes_nothing(tmp_path: Path, data: Path) -> None:
    folder = fill(tmp_path / "My Pets!", classes("photo/cat", "photo/dog", "art/cat", "art/dog", count=5))
    (folder / "art/cat/0.png").write_bytes(b"")
    seen = preview_pictures(FolderFiles(folder))
    document = json.loads(json.dumps(seen.document()))
    assert document["suggested_name"] == "my-pets" and document["examples"] == document["looked_at"] == 20
    assert document["counts"][0] == {"domain": "art", "class": "cat", "part": "", "count": 5}
    assert document["unreadable"] == [{"file": "art/cat/0.png", "reason": "it is empty: it has zero bytes"}]
    assert Counter((one["domain"], one["class"]) for one in document["thumbnails"]) == {
        ("art", "cat"): 2, ("art", "dog"): 3, ("photo", "cat"): 3, ("photo", "dog"): 3
    }  # fmt: skip
    assert all(one["image"].startswith("data:image/png;base64,iVBOR") for one in document["thumbnails"])
    assert document["split"]["by"] == "seed" and document["problems"] == []
    assert not data.exists()


def test_preview_of_many_looks_at_an_even_sample(tmp_path: Path, data: Path) -> None:
    folder = fill(tmp_path / "pets", classes("cat", "dog", count=20))
    seen = preview_pictures(FolderFiles(folder), most=10)
    assert (seen.examples, seen.looked_at) == (40, 10)
    assert any("10 of 40 pictures were looked at" in note for note in seen.notes)
    assert {one["class"] for one in seen.thumbnails} == {"cat", "dog"}


class TestShelf:
    def test_list_check_and_remove(self, cats_and_dogs: Path, data: Path) -> None:
        assert list_own() == []
        manifest = imported(cats_and_dogs)
        (listed,) = list_own()
        assert listed == check_own("pets") == manifest.summary("pets")
        assert listed["examples"] == 16 and listed["counts"][0]["count"] == 8
        remove_own("pets")
        assert list_own() == [] and left_behind(data) == ["own"]
        assert len(list(cats_and_dogs.rglob("*.png"))) == 16

    @pytest.mark.parametrize("what", [find_own, check_own, remove_own])
    def test_what_is_not_there(self, what: object, data: Path) -> None:
        with pytest.raises(MissingData, match="no own data set “pets” on this machine"):
            what("pets")  # type: ignore[operator]
        with pytest.raises(InvalidRequest, match="is not a name"):
            what("../pets")  # type: ignore[operator]

    @pytest.mark.parametrize(
        "change",
        [
            {"labels": [0] * 15 + [7]}, {"rows": [99] * 16}, {"rows": [-1] * 16}, {"array": "../../x.npy"},
            {"identities": [0]}, {"version": 99}, {"kind": "programs"}, {"width": 17}, {"total": 3},
            {"labels": ["a"] * 16}, {"attributes": {"age": [1.0]}}, {"partitions": {"x": [16]}}, {"unknown": 1},
        ],
    )  # fmt: skip
    def test_a_manifest_that_lies_is_refused(self, change: dict, cats_and_dogs: Path, data: Path) -> None:
        imported(cats_and_dogs)
        path = data / "own" / "pets" / FILE
        path.write_text(json.dumps(json.loads(path.read_text()) | change))
        with pytest.raises(MissingData, match="The own data set pets is damaged"):
            check_own("pets")

    def test_damage_is_listed_and_mended_by_importing_again(self, cats_and_dogs: Path, data: Path) -> None:
        manifest = imported(cats_and_dogs)
        array = data / "own" / "pets" / manifest.array
        array.write_bytes(array.read_bytes()[:1000])
        with pytest.raises(MissingData, match="damaged"):
            check_own("pets")
        assert imported(cats_and_dogs, replace=True).content == manifest.content
        (data / "own" / "pets" / FILE).write_text("{")
        assert "damaged" in list_own()[0]["problem"]


# Not `ru_maxrss`, which on Linux begins with the size of the process that has started this one.
PEAK = """
import resource, sys
def peak():
    if sys.platform.startswith("linux"):
        lines = open("/proc/self/status").read().splitlines()
        return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
"""
MEASURE = (
    PEAK
    + """
import json, sys
from pathlib import Path
from tlcore.data.own.sources import import_source, preview
from tlcore.errors import LabError
sentences = []
for ask in (lambda: preview(Path(sys.argv[1])), lambda: import_source(Path(sys.argv[1]), "pets", side=64)):
    try:
        said = ask()
        sentences.append([reason for _, reason in said.unreadable] if hasattr(said, "width") else said.unreadable)
    except LabError as error:
        sentences.append(str(error))
print(json.dumps([sentences, peak(), sorted(sys.modules)]))
"""
)


def measured(path: Path) -> tuple[list, float, set[str]]:
    """What a fresh process says to `path` on preview and import, its largest memory in MB, and its modules."""
    done = subprocess.run([sys.executable, "-c", MEASURE, str(path)], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    sentences, peak, modules = json.loads(done.stdout)
    return sentences, peak, set(modules)


def harmful(case: str, folder: Path) -> Path:
    """One of the things that a refusal must be cheap for."""
    from tests.data.own import test_archives as archives
    from tests.data.own.test_pictures import huge_png

    path = folder / "harm.zip"
    if case == "bomb":
        return archives.bomb(path)
    if case == "100,000 members":
        return archives.many_members(path, 100_000)
    if case == "100,000 members, said to be 2":
        return archives.many_members(path, 100_000, said=2)
    if case == "huge picture":
        fill(folder / "pets", classes("cat", "dog"))
        (folder / "pets" / "cat" / "huge.png").write_bytes(huge_png(50_000, 50_000))
        return folder / "pets"
    if case == "huge picture of 60 MB":
        fill(folder / "pets", classes("cat", "dog"))
        (folder / "pets" / "cat" / "huge.png").write_bytes(huge_png(50_000, 50_000) + bytes(60 * 2**20))
        return folder / "pets"
    if case == "huge picture in a zip":
        members = {name: picture(number) for number, name in enumerate(classes("cat", "dog"))}
        return pack(path, members | {"cat/huge.png": huge_png(50_000, 50_000)})
    table = fill(folder / "pets", ["0.png"]) / "labels.csv"
    table.write_bytes(b"file,label\n" + b"0.png,cat\n" * 1_000_000)
    return table


@pytest.mark.parametrize(
    ("case", "sentence"),
    [
        ("bomb", "100 times its own size"),
        ("100,000 members", "more than 20,000 members"),
        ("100,000 members, said to be 2", "more than 20,000 members"),
        ("huge picture", "megapixels"),
        ("huge picture of 60 MB", "megapixels"),
        ("huge picture in a zip", "megapixels"),
        ("million rows", "more than 200,000 rows"),
    ],
)
def test_a_refusal_takes_little_memory_and_no_torch(case: str, sentence: str, tmp_path: Path, data: Path) -> None:
    sentences, peak, modules = measured(harmful(case, tmp_path))
    assert all(sentence in str(said) for said in sentences), sentences
    assert peak < 100
    assert "torch" not in modules
    if "huge" not in case:
        assert left_behind(data) in ([], ["own"])


def test_memory_does_not_grow_with_the_number_of_pictures(tmp_path: Path, data: Path) -> None:
    """1,200 pictures that are kept as 180 MB are imported in less than that, so 10,000 need no more."""
    folder, content = tmp_path / "pets", [picture(number) for number in range(2)]
    for number in range(1200):
        path = folder / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content[number % 2] if number > 20 else picture(number))
    script = (
        f"{PEAK}\nimport sys; from pathlib import Path; from tlcore.data.own.sources import import_source\n"
        "import_source(Path(sys.argv[1]), 'pets', side=224)\n"
        "print(peak())"
    )
    done = subprocess.run([sys.executable, "-c", script, str(folder)], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    array = next((data / "own" / "pets").glob("*.npy"))
    assert array.stat().st_size > 1200 * 3 * 224 * 224
    assert float(done.stdout) < 150


def test_zip_of_the_most_members_is_previewed(tmp_path: Path, data: Path) -> None:
    with ZipFiles(zipped(tmp_path / "a.zip", classes("a", "b", count=30))) as files:
        assert preview_pictures(files).examples == 60
