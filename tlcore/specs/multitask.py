"""Multitask learning: several tasks of the same pictures, one trunk for all of them, and columns beside each other."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from tlcore.specs.base import Spec, parameter
from tlcore.specs.data import DatasetSpec
from tlcore.specs.two_digits import TwoDigits

TaskName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,40}$")]


class ManyTasks(Spec):
    """Several tasks of the same examples. The first one is the main task; each may have labels of its own number."""

    kind: Literal["many_tasks"] = "many_tasks"
    target: DatasetSpec = Field(default_factory=TwoDigits, description="The data of all tasks.")
    tasks: tuple[TaskName, ...] = parameter(
        ("left",), "Tasks that are learned, the main one first.", min_length=1, max_length=100, by_arm=True
    )
    main_labels: int = parameter(
        0, "Labelled examples of the main task to learn from; 0: all there are.", ge=0, le=100_000
    )
    companion_labels: int = parameter(
        0, "Labelled examples of each companion to learn from; 0: all there are.", ge=0, le=100_000
    )

    @model_validator(mode="after")
    def _each_task_once(self) -> ManyTasks:
        if len(set(self.tasks)) != len(self.tasks):
            raise ValueError("a task is named twice")
        return self


class SingleTask(Spec):
    """A network that learns one task alone: what the others are compared with."""

    title: ClassVar[str] = "One task alone"
    reads_target_labels: ClassVar[bool] = True
    name: Literal["single_task"] = "single_task"


class Shared(Spec):
    """One feature extractor for all tasks, and a head for each."""

    title: ClassVar[str] = "Shared"
    reads_target_labels: ClassVar[bool] = True
    name: Literal["shared"] = "shared"
    weighting: Literal["equal", "fixed", "uncertainty", "pcgrad", "cagrad", "upgrad"] = parameter(
        "equal", "equal: the mean of all losses; fixed: companions weigh as told; uncertainty: weights are learned; "
        "pcgrad, cagrad, upgrad: the gradients are combined so that no task is hurt.",
        source="Kendall, Gal and Cipolla 2018; Yu et al. 2020; Liu et al. 2021; Quinton and Rey 2024",
    )  # fmt: skip
    companion_weight: float = parameter(
        1.0, "Weight of each companion's loss beside the main task's; fixed weighting alone.", ge=0.0, le=100.0
    )
    caution: float = parameter(
        0.5, "How far from the mean gradient the combined one may lie, c; cagrad alone.", ge=0.0, lt=1.0,
        advanced=True, source="Liu et al. 2021, equation 4",
    )  # fmt: skip


class Progressive(Spec):
    """A new column beside frozen ones, which it reads through lateral connections."""

    title: ClassVar[str] = "Progressive network"
    reads_target_labels: ClassVar[bool] = True
    name: Literal["progressive"] = "progressive"
    first_columns: Literal["learned", "random"] = parameter(
        "learned", "learned: the frozen columns as earlier tasks left them; random: with fresh weights, as a control.",
        by_arm=True, source="Rusu et al. 2016, section 4, baseline 4",
    )  # fmt: skip
    adapter_width: int = parameter(
        16, "Channels, or units, to which a lateral connection brings what it reads.", ge=1, le=1024,
        source="Rusu et al. 2016, equation 2",
    )  # fmt: skip
    lateral_scale: float = parameter(
        0.1, "Factor by which a lateral connection begins to scale what it reads; it is learned.", gt=0.0, le=10.0,
        advanced=True, logarithmic=True, source="Rusu et al. 2016, section 2",
    )  # fmt: skip
