"""The runs of a multitask experiment as its page sees them: tasks, what each scores alone and together, columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from tlcore.analysis.multitask import mean_change, task_changes
from tlcore.runs import Series
from tlcore.specs import ManyTasks, Progressive, RunSpec, Shared, SingleTask
from ui.comparison import Finished
from ui.experiment import COMPARED_SEEDS, Experiment
from ui.library import RunView

SCORES = ("accuracy", "r2")
ARM_TITLES = {
    "single_column": "Single column",
    "progressive": "Progressive",
    "fine_tune_all": "Fine-tune all",
    "fine_tune_output": "Fine-tune the output",
    "random_column": "Random first column",
    "first_column": "First column",
    "third_single": "Third task, single column",
    "third_progressive": "Third task, progressive",
    "equal": "equal weights",
    "fixed": "fixed weights",
    "uncertainty": "by uncertainty",
    "pcgrad": "PCGrad",
    "cagrad": "CAGrad",
    "upgrad": "UPGrad",
}


@dataclass(frozen=True)
class Board:
    """Everything the page shows of an experiment, read once for each drawing. views: by seed, then by arm."""

    experiment: Experiment
    views: Mapping[int, Mapping[str, RunView | None]]

    def view(self, arm: str) -> RunView | None:
        """The run of an arm in the seed that is shown."""
        return self.views[self.experiment.seed].get(arm)

    @cached_property
    def finished(self) -> Finished:
        """Every finished run, also of seeds beyond those that were asked for."""
        found: dict[str, list[RunView]] = {}
        for seed in sorted(self.views):
            for arm, view in self.views[seed].items():
                if view is not None and view.run.state == "finished":
                    found.setdefault(arm, []).append(view)
        return Finished(found)

    @cached_property
    def titles(self) -> dict[str, str]:
        """How each arm is called, no two alike."""
        return {arm: arm_title(arm, spec) for arm, spec in self.experiment.arms.items()}

    @property
    def shared_arms(self) -> list[str]:
        """The arms that learn several tasks, in the order of the preset."""
        return [arm for arm, spec in self.experiment.arms.items() if isinstance(spec.method, Shared)]

    def alone(self, arm: str) -> dict[str, str]:
        """For each task of an arm the arm that learns it alone with the same network, where there is one."""
        wanted = self.experiment.arms[arm]
        singles = {
            tasks_of(spec)[0]: name
            for name, spec in self.experiment.arms.items()
            if isinstance(spec.method, SingleTask) and spec.network == wanted.network
        }
        return {task: singles[task] for task in tasks_of(wanted) if task in singles}

    def scores(self, arm: str, seed: int, baseline: Mapping[str, str] | None = None) -> dict[str, float]:
        """The final score of each task: of a shared arm, or of the arms in `baseline`, in one seed."""
        names = baseline or dict.fromkeys(tasks_of(self.experiment.arms[arm]), arm)
        found = {}
        for task, name in names.items():
            view = self.views.get(seed, {}).get(name)
            if view is None or view.run.state != "finished":
                continue
            value = next((view.run.summary[f"{kind}.{task}"] for kind in SCORES
                          if f"{kind}.{task}" in view.run.summary), None)  # fmt: skip
            if value is not None:
                found[task] = value
        return found

    def changes(self, arm: str) -> dict[str, list[float]]:
        """By how much each task is better than alone, relative to alone, in each seed in which both have finished;
        under "" the mean over all tasks, Δm, of seeds in which every task has its own network's score."""
        found: dict[str, list[float]] = {}
        baseline = self.alone(arm)
        for seed in self.views:
            together, alone = self.scores(arm, seed), self.scores(arm, seed, baseline) if baseline else {}
            both = {task: score for task, score in together.items() if alone.get(task, 0) > 0}
            for task, change in task_changes(both, alone).items():
                found.setdefault(task, []).append(change)
            if both and len(both) == len(tasks_of(self.experiment.arms[arm])):
                found.setdefault("", []).append(mean_change(both, alone))
        return found

    def differences(self, arm: str, task: str) -> list[float]:
        """Shared less alone, in score, in each seed in which both have finished."""
        baseline = {name: one for name, one in self.alone(arm).items() if name == task}
        pairs = [
            (self.scores(arm, seed).get(task), self.scores(arm, seed, baseline).get(task))
            for seed in self.views
            if baseline
        ]
        return [one - other for one, other in pairs if one is not None and other is not None]


def board_of(experiment: Experiment) -> Board:
    """Read the runs of an experiment."""
    return Board(experiment, experiment.views_of({*range(COMPARED_SEEDS), experiment.seed}))


def tasks_of(spec: RunSpec) -> tuple[str, ...]:
    """The tasks that a run learns, the main one first; none for those that know no tasks."""
    return spec.data.tasks if isinstance(spec.data, ManyTasks) else ()


def arm_title(arm: str, spec: RunSpec) -> str:
    """What an arm is called where there is little room."""
    if arm in ARM_TITLES:
        return ARM_TITLES[arm]
    name, _, number = arm.partition("@")
    tasks = tasks_of(spec)
    if isinstance(spec.method, SingleTask):
        return f"{tasks[0]} alone" + (f", width {number}" if number else "")
    if name == "shared" and number:
        companions = len(tasks) - 1
        return f"shared, width {number}" if companions == 1 else f"with {number} companion{'s' * (companions > 1)}"
    if isinstance(spec.method, Shared):
        return name.replace("_", " ") if name != "shared" else "shared"
    return spec.method.title


def columns_in(spec: RunSpec) -> list[RunSpec]:
    """The runs whose columns a progressive run has, the oldest first, itself last; of other runs itself alone."""
    before = spec.dependencies()
    if not isinstance(spec.method, Progressive) or not before:
        return [spec]
    return [*columns_in(before[0]), spec]


def gradient_cosines(metrics: Mapping[str, Series]) -> dict[tuple[str, str], dict[str, float]]:
    """The latest cosines between the gradients of two tasks, by layer; "all" is of all shared layers together."""
    found: dict[tuple[str, str], dict[str, float]] = {}
    for name, line in metrics.items():
        parts = name.split(".", 3)  # the names of layers may have dots
        if parts[0] == "gradient_cosine" and len(parts) == 4 and len(line.values):
            found.setdefault((parts[1], parts[2]), {})[parts[3]] = float(line.values[-1])
    return found


def family(metrics: Mapping[str, Series], prefix: str) -> dict[str, Series]:
    """The series called `prefix.NAME`, by name."""
    return {
        name.partition(".")[2]: line
        for name, line in metrics.items()
        if name.startswith(f"{prefix}.") and len(line.values)
    }


def latest(metrics: Mapping[str, Series], prefix: str) -> dict[str, float]:
    """The last values of the series called `prefix.NAME`, by name."""
    return {name: float(line.values[-1]) for name, line in family(metrics, prefix).items()}
