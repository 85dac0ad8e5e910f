"""The animals of the embedded zero-shot data: a table that a person can read and edit, `data/creatures/animals.csv`."""

from __future__ import annotations

import csv
import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

TABLE = Path(__file__).parents[1] / "data" / "creatures" / "animals.csv"
SPLITS = ("seen", "unseen")


@dataclass(frozen=True)
class CreatureTable:
    """names: the K animals; attributes: what the A columns of values (K, A) float32, from 0 to 1, mean; seen: (K,)."""

    names: tuple[str, ...]
    attributes: tuple[str, ...]
    values: np.ndarray
    seen: np.ndarray
    content: str  # 16 hexadecimal digits that change with the table

    def vector(self, name: str) -> np.ndarray:
        """The description (A,) of the animal `name`. Raises KeyError."""
        if name not in self.names:
            raise KeyError(name)
        return np.array(self.values[self.names.index(name)])


@lru_cache(maxsize=1)
def creature_table() -> CreatureTable:
    """The table that ships with the lab."""
    return read_creature_table(TABLE)


def read_creature_table(path: Path) -> CreatureTable:
    """Read a table: a header `animal,split,…attributes`, then one row an animal; an empty cell is 0.

    Raises ValueError, naming row and column, for what is not a table of animals that differ from each other.
    """
    text = path.read_text(encoding="utf-8")
    rows = [row for row in csv.reader(text.splitlines()) if any(cell.strip() for cell in row)]
    if not rows or [cell.strip() for cell in rows[0][:2]] != ["animal", "split"] or len(rows[0]) < 3:
        raise ValueError(f"{path.name} must begin with the header “animal,split,” and the names of the attributes.")
    attributes = tuple(cell.strip() for cell in rows[0][2:])
    if len(set(attributes)) < len(attributes) or not all(attributes):
        raise ValueError(f"{path.name} has two attributes of one name, or one without a name.")
    names, seen, values = [], [], []
    for number, row in enumerate(rows[1:], start=2):
        if len(row) != len(rows[0]):
            raise ValueError(f"Row {number} of {path.name} has {len(row)} cells instead of {len(rows[0])}.")
        name, split = row[0].strip(), row[1].strip()
        if not name or name in names:
            raise ValueError(f"Row {number} of {path.name} has no name of its own.")
        if split not in SPLITS:
            raise ValueError(f"Row {number} of {path.name} has the split “{split}” instead of seen or unseen.")
        names.append(name)
        seen.append(split == "seen")
        values.append([_value(cell, number, column, path) for cell, column in zip(row[2:], attributes, strict=True)])
    table = np.array(values, dtype=np.float32)
    if len(np.unique(table, axis=0)) < len(table):
        raise ValueError(f"{path.name} has two animals with the same attributes, which no picture could tell apart.")
    table.setflags(write=False)
    content = hashlib.sha256(text.encode()).hexdigest()[:16]
    return CreatureTable(tuple(names), attributes, table, np.array(seen), content)


def _value(cell: str, row: int, column: str, path: Path) -> float:
    try:
        value = float(cell) if cell.strip() else 0.0
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise ValueError(f"Row {row} of {path.name} has “{cell}” for {column}; it must be from 0 to 1.")
    return value


ATTRIBUTES = creature_table().attributes
