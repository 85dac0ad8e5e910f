"""A model as it once was, kept beside the one that learns on, so that it can be looked at later."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


class Snapshot:
    """Copies of all parameters and buffers of a module."""

    def __init__(self, module: nn.Module) -> None:
        self._tensors = [*module.parameters(), *module.buffers()]
        self._kept = [tensor.detach().clone() for tensor in self._tensors]

    @contextmanager
    def restored(self) -> Iterator[None]:
        """The module as it was; afterwards it is again, bit for bit, as it is now."""
        now = [tensor.detach().clone() for tensor in self._tensors]
        _copy(self._kept, self._tensors)
        try:
            yield
        finally:
            _copy(now, self._tensors)


@torch.no_grad()
def _copy(values: list[torch.Tensor], tensors: list[torch.Tensor]) -> None:
    for tensor, value in zip(tensors, values, strict=True):
        tensor.copy_(value)
