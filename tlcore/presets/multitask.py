"""The experiments of the multitask page: tasks that help each other, tasks that do not, and columns that keep."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from tlcore.errors import InvalidRequest
from tlcore.presets.fine_tuning import source_task
from tlcore.presets.preset import Preset
from tlcore.specs import (
    BlockCnn,
    Budget,
    CatalogueSet,
    DatasetSpec,
    FineTune,
    Glyphs,
    ManyTasks,
    NetworkSpec,
    Optimisation,
    OwnFeatures,
    OwnPictures,
    Perceptron,
    PhotoDigits,
    Progressive,
    PyramidCnn,
    RandomStart,
    RunSpec,
    RunStart,
    Scratch,
    Shared,
    Shifted,
    SingleTask,
    SmallCnn,
    TaskPair,
    TwoDigits,
)
from tlcore.specs.run import MethodSpec, StartPart

PAGE = "multitask"
OPTIMISATION = Optimisation(learning_rate=0.05, schedule="cosine")
# The squared errors of quantities are soon too large for plain descent at that rate; Adam's steps do not depend on it.
STEADY = Optimisation(optimiser="adam", learning_rate=0.002, schedule="cosine")
BUDGET = Budget(steps=400, evaluations=8, frames=8, probe_points=300)
SHORT = Budget(steps=300, evaluations=4, frames=6, probe_points=300)
# Many heads pull the trunk a little each: it takes them longer to have taught it.
LONG = Budget(steps=500, evaluations=4, frames=6, probe_points=300)
SMALL_TASKS = tuple(f"{side}_set{number:02d}" for number in range(16) for side in ("left", "right"))
COMPANIONS = (2, 8, 32)
WIDTHS = (4, 8, 32)
FEW = TwoDigits(pictures=600)
YOURS = "your-table"
MOST_OF_YOURS = 8
YOURS_NAMED = re.compile(
    rf"{YOURS}@(?P<kind>features:)?(?P<data>[a-z0-9_-]{{1,40}}),(?P<tasks>[A-Za-z0-9_-]{{1,40}}"
    rf"(?:,[A-Za-z0-9_-]{{1,40}}){{0,{MOST_OF_YOURS - 1}}})"
)


def tasks_run(
    method: MethodSpec,
    tasks: Sequence[str],
    *,
    data: DatasetSpec | None = None,
    network: NetworkSpec | None = None,
    main_labels: int = 0,
    budget: Budget = BUDGET,
    optimisation: Optimisation = OPTIMISATION,
) -> RunSpec:
    """A run that learns these tasks of the same pictures, the main one first."""
    return RunSpec(
        method=method,
        data=ManyTasks(target=data or TwoDigits(), tasks=tuple(tasks), main_labels=main_labels),
        network=network or SmallCnn(),
        optimisation=optimisation,
        budget=budget,
    )


TWO_DIGITS = Preset(
    page=PAGE,
    name="two-digits",
    title="Two digits in one picture",
    lead="Which digit is on the left, which on the right: two networks, or one for both?",
    arms={
        "single_task": tasks_run(SingleTask(), ("left",), data=FEW),
        "single_task_right": tasks_run(SingleTask(), ("right",), data=FEW),
        "shared": tasks_run(Shared(), ("left", "right"), data=FEW),
    },
    side_by_side=("single_task", "shared"),
    look_for=(
        "Colour the points by left, then by right: the network that learned left alone has no order for right.",
        "The cosines of the gradients: below zero, what one task wants of a layer the other does not.",
        "The norms: the task with the longer gradient has the say where losses are only added.",
        "Each task's accuracy against its own network's, and Δm, the mean of these changes: here both lose.",
    ),
    explanation="One feature extractor serves both tasks, with a head for each and half the parameters of two "
    "networks. What is common, strokes and curves, is learned once from both sets of labels; what each "
    "alone needs must find room beside the other's. Each task's own network of the same size, trained for "
    "as many steps, tells which of the two weighs more. With two digits at two places the second does: "
    "every label is there for both tasks already, so neither brings pictures that the other lacks. "
    "Compare the experiment with many small tasks, where they do.",
)

MANY_SMALL_TASKS = Preset(
    page=PAGE,
    name="many-small-tasks",
    title="One task with few labels, and many companions",
    lead="100 labels of the left digit, and more and more yes-or-no questions about other pictures.",
    arms={"single_task": tasks_run(SingleTask(), ("left",), main_labels=100, budget=LONG)}
    | {
        f"shared@{count}": tasks_run(Shared(), ("left", *SMALL_TASKS[:count]), main_labels=100, budget=LONG)
        for count in COMPANIONS
    },
    side_by_side=("single_task", "shared@32"),
    look_for=(
        "The accuracy of the main task against the number of companions: it climbs, and climbs ever more slowly.",
        "No companion asks for the digit: each asks whether a digit is one of five, drawn at random, and half of them "
        "ask about the other digit.",
        "The points of the few-label network before and after: the companions drew the classes apart.",
    ),
    explanation="A hundred labels do not suffice to learn what digits look like. The companions' labels, of 3,300 "
    "pictures, do: each small question teaches the common feature extractor a little of it.",
)

TOO_SMALL = Preset(
    page=PAGE,
    name="too-small",
    title="Too small a network",
    lead="The same two tasks with networks of several widths: does sharing hurt where there is no room?",
    arms={
        f"{arm}@{width}": tasks_run(
            method, tasks, data=FEW, network=SmallCnn(channels=width, features=2 * width), budget=SHORT
        )
        for width in WIDTHS
        for arm, method, tasks in (
            ("single_task", SingleTask(), ("left",)),
            ("single_task_right", SingleTask(), ("right",)),
            ("shared", Shared(), ("left", "right")),
        )
    },
    side_by_side=("single_task@4", "shared@4"),
    look_for=(
        "The gap between shared and separate networks, against their width.",
        "The narrowest network: eight features must hold two digits.",
        "Read the spread: a gap smaller than it says nothing.",
    ),
    explanation="A network that has just enough room for one task has none for two. The wider it is, the less the "
    "second task costs. In the recorded runs it never becomes a gain: both tasks have the same pictures and all their "
    "labels, so there is little that one could teach the other.",
)

UNRELATED = Preset(
    page=PAGE,
    name="unrelated",
    title="A companion that has nothing to do with it",
    lead="The left digit from 200 labels: alone, beside a question about the same digit, beside the other digit, and "
    "beside labels drawn by chance.",
    arms={
        "single_task": tasks_run(SingleTask(), ("left",), main_labels=200, budget=SHORT),
        "related": tasks_run(Shared(), ("left", "left_modulo3"), main_labels=200, budget=SHORT),
        "other_digit": tasks_run(Shared(), ("left", "right"), main_labels=200, budget=SHORT),
        "unrelated": tasks_run(Shared(), ("left", "chance"), main_labels=200, budget=SHORT),
    },
    side_by_side=("related", "unrelated"),
    look_for=(
        "What each companion does to the main task.",
        "Accuracy on chance stays at one in ten: there is nothing to be learned, however long the network tries.",
        "The norms: the gradient of chance does not get shorter while the other task's does.",
    ),
    explanation="Nobody can tell a digit's remainder by three without reading it: 3,300 such labels teach the trunk "
    "what the main task needs. The other digit asks for other strokes at another place. Labels drawn by chance can "
    "only be learned by heart, and what the trunk spends on that is lost.",
)

MIXED = ("left", "right", "difference")
WEIGHTING = Preset(
    page=PAGE,
    name="weighting",
    title="Six ways to weigh the tasks",
    lead="Two digits, and the difference between them as a quantity: losses of different kinds on one trunk.",
    arms={
        "single_task": tasks_run(SingleTask(), MIXED[:1], data=FEW, budget=SHORT, optimisation=STEADY),
        "single_task_right": tasks_run(SingleTask(), MIXED[1:2], data=FEW, budget=SHORT, optimisation=STEADY),
        "single_task_difference": tasks_run(SingleTask(), MIXED[2:], data=FEW, budget=SHORT, optimisation=STEADY),
        "equal": tasks_run(Shared(), MIXED, data=FEW, budget=SHORT, optimisation=STEADY),
        "fixed": tasks_run(
            Shared(weighting="fixed", companion_weight=0.3), MIXED, data=FEW, budget=SHORT, optimisation=STEADY
        ),
        "uncertainty": tasks_run(Shared(weighting="uncertainty"), MIXED, data=FEW, budget=SHORT, optimisation=STEADY),
        "pcgrad": tasks_run(Shared(weighting="pcgrad"), MIXED, data=FEW, budget=SHORT, optimisation=STEADY),
        "cagrad": tasks_run(Shared(weighting="cagrad"), MIXED, data=FEW, budget=SHORT, optimisation=STEADY),
        "upgrad": tasks_run(Shared(weighting="upgrad"), MIXED, data=FEW, budget=SHORT, optimisation=STEADY),
    },
    side_by_side=("equal", "upgrad"),
    look_for=(
        "Δm of each way: the mean over tasks of the change against the task's own network.",
        "The learned weights of uncertainty: how the quantity's weight moves against the classes'.",
        "Gradient methods differ from the mean only where gradients conflict: look at the cosines first.",
    ),
    explanation="Adding losses lets the task with the longest gradient decide. Fixed weights must be guessed; "
    "uncertainty learns them; PCGrad, CAGrad and UPGrad look at the gradients themselves and combine them so that no "
    "task is hurt, or the one that gains least gains most.",
)

# Progressive networks ----------------------------------------------------------------------------------------------

SOURCE, TARGET = Glyphs(), PhotoDigits(renderings=3)
THIRD = Shifted(base=PhotoDigits(renderings=3), shift="rotation", strength=0.5)
LABELS, LABELS_OF_THIRD = 10, 5
FIRST_COLUMN = source_task(SOURCE, BlockCnn())
COLUMN_BUDGET = Budget(steps=200, batch_size=32, evaluations=8, frames=8, probe_points=300, precision="auto")


def _column(
    method: MethodSpec, origin: RunSpec | None, target: DatasetSpec, labels: int, rate: float = 0.05
) -> RunSpec:
    source = (origin.data.target if isinstance(origin.data, TaskPair) else SOURCE) if origin else None
    return RunSpec(
        method=method,
        data=TaskPair(source=source, target=target, labels_per_class=labels),
        network=BlockCnn(),
        optimisation=Optimisation(learning_rate=rate, schedule="cosine"),
        budget=COLUMN_BUDGET,
        start=RunStart(spec=origin, parts=_parts_of(origin)) if origin else RandomStart(),
    )


def _parts_of(origin: RunSpec) -> tuple[StartPart, ...]:
    """A progressive run hands on the columns beside its own."""
    own: tuple[StartPart, ...] = ("extractor", "predictor")
    return (*own, "laterals", "columns") if isinstance(origin.method, Progressive) else own


SECOND_COLUMN = _column(Progressive(), FIRST_COLUMN, TARGET, LABELS)

PROGRESSIVE = Preset(
    page=PAGE,
    name="progressive",
    title="Progressive networks",
    lead="Printed characters first, then handwritten digits with ten labels each, then turned ones with five: what "
    "becomes of what was learned?",
    arms={
        "first_column": FIRST_COLUMN,
        "single_column": _column(Scratch(), None, TARGET, LABELS),
        "progressive": SECOND_COLUMN,
        "fine_tune_all": _column(FineTune(head_warm_up=0.1, head_rate=2.0), FIRST_COLUMN, TARGET, LABELS, 0.02),
        "fine_tune_output": _column(FineTune(head_warm_up=1.0, head_rate=2.0), FIRST_COLUMN, TARGET, LABELS, 0.02),
        "random_column": _column(Progressive(first_columns="random"), FIRST_COLUMN, TARGET, LABELS),
        "third_single": _column(Scratch(), None, THIRD, LABELS_OF_THIRD),
        "third_progressive": _column(Progressive(), SECOND_COLUMN, THIRD, LABELS_OF_THIRD),
    },
    side_by_side=("progressive", "fine_tune_all"),
    look_for=(
        "Accuracy on the old task: with columns it stays exactly as it was; fine-tuning forgets.",
        "What the new task loses with a lateral taken away, and how sensitive it is to each column's layers.",
        "The third task reads two columns: which of them does it lean on, and does it gain by it?",
        "The price: every task adds a column, and laterals to all before it.",
    ),
    explanation="The first column is frozen. A second one learns the new task and reads the first one's layers through "
    "lateral connections, where that serves; a third reads both. Nothing of an old task can be forgotten, because "
    "nothing of it changes. Whether the new task gains by what it reads differs from seed to seed: read the spread. "
    "The third, of turned digits, listens to the handwriting more than to the print.",
)

# Real pictures -----------------------------------------------------------------------------------------------------

FACES = CatalogueSet(dataset="celeba", side=32, limit=20_000)
FACE_TASKS = ("Smiling", "Male", "Mouth_Slightly_Open", "High_Cheekbones", "Wearing_Hat", "Eyeglasses")
FACE_BUDGET = Budget(steps=1500, batch_size=128, evaluations=10, frames=10, probe_points=400)


def _faces(method: MethodSpec, tasks: Sequence[str]) -> RunSpec:
    return tasks_run(method, tasks, data=FACES, network=PyramidCnn(), budget=FACE_BUDGET)


CELEBA = Preset(
    page=PAGE,
    name="celeba",
    title="Attributes of faces (CelebA)",
    lead="Six of the forty attributes of CelebA's faces: six networks, or one for all of them?",
    arms={("single_task" if not place else f"single_task_{task}"): _faces(SingleTask(), (task,))
          for place, task in enumerate(FACE_TASKS)}
    | {"shared": _faces(Shared(), FACE_TASKS)},
    side_by_side=("single_task", "shared"),
    look_for=(
        "Smiling, open mouths and high cheekbones live in the same corner of a face: do their gradients agree?",
        "Colour the shared space by another attribute.",
        "One network with six heads has a sixth of the parameters of six networks.",
    ),
    explanation="Every face has an answer to every question. It needs the files of CelebA in the data folder, in "
    "torchvision's layout; they are fetched by hand, because of where they lie.",
)  # fmt: skip


# Somebody's own tables ---------------------------------------------------------------------------------------------


def arms_of_tasks(data: DatasetSpec, tasks: Sequence[str], network: NetworkSpec, budget: Budget) -> dict[str, RunSpec]:
    """One network for all tasks, and one for each: what any data with several labels are learned by.

    The first task is the main one.
    """

    def run(method: MethodSpec, chosen: Sequence[str]) -> RunSpec:
        return tasks_run(method, chosen, data=data, network=network, budget=budget, optimisation=STEADY)

    arms = {
        "single_task" if not place else f"single_task_{task}": run(SingleTask(), (task,))
        for place, task in enumerate(tasks)
    }
    if len(tasks) > 1:
        arms["shared"] = run(Shared(), tasks)
    return arms


@lru_cache(maxsize=100)
def your_table(name: str) -> Preset:
    """The experiment on an own table, by its name: `your-table@DATASET,TASK,TASK,…`, the main task first; for a table
    of features, and no pictures, `your-table@features:DATASET,TASK,…`.

    Raises InvalidRequest where the name says no data set and tasks.
    """
    found = YOURS_NAMED.fullmatch(name)
    if found is None:
        raise InvalidRequest(
            f"An experiment on an own table is called {YOURS}@DATASET,TASK,TASK with at most {MOST_OF_YOURS} tasks."
        )
    tasks = tuple(dict.fromkeys(found["tasks"].split(",")))
    features = bool(found["kind"])
    data: DatasetSpec = (OwnFeatures if features else OwnPictures)(dataset=found["data"])
    network: NetworkSpec = Perceptron(hidden_units=100) if features else PyramidCnn()
    arms = arms_of_tasks(data, tasks, network, YOUR_BUDGET)
    return replace(YOUR_TABLE, name=name, title=f"{found['data']}: {', '.join(tasks)}", arms=arms)


def yours_named(dataset: str, tasks: Sequence[str], *, features: bool = False) -> str:
    """The name by which `your_table` makes this experiment."""
    return f"{YOURS}@{'features:' if features else ''}{','.join((dataset, *tasks))}"


YOUR_BUDGET = Budget(steps=400, batch_size=32, evaluations=8, frames=8, probe_points=300)
YOUR_TABLE = Preset(
    page=PAGE,
    name=YOURS,
    title="Your own table",
    lead="Pictures, or features, with several columns to learn: choose them below.",
    arms=arms_of_tasks(OwnPictures(), ("label", "second"), PyramidCnn(), YOUR_BUDGET),
    side_by_side=("single_task", "shared"),
    look_for=(
        "Each column's score alone and together: words and small whole numbers are classes, other numbers quantities.",
        "A column with few filled cells beside one with many: that is where a companion helps.",
        "Where two columns conflict, try another weighting.",
    ),
    explanation="Every column of your table that says something of the pictures is a task. Cells may be empty: what is "
    "missing adds nothing to any loss.",
)
PRESETS = (TWO_DIGITS, MANY_SMALL_TASKS, TOO_SMALL, UNRELATED, WEIGHTING, PROGRESSIVE, CELEBA, YOUR_TABLE)
