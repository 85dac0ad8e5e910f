"""A module looked at as it once was is unharmed by it."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tlcore.training.snapshot import Snapshot


def trained_a_little() -> tuple[nn.Sequential, Snapshot, dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    """A module, its snapshot, and its state before and after one step."""
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    snapshot = Snapshot(module)
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    optimiser = torch.optim.SGD(module.parameters(), lr=0.1, momentum=0.9)
    module(torch.randn(8, 3)).square().mul(torch.arange(4)).sum().backward()
    optimiser.step()
    after = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    return module, snapshot, before, after


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(tensor, other[name]) for name, tensor in one.items())


def test_it_is_as_it_was_and_then_as_it_is_buffers_too() -> None:
    module, snapshot, before, after = trained_a_little()
    parameters = list(module.parameters())
    assert not same(before, after)
    with snapshot.restored(), torch.inference_mode():
        assert same(before, module.state_dict())
        module.eval()(torch.randn(2, 3))
    assert same(after, module.state_dict())
    assert all(old is new for old, new in zip(parameters, module.parameters(), strict=True)), "optimisers hold these"
    assert all(parameter.requires_grad for parameter in parameters)


def test_an_error_while_looking_leaves_it_as_it_is() -> None:
    module, snapshot, _, after = trained_a_little()
    with pytest.raises(RuntimeError, match="looked"), snapshot.restored():
        raise RuntimeError("looked away")
    assert same(after, module.state_dict())
