"""Which data a run reads: single data sets, and pairs of a source and a target domain."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from tlcore.specs.base import Spec, parameter
from tlcore.specs.catalogue_sets import CatalogueSet, ShiftedBase, SynNumbers
from tlcore.specs.glyphs import Glyphs
from tlcore.specs.own_data import OwnFeatures, OwnPictures
from tlcore.specs.two_digits import TwoDigits


class Moons(Spec):
    """Two inter-twinning half moons in the plane, turned by an angle."""

    name: Literal["moons"] = "moons"
    rotation: float = parameter(
        0.0, "Angle by which the moons are turned about the origin, in degrees.", ge=-180.0, le=180.0,
        source="Ganin et al. 2016, section 5.1",
    )  # fmt: skip
    points: int = parameter(300, "Points in each of the training, validation and test parts.", ge=20, le=10_000)
    noise: float = parameter(0.05, "Standard deviation of the noise added to each coordinate.", ge=0.0, le=1.0)


class Digits(Spec):
    """scikit-learn's 1,797 real handwritten digits, enlarged to 16×16 and varied by small affine maps."""

    name: Literal["digits"] = "digits"
    renderings: int = parameter(
        8, "Varied pictures made from each handwritten digit to learn from; to test on, at most 6.", ge=1, le=50
    )
    variation: float = parameter(1.0, "Strength of the random shift, turn, scale and shear.", ge=0.0, le=3.0)


class PhotoDigits(Spec):
    """The same handwritten digits over crops of scikit-learn's two sample photographs."""

    name: Literal["photo-digits"] = "photo-digits"
    renderings: int = parameter(
        8, "Varied pictures made from each handwritten digit to learn from; to test on, at most 6.", ge=1, le=50
    )
    variation: float = parameter(1.0, "Strength of the random shift, turn, scale and shear.", ge=0.0, le=3.0)
    blend: Literal["over", "difference", "invert"] = parameter(
        "over", "over: the digit in white on the photograph; difference: absolute difference, as in MNIST-M; "
        "invert: the difference on a digit whose ink and paper are swapped.",
    )  # fmt: skip
    photo_strength: float = parameter(0.8, "How strongly the photograph shows behind the digit.", ge=0.0, le=1.0)


class Mnist(Spec):
    """MNIST: 60,000 + 10,000 handwritten digits of 28×28 (LeCun et al. 1998), by torchvision."""

    name: Literal["mnist"] = "mnist"
    limit: int = parameter(0, "Use only so many training pictures; 0 uses all.", ge=0, le=60_000)


class MnistM(Spec):
    """MNIST-M: MNIST digits blended by absolute difference with random crops of BSDS500 photographs."""

    name: Literal["mnist-m"] = "mnist-m"
    limit: int = parameter(0, "Use only so many training pictures; 0 uses all.", ge=0, le=60_000)


PictureSpec = Annotated[
    Digits | PhotoDigits | Mnist | MnistM | CatalogueSet | SynNumbers | Glyphs | OwnPictures,
    Field(discriminator="name"),
]


class Shifted(ShiftedBase):
    """Any pictures, shifted on purpose, so that a domain pair of known difference can be made."""

    name: Literal["shifted"] = "shifted"
    base: PictureSpec = Field(default_factory=Digits, description="The pictures that are shifted.")


DatasetSpec = Annotated[
    Moons | Digits | PhotoDigits | Mnist | MnistM | CatalogueSet | SynNumbers | Glyphs | Shifted | OwnPictures
    | OwnFeatures | TwoDigits,
    Field(discriminator="name"),
]  # fmt: skip


class DomainPair(Spec):
    """A source and a target domain with the same classes. Test pictures stand in neither training part."""

    kind: Literal["domain_pair"] = "domain_pair"
    source: DatasetSpec = Field(default_factory=Digits, description="The domain whose labels are known.")
    target: DatasetSpec = Field(default_factory=PhotoDigits, description="The domain the model should work on.")
    disjoint: bool = parameter(
        True, "Where both domains are made from the same originals, divide these between them, so that none stands in "
        "both; off: every original stands in both, as in the published protocol of MNIST and MNIST-M.", advanced=True,
    )  # fmt: skip
