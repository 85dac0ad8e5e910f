"""The experiments of the zero-shot page: animals drawn here, and the published benchmarks for those who have them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from tlcore.presets.preset import Preset, Published
from tlcore.specs import (
    AsTheyAre,
    Augmentation,
    Budget,
    NetworkSpec,
    Optimisation,
    PyramidCnn,
    RandomStart,
    RunSpec,
    RunStart,
    ZeroShotTask,
)
from tlcore.specs.run import MethodSpec
from tlcore.specs.zero_shot import Ale, Attributes, Conse, Devise, Eszsl, Margin, Naive, SeenClasses, Xlsa17

PAGE = "zero-shot"
FEATURES = "features"


@dataclass(frozen=True)
class Recipe:
    """What every run of an experiment shares."""

    data: ZeroShotTask
    network: NetworkSpec
    optimisation: Optimisation
    augmentation: Augmentation
    budget: Budget

    def run(self, method: MethodSpec, start: RunSpec | None = None) -> RunSpec:
        """A run, from random weights or from the features of another run."""
        return RunSpec(
            method=method,
            data=self.data,
            network=self.network,
            optimisation=self.optimisation,
            augmentation=self.augmentation,
            budget=self.budget,
            start=RunStart(spec=start) if start else RandomStart(),
        )


# Chosen on the tuning classes (`data.unseen` = tuning: 15 of the seen animals held out, seed 0), one run each, by their
# zero-shot accuracy there. Margin, 200 steps: rate 0.05 all over 0.14, 0.02 all over 0.66, 0.05 and a tenth of it above
# the features 0.73. Naive, 400 steps, is on its way to one point whatever the rate: with 0.05 and twice that above the
# features 0.24 and 0.07, which is chance, remain. On fixed features, 400 steps: attributes at 0.05, 0.5, 2: 0.40,
# 0.75, 0.75; ALE at 0.005, 0.02: 0.65, 0.61; DeViSE at 0.0005, 0.002, 0.01: 0.64 each; ESZSL, γ = 1 … 10⁴,
# λ = 0.001 … 100: best 0.55.
CREATURES = Recipe(
    ZeroShotTask(),
    PyramidCnn(),
    Optimisation(learning_rate=0.05, schedule="one_cycle"),
    Augmentation(flip=0.5, shift=0.0625),
    # The margin gains nothing from a hundred steps more (docs/zero_shot.md), and someone waits.
    Budget(steps=300, batch_size=128, evaluations=6, frames=20, probe_points=400),
)


def creature_arms(recipe: Recipe) -> dict[str, RunSpec]:
    """The joint spaces, trained from scratch, and the others on the features of one classifier of the seen animals."""
    features = recipe.run(SeenClasses())
    return {
        "naive": recipe.run(Naive(head_rate=2.0)),
        "margin": recipe.run(Margin(head_rate=0.1)),
        "attributes": recipe.run(Attributes(picture_side="stays", head_rate=10.0), features),
        "conse": recipe.run(Conse(), features),
        "eszsl": recipe.run(Eszsl(gamma=100.0, lam=0.1), features),
        "devise": recipe.run(Devise(picture_side="stays", head_rate=0.04), features),
        "ale": recipe.run(Ale(picture_side="stays", head_rate=0.1), features),
        FEATURES: features,
    }


LEAD = (
    "Learn from pictures of some animals, then name others that were never shown, from a list of what they look like."
)
CREATURE_ARMS = creature_arms(CREATURES)

DEFAULT = Preset(
    page=PAGE,
    name="creatures",
    title="Animals never shown",
    lead=LEAD,
    arms=CREATURE_ARMS,
    side_by_side=("naive", "margin"),
    look_for=(
        "Play the film. The naive objective only pulls pictures and descriptions together, and everything falls into "
        "one point: nothing can be told apart there, whatever the picture.",
        "The margin also pushes other descriptions away. Orange points, animals never shown, gather near the "
        "descriptions of their own kind.",
        "Compare the two protocols in the table. Among unseen animals alone most are named rightly; among all of them "
        "the seen animals win most of the time.",
        "Move the constant that is taken from the seen animals' scores, and watch what is won on one side and lost on "
        "the other.",
    ),
    explanation=(
        "99 animals are shown in training and 18 are not. What is known of an unseen animal is its row in a table of "
        "41 attributes. A picture x and a description s are mapped into one space by f and g; a picture is called by "
        "the description with the largest product f(x)·g(s). The other arms read the features of one classifier of the "
        "seen animals: they predict each attribute, mix the descriptions of similar seen animals (ConSE), solve a "
        "bilinear map in closed form (ESZSL), or rank the descriptions (DeViSE, ALE)."
    ),
)

COLLAPSE_RECIPE = Recipe(
    CREATURES.data,
    CREATURES.network,
    CREATURES.optimisation,
    CREATURES.augmentation,
    Budget(steps=120, batch_size=128, evaluations=12, frames=60, probe_points=300),
)
COLLAPSE = Preset(
    page=PAGE,
    name="collapse",
    title="The naive objective collapses",
    lead="Pulling each picture to its description is not enough: watch from the first step a space become a point.",
    arms={"naive": COLLAPSE_RECIPE.run(Naive(head_rate=1.0)), "margin": COLLAPSE_RECIPE.run(Margin(head_rate=0.1))},
    side_by_side=("naive", "margin"),
    look_for=(
        "Go to the first step: both spaces are the same, since both begin with the same weights.",
        "Step on. The naive loss rises for a few steps and then falls to less than a thousandth of what it was, and "
        "the spread of the descriptions falls to about a tenth: the shortest way to have every pair together is to "
        "have everything together.",
        "Watch the pictures in the naive space: they first fly apart, then they end in one point as well.",
        "The margin's loss falls too, to about a quarter, while its descriptions keep nearly all of their spread and "
        "its pictures spread out: it counts only which description leads.",
    ),
    explanation=(
        "The naive loss ‖f(x) − g(s)‖² is zero when f and g send everything to one point, and gradient descent finds "
        "that. Its loss looks excellent and its accuracy is about chance. The margin loss max(0, k − f(x)·g(s) + the "
        "strongest other) is not small until the right description leads by k."
    ),
)

GENERALISED = Preset(
    page=PAGE,
    name="generalised",
    title="Seen and unseen together",
    lead="In the world nobody says beforehand whether an animal is a new one: choose among all of them.",
    arms={arm: CREATURE_ARMS[arm] for arm in ("margin", "attributes", "conse", "eszsl", "ale", FEATURES)},
    side_by_side=("margin", "ale"),
    look_for=(
        "Look at the second half of the table, where all animals may be chosen: what is right of the unseen ones falls "
        "far below the figure of the first half.",
        "ConSE names hardly any unseen animal then: it believes in the seen ones by its very making.",
        "Take a constant from every seen animal's score: the harmonic mean rises, and the curve shows all that can be "
        "had. One constant chosen on the test animals would be an oracle.",
    ),
    explanation=(
        "Every method has learned that the answer is a seen class. The harmonic mean of the two per-class accuracies "
        "is small unless both are large. Calibration takes one constant from the scores of seen classes; the whole "
        "curve and the area under it compare methods without choosing it (Chao et al. 2016)."
    ),
)

SOURCE = "Xian et al. 2019, proposed splits"
DIFFERENCES: Mapping[str, tuple[str, float]] = {
    "attributes": (
        "published as DAP, with settings chosen on the validation classes; here attributes are shares between 0 and 1, "
        "all guessed by one layer whose rate and steps are fixed",
        0.10,
    ),
    "conse": (
        "settings chosen on the validation classes; here the ten likeliest classes of one layer whose rate and steps "
        "are fixed",
        0.10,
    ),
    "eszsl": ("γ and λ chosen on held-out seen classes there as here, each from a grid of its own", 0.04),
    "devise": ("rate, margin and passes chosen on the validation classes; here all are fixed", 0.10),
    "ale": ("rate, margin and passes chosen on the validation classes; here all are fixed", 0.10),
}
"""By arm: what differs from the published run, and how far a figure of ours may lie from it. Reproductions differ by 4
points for what is solved in closed form and by 10 for what is trained by SGD."""
BENCHMARKS: dict[Literal["awa2", "cub", "sun"], tuple[str, str]] = {
    "awa2": ("Animals with Attributes 2", "50 animals, 85 attributes, 37,322 photographs"),
    "cub": ("Caltech-UCSD Birds", "200 birds, 312 attributes, 11,788 photographs"),
    "sun": ("SUN scenes", "717 scenes, 102 attributes, 14,340 photographs"),
}
PUBLISHED: Mapping[str, Mapping[str, Mapping[str, float]]] = {
    "unseen_accuracy": {
        "attributes": {"sun": 0.399, "cub": 0.400, "awa2": 0.461},
        "conse": {"sun": 0.388, "cub": 0.343, "awa2": 0.445},
        "devise": {"sun": 0.565, "cub": 0.520, "awa2": 0.597},
        "ale": {"sun": 0.581, "cub": 0.549, "awa2": 0.625},
        "eszsl": {"sun": 0.545, "cub": 0.539, "awa2": 0.586},
    },
    "harmonic_mean": {
        "attributes": {"sun": 0.072, "cub": 0.033, "awa2": 0.000},
        "conse": {"sun": 0.116, "cub": 0.031, "awa2": 0.010},
        "devise": {"sun": 0.209, "cub": 0.328, "awa2": 0.278},
        "ale": {"sun": 0.263, "cub": 0.344, "awa2": 0.239},
        "eszsl": {"sun": 0.158, "cub": 0.210, "awa2": 0.110},
    },
}
"""Class-averaged top-1 and harmonic mean; “attributes” is DAP there, whose harmonic mean on AwA2 is 0."""


def benchmark(name: Literal["awa2", "cub", "sun"]) -> Preset:
    """A published benchmark: every method on the features that come with it."""
    recipe = Recipe(
        ZeroShotTask(source=Xlsa17(benchmark=name)),
        AsTheyAre(),
        Optimisation(learning_rate=0.05, schedule="one_cycle"),
        Augmentation(),
        Budget(steps=2000, batch_size=128, evaluations=10, frames=10, probe_points=500),
    )
    features = recipe.run(SeenClasses())
    title, what = BENCHMARKS[name]
    return Preset(
        page=PAGE,
        name=name,
        title=title,
        lead=f"{what}: the published comparison with its proposed splits, from the files in the data folder.",
        arms={
            "margin": recipe.run(Margin(picture_side="stays", head_rate=0.1)),
            "attributes": recipe.run(Attributes(picture_side="stays", head_rate=10.0)),
            "conse": recipe.run(Conse(), features),
            "eszsl": recipe.run(Eszsl(strengths="chosen")),
            "devise": recipe.run(Devise(picture_side="stays", head_rate=0.1)),
            "ale": recipe.run(Ale(picture_side="stays")),
            FEATURES: features,
        },
        side_by_side=("margin", "ale"),
        look_for=(
            "Compare the first column with the published one, which is made with the same features and splits.",
            "Among all classes the figures fall far: the seen classes win most of the time.",
            "Move the constant: calibration wins more than the difference between most methods.",
        ),
        explanation=(
            "The features are those of a ResNet-101 that was trained on ImageNet; no unseen class is among its "
            "classes. They and the splits come with the archive “xlsa17” of Xian et al., put into the data folder."
        ),
        published=tuple(
            Published(arm, metric, values[name], SOURCE, *DIFFERENCES[arm])
            for metric, arms in PUBLISHED.items()
            for arm, values in arms.items()
            if name in values
        ),
    )


PRESETS = (DEFAULT, COLLAPSE, GENERALISED, benchmark("awa2"), benchmark("cub"), benchmark("sun"))
