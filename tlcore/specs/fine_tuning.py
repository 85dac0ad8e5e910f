"""Fine-tuning: the task that is learned first, and what can be done with its network when the target has few labels."""

from __future__ import annotations

from typing import ClassVar, Literal

from tlcore.specs.base import Spec, parameter


class Pretrain(Spec):
    """Learns the source task; every arm of the comparison starts from these weights."""

    title: ClassVar[str] = "Source task"
    reads_target_labels: ClassVar[bool] = False
    name: Literal["pretrain"] = "pretrain"


class Scratch(Spec):
    """Learns the target from random weights: what its labels alone are worth."""

    title: ClassVar[str] = "From scratch"
    reads_target_labels: ClassVar[bool] = True
    name: Literal["scratch"] = "scratch"
    early_stopping: bool = parameter(
        False, "Keep the weights that were best on a fifth of the target's labels, which are then not learned from; "
        "with fewer than five labels per class nothing is set aside.",
    )  # fmt: skip


class FixedFeatures(Spec):
    """A linear classifier on features of the source network, which stays as it is."""

    title: ClassVar[str] = "Fixed features"
    reads_target_labels: ClassVar[bool] = True
    name: Literal["fixed_features"] = "fixed_features"
    classifier: Literal["softmax", "svm"] = parameter(
        "softmax", "softmax: logistic regression; svm: one linear support vector machine a class. Both solved exactly.",
    )  # fmt: skip
    layer: int = parameter(
        0, "After which layer of the feature extractor the features are read; 0: after the last.", ge=0, le=200
    )
    weight_decay: float = parameter(
        0.01, "How strongly the classifier's weights are held small; softmax alone, the svm chooses by itself.",
        ge=0.0, le=10.0, label="Classifier's weight decay", logarithmic=True,
    )  # fmt: skip


class Tuning(Spec):
    """What every kind of fine-tuning can be told."""

    reads_target_labels: ClassVar[bool] = True
    head_warm_up: float = parameter(
        0.2, "Share of training in which the fresh head learns alone, the source network untouched.", ge=0.0, le=1.0
    )
    head_rate: float = parameter(
        10.0, "The head's learning rate as a multiple of the body's.", gt=0.0, le=1000.0, logarithmic=True
    )
    rate_decay: float = parameter(
        1.0, "Each layer below learns slower by this factor; 1: all alike.", gt=0.0, le=1.0,
        label="Rate decay by layer", source="Howard and Ruder 2018, section 3.2: 1/2.6",
    )  # fmt: skip
    last_layers: int = parameter(
        0, "Only so many of the last layers of the feature extractor are tuned; 0: all.", ge=0, le=200
    )
    gradual_unfreezing: bool = parameter(
        False, "Let the layers join one after another, the last first.", source="Howard and Ruder 2018, section 3.3"
    )
    gradient_limit: float = parameter(
        1.0, "Longest gradient of all weights together; a longer one is shortened, so that a few pictures cannot throw "
        "the network out of what it knows. 0: no limit.", ge=0.0, le=1000.0, advanced=True,
    )  # fmt: skip
    batch_norm: Literal["target", "source"] = parameter(
        "source", "Statistics of batch normalisation while tuning: the target's, or as the source left them.",
        label="Batch normalisation",
    )  # fmt: skip
    early_stopping: bool = parameter(
        False, "Keep the weights that were best on a fifth of the target's labels, which are then not learned from; "
        "with fewer than five labels per class nothing is set aside.",
    )  # fmt: skip


class FineTune(Tuning):
    """Goes on learning from the source network's weights with the target's labels."""

    title: ClassVar[str] = "Fine-tuned"
    name: Literal["fine_tune"] = "fine_tune"


class L2Sp(Tuning):
    """Fine-tuning that holds the parameters near those of the source network."""

    title: ClassVar[str] = "Parameters held (L2-SP)"
    name: Literal["l2_sp"] = "l2_sp"
    anchor_strength: float = parameter(
        0.1, "Weight α of half the squared distance from the source network's parameters.", ge=0.0, le=1000.0,
        label="Strength α of the anchor", logarithmic=True, source="Li, Grandvalet and Davoine 2018, equation 5",
    )  # fmt: skip
    head_decay: float = parameter(
        0.01, "Weight β of half the squared length of the fresh head's weights.", ge=0.0, le=10.0, advanced=True,
        label="Decay β of the head", source="Li, Grandvalet and Davoine 2018, equation 5",
    )  # fmt: skip


class OutputMatching(Tuning):
    """Fine-tuning that holds the source network's answers, on the target's own pictures, near the old ones."""

    title: ClassVar[str] = "Outputs held"
    name: Literal["output_matching"] = "output_matching"
    matching_strength: float = parameter(
        1.0, "Weight of the divergence between the old answers and the new ones.", ge=0.0, le=1000.0, logarithmic=True,
        source="Li and Hoiem 2016, equation 1",
    )  # fmt: skip
    temperature: float = parameter(
        2.0, "Answers are softened by this temperature before they are compared.", gt=0.0, le=100.0,
        source="Li and Hoiem 2016, section 3",
    )  # fmt: skip
