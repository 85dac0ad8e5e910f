"""Pictures as tensors brought to another size, many at a time."""

from __future__ import annotations

import torch
import torch.nn.functional as functional

AT_ONCE = 2_000_000  # pixels and channels of one batch: enough to be fast, little beside the pictures themselves


def resize(pictures: torch.Tensor, side: int) -> torch.Tensor:
    """uint8 pictures (N, C, H, W) squeezed or stretched to (N, C, side, side), bilinear, smoothed when made smaller.

    The same object where nothing is to be done.
    """
    if tuple(pictures.shape[2:]) == (side, side):
        return pictures
    made = torch.empty(*pictures.shape[:2], side, side, dtype=torch.uint8)
    largest = max(pictures[0].numel() if len(pictures) else 1, pictures.shape[1] * side * side)
    for chunk in torch.arange(len(pictures)).split(max(1, AT_ONCE // largest)):
        first, last = int(chunk[0]), int(chunk[-1]) + 1
        resized = functional.interpolate(
            pictures[first:last].float(), size=(side, side), mode="bilinear", align_corners=False, antialias=True
        )
        made[first:last] = resized.round_().clamp_(0, 255).to(torch.uint8)
    return made
