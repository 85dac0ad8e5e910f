"""How far each layer of a network moves while it learns on: its parameters, and what it makes of the same pictures."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import nn

from tlcore.analysis.layer_change import layer_changes
from tlcore.networks.layers import features_of_all, layers
from tlcore.training.events import Event, Metrics
from tlcore.training.networks import channels_last

MOST_PICTURES = 300
LARGEST_EVERY_TIME = 200_000  # numbers in the pictures: more are looked at before and after only
PARAMETER_CHANGE, SIMILARITY = "parameter_change", "cka"


class LayerRecord:
    """Compares an extractor with what it was when this was made.

    origin: its parameters and buffers of then, by name.
    """

    def __init__(self, extractor: nn.Module, pictures: torch.Tensor) -> None:
        self.extractor = extractor
        self.origin = {name: tensor.detach().clone() for name, tensor in extractor.state_dict().items()}
        chosen = torch.linspace(0, len(pictures) - 1, min(len(pictures), MOST_PICTURES)).long()
        if pictures.ndim == 4 and pictures[0].numel() > 10_000:
            chosen = chosen[:: max(1, len(chosen) // 64)]
        self.pictures = pictures[chosen]
        self._every_time = self.pictures.numel() <= LARGEST_EVERY_TIME
        self._layers = layers(extractor)

    def measure(self, step: int, *, last: bool) -> Iterator[Event]:
        """`parameter_change.LAYER`, ‖now − then‖ / ‖then‖; and `cka.LAYER`, the linear CKA of its features now and
        then on the same pictures, at the last step or each time where that costs little."""
        parameters = [name for name, _ in self.extractor.named_parameters()]
        now = self.extractor.state_dict()
        if not all(bool(torch.isfinite(now[name]).all()) for name in parameters):
            return  # training has diverged, which its loss tells
        features: tuple[dict[str, np.ndarray], dict[str, np.ndarray]] = ({}, {})
        if last or self._every_time:
            features = (self._features(self.origin), self._features(now))
        changes = layer_changes(
            {layer.name: layer.modules for layer in self._layers},
            {name: self.origin[name].float().cpu().numpy() for name in parameters},
            {name: now[name].float().cpu().numpy() for name in parameters},
            *features,
        )
        values = {}
        for change in changes:
            if change.parameter_change is not None:
                values[f"{PARAMETER_CHANGE}.{change.layer}"] = change.parameter_change
            if change.similarity is not None:
                values[f"{SIMILARITY}.{change.layer}"] = change.similarity
        yield Metrics(step, values)

    def _features(self, weights: dict[str, torch.Tensor]) -> dict[str, np.ndarray]:
        present = {name: tensor.detach().clone() for name, tensor in self.extractor.state_dict().items()}
        _put(self.extractor, weights)
        try:
            with torch.no_grad():
                read = features_of_all(self.extractor, channels_last(self.pictures))
        finally:
            _put(self.extractor, present)
        return {layer.name: one.float().cpu().numpy() for layer, one in zip(self._layers, read, strict=True)}


@torch.no_grad()
def _put(module: nn.Module, weights: dict[str, torch.Tensor]) -> None:
    for name, tensor in module.state_dict().items():
        tensor.copy_(weights[name])
