"""Self-taught learning: features from pictures without labels, and what they are worth to a target with few or none."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, model_validator

from tlcore.specs.base import Spec, parameter
from tlcore.specs.data import DatasetSpec, PhotoDigits
from tlcore.specs.fine_tuning import Tuning
from tlcore.specs.glyphs import Glyphs


class UnlabelledTask(Spec):
    """Pictures without labels to learn features from, and the target on whose test pictures these are looked at."""

    kind: Literal["unlabelled"] = "unlabelled"
    source: DatasetSpec | None = Field(
        default_factory=lambda: Glyphs(characters="all", backdrop="plain"),
        description="The pictures that are learned from; their labels are thrown away. None: the target's alone.",
    )
    target: DatasetSpec = Field(
        default_factory=lambda: PhotoDigits(renderings=3), description="The data the features should serve."
    )
    backdrop: Literal["photographs", "none"] = parameter(
        "photographs", "photographs: whenever a picture of the source is looked at, it is laid over another crop of "
        "two photographs, its brightness taken for ink; none: it stays as it is.", by_arm=True,
    )  # fmt: skip
    target_pictures: int = parameter(
        0, "Pictures of the target, drawn at random and without labels, that are learned from as well; 0: none.",
        ge=0, le=100_000, by_arm=True,
    )  # fmt: skip
    clusters: int = parameter(
        0, "Into how many clusters the target's test pictures are put by their features; 0: none.", ge=0, le=200
    )
    initialisations: int = parameter(
        10, "How often clustering begins anew from other first centres.", ge=1, le=50, advanced=True
    )

    @model_validator(mode="after")
    def _something_to_learn_from(self) -> UnlabelledTask:
        if self.source is None and not self.target_pictures:
            raise ValueError("there is nothing to learn from: neither a source nor pictures of the target")
        return self


class LearnsWithoutLabels(Spec):
    """What all methods without labels have in common: nobody tells them a class."""

    reads_target_labels: ClassVar[bool] = False


class PrincipalComponents(LearnsWithoutLabels):
    """The directions in which the pictures vary most: features without a network, and the baseline for all others."""

    title: ClassVar[str] = "Principal components"
    name: Literal["principal_components"] = "principal_components"
    pictures: int = parameter(
        10_000, "Pictures, each varied anew, whose covariance is taken apart.", ge=100, le=200_000, logarithmic=True
    )


class Autoencoder(LearnsWithoutLabels):
    """Finds the clean picture behind a disturbed one; what the code must hold for that are the features."""

    title: ClassVar[str] = "Denoising autoencoder"
    name: Literal["autoencoder"] = "autoencoder"
    noise: float = parameter(
        0.0, "Standard deviation of noise on each pixel, whose range is 1, besides the backdrop.", ge=0.0, le=1.0,
        source="Vincent et al. 2010, section 3",
    )  # fmt: skip


class Contrastive(LearnsWithoutLabels):
    """Two views of one picture belong together, those of different pictures do not."""

    title: ClassVar[str] = "Contrastive (SimCLR)"
    name: Literal["contrastive"] = "contrastive"
    temperature: float = parameter(
        0.2, "Temperature τ by which similarities are divided.", gt=0.0, le=10.0, logarithmic=True,
        source="Chen et al. 2020, equation 1",
    )  # fmt: skip
    projection: int = parameter(
        64, "Width of the projection in which views are compared; features are read before it.", ge=2, le=4096,
        source="Chen et al. 2020, section 4.2",
    )  # fmt: skip


class VarianceRegularised(LearnsWithoutLabels):
    """Two views of one picture lie together; spread and decorrelation are asked for, so no picture is pushed away."""

    title: ClassVar[str] = "Variance and covariance held (VICReg)"
    name: Literal["vicreg"] = "vicreg"
    invariance_weight: float = parameter(
        25.0, "Weight λ of the distance between two views.", ge=0.0, le=1000.0,
        source="Bardes, Ponce and LeCun 2022, equation 6",
    )  # fmt: skip
    variance_weight: float = parameter(
        25.0, "Weight μ of what each coordinate's standard deviation lacks of 1.", ge=0.0, le=1000.0, by_arm=True,
        source="Bardes, Ponce and LeCun 2022, equation 1",
    )  # fmt: skip
    covariance_weight: float = parameter(
        1.0, "Weight ν of the squared covariances between coordinates.", ge=0.0, le=1000.0, by_arm=True,
        source="Bardes, Ponce and LeCun 2022, equation 4",
    )  # fmt: skip
    projection: int = parameter(
        256, "Width of the projection in which views are compared; features are read before it. 0: none, the features "
        "themselves are compared.", ge=0, le=8192,
    )  # fmt: skip


class LearnedFeatures(Tuning):
    """A few labels on features that were learned without any: a linear classifier, nearest neighbours, fine-tuning."""

    title: ClassVar[str] = "Learned without labels"
    name: Literal["learned_features"] = "learned_features"
    judged_by: Literal["fine_tune", "linear_probe", "nearest_neighbours"] = parameter(
        "fine_tune", "Which of the three is this run's accuracy on the target; all three are reported. fine_tune "
        "begins with the linear classifier.", source="Kumar et al. 2022: fit the head first, then tune all",
    )  # fmt: skip
    head_warm_up: float = parameter(
        0.0, "Share of training in which the head learns alone; it begins with the linear classifier's weights.",
        ge=0.0, le=1.0,
    )  # fmt: skip
    head_rate: float = parameter(
        1.0, "The head's learning rate as a multiple of the body's.", gt=0.0, le=1000.0, logarithmic=True
    )
    head_decay: float = parameter(
        0.01, "How strongly the linear classifier's weights are held small.", ge=0.0, le=10.0, logarithmic=True,
        label="Linear classifier's weight decay",
    )  # fmt: skip
    neighbours: int = parameter(
        5, "Labelled pictures that vote, the nearest ones by cosine; at most as many as there are of a class.",
        ge=1, le=200,
    )  # fmt: skip
