"""Guided tours: five or six steps a page, each of which points at a part of it and is done when the person has done it.

A tour is data, one file a page. A step has a title and a text, `at`, the part it points at, and one of

    press    somebody clicks, taps or types there
    points   the pointer or the keyboard comes there
    holds    something is so in the page
    changes  what stands there is no longer what it was when the step began

Each names parts of the page by a CSS selector, which is looked for in components too; `changes` may name an attribute
of it, as in `.slider@aria-valuenow`. A step with `presets` is for these presets of the page alone; one without is for
all of them.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
ADDRESS = "tour"
"""`?tour=1` opens the tour of a page; whatever else changes in the address, it stays there until it is closed."""
CONDITIONS = ("press", "points", "holds", "changes")


@dataclass(frozen=True)
class Step:
    """One step. condition: one of `CONDITIONS`; where: the selector it is about. at: the selector of what is shown.

    presets: those it is for; none for all.
    """

    title: str
    text: str
    at: str
    condition: str
    where: str
    presets: tuple[str, ...] = ()


@dataclass(frozen=True)
class Tour:
    """The steps of a page. name: of its file."""

    name: str
    title: str
    steps: tuple[Step, ...]

    def on(self, preset: str) -> Tour:
        """The tour of one preset of the page. If it is not that of all, it is remembered by a name of its own."""
        steps = tuple(step for step in self.steps if not step.presets or preset in step.presets)
        return self if steps == self.steps else replace(self, name=f"{self.name}-{preset}", steps=steps)


@cache
def tours() -> dict[str, Tour]:
    """Every tour by its name."""
    return {file.stem: _read(file) for file in sorted(FOLDER.glob("*.toml"))}


def _read(file: Path) -> Tour:
    with file.open("rb") as opened:
        document = tomllib.load(opened)
    return Tour(file.stem, document["title"], tuple(_step(entry, file.name) for entry in document["step"]))


def _step(entry: Mapping[str, Any], name: str) -> Step:
    given = [condition for condition in CONDITIONS if condition in entry]
    if len(given) != 1:
        raise ValueError(f"A step of {name} needs one of {', '.join(CONDITIONS)}: “{entry.get('title')}”.")
    presets = tuple(entry.get("presets", ()))
    return Step(entry["title"], entry["text"].strip(), entry["at"], given[0], entry[given[0]], presets)
