"""Rendered letters and digits over photographs: labels in plenty, of many classes, without a download."""

from __future__ import annotations

from typing import Literal

from tlcore.specs.base import Spec, parameter


class Glyphs(Spec):
    """Digits and letters rendered from one font, strongly varied, over crops of scikit-learn's two photographs."""

    name: Literal["glyphs"] = "glyphs"
    characters: Literal["digits", "letters", "digits-and-letters", "all"] = parameter(
        "digits-and-letters", "digits: the ten digits; letters: the 26 capital letters; digits-and-letters: these 36; "
        "all: 12 small letters besides, those that are no small copies of their capitals.",
    )  # fmt: skip
    pictures: int = parameter(
        150, "Pictures of each class to learn from. A fifth as many validate, 30 of each class test.", ge=5, le=5000,
        logarithmic=True,
    )  # fmt: skip
    variation: float = parameter(
        1.0, "Strength of the random shift, turn, scale, shear and bending, and of the change of stroke and ink.",
        ge=0.0, le=3.0,
    )  # fmt: skip
    backdrop: Literal["photographs", "plain"] = parameter(
        "photographs", "photographs: crops of two photographs, of other parts for the test; plain: black."
    )
    photo_strength: float = parameter(0.8, "How strongly the photograph shows behind the character.", ge=0.0, le=1.0)
    side: int = parameter(16, "Side of a picture in pixels.", ge=16, le=32)
