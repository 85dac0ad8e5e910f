"""Recorded runs that ship with the lab, so that every page has something to show before anyone has trained.

Each file is a store that is only read: spec, metrics, frames, versions and hardware of the default arms of one preset,
made by `python -m tlcore.gallery`.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from tlcore.runs import Store

FOLDER = Path(__file__).parent


def gallery_file(preset: str) -> Path:
    """Where the recorded runs of the preset `page/name` lie."""
    return FOLDER / f"{preset.replace('/', '--')}.sqlite"


@cache
def recorded(preset: str) -> Store | None:
    """The recorded runs of a preset, or None where it has none."""
    file = gallery_file(preset)
    return Store(file=file) if file.is_file() else None
