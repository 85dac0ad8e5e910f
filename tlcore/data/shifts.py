"""Shifts made on purpose: the same pictures as another domain would show them, by a strength from 0 to 1."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import torch
import torch.nn.functional as functional

from tlcore.data.crops import windows
from tlcore.data.dataset import Dataset, Domain
from tlcore.data.photo_digits import LEARNING_SHARE, photographs
from tlcore.data.randomness import generator_for
from tlcore.specs.catalogue_sets import ShiftKind
from tlcore.specs.data import Shifted

AT_ONCE = 4_000_000  # values of one batch

# What strength 1 stands for.
NOISE = 0.5  # standard deviation, as a share of the range from black to white
BLUR = 1 / 8  # standard deviation, as a share of the picture's side
TURN = 90.0  # degrees, counter-clockwise
FADING = 0.9  # share of the contrast that is lost


def shifted(domain: Domain, spec: Shifted, seed: int) -> Domain:
    """The domain's pictures shifted; labels, classes and identities stay. Strength 0 gives the same pictures.

    What is drawn at random depends on the seed, the part and the picture's place in it, not on the strength: along
    the slider each picture keeps its noise, its colours and its photograph.
    """

    def part(data: Dataset, name: str) -> Dataset:
        if spec.strength == 0:
            return data
        provenance = replace(
            data.provenance, title=f"{data.provenance.title}, shifted here: {spec.shift}, strength {spec.strength:g}"
        )
        inputs = shift_pictures(data.inputs, spec.shift, spec.strength, seed, name, test=name == "test")
        return replace(data, inputs=inputs, provenance=provenance)

    return Domain(part(domain.train, "train"), part(domain.validation, "validation"), part(domain.test, "test"))


def shift_pictures(
    pictures: torch.Tensor, shift: ShiftKind, strength: float, seed: int, purpose: str = "", *, test: bool = False
) -> torch.Tensor:
    """uint8 pictures (N, 3, H, W) or (N, 1, H, W) shifted, same shape and type, on the CPU.

    strength: 0 (the identity) to 1. purpose: draws for two purposes are independent. test: backgrounds come from the
    side of the photographs that lies behind no picture to learn from.
    """
    if strength == 0:
        return pictures
    generator = generator_for("shift", shift, purpose, seed)
    function = SHIFTS[shift]
    made = torch.empty_like(pictures, memory_format=torch.contiguous_format)
    each = max(1, pictures[0].numel()) if len(pictures) else 1
    for start in range(0, len(pictures), max(1, AT_ONCE // each)):
        batch = pictures[start : start + max(1, AT_ONCE // each)].float().div_(255)
        if function is None:
            result = photo_background(batch, strength, generator, test)
        else:
            result = function(batch, strength, generator)
        made[start : start + len(batch)] = result.clamp_(0, 1).mul_(255).round_().to(torch.uint8)
    return made


def photo_background(pictures: torch.Tensor, strength: float, generator: torch.Generator, test: bool) -> torch.Tensor:
    """The darker a part, the more of a photograph it shows: x + (1 − brightness)·strength·photograph.

    For white digits on black this is the blend of photo-digits. Pictures from 0 to 1.
    """
    count, channels, height, width = pictures.shape
    crops = _crops(count, max(height, width), generator, test)[:, :, :height, :width]
    if channels == 1:
        crops = crops.mean(1, keepdim=True)
    brightness = pictures.amax(1, keepdim=True)
    return pictures + (1 - brightness) * strength * crops


def _crops(count: int, side: int, generator: torch.Generator, test: bool) -> torch.Tensor:
    """Squares (count, 3, side, side) of scikit-learn's two photographs at three sizes, enlarged where too small."""
    pictures = []
    for picture in photographs():
        border = int(picture.shape[2] * LEARNING_SHARE)
        smallest = min(picture.shape[1], picture.shape[2] - border if test else border)
        if smallest <= side + 1:
            scale = (side + 2) / smallest
            picture = functional.interpolate(picture[None], scale_factor=scale, mode="bilinear", align_corners=False)[0]
        pictures.append(picture)
    chosen, down, right = torch.rand(count, 3, generator=generator).unbind(dim=1)
    number = (chosen * len(pictures)).long().clamp_(max=len(pictures) - 1)
    crops = torch.empty(count, 3, side, side)
    for index, picture in enumerate(pictures):
        rows = torch.nonzero(number == index).flatten()
        border = int(picture.shape[2] * LEARNING_SHARE)
        first, last = (border, picture.shape[2] - side) if test else (0, border - side)
        top = (down[rows] * (picture.shape[1] - side + 1)).long().clamp_(max=picture.shape[1] - side)
        left = first + (right[rows] * (last - first + 1)).long().clamp_(0, max(0, last - first))
        crops[rows] = windows(picture, top, left, side)
    return crops


def noise(pictures: torch.Tensor, strength: float, generator: torch.Generator) -> torch.Tensor:
    """Gaussian noise of standard deviation `strength` · 0.5 on every channel."""
    return pictures + strength * NOISE * torch.randn(pictures.shape, generator=generator)


def blur(pictures: torch.Tensor, strength: float, generator: torch.Generator) -> torch.Tensor:
    """Gaussian blur of standard deviation `strength` · side / 8; beyond the edge the picture is mirrored."""
    sigma = strength * BLUR * max(pictures.shape[2:])
    reach = min(max(1, math.ceil(3 * sigma)), min(pictures.shape[2:]) - 1)
    places = torch.arange(-reach, reach + 1, dtype=torch.float32)
    kernel = torch.exp(-0.5 * (places / sigma) ** 2)
    kernel /= kernel.sum()
    count, channels, height, width = pictures.shape
    flat = pictures.reshape(count * channels, 1, height, width)
    flat = functional.conv2d(functional.pad(flat, (reach, reach, 0, 0), mode="reflect"), kernel.view(1, 1, 1, -1))
    flat = functional.conv2d(functional.pad(flat, (0, 0, reach, reach), mode="reflect"), kernel.view(1, 1, -1, 1))
    return flat.view(count, channels, height, width)


def colour(pictures: torch.Tensor, strength: float, generator: torch.Generator) -> torch.Tensor:
    """Each picture between two colours of its own: black moves towards a dark one, white towards a bright one."""
    count, channels = pictures.shape[:2]
    draws = torch.rand(count, 2, channels, 1, 1, generator=generator)
    dark, bright = 0.45 * draws[:, 0], 1 - 0.45 * draws[:, 1]
    return (1 - strength) * pictures + strength * (dark + (bright - dark) * pictures)


def rotation(pictures: torch.Tensor, strength: float, generator: torch.Generator) -> torch.Tensor:
    """Turned counter-clockwise by `strength` · 90 degrees about the middle; what comes in from outside is black."""
    angle = math.radians(TURN * strength)
    height, width = pictures.shape[2:]
    cosine, sine, aspect = math.cos(angle), math.sin(angle), height / width
    turn = torch.tensor([[cosine, -sine * aspect, 0.0], [sine / aspect, cosine, 0.0]])
    grid = functional.affine_grid(turn.expand(len(pictures), 2, 3), list(pictures.shape), align_corners=False)
    return functional.grid_sample(pictures, grid, mode="bilinear", align_corners=False)


def contrast(pictures: torch.Tensor, strength: float, generator: torch.Generator) -> torch.Tensor:
    """Every value moved towards its picture's mean; at strength 1 a tenth of the contrast is left."""
    mean = pictures.mean((1, 2, 3), keepdim=True)
    return mean + (1 - FADING * strength) * (pictures - mean)


def sketch_edges(pictures: torch.Tensor, strength: float, generator: torch.Generator) -> torch.Tensor:
    """Towards a pencil drawing: dark lines on white where brightness changes (Sobel's operator)."""
    grey = pictures.mean(1, keepdim=True)
    across = torch.tensor([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]]).view(1, 1, 3, 3) / 4
    padded = functional.pad(grey, (1, 1, 1, 1), mode="replicate")
    slope = functional.conv2d(padded, across).square() + functional.conv2d(padded, across.transpose(2, 3)).square()
    paper = (1 - 2 * slope.sqrt()).clamp_(0, 1)
    return (1 - strength) * pictures + strength * paper


Shift = Callable[[torch.Tensor, float, torch.Generator], torch.Tensor]
SHIFTS: dict[ShiftKind, Shift | None] = {
    "photo-background": None,  # needs to know which side of the photographs it may show
    "noise": noise,
    "blur": blur,
    "colour": colour,
    "rotation": rotation,
    "contrast": contrast,
    "sketch-edges": sketch_edges,
}
