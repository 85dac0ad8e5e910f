"""The experiments of the multitask page: tasks that help each other, tasks that do not, and columns that keep."""

from __future__ import annotations

from tlcore.presets.preset import Preset
from tlcore.specs import (
    BlockCnn,
    Budget,
    FineTune,
    Glyphs,
    ManyTasks,
    NetworkSpec,
    Optimisation,
    PhotoDigits,
    Pretrain,
    Progressive,
    RandomStart,
    RunSpec,
    RunStart,
    Scratch,
    Shared,
    SingleTask,
    SmallCnn,
    SourceTask,
    TaskPair,
)
from tlcore.specs.run import MethodSpec

PAGE = "multitask"
OPTIMISATION = Optimisation(learning_rate=0.05, schedule="cosine")
BUDGET = Budget(steps=500, evaluations=10, frames=10, probe_points=500)
SMALL_TASKS = tuple(f"{side}_set{number:02d}" for number in range(16) for side in ("left", "right"))
COMPANIONS = (1, 2, 4, 8, 16, 32)
WIDTHS = (4, 8, 16)


def _run(
    method: MethodSpec, tasks: tuple[str, ...], *, network: NetworkSpec | None = None, main_labels: int = 0
) -> RunSpec:
    return RunSpec(
        method=method,
        data=ManyTasks(tasks=tasks, main_labels=main_labels),
        network=network or SmallCnn(),
        optimisation=OPTIMISATION,
        budget=BUDGET,
    )


TWO_DIGITS = Preset(
    page=PAGE,
    name="two-digits",
    title="Two digits in one picture",
    lead="Which digit is on the left, which on the right: two networks, or one for both?",
    arms={
        "single_task": _run(SingleTask(), ("left",)),
        "single_task_right": _run(SingleTask(), ("right",)),
        "shared": _run(Shared(), ("left", "right")),
        "shared_upgrad": _run(Shared(weighting="upgrad"), ("left", "right")),
    },
    side_by_side=("single_task", "shared"),
    look_for=(
        "The cosines of the gradients: below zero, what one task wants of a layer the other does not.",
        "The norms: the task with the longer gradient has the say where losses are only added.",
        "Each task's accuracy against its own network's, and Δm, the mean of these changes.",
    ),
    explanation="One feature extractor serves both tasks, with a head for each. What is common, strokes and curves, is "
    "learned once from both sets of labels; what each alone needs must find room beside the other's. Each task's own "
    "network of the same size, trained for as many steps, tells which of the two weighs more.",
)

MANY_SMALL_TASKS = Preset(
    page=PAGE,
    name="many-small-tasks",
    title="One task with few labels, and many companions",
    lead="100 labels of the left digit, and more and more yes-or-no questions about other pictures.",
    arms={"single_task": _run(SingleTask(), ("left",), main_labels=100)}
    | {f"shared@{count}": _run(Shared(), ("left", *SMALL_TASKS[:count]), main_labels=100) for count in COMPANIONS},
    side_by_side=("single_task", "shared@16"),
    look_for=(
        "The accuracy of the main task against the number of companions.",
        "No companion asks for the digit: each asks whether a digit is one of five, drawn at random.",
    ),
    explanation="A hundred labels do not suffice to learn what digits look like. The companions' labels, of other "
    "pictures, do: each small question teaches the common feature extractor a little of it.",
)

TOO_SMALL = Preset(
    page=PAGE,
    name="too-small",
    title="Too small a network",
    lead="The same two tasks with networks of several widths: does sharing hurt where there is no room?",
    arms={
        f"{arm}@{width}": _run(method, tasks, network=SmallCnn(channels=width, features=2 * width))
        for width in WIDTHS
        for arm, method, tasks in (
            ("single_task", SingleTask(), ("left",)),
            ("single_task_right", SingleTask(), ("right",)),
            ("shared", Shared(), ("left", "right")),
        )
    },
    side_by_side=("single_task@4", "shared@4"),
    look_for=("The gap between shared and separate networks, against their width.",),
    explanation="A network that has just enough room for one task has none for two.",
)

UNRELATED = Preset(
    page=PAGE,
    name="unrelated",
    title="A companion that has nothing to do with it",
    lead="The left digit, learned beside the right one, and beside labels drawn by chance.",
    arms={
        "single_task": _run(SingleTask(), ("left",), main_labels=500),
        "related": _run(Shared(), ("left", "right"), main_labels=500),
        "unrelated": _run(Shared(), ("left", "chance"), main_labels=500),
    },
    side_by_side=("related", "unrelated"),
    look_for=("What the companion does to the main task.", "The cosine between their gradients."),
    explanation="Labels drawn by chance can only be learned by heart. What the network spends on that is lost.",
)

SOURCE, TARGET = Glyphs(pictures=60), PhotoDigits()
LABELS = 20


def _column(method: MethodSpec, origin: RunSpec | None) -> RunSpec:
    return RunSpec(
        method=method,
        data=TaskPair(source=SOURCE if origin else None, target=TARGET, labels_per_class=LABELS),
        network=BlockCnn(channels=16, features=64),
        optimisation=OPTIMISATION,
        budget=BUDGET,
        start=RunStart(spec=origin) if origin else RandomStart(),
    )


FIRST_COLUMN = RunSpec(
    method=Pretrain(),
    data=SourceTask(source=SOURCE),
    network=BlockCnn(channels=16, features=64),
    optimisation=OPTIMISATION,
    budget=BUDGET,
)

PROGRESSIVE = Preset(
    page=PAGE,
    name="progressive",
    title="Progressive networks",
    lead="Printed characters first, then handwritten digits with few labels: what becomes of the characters?",
    arms={
        "single_column": _column(Scratch(), None),
        "progressive": _column(Progressive(), FIRST_COLUMN),
        "fine_tune_all": _column(FineTune(), FIRST_COLUMN),
        "fine_tune_output": _column(FineTune(head_warm_up=1.0), FIRST_COLUMN),
        "random_column": _column(Progressive(first_columns="random"), FIRST_COLUMN),
    },
    side_by_side=("progressive", "fine_tune_all"),
    look_for=(
        "Accuracy on the old task: with columns it stays exactly as it was; fine-tuning forgets.",
        "What the new task loses with a lateral taken away, and how sensitive it is to each column's layers.",
        "The price: every task adds a column.",
    ),
    explanation="The first column is frozen. A second one learns the new task and reads the first one's layers through "
    "lateral connections, where that serves. Nothing of the old task can be forgotten, because nothing of it changes.",
)

PRESETS = (TWO_DIGITS, MANY_SMALL_TASKS, TOO_SMALL, UNRELATED, PROGRESSIVE)
