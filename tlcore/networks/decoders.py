"""Networks that go the other way, from features to pictures, and those that views are compared behind."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from torch import nn

CHANNELS = 32


def build_decoder(feature_width: int, shape: Sequence[int]) -> nn.Sequential:
    """Features (N, D) to the logits of pictures of `shape` (C, H, W): a dense layer to maps of a quarter of the side,
    enlarged twice, with a convolution after each."""
    channels, height, width = shape
    rows, columns = max(1, height // 4), max(1, width // 4)
    return nn.Sequential(
        OrderedDict(
            dense1=nn.Linear(feature_width, CHANNELS * rows * columns),
            relu1=nn.ReLU(),
            maps=nn.Unflatten(1, (CHANNELS, rows, columns)),
            enlarge1=nn.Upsample(size=(max(1, height // 2), max(1, width // 2))),
            conv1=nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1),
            relu2=nn.ReLU(),
            enlarge2=nn.Upsample(size=(height, width)),
            conv2=nn.Conv2d(CHANNELS, channels, 3, padding=1),
        )
    )


def build_projector(feature_width: int, hidden: int, width: int) -> nn.Sequential:
    """Features (N, D) to the projection (N, E) that views are compared in: two dense layers. It is thrown away after
    training (Chen et al. 2020, section 4.2)."""
    return nn.Sequential(
        OrderedDict(
            dense1=nn.Linear(feature_width, hidden),
            norm1=nn.BatchNorm1d(hidden),
            relu1=nn.ReLU(),
            output=nn.Linear(hidden, width),
        )
    )
