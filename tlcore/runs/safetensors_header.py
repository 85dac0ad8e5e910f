"""Whether bytes are a whole safetensors file, told from its header alone, without torch.

Layout: https://huggingface.co/docs/safetensors, section "Format".
"""

from __future__ import annotations

import json
import math
from typing import Any

LARGEST_HEADER = 16 * 2**20
BYTES_OF = {
    "BOOL": 1, "U8": 1, "I8": 1, "F8_E4M3": 1, "F8_E5M2": 1, "I16": 2, "U16": 2, "F16": 2, "BF16": 2, "I32": 4,
    "U32": 4, "F32": 4, "F64": 8, "I64": 8, "U64": 8,
}  # fmt: skip


def check_safetensors(content: bytes) -> str | None:
    """What is wrong with a safetensors file, in a few words, or None.

    Every tensor must lie where its type and shape say, and together they must cover the file without a gap.
    """
    if len(content) < 8:
        return "they are cut off"
    length = int.from_bytes(content[:8], "little")
    if length > min(LARGEST_HEADER, len(content) - 8):
        return "their header is longer than the file"
    try:
        header = json.loads(content[8 : 8 + length])
        spans = sorted(_span(entry) for name, entry in header.items() if name != "__metadata__")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return "their header cannot be read"
    end = 0
    for begin, stop in spans:
        if begin != end:
            return "their tensors overlap or leave gaps"
        end = stop
    return None if end == len(content) - 8 - length else "they are cut off or have something behind them"


def _span(entry: dict[str, Any]) -> tuple[int, int]:
    begin, end = entry["data_offsets"]
    shape = entry["shape"]
    if not all(isinstance(number, int) and number >= 0 for number in (begin, end, *shape)):
        raise ValueError("no sizes")
    if end - begin != math.prod(shape) * BYTES_OF[entry["dtype"]]:
        raise ValueError("length")
    return begin, end
