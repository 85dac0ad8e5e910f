"""The experiments of the layer transfer page: Yosinski et al. 2014 on classes that fit this machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from tlcore.presets.preset import Preset
from tlcore.specs import (
    BlockCnn,
    Budget,
    CatalogueSet,
    ClassHalf,
    DatasetSpec,
    Glyphs,
    LayerTransfer,
    Optimisation,
    RandomStart,
    RunSpec,
    RunStart,
)
from tlcore.specs.layer_transfer import Sensor

PAGE = "layer-transfer"
BASE, BASE_A = "base", "base_A"
CURVES = ("BnB", "BnB+", "AnB", "AnB+", "random")
LAYERS = 5
"""Layers of BlockCnn's feature extractor: as many can be copied; the label predictor after them is always fresh."""

CHARACTERS = Glyphs(characters="all", pictures=60)


@dataclass(frozen=True)
class Recipe:
    """What every run of an experiment shares."""

    network: BlockCnn
    optimisation: Optimisation
    budget: Budget

    def base(self, data: ClassHalf) -> RunSpec:
        """A network trained on one half from random weights."""
        return RunSpec(
            method=LayerTransfer(), data=data, network=self.network, optimisation=self.optimisation, budget=self.budget
        )

    def transfer(
        self, data: ClassHalf, origin: RunSpec | None, copied: Sequence[int], frozen: Sequence[int]
    ) -> RunSpec:
        """The half learned with layers of `origin`, or with random ones where there is none."""
        return RunSpec(
            method=LayerTransfer(copied=tuple(copied), frozen=tuple(frozen)),
            data=data,
            network=self.network,
            optimisation=self.optimisation,
            budget=self.budget,
            start=RunStart(spec=origin) if origin else RandomStart(),
        )


RECIPE = Recipe(
    BlockCnn(),
    Optimisation(learning_rate=0.1, schedule="cosine", weight_decay=5e-4),
    Budget(steps=500, batch_size=128, evaluations=4, frames=3, probe_points=240, precision="auto"),
)


def arm_name(curve: str, layers: int) -> str:
    """`AnB+@3`: the curve and n."""
    return f"{curve}@{layers}"


def split_arm(arm: str) -> tuple[str, int] | None:
    """Curve and n of an arm; None for an arm that is no point of a curve."""
    curve, _, layers = arm.rpartition("@")
    return (curve, int(layers)) if curve and layers.isdigit() else None


def curve_arms(
    target: DatasetSpec,
    *,
    division: Literal["random", "kinds"] = "random",
    recipe: Recipe = RECIPE,
    layers: Sequence[int] = range(1, LAYERS + 1),
    curves: Sequence[str] = CURVES,
) -> dict[str, RunSpec]:
    """Both base networks, and for every n each of the paper's treatments of the first n layers."""
    data = {half: ClassHalf(target=target, half=half, division=division) for half in ("A", "B")}
    bases = {half: recipe.base(data[half]) for half in ("A", "B")}
    arms = {BASE_A: bases["A"], BASE: bases["B"]}
    for count in layers:
        first = range(1, count + 1)
        for curve in curves:
            origin = bases.get(curve[0])
            frozen = () if curve.endswith("+") else first
            arms[arm_name(curve, count)] = recipe.transfer(data["B"], origin, first if origin else (), frozen)
    return arms


def kept_arms(
    target: DatasetSpec, other: DatasetSpec, sensor: Sensor, *, recipe: Recipe = RECIPE, depth: int = LAYERS
) -> dict[str, RunSpec]:
    """First layers kept against last layers kept, where the labels change and where the sensor does.

    Kept is copied and frozen; all other layers begin at random and learn. The label predictor counts among the last
    layers where the classes stay; where they change it is fresh, whatever is kept.
    """
    origin = recipe.base(ClassHalf(target=target, half="A"))
    tasks = {
        "labels": ClassHalf(target=other, half="B"),
        "input": ClassHalf(target=other, half="A", sensor=sensor),
    }
    arms = {BASE_A: origin}
    for change, data in tasks.items():
        top = (depth + 1,) if change == "input" else ()
        arms[f"{change}:base"] = recipe.base(data)
        for count in range(1, depth):
            first, last = range(1, count + 1), (*range(depth - count + 1, depth + 1), *top)
            arms[arm_name(f"{change}:first", count)] = recipe.transfer(data, origin, first, first)
            arms[arm_name(f"{change}:last", count)] = recipe.transfer(data, origin, last, last)
    return arms


def textbook_arm(spec: RunSpec) -> str | None:
    """The paper's name of a run, as `AnB+@3` or `base`, whatever arm it was trained as; None where it has none."""
    method, data = spec.method, spec.data
    if not isinstance(method, LayerTransfer) or not isinstance(data, ClassHalf) or data.sensor != "same":
        return None
    count = max((*method.copied, *method.frozen), default=0)
    first = tuple(range(1, count + 1))
    if not method.copied:
        if method.frozen != first:
            return None
        return arm_name("random", count) if count else (BASE if data.half == "B" else BASE_A)
    if not isinstance(spec.start, RunStart) or method.copied != first or method.frozen not in ((), first):
        return None
    origin = spec.start.spec
    if not isinstance(origin.data, ClassHalf) or origin.method != LayerTransfer():
        return None
    if origin.data.model_copy(update={"half": data.half}) != data:
        return None
    frozen = "" if method.frozen else "+"
    return arm_name(f"{origin.data.half}n{data.half}{frozen}", count)


EXPLANATION = (
    "A network is trained on half of the classes, A; another on the other half, B. The first n layers of one are then "
    "put into a fresh network that learns B. From A and frozen (AnB): what is lost was made for A. From B itself and "
    "frozen (BnB): nothing was made for another task, so what is lost is that layers which grew up together were cut "
    "apart. Learning on (the + curves): the start is what is left of the transfer."
)

GLYPHS = Preset(
    page=PAGE,
    name="glyphs",
    title="Printed characters: 24 → 24 others",
    lead="48 rendered letters and digits over photographs, divided at random: what one half teaches the first n "
    "layers, of use to the other half.",
    arms=curve_arms(CHARACTERS),
    side_by_side=("base", "AnB@5", "AnB+@5"),
    look_for=(
        "AnB, solid blue: the first layers of the other half serve as well as one's own; the last ones do not.",
        "BnB, solid orange, is cut and frozen at the same places, with layers made for this very task. Where it dips, "
        "layers had grown together and are hard to part: fragile co-adaptation, not specificity.",
        "What AnB lies below BnB is specificity: there is no other difference between the two.",
        "AnB+, dashed blue, is allowed to learn on and ends where the base ends or above it: something of A remains.",
    ),
    explanation=EXPLANATION,
)

DISSIMILAR = Preset(
    page=PAGE,
    name="dissimilar",
    title="Straight characters → round characters",
    lead="The same experiment where the halves are not alike: A has the characters of straight strokes, B round ones.",
    arms=curve_arms(CHARACTERS, division="kinds"),
    side_by_side=("base", "AnB@3", "AnB@5"),
    look_for=(
        "AnB begins to fall at earlier layers than with random halves: even strokes are made for the task.",
        "BnB is as it was: how fragile a cut is has nothing to do with the other task.",
        "Put the curves of 2014 beside it: there natural and man-made things were kept apart.",
    ),
    explanation="The further the new task from the old one, the earlier the layers whose features are of no use to it. "
    "Yosinski et al. divided ImageNet into natural and man-made things; characters can be divided by their strokes. "
    "Three curves fall further apart, and random layers, which know nothing of any task, show where the bottom is.",
)

FIRST_OR_LAST = Preset(
    page=PAGE,
    name="first-or-last",
    title="Keep the first layers, or the last?",
    lead="Once the labels change and the pictures stay of the same kind; once the classes stay and the sensor changes.",
    arms=kept_arms(CHARACTERS, CHARACTERS.model_copy(update={"pictures": 15}), "inverted"),
    side_by_side=("input:base", "input:first@4", "input:last@4"),
    look_for=(
        "Left, other labels: with the first layers kept, blue, a few pictures go further than without any transfer; "
        "with the last ones kept, orange, never as far.",
        "Right, another sensor and the same labels: the order is turned round. The more first layers are kept, the "
        "worse.",
        "Keep all but the first layer, orange on the far right: only the eye is new, and most of the old network is "
        "of use at once.",
        "Last layers above much that is new help little: what feeds them must first learn to speak as before.",
    ),
    explanation="For images one usually keeps the first layers: strokes and edges are the same in every photograph, "
    "and the classes differ. For speech one often keeps the last ones: the words are the same, and the voice differs. "
    "Which layers to keep is a question of what changes. Kept layers are frozen, all others begin anew and learn from "
    "15 pictures per class; where the labels stay, the label predictor is kept among the last layers.",
)

CIFAR10 = Preset(
    page=PAGE,
    name="cifar10",
    title="CIFAR-10: 5 classes → 5 others",
    lead="The experiment on 10,000 small photographs of ten kinds of things, divided at random into five and five.",
    arms=curve_arms(
        CatalogueSet(dataset="cifar10", limit=10_000),
        recipe=Recipe(
            BlockCnn(),
            Optimisation(learning_rate=0.1, schedule="cosine", weight_decay=5e-4),
            Budget(steps=1000, batch_size=128, evaluations=5, frames=3, probe_points=250, precision="auto"),
        ),
    ),
    side_by_side=("base", "AnB@5", "AnB+@5"),
    look_for=GLYPHS.look_for,
    explanation=EXPLANATION + " Animals may meet animals, or lorries: with ten classes the split matters, so train "
    "several.",
)

PRESETS = (GLYPHS, DISSIMILAR, FIRST_OR_LAST, CIFAR10)
