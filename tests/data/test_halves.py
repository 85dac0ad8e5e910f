"""One data set as two tasks: who gets which classes, and what another sensor makes of the pictures."""

from __future__ import annotations

import pytest
import torch

from tlcore.data.dataset import Dataset, Provenance
from tlcore.data.glyphs import CHARACTERS
from tlcore.data.halves import divide, load_half, of_classes, taken_by, through
from tlcore.data.load import load_dataset
from tlcore.errors import InvalidRequest
from tlcore.specs import ClassHalf, Digits, Glyphs, Moons


def vectors(labels: tuple[int, ...], names: tuple[str, ...]) -> Dataset:
    """One number an example: its place."""
    places = torch.arange(len(labels))
    return Dataset(places[:, None].float(), torch.tensor(labels), places, names, Provenance("", "", "", ""))


NAMES = tuple(CHARACTERS["all"])
FEW = Glyphs(characters="digits", pictures=5)


@pytest.mark.parametrize("division", ["random", "kinds"])
@pytest.mark.parametrize("seed", [0, 1, 17])
def test_halves_are_disjoint_and_equally_large(division: str, seed: int):
    first, second = divide(NAMES, division, seed)
    assert set(first).isdisjoint(second)
    assert len(first) == len(second) == len(set(first)) == len(set(second))
    assert set(first) | set(second) <= set(range(len(NAMES)))
    assert (len(first) == 24) == (division == "random")


def test_the_seed_decides_and_nothing_else():
    torch.manual_seed(1)
    once = divide(NAMES, "random", 3)
    torch.manual_seed(2)
    assert divide(NAMES, "random", 3) == once
    splits = {divide(NAMES, "random", seed) for seed in range(8)}
    assert len(splits) == 8


def test_of_an_odd_number_of_classes_one_is_left_out():
    first, second = divide(tuple("abcdefg"), "random", 0)
    assert len(first) == len(second) == 3
    left_out = {divide(tuple("abcdefg"), "random", seed) for seed in range(20)}
    assert len({frozenset(range(7)) - set(a) - set(b) for a, b in left_out}) > 3


def test_kinds_keep_straight_characters_from_round_ones():
    first, second = divide(NAMES, "kinds", 4)
    assert {NAMES[index] for index in first} == set("AEFHIKLMNTVWXYZ147")
    assert {NAMES[index] for index in second} <= set("BCDGJOPQRSU0235689abdefghmnqrt")


def test_kinds_keep_things_from_animals():
    names = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
    first, second = divide(names, "kinds", 0)
    assert {names[index] for index in first} == {"airplane", "automobile", "ship", "truck"}
    assert {names[index] for index in second} < {"bird", "cat", "deer", "dog", "frog", "horse"}


def test_what_cannot_be_divided_is_refused_in_a_sentence():
    with pytest.raises(InvalidRequest, match="moons has too few classes to be divided: each half needs two"):
        load_half(ClassHalf(target=Moons()), 0)
    with pytest.raises(InvalidRequest, match="dogs and cats cannot be divided by kinds"):
        divide(("dog", "cat"), "kinds", 0, "dogs and cats")


@pytest.mark.parametrize("half", ["A", "B"])
def test_a_half_holds_all_examples_of_its_classes_labelled_from_zero(half: str):
    domain = load_half(ClassHalf(target=FEW, half=half), 2)
    whole = load_dataset(FEW, 2)
    chosen = divide(whole.train.class_names, "random", 2)["AB".index(half)]
    for name in ("train", "validation", "test"):
        part, all_of_it = getattr(domain, name), getattr(whole, name)
        assert part.class_names == tuple(whole.train.class_names[index] for index in chosen)
        assert set(part.labels.tolist()) == set(range(5))
        for label, index in enumerate(chosen):
            expected = all_of_it.inputs[all_of_it.labels == index]
            assert torch.equal(part.inputs[part.labels == label], expected)


def test_the_halves_share_no_picture():
    first, second = (load_half(ClassHalf(target=FEW, half=half), 1) for half in ("A", "B"))
    assert set(first.train.class_names).isdisjoint(second.train.class_names)
    ours, theirs = (set(half.train.identities.tolist()) for half in (first, second))
    assert ours.isdisjoint(theirs)


def test_classes_keep_the_order_in_which_they_are_asked_for():
    found = of_classes(vectors((0, 1, 2, 2, 1, 0), ("x", "y", "z")), (2, 0))
    assert found.class_names == ("z", "x")
    assert found.inputs.flatten().tolist() == [0, 2, 3, 5]
    assert found.labels.tolist() == [1, 0, 0, 1]


class TestSensors:
    pictures = torch.randint(0, 256, (3, 3, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))

    def test_the_same_changes_nothing(self):
        assert torch.equal(taken_by("same", self.pictures), self.pictures)

    def test_inverted_is_its_own_opposite(self):
        negative = taken_by("inverted", self.pictures)
        assert (negative.int() + self.pictures.int() == 255).all()

    def test_recoloured_moves_each_channel_to_the_next(self):
        turned = taken_by("recoloured", self.pictures)
        assert torch.equal(turned[:, 1], self.pictures[:, 0])
        assert torch.equal(turned[:, 0], self.pictures[:, 2])

    def test_filtered_leaves_the_difference_from_the_neighbourhood(self):
        picture = self.pictures[1, 2].double()
        mean = picture[2:5, 3:6].mean()
        expected = (127.5 + picture[3, 4] - mean).clamp(0, 255).round()
        assert abs(int(taken_by("filtered", self.pictures)[1, 2, 3, 4]) - int(expected)) <= 1
        even = torch.full((1, 3, 8, 8), 200, dtype=torch.uint8)
        assert set(taken_by("filtered", even).unique().tolist()) <= {127, 128}

    @pytest.mark.parametrize("sensor", ["inverted", "filtered", "recoloured"])
    def test_labels_and_classes_stay(self, sensor: str):
        plain = load_half(ClassHalf(target=FEW), 0)
        other = load_half(ClassHalf(target=FEW, sensor=sensor), 0)
        assert torch.equal(other.test.labels, plain.test.labels)
        assert other.test.class_names == plain.test.class_names
        assert torch.equal(other.test.inputs, taken_by(sensor, plain.test.inputs))
        assert sensor in other.test.provenance.title

    def test_vectors_are_no_pictures(self):
        with pytest.raises(InvalidRequest, match="Only pictures"):
            through("inverted", vectors((0, 1), ("a", "b")))


def test_real_digits_can_be_divided_too():
    half = load_half(ClassHalf(target=Digits(renderings=1)), 0)
    assert len(half.train.class_names) == 5
