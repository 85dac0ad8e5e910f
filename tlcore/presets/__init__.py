"""The named experiments that ship with the lab."""

from __future__ import annotations

import difflib

from tlcore.errors import InvalidRequest
from tlcore.presets import (
    domain_adversarial,
    fine_tuning,
    four_cases,
    layer_transfer,
    multitask,
    self_taught,
    zero_shot,
)
from tlcore.presets.preset import Preset, Published, named_starts

__all__ = ["Preset", "Published", "all_presets", "find_preset", "named_starts", "presets_of"]


def all_presets() -> dict[str, Preset]:
    """Every preset by `page/name`, each page's default first."""
    pages = (
        fine_tuning.PRESETS,
        four_cases.PRESETS,
        layer_transfer.PRESETS,
        multitask.PRESETS,
        domain_adversarial.PRESETS,
        zero_shot.PRESETS,
        self_taught.PRESETS,
    )
    return {preset.identity: preset for presets in pages for preset in presets}


def presets_of(page: str) -> list[Preset]:
    """The presets of one page, its default first."""
    return [preset for preset in all_presets().values() if preset.page == page]


def find_preset(identity: str) -> Preset:
    """The preset called `page/name`; of an own table, see `multitask.your_table`.

    Raises:
        InvalidRequest: there is none; the message names the nearest, or all.
    """
    known = all_presets()
    if identity in known:
        return known[identity]
    page, _, name = identity.partition("/")
    if page == multitask.PAGE and name.startswith(f"{multitask.YOURS}@"):
        return multitask.your_table(name)
    near = difflib.get_close_matches(identity, known, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(known)}."
    raise InvalidRequest(f"No preset '{identity}'; {hint}")
