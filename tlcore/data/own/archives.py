"""The files of a zip, which is never unpacked: members are read by their position, and nothing is written."""

from __future__ import annotations

import stat
import struct
import zipfile
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast

from tlcore.data.own.files import Files, hidden, is_archive
from tlcore.data.own.limits import (
    LARGEST_RATIO,
    LARGEST_UNPACKED,
    LONGEST_PATH,
    MOST_LEVELS,
    MOST_MEMBERS,
    RATIO_COUNTS_FROM,
)
from tlcore.data.own.places import shown
from tlcore.errors import InvalidRequest

END = b"PK\x05\x06"
END_64 = b"PK\x06\x06"
LOCATOR_64 = b"PK\x06\x07"
MEMBER = b"PK\x01\x02"
LONGEST_TAIL = 22 + 65_535  # the end record with the longest comment
LARGEST_DIRECTORY = 16 * 2**20
ENCRYPTED = 0x1


class ZipFiles(Files):
    """The members of a zip, checked before any of them is read."""

    def __init__(self, path: Path, title: str = "") -> None:
        """title: what to call the archive. Raises InvalidRequest."""
        self.title = title or path.name
        try:
            require_few_members(path, self.title)
            self._archive = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, struct.error) as error:
            raise InvalidRequest(f"The archive {shown(self.title)} cannot be read: {error}.") from None
        try:
            self._list(path.stat().st_size)
        except BaseException:
            self._archive.close()
            raise

    def _list(self, size: int) -> None:
        members: dict[str, zipfile.ZipInfo] = {}
        folders: set[str] = set()
        unpacked = 0
        if len(self._archive.infolist()) > MOST_MEMBERS:
            raise self._refuse(f"has more than {MOST_MEMBERS:,} members")
        for member in self._archive.infolist():
            name = self._checked_name(member)
            unpacked += member.file_size
            if unpacked > LARGEST_UNPACKED:
                raise self._refuse(f"would unpack to more than {LARGEST_UNPACKED // 2**30} GB")
            if unpacked > RATIO_COUNTS_FROM and unpacked > LARGEST_RATIO * size:
                raise self._refuse(f"would unpack to more than {LARGEST_RATIO} times its own size")
            if hidden(name):
                continue
            folders.update(str(parent) for parent in PurePosixPath(name).parents if str(parent) != ".")
            if member.is_dir():
                folders.add(name)
            elif is_archive(name):
                raise self._refuse(f"contains another archive, {shown(name)}")
            elif name in members:
                raise self._refuse(f"contains two files named {shown(name)}")
            else:
                members[name] = member
        self._members = members
        self.names = tuple(sorted(members))
        self.folders = frozenset(folders)
        self.left_out = ()

    def _checked_name(self, member: zipfile.ZipInfo) -> str:
        """The member's name with `/` between its parts and none at the end."""
        name = member.filename.replace("\\", "/")
        kind = stat.S_IFMT(member.external_attr >> 16)
        if name.startswith("/") or name[1:2] == ":":
            raise self._refuse(f"has a member with an absolute name, {shown(name)}")
        if ".." in name.split("/"):
            raise self._refuse(f"has a member that leaves its folder, {shown(name)}")
        if len(name) > LONGEST_PATH:
            raise self._refuse(f"has a member with a name of more than {LONGEST_PATH:,} characters, {shown(name, 40)}")
        if len(PurePosixPath(name).parts) > MOST_LEVELS + 1:
            raise self._refuse(f"has folders more than {MOST_LEVELS} deep, {shown(name)}")
        if kind == stat.S_IFLNK:
            raise self._refuse(f"contains a link, {shown(name)}")
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise self._refuse(f"contains something that is not a file, {shown(name)}")
        if member.flag_bits & ENCRYPTED:
            raise self._refuse(f"is encrypted ({shown(name)})")
        return name.rstrip("/")

    def _refuse(self, fault: str) -> InvalidRequest:
        return InvalidRequest(f"The archive {shown(self.title)} {fault}, and is not read.")

    def size(self, name: str) -> int:
        return self._members[name].file_size

    def stamp(self, name: str) -> str:
        member = self._members[name]
        return f"{member.file_size} {member.CRC}"

    def open(self, name: str) -> BinaryIO:
        try:
            return cast(BinaryIO, self._archive.open(self._members[name]))
        except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
            raise OSError(f"it cannot be unpacked ({error})") from None

    def close(self) -> None:
        self._archive.close()


def is_zip(path: Path) -> bool:
    """Whether a file is a zip by its content."""
    with path.open("rb") as file:
        return file.read(4) in (b"PK\x03\x04", END)


def require_few_members(path: Path, title: str) -> None:
    """Count the members by walking the directory's bytes, before `zipfile` makes an object of each.

    Raises InvalidRequest for too many, `zipfile.BadZipFile` or `struct.error` where the directory is damaged.
    """
    too_many = InvalidRequest(f"The archive {shown(title)} has more than {MOST_MEMBERS:,} members, and is not read.")
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - LONGEST_TAIL))
        tail = file.read(LONGEST_TAIL)
        at = tail.rfind(END)
        if at < 0:
            raise zipfile.BadZipFile("it is not a zip")
        count, length = struct.unpack("<HL", tail[at + 10 : at + 16])
        end = size - len(tail) + at
        if at >= 20 and tail[at - 20 : at - 16] == LOCATOR_64:
            (end,) = struct.unpack("<Q", tail[at - 12 : at - 4])
            file.seek(end)
            record = file.read(56)
            if record[:4] == END_64:
                count, length = struct.unpack("<QQ", record[32:48])
        if count > MOST_MEMBERS:
            raise too_many
        if length > min(LARGEST_DIRECTORY, end):
            raise zipfile.BadZipFile("its list of members is too long")
        file.seek(end - length)
        directory = file.read(length)
    at, seen = 0, 0
    while directory[at : at + 4] == MEMBER:
        at += 46 + sum(struct.unpack("<3H", directory[at + 28 : at + 34]))
        seen += 1
        if seen > MOST_MEMBERS:
            raise too_many
