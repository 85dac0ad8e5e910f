"""Layer transfer: one half of a data set's classes as a task, and which layers are taken over and which learn."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, ClassVar, Literal

from pydantic import Field, field_validator

from tlcore.specs.base import Spec, parameter
from tlcore.specs.data import DatasetSpec
from tlcore.specs.glyphs import Glyphs

Half = Literal["A", "B"]
Sensor = Literal["same", "inverted", "filtered", "recoloured"]
LayerNumber = Annotated[int, Field(strict=True, ge=1, le=200)]


class ClassHalf(Spec):
    """One of two tasks made of one data set: its classes are divided, and none stands in both halves."""

    kind: Literal["class_half"] = "class_half"
    target: DatasetSpec = Field(
        default_factory=lambda: Glyphs(characters="all", pictures=60), description="The data whose classes are divided."
    )
    half: Half = parameter("B", "Which half of the classes is learned.", by_arm=True)
    division: Literal["random", "kinds"] = parameter(
        "random", "random: halves drawn by the seed; kinds: by what they look like, so that the halves have little in "
        "common: characters of straight strokes and round ones, things made and animals.", by_arm=True,
        source="Yosinski et al. 2014, sections 4.1 and 4.2",
    )  # fmt: skip
    sensor: Sensor = parameter(
        "same", "What takes the pictures: same: as they are; inverted: bright is dark; filtered: only fine detail is "
        "left; recoloured: the colours change places.", by_arm=True,
    )  # fmt: skip


class LayerTransfer(Spec):
    """A network of which some layers are taken over from another run, and some do not learn.

    Layers are numbered from 1, the feature extractor's first and the label predictor's after them. Copied and frozen:
    transfer as it is; copied alone: fine-tuned; frozen alone: random features; neither: an ordinary layer.
    """

    reads_target_labels: ClassVar[bool] = True
    name: Literal["layer_transfer"] = "layer_transfer"
    copied: tuple[LayerNumber, ...] = parameter(
        (), "Layers that take the weights and statistics of the run this one starts from.", by_arm=True,
        source="Yosinski et al. 2014, section 3",
    )  # fmt: skip
    frozen: tuple[LayerNumber, ...] = parameter(
        (), "Layers that stay as they are, statistics of batch normalisation included.", by_arm=True,
        source="Yosinski et al. 2014, section 3",
    )  # fmt: skip

    @field_validator("copied", "frozen")
    @classmethod
    def _in_order(cls, numbers: tuple[int, ...]) -> tuple[int, ...]:
        """The same layers are the same run, however they were written."""
        return tuple(sorted(set(numbers)))

    @property
    def title(self) -> str:
        """What is done, in a few words."""
        both = set(self.copied) & set(self.frozen)
        parts = [
            (both, "copied and frozen"),
            (set(self.copied) - both, "copied"),
            (set(self.frozen) - both, "random and frozen"),
        ]
        said = [f"{ranges(numbers)} {what}" for numbers, what in parts if numbers]
        noun = "Layer" if len({*self.copied, *self.frozen}) == 1 else "Layers"
        return f"{noun} {'; '.join(said)}" if said else "Base network"


def ranges(numbers: Iterable[int]) -> str:
    """Numbers as one writes them: 1–3, 5."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ", ".join(str(first) if first == last else f"{first}–{last}" for first, last in runs)
