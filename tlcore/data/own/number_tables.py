"""Features in a table of text: a CSV with a column label and columns of numbers, one row an example."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tlcore.data.own.feature_tables import FeatureTable, Sink, assemble, require_shape
from tlcore.data.own.features import DOMAINS, LABELS, PARTS_COLUMN
from tlcore.data.own.files import Files
from tlcore.data.own.limits import MOST_VALUES
from tlcore.data.own.manifest import columns_of
from tlcore.data.own.places import shown
from tlcore.data.own.tables import FILE, MOST_COLUMNS, column_of, rows_of, split_header, text_of
from tlcore.errors import InvalidRequest

BLOCK_ROWS = 4096
TASK = "task:"
"""With it begin the names of columns that are something else to be learned, and no feature."""


def holds_features(columns: Sequence[str]) -> bool:
    """Whether a table with these columns is one of features: it has labels, but names no files."""
    return column_of(columns, LABELS) is not None and column_of(columns, FILE) is None


def read_number_table(files: Files, table: str) -> FeatureTable:
    """The features of a table; columns whose first value is no number are left out, with a note.

    Raises InvalidRequest: no numbers, a row with too few fields, text where a number belongs, too much of anything.
    """
    text = text_of(files, table)
    delimiter, columns = split_header(text.split("\n", 1)[0].strip("\r"))
    if len(columns) > MOST_COLUMNS or len({column.casefold() for column in columns}) < len(columns):
        raise InvalidRequest(f"The table {shown(table)} has more than {MOST_COLUMNS:,} columns, or two of one name.")
    label, domain, part = (column_of(columns, names) for names in (LABELS, DOMAINS, PARTS_COLUMN))
    numeric: list[int] = []
    values, count = array("f"), 0
    tasks = {column: name[len(TASK) :].strip() for column, name in enumerate(columns) if _is_task(name)}
    texts: dict[int, list[str]] = {column: [] for column in (label, domain, part, *tasks) if column is not None}
    for number, row in rows_of(text, delimiter, table):
        if len(row) != len(columns):
            raise InvalidRequest(
                f"Line {number:,} of the table {shown(table)} has {len(row)} fields instead of {len(columns)}."
            )
        if not count:
            numeric = [column for column, field in enumerate(row) if column not in texts and _is_number(field)]
        try:
            values.extend(float(row[column]) for column in numeric)
        except ValueError:
            wrong = next(column for column in numeric if not _is_number(row[column]))
            raise InvalidRequest(
                f"Line {number:,} of the table {shown(table)} has “{shown(row[wrong], 40)}” in the column "
                f"{shown(columns[wrong], 40)}, where a number belongs."
            ) from None
        for column, found in texts.items():
            found.append(row[column].strip())
        count += 1
        if len(values) > MOST_VALUES:
            raise InvalidRequest(f"The table {shown(table)} has more than {MOST_VALUES:,} numbers.")
    if not count or not numeric:
        raise InvalidRequest(f"The table {shown(table)} has {'no column of numbers' if count else 'no rows'}.")
    width = len(numeric)
    require_shape((count, width), np.dtype(np.float32), files.title)
    features = np.frombuffer(values, dtype=np.float32).reshape(count, width)

    def read(sink: Sink) -> None:
        for start in range(0, count, BLOCK_ROWS):
            sink(features[start : start + BLOCK_ROWS])

    def named(column: int | None) -> np.ndarray | None:
        return None if column is None else np.asarray(texts[column])

    assert label is not None  # `holds_features` has seen the column
    left_out = [name for column, name in enumerate(columns) if column not in texts and column not in numeric]
    notes = (f"Columns without numbers are left out: {shown(', '.join(left_out))}.",) if left_out else ()
    features_alone = assemble(
        files.title, count, width, read, _numbers(texts[label]), named(domain), named(part), None, notes=notes
    )
    rows = zip(*(texts[column] for column in tasks), strict=True)
    return replace(features_alone, attributes=columns_of([dict(zip(tasks.values(), row, strict=True)) for row in rows]))


def _is_task(column: str) -> bool:
    return column.casefold().startswith(TASK) and bool(column[len(TASK) :].strip())


def _numbers(texts: list[str]) -> np.ndarray:
    """Labels as whole numbers where all of them are, so that 10 comes after 9; else as they are."""
    try:
        return np.asarray([int(text) for text in texts], dtype=np.int64)
    except (ValueError, OverflowError):
        return np.asarray(texts)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
