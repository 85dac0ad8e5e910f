"""Own data sets in the data folder: import, list, remove, check. One folder each, complete or not there."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import replace as changed
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np

from tlcore.data.folder import Report, alone
from tlcore.data.own.decoding import Look, PictureWriter, decode_all, picture_key
from tlcore.data.own.descriptions import read_descriptions, with_unseen
from tlcore.data.own.duplicates import Duplicates, find_duplicates
from tlcore.data.own.files import Files
from tlcore.data.own.layout import Entry, Layout, by_folders, checked
from tlcore.data.own.limits import FEWEST_OF_A_CLASS, LARGEST_SIDE, SMALLEST_SIDE
from tlcore.data.own.manifest import (
    FILE,
    PART_NAMES,
    Manifest,
    columns_of,
    open_array,
    read_manifest,
    write_manifest,
)
from tlcore.data.own.places import checked_name, own_folder, shown
from tlcore.data.own.tables import by_table, find_table
from tlcore.errors import InvalidRequest, LabError, MissingData, OutOfSpace

SPARE_BYTES = 200 * 2**20  # left on the disk after an import
INCOMPLETE = ".incomplete-"


def find_layout(files: Files) -> Layout:
    """By the table at the top if there is one, else by the folders; classes described as unseen are a part apart.

    Raises InvalidRequest.
    """
    table = find_table(files)
    layout = by_table(files, table) if table else by_folders(files)
    return with_unseen(layout, read_descriptions(files, layout.classes))


def import_pictures(
    files: Files,
    name: str,
    *,
    side: int,
    replace: bool = False,
    threads: int | None = None,
    report: Report | None = None,
) -> Manifest:
    """Decode all pictures to squares of `side` pixels and keep them as the data set `name`.

    Files that cannot be read are listed in the manifest, and so are duplicates that were dropped. The same files under
    the same name are there at once. replace: put it in the place of other pictures of that name.

    Raises InvalidRequest: the files or their layout cannot be used, the name is taken; OutOfSpace. What was there
    before is then as it was.
    """
    checked_name(name)
    if not SMALLEST_SIDE <= side <= LARGEST_SIDE:
        raise InvalidRequest(f"Pictures are kept with {SMALLEST_SIDE} to {LARGEST_SIDE} pixels a side, not {side}.")
    layout = find_layout(files)
    described = read_descriptions(files, layout.classes)
    request = hashlib.sha256(f"pictures {side} {files.fingerprint()}".encode()).hexdigest()[:32]

    def build(folder: Path) -> Manifest:
        require_space(folder, len(layout.entries) * 3 * side * side)
        array = folder / "pictures.npy"
        writer = PictureWriter(array, len(layout.entries), side)
        names = [entry.file for entry in layout.entries]
        try:
            looks = decode_all(files.open, names, side, writer, threads=threads, report=report)
        finally:
            writer.close()
        kept = array.rename(folder / f"pictures-{picture_key(looks, side)}.npy")
        manifest = picture_manifest(files, layout, looks, side, kept.name, request)
        if described is None:
            return manifest
        vectors = [list(vector) for vector in described.vectors]
        return changed(manifest, attributes_of_classes=vectors, described_by=described.names)

    return keep(name, request, build, replace=replace, report=report)


def picture_manifest(
    files: Files, layout: Layout, looks: Sequence[Look], side: int, array: str, request: str
) -> Manifest:
    """What decoding found, without what cannot be used. Raises InvalidRequest where too little is left."""
    unreadable = [(entry.file, look.reason) for entry, look in zip(layout.entries, looks, strict=True) if look.reason]
    duplicates = find_duplicates(layout.entries, looks)
    rows = [row for row, look in enumerate(looks) if not look.reason and row not in duplicates.dropped]
    entries = tuple(layout.entries[row] for row in rows)
    require_enough(layout, entries, unreadable, files.title)
    classes, domains = layout.classes, tuple(sorted({entry.domain for entry in entries}))
    return Manifest(
        kind="pictures",
        title=shown(files.title),
        width=side,
        total=len(layout.entries),
        array=array,
        request=request,
        classes=classes,
        domains=domains,
        labels=tuple(map({label: number for number, label in enumerate(classes)}.__getitem__, _labels(entries))),
        domain_of=tuple(domains.index(entry.domain) for entry in entries),
        parts=tuple(PART_NAMES.index(entry.part) for entry in entries),
        identities=tuple(int(duplicates.identities[row]) for row in rows),
        rows=tuple(rows),
        files=tuple(entry.file for entry in entries),
        attributes=columns_of([entry.attributes for entry in entries]),
        unreadable=tuple(unreadable),
        dropped=tuple(layout.entries[row].file for row in sorted(duplicates.dropped)),
        notes=(*layout.notes, *duplicate_notes(duplicates)),
    )


def _labels(entries: Sequence[Entry]) -> list[str]:
    return [entry.label for entry in entries]


def duplicate_notes(duplicates: Duplicates) -> list[str]:
    """What was found, in sentences."""
    notes = []
    if duplicates.dropped:
        count = len(duplicates.dropped)
        which = "1 picture is" if count == 1 else f"{count:,} pictures are"
        notes.append(f"{which} left out because the same picture is there already.")
    torn = sum(" and " in pair.between for pair in duplicates.near)
    if torn:
        which = "1 pair of pictures looks" if torn == 1 else f"{torn:,} pairs of pictures look"
        stands = "stands" if torn == 1 else "stand"
        notes.append(f"{which} nearly the same and {stands} in different parts, domains or classes.")
    return notes


def require_enough(layout: Layout, entries: Sequence[Entry], unreadable: Sequence[tuple[str, str]], title: str) -> None:
    """Raise InvalidRequest unless the readable pictures can be learned from."""
    said = ""
    if unreadable:
        file, reason = unreadable[0]
        said = f"; {len(unreadable):,} files cannot be read, the first is {shown(file)}: {reason}"
    if not entries:
        raise InvalidRequest(f"Not one picture in {shown(title)} can be read{said}.")
    tally = dict.fromkeys(layout.classes, 0)
    for entry in entries:
        tally[entry.label] += 1
    fewest = min(tally, key=lambda label: (tally[label], label))
    checked(Layout(tuple(entries)), f"The data in {shown(title)}")
    if tally[fewest] < FEWEST_OF_A_CLASS:
        count = ("no picture", "only one picture", f"only {tally[fewest]} pictures")[min(tally[fewest], 2)]
        raise InvalidRequest(
            f"The class “{shown(fewest)}” has {count} that can be used and needs at least {FEWEST_OF_A_CLASS}: to "
            f"learn from, to choose by and to report on{said}."
        )


def keep(
    name: str, request: str, build: Callable[[Path], Manifest], *, replace: bool, report: Report | None = None
) -> Manifest:
    """Let `build` fill a folder and give it the name once it is complete; nothing is left where it fails.

    Raises InvalidRequest where the name is taken, and OutOfSpace.
    """
    parent = own_folder()
    final = parent / checked_name(name)
    try:
        with alone(parent, name, report):
            there = _present(final)
            if there is not None and there.request == request:
                return there
            if final.exists() and not replace:
                raise InvalidRequest(
                    f"There is already an own data set “{name}” with other content: remove it or choose another name."
                )
            _clear(parent, name)  # whoever left something behind is dead, for it does not hold the lock
            temporary = _hidden(parent, name)
            temporary.mkdir()
            try:
                manifest = changed(build(temporary), imported=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()))
                write_manifest(temporary, manifest)
                _put(temporary, final)
            finally:
                shutil.rmtree(temporary, ignore_errors=True)
            return manifest
    except OSError as error:
        if error.errno == 28:
            raise OutOfSpace(f"No disk space is left in {parent}.") from None
        raise InvalidRequest(f"Own data cannot be written to {parent}: {error.strerror or error}.") from None


def _present(folder: Path) -> Manifest | None:
    try:
        manifest = read_manifest(folder)
        open_array(folder, manifest)
    except MissingData:
        return None
    return manifest


def _put(temporary: Path, final: Path) -> None:
    """Give a complete folder its name; what was there stays until then."""
    old = _hidden(final.parent, final.name)
    with contextlib.suppress(FileNotFoundError):
        final.rename(old)
    try:
        temporary.rename(final)
    except OSError:
        with contextlib.suppress(FileNotFoundError):
            old.rename(final)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _hidden(parent: Path, name: str) -> Path:
    """A new name for a folder that is not a data set yet, or no longer. Data sets have no dot in their names."""
    return parent / f"{INCOMPLETE}{name}.{uuid4().hex}"


def _clear(parent: Path, name: str) -> None:
    """Remove what an import of `name` has left behind that was killed. The lock must be held."""
    for folder in parent.glob(f"{INCOMPLETE}{name}.*"):
        shutil.rmtree(folder, ignore_errors=True)


def require_space(folder: Path, needed: int) -> None:
    """Raise OutOfSpace unless so many bytes and some to spare are free."""
    free = shutil.disk_usage(folder).free
    if needed + SPARE_BYTES > free:
        raise OutOfSpace(
            f"{needed / 2**30:.1f} GB are needed in {folder.parent} and {free / 2**30:.1f} GB are free: choose a "
            "smaller size for the pictures or make room."
        )


def names() -> list[str]:
    """The names of all own data sets, damaged ones too."""
    folder = own_folder()
    if not folder.is_dir():
        return []
    return sorted(entry.name for entry in os.scandir(folder) if entry.is_dir() and not entry.name.startswith("."))


def list_own() -> list[dict[str, Any]]:
    """A summary of each own data set, ready for JSON; of a damaged one its name and a `problem`."""
    summaries = []
    for name in names():
        try:
            summaries.append(read_manifest(own_folder() / name).summary(name))
        except LabError as error:
            summaries.append({"name": name, "problem": str(error)})
    return summaries


def find_own(name: str) -> tuple[Path, Manifest]:
    """Folder and manifest of an own data set. Raises InvalidRequest for a wrong name, MissingData."""
    folder = own_folder() / checked_name(name)
    if not (folder / FILE).is_file():
        known = names()
        there = f"there are {', '.join(known)}" if known else "there is none yet"
        raise MissingData(f"There is no own data set “{name}” on this machine ({there}): import it first.")
    return folder, read_manifest(folder)


def remove_own(name: str) -> None:
    """Delete an own data set; the files it was made from stay. Raises InvalidRequest, MissingData."""
    parent = own_folder()
    folder = parent / checked_name(name)
    if not folder.is_dir() or folder.is_symlink():
        raise MissingData(f"There is no own data set “{name}” on this machine.")
    try:
        with alone(parent, name):
            folder.rename(_hidden(parent, name))
            _clear(parent, name)
    except OSError as error:
        raise InvalidRequest(f"The own data set “{name}” cannot be removed: {error.strerror or error}.") from None


def check_own(name: str) -> dict[str, Any]:
    """Read every row of an own data set once; its summary. Raises MissingData where it is damaged."""
    folder, manifest = find_own(name)
    array = open_array(folder, manifest)
    spoilt = 0
    for start in range(0, manifest.total, 1024):
        block = array[start : start + 1024]
        spoilt += int((~np.isfinite(block)).any(axis=1).sum()) if manifest.kind == "features" else 0
        block.sum(dtype=np.float64)  # reads every page, so that a failing disk is noticed
    if spoilt:
        raise MissingData(f"The own data set “{name}” is damaged: {spoilt:,} rows are not numbers; import it again.")
    return manifest.summary(name)
