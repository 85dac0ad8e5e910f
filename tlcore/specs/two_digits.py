"""Two overlapping handwritten digits in one picture: many tasks of the same pictures, without a download."""

from __future__ import annotations

from typing import Literal

from tlcore.specs.base import Spec, parameter


class TwoDigits(Spec):
    """Two of scikit-learn's handwritten digits, one left and one right, that lie partly over each other."""

    name: Literal["two-digits"] = "two-digits"
    pictures: int = parameter(
        3000, "Pictures to learn from. A tenth as many validate, 1,000 test.", ge=100, le=50_000, logarithmic=True
    )
    overlap: float = parameter(
        0.5, "Share of a digit's width that lies over the other's.", ge=0.0, le=0.9,
        source="Sabour, Frosst and Hinton 2017, section 6: 0.8",
    )  # fmt: skip
    variation: float = parameter(
        1.0, "Strength of the random shift, turn, scale and shear of each digit.", ge=0.0, le=3.0
    )

    @property
    def validating(self) -> int:
        """Pictures that validate; a run of many tasks, which chooses nothing by them, learns from them as well."""
        return max(50, round(self.pictures / 10))
