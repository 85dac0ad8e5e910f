"""A table of pictures: a CSV with the columns file and label, and if need be domain, split and attributes."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from tlcore.data.own.files import Files, is_description
from tlcore.data.own.layout import PARTS, Entry, Layout, checked, composed
from tlcore.data.own.limits import LARGEST_TABLE, MOST_FILES
from tlcore.data.own.places import shown
from tlcore.errors import InvalidRequest

DELIMITERS = ",;\t"
MOST_COLUMNS = 1_000
LONGEST_HEADER = 100_000  # bytes
FILE = ("file", "filename", "file_name", "path", "image", "picture")
LABEL = ("label", "class", "class_name", "category")
DOMAIN = ("domain",)
PART = ("split", "part", "subset")


def find_table(files: Files) -> str | None:
    """The only table at the top of the files, if it has the columns of one, or if there are no folders to go by."""
    tables = [
        name
        for name in files.names
        if "/" not in name and name.lower().endswith((".csv", ".tsv")) and not is_description(name)
    ]
    if len(tables) != 1:
        return None
    if not files.folders:
        return tables[0]
    columns = header_of(files, tables[0])
    return tables[0] if column_of(columns, FILE) is not None and column_of(columns, LABEL) is not None else None


def by_table(files: Files, table: str) -> Layout:
    """The pictures that a table names. Paths are relative to where the table lies, and only what was listed is read.

    Raises InvalidRequest: columns missing, too many rows, a row with too few fields, a path that leaves the folder.
    """
    text = text_of(files, table)
    delimiter, columns = split_header(text.split("\n", 1)[0].strip("\r"))
    file_column, label_column = column_of(columns, FILE), column_of(columns, LABEL)
    if file_column is None or label_column is None:
        raise InvalidRequest(
            f"The table {shown(table)} must have the columns file and label in its first line, or label and columns of "
            f"numbers; it has {shown(', '.join(columns[:8]), 80)}."
        )
    if len(columns) > MOST_COLUMNS or len({column.casefold() for column in columns}) < len(columns):
        raise InvalidRequest(f"The table {shown(table)} has more than {MOST_COLUMNS:,} columns, or two of one name.")
    special = {file_column, label_column}
    domain_column, part_column = column_of(columns, DOMAIN), column_of(columns, PART)
    special |= {column for column in (domain_column, part_column) if column is not None}
    attributes = [(number, name) for number, name in enumerate(columns) if number not in special]

    there, folder = set(files.names), PurePosixPath(table).parent
    entries: list[Entry] = []
    named: set[str] = set()
    lost: list[str] = []
    for number, row in rows_of(text, delimiter, table):
        if len(row) != len(columns):
            raise InvalidRequest(
                f"Line {number:,} of the table {shown(table)} has {len(row)} fields instead of {len(columns)}."
            )
        name = _inside(row[file_column], folder, table)
        if name not in there and not files.folders and PurePosixPath(name).name in there:
            name = PurePosixPath(name).name  # files that were chosen one by one have lost their folders
        if name in named:
            raise InvalidRequest(f"The table {shown(table)} names the file {shown(name)} twice.")
        named.add(name)
        if name not in there:
            lost.append(name)
            continue
        part = row[part_column].strip().lower() if part_column is not None else ""
        if part and part not in PARTS:
            raise InvalidRequest(
                f"Line {number:,} of the table {shown(table)} has the split “{shown(part, 40)}” instead of train, val "
                "or test."
            )
        entries.append(
            Entry(
                file=name,
                label=composed(row[label_column]),
                domain=composed(row[domain_column]) if domain_column is not None else "",
                part=PARTS.get(part, ""),
                attributes={column: row[at].strip() for at, column in attributes},
            )
        )
    if not entries:
        if not lost:
            raise InvalidRequest(f"The table {shown(table)} has no rows.")
        raise InvalidRequest(
            f"None of the {len(lost):,} files that the table {shown(table)} names is there, such as "
            f"{shown(lost[0], 60)}: bring table and pictures together, in one zip or folder, or chosen at once."
        )
    notes = []
    if len(lost) == 1:
        notes.append(f"1 file that the table names is not there, {shown(lost[0])}.")
    elif lost:
        notes.append(f"{len(lost):,} files that the table names are not there, such as {shown(lost[0])}.")
    entries.sort(key=lambda entry: entry.file)
    return checked(Layout(tuple(entries), tuple(notes)), f"The table {shown(table)}")


def text_of(files: Files, table: str) -> str:
    """The content, once it is known not to be endless. Raises InvalidRequest."""
    if files.size(table) > LARGEST_TABLE:
        raise InvalidRequest(f"The table {shown(table)} is larger than {LARGEST_TABLE // 2**20} MB.")
    lines = 0
    with files.open(table) as file:
        while block := file.read(2**20):
            lines += block.count(b"\n")
            if lines > MOST_FILES + 1:
                raise InvalidRequest(f"The table {shown(table)} has more than {MOST_FILES:,} rows.")
    with files.open(table) as file:
        content = file.read(LARGEST_TABLE)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidRequest(f"The table {shown(table)} is not text in UTF-8: save it as “CSV UTF-8”.") from None
    if not text.strip() or "\0" in text:
        raise InvalidRequest(f"The table {shown(table)} is {'not text' if text.strip() else 'empty'}.")
    return text.lstrip("\r\n")


def rows_of(text: str, delimiter: str, table: str) -> Iterator[tuple[int, list[str]]]:
    """Number of the line and fields of each row below the first line. Raises InvalidRequest."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        for row in reader:
            if reader.line_num > 1 and row:
                yield reader.line_num, row
    except csv.Error as error:
        raise InvalidRequest(f"Line {reader.line_num:,} of the table {shown(table)} is damaged: {error}.") from None


def header_of(files: Files, table: str) -> list[str]:
    """The columns that the first line of a table names."""
    with files.open(table) as file:
        first = file.read(LONGEST_HEADER).decode("utf-8-sig", "replace").lstrip("\r\n").split("\n", 1)[0].strip("\r")
    return split_header(first)[1]


def split_header(line: str) -> tuple[str, list[str]]:
    """The delimiter that splits the first line into most columns, and the columns."""
    found = []
    for delimiter in DELIMITERS:
        try:
            columns = [column.strip() for column in next(csv.reader([line], delimiter=delimiter), [])]
        except csv.Error:
            continue
        found.append((len(columns), delimiter, columns))
    if not found:
        return ",", []
    _, delimiter, columns = max(found, key=lambda one: one[0])
    return delimiter, columns


def column_of(columns: Sequence[str], names: Sequence[str]) -> int | None:
    """The position of the column with the first of these names that there is."""
    lowered = [column.casefold() for column in columns]
    return next((lowered.index(name) for name in names if name in lowered), None)


def _inside(text: str, folder: PurePosixPath, table: str) -> str:
    """A path of the table as the name of one of the files."""
    name = text.strip().replace("\\", "/")
    parts = PurePosixPath(name).parts
    if not parts or name.startswith("/") or name[1:2] == ":" or ".." in parts or "\0" in name:
        raise InvalidRequest(
            f"The table {shown(table)} names “{shown(text, 80)}”, which does not lie in the folder of the table."
        )
    return str(folder.joinpath(*parts))
