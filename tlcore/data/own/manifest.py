"""What is known of an own data set: the file beside its array."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from tlcore.data.own.columns import LABEL, task_columns
from tlcore.data.own.decoding import open_pictures
from tlcore.errors import MissingData

FILE = "manifest.json"
VERSION = 1
LARGEST = 256 * 2**20
PART_NAMES = ("", "train", "validation", "test", "unseen")
CONTENT = (
    "kind", "width", "classes", "domains", "labels", "domain_of", "parts", "identities", "rows", "attributes",
    "partitions", "attributes_of_classes", "array",
)  # fmt: skip


@dataclass(frozen=True)
class Manifest:
    """An own data set.

    kind: pictures of `width` × `width` pixels, or features of `width` numbers. array: name of the file with `total`
    rows. For each of N examples: labels and domain_of (positions in classes and domains), parts (positions in
    PART_NAMES), identities (equal for what must not be torn apart by a split), rows (of the array), files.
    attributes: further columns by name. partitions: named lists of examples, as zero-shot protocols have them.
    attributes_of_classes: (K, A), may be empty; described_by: what the A numbers are called, where they have names.
    request: changes when the files it was made from do. content: changes when what is learned from does.
    """

    kind: Literal["pictures", "features"]
    title: str
    width: int
    total: int
    array: str
    request: str
    classes: tuple[str, ...]
    domains: tuple[str, ...]
    labels: tuple[int, ...]
    domain_of: tuple[int, ...]
    parts: tuple[int, ...]
    identities: tuple[int, ...]
    rows: tuple[int, ...]
    files: tuple[str, ...] = ()
    attributes: dict[str, list[Any]] = field(default_factory=dict)
    partitions: dict[str, list[int]] = field(default_factory=dict)
    attributes_of_classes: list[list[float]] = field(default_factory=list)
    described_by: tuple[str, ...] = ()
    unreadable: tuple[tuple[str, str], ...] = ()
    dropped: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    licence: str = "unknown"
    imported: str = ""
    version: int = VERSION

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def content(self) -> str:
        """16 hexadecimal digits, the same for the same pictures, labels, domains and parts, whatever the name."""
        said = {name: getattr(self, name) for name in CONTENT}
        return hashlib.sha256(json.dumps(said, sort_keys=True, default=list).encode()).hexdigest()[:16]

    def counts(self) -> list[dict[str, Any]]:
        """How many examples each domain, class and part has: rows of {domain, class, part, count}."""
        tally: dict[tuple[int, int, int], int] = {}
        for key in zip(self.domain_of, self.labels, self.parts, strict=True):
            tally[key] = tally.get(key, 0) + 1
        return [
            {"domain": self.domains[domain], "class": self.classes[label], "part": PART_NAMES[part], "count": count}
            for (domain, label, part), count in sorted(tally.items())
        ]

    def tasks(self) -> list[dict[str, Any]]:
        """What can be learned of each example, the labels first: rows of {name, title, classes, known}."""
        own = {"name": LABEL, "title": LABEL, "classes": len(self.classes), "known": len(self)}
        columns = task_columns(self.attributes)
        return [own] + [
            {"name": one.name, "title": one.title, "classes": len(one.class_names), "known": one.known}
            for one in columns
        ]

    def summary(self, name: str) -> dict[str, Any]:
        """What a list of data sets shows, ready for JSON."""
        return {
            "name": name, "kind": self.kind, "title": self.title, "width": self.width, "examples": len(self),
            "classes": list(self.classes), "domains": list(self.domains), "content": self.content,
            "counts": self.counts(), "unreadable": len(self.unreadable), "dropped": len(self.dropped),
            "notes": list(self.notes), "licence": self.licence, "imported": self.imported,
            "attributes": sorted(self.attributes), "partitions": sorted(self.partitions), "tasks": self.tasks(),
        }  # fmt: skip


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write it into a folder nobody reads yet. Raises OSError."""
    (folder / FILE).write_text(json.dumps(asdict(manifest)), encoding="ascii")


def read_manifest(folder: Path) -> Manifest:
    """Read and check it: a file that somebody else has written can name no other file and no missing row.

    Raises MissingData.
    """
    path = folder / FILE
    spoilt = f"The own data set {folder.name} is damaged ({{}}): remove it and import it again."
    try:
        if path.stat().st_size > LARGEST:
            raise ValueError("its manifest is too large")
        document = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(document, dict) or document.get("version") != VERSION:
            raise ValueError("its manifest is of another version of the lab")
        tuples = (
            "classes",
            "domains",
            "labels",
            "domain_of",
            "parts",
            "identities",
            "rows",
            "files",
            "dropped",
            "notes",
        )
        document |= {name: tuple(document[name]) for name in tuples}
        document["described_by"] = tuple(document.get("described_by", ()))  # not in those of older versions
        document["unreadable"] = tuple((file, reason) for file, reason in document["unreadable"])
        manifest = Manifest(**document)
        _check(manifest)
    except FileNotFoundError:
        raise MissingData(f"There is no own data set {folder.name}: import it first.") from None
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise MissingData(spoilt.format(error)) from None
    return manifest


def _check(manifest: Manifest) -> None:
    if manifest.kind not in ("pictures", "features") or Path(manifest.array).name != manifest.array:
        raise ValueError("its manifest names another file")
    if not (isinstance(manifest.attributes, dict) and isinstance(manifest.partitions, dict)):
        raise TypeError("its attributes are not tables")
    require_range(manifest.labels, len(manifest.classes), len(manifest), "labels")
    require_range(manifest.domain_of, len(manifest.domains), len(manifest), "domains")
    require_range(manifest.parts, len(PART_NAMES), len(manifest), "parts")
    require_range(manifest.rows, manifest.total, len(manifest), "rows")
    require_range(manifest.identities, max(manifest.total, 1), len(manifest), "identities")
    for name, members in manifest.partitions.items():
        require_range(members, len(manifest), len(members), name)
    table = np.asarray(manifest.attributes_of_classes, dtype=np.float64)
    if len(table) and (table.ndim != 2 or len(table) != len(manifest.classes) or not np.isfinite(table).all()):
        raise ValueError("its attributes of classes are not a table with a row for each class")
    if manifest.described_by and (not len(table) or len(manifest.described_by) != table.shape[1]):
        raise ValueError("its attributes of classes have other names than numbers")
    if any(len(column) != len(manifest) for column in manifest.attributes.values()):
        raise ValueError("its attributes do not have a value for each example")


def require_range(values: Sequence[int], below: int, length: int, what: str) -> None:
    """Raise ValueError unless there are `length` whole numbers from 0 to `below` − 1."""
    if len(values) != length:
        raise ValueError(f"it has {len(values):,} {what} for {length:,} examples")
    array = np.asarray(values if length else [], dtype=object if not length else None)
    if length and (array.ndim != 1 or array.dtype.kind not in "iu" or array.min() < 0 or array.max() >= below):
        raise ValueError(f"its {what} are out of range")


def open_array(folder: Path, manifest: Manifest) -> np.ndarray:
    """The rows of the array, mapped into memory: (total, 3, S, S) uint8 or (total, D) float32.

    Raises MissingData.
    """
    path = folder / manifest.array
    try:
        if manifest.kind == "pictures":
            array = open_pictures(path, manifest.width)
        else:
            array = np.load(path, mmap_mode="r", allow_pickle=False)
            if array.dtype != np.float32 or array.shape[1:] != (manifest.width,):
                raise ValueError("it does not hold the features it should")
        if len(array) != manifest.total:
            raise ValueError("it has another number of rows")
    except (OSError, ValueError, EOFError) as error:
        raise MissingData(
            f"The own data set {folder.name} is damaged ({path.name}: {error}): remove it and import it again."
        ) from None
    return array


def columns_of(rows: Sequence[Mapping[str, str]]) -> dict[str, list[Any]]:
    """Attributes as columns; one whose every value is a number becomes numbers."""
    names = list(rows[0]) if rows else []
    columns: dict[str, list[Any]] = {}
    for name in names:
        texts = [row.get(name, "") for row in rows]
        try:
            numbers = [float(text) for text in texts]
            columns[name] = numbers if all(np.isfinite(numbers)) else texts
        except ValueError:
            columns[name] = list(texts)
    return columns
