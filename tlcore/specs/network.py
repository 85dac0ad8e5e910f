"""Which network a run trains: the feature extractor and the label predictor; other heads belong to the method."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from tlcore.specs.architectures import ArchitectureName, WeightsName
from tlcore.specs.base import Spec, parameter

Normalisation = Literal["none", "batch"]


class SmallCnn(Spec):
    """conv5-16, pool, conv5-32, pool, dense 100: for pictures of 16×16."""

    name: Literal["small-cnn"] = "small-cnn"
    channels: int = parameter(16, "Channels of the first convolution; the second has twice as many.", ge=4, le=256)
    features: int = parameter(100, "Width of the dense layer whose activations are the features.", ge=2, le=4096)
    normalisation: Normalisation = parameter("none", "Batch normalisation after each convolution, or none.")
    dropout: float = parameter(0.0, "Share of features dropped while training.", ge=0.0, le=0.9)


class PaperMnist(Spec):
    """conv5-32, pool, conv5-48, pool; label predictor 100-100-10 (Ganin et al. 2016, figure 4a)."""

    name: Literal["paper-mnist"] = "paper-mnist"
    normalisation: Normalisation = parameter("none", "Batch normalisation after each convolution, or none.")
    dropout: float = parameter(0.0, "Share of features dropped while training.", ge=0.0, le=0.9)


class PaperSvhn(Spec):
    """conv5-64, pool, conv5-64, pool, conv5-128; label predictor 3072-2048-10 (Ganin et al. 2016, figure 4b)."""

    name: Literal["paper-svhn"] = "paper-svhn"
    normalisation: Normalisation = parameter("none", "Batch normalisation after each convolution, or none.")
    dropout: float = parameter(0.5, "Share of features dropped while training.", ge=0.0, le=0.9)


class BlockCnn(Spec):
    """Four blocks of conv3, batch normalisation and rectifier, the first three pooled, and one dense layer: five layers
    to copy, for pictures of 16×16 and more."""

    name: Literal["block-cnn"] = "block-cnn"
    channels: int = parameter(32, "Channels of the first two blocks; the last two have twice as many.", ge=4, le=256)
    features: int = parameter(128, "Width of the dense layer whose activations are the features.", ge=2, le=4096)
    normalisation: Normalisation = parameter("batch", "Batch normalisation after each convolution, or none.")
    dropout: float = parameter(0.0, "Share of features dropped while training.", ge=0.0, le=0.9)


class PyramidCnn(Spec):
    """Four blocks of conv3, normalisation, pooling and rectifier, each twice as wide as the one before: for pictures of
    32×32. What the last block gives are the features."""

    name: Literal["pyramid-cnn"] = "pyramid-cnn"
    channels: int = parameter(16, "Channels of the first block; the last has eight times as many.", ge=4, le=256)
    normalisation: Normalisation = parameter("batch", "Batch normalisation after each convolution, or none.")
    dropout: float = parameter(0.0, "Share of features dropped while training.", ge=0.0, le=0.9)


class LinearMap(Spec):
    """One dense layer on the pixels and nothing else: what principal components are put into."""

    name: Literal["linear-map"] = "linear-map"
    features: int = parameter(64, "How many numbers are made of a picture.", ge=2, le=4096)


class AsTheyAre(Spec):
    """No network: features that were computed elsewhere are taken as they are."""

    name: Literal["as-they-are"] = "as-they-are"


class Perceptron(Spec):
    """One hidden layer of sigmoid units for points in the plane (Ganin et al. 2016, section 5.1)."""

    name: Literal["perceptron"] = "perceptron"
    hidden_units: int = parameter(15, "Sigmoid units in the hidden layer.", ge=2, le=1024)


class Pretrained(Spec):
    """A classification network of torchvision; its last layer is replaced by one for the classes at hand."""

    name: Literal["torchvision"] = "torchvision"
    architecture: ArchitectureName = parameter("squeezenet1_0", "Which network of torchvision.")
    weights: WeightsName = parameter(
        "DEFAULT", "Which of the published weights it starts with; none: random. Each brings its own normalisation."
    )
    side: int = parameter(
        0, "Side in pixels to which pictures are brought; 0 takes the side the weights were trained with.", ge=0, le=768
    )


class OwnWeights(Spec):
    """A network of torchvision with weights that were put into the data folder under a name."""

    name: Literal["own-weights"] = "own-weights"
    weights: str = parameter(
        ..., "Name under which the weights were added to the data folder.", pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$"
    )
    content: str = parameter(
        "", "Which content of that name, so that it is the same run only with the same weights; empty: as it is now.",
        pattern=r"^(?:[0-9a-f]{16})?$", advanced=True,
    )  # fmt: skip
    side: int = parameter(
        0, "Side in pixels to which pictures are brought; 0 takes the side the weights were trained with.", ge=0, le=768
    )


NetworkSpec = Annotated[
    SmallCnn | BlockCnn | PyramidCnn | PaperMnist | PaperSvhn | Perceptron | LinearMap | AsTheyAre | Pretrained
    | OwnWeights,
    Field(discriminator="name"),
]  # fmt: skip
