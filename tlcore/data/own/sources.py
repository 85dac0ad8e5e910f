"""Whatever a person names or uploads: a folder, a zip, a table or features, told apart by content."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import weakref
import zipfile
import zlib
from collections import Counter
from pathlib import Path, PurePosixPath

import numpy as np

from tlcore.data.folder import Report
from tlcore.data.own.archives import ZipFiles, is_zip
from tlcore.data.own.feature_tables import FeatureTable
from tlcore.data.own.features import open_features
from tlcore.data.own.files import ARCHIVES, Files
from tlcore.data.own.folders import FolderFiles
from tlcore.data.own.layout import OTHER_FILES
from tlcore.data.own.library import import_pictures, keep, require_space
from tlcore.data.own.limits import FEWEST_OF_A_CLASS
from tlcore.data.own.manifest import PART_NAMES, Manifest
from tlcore.data.own.matlab import FEATURES, SPLITS, find_pair, read_xlsa17
from tlcore.data.own.number_tables import holds_features, read_number_table
from tlcore.data.own.places import checked_name, shown, suggested_name
from tlcore.data.own.preview import Preview, preview_pictures, suggested_split
from tlcore.data.own.tables import find_table, header_of
from tlcore.errors import InvalidRequest

TABLES = (".csv", ".tsv")
WEIGHTS = (".pth", ".pt", ".ckpt", ".safetensors", ".onnx", ".h5", ".keras")
PICTURES = (".jpg", ".jpeg", ".png", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".avif", ".tga", ".svg")
ALONE = (*ARCHIVES, ".npz", ".parquet")


def open_source(path: Path, title: str = "") -> Files | FeatureTable:
    """What lies at `path`, whose real path has been permitted before. title: what the person called it.

    Raises InvalidRequest where it is nothing that can be imported.
    """
    title = title or path.name
    try:
        if path.is_dir():
            return _of_folder(path, title)
        if path.suffix.lower() in WEIGHTS:  # before what is inside: torch writes zips
            raise InvalidRequest(
                f"{shown(title)} holds a network, not data: whoever runs this lab adds weights with "
                "“python -m tlcore data add PATH --name N”."
            )
        features = open_features(path, title)
        if features is not None:
            return features
        if is_zip(path):
            return _of_zip(path, title)
        empty = path.stat().st_size == 0
    except OSError as error:
        raise InvalidRequest(f"{shown(title)} cannot be read: {error.strerror or error}.") from None
    if empty:
        raise InvalidRequest(f"{shown(title)} is empty: it has zero bytes.")
    if path.suffix.lower() in TABLES:
        files = _beside(path, title)
        return read_number_table(files, path.name) if holds_features(header_of(files, path.name)) else files
    if path.suffix.lower() in PICTURES:
        raise InvalidRequest(
            f"{shown(title)} is a picture by itself: bring several of each of at least two classes, in a zip with one "
            "folder for each class, or together with a table."
        )
    raise InvalidRequest(
        f"{shown(title)} is nothing that can be imported: bring a folder or a zip of pictures, a table (CSV) together "
        "with its pictures, or features as NPZ, Parquet, CSV, or res101.mat with att_splits.mat."
    )


def _of_folder(path: Path, title: str) -> Files | FeatureTable:
    """A folder of pictures or of features; files that were uploaded together are one too."""
    features = open_features(path, title)
    if features is not None:
        return features
    files = FolderFiles(path, title)
    if files.folders or find_table(files):
        return _numbers_in(files) or files
    if any(name.lower().endswith(".mat") for name in files.names):
        features_file, splits = find_pair(path, title)
        return read_xlsa17(features_file, title, splits)
    alone = next((name for name in files.names if name.lower().endswith(ALONE)), None)
    if alone and len(files.names) > 1:
        raise InvalidRequest(f"{shown(alone)} is brought by itself: leave out what was chosen with it.")
    return files


def _of_zip(path: Path, title: str) -> Files | FeatureTable:
    """The members of a zip, or the features in it. Only the two files of the zero-shot layout are ever unpacked."""
    files = ZipFiles(path, title)
    try:
        features = _numbers_in(files)
        matlab = [name for name in files.names if name.lower().endswith(".mat")]
        if features is None and matlab and not _may_be_pictures(files):
            features = _unpacked(files, matlab)
    except BaseException:
        files.close()
        raise
    if features is not None:
        files.close()
    return features or files


def _unpacked(files: Files, matlab: list[str]) -> FeatureTable:
    """The features of MATLAB files in a zip, from copies that are gone when nobody needs them any more."""
    places = [PurePosixPath(name).parent for name in matlab if PurePosixPath(name).name == FEATURES]
    pairs = [place for place in places if str(place / SPLITS) in matlab]
    if len(pairs) > 1:
        where = ", ".join(shown(str(place), 40) for place in pairs[:3])
        raise InvalidRequest(f"{shown(files.title)} has several data sets ({where}): put one into a zip of its own.")
    if pairs:
        matlab = [str(pairs[0] / FEATURES), str(pairs[0] / SPLITS)]
    elif len(matlab) > 2:
        raise InvalidRequest(
            f"{shown(files.title)} has {len(matlab):,} MATLAB files: put {FEATURES} and {SPLITS} alone into it."
        )
    folder = Path(tempfile.mkdtemp(prefix="tlcore-unpacked-"))
    try:
        for number, name in enumerate(matlab):
            inner = PurePosixPath(name).name
            copy = folder / (inner if inner in (FEATURES, SPLITS) else f"{number}.mat")
            with files.open(name) as source, copy.open("wb") as target:
                shutil.copyfileobj(source, target)
        features, splits = find_pair(folder, files.title)
        table = read_xlsa17(features, files.title, splits)
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise InvalidRequest(f"The archive {shown(files.title)} is damaged: {error}.") from None
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    weakref.finalize(table, shutil.rmtree, folder, ignore_errors=True)
    return table


def _numbers_in(files: Files) -> FeatureTable | None:
    """The features of the only table at the top, if it names no files and nothing beside it may be a picture."""
    tables = [name for name in files.names if "/" not in name and name.lower().endswith(TABLES)]
    if len(tables) != 1 or _may_be_pictures(files) or not holds_features(header_of(files, tables[0])):
        return None
    return read_number_table(files, tables[0])


def _may_be_pictures(files: Files) -> bool:
    return any(not name.lower().endswith(OTHER_FILES) for name in files.names)


def _beside(table: Path, title: str) -> Files:
    """The folder of a table, with this table as the only one at its top."""
    files = FolderFiles(table.parent, title)
    others = {name for name in files.names if "/" not in name and name.lower().endswith(TABLES)}
    files.names = tuple(name for name in files.names if name == table.name or name not in others)
    return files


def preview(path: Path, title: str = "", *, report: Report | None = None) -> Preview:
    """What would be imported from `path`. Raises InvalidRequest."""
    source = open_source(path, title)
    if isinstance(source, FeatureTable):
        return preview_features(source)
    with source:
        return preview_pictures(source, report=report)


def import_source(
    path: Path, name: str, title: str = "", *, side: int, replace: bool = False, report: Report | None = None
) -> Manifest:
    """Import what lies at `path` as the own data set `name`. Raises InvalidRequest, OutOfSpace."""
    checked_name(name)
    source = open_source(path, title)
    if isinstance(source, FeatureTable):
        return import_features(source, path, name, replace=replace, report=report)
    with source:
        return import_pictures(source, name, side=side, replace=replace, report=report)


def preview_features(table: FeatureTable) -> Preview:
    """What a table of features holds, its numbers not yet read."""
    parts = table.parts or ("",) * table.count
    domain_of = table.domain_of or (0,) * table.count
    tally = Counter(zip(domain_of, table.labels, parts, strict=True))
    counts = [
        {"domain": table.domains[domain], "class": table.classes[label], "part": part, "count": count}
        for (domain, label, part), count in sorted(tally.items())
    ]
    problem = _problem(table)
    return Preview(
        kind="features",
        title=shown(table.title),
        suggested_name=suggested_name(table.title.rsplit(".", 1)[0]),
        examples=table.count,
        looked_at=table.count,
        classes=list(table.classes),
        domains=list(table.domains),
        counts=counts,
        split=suggested_split(set(parts)),
        notes=[f"{table.count:,} examples of {table.width:,} features.", *table.notes],
        problems=[problem] if problem else [],
    )


def _problem(table: FeatureTable) -> str:
    tally = np.bincount(table.labels, minlength=len(table.classes))
    fewest = int(tally.argmin())
    if tally[fewest] >= FEWEST_OF_A_CLASS:
        return ""
    count = ("no example", "only one example", f"only {tally[fewest]} examples")[min(int(tally[fewest]), 2)]
    return (
        f"The class “{shown(table.classes[fewest])}” has {count} and needs at least {FEWEST_OF_A_CLASS}: to learn "
        "from, to choose by and to report on."
    )


def import_features(
    table: FeatureTable, path: Path, name: str, *, replace: bool = False, report: Report | None = None
) -> Manifest:
    """Keep features as float32 under `name`. Raises InvalidRequest also for numbers that are not finite."""
    problem = _problem(table)
    if problem:
        raise InvalidRequest(problem)
    request = hashlib.sha256(f"features {_stamps(path)}".encode()).hexdigest()[:32]

    def build(folder: Path) -> Manifest:
        require_space(folder, table.count * table.width * 4)
        array, digest, seen = folder / "features.npy", hashlib.sha256(), 0

        def sink(rows: np.ndarray) -> None:
            nonlocal seen
            if not np.isfinite(rows).all():
                wrong = seen + int(np.flatnonzero(~np.isfinite(rows).all(axis=1))[0])
                raise InvalidRequest(f"Row {wrong:,} (from 0) of {shown(table.title)} has numbers that are not finite.")
            content = np.ascontiguousarray(rows, dtype="<f4").data.cast("B")
            digest.update(content)
            file.write(content)
            seen += len(rows)
            if report:
                report("Reading features", min(1.0, seen / table.count))

        with array.open("wb") as file:
            shape = (table.count, table.width)
            np.lib.format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": shape})
            table.read(sink)
        kept = array.rename(folder / f"features-{digest.hexdigest()[:16]}.npy")
        everything = tuple(range(table.count))
        return Manifest(
            kind="features",
            title=shown(table.title),
            width=table.width,
            total=table.count,
            array=kept.name,
            request=request,
            classes=table.classes,
            domains=table.domains,
            labels=table.labels,
            domain_of=table.domain_of or (0,) * table.count,
            parts=tuple(PART_NAMES.index(part) for part in table.parts) or (0,) * table.count,
            identities=everything,
            rows=everything,
            partitions=table.partitions,
            attributes_of_classes=table.attributes_of_classes,
            described_by=table.described_by,
            notes=table.notes,
            attributes=table.attributes,
        )

    return keep(name, request, build, replace=replace, report=report)


def _stamps(path: Path) -> str:
    """Sizes and times of a file of features, or of all that lie in its folder."""
    files = [path, *path.parent.glob("*.mat")] if path.is_file() else list(path.glob("*.mat"))
    stamps = {str(file): file.stat() for file in files if file.suffix == ".mat" or file == path}
    return " ".join(f"{name} {one.st_size} {one.st_mtime_ns}" for name, one in sorted(stamps.items()))
