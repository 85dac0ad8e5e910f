"""Tiny data sets in torchvision's own layout, with the formats of the real ones."""

from __future__ import annotations

import bz2
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.io import savemat


def write_idx(path: Path, array: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    header = struct.pack(">BBBB", 0, 0, 8, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape)
    path.write_bytes(header + array.astype(np.uint8).tobytes())


def picture(value: int, size: tuple[int, int] = (40, 30)) -> Image.Image:
    return Image.new("RGB", size, (value % 256, 100, 50))


def save(path: Path, value: int, mode: str = "RGB") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    picture(value).convert(mode).save(path)


def usps(folder: Path, train: int = 60, test: int = 20) -> None:
    random = np.random.default_rng(0)
    for file, count in (("usps.bz2", train), ("usps.t.bz2", test)):
        lines = []
        for index in range(count):
            values = random.uniform(-1, 1, 256)
            cells = " ".join(f"{place + 1}:{value:.4f}" for place, value in enumerate(values))
            lines.append(f"{index % 10 + 1} {cells} ")
        (folder / file).write_bytes(bz2.compress(("\n".join(lines) + "\n").encode()))


def svhn(folder: Path) -> None:
    random = np.random.default_rng(0)
    for file, count in (("train_32x32.mat", 60), ("test_32x32.mat", 20)):
        labels = (np.arange(count) % 10 + 1).astype(np.uint8)[:, None]  # 10 stands for the digit 0
        savemat(folder / file, {"X": random.integers(0, 256, (32, 32, 3, count), dtype=np.uint8), "y": labels})


def mnist_like(
    place: str, prefix: tuple[str, str] = ("train-", "t10k-"), first: int = 0, classes: int = 10
) -> Callable:
    def build(folder: Path) -> None:
        random = np.random.default_rng(0)
        for start, count in zip(prefix, (6 * classes, 2 * classes), strict=True):
            write_idx(folder / place / f"{start}images-idx3-ubyte", random.integers(0, 256, (count, 28, 28)))
            write_idx(folder / place / f"{start}labels-idx1-ubyte", np.arange(count) % classes + first)

    return build


def emnist(split: str, first: int, classes: int) -> Callable:
    return mnist_like("EMNIST/raw", (f"emnist-{split}-train-", f"emnist-{split}-test-"), first, classes)


def python2_pickle(array: np.ndarray, key: str, labels: list[int]) -> bytes:
    """Operation by operation what Python 2 wrote for CIFAR: a dictionary with an array and a list."""

    def text(value: bytes) -> bytes:
        return b"U" + bytes([len(value)]) + value

    raw = array.tobytes()
    shape = b"".join(b"J" + struct.pack("<i", size) for size in array.shape)
    made = b"cnumpy.core.multiarray\n_reconstruct\nq\x02(cnumpy\nndarray\nK\x00\x85" + text(b"b") + b"tR"
    dtype = (
        b"cnumpy\ndtype\n("
        + text(b"u1")
        + b"K\x00K\x01tR(K\x03"
        + text(b"|")
        + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    )
    state = b"(K\x01(" + shape + b"t" + dtype + b"\x89T" + struct.pack("<i", len(raw)) + raw + b"tb"
    numbers = b"](" + b"".join(b"K" + bytes([label]) for label in labels) + b"e"
    return (
        b"\x80\x02}q\x01("
        + text(b"batch_label")
        + text(b"one")
        + text(b"data")
        + made
        + state
        + text(key.encode())
        + numbers
        + b"u."
    )


def cifar_batch(path: Path, count: int, key: str, classes: int, seed: int = 0) -> np.ndarray:
    array = np.random.default_rng(seed).integers(0, 256, (count, 3072), dtype=np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(python2_pickle(array, key, [index % classes for index in range(count)]))
    return array


def cifar10(folder: Path) -> None:
    for number in range(1, 6):
        cifar_batch(folder / "cifar-10-batches-py" / f"data_batch_{number}", 20, "labels", 10, number)
    cifar_batch(folder / "cifar-10-batches-py" / "test_batch", 20, "labels", 10, 9)


def cifar100(folder: Path) -> None:
    cifar_batch(folder / "cifar-100-python" / "train", 200, "fine_labels", 100, 1)
    cifar_batch(folder / "cifar-100-python" / "test", 100, "fine_labels", 100, 2)


def stl10(folder: Path) -> None:
    place = folder / "stl10_binary"
    place.mkdir()
    random = np.random.default_rng(0)
    for part, count in (("train", 40), ("test", 20)):
        random.integers(0, 256, (count, 3, 96, 96), dtype=np.uint8).tofile(place / f"{part}_X.bin")
        (np.arange(count) % 10 + 1).astype(np.uint8).tofile(place / f"{part}_y.bin")


def gtsrb(folder: Path) -> None:
    base = folder / "gtsrb"
    for label in range(43):
        for number in range(3):
            save(base / "GTSRB" / "Training" / f"{label:05d}" / f"{number:05d}.ppm", 5 * label)
    rows = ["Filename;Width;Height;Roi.X1;Roi.Y1;Roi.X2;Roi.Y2;ClassId"]
    for number in range(43):
        save(base / "GTSRB" / "Final_Test" / "Images" / f"{number:05d}.ppm", 5 * number)
        rows.append(f"{number:05d}.ppm;40;30;1;1;39;29;{number}")
    (base / "GT-final_test.csv").write_text("\n".join(rows) + "\n")


def omniglot(folder: Path) -> None:
    for alphabet in ("Greek", "Latin"):
        for character in ("character01", "character02"):
            for number in range(20):
                place = folder / "omniglot-py" / "images_background" / alphabet / character
                save(place / f"0001_{number:02d}.png", 9 * number, "1")


def flowers102(folder: Path) -> None:
    base = folder / "flowers-102"
    for number in range(1, 409):
        save(base / "jpg" / f"image_{number:05d}.jpg", number)
    savemat(base / "imagelabels.mat", {"labels": (np.arange(408) % 102 + 1)[None]})
    numbers = np.arange(1, 409)[None]
    savemat(base / "setid.mat", {"trnid": numbers[:, :102], "valid": numbers[:, 102:204], "tstid": numbers[:, 204:]})


def pets(folder: Path) -> None:
    base = folder / "oxford-iiit-pet"
    for file, first in (("trainval.txt", 1), ("test.txt", 21)):
        rows = []
        for label, name in enumerate(("Abyssinian", "american_bulldog"), 1):
            for number in range(first, first + 10):
                save(base / "images" / f"{name}_{number}.jpg", number)
                rows.append(f"{name}_{number} {label} 1 1")
        path = base / "annotations" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(rows) + "\n")


def dtd(folder: Path) -> None:
    base = folder / "dtd" / "dtd"
    for part in ("train1", "val1", "test1"):
        rows = []
        for name in ("banded", "zigzagged"):
            for number in range(5):
                save(base / "images" / name / f"{name}_{part}{number}.jpg", number)
                rows.append(f"{name}/{name}_{part}{number}.jpg")
        path = base / "labels" / f"{part}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(rows) + "\n")


def eurosat(folder: Path) -> None:
    from tlcore.catalogue import ENTRIES

    for label, name in enumerate(ENTRIES["eurosat"].class_names):
        for number in range(10):
            save(folder / "eurosat" / "2750" / name / f"{name}_{number}.jpg", 20 * label)


def celeba(folder: Path) -> None:
    base = folder / "celeba"
    rows, parts = ["30", "Bald Smiling Young"], []
    for number in range(1, 31):
        save(base / "img_align_celeba" / f"{number:06d}.jpg", number)
        rows.append(f"{number:06d}.jpg -1 {1 if number % 2 else -1} {1 if number % 3 else -1}")
        parts.append(f"{number:06d}.jpg {0 if number <= 15 else 1 if number <= 20 else 2}")
    (base / "list_attr_celeba.txt").write_text("\n".join(rows) + "\n")
    (base / "list_eval_partition.txt").write_text("\n".join(parts) + "\n")


BUILDERS: dict[str, Callable[[Path], None]] = {
    "usps": usps,
    "svhn": svhn,
    "fashion-mnist": mnist_like("FashionMNIST/raw"),
    "kmnist": mnist_like("KMNIST/raw"),
    "emnist-letters": emnist("letters", 1, 26),
    "emnist-balanced": emnist("balanced", 0, 47),
    "emnist-digits": emnist("digits", 0, 10),
    "omniglot": omniglot,
    "cifar10": cifar10,
    "cifar100": cifar100,
    "stl10": stl10,
    "gtsrb": gtsrb,
    "flowers102": flowers102,
    "pets": pets,
    "dtd": dtd,
    "eurosat": eurosat,
    "celeba": celeba,
}
