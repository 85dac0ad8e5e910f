"""Pictures decoded once, several at a time, into one file of bytes that is mapped into memory when it is used.

Threads, not processes: Pillow lets go of the interpreter while it decodes and resizes. Each picture is written to its
place in the file as soon as it is decoded, so the memory needed does not depend on how many there are.
"""

from __future__ import annotations

import hashlib
import io
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image

from tlcore.data.folder import Report
from tlcore.data.own.limits import PIXELS_AT_ONCE
from tlcore.data.own.pictures import UnusablePicture, read_content, read_square
from tlcore.processors import usable_cores

VERSION = 1  # part of the key of what is kept: to be raised when the same files give other pixels
BLOCK = 32  # pictures that each thread is given before all are reported on
TINY = 8
LUMINANCE = np.array([299, 587, 114], dtype=np.int64)


@dataclass(frozen=True)
class Look:
    """What decoding one picture found out.

    reason: why it cannot be used, empty if it can. content: digest of the pixels. outline: in a grid of 8 × 9, which
    of two neighbours is brighter, 64 bits (a difference hash). tiny: that grid in colour, (8, 9, 3) uint8.
    """

    reason: str = ""
    content: bytes = b""
    outline: int = 0
    tiny: np.ndarray = field(default_factory=lambda: np.zeros((TINY, TINY + 1, 3), np.uint8))


class PictureWriter:
    """A `.npy` file of pictures (count, 3, side, side) uint8, written in any order. Places never written are black."""

    def __init__(self, path: Path, count: int, side: int) -> None:
        """Raises OSError."""
        self._file = path.open("wb")
        header = {"descr": "|u1", "fortran_order": False, "shape": (count, 3, side, side)}
        np.lib.format.write_array_header_1_0(self._file, header)
        self._start = self._file.tell()
        self._stride = 3 * side * side
        self._file.truncate(self._start + count * self._stride)
        self._lock = threading.Lock()

    def __call__(self, row: int, pixels: np.ndarray) -> None:
        """Put a picture (3, side, side) uint8 into its row."""
        with self._lock:
            self._file.seek(self._start + row * self._stride)
            self._file.write(pixels.data)

    def close(self) -> None:
        """Write all to the disk."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()


class PixelBudget:
    """Lets so many pixels be decoded at once, so that many threads do not need as many large pictures' memory."""

    def __init__(self, most: int = PIXELS_AT_ONCE) -> None:
        self._most = most
        self._taken = 0
        self._changed = threading.Condition()

    @contextmanager
    def reserve(self, pixels: int) -> Iterator[None]:
        """Wait until there is room for `pixels`, or nobody else decodes."""
        with self._changed:
            self._changed.wait_for(lambda: self._taken == 0 or self._taken + pixels <= self._most)
            self._taken += pixels
        try:
            yield
        finally:
            with self._changed:
                self._taken -= pixels
                self._changed.notify_all()


def decode_all(
    opened: Callable[[str], BinaryIO],
    names: Sequence[str],
    side: int,
    sink: Callable[[int, np.ndarray], None] | None = None,
    *,
    threads: int | None = None,
    report: Report | None = None,
) -> list[Look]:
    """Decode the pictures `names` to squares of `side` pixels and hand each with its position to `sink`.

    opened: gives the content of a name; called by several threads at once. What cannot be decoded is told in its
    `Look` and given to nobody. Raises OSError where `sink` does.
    """
    budget = PixelBudget()
    threads = threads or usable_cores()

    def look(position: int) -> Look:
        try:
            pixels = read_square(io.BytesIO(_content(opened, names[position])), side, budget.reserve)
        except UnusablePicture as error:
            return Look(str(error))
        if sink:
            sink(position, pixels)
        tiny, outline = outline_of(pixels)
        return Look("", hashlib.sha256(pixels.reshape(-1).data).digest(), outline, tiny)

    looks: list[Look] = []
    with ThreadPoolExecutor(threads, thread_name_prefix="decode") as pool:
        for start in range(0, len(names), BLOCK * threads):
            looks += pool.map(look, range(start, min(len(names), start + BLOCK * threads)))
            if report:
                report("Decoding pictures", len(looks) / len(names))
    return looks


def _content(opened: Callable[[str], BinaryIO], name: str) -> bytes:
    try:
        file = opened(name)
    except OSError as error:
        raise UnusablePicture(f"it cannot be opened ({error.strerror or error})") from None
    with file:
        return read_content(file)


def outline_of(pixels: np.ndarray) -> tuple[np.ndarray, int]:
    """A picture (3, S, S) uint8 made tiny, (8, 9, 3) uint8, and its difference hash."""
    size = (TINY + 1, TINY)
    channels = [
        Image.fromarray(channel).resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0) for channel in pixels
    ]
    tiny = np.stack([np.asarray(channel) for channel in channels], axis=2)
    grey = tiny @ LUMINANCE
    bits = np.packbits((grey[:, 1:] > grey[:, :-1]).ravel())
    return tiny, int.from_bytes(bits.tobytes(), "big")


def picture_key(looks: Sequence[Look], side: int) -> str:
    """16 hexadecimal digits that change with any pixel and with the order of the pictures."""
    digest = hashlib.sha256(f"pictures {VERSION} {side}".encode())
    for look in looks:
        digest.update(look.content or b"-")
    return digest.hexdigest()[:16]


def open_pictures(path: Path, side: int) -> np.ndarray:
    """The pictures (N, 3, side, side) uint8 of a file, mapped into memory and not writable.

    Raises OSError or ValueError where the file is not one.
    """
    array: np.ndarray = np.load(path, mmap_mode="r", allow_pickle=False)
    if array.dtype != np.uint8 or array.shape[1:] != (3, side, side):
        raise ValueError(f"{path.name} does not hold pictures of {side}×{side}")
    return array
