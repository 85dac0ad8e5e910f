"""Domain-adversarial training and the two runs it is compared with."""

from __future__ import annotations

from typing import ClassVar, Literal

from tlcore.specs.base import Spec, parameter


class SourceOnly(Spec):
    """Trains on the labelled source and never sees the target: what happens without adaptation."""

    title: ClassVar[str] = "Source only"
    reads_target_labels: ClassVar[bool] = False
    name: Literal["source_only"] = "source_only"


class TrainOnTarget(Spec):
    """Trains on the target's own labels: what could be reached if they were known."""

    title: ClassVar[str] = "Trained on target"
    reads_target_labels: ClassVar[bool] = True
    name: Literal["train_on_target"] = "train_on_target"


class Dann(Spec):
    """Domain-adversarial neural network (Ganin et al. 2016): labels of the source, pictures of both domains."""

    title: ClassVar[str] = "DANN"
    reads_target_labels: ClassVar[bool] = False
    name: Literal["dann"] = "dann"
    lambda_max: float = parameter(
        1.0, "Final weight λ of the reversed domain gradient that reaches the feature extractor.", ge=0.0, le=20.0,
        label="λ at the end", source="Ganin et al. 2016, section 5.2.2",
    )  # fmt: skip
    lambda_schedule: Literal["ramp", "constant"] = parameter(
        "ramp", "ramp: λ grows from 0 as 2/(1+exp(−γp)) − 1, with p the share of training done; constant: from the "
        "start.", label="λ schedule", source="Ganin et al. 2016, section 5.2.2",
    )  # fmt: skip
    lambda_gamma: float = parameter(
        10.0, "Steepness γ of the ramp.", gt=0.0, le=100.0, label="λ steepness γ", advanced=True,
        source="Ganin et al. 2016, section 5.2.2",
    )  # fmt: skip
    domain_hidden_layers: int = parameter(1, "Hidden layers of the domain classifier.", ge=0, le=4)
    domain_hidden_units: int = parameter(100, "Units in each hidden layer of the domain classifier.", ge=1, le=4096)
    domain_dropout: float = parameter(0.0, "Dropout in the domain classifier.", ge=0.0, le=0.9, advanced=True)
    batch_norm_statistics: Literal["joint", "separate", "source"] = parameter(
        "joint", "What batch normalisation averages over while training. joint: both domains in one batch; separate: "
        "each domain by itself; source: source statistics for the target too. No effect without batch normalisation.",
        advanced=True,
    )  # fmt: skip
