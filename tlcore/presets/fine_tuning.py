"""The experiments of the fine-tuning page."""

from __future__ import annotations

from collections.abc import Sequence

from tlcore.presets.preset import Preset
from tlcore.specs import (
    BlockCnn,
    Budget,
    DatasetSpec,
    Digits,
    FineTune,
    FixedFeatures,
    Glyphs,
    L2Sp,
    Optimisation,
    OutputMatching,
    OwnPictures,
    PhotoDigits,
    Pretrain,
    Pretrained,
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


def scratch(target: DatasetSpec, network: BlockCnn, shots: int) -> RunSpec:
    """Learning the target from random weights with so many labels per class: what every way of transfer must beat."""
    return RunSpec(
        method=Scratch(),
        data=TaskPair(source=None, target=target, labels_per_class=shots),
        network=network,
        optimisation=Optimisation(learning_rate=0.05, schedule="cosine"),
        budget=_budget("scratch", shots),
    )


def curve_arms(
    source: DatasetSpec,
    target: DatasetSpec,
    *,
    shots: Sequence[int] = SHOTS,
    methods: Sequence[MethodSpec] = TUNED,
) -> dict[str, RunSpec]:
    """The source task, and every way of using it beside learning from scratch, for each number of labels per class."""
    network = BlockCnn()
    first = source_task(source, network)
    arms = {SOURCE: first}
    for count in shots:
        arms[arm_name("scratch", count)] = scratch(target, network, count)
        for method in methods:
            arms[arm_name(method.name, count)] = _tuned(first, method, count, target)
    return arms


def _tuned(first: RunSpec, method: MethodSpec, shots: int, target: DatasetSpec | None = None) -> RunSpec:
    """A run that starts from the source run."""
    return RunSpec(
        method=method,
        data=TaskPair(source=first.datasets()[0], target=target or PhotoDigits(renderings=3), labels_per_class=shots),
        network=first.network,
        optimisation=Optimisation(learning_rate=0.02, schedule="cosine"),
        budget=_budget(method.name, shots),
        start=RunStart(spec=first),
    )


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
        "Fixed features, the cheapest way, double what scratch reaches with one label; they cannot adapt, and from ten "
        "labels on they fall behind.",
        "Forgetting: plain fine-tuning loses part of the source task; holding parameters or outputs keeps it.",
    ),
    explanation="The same labels are learned in five ways. The source network has seen letters and digits of one "
    "printed typeface, never a handwritten one. Its features already tell strokes from photographs, so two labels per "
    "class go as far as five do from scratch.",
)


def photograph_arms(target: DatasetSpec, *, shots: Sequence[int] = (5, 20, 0), side: int = 224) -> dict[str, RunSpec]:
    """What a network with published weights is worth on photographs, beside the same network with random weights."""
    pretrained = Pretrained(architecture="squeezenet1_0", side=side)
    solved = Budget(steps=1, evaluations=1, frames=1, probe_points=100)
    steps = Budget(steps=40, batch_size=16, evaluations=2, frames=2, probe_points=60)
    tuning = FineTune(head_warm_up=0.1, head_rate=10.0, last_layers=2)
    arms = {}
    for name, network in (("fixed_features", pretrained), ("random_features", _random(pretrained))):
        for count in shots:
            arms[arm_name(name, count)] = _photographs(FixedFeatures(classifier="svm"), target, count, network, solved)
    for name, network in (("fine_tune", pretrained), ("scratch", _random(pretrained))):
        method = tuning if name == "fine_tune" else Scratch()
        arms[arm_name(name, 0)] = _photographs(method, target, 0, network, steps)
    return arms


def _random(network: Pretrained) -> Pretrained:
    return network.model_copy(update={"weights": "none"})


def _photographs(method: MethodSpec, target: DatasetSpec, shots: int, network: Pretrained, budget: Budget) -> RunSpec:
    return RunSpec(
        method=method,
        data=TaskPair(source=None, target=target, labels_per_class=shots),
        network=network,
        optimisation=Optimisation(learning_rate=0.002, schedule="cosine"),
        budget=budget,
    )


ANTS_AND_BEES = Preset(
    page=PAGE,
    name="ants-and-bees",
    title="ImageNet → ants and bees (photographs)",
    lead="245 photographs to learn from, 153 to be tested on, and a network that has seen a million others.",
    arms=photograph_arms(OwnPictures(dataset="hymenoptera")),
    side_by_side=("random_features@all", "fixed_features@all"),
    look_for=(
        "Twenty labelled photographs of each insect take a linear classifier on the network's features far.",
        "The same classifier on the same network with random weights hardly beats a coin.",
        "Fine-tuning the last layers, and learning from scratch, are shown with all labels: compare their seconds.",
    ),
    explanation="SqueezeNet with ImageNet's weights, fixed; its last features are read once and a linear support "
    "vector machine is solved on them. It needs the photographs, as the own data set “hymenoptera” or as a folder of "
    "that name in the data folder, with the sub-folders train and val; and the weights, which torchvision downloads.",
)

YOUR_IMAGES = Preset(
    page=PAGE,
    name="your-images",
    title="ImageNet → your pictures",
    lead="Bring your own photographs, pick a network that has seen others, and see what a few labels are worth.",
    arms=photograph_arms(OwnPictures()),
    side_by_side=("random_features@all", "fixed_features@all"),
    look_for=(
        "Fixed features first: they take seconds, and tell whether the network's features suit your pictures.",
        "If the curve still rises at its right end, more labels will help more than another method.",
        "Random weights show what the pictures' size and colours alone give away.",
    ),
    explanation="The arms of ants and bees on a folder of your own. The classifier you like best can be tried on a new "
    "picture below and taken along with its weights.",
)

WRONG_SOURCE = Preset(
    page=PAGE,
    name="wrong-source",
    title="A source that hurts: plain digits of one size → handwriting over photographs",
    lead="The source is so easy that its features see no shapes worth keeping, and nothing of photographs.",
    arms=curve_arms(
        Glyphs(characters="digits", backdrop="plain", variation=0.1, pictures=30),
        PhotoDigits(renderings=3),
        shots=(1, 5, 20, 50),
    ),
    side_by_side=("scratch@20", "fixed_features@20"),
    look_for=(
        "With one label per class nothing works well: there is little to lose.",
        "From five labels on, fixed features lie below learning from scratch. That is negative transfer.",
        "What holds the network near its source holds it near the wrong place; free fine-tuning loses least.",
        "The classes that lost most are named below the table.",
    ),
    explanation="Transfer is a wager that the source's features matter for the target. Here they do not: ten printed "
    "digits on plain ground can be told apart by a few pixels.",
)

EASY_TARGET = Preset(
    page=PAGE,
    name="easy-target",
    title="Printed characters → handwritten digits on plain ground (no need)",
    lead="The same handwriting without photographs: so easy that its own few labels are enough.",
    arms=curve_arms(Glyphs(), Digits(renderings=3), shots=(1, 5, 20)),
    side_by_side=("scratch@5", "fine_tune@5"),
    look_for=(
        "From scratch already lies high with five labels of each digit.",
        "No way of using the source lies much above it; some lie below.",
        "Transfer pays where the target's labels alone do not tell what matters. Here they do.",
    ),
    explanation="On plain ground nothing has to be ignored, so ten strokes are told apart after a few examples. What "
    "the source network knows about photographs is of no use, and its features were made for another purpose.",
)


def _depth_arms() -> dict[str, RunSpec]:
    """How much of the network is tuned: nothing, and after which layer it is read; the last layers; all at once, one
    after the other, slower below, or until labels that were set aside say stop."""
    arms = curve_arms(Glyphs(), PhotoDigits(renderings=3), shots=(5, 20), methods=())
    first = arms[SOURCE]
    warmed = FineTune(head_warm_up=0.1, head_rate=2.0)
    ways: dict[str, MethodSpec] = {f"features_{layer}": FixedFeatures(layer=layer) for layer in (3, 4)}
    ways |= {"fixed_features": FixedFeatures(), "svm": FixedFeatures(classifier="svm")}
    ways |= {f"last_{count}": warmed.model_copy(update={"last_layers": count}) for count in (1, 2, 3, 4)}
    ways |= {
        "fine_tune": warmed,
        "gradual": warmed.model_copy(update={"gradual_unfreezing": True}),
        "rate_decay": warmed.model_copy(update={"rate_decay": 1 / 2.6}),
        "early_stopping": warmed.model_copy(update={"early_stopping": True}),
    }
    for count in (5, 20):
        for name, method in ways.items():
            arms[arm_name(name, count)] = _tuned(first, method, count)
    return arms


HOW_DEEP = Preset(
    page=PAGE,
    name="how-deep",
    title="How much of the network should learn?",
    lead="Nothing, read after one layer or another; the last one to five layers, all at once, one after the other, or "
    "each layer below slower.",
    arms=_depth_arms(),
    side_by_side=("last_1@20", "fine_tune@20"),
    look_for=(
        "Nothing learns: is the last layer the best one to read, or one below it?",
        "Does the target gain with each layer more that may learn? And how much of the source is lost for it?",
        "Gradual unfreezing and slower lower layers are ways in between: compare both columns.",
        "Stopping early costs a fifth of the labels. Compare what that is worth with five and with twenty of a class.",
    ),
    explanation="The first layers hold what most pictures share, the last what the source task asked for. With few "
    "labels it is the last ones that must change; how many, the two curves tell.",
    default_seeds=1,
)

PRESETS = (FEW_SHOT_DIGITS, ANTS_AND_BEES, YOUR_IMAGES, HOW_DEEP, EASY_TARGET, WRONG_SOURCE)
