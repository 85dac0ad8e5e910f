"""Features that somebody has computed: NPZ and Parquet. Sizes are read first, and no size is believed."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np

from tlcore.data.own.archives import ZipFiles, require_few_members
from tlcore.data.own.feature_tables import FeatureTable, Sink, assemble, require_shape
from tlcore.data.own.files import Files
from tlcore.data.own.limits import LONGEST_NAME, MOST_EXAMPLES, MOST_FEATURES
from tlcore.data.own.places import shown
from tlcore.errors import InvalidRequest

FEATURES = ("x", "features", "data", "embeddings")
LABELS = ("y", "labels", "label", "target", "targets", "class")
DOMAINS = ("domain", "domains")
PARTS_COLUMN = ("split", "part")
CLASS_NAMES = ("class_names", "classes")
LARGEST_HEADER = 10_000
BLOCK_BYTES = 16 * 2**20


def open_features(path: Path, title: str = "") -> FeatureTable | None:
    """The features in a file, by its content; None if it holds none.

    Raises InvalidRequest where it should hold features but cannot be used.
    """
    title = title or path.name
    if path.is_dir():
        if not (path / "res101.mat").is_file():
            return None
        path = path / "res101.mat"
    with path.open("rb") as file:
        head = file.read(128)
    if head.startswith(b"PAR1"):
        return read_parquet(path, title)
    if head.startswith(b"MATLAB ") or head.startswith(b"\x89HDF"):
        from tlcore.data.own.matlab import read_xlsa17

        return read_xlsa17(path, title)
    if head.startswith(b"PK\x03\x04") and _is_npz(path, title):
        return read_npz(path, title)
    return None


def _is_npz(path: Path, title: str) -> bool:
    try:
        require_few_members(path, title)
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError):
        return False
    return bool(names) and all(name.endswith(".npy") for name in names)


def read_npz(path: Path, title: str) -> FeatureTable:
    """NumPy's archive with X or features (N, D), y or labels (N,), and if need be domain, split and class_names.

    Raises InvalidRequest.
    """
    with ZipFiles(path, title) as files:
        members = {name.removesuffix(".npy").casefold(): name for name in files.names}
        feature_name = _named(members, FEATURES, title, "features (X or features)")
        label_name = _named(members, LABELS, title, "labels (y or labels)")
        with files.open(feature_name) as file:
            shape, _, dtype = _header(file, files.size(feature_name), title, feature_name)
        count, width = require_shape(shape, dtype, title)
        small = {key: _small(files, members, names, title) for key, names in (
            ("domain", DOMAINS), ("part", PARTS_COLUMN), ("classes", CLASS_NAMES))}  # fmt: skip
        labels = _array(files, label_name, title)

    def read(sink: Sink) -> None:
        with ZipFiles(path, title) as files, files.open(feature_name) as file:
            again, fortran, kind = _header(file, files.size(feature_name), title, feature_name)
            if again != shape:
                raise InvalidRequest(f"{shown(title)} has changed while it was read.")
            _stream(file, count, width, kind, fortran, sink)

    return assemble(title, count, width, read, labels, small["domain"], small["part"], small["classes"])


def _named(members: dict[str, str], names: Sequence[str], title: str, what: str) -> str:
    for name in names:
        if name in members:
            return members[name]
    there = ", ".join(shown(name, 30) for name in list(members)[:8])
    raise InvalidRequest(f"{shown(title)} has no {what}; it has {there or 'nothing'}.")


def _header(file: IO[bytes], size: int, title: str, name: str) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, order and type of an array, if they agree with the number of its bytes."""
    try:
        version = np.lib.format.read_magic(file)
        reader = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran, dtype = reader(file, max_header_size=LARGEST_HEADER)
    except Exception:  # whatever the reader of headers meets in bytes that are none
        raise InvalidRequest(f"{shown(name)} in {shown(title)} is not an array of NumPy.") from None
    if dtype.hasobject:
        raise InvalidRequest(f"{shown(name)} in {shown(title)} holds Python objects, which are never loaded.")
    values = 1
    for length in shape:
        values *= int(length)
    if values * dtype.itemsize > size or any(length < 0 for length in shape):
        raise InvalidRequest(
            f"{shown(name)} in {shown(title)} says it has {values:,} values but is too short for them."
        )
    return tuple(int(length) for length in shape), bool(fortran), dtype


def _array(files: Files, name: str, title: str) -> np.ndarray:
    """A one-dimensional array of at most as many values as examples are allowed."""
    with files.open(name) as file:
        shape, _, dtype = _header(file, files.size(name), title, name)
        if len([length for length in shape if length != 1]) > 1 or int(np.prod(shape, dtype=np.int64)) > MOST_EXAMPLES:
            raise InvalidRequest(f"{shown(name)} in {shown(title)} must have one value for each example, not {shape}.")
        if dtype.itemsize > 4 * LONGEST_NAME * 4:
            raise InvalidRequest(f"{shown(name)} in {shown(title)} has texts that are too long.")
        wanted = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
        return np.frombuffer(_exactly(file, wanted, title), dtype=dtype)


def _small(files: Files, members: dict[str, str], names: Sequence[str], title: str) -> np.ndarray | None:
    found = next((members[name] for name in names if name in members), None)
    return None if found is None else _array(files, found, title)


def _exactly(file: IO[bytes], wanted: int, title: str) -> bytes:
    try:
        content = file.read(wanted)
    except Exception as error:  # zlib.error, BadZipFile, EOFError: damage shows in many ways
        raise InvalidRequest(f"{shown(title)} is damaged: {error}.") from None
    if len(content) != wanted:
        raise InvalidRequest(f"{shown(title)} is damaged: it ends too early.")
    return content


def _stream(file: IO[bytes], count: int, width: int, dtype: np.dtype[Any], fortran: bool, sink: Sink) -> None:
    if fortran:  # columns first: there is no reading it row by row
        array = np.frombuffer(_exactly(file, count * width * dtype.itemsize, "features"), dtype=dtype)
        array = array.reshape((count, width), order="F")
        for start in range(0, count, 4096):
            sink(array[start : start + 4096].astype(np.float32))
        return
    rows = max(1, BLOCK_BYTES // (width * dtype.itemsize))
    for start in range(0, count, rows):
        length = min(rows, count - start)
        content = _exactly(file, length * width * dtype.itemsize, "features")
        sink(np.frombuffer(content, dtype=dtype).reshape(length, width).astype(np.float32))


def read_parquet(path: Path, title: str) -> FeatureTable:
    """A table with a label column, if need be domain and split columns; every other numeric column is a feature.

    Raises InvalidRequest.
    """
    import pyarrow
    import pyarrow.parquet

    try:
        table = pyarrow.parquet.ParquetFile(path, memory_map=True)
        schema, count = table.schema_arrow, table.metadata.num_rows
        columns = {name.casefold(): name for name in schema.names}
        if len(columns) < len(schema.names) or len(schema.names) > MOST_FEATURES:
            raise InvalidRequest(f"{shown(title)} has two columns of one name, or more than {MOST_FEATURES:,}.")
        label = _named(columns, LABELS, title, "label column (label, y, target or class)")
        domain, part = (next((columns[n] for n in names if n in columns), None) for names in (DOMAINS, PARTS_COLUMN))
        numeric = [
            one.name for one in schema
            if one.name not in (label, domain, part)
            and (pyarrow.types.is_integer(one.type) or pyarrow.types.is_floating(one.type))
        ]  # fmt: skip
        require_shape((count, len(numeric)), np.dtype(np.float32), title)
        values = {
            name: _parquet_column(table, name, count, title) for name in (label, domain, part) if name is not None
        }
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        reason = shown(str(error).strip().removesuffix("."))
        raise InvalidRequest(f"{shown(title)} cannot be read as Parquet: {reason}.") from None

    def read(sink: Sink) -> None:
        seen = 0
        try:
            rows = max(1, BLOCK_BYTES // (4 * len(numeric)))
            for batch in table.iter_batches(batch_size=min(rows, 65_536), columns=numeric, use_threads=False):
                seen += batch.num_rows
                if seen > count:
                    break
                columns = [np.asarray(column.to_numpy(zero_copy_only=False)) for column in batch.columns]
                sink(np.stack([column.astype(np.float32) for column in columns], axis=1))
        except (pyarrow.ArrowException, OSError, ValueError) as error:
            raise InvalidRequest(f"{shown(title)} is damaged: {shown(str(error))}.") from None
        if seen != count:
            raise InvalidRequest(f"{shown(title)} does not have the {count:,} rows it says.")

    domains, parts = (None if name is None else values[name] for name in (domain, part))
    return assemble(title, count, len(numeric), read, values[label], domains, parts, None)


def _parquet_column(table: Any, name: str, count: int, title: str) -> np.ndarray:
    found: list[Any] = []
    for batch in table.iter_batches(batch_size=65_536, columns=[name], use_threads=False):
        found += batch.column(0).to_pylist()
        if len(found) > count:
            break
    if len(found) != count or any(value is None for value in found):
        raise InvalidRequest(f"The column {shown(name)} of {shown(title)} does not have a value in every row.")
    return np.asarray([value if isinstance(value, int | float) else str(value)[:500] for value in found])
