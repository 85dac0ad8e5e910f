"""The handwritten digits over crops of scikit-learn's two sample photographs."""

from __future__ import annotations

import contextlib
from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as functional
from PIL import Image

from tlcore.data.crops import windows
from tlcore.data.dataset import Dataset, Domain, Provenance
from tlcore.data.digits import (
    HELD_OUT_RENDERINGS,
    ORIGIN,
    SIDE,
    in_chunks,
    original_digits,
    packaged_file,
    render,
    rendered_dataset,
    to_bytes,
)
from tlcore.data.randomness import generator_for
from tlcore.data.splits import Share, split_originals
from tlcore.errors import MissingData
from tlcore.specs.data import PhotoDigits

PROVENANCE = Provenance(
    title="Handwritten digits (Alpaydin and Kaynak 1998) over scikit-learn's sample photographs: "
    "“China, 6061409035” by danielbuechele and “6056698931” by vultilion",
    origin=ORIGIN,
    licence="CC BY 4.0 (digits), CC BY 2.0 (photographs)",
    url="https://archive.ics.uci.edu/dataset/80",
)
PHOTOGRAPHS = ("china.jpg", "flower.jpg")

# A crop of 16 pixels of the full photograph is nearly flat; the same crop of a photograph made smaller holds edges.
REDUCTIONS = (1, 2, 4)

# The left of each photograph lies behind the pictures to learn from, the right behind those of the test: what a
# network is tested on it has not seen as a background either.
LEARNING_SHARE = 0.7


@lru_cache(maxsize=1)
def photographs() -> tuple[torch.Tensor, ...]:
    """Both photographs at every reduction: (3, H, W) float32 from 0 to 1. Raises MissingData. Not to be written to."""
    reduced: list[torch.Tensor] = []
    for name in PHOTOGRAPHS:
        with Image.open(packaged_file("images", name)) as image:
            pixels = np.asarray(image.convert("RGB"), dtype=np.float32) / 255
        photograph = torch.from_numpy(pixels).permute(2, 0, 1)
        reduced.extend(functional.avg_pool2d(photograph, reduction) for reduction in REDUCTIONS)
    return tuple(reduced)


def have_ready() -> None:
    """Read what is the same for every run, in one thread: a process that then forks must not have started others."""
    torch.set_num_threads(1)
    with contextlib.suppress(MissingData):  # a run that needs them says so
        original_digits()
        photographs()


def load_photo_digits(spec: PhotoDigits, seed: int, share: Share) -> Domain:
    """The share's digits blended with photographs: inputs (N, 3, 16, 16) uint8. Raises MissingData."""
    originals = original_digits()
    parts = split_originals(originals.labels, share, ORIGIN, seed)

    def part(indices: torch.Tensor, spec: PhotoDigits, test: bool = False) -> Dataset:
        def pictures(chunk: torch.Tensor) -> torch.Tensor:
            ink = render(chunk, spec, seed).unsqueeze(1)
            return to_bytes(blend(ink, backgrounds(chunk, spec, seed, test), spec))

        return rendered_dataset(in_chunks(pictures, indices), indices, spec.renderings, PROVENANCE)

    held_out = spec.model_copy(update={"renderings": min(spec.renderings, HELD_OUT_RENDERINGS)})
    return Domain(part(parts.train, spec), part(parts.validation, held_out), part(parts.test, held_out, test=True))


def blend(ink: torch.Tensor, photo: torch.Tensor, spec: PhotoDigits) -> torch.Tensor:
    """Digits (N, 1, 16, 16) on photographs (N, 3, 16, 16), all from 0 to 1, in the way `spec.blend` names."""
    background = spec.photo_strength * photo
    if spec.blend == "over":
        return ink + (1 - ink) * background
    if spec.blend == "difference":
        return (background - ink).abs()
    return (background - (1 - ink)).abs()


def backgrounds(indices: torch.Tensor, spec: PhotoDigits, seed: int, test: bool) -> torch.Tensor:
    """A crop (M·renderings, 3, 16, 16) float32 for each rendering of the originals at `indices` (M,).

    Photograph, reduction and place are drawn for all originals and looked up, as the affine maps are.
    """
    draws = _draws(len(original_digits().labels), seed, spec.renderings)
    return crops_at(draws[indices].flatten(0, 1), SIDE, test)


def crops_at(draws: torch.Tensor, side: int, test: bool) -> torch.Tensor:
    """Crops (N, 3, side, side) float32 of the photographs; `draws` (N, 3) from 0 to 1: photograph, down, right."""
    chosen, down, right = draws.unbind(dim=1)
    pictures = photographs()
    number = (chosen * len(pictures)).long().clamp_(max=len(pictures) - 1)
    crops = torch.empty(len(number), 3, side, side)
    for index, picture in enumerate(pictures):
        rows = torch.nonzero(number == index).flatten()
        first, last = horizontal_range(picture.shape[2], test, side)
        top = (down[rows] * (picture.shape[1] - side + 1)).long().clamp_(max=picture.shape[1] - side)
        left = first + (right[rows] * (last - first + 1)).long().clamp_(max=last - first)
        crops[rows] = windows(picture, top, left, side)
    return crops


@lru_cache(maxsize=4)  # asked for with every few originals
def _draws(originals: int, seed: int, renderings: int) -> torch.Tensor:
    """What chance decides of each background: (originals, renderings, 3) from 0 to 1. Not to be written to."""
    return torch.rand(originals, renderings, 3, generator=generator_for("backgrounds", seed, renderings))


def horizontal_range(width: int, test: bool, side: int = SIDE) -> tuple[int, int]:
    """First and last left edge of a crop that stays within its side of a photograph `width` pixels wide."""
    border = int(width * LEARNING_SHARE)
    return (border, width - side) if test else (0, border - side)
