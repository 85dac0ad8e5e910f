"""Layers with names and numbers that mean the same in every network, the lab's own and torchvision's.

A *layer* is something with weights (a convolution, a dense layer, a block of several) together with whatever follows
it up to the next one: normalisation, rectification, pooling, dropout. AlexNet has the eight layers of Krizhevsky et
al. 2012, as Yosinski et al. 2014 count them. What comes before the first weights belongs to the first layer.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.modules.batchnorm import _NormBase

from tlcore.errors import InvalidRequest

WHOLE_NETWORK = "whole_network"  # attribute of a network that stands inside another as one of its modules
MOST_NAMED = 3

Reader = Callable[[torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class Layer:
    """A layer by the path of its weights, as in a state dict; modules: the paths of all that belongs to it."""

    name: str
    modules: tuple[str, ...]


def layers(network: nn.Module) -> tuple[Layer, ...]:
    """The layers in the order in which they are computed."""
    groups: list[tuple[str, list[str]]] = []
    before: list[str] = []
    for path, module in _units(network):
        if _begins_a_layer(module):
            groups.append((path, [*before, path]))
            before = []
        elif groups:
            groups[-1][1].append(path)
        else:
            before.append(path)
    return tuple(Layer(name, tuple(modules)) for name, modules in groups)


def _units(module: nn.Module, prefix: str = "") -> Iterator[tuple[str, nn.Module]]:
    """The smallest parts that are computed one after another: sequences are opened, blocks with branches are not."""
    for name, child in module.named_children():
        path = f"{prefix}{name}"
        if _is_sequence(child):
            yield from _units(child, f"{path}.")
        else:
            yield path, child


def _is_sequence(module: nn.Module) -> bool:
    kind = type(module)
    if getattr(module, WHOLE_NETWORK, False):
        return True
    if isinstance(module, nn.ModuleList):
        return True
    if isinstance(module, nn.Sequential):
        # torchvision's convolution with its normalisation and activation counts as one.
        one = any(base.__name__ == "ConvNormActivation" for base in kind.__mro__)
        return kind.forward is nn.Sequential.forward and not one
    return kind.__name__ == "Encoder" and kind.__module__ == "torchvision.models.vision_transformer"


def _begins_a_layer(module: nn.Module) -> bool:
    normalises = isinstance(module, (_NormBase, nn.LayerNorm, nn.GroupNorm))
    return not normalises and next(module.parameters(), None) is not None


class _Enough(Exception):
    """Carries the features out of a forward pass whose rest is not needed."""

    def __init__(self, features: torch.Tensor) -> None:
        self.features = features


@contextmanager
def reading_after(network: nn.Module, number: int, *, pooled: bool = True) -> Iterator[Reader]:
    """A function that gives the features after layer `number` for inputs (N, …), as `features_after` does.

    While the block lasts, the network stops there; several threads may call the function at once.
    """
    found = layers(network)
    if not 1 <= number <= len(found):
        raise InvalidRequest(f"There is no layer {number}: this network has layers 1 to {len(found)}.")
    channels_last = _channels_last(network)

    def stop(_: nn.Module, arguments: tuple[torch.Tensor, ...]) -> None:
        raise _Enough(arguments[0])

    def read(inputs: torch.Tensor) -> torch.Tensor:
        try:
            features = network(inputs)
        except _Enough as enough:
            features = enough.features
        return pool(features, channels_last) if pooled else features

    if number == len(found):
        yield read
        return
    hook = network.get_submodule(found[number].name).register_forward_pre_hook(stop)
    try:
        yield read
    finally:
        hook.remove()


def features_after(network: nn.Module, number: int, inputs: torch.Tensor, *, pooled: bool = True) -> torch.Tensor:
    """What layer `number` + 1 reads, so everything up to and with layer `number` (1 is the first) has been computed.

    inputs: whatever the network takes, (N, …). The result is (N, …), or (N, D) where `pooled`: maps are averaged over
    their places, tokens over the sequence. After the last layer it is the network's output. Raises InvalidRequest for
    a number that no layer has.
    """
    with reading_after(network, number, pooled=pooled) as read:
        return read(inputs)


def split_after(network: nn.Sequential, count: int) -> tuple[nn.Sequential, nn.Sequential] | None:
    """The first `count` layers and the rest, the modules shared with `network`; None where the cut would lie inside
    one of its modules. What follows a layer's weights up to the next ones belongs to it.

    Raises InvalidRequest for a number that no layer has.
    """
    found = layers(network)
    if not 0 <= count <= len(found):
        raise InvalidRequest(f"There are no first {count} layers: this network has {len(found)}.")
    children = list(network.named_children())
    at = {0: 0, len(found): len(children)}.get(count)
    if at is None:
        names = [name for name, _ in children]
        if found[count].name not in names:
            return None
        at = names.index(found[count].name)
    return nn.Sequential(OrderedDict(children[:at])), nn.Sequential(OrderedDict(children[at:]))


class FeaturesAfter(nn.Module):
    """A network up to and with one of its layers: inputs (N, …) to features (N, D), maps averaged over their places."""

    def __init__(self, network: nn.Module, number: int) -> None:
        super().__init__()
        self.network = network
        self.number = number
        with reading_after(network, number):  # raises for a number that no layer has
            pass

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return features_after(self.network, self.number, inputs)


def features_of_all(network: nn.Module, inputs: torch.Tensor) -> list[torch.Tensor]:
    """The pooled features (N, D) after every layer, the first layer's first, by one forward pass."""
    found = layers(network)
    channels_last = _channels_last(network)
    read: list[torch.Tensor] = []

    def keep(_: nn.Module, arguments: tuple[torch.Tensor, ...]) -> None:
        read.append(pool(arguments[0], channels_last))

    hooks = [network.get_submodule(layer.name).register_forward_pre_hook(keep) for layer in found[1:]]
    try:
        last = network(inputs)
    finally:
        for hook in hooks:
            hook.remove()
    return [*read, pool(last, channels_last)]


def pool(features: torch.Tensor, channels_last: bool = False) -> torch.Tensor:
    """(N, C, H, W), (N, H, W, C) or (N, T, C) averaged to (N, C); (N, D) as it is."""
    if features.ndim == 4:
        return features.mean((1, 2) if channels_last else (2, 3))
    return features.mean(1) if features.ndim == 3 else features.flatten(1)


def _channels_last(network: nn.Module) -> bool:
    return any(type(module).__name__ == "SwinTransformer" for module in network.modules())


def state_of_layers(network: nn.Module, count: int) -> dict[str, torch.Tensor]:
    """Weights and buffers of the first `count` layers by their names in the state dict; 0 gives none.

    Weights that belong to no module of any layer (a transformer's positions) go with the first layer. Raises
    InvalidRequest for a number that no layer has.
    """
    found = layers(network)
    if not 0 <= count <= len(found):
        raise InvalidRequest(f"There are no first {count} layers: this network has {len(found)}.")
    return state_of_chosen(network, range(1, count + 1))


def state_of_chosen(network: nn.Module, numbers: Iterable[int]) -> dict[str, torch.Tensor]:
    """Weights and buffers of any layers by their names in the state dict; those of no layer go with the first.

    Raises InvalidRequest for a number that no layer has.
    """
    found = layers(network)
    wanted = frozenset(numbers)
    strange = sorted(wanted - set(range(1, len(found) + 1)))
    if strange:
        raise InvalidRequest(f"There is no layer {strange[0]}: this network has layers 1 to {len(found)}.")
    own = tuple(f"{path}." for number in wanted for path in found[number - 1].modules)
    others = tuple(f"{path}." for layer in found for path in layer.modules)
    return {
        name: tensor
        for name, tensor in network.state_dict().items()
        if f"{name}.".startswith(own) or (1 in wanted and not f"{name}.".startswith(others))
    }


def copy_layers(source: nn.Module, target: nn.Module, count: int) -> tuple[str, ...]:
    """Put the weights and buffers of the first `count` layers of `source` into `target`; the names that were copied.

    Raises InvalidRequest where a name is missing in the target or a shape differs; nothing is copied then.
    """
    wanted = state_of_layers(source, count)
    present = target.state_dict()
    check_fit(wanted, {name: tensor for name, tensor in present.items() if name in wanted}, "the other network")
    with torch.no_grad():
        for name, tensor in wanted.items():
            present[name].copy_(tensor)
    return tuple(wanted)


def check_fit(weights: dict[str, torch.Tensor], network: dict[str, torch.Tensor], title: str) -> None:
    """Raise InvalidRequest, in one sentence, unless names and shapes are the same.

    Counters of batch normalisation may be missing: files older than these counters are still about.
    """
    missing = [name for name in network if name not in weights and not name.endswith("num_batches_tracked")]
    unknown = [name for name in weights if name not in network]
    different = [
        f"{name} is {_shape(weights[name])} instead of {_shape(tensor)}"
        for name, tensor in network.items()
        if name in weights and weights[name].shape != tensor.shape
    ]
    said = [
        f"{what} {_few(names)}"
        for what, names in (("missing", missing), ("not in the network", unknown), ("of another shape:", different))
        if names
    ]
    if said:
        raise InvalidRequest(f"The weights do not fit {title}: {'; '.join(said)}.")


def _few(names: list[str]) -> str:
    shown = ", ".join(name[:120] for name in names[:MOST_NAMED])
    return shown if len(names) <= MOST_NAMED else f"{shown} and {len(names) - MOST_NAMED} more"


def _shape(tensor: torch.Tensor) -> str:
    return "×".join(str(size) for size in tensor.shape) or "a single number"
