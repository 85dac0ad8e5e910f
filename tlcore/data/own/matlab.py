"""The layout of the standard zero-shot benchmark (Xian et al. 2019, “xlsa17”): res101.mat and att_splits.mat.

Indices in these files begin at 1. Every index is checked, and compressed parts are measured before they are kept.
"""

from __future__ import annotations

import contextlib
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from tlcore.data.own.feature_tables import FeatureTable, Sink, require_shape
from tlcore.data.own.layout import composed
from tlcore.data.own.limits import LARGEST_RATIO, LARGEST_UNPACKED, LONGEST_NAME, MOST_CLASSES, RATIO_COUNTS_FROM
from tlcore.data.own.places import shown
from tlcore.errors import InvalidRequest

FEATURES = "res101.mat"
NAMES = "att_names"
SPLITS = "att_splits.mat"
TOGETHER = "choose both at once, or put both into one zip or folder"
LOCATIONS = ("trainval_loc", "train_loc", "val_loc", "test_seen_loc", "test_unseen_loc")
PARTS = {"trainval_loc": "train", "test_seen_loc": "test", "test_unseen_loc": "unseen"}
MOST_ATTRIBUTES = 10_000
COMPRESSED = 15
BLOCK = 4096


def find_pair(folder: Path, title: str) -> tuple[Path, Path]:
    """res101.mat and att_splits.mat of a folder, by their names or, whatever they are called, by what they hold.

    Raises InvalidRequest: only one of them is there, or there are more files than the two.
    """
    found = sorted(path for path in folder.iterdir() if path.suffix.lower() == ".mat" and not path.is_symlink())
    named = {path.name: path for path in found}
    if FEATURES in named and SPLITS in named:
        return named[FEATURES], named[SPLITS]
    if len(found) > 2:
        raise InvalidRequest(f"{shown(title)} has {len(found):,} MATLAB files: bring {FEATURES} and {SPLITS} alone.")
    holding = {path: set(variables(path)) for path in found}
    features = [path for path, names in holding.items() if {"features", "labels"} <= names]
    splits = [path for path, names in holding.items() if {"att", "allclasses_names"} <= names]
    if len(features) == 1 and len(splits) == 1:
        return features[0], splits[0]
    if features or splits:
        raise _needs((features or splits)[0].name, SPLITS if features else FEATURES)
    first = shown(found[0].name) if found else shown(title)
    there = ", ".join(sorted(holding[found[0]])) if found else ""
    raise InvalidRequest(
        f"{first} is neither {FEATURES} nor {SPLITS} of the zero-shot layout; it has {shown(there) or 'no variables'}."
    )


def _needs(title: str, lack: str) -> InvalidRequest:
    what = "classes and parts" if lack == SPLITS else "features and labels"
    return InvalidRequest(f"{shown(title)} needs the file {lack} beside it, with {what}: {TOGETHER}.")


def _lonely(path: Path, title: str) -> InvalidRequest:
    """Which of the two files is missing beside this one."""
    with contextlib.suppress(InvalidRequest):
        names = variables(path).keys()
        if "features" not in names and names >= {"att", "allclasses_names"}:
            return _needs(title, FEATURES)
        if "features" not in names:
            return InvalidRequest(
                f"{shown(title)} has no variable features; it has {shown(', '.join(sorted(names))) or 'none'}."
            )
    return _needs(title, SPLITS)


def read_xlsa17(path: Path, title: str, splits: Path | None = None) -> FeatureTable:
    """Features and labels of `path` (res101.mat), classes, attributes and protocol of att_splits.mat.

    splits: where att_splits.mat is; by default beside `path`. Seen classes are learned from (trainval) and tested on
    (test_seen); unseen classes are a part of their own.

    Raises InvalidRequest: a file or variable is missing, an index is out of range, shapes do not fit together.
    """
    if splits is None:
        splits = path.with_name(SPLITS)
        if path.name == SPLITS:
            raise InvalidRequest(f"{SPLITS} has no features: name the file {FEATURES} beside it, or {TOGETHER}.")
        if not splits.is_file() or splits.is_symlink():
            raise _lonely(path, title)
    protocol = read_protocol(splits)
    classes: tuple[str, ...] = protocol["classes"]
    shapes = variables(path)
    for name in ("features", "labels"):
        if name not in shapes:
            raise InvalidRequest(
                f"{shown(title)} has no variable {name}; it has {', '.join(sorted(shapes)) or 'none'}."
            )
    width, count = (*shapes["features"], 0, 0)[:2]
    require_shape((count, width), np.dtype(np.float32), title)
    labels = whole_numbers(load(path, "labels"), "labels", title)
    if len(labels) != count:
        raise InvalidRequest(f"{shown(title)} has {len(labels):,} labels for {count:,} columns of features.")
    require_indices(labels, len(classes), "labels", title)
    partitions = {}
    for name, members in protocol["locations"].items():
        require_indices(members, count, name, SPLITS)
        partitions[name] = (members - 1).tolist()
    parts = np.full(count, "", dtype=object)
    for name, part in PARTS.items():
        members = np.asarray(partitions.get(name, []), dtype=np.int64)
        if (parts[members] != "").any():
            raise InvalidRequest(f"{SPLITS} puts some examples into two parts at once ({name}).")
        parts[members] = part

    def read(sink: Sink) -> None:
        features = np.asarray(load(path, "features"))
        if features.shape != (width, count) or features.dtype.kind not in "fiu":
            raise InvalidRequest(f"The variable features of {shown(title)} is not what its header says.")
        for start in range(0, count, BLOCK):
            sink(np.ascontiguousarray(features[:, start : start + BLOCK].T, dtype=np.float32))

    return FeatureTable(
        title=title,
        count=count,
        width=width,
        classes=classes,
        labels=tuple((labels - 1).tolist()),
        read=read,
        domain_of=(0,) * count,
        parts=tuple(parts.tolist()),
        partitions=partitions,
        attributes_of_classes=protocol["attributes"].tolist(),
        described_by=protocol["described_by"],
    )


def read_protocol(path: Path) -> dict[str, Any]:
    """att_splits.mat: classes (K names), attributes (K, A) float64, locations {name: (n,) int64, from 1}.

    described_by: names of the attributes from a variable att_names, which the published files do not have; else empty.
    Raises InvalidRequest.
    """
    shapes = variables(path)
    for name in ("att", "allclasses_names", *PARTS):
        if name not in shapes:
            raise InvalidRequest(
                f"{shown(path.name)} has no variable {name}; it has {', '.join(sorted(shapes)) or 'none'}."
            )
    names = tuple(composed(_text(one)) for one in np.asarray(load(path, "allclasses_names")).ravel())
    if not 2 <= len(names) <= MOST_CLASSES or len(set(names)) < len(names):
        raise InvalidRequest(
            f"{shown(path.name)} names {len(names)} classes: 2 to {MOST_CLASSES:,} different ones are needed."
        )
    if any(not name or len(name) > LONGEST_NAME or not name.isprintable() for name in names):
        raise InvalidRequest(f"{shown(path.name)} has a class with a name that cannot be shown.")
    attributes = np.asarray(load(path, "att"))
    if attributes.ndim != 2 or attributes.shape[1] != len(names) or attributes.shape[0] > MOST_ATTRIBUTES:
        raise InvalidRequest(f"{shown(path.name)} has attributes of shape {attributes.shape} for {len(names)} classes.")
    if attributes.dtype.kind not in "fiu" or not np.isfinite(attributes).all():
        raise InvalidRequest(f"{shown(path.name)} has attributes that are not numbers.")
    locations = {name: whole_numbers(load(path, name), name, path.name) for name in LOCATIONS if name in shapes}
    called: tuple[str, ...] = ()
    if NAMES in shapes:
        called = tuple(composed(_text(one)) for one in np.asarray(load(path, NAMES)).ravel())
        if len(called) != len(attributes):
            raise InvalidRequest(
                f"{shown(path.name)} has {len(attributes)} attributes and {len(called)} names of them."
            )
        if any(not name or len(name) > LONGEST_NAME or not name.isprintable() for name in called):
            raise InvalidRequest(f"{shown(path.name)} has an attribute with a name that cannot be shown.")
    described = {"attributes": attributes.T.astype(np.float64), "described_by": called}
    return {"classes": names, "locations": locations} | described


def variables(path: Path) -> dict[str, tuple[int, ...]]:
    """Names and shapes of a file's variables, as its headers say. Raises InvalidRequest."""
    from scipy.io import whosmat

    require_modest(path)
    try:
        return {name: tuple(shape) for name, shape, _ in whosmat(str(path))}
    except NotImplementedError:
        raise InvalidRequest(
            f"{shown(path.name)} is a MATLAB file of version 7.3, which is not read: save it with “-v7”."
        ) from None
    except Exception:  # the reader meets damage with nearly every kind of exception
        raise InvalidRequest(f"{shown(path.name)} cannot be read as a MATLAB file.") from None


def load(path: Path, name: str) -> Any:
    """One variable. Raises InvalidRequest."""
    from scipy.io import loadmat

    try:
        return loadmat(str(path), variable_names=[name])[name]
    except Exception as error:  # as above, MemoryError among them
        raise InvalidRequest(
            f"The variable {name} of {shown(path.name)} cannot be read ({shown(str(error)) or type(error).__name__})."
        ) from None


def require_modest(path: Path) -> None:
    """Measure what the file's compressed parts unpack to, keeping nothing. Raises InvalidRequest."""
    too_large = InvalidRequest(f"{shown(path.name)} would unpack to far more than its own size, and is not read.")
    size = path.stat().st_size
    if size > LARGEST_UNPACKED:
        raise too_large
    unpacked = 0
    with path.open("rb") as file:
        head = file.read(128)
        order = "<" if head[126:128] == b"IM" else ">"
        while len(tag := file.read(8)) == 8:
            kind, length = struct.unpack(f"{order}2I", tag)
            if kind & 0xFFFF0000:  # a small element, all of it in the tag: not at this level of a sound file
                break
            if kind != COMPRESSED:
                file.seek(length, 1)
                continue
            unpacker = zlib.decompressobj()
            left = length
            while left > 0 and (block := file.read(min(left, 2**16))):
                left -= len(block)
                while block:
                    try:
                        unpacked += len(unpacker.decompress(block, 2**20))
                    except zlib.error:
                        raise InvalidRequest(f"{shown(path.name)} cannot be read as a MATLAB file.") from None
                    block = unpacker.unconsumed_tail
                    if unpacked > LARGEST_UNPACKED or (
                        unpacked > RATIO_COUNTS_FROM and unpacked > LARGEST_RATIO * size
                    ):
                        raise too_large


def whole_numbers(values: Any, what: str, title: str) -> np.ndarray:
    """Values of any shape as (n,) int64. Raises InvalidRequest for fractions, texts and what is not finite."""
    array = np.asarray(values).ravel()
    if array.dtype.kind not in "iuf" or not np.isfinite(array).all() or (array != np.round(array)).any():
        raise InvalidRequest(f"{what} of {shown(title)} must be whole numbers.")
    if len(array) and np.abs(array.astype(np.float64)).max() > 2**40:
        raise InvalidRequest(f"{what} of {shown(title)} has an index that is out of range.")
    return array.astype(np.int64)


def require_indices(values: np.ndarray, most: int, what: str, title: str) -> None:
    """Raise InvalidRequest unless all of (n,) are from 1 to `most`, which is how MATLAB counts."""
    if len(values) and (values.min() < 1 or values.max() > most):
        wrong = int(values.min()) if values.min() < 1 else int(values.max())
        raise InvalidRequest(f"{what} of {shown(title)} has the index {wrong:,}; it must be from 1 to {most:,}.")


def _text(value: Any) -> str:
    while isinstance(value, np.ndarray):
        if value.size != 1:
            return ""
        value = value.ravel()[0]
    return str(value)
