"""A film's message made small for a file: points to 1/8,000 of the picture, each frame as its difference to the last.

Most points hardly move from one frame to the next, so differences compress to about half of what places do. What reads
the file, `assets/player_standalone.js`, undoes it: the player is given an ordinary message.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from tlcore.player.message import MISSING_COORDINATE

COARSENESS = 8  # the message counts 65,535 places along each side of a frame; a file every eighth of them
MISSING_PLACE = MISSING_COORDINATE // COARSENESS


def pack(message: Mapping[str, Any]) -> bytes:
    """The message compressed: the length of its JSON part in four bytes, that part, and the arrays of its frames."""
    arrays: list[bytes] = []
    panels = []
    for panel in message["panels"]:
        frames = [dict(frame) for frame in panel.get("frames", ())]
        packed: dict[str, Any] = {}
        for name, kind in (("points", np.dtype("<i2")), ("predictions", np.dtype("u1"))):
            texts = [frame[name] for frame in frames if isinstance(frame.get(name), str)]
            if not frames or len(texts) != len(frames):
                continue
            contents = [base64.b64decode(text) for text in texts]
            if len({len(content) for content in contents}) != 1 or len(contents[0]) % kind.itemsize:
                continue
            stack: npt.NDArray[Any] = np.frombuffer(b"".join(contents), dtype=kind).reshape(len(frames), -1)
            arrays.append(_places(stack) if name == "points" else _bytes(stack))
            packed[name] = stack.shape[1]
            for frame in frames:
                del frame[name]
        panels.append({**panel, "frames": frames, "packed": packed})
    head = json.dumps({**message, "panels": panels}, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    text = head.encode()
    content = len(text).to_bytes(4, "little") + text + b"".join(arrays)
    # In gzip's format. Level 9 takes fourteen times as long on such numbers and saves one part in a hundred.
    compressor = zlib.compressobj(6, zlib.DEFLATED, zlib.MAX_WBITS | 16, 9, zlib.Z_FILTERED)
    return compressor.compress(content) + compressor.flush()


def _places(points: npt.NDArray[np.int16]) -> bytes:
    """Frames of 16-bit places (F, 2N or 3N) as differences, first all their low bytes and then all their high ones."""
    coarse = np.clip(np.rint(points / COARSENESS), MISSING_PLACE + 1, -MISSING_PLACE - 1).astype(np.int16)
    coarse[points == MISSING_COORDINATE] = MISSING_PLACE
    change = np.diff(coarse, axis=0, prepend=np.zeros((1, points.shape[1]), np.int16)).astype("<i2")
    halves = change.view(np.uint8).reshape(*change.shape, 2)
    return halves[..., 0].tobytes() + halves[..., 1].tobytes()


def _bytes(values: npt.NDArray[np.uint8]) -> bytes:
    """Frames of bytes as differences modulo 256: most predictions stay as they are."""
    return np.diff(values, axis=0, prepend=np.zeros((1, values.shape[1]), np.uint8)).tobytes()
