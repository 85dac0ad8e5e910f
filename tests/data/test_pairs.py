"""What holds for every pair: the same by spec and seed, nothing shared that must not be, classes in balance."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from tlcore.data import Domain, PairData, load_dataset, load_pair
from tlcore.data.splits import Share, balanced_head
from tlcore.errors import InvalidRequest
from tlcore.specs.data import DatasetSpec, Digits, DomainPair, Mnist, MnistM, Moons, PhotoDigits

PAIRS = [
    DomainPair(source=Moons(points=60), target=Moons(points=60, rotation=35)),
    DomainPair(source=Digits(renderings=2), target=PhotoDigits(renderings=2)),
    DomainPair(source=Digits(renderings=2), target=Digits(renderings=3, variation=2)),
    DomainPair(source=Mnist(), target=MnistM()),
    DomainPair(source=Mnist(limit=50), target=MnistM(limit=70), disjoint=False),
]


def parts(domain: Domain) -> dict[str, set[int]]:
    return {name: set(getattr(domain, name).identities.tolist()) for name in ("train", "validation", "test")}


def same(one: PairData, other: PairData) -> bool:
    return all(
        torch.equal(getattr(getattr(getattr(one, d), p), f), getattr(getattr(getattr(other, d), p), f))
        for d in ("source", "target")
        for p in ("train", "validation", "test")
        for f in ("inputs", "labels", "identities")
    )


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: f"{pair.source.name}-{pair.target.name}-{pair.disjoint}")
class TestEveryPair:
    def test_same_seed_same_tensors_whatever_the_global_state(self, pair: DomainPair, small_folder: Path) -> None:
        torch.manual_seed(1)
        np.random.seed(1)
        first = load_pair(pair, 3)
        torch.rand(7)
        np.random.rand(7)
        assert same(first, load_pair(pair, 3))
        assert not same(first, load_pair(pair, 4))

    def test_global_random_state_is_left_alone(self, pair: DomainPair, small_folder: Path) -> None:
        torch_state, numpy_state = torch.get_rng_state(), np.random.get_state()[1].copy()
        load_pair(pair, 0)
        assert torch.equal(torch.get_rng_state(), torch_state)
        assert np.array_equal(np.random.get_state()[1], numpy_state)

    def test_no_original_is_tested_on_and_learned_from(self, pair: DomainPair, small_folder: Path) -> None:
        data = load_pair(pair, 0)
        source, target = parts(data.source), parts(data.target)
        for tested, learned in ((source, source), (source, target), (target, source), (target, target)):
            assert not tested["test"] & (learned["train"] | learned["validation"])
            assert not tested["validation"] & learned["train"]

    def test_originals_stand_in_one_domain_if_asked(self, pair: DomainPair, small_folder: Path) -> None:
        data = load_pair(pair, 0)
        source, target = parts(data.source), parts(data.target)
        shared = set().union(*source.values()) & set().union(*target.values())
        assert bool(shared) != pair.disjoint

    def test_classes_are_balanced_and_named_alike(self, pair: DomainPair, small_folder: Path) -> None:
        data = load_pair(pair, 0)
        for domain in (data.source, data.target):
            for part in (domain.train, domain.validation, domain.test):
                assert part.class_names == data.class_names
                assert part.inputs.shape[1:] == data.input_shape
                assert len(part.labels) == len(part.identities) == len(part.inputs)
                shares = torch.bincount(part.labels, minlength=len(data.class_names)) / len(part)
                assert (shares - 1 / len(data.class_names)).abs().max() < 0.03


def test_parts_are_seventy_ten_twenty_percent_of_all_originals() -> None:
    domain = load_dataset(Digits(renderings=1), 0)
    sizes = {name: len(identities) for name, identities in parts(domain).items()}
    assert sum(sizes.values()) == 1797
    assert sizes["train"] / 1797 == pytest.approx(0.7, abs=0.005)
    assert sizes["validation"] / 1797 == pytest.approx(0.1, abs=0.005)


def test_halves_are_everything_and_equally_large() -> None:
    data = load_pair(DomainPair(source=Digits(renderings=1), target=PhotoDigits(renderings=1)), 0)
    source, target = (set().union(*parts(domain).values()) for domain in (data.source, data.target))
    assert source | target == set(range(1797))
    assert abs(len(source) - len(target)) <= 1


def test_a_domain_does_not_depend_on_what_it_is_paired_with() -> None:
    target = PhotoDigits(renderings=2)
    one = load_pair(DomainPair(source=Digits(renderings=2), target=target), 5).target
    other = load_pair(DomainPair(source=Digits(renderings=3, variation=0.5), target=target), 5).target
    alone = load_dataset(target, 5, share=Share(1, 2))
    assert torch.equal(one.train.inputs, other.train.inputs)
    assert torch.equal(one.test.inputs, alone.test.inputs)


@pytest.mark.parametrize(
    ("source", "target", "difference"),
    [(Moons(), Digits(), "shape of inputs"), (Digits(), Moons(), "shape of inputs")],
)
def test_domains_that_do_not_fit_are_refused(
    source: DatasetSpec, target: DatasetSpec, difference: str, small_folder: Path
) -> None:
    with pytest.raises(InvalidRequest, match=difference):
        load_pair(DomainPair(source=source, target=target), 0)


def test_balanced_head_is_nested_and_in_proportion() -> None:
    labels = torch.tensor([0] * 40 + [1] * 20)
    head = balanced_head(labels, 12)
    assert torch.bincount(labels[head]).tolist() == [8, 4]
    assert set(balanced_head(labels, 6).tolist()) <= set(head.tolist())
