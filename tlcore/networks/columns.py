r"""Progressive networks (Rusu et al. 2016): columns of layers, each reading those beside it through laterals.

A column's i-th layer begins with something that has weights, f_i (a convolution or a dense layer). Where older columns
k stand beside it, what f_i gives is joined by what their layers i − 1 gave, h⁽ᵏ⁾:

    f_i(h) + Σ_k U_i⁽ᵏ⁾ σ(V_i⁽ᵏ⁾ α_i⁽ᵏ⁾ h⁽ᵏ⁾)            (equation 2 of the paper)

V brings h⁽ᵏ⁾ to the adapter's width, whatever the older column's; U has the shape of f_i; α is one learned number;
normalisation, pooling and rectification follow. The first layer reads the picture alone, the label predictor reads
laterals as well. One adapter a column, where the paper joins all columns before one adapter: so that each can be taken
away by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import nn

from tlcore.errors import InvalidRequest
from tlcore.networks.classifiers import Classifier

Reads = list[torch.Tensor]  # what each weighted module of a column was given, in their order


def steps_of(network: Classifier) -> list[tuple[str, nn.Module]]:
    """Everything that is computed one after the other, extractor and predictor, by name.

    Raises InvalidRequest for a network that is no plain sequence of convolutions and dense layers.
    """
    steps = [*network.extractor.named_children(), *network.predictor.named_children()]
    for name, module in steps:
        if next(module.children(), None) is not None:
            raise InvalidRequest(
                f"A progressive network needs a plain sequence of layers: {name} is a block of several."
            )
    return steps


def weighted(module: nn.Module) -> bool:
    """Whether a layer begins with this module."""
    return isinstance(module, (nn.Conv2d, nn.Linear))


class Lateral(nn.Module):
    """U σ(V α h): what one layer of a new column hears of one older column."""

    def __init__(self, heard: int, like: nn.Module, width: int, scale: float) -> None:
        """heard: channels (of maps) or units of h. like: the layer that it joins, a convolution or a dense one."""
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(scale))
        if isinstance(like, nn.Conv2d):
            self.down: nn.Module = nn.Conv2d(heard, width, 1)
            kernel, stride, padding = like.kernel_size, like.stride, like.padding
            self.up: nn.Module = nn.Conv2d(width, like.out_channels, kernel, stride, padding, bias=False)  # type: ignore[arg-type]
        elif isinstance(like, nn.Linear):
            self.down = nn.Linear(heard, width)
            self.up = nn.Linear(width, like.out_features, bias=False)
        else:
            raise TypeError(f"no lateral connection ends at a {type(like).__name__}")

    def forward(self, heard: torch.Tensor) -> torch.Tensor:
        """heard: (N, C, H, W) or (N, D) of the older column. What is added in the new one."""
        joined: torch.Tensor = self.up(torch.relu(self.down(self.scale * heard)))
        return joined


class Columns(nn.Module):
    """Older columns, frozen, and the laterals from each to a new one.

    The older ones may have laterals between themselves: column k reads the columns before it.
    """

    def __init__(self, columns: Sequence[Classifier], laterals: Sequence[nn.ModuleDict]) -> None:
        """laterals: of each column those it reads the ones before it by, as `new_laterals` makes them."""
        super().__init__()
        self.columns = nn.ModuleList(columns)
        self.between = nn.ModuleList(laterals)
        self.requires_grad_(False)
        self.eval()

    def train(self, mode: bool = True) -> Columns:
        """Frozen: always in evaluation mode, so that statistics stay."""
        return super().train(False)

    def reads(self, inputs: torch.Tensor, count: int | None = None) -> tuple[list[Reads], list[torch.Tensor]]:
        """What each weighted module of each of the first `count` columns was given, and each column's logits."""
        heard: list[Reads] = []
        logits: list[torch.Tensor] = []
        for column, laterals in list(zip(self.columns, self.between, strict=True))[:count]:
            assert isinstance(column, Classifier) and isinstance(laterals, nn.ModuleDict)
            reads, _, answer = forward(column, laterals, inputs, heard)
            heard.append(reads)
            logits.append(answer)
        return heard, logits


def forward(
    column: Classifier,
    laterals: nn.ModuleDict | Mapping[str, nn.Module],
    inputs: torch.Tensor,
    heard: Sequence[Reads],
    silent: Iterable[str] = (),
) -> tuple[Reads, torch.Tensor, torch.Tensor]:
    """What each weighted module of a column was given, its features (N, D) and its logits (N, K).

    heard: the same of the older columns. silent: names of laterals that are taken away.
    """
    reads: Reads = []
    quiet, values = frozenset(silent), inputs
    features, last = inputs, len(list(column.extractor.children()))
    for place, (_, module) in enumerate(steps_of(column)):
        if place == last:
            features = values
        given, values = values, module(values)
        if weighted(module):
            for number, older in enumerate(heard):
                name = lateral_name(number, len(reads))
                if name in laterals and name not in quiet:
                    values = values + laterals[name](older[len(reads)])
            reads.append(given)
    return reads, features, values


def lateral_name(column: int, layer: int) -> str:
    """`column1_layer2`: columns and layers counted from 1; the layer is the one it ends in."""
    return f"column{column + 1}_layer{layer + 1}"


def new_laterals(
    column: Classifier, older: Sequence[Classifier], heard: Sequence[Reads], reads: Reads, width: int, scale: float
) -> nn.ModuleDict:
    """Laterals from every older column to every layer of a new one but its first.

    heard, reads: what the older ones' and the new one's weighted modules are given for an example, which tells shapes.
    Raises InvalidRequest where columns have other layers or maps of another size; widths may differ.
    """
    modules = [module for _, module in steps_of(column) if weighted(module)]
    laterals: dict[str, nn.Module] = {}
    for number, (network, theirs) in enumerate(zip(older, heard, strict=True)):
        kinds = [type(module) for _, module in steps_of(network) if weighted(module)]
        if kinds != [type(module) for module in modules]:
            raise InvalidRequest(
                "The columns of a progressive network need layers of the same kinds in the same order."
            )
        for layer in range(1, len(modules)):
            if theirs[layer].shape[2:] != reads[layer].shape[2:]:
                raise InvalidRequest(f"Layer {layer} of the columns gives maps of different sizes.")
            name = lateral_name(number, layer)
            laterals[name] = Lateral(theirs[layer].shape[1], modules[layer], width, scale)
    return nn.ModuleDict(laterals)
