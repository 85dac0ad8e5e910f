"""Several networks of one architecture trained as one: their weights stacked, every operation done for all at once.

Each learns from its own examples in its own order, and becomes what it would have become by itself; a device that one
small network leaves idle is busy with many. Whether that is faster, `benchmarks/batched_arms.py` measures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn
from torch.func import functional_call, stack_module_state, vmap
from torch.nn import functional
from torch.nn.modules.batchnorm import _BatchNorm

from tlcore.specs import Optimisation
from tlcore.training.loop import build_optimiser
from tlcore.training.sampling import ShuffledBatches
from tlcore.training.schedules import learning_rate


@dataclass(frozen=True)
class Member:
    """One of the networks: inputs (N, …) to logits (N, K), what it learns from, and in which order.

    Its modules are in the mode in which they are to learn, and what is frozen needs no gradient.
    """

    network: nn.Module
    inputs: torch.Tensor
    labels: torch.Tensor
    batches: ShuffledBatches


def train_together(
    members: Sequence[Member], optimisation: Optimisation, steps: int, precision: torch.dtype = torch.float32
) -> torch.Tensor:
    """Train all by cross-entropy, in place; the losses (steps, members), on their device.

    All members need the same architecture, modes, frozen parameters, size of batch and shape of inputs. Dropout draws
    for each of them apart, and not as it would for one alone.

    Raises ValueError where they differ.
    """
    _check(members)
    first = members[0].network
    device_type = members[0].inputs.device.type
    parameters, buffers = stack_module_state([member.network for member in members])
    names = {name for name, parameter in first.named_parameters() if parameter.requires_grad}
    learned = {name: stacked for name, stacked in parameters.items() if name in names}
    still = {name: stacked.detach() for name, stacked in parameters.items() if name not in names}
    optimiser = build_optimiser(optimisation, list(learned.values()))

    def loss_of_one(
        weights: dict[str, torch.Tensor], state: dict[str, torch.Tensor], inputs: torch.Tensor, labels: torch.Tensor
    ) -> torch.Tensor:
        logits: torch.Tensor = functional_call(first, (weights, state), (inputs,))
        return functional.cross_entropy(logits.float(), labels)

    losses_of_all = vmap(loss_of_one, randomness="different")
    told = []
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(optimisation, step / steps)
        chosen = [member.batches.next() for member in members]
        inputs = torch.stack([member.inputs[rows] for member, rows in zip(members, chosen, strict=True)])
        labels = torch.stack([member.labels[rows] for member, rows in zip(members, chosen, strict=True)])
        with torch.autocast(device_type, precision, enabled=precision != torch.float32):
            losses = losses_of_all({**learned, **still}, buffers, inputs, labels)
        optimiser.zero_grad(set_to_none=True)
        losses.sum().backward()  # each loss depends on its own weights alone
        optimiser.step()
        told.append(losses.detach())
    _put_back(members, {**learned, **buffers})
    return torch.stack(told)


def _check(members: Sequence[Member]) -> None:
    if not members:
        raise ValueError("There is no network to train.")

    def kind(member: Member) -> object:
        network = member.network
        tensors = [
            (name, tensor.shape, tensor.requires_grad, tensor.device) for name, tensor in network.named_parameters()
        ]
        modes = [(name, type(module), module.training) for name, module in network.named_modules()]
        momenta = {module.momentum for module in network.modules() if isinstance(module, _BatchNorm)}
        return tensors, modes, momenta, member.inputs.shape[1:], member.batches.batch_size

    if any(kind(member) != kind(members[0]) for member in members[1:]):
        raise ValueError("Only networks that are alike and learn alike can be trained together.")


@torch.no_grad()
def _put_back(members: Sequence[Member], stacked: dict[str, torch.Tensor]) -> None:
    for index, member in enumerate(members):
        own = dict(member.network.named_parameters()) | dict(member.network.named_buffers())
        for name, tensor in stacked.items():
            own[name].copy_(tensor[index])
