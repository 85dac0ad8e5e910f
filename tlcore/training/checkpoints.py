"""The state of a training as flat named tensors, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch


def flatten_optimiser(optimiser: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    """The optimiser's buffers, named by parameter index and buffer name; numbers become scalar tensors."""
    return {
        f"{index}.{name}": value.detach().clone() if isinstance(value, torch.Tensor) else torch.tensor(value)
        for index, buffers in optimiser.state_dict()["state"].items()
        for name, value in buffers.items()
        if value is not None
    }


def restore_optimiser(optimiser: torch.optim.Optimizer, tensors: Mapping[str, torch.Tensor]) -> None:
    """Put buffers that `flatten_optimiser` named back into the optimiser; the rates in its groups stay as they are."""
    state: dict[int, dict[str, Any]] = {}
    for key, value in tensors.items():
        index, name = key.split(".", 1)
        state.setdefault(int(index), {})[name] = value.clone()
    optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})


def with_prefix(prefix: str, tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The same tensors under `prefix.name`, detached copies on the CPU."""
    return {f"{prefix}.{name}": tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}


def without_prefix(prefix: str, tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The tensors whose name begins with `prefix.`, by the rest of their name."""
    start = f"{prefix}."
    return {name.removeprefix(start): tensor for name, tensor in tensors.items() if name.startswith(start)}
