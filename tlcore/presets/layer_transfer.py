"""The experiments of the layer transfer page: Yosinski et al. 2014 on classes that fit this machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from tlcore.specs import (
    BlockCnn,
    Budget,
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
