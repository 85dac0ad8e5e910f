"""MNIST-M: MNIST digits blended with crops of the Berkeley photographs (Ganin et al. 2016, section 5.2.2)."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from PIL import Image

from tlcore.data.crops import windows
from tlcore.data.dataset import Dataset, Domain, Provenance
from tlcore.data.download import LARGEST_SIDE, PHOTOGRAPHS_IN_TRAIN, DownloadFailed, fetch_photographs
from tlcore.data.folder import VARIABLE, Report, alone, data_folder, read_array, write_array
from tlcore.data.mnist import ORIGIN, SIDE, MnistFiles, mnist_dataset, mnist_parts, read_mnist
from tlcore.data.randomness import generator_for
from tlcore.data.splits import Share
from tlcore.errors import MissingData
from tlcore.specs.data import MnistM

VERSION = 1  # part of the name of what is kept: to be raised when the same inputs give other pictures
MOST_PHOTOGRAPHS = 1000

Result = TypeVar("Result")


def load_mnist_m(spec: MnistM, seed: int, share: Share, report: Report | None = None) -> Domain:
    """MNIST-M with pictures made of MNIST's test set as test: inputs (N, 3, 28, 28) uint8.

    As in the literature MNIST-M is one data set: which crop lies behind which digit does not depend on the seed,
    which only splits. The pictures are kept in the data folder once they are made, where it can be written to.
    Raises MissingData.
    """
    files = read_mnist(report)
    paths, contents = read_photograph_files(report)
    parts = mnist_parts(files, spec, seed, share)
    provenance = Provenance(
        title=f"MNIST-M, made here from MNIST and {len(paths)} photographs of BSDS500 ({photograph_part(paths)})",
        origin=ORIGIN,
        licence="CC BY-SA 3.0 (MNIST), non-commercial research and education (BSDS500)",
        url="https://jmlr.org/papers/v17/15-239.html",
    )
    maker = Maker(files, paths, contents, report)

    def part(indices: torch.Tensor, test: bool = False) -> Dataset:
        return mnist_dataset(maker.pictures(indices, test), files, indices, test, provenance)

    return Domain(part(parts.train), part(parts.validation), part(parts.test, test=True))


class Maker:
    """Makes the pictures of MNIST-M, or reads those made before."""

    def __init__(
        self, files: MnistFiles, paths: list[Path], contents: list[bytes], report: Report | None = None
    ) -> None:
        self._files = files
        self._paths = paths
        self._contents = contents
        self._report = report
        self._photographs: list[torch.Tensor] = []
        self._key = content_key(files, contents)

    def pictures(self, indices: torch.Tensor, test: bool) -> torch.Tensor:
        """The pictures (N, 3, 28, 28) uint8 made of the digits at `indices` (N,). Raises MissingData."""
        digits = self._files.test_pictures if test else self._files.train_pictures
        part = "test" if test else "train"
        folder = data_folder() / "cache"
        path = folder / f"mnist-m-{self._key}-{part}.npy"
        shape = (len(digits), 3, SIDE, SIDE)
        kept = read_array(path, shape)
        if kept is None:
            try:
                with alone(folder, "mnist-m", self._report):
                    kept = read_array(path, shape)  # another process may have been faster
                    if kept is None:
                        kept = self.make(torch.arange(len(digits)), test).numpy()
                        write_array(path, kept)
            except OSError:  # a folder that cannot be written to, or a full disk: make what is needed, keep nothing
                return self.make(indices, test)
        return torch.from_numpy(kept[indices.numpy()])

    def make(self, indices: torch.Tensor, test: bool) -> torch.Tensor:
        """|photograph − digit| for each channel, (N, 3, 28, 28) uint8, of the digits at `indices` (N,)."""
        if not self._photographs:
            self._photographs = decode_photographs(self._paths, self._contents)
        digits = self._files.test_pictures if test else self._files.train_pictures
        chosen, down, right = crop_draws(len(digits), test)[indices].unbind(dim=1)
        number = (chosen * len(self._photographs)).long()
        made = torch.empty(len(indices), 3, SIDE, SIDE, dtype=torch.uint8)
        for index, photograph in enumerate(self._photographs):
            rows = torch.nonzero(number == index).flatten()
            top = (down[rows] * (photograph.shape[1] - SIDE + 1)).long()
            left = (right[rows] * (photograph.shape[2] - SIDE + 1)).long()
            made[rows] = difference(windows(photograph, top, left, SIDE), digits[indices[rows]].unsqueeze(1))
            if self._report:
                self._report("Making MNIST-M", (index + 1) / len(self._photographs))
        return made


def difference(photograph: torch.Tensor, digit: torch.Tensor) -> torch.Tensor:
    """|photograph − digit| of uint8 pictures, which a plain subtraction would wrap around below zero."""
    return torch.maximum(photograph, digit) - torch.minimum(photograph, digit)


def crop_draws(count: int, test: bool) -> torch.Tensor:
    """For each of `count` digits where its crop lies: photograph, down, right, (count, 3) float64 below 1."""
    generator = generator_for("mnist-m", "test" if test else "train")
    return torch.rand(count, 3, generator=generator, dtype=torch.float64)


def content_key(files: MnistFiles, contents: list[bytes]) -> str:
    """16 hexadecimal digits that change with anything the pictures are made of."""
    digest = hashlib.sha256(f"mnist-m {VERSION}".encode())
    for pictures in (files.train_pictures, files.test_pictures):
        digest.update(str(tuple(pictures.shape)).encode())
        digest.update(pictures.numpy().data)
    for content in contents:
        digest.update(hashlib.sha256(content).digest())
    return digest.hexdigest()[:16]


def photograph_part(paths: list[Path]) -> str:
    """Which photographs these are, in words."""
    return "its training part" if paths and paths[0].parent.name == "train" else "all that lie in the data folder"


def find_photographs(folder: Path) -> list[Path]:
    """The photographs under `folder`, by name: those of a folder `train`, as in the literature, else all."""
    found = sorted(path for path in folder.rglob("*.jpg") if path.is_file())
    official = [path for path in found if path.parent.name == "train"]
    return (official or found)[:MOST_PHOTOGRAPHS]


def read_photograph_files(report: Report | None = None) -> tuple[list[Path], list[bytes]]:
    """Paths and contents of the photographs of the data folder, downloaded if there are none. Raises MissingData."""
    folder = data_folder()
    paths = find_photographs(folder / "BSDS500")
    if not paths:
        try:
            fetch_photographs(folder, report)
        except (DownloadFailed, OSError) as error:
            raise MissingData(
                f"No photograph lies in {folder / 'BSDS500'} and BSDS500 cannot be downloaded ({error}): connect this "
                f"machine to the internet, or put the photographs of BSDS500 (*.jpg) there, or name a folder that has "
                f"BSDS500 inside in the environment variable {VARIABLE}."
            ) from error
        paths = find_photographs(folder / "BSDS500")
    if paths[0].parent.name == "train" and len(paths) < PHOTOGRAPHS_IN_TRAIN:
        raise MissingData(
            f"{paths[0].parent} has {len(paths)} of the {PHOTOGRAPHS_IN_TRAIN} training photographs of BSDS500: "
            f"delete this folder to have them downloaded again."
        )
    return paths, [_guarded(path, path.read_bytes) for path in paths]


def decode_photographs(paths: list[Path], contents: list[bytes]) -> list[torch.Tensor]:
    """Each photograph as (3, H, W) uint8. Raises MissingData, naming the file that cannot be decoded."""

    def decode(content: bytes) -> torch.Tensor:
        with Image.open(io.BytesIO(content), formats=("JPEG",)) as image:
            if min(image.size) < SIDE or max(image.size) > LARGEST_SIDE:
                raise OSError(f"it is {image.width}×{image.height} pixels large")
            return torch.from_numpy(np.array(image.convert("RGB"))).permute(2, 0, 1).contiguous()

    return [_guarded(path, partial(decode, content)) for path, content in zip(paths, contents, strict=True)]


def _guarded(path: Path, read: Callable[[], Result]) -> Result:
    try:
        return read()
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise MissingData(f"The photograph {path} cannot be used ({error}).") from error
