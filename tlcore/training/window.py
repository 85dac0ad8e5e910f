"""Figures of training steps, averaged on the device and fetched rarely, because each fetch stops the device."""

from __future__ import annotations

from collections.abc import Mapping

import torch


class MetricWindow:
    """Means of named scalars since the last fetch."""

    def __init__(self, device: torch.device) -> None:
        self.names: tuple[str, ...] = ()
        self.total = torch.zeros(0, device=device)
        self.count = torch.zeros((), device=device)

    def add(self, values: Mapping[str, torch.Tensor]) -> None:
        """Add one step's scalars, which all steps name alike."""
        row = torch.stack([value.detach().float() for value in values.values()])
        if not self.names:
            self.names = tuple(values)
            if not self.total.numel():
                self.total = torch.zeros_like(row)
        self.total += row
        self.count += 1

    def fetch(self) -> dict[str, float]:
        """The means, and begin anew. Waits for the device."""
        means = (self.total / self.count).tolist()
        self.total.zero_()
        self.count.zero_()
        return dict(zip(self.names, means, strict=True))

    def state(self) -> dict[str, torch.Tensor]:
        """What has been gathered since the last fetch, as tensors."""
        return {"total": self.total, "count": self.count}

    def restore(self, state: Mapping[str, torch.Tensor]) -> None:
        """Return to what `state` told."""
        self.total = state["total"].clone().to(self.total.device)
        self.count = state["count"].clone().to(self.count.device)
