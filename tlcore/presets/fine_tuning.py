"""The experiments of the fine-tuning page."""

from __future__ import annotations

from collections.abc import Sequence

from tlcore.presets.preset import Preset
from tlcore.specs import (
    BlockCnn,
    Budget,
    DatasetSpec,
    FineTune,
    FixedFeatures,
    Glyphs,
    L2Sp,
    Optimisation,
    OutputMatching,
    PhotoDigits,
    Pretrain,
    RunSpec,
    RunStart,
    Scratch,
    SourceTask,
    TaskPair,
)
from tlcore.specs.run import MethodSpec

PAGE = "fine-tuning"
SHOTS = (1, 2, 5, 10, 20, 50, 0)  # labels per class; 0: all
SOURCE = "source"
"""The arm of the source task, from which the others start."""

# The head is warmed for a tenth of the time only: one that fits the few labels before the body may move leaves nothing
# to learn, and every way of fine-tuning is then the same. The head of L2-SP is not decayed, so that the anchor alone
# tells it from plain fine-tuning.
TUNED: tuple[MethodSpec, ...] = (
    FixedFeatures(),
    FineTune(head_warm_up=0.1, head_rate=2.0),
    L2Sp(head_warm_up=0.1, head_rate=2.0, anchor_strength=0.3, head_decay=0.0),
    OutputMatching(head_warm_up=0.1, head_rate=2.0, matching_strength=0.5),
)


def arm_name(method: str, labels_per_class: int) -> str:
    """`fine_tune@5`; `fine_tune@all` for 0."""
    return f"{method}@{labels_per_class or 'all'}"


def split_arm(arm: str) -> tuple[str, int] | None:
    """Method and labels per class of an arm, 0 for all; None for an arm that is no point of the curve."""
    method, _, shots = arm.partition("@")
    if shots == "all":
        return method, 0
    return (method, int(shots)) if shots.isdigit() else None


def source_task(data: DatasetSpec, network: BlockCnn) -> RunSpec:
    """The run that learns the source task."""
    return RunSpec(
        method=Pretrain(),
        data=SourceTask(source=data),
        network=network,
        optimisation=Optimisation(learning_rate=0.1, schedule="cosine", weight_decay=5e-4),
        budget=Budget(steps=500, batch_size=128, evaluations=5, frames=5, probe_points=360, precision="auto"),
    )


def _budget(method: str, shots: int) -> Budget:
    """Few labels are soon learned by heart; all of them need longer."""
    if method == "fixed_features":
        return Budget(steps=1, evaluations=1, frames=1, probe_points=300)
    steps = 200 if 0 < shots <= 20 else 300
    return Budget(
        steps=steps, batch_size=64 if not shots else 32, evaluations=8, frames=8, probe_points=300, precision="auto"
    )


def curve_arms(
    source: DatasetSpec,
    target: DatasetSpec,
    *,
    shots: Sequence[int] = SHOTS,
    methods: Sequence[MethodSpec] = TUNED,
    learning_rate: float = 0.02,
) -> dict[str, RunSpec]:
    """The source task, and every way of using it beside learning from scratch, for each number of labels per class."""
    network = BlockCnn()
    first = source_task(source, network)
    arms = {SOURCE: first}
    for count in shots:
        arms[arm_name("scratch", count)] = RunSpec(
            method=Scratch(),
            data=TaskPair(target=target, labels_per_class=count),
            network=network,
            optimisation=Optimisation(learning_rate=0.05, schedule="cosine"),
            budget=_budget("scratch", count),
        )
        for method in methods:
            arms[arm_name(method.name, count)] = RunSpec(
                method=method,
                data=TaskPair(source=source, target=target, labels_per_class=count),
                network=network,
                optimisation=Optimisation(learning_rate=learning_rate, schedule="cosine"),
                budget=_budget(method.name, count),
                start=RunStart(spec=first),
            )
    return arms


FEW_SHOT_DIGITS = Preset(
    page=PAGE,
    name="few-shot-digits",
    title="Printed characters → handwritten digits, few labels",
    lead="5,400 rendered letters and digits over photographs are labelled; of real handwriting over photographs only "
    "a few pictures of each digit are.",
    arms=curve_arms(Glyphs(), PhotoDigits(renderings=3)),
    side_by_side=("scratch@2", "fine_tune@2"),
    look_for=(
        "Left end of the curve: with one or two labels per class the grey line, from scratch, lies far below the rest.",
        "Right end: with twenty labels the lines meet. What transfer gives, labels can give too, if one has them.",
        "Fixed features win or tie while labels are few; once there are more, letting the network move pays.",
        "Forgetting: plain fine-tuning loses part of the source task; holding parameters or outputs keeps it.",
    ),
    explanation="The same labels are learned in five ways. The source network has seen letters and digits of one "
    "printed typeface, never a handwritten one. Its features already tell strokes from photographs, so two labels per "
    "class go as far as five or ten do from scratch.",
)

PRESETS = (FEW_SHOT_DIGITS,)
