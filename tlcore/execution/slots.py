"""How many runs train at once, and on what."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

MAXIMUM_THREADS = 4  # the lab's networks are small: more threads wait for each other more than they work


@dataclass(frozen=True)
class Slots:
    """cpu: runs on the CPU at once. threads: of each run. gpus: one run on each."""

    cpu: int
    threads: int
    gpus: int = 0


def plan(cores: int) -> Slots:
    """The slots of a machine without GPU.

    Two cores train two runs with one thread each, which end sooner than one after the other with two threads, and
    arms that are compared move together; a run that others wait for joins them (`find_place`). More cores go to more
    runs first and to more threads after. The number of threads depends on the machine alone, never on its load,
    because it decides the order of sums.
    """
    runs = max(1, min(cores, 4, cores // 2 if cores > 4 else cores))
    return Slots(cpu=runs, threads=max(1, min(MAXIMUM_THREADS, cores // runs)))


@dataclass(frozen=True)
class Occupant:
    """A run that trains now. gpu: the GPU it was given, if any."""

    device: str
    gpu: int | None


@dataclass(frozen=True)
class Place:
    """Where a run may train: on a numbered GPU, or on the CPU."""

    gpu: int | None


def find_place(device: str, slots: Slots, occupants: Iterable[Occupant], *, awaited: bool = False) -> Place | None:
    """A free place for a run that wishes for `device`, or None while there is none.

    awaited: other runs start from what this one learns. One such run trains beside those that have a place, since
    it would else end alone, on one core, while the others wait for it.
    """
    occupied = list(occupants)
    if slots.gpus and device in ("auto", "cuda"):
        taken = {occupant.gpu for occupant in occupied}
        return next((Place(gpu) for gpu in range(slots.gpus) if gpu not in taken), None)
    on_cpu = sum(occupant.gpu is None for occupant in occupied)
    return Place(None) if on_cpu < slots.cpu + awaited else None
