"""The four cases of every textbook: little or much target data × a near or a far source."""

from __future__ import annotations

from tlcore.presets.fine_tuning import PAGE, arm_name, curve_arms
from tlcore.presets.preset import Preset
from tlcore.specs import (
    DatasetSpec,
    FineTune,
    FixedFeatures,
    Glyphs,
    L2Sp,
    PhotoDigits,
    RunSpec,
    Shifted,
)

LITTLE, MUCH = 2, 50  # labels per class
NEAR, FAR = "near", "far"
EARLY_LAYER = 4
"""The last convolution: beyond it lies the dense layer, which is of the source's classes more than of strokes."""

SOURCES: dict[str, DatasetSpec] = {
    NEAR: Glyphs(),
    FAR: Shifted(base=Glyphs(), shift="sketch-edges", strength=1.0),
}
TARGET = PhotoDigits(renderings=3)
EARLY = "early_features"
METHODS = (FixedFeatures(), FixedFeatures(layer=EARLY_LAYER), FineTune(), L2Sp())


def case_arm(source: str, method: str, labels_per_class: int) -> str:
    """`far:early_features@2`; learning from scratch has no source: `scratch@2`."""
    name = arm_name(method, labels_per_class)
    return name if method == "scratch" else f"{source}:{name}"


def split_case(arm: str) -> tuple[str, str, int] | None:
    """Source ("" for none), method and labels per class of an arm; None for the source tasks."""
    source, colon, rest = arm.rpartition(":")
    method, at, shots = rest.partition("@")
    if not at or not shots.isdigit() or (not colon and method != "scratch"):
        return None
    return source, method, int(shots)


def _arms() -> dict[str, RunSpec]:
    arms: dict[str, RunSpec] = {}
    for source, data in SOURCES.items():
        for methods in (METHODS[:1], METHODS[1:2], METHODS[2:]):  # both classifiers on features have one name
            for arm, spec in curve_arms(data, TARGET, shots=(LITTLE, MUCH), methods=methods).items():
                if arm == "source":
                    arms[f"{source}:source"] = spec
                    continue
                method, _, shots = arm.partition("@")
                method = EARLY if methods == METHODS[1:2] and method != "scratch" else method
                arms[case_arm(source, method, int(shots))] = spec
    return arms


FOUR_CASES = Preset(
    page=PAGE,
    name="four-cases",
    title="Four cases: little or much data, near or far source",
    lead="The same handwritten digits over photographs are learned with 2 and with 50 labels per class, after a near "
    "source (printed characters over photographs) and after a far one (the same, drawn as edges on white paper).",
    arms=_arms(),
    side_by_side=("near:l2_sp@2", "far:early_features@2"),
    look_for=(
        "Left above, little data and a near source: every way of using the source is far ahead of learning from "
        "scratch.",
        "Right above, little data and a far source: compare the classifier on an earlier layer with that on the last.",
        "Below, with much data: see how little is left of what the source gave, and whether a far one still costs.",
        "Beside each winner stands the textbook's advice; where it did not come out, one sentence says by how much.",
    ),
    explanation="What comes late in a network belongs to the task it was trained on, what comes early serves many. So "
    "a far source may be of use through its earlier layers alone, and the more labels there are, the less any source "
    "is worth. How near a source is need not be felt: ask the adviser for the proxy A-distance on its features.",
)

PRESETS = (FOUR_CASES,)
