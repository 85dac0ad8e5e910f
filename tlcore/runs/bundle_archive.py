"""The members of a bundle as bytes that are what its manifest says, and not more than the lab is ready to hold."""

from __future__ import annotations

import hashlib
import io
import json
import re
import stat
import zipfile
from typing import Any

import numpy as np
import numpy.typing as npt

from tlcore.errors import InvalidRequest
from tlcore.runs.bundles import BUNDLE_FORMAT, KIND, WEIGHTS

LARGEST_FILE = 2 * 2**30
LARGEST_CONTENT = 4 * 2**30
LARGEST_JSON = 64 * 2**20
LARGEST_ARRAY = 256 * 2**20
MOST_MEMBERS = 4000
MOST_RATIO = 1100  # deflate cannot do better than 1032; thumbnails of one colour come near
_MEMBER = re.compile(r"manifest\.json|run\.json|metrics\.json|notices\.json|records\.json|weights\.safetensors"
                     r"|arrays/[0-9a-f]{24}\.npy")  # fmt: skip
_NEEDED = ("run.json", "metrics.json", "notices.json", "records.json")
_IDENTITY = re.compile(r"[0-9a-f]{16}")


def refuse(reason: str) -> InvalidRequest:
    """The error that says why a bundle is not taken."""
    return InvalidRequest(f"This bundle cannot be imported: {reason}.")


class Archive:
    """A bundle whose manifest, names, sizes and hashes have been checked. What its members mean has not."""

    def __init__(self, content: bytes) -> None:
        """Check the archive.

        Raises:
            InvalidRequest: it is cut, altered, of a newer version, too large, or no bundle at all.
        """
        if len(content) > LARGEST_FILE:
            raise refuse(f"it is larger than {LARGEST_FILE >> 30} GB")
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(content))
        except Exception:  # the reader of zips lets many kinds through
            raise refuse("it is cut off or no bundle") from None
        self._infos = self._checked_infos()
        manifest = self.json("manifest.json", checked=False)
        if not isinstance(manifest, dict) or manifest.get("kind") != KIND:
            raise refuse("it is no bundle of the lab")
        number = manifest.get("format")
        if not isinstance(number, int) or isinstance(number, bool) or number < 1:
            raise refuse("its manifest names no format")
        if number > BUNDLE_FORMAT:
            raise refuse(
                f"it was written by a newer version of the lab (format {number}, this version reads up to "
                f"{BUNDLE_FORMAT})"
            )
        self.identity = manifest.get("run")
        if not isinstance(self.identity, str) or not _IDENTITY.fullmatch(self.identity):
            raise refuse("its manifest names no run")
        self._members = self._checked_members(manifest.get("members"))
        self._unpacked = 0
        self._held: dict[str, npt.NDArray[Any]] = {}

    def _checked_infos(self) -> dict[str, zipfile.ZipInfo]:
        infos = self._zip.infolist()
        if len(infos) > MOST_MEMBERS:
            raise refuse(f"it has more than {MOST_MEMBERS:,} members")
        found: dict[str, zipfile.ZipInfo] = {}
        for info in infos:
            # orig_filename: what the file says, before Python cuts it at a zero byte.
            if not _MEMBER.fullmatch(info.filename) or info.orig_filename != info.filename:
                raise refuse("it holds a member whose name does not belong into a bundle")
            if info.filename in found:
                raise refuse("it holds a member twice")
            if info.flag_bits & 1 or info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise refuse("it is encrypted or packed in a way the lab does not read")
            if stat.S_ISLNK(info.external_attr >> 16):
                raise refuse("it holds a link")
            if info.file_size > MOST_RATIO * max(info.compress_size, 1):
                raise refuse("a member of it grows far beyond its packed size")
            largest = LARGEST_JSON if info.filename.endswith(".json") else LARGEST_ARRAY
            if info.filename != WEIGHTS and info.file_size > largest:
                raise refuse("a member of it is too large")
            found[info.filename] = info
        if sum(info.file_size for info in infos) > LARGEST_CONTENT:
            raise refuse(f"unpacked it is larger than {LARGEST_CONTENT >> 30} GB")
        if "manifest.json" not in found:
            raise refuse("it has no manifest")
        return found

    def _checked_members(self, members: Any) -> dict[str, dict[str, Any]]:
        if not isinstance(members, dict) or set(members) != set(self._infos) - {"manifest.json"}:
            raise refuse("its members are not those its manifest names")
        for name in _NEEDED:
            if name not in members:
                raise refuse(f"it has no {name}")
        for name, entry in members.items():
            if not isinstance(entry, dict) or entry.get("bytes") != self._infos[name].file_size:
                raise refuse(f"{name} is not as long as its manifest says")
        return members

    def __contains__(self, name: str) -> bool:
        return name in self._members

    def bytes(self, name: str, *, checked: bool = True) -> bytes:
        """A member whose content is what the manifest says.

        Raises:
            InvalidRequest: it is not, or there is no such member.
        """
        info = self._infos.get(name)
        if info is None:
            raise refuse("it names a member that it does not hold")
        try:
            with self._zip.open(info) as stream:
                content = stream.read(info.file_size + 1)  # whatever it claims, no more than this is unpacked
        except Exception:  # damaged streams raise many kinds
            raise refuse(f"{name} is damaged") from None
        if len(content) != info.file_size:
            raise refuse(f"{name} is damaged")
        if checked and hashlib.sha256(content).hexdigest() != self._members[name].get("sha256"):
            raise refuse(f"{name} was altered")
        return content

    def json(self, name: str, *, checked: bool = True) -> Any:
        """A member that is JSON without NaN.

        Raises:
            InvalidRequest: it is not.
        """
        content = self.bytes(name, checked=checked)

        def no_constant(text: str) -> Any:
            raise ValueError(text)

        try:
            return json.loads(content.decode(), parse_constant=no_constant)
        except (ValueError, RecursionError):
            raise refuse(f"{name} cannot be read") from None

    def array(self, name: Any) -> npt.NDArray[Any]:
        """A member that is an array of numbers, as long as its header says: nothing larger is ever allocated.

        Records may name the same member; each time counts, for the store will hold it for each.

        Raises:
            InvalidRequest: it is not, or all that was asked for until now is more than a bundle may hold.
        """
        if not isinstance(name, str) or name not in self._members or not name.endswith(".npy"):
            raise refuse("it names an array that it does not hold")
        self._unpacked += self._infos[name].file_size
        if self._unpacked > LARGEST_CONTENT:
            raise refuse(f"what its records name is larger than {LARGEST_CONTENT / 2**30:.0f} GB")
        if name not in self._held:
            array = self._read_array(name)
            if sum(one.nbytes for one in self._held.values()) + array.nbytes > LARGEST_ARRAY:
                self._held.clear()
            self._held[name] = array
        return self._held[name]

    def _read_array(self, name: str) -> npt.NDArray[Any]:
        content = self.bytes(name)
        stream = io.BytesIO(content)
        try:
            if np.lib.format.read_magic(stream) != (1, 0):
                raise ValueError("version")
            shape, by_columns, dtype = np.lib.format.read_array_header_1_0(stream)
            count = 1
            for length in shape:
                count *= length
            if by_columns or dtype.kind not in "iuf" or len(shape) > 4 or min(shape, default=0) < 0:
                raise ValueError("no plain array")
            if count * dtype.itemsize != len(content) - stream.tell():
                raise ValueError("length")
            return np.frombuffer(content, dtype, offset=stream.tell()).reshape(shape)
        except Exception:  # whatever a crafted header makes the reader say
            raise refuse(f"the array {name} is damaged") from None
