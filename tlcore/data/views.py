"""Views of a picture: what changes between two of them should not matter, what stays is what can be learned from.

Without labels nobody says what a picture shows. Views say what it does not depend on: where the thing lies, how it is
turned, and, where the pictures stand on black, what lies behind it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch

from tlcore.data.augmentation import augment
from tlcore.data.photo_digits import crops_at
from tlcore.data.randomness import generator_for
from tlcore.specs import Augmentation

CROPS = 8192
FAINTEST, STRONGEST = 0.6, 1.0  # how strongly a photograph shows behind a picture

Views = Callable[[torch.Tensor, torch.Generator], tuple[torch.Tensor, torch.Tensor]]
"""Pictures (N, C, H, W) uint8 and chance → a view of each, float32 from 0 to 1, and the same view undisturbed."""


def backdrops(side: int, seed: int) -> torch.Tensor:
    """Crops (8192, 3, side, side) uint8 of the parts of two photographs behind which nothing is tested."""
    draws = torch.rand(CROPS, 3, generator=generator_for("backdrops", seed, side))
    return crops_at(draws, side, test=False).mul_(255).round_().to(torch.uint8)


def plain_views(augmentation: Augmentation) -> Views:
    """Pictures varied as `augmentation` says. Nothing disturbs them besides, so view and undisturbed view are one."""

    def view(pictures: torch.Tensor, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        varied = augment(pictures.float() / 255, augmentation, generator)
        return varied, varied

    return view


def views_over(crops: torch.Tensor, augmentation: Augmentation) -> Views:
    """Pictures on black, varied, each laid over another of the `crops` (M, 3, H, W) uint8. Undisturbed: on black.

    Brightness is taken for ink: where it is full the photograph does not show, where there is none it shows alone.
    """

    def view(pictures: torch.Tensor, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        ink = augment(pictures.float().mean(1, keepdim=True) / 255, augmentation, generator)
        random = partial(torch.rand, generator=generator, device=generator.device)
        chosen = (random(len(ink)) * len(crops)).long().clamp_(max=len(crops) - 1).to(crops.device)
        strength = (FAINTEST + (STRONGEST - FAINTEST) * random(len(ink))).to(ink)[:, None, None, None]
        behind = crops[chosen].float() / 255
        return ink + (1 - ink) * strength * behind, ink.expand(-1, 3, -1, -1)

    return view
