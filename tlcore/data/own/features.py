"""Features that somebody has computed: NPZ and Parquet. Sizes are read first, and no size is believed."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np

from tlcore.data.own.archives import ZipFiles, require_few_members
from tlcore.data.own.files import Files
from tlcore.data.own.layout import PARTS, composed
from tlcore.data.own.limits import LONGEST_NAME, MOST_CLASSES, MOST_EXAMPLES, MOST_FEATURES, MOST_VALUES
from tlcore.data.own.places import shown
from tlcore.errors import InvalidRequest

FEATURES = ("x", "features", "data", "embeddings")
LABELS = ("y", "labels", "label", "targets", "class")
DOMAINS = ("domain", "domains")
PARTS_COLUMN = ("split", "part")
CLASS_NAMES = ("class_names", "classes")
LARGEST_HEADER = 10_000
BLOCK_BYTES = 16 * 2**20
Sink = Callable[[np.ndarray], None]


@dataclass(frozen=True)
class FeatureTable:
    """Features as found, their numbers not yet read.

    labels: for each of `count` examples the position of its class in `classes`; domain_of and parts likewise, empty
    where nothing is said. read: hands the rows to a sink, block by block, (n, width) float32.
    """

    title: str
    count: int
    width: int
    classes: tuple[str, ...]
    labels: tuple[int, ...]
    read: Callable[[Sink], None]
    domains: tuple[str, ...] = ("",)
    domain_of: tuple[int, ...] = ()
    parts: tuple[str, ...] = ()
    partitions: dict[str, list[int]] = field(default_factory=dict)
    attributes_of_classes: list[list[float]] = field(default_factory=list)
    notes: tuple[str, ...] = ()


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
        raise InvalidRequest(f"{shown(title)} cannot be read as Parquet: {shown(str(error))}.") from None

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


def require_shape(shape: Sequence[int], dtype: np.dtype[Any], title: str) -> tuple[int, int]:
    """Examples and features, if they are as many as can be used. Raises InvalidRequest."""
    if len(shape) != 2 or dtype.kind not in "fiub":
        raise InvalidRequest(f"The features of {shown(title)} must be numbers, one row an example, not {tuple(shape)}.")
    count, width = shape
    if count < 2 or width < 1:
        raise InvalidRequest(f"{shown(title)} has {count:,} examples of {width:,} features: too few to learn from.")
    if count > MOST_EXAMPLES or width > MOST_FEATURES or count * width > MOST_VALUES:
        raise InvalidRequest(
            f"{shown(title)} has {count:,} examples of {width:,} features; at most {MOST_EXAMPLES:,} examples, "
            f"{MOST_FEATURES:,} features and {MOST_VALUES:,} numbers are read."
        )
    return count, width


def assemble(
    title: str,
    count: int,
    width: int,
    read: Callable[[Sink], None],
    labels: np.ndarray,
    domains: np.ndarray | None,
    parts: np.ndarray | None,
    class_names: np.ndarray | None,
) -> FeatureTable:
    """Check that everything has a value for each example; number classes and domains. Raises InvalidRequest."""
    given = (("labels", labels), ("domains", domains), ("splits", parts))
    for what, values in given:
        if values is not None and len(values) != count:
            raise InvalidRequest(f"{shown(title)} has {len(values):,} {what} for {count:,} examples.")
    if class_names is not None:
        names = tuple(composed(text) for text in _texts(class_names))
        numbers = _whole_numbers(labels, title)
        if len(numbers) and (numbers.min() < 0 or numbers.max() >= len(names)):
            raise InvalidRequest(
                f"{shown(title)} has labels from {numbers.min()} to {numbers.max()} for {len(names)} class names; they "
                "must be 0 and up, one for each name."
            )
        classes, label_of = names, tuple(numbers.tolist())
    else:
        classes, label_of = numbered(labels)
    if len(set(classes)) < 2 or len(set(label_of)) < 2:
        raise InvalidRequest(f"{shown(title)} has only one class: there must be at least two to tell apart.")
    if len(set(classes)) < len(classes) or len(classes) > MOST_CLASSES:
        raise InvalidRequest(f"{shown(title)} has two classes of one name, or more than {MOST_CLASSES:,}.")
    if any(len(name) > LONGEST_NAME or not name.isprintable() or not name for name in classes):
        raise InvalidRequest(f"{shown(title)} has a class with a name that cannot be shown.")
    domain_names, domain_of = numbered(domains) if domains is not None else (("",), (0,) * count)
    part_of: tuple[str, ...] = ()
    if parts is not None:
        texts = [text.strip().lower() for text in _texts(parts)]
        wrong = next((text for text in texts if text not in PARTS), None)
        if wrong is not None:
            raise InvalidRequest(f"{shown(title)} has the split “{shown(wrong, 40)}” instead of train, val or test.")
        part_of = tuple(PARTS[text] for text in texts)
    return FeatureTable(title, count, width, classes, label_of, read, domain_names, domain_of, part_of)


def numbered(values: np.ndarray) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """The different values as names, numbers in their own order, and for each value the position of its name."""
    if values.dtype.kind == "f" and np.isfinite(values).all() and (values == values.round()).all():
        values = values.astype(np.int64)
    different, positions = np.unique(values, return_inverse=True)
    return tuple(composed(text) for text in _texts(different)), tuple(positions.ravel().tolist())


def _whole_numbers(values: np.ndarray, title: str) -> np.ndarray:
    if values.dtype.kind not in "iufb" or (values != values.astype(np.int64)).any():
        raise InvalidRequest(f"{shown(title)} has class names, so its labels must be whole numbers.")
    return values.astype(np.int64)


def _texts(values: np.ndarray) -> list[str]:
    return [
        value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
        for value in values.ravel().tolist()
    ]
