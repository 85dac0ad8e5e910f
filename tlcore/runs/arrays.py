"""Arrays as the store keeps them: compressed, in NumPy's own format, never a pickle."""

from __future__ import annotations

import io
import zlib
from typing import Any

import numpy as np
import numpy.typing as npt

from tlcore.errors import StoreError
from tlcore.runs.sheets import is_sheet, unpack_sheet

MAXIMUM_ARRAY_BYTES = 256 * 2**20


def pack(array: npt.NDArray[Any]) -> bytes:
    """An array as compressed bytes in NumPy's own format, never a pickle."""
    buffer = io.BytesIO()
    np.save(buffer, np.ascontiguousarray(array), allow_pickle=False)
    return zlib.compress(buffer.getvalue(), 1)


def unpack(blob: bytes) -> npt.NDArray[Any]:
    """The array that `pack` wrote, or the pictures of a sheet (`tlcore.runs.sheets`).

    Raises:
        StoreError: the bytes are damaged or larger than anything the lab writes.
    """
    try:
        if is_sheet(blob):
            return unpack_sheet(blob)
        inflater = zlib.decompressobj()
        content = inflater.decompress(blob, MAXIMUM_ARRAY_BYTES)
        if inflater.unconsumed_tail:
            raise ValueError("too large")
        # Not np.load: that opens archives and pickles too.
        array: npt.NDArray[Any] = np.lib.format.read_array(io.BytesIO(content), allow_pickle=False)
    except Exception as error:  # the reader of headers lets many kinds through; whichever it is, the record is damaged
        reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise StoreError(f"The store holds a damaged record: {reason}.") from None
    return array
