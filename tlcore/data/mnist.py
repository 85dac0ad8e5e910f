"""MNIST, read from the original files in torchvision's layout."""

from __future__ import annotations

import gzip
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from tlcore.data.dataset import Dataset, Domain, Provenance
from tlcore.data.download import LARGEST_MNIST_FILE, DownloadFailed, fetch_mnist
from tlcore.data.folder import VARIABLE, Report, data_folder
from tlcore.data.randomness import generator_for
from tlcore.data.splits import Parts, Share, balanced_head, split_originals
from tlcore.errors import MissingData
from tlcore.specs.data import Mnist, MnistM

SIDE = 28
ORIGIN = "MNIST"
CLASS_NAMES = tuple("0123456789")
VALIDATION_SHARE = 1 / 12  # 5,000 of the 60,000 training pictures
PROVENANCE = Provenance(
    title="MNIST handwritten digits (LeCun et al. 1998)",
    origin=ORIGIN,
    licence="CC BY-SA 3.0",
    url="http://yann.lecun.com/exdb/mnist/",
)
FILES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


@dataclass(frozen=True)
class MnistFiles:
    """Pictures (N, 28, 28) uint8 and labels (N,) int64 of the training files and the test files."""

    train_pictures: torch.Tensor
    train_labels: torch.Tensor
    test_pictures: torch.Tensor
    test_labels: torch.Tensor


def load_mnist(spec: Mnist, seed: int, share: Share, report: Report | None = None) -> Domain:
    """MNIST with its own test set as test: inputs (N, 3, 28, 28) uint8, three equal channels.

    Identities are positions in the training files, and 60,000 and up in the test files. Raises MissingData.
    """
    files = read_mnist(report)
    parts = mnist_parts(files, spec, seed, share)

    def part(indices: torch.Tensor, test: bool = False) -> Dataset:
        pictures = files.test_pictures if test else files.train_pictures
        inputs = pictures[indices].unsqueeze(1).repeat(1, 3, 1, 1)
        return mnist_dataset(inputs, files, indices, test, PROVENANCE)

    return Domain(part(parts.train), part(parts.validation), part(parts.test, test=True))


def mnist_dataset(
    inputs: torch.Tensor, files: MnistFiles, indices: torch.Tensor, test: bool, provenance: Provenance
) -> Dataset:
    """Inputs (N, 3, 28, 28) made from the pictures at `indices` (N,) of the training or the test files."""
    labels = (files.test_labels if test else files.train_labels)[indices]
    identities = indices + (len(files.train_labels) if test else 0)
    return Dataset(inputs, labels, identities, CLASS_NAMES, provenance)


def mnist_parts(files: MnistFiles, spec: Mnist | MnistM, seed: int, share: Share) -> Parts:
    """Positions in the training files to train and validate on, and in the test files to test on.

    `spec.limit` cuts the training part alone, and a smaller limit takes from what a larger one takes.
    """
    learning = split_originals(files.train_labels, share, "MNIST train", seed, validation=VALIDATION_SHARE, test=0.0)
    train = learning.train
    if spec.limit and spec.limit < len(train):
        shuffled = train[torch.randperm(len(train), generator=generator_for("limit", ORIGIN, seed))]
        train = shuffled[balanced_head(files.train_labels[shuffled], spec.limit)].sort().values
    test = split_originals(files.test_labels, share, "MNIST test", seed, validation=0.0, test=1.0).test
    return Parts(train, learning.validation, test)


def read_mnist(report: Report | None = None) -> MnistFiles:
    """The four files of the data folder, downloaded if they are not there. Raises MissingData."""
    folder = data_folder()
    missing = [name for name in FILES if _find(folder, name) is None]
    if missing:
        try:
            fetch_mnist(folder, missing, report)
        except (DownloadFailed, OSError) as error:
            raise MissingData(
                f"MNIST is not complete in {folder} (no MNIST/raw/{missing[0]}) and cannot be downloaded ({error}): "
                f"connect this machine to the internet, or put the four original files into MNIST/raw there, or name "
                f"a folder that has them in the environment variable {VARIABLE}."
            ) from error
    train_pictures, train_labels, test_pictures, test_labels = (_read(folder, name) for name in FILES)
    for pictures, labels, name in ((train_pictures, train_labels, FILES[1]), (test_pictures, test_labels, FILES[3])):
        if len(pictures) != len(labels):
            raise MissingData(f"{_find(folder, name)} has {len(labels):,} labels for {len(pictures):,} pictures.")
        if len(labels) and int(labels.max()) > 9:
            raise MissingData(f"{_find(folder, name)} has labels other than 0 to 9.")
    return MnistFiles(train_pictures, train_labels.long(), test_pictures, test_labels.long())


def _find(folder: Path, name: str) -> Path | None:
    for candidate in (folder / "MNIST" / "raw" / name, folder / "MNIST" / "raw" / f"{name}.gz"):
        if candidate.is_file():
            return candidate
    return None


def _read(folder: Path, name: str) -> torch.Tensor:
    """An idx file: four bytes that name type and dimensions, the sizes as 32-bit numbers, the values."""
    path = _find(folder, name)
    if path is None:
        raise MissingData(f"{folder / 'MNIST' / 'raw' / name} has disappeared.")
    dimensions = 3 if "images" in name else 1
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            content = file.read(LARGEST_MNIST_FILE + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise MissingData(f"{path} cannot be read ({error}): delete it to have it downloaded again.") from error
    header = 4 + 4 * dimensions
    if len(content) < header or content[:4] != bytes((0, 0, 8, dimensions)):
        raise MissingData(f"{path} is not a file of MNIST: delete it to have it downloaded again.")
    shape = tuple(int(size) for size in np.frombuffer(content, dtype=">u4", count=dimensions, offset=4))
    if dimensions == 3 and shape[1:] != (SIDE, SIDE):
        raise MissingData(f"{path} holds pictures of {shape[1]}×{shape[2]} instead of 28×28.")
    expected = header + int(np.prod(shape, dtype=np.int64))
    if len(content) != expected:
        raise MissingData(
            f"{path} has {len(content):,} bytes instead of {expected:,}: delete it to have it downloaded again."
        )
    return torch.from_numpy(np.frombuffer(content, dtype=np.uint8, offset=header).reshape(shape).copy())
