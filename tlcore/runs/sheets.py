"""Thumbnails of recorded runs as one WebP picture: a fifth of what their compressed pixels take.

Only the recorded runs that ship with the lab keep their thumbnails so. Nobody measures on a thumbnail, and the player
sends them to the browser in the same format.
"""

from __future__ import annotations

import io
import math
import struct
from typing import Any

import numpy as np
import numpy.typing as npt

MAGIC = b"SHEET"  # the compressed arrays beside which sheets lie begin with 0x78
HEAD = struct.Struct("<4H")  # count, channels, height, width
QUALITY = 92
WIDEST = 16_383  # what WebP can hold along a side


def is_sheet(blob: bytes) -> bool:
    """Whether these bytes are a sheet rather than a compressed array."""
    return blob.startswith(MAGIC)


def pack_sheet(pictures: npt.NDArray[np.uint8]) -> bytes:
    """Pictures (N, C, H, W) uint8 with C of 1 or 3 as one WebP, slightly lossy.

    Raises:
        ValueError: there are none, or they are too large for one sheet.
    """
    from PIL import Image

    count, channels, height, width = pictures.shape
    columns = max(1, math.ceil(math.sqrt(count)))
    rows = math.ceil(count / columns)
    if not count or channels not in (1, 3) or max(rows * height, columns * width) > WIDEST:
        raise ValueError(f"pictures of shape {pictures.shape} do not fit one sheet")
    tiles = np.zeros((rows * columns, height, width, 3), np.uint8)
    tiles[:count] = pictures.transpose(0, 2, 3, 1)
    sheet = tiles.reshape(rows, columns, height, width, 3).swapaxes(1, 2).reshape(rows * height, columns * width, 3)
    buffer = io.BytesIO()
    Image.fromarray(sheet).save(buffer, format="webp", quality=QUALITY, method=6)
    return MAGIC + HEAD.pack(count, channels, height, width) + buffer.getvalue()


def unpack_sheet(blob: bytes) -> npt.NDArray[Any]:
    """The pictures (N, C, H, W) uint8 of a sheet.

    Raises:
        ValueError: the picture is not of the size that its head tells.
        OSError: it is no WebP picture.
    """
    from PIL import Image

    count, channels, height, width = HEAD.unpack_from(blob, len(MAGIC))
    columns = max(1, math.ceil(math.sqrt(count)))
    rows = math.ceil(count / columns)
    with Image.open(io.BytesIO(blob[len(MAGIC) + HEAD.size :]), formats=["WEBP"]) as picture:
        if picture.size != (columns * width, rows * height):  # told by the file's head: nothing is decoded yet
            raise ValueError("the sheet has another size than its head tells")
        sheet = np.asarray(picture.convert("RGB"))
    tiles = sheet.reshape(rows, height, columns, width, 3).swapaxes(1, 2).reshape(-1, height, width, 3)
    return np.ascontiguousarray(tiles[:count, :, :, :channels].transpose(0, 3, 1, 2))
