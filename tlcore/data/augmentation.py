"""Pictures varied at random while they lie on the training device, a whole batch at a time."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as functional

from tlcore.specs import Augmentation

GREY = (0.299, 0.587, 0.114)  # ITU-R BT.601, as torchvision weighs the channels


def augment(pictures: torch.Tensor, augmentation: Augmentation, generator: torch.Generator) -> torch.Tensor:
    """Every picture varied by its own draws: (N, C, H, W) uint8, or float from 0 to 1; same shape, type and device.

    generator: on the same device as the pictures, or on the CPU, which gives the same draws whatever the device.
    Nothing waits for the device. What comes in from outside repeats the picture's edge.
    """
    if not (augmentation.moves or augmentation.recolours) or not len(pictures):
        return pictures
    varied = pictures.to(torch.float32) / 255 if pictures.dtype == torch.uint8 else pictures
    if augmentation.moves:
        varied = move(varied, affine_maps(len(pictures), augmentation, generator).to(varied))
    if augmentation.recolours:
        varied = recolour(varied, augmentation, generator)
    if pictures.dtype == torch.uint8:
        return varied.mul(255).round_().to(torch.uint8)
    return varied


def _draws(count: int, kinds: int, generator: torch.Generator) -> torch.Tensor:
    """Uniform draws (kinds, count) from −1 to 1, on the generator's device."""
    return 2 * torch.rand(kinds, count, generator=generator, device=generator.device) - 1


def affine_maps(count: int, augmentation: Augmentation, generator: torch.Generator) -> torch.Tensor:
    """Affine maps (count, 2, 3) that say where in the original each point of the result is read, from −1 to 1."""
    right, down, turn, size, slant, mirror, crop, left, top = _draws(count, 9, generator)
    angle = math.radians(augmentation.turn) * turn
    # A crop enlarges what it keeps, and lies anywhere within the picture.
    kept = 1 - (1 - augmentation.crop) * (crop + 1) / 2
    enlarged = kept / (1 + augmentation.scale * size).clamp(min=0.25)
    sign = torch.where(mirror < 2 * augmentation.flip - 1, -1.0, 1.0)
    cosine, sine = angle.cos() * enlarged, angle.sin() * enlarged
    slant = augmentation.shear * slant
    across = 2 * augmentation.shift * right + (1 - kept) * left
    along = 2 * augmentation.shift * down + (1 - kept) * top
    first = torch.stack((sign * cosine, cosine * slant + sine, across), dim=1)
    second = torch.stack((-sign * sine, cosine - sine * slant, along), dim=1)
    return torch.stack((first, second), dim=1)


def move(pictures: torch.Tensor, maps: torch.Tensor) -> torch.Tensor:
    """Float pictures (N, C, H, W) read at the places of the maps (N, 2, 3), bilinear, edges repeated."""
    grid = functional.affine_grid(maps, list(pictures.shape), align_corners=False)
    return functional.grid_sample(pictures, grid, mode="bilinear", padding_mode="border", align_corners=False)


def recolour(pictures: torch.Tensor, augmentation: Augmentation, generator: torch.Generator) -> torch.Tensor:
    """Brightness, contrast and saturation of float pictures (N, C, H, W) from 0 to 1, each picture by its own draws."""
    factors = _draws(len(pictures), 3, generator).to(pictures)
    brightness, contrast, saturation = (
        (1 + strength * draws).clamp(min=0)[:, None, None, None]
        for strength, draws in zip(
            (augmentation.brightness, augmentation.contrast, augmentation.saturation), factors, strict=True
        )
    )
    varied = (pictures * brightness).clamp(0, 1)
    if augmentation.contrast:
        mean = varied.mean((1, 2, 3), keepdim=True)
        varied = (mean + contrast * (varied - mean)).clamp(0, 1)
    if augmentation.saturation and pictures.shape[1] == 3:
        weights = torch.tensor(GREY, dtype=pictures.dtype, device=pictures.device).view(1, 3, 1, 1)
        grey = (varied * weights).sum(1, keepdim=True)
        varied = (grey + saturation * (varied - grey)).clamp(0, 1)
    return varied
