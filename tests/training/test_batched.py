"""Networks that are trained together become what each becomes by itself."""

from __future__ import annotations

import copy
from collections import OrderedDict

import pytest
import torch
from torch import nn
from torch.nn import functional

from tlcore.specs import Optimisation
from tlcore.training.batched import Member, train_together
from tlcore.training.sampling import ShuffledBatches
from tlcore.training.schedules import learning_rate

COUNT, CLASSES, STEPS = 24, 3, 6
SGD = Optimisation(learning_rate=0.1, schedule="cosine", weight_decay=0.01)
ADAM = Optimisation(optimiser="adam", learning_rate=0.01, schedule="constant")


def network(seed: int, *, frozen: bool = False) -> nn.Sequential:
    """In double precision and without biases before batch normalisation: Adam makes whole steps of rounding errors."""
    torch.manual_seed(seed)
    made = nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(3, 4, 3, padding=1, bias=False), norm1=nn.BatchNorm2d(4), relu1=nn.ReLU(),
            pool1=nn.MaxPool2d(2), conv2=nn.Conv2d(4, 5, 3, bias=False), norm2=nn.BatchNorm2d(5),
            flatten=nn.Flatten(), output=nn.Linear(20, CLASSES),
        )
    ).double()  # fmt: skip
    made.train()
    if frozen:  # a layer between two that learn
        made.conv2.requires_grad_(False)
        made.norm2.requires_grad_(False).eval()
    return made


def member(seed: int, **options: bool) -> Member:
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.randn(COUNT, 3, 8, 8, generator=generator, dtype=torch.float64)
    labels = torch.randint(0, CLASSES, (COUNT,), generator=generator)
    return Member(network(seed, **options), inputs, labels, ShuffledBatches(COUNT, 7, seed, torch.device("cpu")))


def alone(one: Member, optimisation: Optimisation) -> list[float]:
    """The plain loop, in place."""
    kind = torch.optim.SGD if optimisation.optimiser == "sgd" else torch.optim.Adam
    options = {"momentum": optimisation.momentum} if kind is torch.optim.SGD else {}
    optimiser = kind(one.network.parameters(), weight_decay=optimisation.weight_decay, lr=0.0, **options)
    losses = []
    for step in range(STEPS):
        optimiser.param_groups[0]["lr"] = learning_rate(optimisation, step / STEPS)
        rows = one.batches.next()
        loss = functional.cross_entropy(one.network(one.inputs[rows]), one.labels[rows])
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    return losses


@pytest.mark.parametrize("optimisation", [SGD, ADAM], ids=["sgd", "adam"])
@pytest.mark.parametrize("frozen", [False, True], ids=["all learn", "one layer frozen"])
def test_together_and_one_by_one_give_the_same_networks(optimisation: Optimisation, frozen: bool) -> None:
    together = [member(seed, frozen=frozen) for seed in (1, 2, 3)]
    singly = [copy.deepcopy(one) for one in together]
    before = {name: tensor.clone() for name, tensor in together[1].network.state_dict().items()}
    losses = train_together(together, optimisation, STEPS)
    expected = torch.tensor([alone(one, optimisation) for one in singly]).T
    torch.testing.assert_close(losses.double(), expected.double(), rtol=1e-5, atol=1e-6)
    for one, other in zip(together, singly, strict=True):
        for name, tensor in other.network.state_dict().items():
            torch.testing.assert_close(one.network.state_dict()[name], tensor, rtol=1e-5, atol=1e-6)
    for name, tensor in together[1].network.state_dict().items():
        stays = frozen and name.startswith(("conv2", "norm2"))
        assert torch.equal(tensor, before[name]) == stays, name


def test_networks_that_differ_are_refused() -> None:
    with pytest.raises(ValueError, match="alike"):
        train_together([member(1), member(2, frozen=True)], SGD, 1)
    with pytest.raises(ValueError, match="no network"):
        train_together([], SGD, 1)
