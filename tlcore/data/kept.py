"""Published pictures brought to one size once, and kept in the data folder as arrays that are mapped, not read."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from tlcore.catalogue import ENTRIES
from tlcore.data.folder import Report, alone, data_folder, temporary_name
from tlcore.data.picture_files import decode_all
from tlcore.data.readers import Part, Published, read_published
from tlcore.data.resizing import resize

VERSION = 1  # part of what names the files: to be raised when the same files give other pictures


@dataclass(frozen=True)
class KeptPart:
    """Pictures (N, 3, side, side) uint8, mapped from a file where there is one; labels (N,); attributes (N, A)."""

    pictures: torch.Tensor
    labels: torch.Tensor
    attributes: torch.Tensor | None


@dataclass(frozen=True)
class Kept:
    """A published set at one size."""

    train: KeptPart
    test: KeptPart | None
    class_names: tuple[str, ...]
    attribute_names: tuple[str, ...]


def published_pictures(name: str, side: int, report: Report | None = None) -> Kept:
    """The set `name`, which lies in the data folder, at `side` × `side` pixels. Raises MissingData.

    The first time its files are read by several threads; afterwards the kept arrays are mapped into memory. Where the
    folder cannot be written to, nothing is kept.
    """
    folder = data_folder()
    place = folder / "cache" / f"{name}-{side}-{files_key(name, folder)}"
    if (kept := _open(place)) is not None:
        return kept
    try:
        with alone(folder, f"prepare-{name}", report):
            if (kept := _open(place)) is None:
                temporary = temporary_name(place.parent)
                try:
                    temporary.mkdir(parents=True)
                    _write(read_published(name, folder), temporary, name, side, report)
                    shutil.rmtree(place, ignore_errors=True)  # spoilt, or it would have been opened
                    temporary.rename(place)
                finally:
                    shutil.rmtree(temporary, ignore_errors=True)
                kept = _open(place)
    except OSError:  # not writable, or a full disk
        kept = None
    return kept if kept is not None else _in_memory(read_published(name, folder), name, side, report)


def files_key(name: str, folder: Path) -> str:
    """16 hexadecimal digits that change when a file of the set is added, removed or written to."""
    digest = hashlib.sha256(f"{VERSION} {name}".encode())
    for file in ENTRIES[name].files:
        path = folder / file
        found = sorted(_walk(path)) if path.is_dir() else [path, path.with_name(f"{path.name}.gz")]
        for one in found:
            try:
                status = Path(one).stat()
            except OSError:
                continue
            digest.update(f"{os.path.relpath(one, folder)} {status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:16]


def _walk(folder: Path) -> list[str]:
    return [os.path.join(place, file) for place, _, files in os.walk(folder) for file in files]  # noqa: PTH118


def _shape(part: Part, side: int) -> tuple[int, int, int, int]:
    return (len(part.labels), 3, side, side)


def _fill(part: Part, into: np.ndarray, name: str, report: Report | None) -> None:
    side = into.shape[-1]
    if isinstance(part.pictures, np.ndarray):
        for start in range(0, len(into), 5000):
            chunk = torch.from_numpy(np.array(part.pictures[start : start + 5000]))
            into[start : start + 5000] = resize(chunk, side).numpy()  # a single channel spreads over all three
            if report:
                report(f"Preparing {ENTRIES[name].title}", min(1.0, (start + 5000) / len(into)))
    else:
        decode_all(part.pictures, side, into, report, ENTRIES[name].title)


def _write(published: Published, place: Path, name: str, side: int, report: Report | None) -> None:
    for title, part in (("train", published.train), ("test", published.test)):
        if part is None:
            continue
        shape = _shape(part, side)
        pictures = np.lib.format.open_memmap(place / f"{title}.npy", mode="w+", dtype=np.uint8, shape=shape)
        _fill(part, pictures, name, report)
        pictures.flush()
        del pictures
        np.save(place / f"{title}-labels.npy", part.labels, allow_pickle=False)
        if part.attributes is not None:
            np.save(place / f"{title}-attributes.npy", part.attributes, allow_pickle=False)
    names = {"class_names": published.class_names, "attribute_names": published.attribute_names}
    (place / "names.json").write_text(json.dumps(names, ensure_ascii=False), encoding="utf-8")


def _open(place: Path) -> Kept | None:
    """What is kept there; None if it is not there or is spoilt."""
    try:
        names = json.loads((place / "names.json").read_text(encoding="utf-8"))
        train = _open_part(place, "train")
        test = _open_part(place, "test") if (place / "test.npy").is_file() else None
        return Kept(train, test, tuple(names["class_names"]), tuple(names["attribute_names"]))
    except (OSError, ValueError, KeyError, EOFError):
        return None


def _open_part(place: Path, title: str) -> KeptPart:
    # Copy on write: whoever changes a tensor changes his own pages, never the file.
    pictures = np.load(place / f"{title}.npy", mmap_mode="c", allow_pickle=False)
    labels = np.load(place / f"{title}-labels.npy", allow_pickle=False)
    attributes = place / f"{title}-attributes.npy"
    if len(pictures) != len(labels) or pictures.dtype != np.uint8:
        raise ValueError("the kept arrays do not fit together")
    values = np.load(attributes, allow_pickle=False) if attributes.is_file() else None
    return KeptPart(
        torch.from_numpy(pictures), torch.from_numpy(labels), None if values is None else torch.from_numpy(values)
    )


def _in_memory(published: Published, name: str, side: int, report: Report | None) -> Kept:
    def part(one: Part) -> KeptPart:
        pictures = np.empty(_shape(one, side), dtype=np.uint8)
        _fill(one, pictures, name, report)
        attributes = None if one.attributes is None else torch.from_numpy(one.attributes)
        return KeptPart(torch.from_numpy(pictures), torch.from_numpy(one.labels), attributes)

    test = None if published.test is None else part(published.test)
    return Kept(part(published.train), test, published.class_names, published.attribute_names)
