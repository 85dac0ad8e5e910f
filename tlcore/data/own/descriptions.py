"""Descriptions of the classes beside somebody's pictures: a table of attributes, or vectors of words as text."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from tlcore.data.own.files import Files, is_description
from tlcore.data.own.layout import Layout, composed
from tlcore.data.own.limits import LARGEST_TABLE
from tlcore.data.own.places import shown
from tlcore.data.own.tables import LABEL, PART, column_of, rows_of, split_header, text_of
from tlcore.errors import InvalidRequest

UNSEEN = "unseen"
SPLITS = {"seen": False, UNSEEN: True}
MOST_NUMBERS = 2_000
EVERY = 5  # where nothing says which classes are unseen, every so many


@dataclass(frozen=True)
class Descriptions:
    """vectors: for each class A numbers; names: what they are, none for vectors of words. unseen: the classes of which
    no picture is to be learned from."""

    vectors: tuple[tuple[float, ...], ...]
    names: tuple[str, ...]
    unseen: frozenset[str]
    notes: tuple[str, ...] = ()


def read_descriptions(files: Files, classes: Sequence[str]) -> Descriptions | None:
    """The descriptions beside the pictures; None where there are none.

    A table has the column class, one column for each attribute, and if need be split with seen or unseen. A text has a
    word and its numbers in each line, as word2vec and GloVe write them; a class of several words that has no line of
    its own gets their mean. Raises InvalidRequest for a class without a description, and for what is no number.
    """
    found = [name for name in files.names if is_description(name)]
    if not found:
        return None
    if len(found) > 1:
        raise InvalidRequest(
            f"There are two files of descriptions, {shown(found[0])} and {shown(found[1])}: bring one."
        )
    read = _read_words if found[0].lower().endswith(".txt") else _read_table
    described = read(files, found[0], classes)
    width = len(described.vectors[0]) if described.vectors else 0
    kind = "attribute" if described.names else "number"
    many = f"{len(described.vectors):,} classes with {width:,} {kind}{'s' * (width != 1)}"
    described = replace(described, notes=(f"Descriptions of {many} each are read.", *described.notes))
    if not described.unseen:
        chosen = frozenset(classes[EVERY - 1 :: EVERY] or classes[-1:])
        some = ", ".join(shown(one, 40) for one in sorted(chosen)[:5])
        note = f"Nothing says which classes are unseen, so every fifth is: {some}."
        described = replace(described, unseen=chosen, notes=(*described.notes, note))
    if described.unseen >= set(classes):
        raise InvalidRequest(f"{shown(found[0])} leaves no class that is seen.")
    return described


def with_unseen(layout: Layout, described: Descriptions | None) -> Layout:
    """The layout with all pictures of unseen classes in a part of their own."""
    if described is None:
        return layout
    entries = tuple(
        replace(entry, part=UNSEEN) if entry.label in described.unseen else entry for entry in layout.entries
    )
    return replace(layout, entries=entries, notes=(*layout.notes, *described.notes))


def _read_table(files: Files, name: str, classes: Sequence[str]) -> Descriptions:
    text = text_of(files, name)
    delimiter, columns = split_header(text.split("\n", 1)[0].strip("\r"))
    label, split = column_of(columns, LABEL), column_of(columns, PART)
    numbers = [at for at in range(len(columns)) if at not in (label, split)]
    if label is None or not 0 < len(numbers) <= MOST_NUMBERS:
        raise InvalidRequest(
            f"{shown(name)} must have the column class and 1 to {MOST_NUMBERS:,} columns of numbers in its first line."
        )
    vectors: dict[str, tuple[float, ...]] = {}
    unseen = set()
    for line, row in rows_of(text, delimiter, name):
        if len(row) != len(columns):
            raise InvalidRequest(f"Line {line:,} of {shown(name)} has {len(row)} fields instead of {len(columns)}.")
        key = composed(row[label])
        if key in vectors:
            raise InvalidRequest(f"{shown(name)} describes {shown(key)} twice.")
        vectors[key] = tuple(_number(row[at], name, line) for at in numbers)
        if split is not None:
            said = SPLITS.get(row[split].strip().lower())
            if said is None:
                raise InvalidRequest(f"Line {line:,} of {shown(name)} must say seen or unseen.")
            unseen |= {key} if said else set()
    _require(vectors, classes, name)
    return Descriptions(
        tuple(vectors[one] for one in classes), tuple(composed(columns[at]) for at in numbers),
        frozenset(unseen) & frozenset(classes),
    )  # fmt: skip


def _read_words(files: Files, name: str, classes: Sequence[str]) -> Descriptions:
    if files.size(name) > LARGEST_TABLE:
        raise InvalidRequest(f"{shown(name)} is larger than {LARGEST_TABLE // 2**20} MB: leave the words you need.")
    wanted = {word for one in classes for word in (_plain(one), *_plain(one).split())}
    words: dict[str, tuple[float, ...]] = {}
    with files.open(name) as file:
        for line, content in enumerate(file, 1):
            word, *fields = content.decode("utf-8", "replace").split()[: MOST_NUMBERS + 2] or [""]
            if line == 1 and len(fields) == 1 and word.isdigit():  # word2vec: how many words of how many numbers
                continue
            if _plain(word) in wanted and _plain(word) not in words:
                words[_plain(word)] = tuple(_number(field, name, line) for field in fields)
    vectors = {}
    for one in classes:
        parts = [words[part] for part in _plain(one).split() if part in words]
        whole = words.get(_plain(one))
        if whole or len(parts) == len(_plain(one).split()):
            vectors[one] = whole or tuple(math.fsum(column) / len(parts) for column in zip(*parts, strict=False))
    _require(vectors, classes, name)
    return Descriptions(tuple(vectors[one] for one in classes), (), frozenset())


def _plain(name: str) -> str:
    """A name as vectors of words spell it: small letters, one space between words."""
    return " ".join(re.split(r"[\s_+-]+", name.casefold().strip()))


def _number(text: str, name: str, line: int) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InvalidRequest(f"Line {line:,} of {shown(name)} has “{shown(text, 30)}” where a number belongs.")
    return value


def _require(vectors: dict[str, tuple[float, ...]], classes: Sequence[str], name: str) -> None:
    missing = [one for one in classes if one not in vectors]
    if missing:
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        listed = ", ".join(shown(one, 40) for one in missing[:3])
        raise InvalidRequest(f"{shown(name)} does not describe {listed}{more}.")
    if len({len(vector) for vector in vectors.values()}) > 1:
        raise InvalidRequest(f"The descriptions in {shown(name)} have different numbers of numbers.")
