"""Numbers from text that anybody may have written: an address, or what a browser sends back."""

from __future__ import annotations

import re

_NUMBER = re.compile(r"[0-9]{1,9}")


def number_of(text: str | None) -> int | None:
    """The number that a text is, or None. Only plain digits: `str.isdigit` lets through what `int` refuses, as ²."""
    return int(text) if text is not None and _NUMBER.fullmatch(text) else None
