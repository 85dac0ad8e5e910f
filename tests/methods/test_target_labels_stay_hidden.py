"""A method without target labels cannot reach them, whatever it would try: nothing it can get hold of leads there."""

from __future__ import annotations

import gc
import inspect
import types
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch

from tlcore.data import load_pair
from tlcore.data.dataset import PairData
from tlcore.methods.registry import METHODS
from tlcore.specs import Budget, Dann, Digits, DomainPair, PhotoDigits, RunSpec, SmallCnn, SourceOnly, TrainOnTarget
from tlcore.training import preparation

CONTAINERS = (dict, list, tuple, set, frozenset, types.MappingProxyType, types.CellType, types.FrameType)
CALLABLES = (types.FunctionType, types.MethodType, types.GeneratorType)


def reachable(root: object) -> Iterator[object]:
    """Everything that `root` leads to through local variables, closures, attributes and containers.

    Modules and classes are left out: what they hold is not handed to anyone, and leads to everything there is.
    """
    seen: set[int] = set()
    kept: list[object] = []  # nothing may be freed meanwhile, or its identity would be given to something else
    waiting: list[object] = [root]
    while waiting:
        thing = waiting.pop()
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        kept.append(thing)
        yield thing
        for follower in followers(thing):
            if belongs(follower):
                waiting.append(follower)


def followers(thing: object) -> list[object]:
    if isinstance(thing, types.FunctionType):  # not its globals, which are its module
        cells = [cell.cell_contents for cell in thing.__closure__ or ()]
        return [*cells, *(thing.__defaults__ or ()), *(thing.__kwdefaults__ or {}).values()]
    if isinstance(thing, types.GeneratorType):
        inner = [thing.gi_yieldfrom] if thing.gi_yieldfrom is not None else []
        return [*inspect.getgeneratorlocals(thing).values(), *inner]
    if isinstance(thing, torch.Tensor):
        return [thing._base, thing.grad, thing.__dict__] if thing.is_leaf else [thing._base, thing.__dict__]
    found = gc.get_referents(thing)
    return [*found, *vars(thing).values()] if hasattr(thing, "__dict__") else found


def belongs(thing: object) -> bool:
    if isinstance(thing, (types.ModuleType, type)):
        return False
    if isinstance(thing, (torch.Tensor, np.ndarray, *CONTAINERS, *CALLABLES)):
        # The dictionary of a module is the module.
        return not (isinstance(thing, dict) and "__builtins__" in thing)
    return type(thing).__module__.partition(".")[0] in ("tlcore", "torch", "builtins", "collections", "functools")


def arrays_within(root: object) -> list[torch.Tensor]:
    """Every array of whole numbers that `root` leads to."""
    found = []
    for thing in reachable(root):
        if isinstance(thing, np.ndarray) and thing.dtype.kind == "i":
            found.append(torch.from_numpy(np.ascontiguousarray(thing)))
        elif isinstance(thing, torch.Tensor) and not thing.is_floating_point():
            found.append(thing.detach())
    return found


def same(one: torch.Tensor, other: torch.Tensor) -> bool:
    """Whether two tensors share memory or hold the same numbers."""
    if one.untyped_storage().data_ptr() == other.untyped_storage().data_ptr():
        return True
    return one.shape == other.shape and bool((one.long() == other.long()).all())


def start(method: Any, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, PairData]:
    """A method under way on the lab's own data, and the data with all their labels, from which it was prepared."""
    loaded: list[PairData] = []

    def load(*arguments: Any, **options: Any) -> PairData:
        loaded.append(load_pair(*arguments, **options))
        return loaded[-1]

    monkeypatch.setattr(preparation, "load_pair", load)
    spec = RunSpec(
        method=method,
        data=DomainPair(source=Digits(renderings=1), target=PhotoDigits(renderings=1)),
        network=SmallCnn(channels=4, features=8),
        budget=Budget(steps=4, batch_size=8, evaluations=1, frames=1, probe_points=20),
    )
    prepared = preparation.prepare(spec, device=torch.device("cpu"), precision=torch.float32)
    generator = METHODS[spec.method.name](spec, prepared.context)
    for _ in range(9):  # past the first look at the model and into the first steps
        next(generator)
    return generator, loaded[0]


@pytest.mark.parametrize("method", [Dann(), SourceOnly()], ids=lambda method: method.name)
def test_no_target_label_is_within_reach(method: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    generator, data = start(method, monkeypatch)
    arrays = arrays_within(generator)
    for part in ("train", "validation", "test"):
        labels = getattr(data.target, part).labels
        assert not any(same(array, labels) for array in arrays), f"labels of the target's {part} part"
    # The walk does find what may be found: the source's labels, and the target's pictures.
    assert any(same(array, data.source.train.labels) for array in arrays)
    inputs = data.target.train.inputs if method.name == "dann" else data.target.test.inputs
    assert any(same(array, inputs) for array in arrays)


def test_the_same_walk_finds_them_where_they_are_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    generator, data = start(TrainOnTarget(), monkeypatch)
    arrays = arrays_within(generator)
    assert any(same(array, data.target.train.labels) for array in arrays)
    for part in ("validation", "test"):
        assert not any(same(array, getattr(data.target, part).labels) for array in arrays)


def test_the_walk_looks_into_closures_methods_and_generators() -> None:
    hidden = torch.arange(7)

    def closure() -> torch.Tensor:
        return hidden

    def generator() -> Iterator[int]:
        inner = {"deep": [closure]}
        yield len(inner)

    running = generator()
    next(running)
    assert any(same(array, hidden) for array in arrays_within(running))
    assert any(same(array, hidden) for array in arrays_within(hidden[2:].view(5)))
