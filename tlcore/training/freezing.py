"""Layers that do not learn: what is frozen stays bit for bit as it is, and leading frozen layers are computed once."""

from __future__ import annotations

from collections.abc import Hashable, Iterable

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from tlcore.networks.layers import layers, split_after
from tlcore.training.networks import channels_last

BATCH = 500
MOST_KEPT = 2**28  # numbers that are kept of one set of examples: 1 GB as floats


class FreezableExtractor:
    """A feature extractor some of whose layers are frozen for the time being.

    Layers have the numbers 1 to `count` of `tlcore.networks.layers`. Whoever only asks for features need not know what
    is frozen: `prepared` brings examples through the leading frozen layers, once as long as these stay the same, and
    `rest` does what is left.
    """

    def __init__(
        self, extractor: nn.Sequential, *, statistics_stay: bool = False, sample: torch.Tensor | None, examples: int = 0
    ) -> None:
        """statistics_stay: batch normalisation keeps its statistics also in layers that learn. sample: an example
        (1, …), by which it is seen how much room it takes to compute leading frozen layers of `examples` once; None
        where that makes no sense, because the examples change from step to step."""
        self.extractor = extractor
        self.layers = layers(extractor)
        self.rest: nn.Module = extractor
        self.frozen: frozenset[int] | None = None
        self._statistics_stay = statistics_stay
        self._sample = sample
        self._examples = examples
        self.leading = nn.Sequential()
        self._kept: dict[Hashable, torch.Tensor] = {}

    @property
    def count(self) -> int:
        """How many layers there are."""
        return len(self.layers)

    def parameters_of(self, number: int) -> list[nn.Parameter]:
        """The parameters of one layer; those that belong to no layer (a transformer's positions) go with the first."""
        later = [f"{path}." for layer in self.layers[number:] for path in layer.modules]
        own = [f"{path}." for path in self.layers[number - 1].modules]
        chosen = []
        for name, parameter in self.extractor.named_parameters():
            of_it = f"{name}.".startswith(tuple(own))
            of_none = number == 1 and not f"{name}.".startswith(tuple(later))
            if of_it or of_none:
                chosen.append(parameter)
        return chosen

    def freeze(self, numbers: Iterable[int]) -> bool:
        """Freeze these layers and let the others learn; returns whether anything changed.

        Frozen parameters get no gradient, and batch normalisation in frozen layers neither counts nor uses the batch.
        """
        wanted = frozenset(numbers)
        if wanted == self.frozen:
            return False
        self.frozen = wanted
        for number, layer in enumerate(self.layers, 1):
            learns = number not in wanted
            for parameter in self.parameters_of(number):
                parameter.requires_grad_(learns)
                if not learns:
                    parameter.grad = None
            for path in layer.modules:
                self.extractor.get_submodule(path).train(learns)
        if self._statistics_stay:
            for module in self.extractor.modules():
                if isinstance(module, _BatchNorm):
                    module.eval()
        self._kept.clear()
        self.leading, self.rest = nn.Sequential(), self.extractor
        leading = next((number for number in range(self.count) if number + 1 not in wanted), self.count)
        parts = split_after(self.extractor, leading) if leading and self._sample is not None else None
        if parts is not None:
            self.leading, rest = parts
            assert self._sample is not None
            if self._through(self._sample).numel() * self._examples <= MOST_KEPT:
                self.rest = rest
            else:
                self.leading = nn.Sequential()
        return True

    def prepared(self, key: Hashable, inputs: torch.Tensor) -> torch.Tensor:
        """Examples (N, …) as `rest` takes them; kept under `key` until other layers are frozen."""
        if not len(self.leading) or not len(inputs):
            return inputs
        kept = self._kept.get(key)
        if kept is None:
            kept = self._kept[key] = self._through(inputs)
        return kept

    @torch.no_grad()
    def _through(self, inputs: torch.Tensor) -> torch.Tensor:
        # The frozen layers are in evaluation mode; a module that holds them may not be, and some ask it.
        modes = [(module, module.training) for module in self.leading.modules()]
        self.leading.eval()
        try:
            return torch.cat([self.leading(channels_last(chunk)) for chunk in inputs.split(BATCH)])
        finally:
            for module, mode in modes:
                module.training = mode
