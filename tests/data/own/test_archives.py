"""Zips that are meant to harm, or only large: refused before a member is read."""

from __future__ import annotations

import io
import stat
import struct
import zipfile
from pathlib import Path

import pytest

from tests.data.own.conftest import classes, pack, picture, zipped
from tlcore.data.own import archives
from tlcore.data.own.archives import ZipFiles
from tlcore.data.own.limits import MOST_MEMBERS
from tlcore.errors import InvalidRequest


def test_names_sizes_and_contents(tmp_path: Path) -> None:
    path = pack(
        tmp_path / "a.zip", {"b/x.png": b"1234", "a/y.png": b"12", "__MACOSX/a/._y.png": b"", "a/.DS_Store": b""}
    )
    with ZipFiles(path) as files:
        assert files.names == ("a/y.png", "b/x.png")
        assert files.folders >= {"a", "b"}
        assert files.size("b/x.png") == 4
        assert files.open("a/y.png").read() == b"12"


def test_fingerprint_follows_content_and_names_but_not_the_packing(tmp_path: Path) -> None:
    def fingerprint(name: str, members: dict[str, bytes], **options: int) -> str:
        with ZipFiles(pack(tmp_path / name, members, **options)) as files:
            return files.fingerprint()

    one = fingerprint("1.zip", {"a/x": b"1234", "b/x": b"12"})
    assert one == fingerprint("2.zip", {"b/x": b"12", "a/x": b"1234"}, compression=zipfile.ZIP_DEFLATED)
    assert one != fingerprint("3.zip", {"a/x": b"1235", "b/x": b"12"})
    assert one != fingerprint("4.zip", {"a/y": b"1234", "b/x": b"12"})


def test_unicode_names_and_backslashes(tmp_path: Path) -> None:
    path = pack(tmp_path / "a.zip", {"Füchse/ünïcödé.png": b"1", "猫\\写真.png": b"2"})
    with ZipFiles(path) as files:
        assert files.names == ("Füchse/ünïcödé.png", "猫/写真.png")
        assert files.open("猫/写真.png").read() == b"2"


def with_member(path: Path, info: zipfile.ZipInfo, content: bytes = b"x") -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("cat/1.png", picture(1))
        archive.writestr(info, content)
    return path


def special(kind: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo("cat/2.png")
    info.create_system = 3
    info.external_attr = (kind | 0o777) << 16
    return info


def encrypted(path: Path) -> Path:
    """The flag of encryption set on every member."""
    content = bytearray(zipped(path, classes("cat", "dog")).read_bytes())
    for signature, offset in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):
        at = content.find(signature)
        while at >= 0:
            content[at + offset] |= 1
            at = content.find(signature, at + 1)
    path.write_bytes(content)
    return path


def bomb(path: Path) -> Path:
    """200 MB of zeros in 200 kB."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("cat/1.png", "w") as member:
        for _ in range(200):
            member.write(bytes(2**20))
    return path


def overlapping_bomb(path: Path) -> Path:
    """Many entries of the directory that all name the same bytes."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/000.png", bytes(2**20))
    content = file.getvalue()
    at = content.find(b"PK\x01\x02")
    entry = content[at : content.find(b"PK\x05\x06")]
    entries = b"".join(entry.replace(b"000", f"{number:03}".encode()) for number in range(900))
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 900, 900, len(entries), at, 0)
    path.write_bytes(content[:at] + entries + end)
    return path


def many_members(path: Path, count: int, said: int | None = None) -> Path:
    """A directory of so many empty members, written without `zipfile`; `said`: the number the end record tells."""
    local = struct.pack("<4s5H3L2H", b"PK\x03\x04", 20, 0, 0, 0, 0, 0, 0, 0, 7, 0) + b"a/0.png"
    entries = b"".join(
        struct.pack("<4s6H3L5H2L", b"PK\x01\x02", 20, 20, 0, 0, 0, 0, 0, 0, 0, 8 + 5, 0, 0, 0, 0, 0, 0)
        + f"a/{number:06}.jpg".encode()[:13].ljust(13, b"g")
        for number in range(count)
    )
    told = min(count if said is None else said, 0xFFFF)
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, told, told, len(entries), len(local), 0)
    path.write_bytes(local + entries + end)
    return path


REFUSED = {
    "traversal": (lambda path: pack(path, {"cat/1.png": b"x", "../../evil.png": b"x"}), "leaves its folder"),
    "traversal with backslashes": (lambda path: pack(path, {"cat\\..\\..\\evil.png": b"x"}), "leaves its folder"),
    "absolute": (lambda path: pack(path, {"/etc/passwd": b"x"}), "absolute name"),
    "absolute on Windows": (lambda path: pack(path, {"C:/evil.png": b"x"}), "absolute name"),
    "link": (lambda path: with_member(path, special(stat.S_IFLNK), b"/etc/passwd"), "contains a link"),
    "device": (lambda path: with_member(path, special(stat.S_IFCHR)), "not a file"),
    "nested": (lambda path: pack(path, {"cat/1.png": b"x", "more.zip": b"PK"}), "another archive, more.zip"),
    "nested tar": (lambda path: pack(path, {"cat/1.png": b"x", "cat/more.TGZ": b""}), "another archive"),
    "encrypted": (encrypted, "is encrypted"),
    "bomb": (bomb, "more than 100 times its own size"),
    "overlapping bomb": (overlapping_bomb, "more than 100 times its own size|cannot be read"),
    "100,000 members": (lambda path: many_members(path, 100_000), "more than 20,000 members"),
    "100,000 members, said to be 2": (lambda path: many_members(path, 100_000, said=2), "more than 20,000 members"),
    "very long name": (lambda path: pack(path, {"cat/" + "n" * 1001: b"x"}), "more than 1,000 characters"),
    "too deep": (lambda path: pack(path, {"a/" * 20 + "1.png": b"x"}), "more than 8 deep"),
    "two of one name": (lambda path: pack(path, {"a/1.png": b"x", "a\\1.png": b"y"}), "two files named a/1.png"),
    "no zip": (lambda path: path.write_bytes(b"PK\x03\x04 nothing") and path, "cannot be read"),
    "cut off": (lambda path: path.write_bytes(zipped(path, classes("a")).read_bytes()[:-30]) and path, "cannot"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_refused_before_anything_is_read(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make, sentence = REFUSED[case]
    path = make(tmp_path / "harm.zip")
    monkeypatch.setattr(zipfile.ZipFile, "open", lambda *_, **__: pytest.fail("a member was read"))
    with pytest.raises(InvalidRequest, match=sentence) as refused:
        ZipFiles(path)
    assert str(refused.value).startswith("The archive harm.zip ") and "\n" not in str(refused.value)
    assert [path.name for path in tmp_path.iterdir()] == ["harm.zip"]


def test_too_many_members_are_not_made_into_objects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives.zipfile, "ZipFile", lambda *_: pytest.fail("zipfile was asked"))
    for said in (None, 2):
        with pytest.raises(InvalidRequest, match="members"):
            ZipFiles(many_members(tmp_path / "many.zip", MOST_MEMBERS + 1, said))


def test_most_members_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MOST_MEMBERS", 5)
    assert len(ZipFiles(zipped(tmp_path / "a.zip", classes("a", count=5))).names) == 5
    with pytest.raises(InvalidRequest, match="more than 5 members"):
        ZipFiles(zipped(tmp_path / "b.zip", classes("a", count=6)))


def test_a_zip_with_something_before_it_is_read(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", classes("a", "b"))
    path.write_bytes(b"#!/bin/sh\n" * 50 + path.read_bytes())
    with ZipFiles(path) as files:
        assert files.open("a/0.png").read() == picture(0)
