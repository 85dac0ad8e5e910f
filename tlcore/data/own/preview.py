"""What a person sees before pictures or features are imported: nothing is written."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from tlcore.data.folder import Report
from tlcore.data.own.decoding import Look, decode_all
from tlcore.data.own.duplicates import Duplicates, Pair, find_duplicates
from tlcore.data.own.files import Files
from tlcore.data.own.layout import Entry, Layout
from tlcore.data.own.library import duplicate_notes, find_layout, require_enough
from tlcore.data.own.pictures import as_file
from tlcore.data.own.places import shown, suggested_name
from tlcore.errors import InvalidRequest

MOST_LOOKED_AT = 2_000
THUMBNAILS_OF_A_CLASS = 3
MOST_THUMBNAILS = 60
THUMBNAIL_SIDE = 64
MOST_LISTED = 100
SHARES = {"train": 0.7, "validation": 0.1, "test": 0.2}


@dataclass(frozen=True)
class Preview:
    """What is there, ready for JSON by `document`.

    counts: rows of {domain, class, part, count} of the files. looked_at: how many were decoded; of more than
    `MOST_LOOKED_AT` an even sample is. unreadable: rows of {file, reason}. exact and near: rows of {first, second,
    between}, at most `MOST_LISTED` of each. split: how the parts come about. thumbnails: rows of {domain, class, image}
    with a PNG as a data URL. problems: sentences that say why it cannot be imported as it is.
    """

    kind: str
    title: str
    suggested_name: str
    examples: int
    looked_at: int
    classes: list[str]
    domains: list[str]
    counts: list[dict[str, Any]]
    split: dict[str, Any]
    unreadable: list[dict[str, str]] = field(default_factory=list)
    unreadable_count: int = 0
    left_out: list[dict[str, str]] = field(default_factory=list)
    exact: list[dict[str, str]] = field(default_factory=list)
    exact_count: int = 0
    near: list[dict[str, str]] = field(default_factory=list)
    near_count: int = 0
    thumbnails: list[dict[str, str]] = field(default_factory=list)
    attributes: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def document(self) -> dict[str, Any]:
        """The preview as a JSON document."""
        return asdict(self)


def preview_pictures(
    files: Files, *, side: int = THUMBNAIL_SIDE, most: int = MOST_LOOKED_AT, report: Report | None = None
) -> Preview:
    """Look at the layout of all pictures and at the pixels of up to `most`.

    Raises InvalidRequest where the files or their layout cannot be used at all.
    """
    layout = find_layout(files)
    count = len(layout.entries)
    chosen = sorted(set(np.linspace(0, count - 1, min(count, most)).round().astype(int).tolist()))
    entries = [layout.entries[number] for number in chosen]
    wanted = _wanted_thumbnails(entries)
    thumbnails: dict[int, bytes] = {}

    def sink(position: int, pixels: np.ndarray) -> None:
        if position in wanted:
            thumbnails[position] = as_file(pixels, THUMBNAIL_SIDE)

    looks = decode_all(files.open, [entry.file for entry in entries], side, sink, report=report)
    unreadable = [(entry.file, look.reason) for entry, look in zip(entries, looks, strict=True) if look.reason]
    duplicates = find_duplicates(entries, looks)
    notes = [*layout.notes, *duplicate_notes(duplicates)]
    if count > len(entries):
        notes.append(f"{len(entries):,} of {count:,} pictures were looked at; importing looks at all.")
    return Preview(
        kind="pictures",
        title=shown(files.title),
        suggested_name=suggested_name(files.title.rsplit(".", 1)[0]),
        examples=count,
        looked_at=len(entries),
        classes=list(layout.classes),
        domains=list(layout.domains),
        counts=_counts(layout.entries),
        split=suggested_split({entry.part for entry in layout.entries}),
        unreadable=[{"file": shown(file), "reason": reason} for file, reason in unreadable[:MOST_LISTED]],
        unreadable_count=len(unreadable),
        left_out=[{"file": shown(file), "reason": reason} for file, reason in files.left_out[:MOST_LISTED]],
        exact=_pairs(entries, duplicates.exact),
        exact_count=len(duplicates.exact),
        near=_pairs(entries, duplicates.near),
        near_count=len(duplicates.near),
        thumbnails=[
            {"domain": entries[at].domain, "class": entries[at].label, "image": data_url(thumbnails[at])}
            for at in sorted(thumbnails)
        ],
        attributes=sorted(layout.entries[0].attributes),
        notes=notes,
        problems=_problems(layout, entries, looks, duplicates, unreadable, files.title),
    )


def data_url(png: bytes) -> str:
    """A PNG as a browser reads it within a page."""
    return f"data:image/png;base64,{base64.b64encode(png).decode('ascii')}"


def suggested_split(parts: set[str]) -> dict[str, Any]:
    """How the data will be split, given which parts they say themselves."""
    said = parts - {"", "unseen"}
    if not said:
        return {
            "by": "seed",
            "shares": SHARES,
            "text": "Split by seed: 70 % to learn from, 10 % to choose by, 20 % to test.",
        }
    if "test" in said or "validation" in said:
        tested = "test" if "test" in said else "validation"
        text = f"As given: what is marked {tested} is reported on"
        rest = (
            "." if said >= {"train", "validation", "test"} else "; the part to choose by is taken from train by seed."
        )
        return {"by": "given", "tested_on": tested, "text": text + rest}
    return {"by": "seed", "shares": SHARES, "text": "Only one part is given, so it is split by seed."}


def _wanted_thumbnails(entries: Sequence[Entry]) -> set[int]:
    taken: Counter[tuple[str, str]] = Counter()
    wanted: list[tuple[int, int]] = []
    for position, entry in enumerate(entries):
        key = (entry.domain, entry.label)
        if taken[key] < THUMBNAILS_OF_A_CLASS:
            wanted.append((taken[key], position))
            taken[key] += 1
    return {position for _, position in sorted(wanted)[:MOST_THUMBNAILS]}  # the first of every class before any second


def _counts(entries: Sequence[Entry]) -> list[dict[str, Any]]:
    tally = Counter((entry.domain, entry.label, entry.part) for entry in entries)
    return [
        {"domain": domain, "class": label, "part": part, "count": count}
        for (domain, label, part), count in sorted(tally.items())
    ]


def _pairs(entries: Sequence[Entry], pairs: Sequence[Pair]) -> list[dict[str, str]]:
    # Those that stand in different parts come first: they are what a person must know.
    ordered = sorted(pairs, key=lambda pair: pair.between.startswith("within"))[:MOST_LISTED]
    return [
        {"first": shown(entries[pair.first].file), "second": shown(entries[pair.second].file), "between": pair.between}
        for pair in ordered
    ]


def _problems(
    layout: Layout,
    entries: Sequence[Entry],
    looks: Sequence[Look],
    duplicates: Duplicates,
    unreadable: Sequence[tuple[str, str]],
    title: str,
) -> list[str]:
    if len(entries) < len(layout.entries):  # a sample does not tell what a class lacks
        return []
    kept = [
        entry
        for number, (entry, look) in enumerate(zip(entries, looks, strict=True))
        if not look.reason and number not in duplicates.dropped
    ]
    try:
        require_enough(layout, kept, unreadable, title)
    except InvalidRequest as error:
        return [str(error)]
    return []
