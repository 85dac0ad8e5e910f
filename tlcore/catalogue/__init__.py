"""The data sets the lab knows: what they are, where they come from, and whether they are on this machine.

Nothing here reads a picture or imports torch, so the web side may list the catalogue.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

from tlcore.catalogue.characters import CHARACTERS, GANIN
from tlcore.catalogue.entry import Entry, Resource
from tlcore.catalogue.photographs import PHOTOGRAPHS
from tlcore.catalogue.place import VARIABLE, data_folder
from tlcore.errors import InvalidRequest
from tlcore.specs.catalogue_sets import CatalogueSet, SynNumbers
from tlcore.specs.data import DatasetSpec, Digits, Mnist, MnistM, Moons, PhotoDigits
from tlcore.specs.glyphs import Glyphs
from tlcore.specs.two_digits import TwoDigits

__all__ = [
    "ENTRIES", "VARIABLE", "Entry", "Listing", "Resource", "State", "data_folder", "describe", "find_entry", "listing",
    "readable_size", "spec_of", "state",
]  # fmt: skip

State = Literal["embedded", "on disk", "to download", "by hand"]

MOONS = Entry(
    name="moons",
    title="Inter-twinning moons",
    lead="Two half moons in the plane, turned by an angle: points, no pictures.",
    class_names=("upper moon", "lower moon"),
    class_count=2,
    train=300,
    test=300,
    pixels="points in the plane",
    own_side=0,
    channels=0,
    licence="generated",
    url="https://jmlr.org/papers/v17/15-239.html",
    citation=GANIN,
)

ENTRIES: dict[str, Entry] = {entry.name: entry for entry in (MOONS, *CHARACTERS, *PHOTOGRAPHS)}


@dataclass(frozen=True)
class Listing:
    """An entry and its state on this machine. missing: bytes that a download would still take."""

    entry: Entry
    state: State
    missing: int


def find_entry(name: str) -> Entry:
    """The entry called so. Raises InvalidRequest, naming what is alike or all there are."""
    if name in ENTRIES:
        return ENTRIES[name]
    alike = get_close_matches(name.lower(), ENTRIES, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(alike)}?" if alike else f"there are {', '.join(ENTRIES)}."
    raise InvalidRequest(f"No data set '{name[:60]}' in the catalogue; {hint}")


def spec_of(name: str) -> DatasetSpec:
    """The spec by which a run asks for a data set of the catalogue, with its defaults. Raises InvalidRequest."""
    find_entry(name)
    for kind in (Moons, Digits, PhotoDigits, Glyphs, TwoDigits, Mnist, MnistM, SynNumbers):
        if kind.model_fields["name"].default == name:
            return kind()
    return CatalogueSet.model_validate({"dataset": name})


def state(entry: Entry, folder: Path | None = None) -> State:
    """Whether a set is embedded, lies in the data folder (or in `folder`), could be downloaded, or is to be brought."""
    if entry.embedded:
        return "embedded"
    place = folder or data_folder()
    if all(present(place / file) for file in entry.files):
        return "on disk"
    return "to download" if entry.resources else "by hand"


def present(path: Path) -> bool:
    """Whether a file, or the same file gzipped, or a folder that is not empty lies there."""
    try:
        if path.is_dir():
            return next(path.iterdir(), None) is not None
        return path.is_file() or path.with_name(f"{path.name}.gz").is_file()
    except OSError:  # a folder that may not be looked into
        return False


def listing(folder: Path | None = None) -> list[Listing]:
    """Every data set with its state in the data folder (or in `folder`), in the catalogue's order."""
    place = folder or data_folder()
    rows = []
    for entry in ENTRIES.values():
        now = state(entry, place)
        done = sum(one.size for one in entry.resources if present(place / one.file)) if now == "to download" else 0
        rows.append(Listing(entry, now, entry.download_size - done if now == "to download" else 0))
    return rows


def describe(row: Listing) -> dict[str, Any]:
    """A listing as a JSON document."""
    content = asdict(row.entry)
    content["class_names"] = list(row.entry.class_names)
    content["sources"] = [url for one in row.entry.resources for url in one.urls[:1]]
    content["files"] = list(row.entry.files)
    for key in ("resources", "by_hand", "own_side"):
        del content[key]
    return content | {"state": row.state, "download_bytes": row.missing}


def readable_size(size: int) -> str:
    """Bytes in the largest unit that leaves a number above one."""
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= factor:
            return f"{size / factor:.3g} {unit}"
    return f"{size} bytes"
