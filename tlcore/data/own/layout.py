"""What the folders say: which picture belongs to which class, domain and part."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from tlcore.data.own.files import Files, is_archive, is_description
from tlcore.data.own.limits import LONGEST_NAME, MOST_CLASSES
from tlcore.data.own.places import shown
from tlcore.errors import InvalidRequest

PARTS = {
    "train": "train", "training": "train", "val": "validation", "valid": "validation", "validation": "validation",
    "dev": "validation", "test": "test", "testing": "test",
}  # fmt: skip
OTHER_FILES = (
    ".txt", ".md", ".rst", ".csv", ".tsv", ".json", ".xml", ".yaml", ".yml", ".mat", ".npy", ".npz", ".parquet",
    ".html", ".pdf", ".doc", ".docx", ".py", ".ipynb", ".mp4", ".avi", ".mov", ".wav", ".mp3", ".lock", ".log", ".db",
)  # fmt: skip
NO_FOLDERS = (
    "has no class folders: put the pictures of each class into a folder of its own (dog/…, or photo/dog/… for several "
    "domains), or add a table with the columns file and label"
)


@dataclass(frozen=True)
class Entry:
    """One picture. part: train, validation, test, or empty where nothing says it."""

    file: str
    label: str
    domain: str = ""
    part: str = ""
    attributes: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Layout:
    """All pictures in the order of their files. notes: what a person should know, in sentences."""

    entries: tuple[Entry, ...]
    notes: tuple[str, ...] = ()

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, sorted."""
        return tuple(sorted({entry.label for entry in self.entries}))

    @property
    def domains(self) -> tuple[str, ...]:
        """Names of the domains, sorted; one empty name where there is only one."""
        return tuple(sorted({entry.domain for entry in self.entries}))


def by_folders(files: Files) -> Layout:
    """class/picture, domain/class/picture, and either of them within train, val and test or these within a domain.

    A level at which all pictures lie in the same folder says nothing and is passed over, but for that of the class.

    Raises InvalidRequest: no folders, different depths, one class, an empty class, names that differ only in case.
    """
    what = f"The data in {shown(files.title)}"
    notes: list[str] = []
    names = [name for name in files.names if not is_description(name)]  # those are read, and told of where they are
    candidates = [name for name in names if not name.lower().endswith(OTHER_FILES) and not is_archive(name)]
    paths = [(name, PurePosixPath(name).parts[:-1]) for name in candidates]
    loose = [name for name, folders in paths if not folders]
    paths = [(name, folders) for name, folders in paths if folders]
    if not paths:
        if files.folders and not loose:
            raise InvalidRequest(f"{what} has folders but not one picture.")
        raise InvalidRequest(f"{what} {NO_FOLDERS}.")
    if loose:
        alone = f"1 file beside the folders is left out, {shown(loose[0])}."
        several = f"{len(loose):,} files beside the folders are left out, such as {shown(loose[0])}."
        notes.append(alone if len(loose) == 1 else several)
    others = len(names) - len(candidates)
    if others == 1:
        notes.append("1 file is left out because its name says that it is no picture.")
    elif others:
        notes.append(f"{others:,} files are left out because their names say that they are no pictures.")

    levels = list(range(_common_depth(paths, what)))
    said = {level: {folders[level] for _, folders in paths} for level in levels}
    kept = [level for level in levels[:-1] if len(said[level]) > 1] + levels[-1:]
    part_level = next((level for level in kept if {name.lower() for name in said[level]} <= PARTS.keys()), None)
    if part_level == kept[-1]:
        raise InvalidRequest(f"{what} is split into {', '.join(sorted(said[kept[-1]]))} but has no class folders.")
    domain_levels = [level for level in kept[:-1] if level != part_level]
    if len(domain_levels) > 1:
        raise InvalidRequest(
            f"{what} lies too deep: {shown(paths[0][0])} has more folders around it than domain, part and class."
        )
    entries = tuple(
        Entry(
            file=name,
            label=composed(folders[kept[-1]]),
            domain=composed(folders[domain_levels[0]]) if domain_levels else "",
            part=PARTS[folders[part_level].lower()] if part_level is not None else "",
        )
        for name, folders in paths
    )
    passed_over = {level: next(iter(said[level])) for level in levels if level not in kept}
    empty = _empty_classes(files, entries, len(levels), passed_over)
    if empty:
        raise InvalidRequest(f"The class folder “{shown(empty[0])}” is empty: put pictures into it or remove it.")
    return checked(Layout(entries, tuple(notes)), what)


def _common_depth(paths: Sequence[tuple[str, tuple[str, ...]]], what: str) -> int:
    depths = Counter(len(folders) for _, folders in paths)
    if len(depths) > 1:
        examples = [next(name for name, folders in paths if len(folders) == depth) for depth in sorted(depths)]
        raise InvalidRequest(
            f"{what} lies at different depths, as {shown(examples[0])} and {shown(examples[-1])}: all pictures must "
            "have the same number of folders around them."
        )
    return next(iter(depths))


def _empty_classes(files: Files, entries: Iterable[Entry], depth: int, passed_over: dict[int, str]) -> list[str]:
    """Names of folders where a class belongs in which no picture of any domain or part lies."""
    filled = {entry.label for entry in entries}
    found = set()
    for folder in files.folders:
        parts = PurePosixPath(folder).parts
        if len(parts) == depth and all(parts[level] == name for level, name in passed_over.items()):
            found.add(composed(parts[-1]))
    return sorted(found - filled)


def composed(name: str) -> str:
    """A name in Unicode's composed form: one system writes é as one character, another as two."""
    return unicodedata.normalize("NFC", name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")).strip()


def require_names_apart(names: Iterable[str], kinds: str = "classes") -> None:
    """Raise InvalidRequest where two names differ only in case."""
    seen: dict[str, str] = {}
    for name in names:
        other = seen.setdefault(name.casefold(), name)
        if other != name:
            raise InvalidRequest(
                f"The {kinds} “{shown(other)}” and “{shown(name)}” differ only in case: give them one name if they "
                "are the same, or two that can be told apart."
            )


def checked(layout: Layout, what: str) -> Layout:
    """`layout`, if its classes and domains can be learned from. Raises InvalidRequest."""
    for kind, names in (("class", layout.classes), ("domain", layout.domains)):
        for name in names:
            if len(name) > LONGEST_NAME:
                raise InvalidRequest(
                    f"The {kind} “{shown(name, 40)}” has a name of {len(name):,} characters; at most {LONGEST_NAME} "
                    "can be shown."
                )
            if any(unicodedata.category(character) == "Cc" for character in name) or (kind == "class" and not name):
                raise InvalidRequest(f"The {kind} “{shown(name, 40)}” has a name that cannot be shown.")
        require_names_apart(names, "classes" if kind == "class" else "domains")
    if len(layout.classes) > MOST_CLASSES:
        raise InvalidRequest(f"{what} has {len(layout.classes):,} classes; at most {MOST_CLASSES:,} can be used.")
    if len(layout.entries) == 1:
        raise InvalidRequest(f"{what} has only one picture: learning needs several of each of at least two classes.")
    if len(layout.classes) == 1:
        raise InvalidRequest(
            f"{what} has only one class, “{shown(layout.classes[0])}”: there must be at least two to tell apart."
        )
    missing = [
        f"{shown(label)} in {shown(domain)}"
        for domain, label in _missing(layout.entries, layout.domains, layout.classes)
    ]
    if missing:
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        note = f"Some classes have no picture in one of the domains: {', '.join(missing[:3])}{more}."
        return Layout(layout.entries, (*layout.notes, note))
    return layout


def _missing(entries: Iterable[Entry], domains: Iterable[str], classes: Sequence[str]) -> list[tuple[str, str]]:
    there = {(entry.domain, entry.label) for entry in entries}
    return [(domain, label) for domain in domains for label in classes if (domain, label) not in there]
