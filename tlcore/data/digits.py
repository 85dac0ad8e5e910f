"""scikit-learn's handwritten digits, enlarged and varied by small random affine maps."""

from __future__ import annotations

import gzip
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as functional

from tlcore.data.dataset import Dataset, Domain, Provenance
from tlcore.data.randomness import generator_for
from tlcore.data.splits import Share, split_originals
from tlcore.errors import MissingData
from tlcore.specs.data import Digits, PhotoDigits

SIDE = 16
ORIGINALS_AT_ONCE = 32

# More pictures of the same few originals would make every look at the model dearer and hardly surer.
HELD_OUT_RENDERINGS = 6
ORIGIN = "scikit-learn digits"
CLASS_NAMES = tuple("0123456789")
PROVENANCE = Provenance(
    title="Optical recognition of handwritten digits, test part (Alpaydin and Kaynak 1998), as shipped by scikit-learn",
    origin=ORIGIN,
    licence="CC BY 4.0",
    url="https://archive.ics.uci.edu/dataset/80",
)

# What variation 1 stands for: the largest shift in pixels of the 16×16 picture, turn in radians, relative change of
# scale, and shear. Draws are uniform within these bounds.
SHIFT = 1.0
TURN = math.radians(10)
SCALE = 0.1
SHEAR = 0.1


@dataclass(frozen=True)
class Originals:
    """All 1,797 digits: pictures (N, 8, 8) float32 from 0 (paper) to 1 (ink), labels (N,) int64."""

    pictures: torch.Tensor
    labels: torch.Tensor


def packaged_file(*path: str) -> Path:
    """A file that scikit-learn ships in its `datasets` folder.

    Found without importing scikit-learn, which would take about a second of every process that loads digits.
    Raises MissingData where this release of scikit-learn has no such file.
    """
    package = find_spec("sklearn")
    for folder in (package.submodule_search_locations if package else None) or ():
        file = Path(folder, "datasets", *path)
        if file.is_file():
            return file
    raise MissingData(f"scikit-learn's file datasets/{'/'.join(path)} is not installed: reinstall scikit-learn.")


@lru_cache(maxsize=1)
def original_digits() -> Originals:
    """The same pictures and labels as `sklearn.datasets.load_digits`. Raises MissingData. Not to be written to."""
    with gzip.open(packaged_file("data", "digits.csv.gz"), "rt", encoding="ascii") as file:
        table = np.array([line.split(",") for line in file.read().split()], dtype=np.float32)
    pictures = torch.from_numpy(table[:, :-1]).reshape(-1, 8, 8) / 16
    return Originals(pictures, torch.from_numpy(table[:, -1].astype(np.int64)))


def load_digits(spec: Digits, seed: int, share: Share) -> Domain:
    """The share's digits in white on black: inputs (N, 3, 16, 16) uint8. Raises MissingData."""
    originals = original_digits()
    parts = split_originals(originals.labels, share, ORIGIN, seed)

    def part(indices: torch.Tensor, spec: Digits) -> Dataset:
        def pictures(chunk: torch.Tensor) -> torch.Tensor:
            return to_bytes(render(chunk, spec, seed).unsqueeze(1)).expand(-1, 3, -1, -1)

        return rendered_dataset(in_chunks(pictures, indices), indices, spec.renderings, PROVENANCE)

    held_out = spec.model_copy(update={"renderings": min(spec.renderings, HELD_OUT_RENDERINGS)})
    return Domain(part(parts.train, spec), part(parts.validation, held_out), part(parts.test, held_out))


def in_chunks(pictures: Callable[[torch.Tensor], torch.Tensor], indices: torch.Tensor) -> torch.Tensor:
    """The pictures of the originals at `indices` (M,), made a few at a time: what fits the cache is made faster."""
    return torch.cat([pictures(chunk) for chunk in indices.split(ORIGINALS_AT_ONCE)])


def rendered_dataset(inputs: torch.Tensor, indices: torch.Tensor, renderings: int, provenance: Provenance) -> Dataset:
    """Pictures (M·renderings, 3, 16, 16) of the originals at `indices` (M,), all of one original in a row."""
    identities = indices.repeat_interleave(renderings)
    return Dataset(inputs, original_digits().labels[identities], identities, CLASS_NAMES, provenance)


def render(indices: torch.Tensor, spec: Digits | PhotoDigits, seed: int) -> torch.Tensor:
    """Ink (M·renderings, 16, 16) float32 from 0 to 1 of the originals at `indices` (M,).

    The maps are drawn for all originals and then looked up, so a picture depends on its original, its number among
    the renderings, the spec and the seed, but not on which other originals stand in the same share.
    """
    originals = original_digits()
    draws = _draws(len(originals.labels), spec.name, seed, spec.renderings)
    maps = affine_maps(spec.variation * draws[indices].flatten(0, 1))
    enlarged = functional.interpolate(
        originals.pictures[indices].unsqueeze(1), size=(SIDE, SIDE), mode="bilinear", align_corners=False
    )
    enlarged = enlarged.repeat_interleave(spec.renderings, dim=0)
    grid = sampling_grid(maps)
    return functional.grid_sample(enlarged, grid, align_corners=False).squeeze(1).clamp_(0, 1)


@lru_cache(maxsize=4)  # asked for with every few originals
def _draws(originals: int, name: str, seed: int, renderings: int) -> torch.Tensor:
    """What chance decides of each rendering: (originals, renderings, 5) from -1 to 1. Not to be written to."""
    generator = generator_for("renderings", name, seed, renderings)
    return 2 * torch.rand(originals, renderings, 5, generator=generator) - 1


def sampling_grid(maps: torch.Tensor, side: int = SIDE) -> torch.Tensor:
    """Where each point of the renderings is read, (N, side, side, 2), for affine maps (N, 2, 3).

    The same as `torch.nn.functional.affine_grid`, as one product of matrices instead of N small ones.
    """
    centres = (2 * torch.arange(side) + 1) / side - 1
    y, x = torch.meshgrid(centres, centres, indexing="ij")
    places = torch.stack((x.flatten(), y.flatten(), torch.ones(side * side)))  # (3, side²)
    return (maps.reshape(-1, 3) @ places).view(-1, 2, side, side).permute(0, 2, 3, 1)


def affine_maps(strengths: torch.Tensor) -> torch.Tensor:
    """Affine maps (N, 2, 3) from `strengths` (N, 5): shift right, shift down, turn, scale, shear, each about -1 to 1.

    A map says where in the original each point of the rendering is read, in coordinates from -1 to 1: zero strengths
    give the identity.
    """
    right, down, turn, scale, shear = strengths.unbind(dim=1)
    angle = TURN * turn
    size = (1 + SCALE * scale).clamp(min=0.25)
    slant = SHEAR * shear
    cosine, sine = angle.cos() / size, angle.sin() / size
    pixel = 2 / SIDE
    first = torch.stack((cosine, cosine * slant + sine, -SHIFT * pixel * right), dim=1)
    second = torch.stack((-sine, cosine - sine * slant, -SHIFT * pixel * down), dim=1)
    return torch.stack((first, second), dim=1)


def to_bytes(pictures: torch.Tensor) -> torch.Tensor:
    """uint8 pictures from float ones between 0 and 1, rounded to the nearest value."""
    return (pictures * 255).round_().to(torch.uint8)
