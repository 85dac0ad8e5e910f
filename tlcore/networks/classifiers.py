"""Networks of two named parts: a feature extractor and a label predictor. Layer names are stable across the lab."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Sequence

import torch
from torch import nn

from tlcore.networks.pretrained import Normalise, load_network, without_last_layer
from tlcore.specs import (
    AsTheyAre,
    BlockCnn,
    LinearMap,
    NetworkSpec,
    OwnWeights,
    PaperMnist,
    PaperSvhn,
    Perceptron,
    Pretrained,
    PyramidCnn,
    SmallCnn,
)


class CentreInputs(nn.Module):
    """uint8 pictures to floats in [0, 1] less the mean of each channel; float vectors less their mean."""

    mean: torch.Tensor

    def __init__(self, mean: torch.Tensor) -> None:
        super().__init__()
        self.register_buffer("mean", mean)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        if inputs.dtype == torch.uint8:
            inputs = inputs.to(self.mean.dtype).mul_(1 / 255)
        return inputs - self.mean


class Classifier(nn.Module):
    """extractor: inputs (N, …) to features (N, D). predictor: features to class logits (N, K)."""

    def __init__(self, extractor: nn.Sequential, predictor: nn.Sequential, feature_width: int) -> None:
        super().__init__()
        self.extractor = extractor
        self.predictor = predictor
        self.feature_width = feature_width

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.predictor(self.extractor(inputs))
        return logits


def build_classifier(spec: NetworkSpec, input_shape: Sequence[int], class_count: int, mean: torch.Tensor) -> Classifier:
    """The network a spec describes, its weights drawn from torch's global generator.

    input_shape: (C, H, W) or (D,). mean: per channel, shape (C, 1, 1), or (D,), in the units of `CentreInputs`;
    pretrained networks bring their own.

    Raises MissingData and InvalidRequest where the weights of a pretrained network are missing or do not fit it.
    """
    if isinstance(spec, (Pretrained, OwnWeights)):
        return build_pretrained_classifier(spec, class_count)
    if isinstance(spec, AsTheyAre):
        predictor = nn.Sequential(OrderedDict(output=nn.Linear(input_shape[0], class_count)))
        return Classifier(nn.Sequential(OrderedDict(identity=nn.Identity())), predictor, input_shape[0])
    layers: OrderedDict[str, nn.Module] = OrderedDict(centre=CentreInputs(mean))
    if isinstance(spec, Perceptron):
        layers["dense1"] = nn.Linear(input_shape[0], spec.hidden_units)
        layers["sigmoid1"] = nn.Sigmoid()
        predictor = nn.Sequential(OrderedDict(output=nn.Linear(spec.hidden_units, class_count)))
        return Classifier(nn.Sequential(layers), predictor, spec.hidden_units)
    if isinstance(spec, LinearMap):
        layers["flatten"] = nn.Flatten()
        layers["dense1"] = nn.Linear(math.prod(input_shape), spec.features)
        return Classifier(
            nn.Sequential(layers), _dense_stack(spec.features, (), class_count, dropout=0.0), spec.features
        )
    widths: tuple[int, ...]
    hidden: tuple[int, ...] = ()
    kernel, unpooled = 5, 3 if isinstance(spec, PaperSvhn) else 0
    if isinstance(spec, BlockCnn):
        widths = (spec.channels, spec.channels, 2 * spec.channels, 2 * spec.channels)
        kernel, unpooled = 3, 4
    elif isinstance(spec, PyramidCnn):
        widths, kernel = tuple(spec.channels * 2**number for number in range(4)), 3
    elif isinstance(spec, SmallCnn):
        widths = (spec.channels, 2 * spec.channels)
    elif isinstance(spec, PaperMnist):
        widths, hidden = (32, 48), (100, 100)
    else:
        widths, hidden = (64, 64, 128), (3072, 2048)
    channels = input_shape[0]
    for number, width in enumerate(widths, 1):
        layers[f"conv{number}"] = nn.Conv2d(channels, width, kernel, padding=kernel // 2)
        if spec.normalisation == "batch":
            layers[f"norm{number}"] = nn.BatchNorm2d(width)
        # Pooling first: the maximum of rectified values is the rectified maximum, gradients included, and a quarter of
        # the values is left to rectify.
        if number != unpooled:
            layers[f"pool{number}"] = nn.MaxPool2d(3, stride=2) if isinstance(spec, PaperSvhn) else nn.MaxPool2d(2)
        layers[f"relu{number}"] = nn.ReLU()
        channels = width
    layers["flatten"] = nn.Flatten()
    with torch.no_grad():
        flat = nn.Sequential(layers).eval()(torch.zeros(1, *input_shape)).shape[1]
    feature_width = flat
    if isinstance(spec, SmallCnn | BlockCnn):
        layers["dense1"] = nn.Linear(flat, spec.features)
        layers["relu_dense1"] = nn.ReLU()
        feature_width = spec.features
    if spec.dropout:
        layers["dropout"] = nn.Dropout(spec.dropout)
    predictor = _dense_stack(feature_width, hidden, class_count, dropout=spec.dropout)
    return Classifier(nn.Sequential(layers).train(), predictor, feature_width)


def build_pretrained_classifier(spec: Pretrained | OwnWeights, class_count: int) -> Classifier:
    """A network of torchvision up to its last layer as extractor, a new dense layer as predictor."""
    loaded = load_network(spec)
    normalise = Normalise(loaded.preprocessing, spec.side)
    extractor = nn.Sequential(OrderedDict(normalise=normalise, network=without_last_layer(loaded.network)))
    with torch.no_grad():
        width = extractor(torch.zeros(1, 3, normalise.side, normalise.side)).shape[1]
    return Classifier(extractor.train(), _dense_stack(width, (), class_count, dropout=0.0), width)


def build_domain_classifier(feature_width: int, hidden_layers: int, hidden_units: int, dropout: float) -> nn.Sequential:
    """Features (N, D) to one logit (N, 1): positive means target."""
    return _dense_stack(feature_width, (hidden_units,) * hidden_layers, 1, dropout=dropout)


def _dense_stack(width: int, hidden: Sequence[int], outputs: int, *, dropout: float) -> nn.Sequential:
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for number, units in enumerate(hidden, 1):
        layers[f"dense{number}"] = nn.Linear(width, units)
        layers[f"relu{number}"] = nn.ReLU()
        if dropout:
            layers[f"dropout{number}"] = nn.Dropout(dropout)
        width = units
    layers["output"] = nn.Linear(width, outputs)
    return nn.Sequential(layers)
