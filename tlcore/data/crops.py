"""Squares cut out of a picture, many at a time."""

from __future__ import annotations

import torch


def windows(picture: torch.Tensor, top: torch.Tensor, left: torch.Tensor, side: int) -> torch.Tensor:
    """The squares (n, C, side, side) of a picture (C, H, W) whose upper left corners are `top`, `left`: (n,) int64."""
    return picture.unfold(1, side, 1).unfold(2, side, 1)[:, top, left].transpose(0, 1)
