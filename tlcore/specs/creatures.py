"""The embedded pictures for zero-shot learning: animals drawn from a table of attributes."""

from __future__ import annotations

from typing import Literal

from tlcore.specs.base import Spec, parameter


class Creatures(Spec):
    """Animals drawn from their attributes alone; some of them are never shown in training."""

    name: Literal["creatures"] = "creatures"
    pictures: int = parameter(
        60, "Pictures of each animal to learn from and to choose by; of an unseen animal none is learned from.",
        ge=10, le=400, logarithmic=True,
    )  # fmt: skip
    test_pictures: int = parameter(20, "Pictures of each animal, seen or unseen, to report on.", ge=5, le=200)
    side: int = parameter(32, "Side of a picture in pixels.", ge=16, le=96)
    tuning_classes: int = parameter(
        15, "Seen animals that stand in for unseen ones when a setting is to be chosen.", ge=2, le=40, advanced=True,
        source="Xian et al. 2019: parameters are chosen on held-out seen classes",
    )  # fmt: skip
    content: str = parameter(
        "", "Which content of the table of animals, so that a run is the same run only on the same table; empty: as it "
        "is now.", pattern=r"^(?:[0-9a-f]{16})?$", advanced=True,
    )  # fmt: skip
