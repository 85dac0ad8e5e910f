"""The network of a run: built as its spec says, centred on its data, with the weights it starts from."""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import nn

from tlcore.errors import InvalidRequest
from tlcore.networks import Classifier, build_classifier
from tlcore.specs import RunSpec
from tlcore.training.checkpoints import without_prefix
from tlcore.training.context import Context

SOURCE_PREDICTOR = "source_predictor"
VALUES_AT_ONCE = 2**28  # of pictures, as floats: 1 GB


def build_network(
    spec: RunSpec, context: Context, inputs: torch.Tensor, parts: tuple[str, ...] = ("extractor", "predictor")
) -> Classifier:
    """The spec's classifier, centred on `inputs` (N, …), with the start's weights for those parts that it has."""
    picture = inputs.ndim == 4
    mean = channel_means(inputs).div(255)[:, None, None].cpu() if picture else inputs.mean(0).cpu()
    network = build_classifier(spec.network, inputs.shape[1:], context.data.class_count, mean)
    for part in parts:
        load_start_weights(getattr(network, part), part, context)
    return network


def source_predictor(context: Context, feature_width: int) -> nn.Sequential | None:
    """The label predictor of the run this one starts from, which learns no more; None where there was none.

    Raises InvalidRequest where it does not read features of this width.
    """
    tensors = without_prefix("predictor", context.start_weights or {})
    tensors = tensors or without_prefix(f"objective.{SOURCE_PREDICTOR}", context.resume_state or {})
    if not tensors:
        return None
    if set(tensors) != {"output.weight", "output.bias"} or tensors["output.weight"].shape[1] != feature_width:
        raise InvalidRequest("The start's label predictor does not read this network's features.")
    predictor = nn.Sequential(OrderedDict(output=nn.Linear(feature_width, len(tensors["output.bias"]))))
    predictor.load_state_dict(dict(tensors))
    return predictor.to(context.device).eval().requires_grad_(False)


def channel_means(pictures: torch.Tensor) -> torch.Tensor:
    """Mean of each channel (C,) of pictures (N, C, H, W) uint8; of many in blocks: floats take four times as much."""
    blocks = pictures.split(max(1, VALUES_AT_ONCE // pictures[0].numel()))
    if len(blocks) == 1:
        return pictures.float().mean((0, 2, 3))
    sums = [block.float().mean((0, 2, 3)).double() * len(block) for block in blocks]
    return (torch.stack(sums).sum(0) / len(pictures)).float()


def load_start_weights(module: nn.Module, part: str, context: Context) -> None:
    """Take the start's tensors for one part of the network, where the start has that part.

    Raises:
        InvalidRequest: they are not of this network.
    """
    tensors = without_prefix(part, context.start_weights or {})
    if not tensors:
        return
    own = module.state_dict()
    strange = sorted(own.keys() ^ tensors.keys())
    if strange:
        where = "the start" if strange[0] in own else "this network"
        raise InvalidRequest(f"The start's {part} is of another network: {where} has no {strange[0]}.")
    for name, tensor in tensors.items():
        if tensor.shape != own[name].shape:
            theirs, ours = ("×".join(map(str, one.shape)) for one in (tensor, own[name]))
            raise InvalidRequest(f"The start's {part} is of another network: {name} is {theirs} there and {ours} here.")
    module.load_state_dict(tensors)


def channels_last(inputs: torch.Tensor) -> torch.Tensor:
    """Pictures in the memory order that convolutions on a CPU are fastest in; anything else as it is."""
    if inputs.ndim == 4 and inputs.device.type == "cpu":
        return inputs.contiguous(memory_format=torch.channels_last)
    return inputs
