"""Zero-shot learning: classes that are never shown, known by a description alone, and the ways to recognise them."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from tlcore.specs.base import Spec, parameter
from tlcore.specs.creatures import Creatures
from tlcore.specs.own_data import OwnFeatures, OwnPictures

XIAN = "Xian et al. 2019"


class Xlsa17(Spec):
    """A published benchmark with its proposed splits: features of a ResNet-101 and descriptions of all classes."""

    name: Literal["xlsa17"] = "xlsa17"
    benchmark: Literal["awa2", "cub", "sun"] = parameter("awa2", "Which of the benchmarks.", source=XIAN)


ZeroShotSource = Annotated[Creatures | Xlsa17 | OwnFeatures | OwnPictures, Field(discriminator="name")]


class ZeroShotTask(Spec):
    """Examples of seen classes to learn from; seen and unseen classes to report on; a description of every class."""

    kind: Literal["zero_shot"] = "zero_shot"
    source: ZeroShotSource = Field(default_factory=Creatures, description="The data with their descriptions.")
    unseen: Literal["unseen", "tuning"] = parameter(
        "unseen", "unseen: report on the unseen classes; tuning: choose settings without them: some of the seen "
        "classes are held out and play the unseen ones.", source=f"{XIAN}, section 4.2", advanced=True,
    )  # fmt: skip


class SeenClasses(Spec):
    """An ordinary classifier of the seen classes; others begin with its network."""

    title: ClassVar[str] = "Seen classes alone"
    reads_target_labels: ClassVar[bool] = False
    name: Literal["features"] = "features"


class PictureSide(Spec):
    """What is learned of the pictures' side."""

    reads_target_labels: ClassVar[bool] = False
    picture_side: Literal["learns", "stays"] = parameter(
        "learns", "learns: the feature extractor is trained as well; stays: features are taken as the start has them, "
        "of pictures that are not varied.",
    )  # fmt: skip
    head_rate: float = parameter(
        1.0, "The learning rate of what stands on the features, as a multiple of the run's.", gt=0.0, le=1000.0,
        logarithmic=True,
    )  # fmt: skip


class Attributes(PictureSide):
    """Predicts each attribute by itself and looks the class up in the table of descriptions."""

    title: ClassVar[str] = "Attribute prediction"
    name: Literal["attributes"] = "attributes"
    prior: bool = parameter(
        True, "Weigh an attribute by how much it says beyond how common it is among seen classes.",
        source="Lampert, Nickisch and Harmeling 2014, equation 5",
    )  # fmt: skip


class JointEmbedding(PictureSide):
    """f of a picture and g of a description in one space; f(x)·g(s) is the score of a class."""

    width: int = parameter(64, "Dimensions of the joint space.", ge=2, le=2048, logarithmic=True)


class Naive(JointEmbedding):
    """Only pulls each picture to its description: it collapses, everything into one point."""

    title: ClassVar[str] = "Joint space, naive"
    name: Literal["naive"] = "naive"


class Margin(JointEmbedding):
    """A picture's own description must score higher than every other, by a margin."""

    title: ClassVar[str] = "Joint space, margin"
    name: Literal["margin"] = "margin"
    margin: float = parameter(1.0, "By how much the right description must lead, k.", gt=0.0, le=100.0)
    against: Literal["classes", "batch"] = parameter(
        "classes", "classes: the strongest of all other seen classes; batch: of the other pairs in the batch, as the "
        "lecture writes it.",
    )  # fmt: skip


class Conse(Spec):
    """A convex combination of the descriptions of those seen classes that a plain classifier believes in."""

    title: ClassVar[str] = "ConSE"
    reads_target_labels: ClassVar[bool] = False
    name: Literal["conse"] = "conse"
    most: int = parameter(
        10, "Of how many seen classes, the likeliest ones.", ge=1, le=1000, source="Norouzi et al. 2014, equation 1"
    )


class Eszsl(Spec):
    """A bilinear map between features and descriptions in closed form."""

    title: ClassVar[str] = "ESZSL"
    reads_target_labels: ClassVar[bool] = False
    name: Literal["eszsl"] = "eszsl"
    strengths: Literal["given", "chosen"] = parameter(
        "given", "chosen: γ and λ are the best of a grid on held-out seen classes, the given ones are not used.",
        source="Romera-Paredes and Torr 2015, section 4",
    )  # fmt: skip
    gamma: float = parameter(
        1000.0, "γ: how strongly the pictures' side is held small.", gt=0.0, le=1e9, logarithmic=True
    )
    lam: float = parameter(
        1.0, "λ: how strongly the descriptions' side is held small.", gt=0.0, le=1e9, label="Lambda", logarithmic=True
    )


class Devise(PictureSide):
    """Ranks descriptions: every other class that comes too near counts."""

    title: ClassVar[str] = "DeViSE"
    name: Literal["devise"] = "devise"
    margin: float = parameter(
        0.1, "By how much the right description must lead.", gt=0.0, le=100.0, source="Frome et al. 2013, equation 1"
    )


class Ale(PictureSide):
    """Ranks descriptions: what stands wrongly at the top of the ranking counts most."""

    title: ClassVar[str] = "ALE"
    name: Literal["ale"] = "ale"
    margin: float = parameter(
        1.0, "By how much the right description must lead.", gt=0.0, le=100.0, source="Akata et al. 2016, equation 13"
    )


ZeroShotMethod = SeenClasses | Attributes | Naive | Margin | Conse | Eszsl | Devise | Ale
