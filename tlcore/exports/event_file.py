"""Curves as an event file of TensorBoard, written without TensorBoard.

The format (TensorFlow's `tensorflow/core/util/event.proto` and `lib/io/record_writer.cc`): records of a length, its
masked CRC-32C, the bytes of a protocol buffer, and their masked CRC-32C. An `Event` has wall_time = 1 (double),
step = 2 (varint), file_version = 3 (string) or summary = 5; a `Summary` holds values = 1, each with tag = 1 (string)
and simple_value = 2 (float).
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator, Mapping

from tlcore.runs.records import Series

VERSION = b"brain.Event:2"
POLYNOMIAL = 0x82F63B78  # CRC-32C (Castagnoli), bits reversed
_MASK_DELTA = 0xA282EAD8
_LARGEST = struct.unpack("<f", b"\xff\xff\x7f\x7f")[0]  # that the format can hold
_VARINT, _EIGHT_BYTES, _BYTES, _FOUR_BYTES = 0, 1, 2, 5


def _table() -> tuple[int, ...]:
    entries = []
    for byte in range(256):
        for _ in range(8):
            byte = (byte >> 1) ^ (POLYNOMIAL if byte & 1 else 0)
        entries.append(byte)
    return tuple(entries)


_TABLE = _table()


def crc32c(content: bytes) -> int:
    """The checksum CRC-32C of RFC 3720."""
    value = 0xFFFFFFFF
    for byte in content:
        value = _TABLE[(value ^ byte) & 0xFF] ^ (value >> 8)
    return value ^ 0xFFFFFFFF


def events(curves: Mapping[str, Series], begin: float, seconds: float) -> bytes:
    """Curves by their name as the bytes of an event file, in the order of their steps.

    begin: when the run started, in seconds since 1970. seconds: how long it trained; time is taken to pass evenly.
    """
    points = sorted(
        (step, name, value)
        for name, series in curves.items()
        for step, value in zip(series.steps.tolist(), series.values.tolist(), strict=True)
    )
    last = max((step for step, _, _ in points), default=0) or 1
    records = [_event(begin, 0, _field(3, _BYTES, VERSION))]
    records += [
        _event(begin + seconds * step / last, step, _field(5, _BYTES, _scalar(name, value)))
        for step, name, value in points
    ]
    return b"".join(_framed(record) for record in records)


def read_events(content: bytes) -> Iterator[bytes]:
    """The protocol buffers of an event file.

    Raises:
        ValueError: a checksum does not match, or the file is cut.
    """
    place = 0
    while place < len(content):
        head = content[place : place + 8]
        length = int.from_bytes(head, "little")
        if len(content) < place + 16 + length:
            raise ValueError("the event file is cut")
        record = content[place + 12 : place + 12 + length]
        checks = content[place + 8 : place + 12], content[place + 12 + length : place + 16 + length]
        if checks != (_masked(head), _masked(record)):
            raise ValueError("a checksum of the event file does not match")
        yield record
        place += 16 + length


def _event(moment: float, step: int, content: bytes) -> bytes:
    return _field(1, _EIGHT_BYTES, struct.pack("<d", moment)) + _field(2, _VARINT, _varint(step)) + content


def _scalar(name: str, value: float) -> bytes:
    tag = _field(1, _BYTES, name.encode())
    kept = min(max(value, -_LARGEST), _LARGEST) if math.isfinite(value) else value
    return _field(1, _BYTES, tag + _field(2, _FOUR_BYTES, struct.pack("<f", kept)))


def _field(number: int, kind: int, content: bytes) -> bytes:
    length = _varint(len(content)) if kind == _BYTES else b""
    return _varint(number << 3 | kind) + length + content


def _varint(value: int) -> bytes:
    parts = []
    while True:
        value, low = value >> 7, value & 0x7F
        parts.append(low | (0x80 if value else 0))
        if not value:
            return bytes(parts)


def _framed(record: bytes) -> bytes:
    head = struct.pack("<Q", len(record))
    return head + _masked(head) + record + _masked(record)


def _masked(content: bytes) -> bytes:
    value = crc32c(content)
    return struct.pack("<I", ((value >> 15 | value << 17) + _MASK_DELTA) & 0xFFFFFFFF)
