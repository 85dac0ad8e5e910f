"""Which examples a step sees: shuffled passes over tensors that already lie on the device."""

from __future__ import annotations

from collections.abc import Mapping

import torch


class ShuffledBatches:
    """Index batches (B,) int64 from one shuffled pass after another; each example once a pass.

    The whole position is a handful of tensors, so that a resumed run draws the very same batches.
    """

    def __init__(self, count: int, batch_size: int, seed: int, device: torch.device) -> None:
        self.count = count
        self.batch_size = batch_size
        self.device = device
        # Permutations are drawn on the CPU, so that the same seed gives the same batches on every device.
        self.generator = torch.Generator().manual_seed(seed)
        self.queue = torch.empty(0, dtype=torch.int64, device=device)

    def next(self) -> torch.Tensor:
        """The next batch of indices."""
        while len(self.queue) < self.batch_size:
            shuffled = torch.randperm(self.count, generator=self.generator).to(self.device)
            self.queue = torch.cat([self.queue, shuffled])
        batch, self.queue = self.queue[: self.batch_size], self.queue[self.batch_size :]
        return batch

    def state(self) -> dict[str, torch.Tensor]:
        """The position, as tensors."""
        return {"generator": self.generator.get_state(), "queue": self.queue.clone()}

    def restore(self, state: Mapping[str, torch.Tensor]) -> None:
        """Return to a position that `state` told."""
        self.generator.set_state(state["generator"].cpu())
        self.queue = state["queue"].to(self.device)
