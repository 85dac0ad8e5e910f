"""Data sets of the catalogue that are read from the data folder or rendered, and shifts made of any pictures."""

from __future__ import annotations

from typing import Literal

from tlcore.specs.base import Spec, parameter

CatalogueName = Literal[
    "usps", "svhn", "fashion-mnist", "kmnist", "emnist-letters", "emnist-balanced", "emnist-digits", "omniglot",
    "cifar10", "cifar100", "stl10", "gtsrb", "flowers102", "pets", "dtd", "eurosat", "celeba",
]  # fmt: skip

FaceAttribute = Literal[
    "5_o_Clock_Shadow", "Arched_Eyebrows", "Attractive", "Bags_Under_Eyes", "Bald", "Bangs", "Big_Lips", "Big_Nose",
    "Black_Hair", "Blond_Hair", "Blurry", "Brown_Hair", "Bushy_Eyebrows", "Chubby", "Double_Chin", "Eyeglasses",
    "Goatee", "Gray_Hair", "Heavy_Makeup", "High_Cheekbones", "Male", "Mouth_Slightly_Open", "Mustache", "Narrow_Eyes",
    "No_Beard", "Oval_Face", "Pale_Skin", "Pointy_Nose", "Receding_Hairline", "Rosy_Cheeks", "Sideburns", "Smiling",
    "Straight_Hair", "Wavy_Hair", "Wearing_Earrings", "Wearing_Hat", "Wearing_Lipstick", "Wearing_Necklace",
    "Wearing_Necktie", "Young",
]  # fmt: skip


class CatalogueSet(Spec):
    """A published data set in torchvision's layout: found in the data folder, or downloaded into it."""

    name: Literal["catalogue"] = "catalogue"
    dataset: CatalogueName = parameter("usps", "Which data set of the catalogue.")
    side: int = parameter(
        0, "Side in pixels to which all pictures are brought, once; 0 takes the side the catalogue suggests.",
        ge=0, le=512,
    )  # fmt: skip
    limit: int = parameter(0, "Use only so many training pictures; 0 uses all.", ge=0, le=1_000_000)
    attribute: FaceAttribute = parameter(
        "Smiling", "Which attribute of a face is the class; for CelebA alone.", advanced=True
    )


class SynNumbers(Spec):
    """Digits rendered from fonts, with colours, blur and neighbours: the source for street numbers."""

    name: Literal["syn-numbers"] = "syn-numbers"
    pictures: int = parameter(
        10_000, "Pictures to learn from; a fifth as many to test on.", ge=100, le=200_000, logarithmic=True,
        source="Ganin et al. 2016, section 5.2.4: about 500,000",
    )  # fmt: skip
    side: int = parameter(32, "Side of a picture in pixels.", ge=16, le=96)
    fonts: Literal["machine", "bundled"] = parameter(
        "machine", "machine: all Latin fonts found here; bundled: the one that comes with the lab, the same everywhere."
    )


ShiftKind = Literal["photo-background", "noise", "blur", "colour", "rotation", "contrast", "sketch-edges"]


class ShiftedBase(Spec):
    """What every made shift has besides the data set it is made of."""

    shift: ShiftKind = parameter(
        "photo-background", "photo-background: dark parts show a photograph; noise: Gaussian; blur: Gaussian; "
        "colour: each picture between two colours of its own; rotation: counter-clockwise; contrast: towards grey; "
        "sketch-edges: dark lines on white where the picture has edges.",
    )  # fmt: skip
    strength: float = parameter(0.5, "0 leaves the pictures as they are, 1 is the strongest shift.", ge=0.0, le=1.0)
