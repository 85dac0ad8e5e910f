"""A preset: a named experiment that ships with the lab, its arms, and what to see in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tlcore.specs import RunSpec, override, with_seed


@dataclass(frozen=True)
class Published:
    """A figure from the literature to stand beside ours, and what differs from what is run here.

    tolerance: how far ours may lie from it, either way, and still be called the same; None where nobody has said.
    """

    arm: str
    metric: str
    value: float
    source: str
    difference: str
    tolerance: float | None = None


@dataclass(frozen=True)
class Preset:
    """Arms that are shown together. `arms` holds each at seed 0; other seeds differ in nothing else.

    side_by_side: the arms whose feature spaces are shown next to each other. look_for: a few steps that point at the
    picture. explanation: what this experiment shows and why, for someone new to it.
    """

    page: str
    name: str
    title: str
    lead: str
    arms: Mapping[str, RunSpec]
    side_by_side: tuple[str, ...]
    look_for: tuple[str, ...]
    explanation: str
    default_seeds: int = 1
    published: tuple[Published, ...] = ()

    @property
    def identity(self) -> str:
        """`page/name`, as the terminal and links write it."""
        return f"{self.page}/{self.name}"

    def specs(self, seeds: Sequence[int], changes: Mapping[str, Any] | None = None) -> list[tuple[str, int, RunSpec]]:
        """Every run of the experiment: (arm, seed, spec), one seed of all arms after another.

        Raises:
            InvalidRequest: a change names no parameter of these arms, or its value is out of range.
        """
        arms = override(self.arms, changes or {})
        return [(arm, seed, spec) for seed in seeds for arm, spec in with_seed(arms, seed).items()]


def named_starts(arms: Mapping[str, RunSpec], spec: RunSpec) -> list[tuple[str, RunSpec]]:
    """Those of these arms that a run starts from, the first one first.

    arms: of the run's experiment, at any seed. Asked for by their names, they keep them also where nobody has asked for
    them but the run.
    """
    before: list[RunSpec] = []
    while spec.dependencies():
        (spec,) = spec.dependencies()
        before.insert(0, spec)
    found = []
    for one in before:
        names = {same.content_hash: arm for arm, same in with_seed(arms, one.seed).items()}
        if one.content_hash in names:
            found.append((names[one.content_hash], one))
    return found
