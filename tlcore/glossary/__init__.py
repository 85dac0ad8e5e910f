"""Every term and symbol that the lab speaks in, explained: one plain sentence, the formula, where it comes from.

The terms themselves are data, in `terms.toml`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

FILE = Path(__file__).parent / "terms.toml"


@dataclass(frozen=True)
class Term:
    """One entry. key: its short name in addresses. symbols: each symbol of the formula with its meaning.

    words: how pages write it; metrics: the recorded figures it explains, `*` standing for anything.
    """

    key: str
    name: str
    group: str
    sentence: str
    formula: str = ""
    source: str = ""
    symbols: Mapping[str, str] = field(default_factory=dict)
    words: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()

    def explains(self, metric: str) -> bool:
        """Whether a recorded figure of this name is what the term means."""
        return any(fnmatchcase(metric, pattern) for pattern in self.metrics)

    def matches(self, text: str) -> bool:
        """Whether every word that somebody looks for stands in it somewhere."""
        symbols = (part for pair in self.symbols.items() for part in pair)
        held = " ".join((self.key, self.name, self.sentence, *self.words, self.source, self.formula, *symbols))
        return all(word in held.casefold() for word in text.casefold().split())


@cache
def glossary() -> dict[str, Term]:
    """All terms by their short names, in the order of the file."""
    with FILE.open("rb") as file:
        entries = tomllib.load(file)
    return {
        key: Term(
            key=key, **entry | {name: tuple(entry[name]) for name in ("words", "metrics") if name in entry}
        )
        for key, entry in entries.items()
    }  # fmt: skip


@cache
def of_metric(metric: str) -> Term | None:
    """The term that explains a recorded figure: one that names it, before one whose pattern fits."""
    fitting = [term for term in glossary().values() if term.explains(metric)]
    return next((term for term in fitting if metric in term.metrics), fitting[0] if fitting else None)


def of_word(word: str) -> Term | None:
    """The term that is written so."""
    return _written().get(word) or _written().get(word.lower())


@cache
def _written() -> dict[str, Term]:
    return {word: term for term in glossary().values() for word in term.words}


@cache
def written() -> re.Pattern[str]:
    """Finds the words of all terms in a text, the longest first. What is written small may begin a sentence."""
    words = sorted(_written(), key=len, reverse=True)
    alternatives = (
        f"[{word[0].upper()}{word[0]}]{re.escape(word[1:])}" if word == word.lower() else re.escape(word)
        for word in words
    )
    return re.compile(rf"(?<![\w-])(?:{'|'.join(alternatives)})(?![\w-])")
