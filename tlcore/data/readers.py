"""The files of each published data set, in torchvision's layout, as pictures and labels."""

from __future__ import annotations

import bz2
import csv
import gzip
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tlcore.catalogue import ENTRIES
from tlcore.data.inert_pickle import bytes_of_array, read_inert
from tlcore.errors import MissingData

LARGEST_FILE = 3_000_000_000


@dataclass(frozen=True)
class Part:
    """One published part. pictures: (N, C, H, W) uint8, or the paths of N files. labels: (N,) int64.

    attributes: (N, A) uint8, or None.
    """

    pictures: np.ndarray | Sequence[Path]
    labels: np.ndarray
    attributes: np.ndarray | None = None


@dataclass(frozen=True)
class Published:
    """What was read: the part to learn from, the part to test on if one is published, and the names."""

    train: Part
    test: Part | None
    class_names: tuple[str, ...]
    attribute_names: tuple[str, ...] = ()


def read_published(name: str, folder: Path) -> Published:
    """The set `name` of the catalogue from the data folder. Raises MissingData, naming the file at fault."""
    try:
        found = READERS[name](folder)
    except MissingData:
        raise
    except Exception as error:  # each format's reader meets damage with exceptions of its own
        where = getattr(error, "filename", None) or folder / ENTRIES[name].files[0].split("/")[0]
        raise MissingData(
            f"{ENTRIES[name].title} cannot be read ({error}): delete {where} to have it downloaded again."
        ) from error
    for part in (found.train, found.test):
        if part is None:
            continue
        if not len(part.pictures) or len(part.pictures) != len(part.labels):
            raise MissingData(
                f"{ENTRIES[name].title} in {folder} has {len(part.labels):,} labels for {len(part.pictures):,} "
                "pictures."
            )
        if part.labels.min() < 0 or part.labels.max() >= len(found.class_names):
            raise MissingData(f"{ENTRIES[name].title} in {folder} has labels that are none of its classes.")
    return found


def _known(name: str, train: Part, test: Part | None = None) -> Published:
    return Published(train, test, ENTRIES[name].class_names)


def _usps(folder: Path) -> Published:
    def part(file: str) -> Part:
        with bz2.open(folder / file, "rt", encoding="ascii") as lines:
            rows = [line.split() for line in lines]
        labels = np.array([int(float(row[0])) - 1 for row in rows], dtype=np.int64)
        values = np.zeros((len(rows), 256), dtype=np.float32)
        for row, target in zip(rows, values, strict=True):
            cells = [cell.partition(":") for cell in row[1:]]
            target[[int(place) - 1 for place, _, _ in cells]] = [float(value) for _, _, value in cells]
        pictures = np.clip((values + 1) / 2 * 255, 0, 255).astype(np.uint8)  # as torchvision rounds: towards zero
        return Part(pictures.reshape(-1, 1, 16, 16), labels)

    return _known("usps", part("usps.bz2"), part("usps.t.bz2"))


def _svhn(folder: Path) -> Published:
    from scipy.io import loadmat

    def part(file: str) -> Part:
        content = loadmat(folder / file, variable_names=("X", "y"))
        labels = content["y"].astype(np.int64).squeeze(1) % 10  # the digit 0 has the label 10
        return Part(np.ascontiguousarray(content["X"].transpose(3, 2, 0, 1)), labels)

    return _known("svhn", part("train_32x32.mat"), part("test_32x32.mat"))


def read_idx(path: Path, dimensions: int) -> np.ndarray:
    """The uint8 values of an idx file or of the same file gzipped. Raises ValueError, OSError."""
    packed = path.with_name(f"{path.name}.gz")
    with gzip.open(packed) if packed.is_file() and not path.is_file() else path.open("rb") as file:
        content = file.read(LARGEST_FILE)
    header = 4 + 4 * dimensions
    if len(content) < header or content[:4] != bytes((0, 0, 8, dimensions)):
        raise ValueError(f"{path.name} is not a file in MNIST's format")
    shape = tuple(int(size) for size in np.frombuffer(content, dtype=">u4", count=dimensions, offset=4))
    if len(content) - header != int(np.prod(shape, dtype=np.int64)):
        raise ValueError(f"{path.name} has {len(content):,} bytes, which does not fit its header")
    return np.frombuffer(content, dtype=np.uint8, offset=header).reshape(shape)


def _like_mnist(name: str, first_label: int = 0, transposed: bool = False) -> Callable[[Path], Published]:
    def read(folder: Path) -> Published:
        def part(images: str, labels: str) -> Part:
            pictures = read_idx(folder / images, 3)[:, None]
            if transposed:
                pictures = np.ascontiguousarray(pictures.transpose(0, 1, 3, 2))
            return Part(pictures, read_idx(folder / labels, 1).astype(np.int64) - first_label)

        files = ENTRIES[name].files
        return _known(name, part(*files[:2]), part(*files[2:]))

    return read


def _cifar(name: str, train: tuple[str, ...], test: str, key: str) -> Callable[[Path], Published]:
    def read(folder: Path) -> Published:
        def part(files: tuple[str, ...]) -> Part:
            batches = [read_inert(folder / file) for file in files]
            pictures = np.concatenate([bytes_of_array(batch["data"]).reshape(-1, 3, 32, 32) for batch in batches])
            return Part(pictures, np.array([label for batch in batches for label in batch[key]], dtype=np.int64))

        return _known(name, part(train), part((test,)))

    return read


def _stl10(folder: Path) -> Published:
    def part(name: str) -> Part:
        pictures = np.fromfile(folder / "stl10_binary" / f"{name}_X.bin", dtype=np.uint8).reshape(-1, 3, 96, 96)
        labels = np.fromfile(folder / "stl10_binary" / f"{name}_y.bin", dtype=np.uint8).astype(np.int64) - 1
        return Part(np.ascontiguousarray(pictures.transpose(0, 1, 3, 2)), labels)  # stored column by column

    return _known("stl10", part("train"), part("test"))


def _in_folders(root: Path, names: Sequence[str], suffix: str) -> Part:
    paths, labels = [], []
    for label, name in enumerate(names):
        found = sorted(path for path in (root / name).iterdir() if path.suffix.lower() == suffix)
        paths += found
        labels += [label] * len(found)
    return Part(paths, np.array(labels, dtype=np.int64))


def _gtsrb(folder: Path) -> Published:
    base = folder / "gtsrb"
    train = _in_folders(base / "GTSRB" / "Training", [f"{number:05d}" for number in range(43)], ".ppm")
    with (base / "GT-final_test.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter=";"))
    paths = [base / "GTSRB" / "Final_Test" / "Images" / Path(row["Filename"]).name for row in rows]
    return _known("gtsrb", train, Part(paths, np.array([int(row["ClassId"]) for row in rows], dtype=np.int64)))


def _omniglot(folder: Path) -> Published:
    root = folder / "omniglot-py" / "images_background"
    names = sorted(
        f"{alphabet.name}/{character.name}"
        for alphabet in root.iterdir()
        if alphabet.is_dir()
        for character in alphabet.iterdir()
        if character.is_dir()
    )
    return Published(_in_folders(root, names, ".png"), None, tuple(names))


def _flowers(folder: Path) -> Published:
    from scipy.io import loadmat

    base = folder / "flowers-102"
    labels = loadmat(base / "imagelabels.mat")["labels"].astype(np.int64).flatten() - 1
    sets: dict[str, Any] = loadmat(base / "setid.mat")

    def part(*keys: str) -> Part:
        numbers = np.concatenate([sets[key].flatten().astype(np.int64) for key in keys])
        return Part([base / "jpg" / f"image_{number:05d}.jpg" for number in numbers], labels[numbers - 1])

    return _known("flowers102", part("trnid", "valid"), part("tstid"))


def _pets(folder: Path) -> Published:
    base = folder / "oxford-iiit-pet"
    names: dict[int, str] = {}

    def part(file: str) -> Part:
        rows = [line.split() for line in (base / "annotations" / file).read_text(encoding="utf-8").splitlines() if line]
        for row in rows:
            names[int(row[1]) - 1] = row[0].rsplit("_", 1)[0].replace("_", " ")
        paths = [base / "images" / f"{Path(row[0]).name}.jpg" for row in rows]
        return Part(paths, np.array([int(row[1]) - 1 for row in rows], dtype=np.int64))

    train, test = part("trainval.txt"), part("test.txt")
    return Published(train, test, tuple(names[index] for index in range(len(names))))


def _dtd(folder: Path) -> Published:
    base = folder / "dtd" / "dtd"

    def lines(*files: str) -> list[str]:
        return [line for file in files for line in (base / "labels" / file).read_text().splitlines() if line]

    train, test = lines("train1.txt", "val1.txt"), lines("test1.txt")
    names = sorted({line.split("/")[0] for line in train})

    def part(rows: list[str]) -> Part:
        paths = [base / "images" / Path(row).parts[0] / Path(row).name for row in rows]
        return Part(paths, np.array([names.index(row.split("/")[0]) for row in rows], dtype=np.int64))

    return Published(part(train), part(test), tuple(names))


def _eurosat(folder: Path) -> Published:
    return _known("eurosat", _in_folders(folder / "eurosat" / "2750", ENTRIES["eurosat"].class_names, ".jpg"))


def _celeba(folder: Path) -> Published:
    base = folder / "celeba"
    lines = (base / "list_attr_celeba.txt").read_text(encoding="utf-8").splitlines()
    names, rows = tuple(lines[1].split()), [line.split() for line in lines[2:] if line]
    values = np.array([[value == "1" for value in row[1:]] for row in rows], dtype=np.uint8)
    parts = {row[0]: int(row[1]) for row in (line.split() for line in (base / "list_eval_partition.txt").open()) if row}

    def part(wanted: tuple[int, ...]) -> Part:
        chosen = [index for index, row in enumerate(rows) if parts[row[0]] in wanted]
        paths = [base / "img_align_celeba" / Path(rows[index][0]).name for index in chosen]
        return Part(paths, np.zeros(len(chosen), dtype=np.int64), values[chosen])

    return Published(part((0, 1)), part((2,)), ("no", "yes"), names)


READERS: dict[str, Callable[[Path], Published]] = {
    "usps": _usps,
    "svhn": _svhn,
    "fashion-mnist": _like_mnist("fashion-mnist"),
    "kmnist": _like_mnist("kmnist"),
    "emnist-letters": _like_mnist("emnist-letters", first_label=1, transposed=True),
    "emnist-balanced": _like_mnist("emnist-balanced", transposed=True),
    "emnist-digits": _like_mnist("emnist-digits", transposed=True),
    "omniglot": _omniglot,
    "cifar10": _cifar(
        "cifar10",
        tuple(f"cifar-10-batches-py/data_batch_{number}" for number in range(1, 6)),
        "cifar-10-batches-py/test_batch",
        "labels",
    ),
    "cifar100": _cifar("cifar100", ("cifar-100-python/train",), "cifar-100-python/test", "fine_labels"),
    "stl10": _stl10,
    "gtsrb": _gtsrb,
    "flowers102": _flowers,
    "pets": _pets,
    "dtd": _dtd,
    "eurosat": _eurosat,
    "celeba": _celeba,
}
