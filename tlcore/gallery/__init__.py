"""Recorded runs that ship with the lab, so that every page has something to show before anyone has trained.

Each file is a store that is only read: spec, metrics, frames, versions and hardware of the default arms of one preset,
made by `python -m tlcore.gallery`.
"""

from __future__ import annotations

import contextlib
from functools import cache
from pathlib import Path

from tlcore.errors import InvalidRequest
from tlcore.exports import Source
from tlcore.presets import all_presets
from tlcore.runs import Store

FOLDER = Path(__file__).parent


def gallery_file(preset: str) -> Path:
    """Where the recorded runs of the preset `page/name` lie."""
    return FOLDER / f"{preset.replace('/', '--')}.sqlite"


@cache
def recorded(preset: str) -> Store | None:
    """The recorded runs of a preset, or None where it has none."""
    file = gallery_file(preset)
    return Store(file=file) if preset in all_presets() and file.is_file() else None


def find_run(run: str, store: Store | Path | str | None = None, *, only_recorded: bool = False) -> Source:
    """A run by its identity or the first digits of it: of a store, and if it is not there of those that ship here.

    store: a store or its folder, None for the usual one; it is not looked at with `only_recorded`.

    Raises:
        InvalidRequest: there is no such run, or several begin so.
        StoreError: the store cannot be read.
    """
    reason = InvalidRequest(f"There is no run '{run}' among those that ship with the lab.")
    if not only_recorded:
        own = store if isinstance(store, Store) else Store(store)
        try:
            return Source(own, own.require(run))
        except InvalidRequest as error:
            reason = error
    for preset in all_presets():
        shipped = recorded(preset)
        if shipped is not None:
            with contextlib.suppress(InvalidRequest):
                return Source(shipped, shipped.require(run))
    raise reason
