"""Few-shot subsets are balanced, nested, drawn by the seed, and tell where there is too little."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tlcore.data import load_dataset
from tlcore.data.dataset import Dataset, Provenance
from tlcore.data.few_shot import few_shot
from tlcore.errors import InvalidRequest
from tlcore.specs import Digits


def dataset(labels: list[int], classes: int, originals: list[int] | None = None, origin: str = "drawn") -> Dataset:
    """Each input is its own place in the data set, so that a subset tells where it comes from."""
    count = len(labels)
    return Dataset(
        inputs=torch.arange(count, dtype=torch.float32)[:, None],
        labels=torch.tensor(labels, dtype=torch.int64),
        identities=torch.tensor(originals if originals is not None else list(range(count)), dtype=torch.int64),
        class_names=tuple(f"class {label}" for label in range(classes)),
        provenance=Provenance("Drawn", origin, "CC0-1.0", ""),
        attributes=10 * torch.arange(count, dtype=torch.float32)[:, None],
        attribute_names=("tenfold",),
    )


LABELS = st.integers(1, 5).flatmap(
    lambda classes: st.tuples(st.just(classes), st.lists(st.integers(0, classes - 1), min_size=1, max_size=60))
)


@given(drawn=LABELS, per_class=st.integers(1, 12), seed=st.integers(0, 2**31))
def test_every_class_gives_what_was_asked_for_or_all_it_has(drawn, per_class: int, seed: int) -> None:
    classes, labels = drawn
    chosen = few_shot(dataset(labels, classes), per_class, seed)
    assert chosen.counts == tuple(min(per_class, labels.count(label)) for label in range(classes))
    assert sum(chosen.counts) == len(chosen.data) == len(chosen.indices)
    assert [labels[index] for index in chosen.indices] == chosen.data.labels.tolist()
    told = " ".join(chosen.notes)
    assert bool(told) == any(labels.count(label) < per_class for label in range(classes))
    assert all(note.endswith(".") and "\n" not in note for note in chosen.notes)


@given(
    drawn=LABELS, fewer=st.integers(1, 10), more=st.integers(0, 10), renderings=st.integers(1, 3), seed=st.integers()
)
def test_more_labels_contain_the_fewer(drawn, fewer: int, more: int, renderings: int, seed: int) -> None:
    classes, labels = drawn
    data = dataset(labels, classes, [index // renderings for index in range(len(labels))])
    small, large = few_shot(data, fewer, seed), few_shot(data, fewer + more, seed)
    assert set(small.indices.tolist()) <= set(large.indices.tolist())
    everything = few_shot(data, None, seed)
    assert everything.indices.tolist() == list(range(len(labels)))


@given(drawn=LABELS, per_class=st.integers(1, 6), kinds=st.integers(1, 8), seed=st.integers(0, 9))
def test_no_original_comes_twice_before_each_has_come_once(drawn, per_class: int, kinds: int, seed: int) -> None:
    classes, labels = drawn
    originals = [(7 * index) % kinds for index in range(len(labels))]
    chosen = few_shot(dataset(labels, classes, originals), per_class, seed)
    for label in range(classes):
        of_class = [original for original, given_label in zip(originals, labels, strict=True) if given_label == label]
        picked = [originals[index] for index in chosen.indices if labels[index] == label]
        assert len(set(picked)) == min(len(set(of_class)), len(picked))
        for original in set(of_class):
            # Nobody is more than one round ahead of another who still has examples to give.
            behind = [other for other in set(of_class) if picked.count(other) < of_class.count(other)]
            assert all(picked.count(original) <= picked.count(other) + 1 for other in behind)


def test_the_five_shot_set_contains_the_two_shot_set() -> None:
    data = dataset([index % 3 for index in range(90)], 3)
    two, five = few_shot(data, 2, seed=4), few_shot(data, 5, seed=4)
    assert two.counts == (2, 2, 2) and five.counts == (5, 5, 5)
    assert set(two.indices.tolist()) < set(five.indices.tolist())
    assert two.notes == five.notes == ()


def test_inputs_labels_identities_and_attributes_stay_together() -> None:
    data = dataset([index % 4 for index in range(40)], 4, [100 + index for index in range(40)])
    chosen = few_shot(data, 3, seed=0)
    assert chosen.indices.tolist() == sorted(chosen.indices.tolist())
    assert chosen.data.inputs.flatten().tolist() == chosen.indices.tolist()
    assert chosen.data.identities.tolist() == (100 + chosen.indices).tolist()
    assert chosen.data.attributes is not None
    assert chosen.data.attributes.flatten().tolist() == (10 * chosen.indices).tolist()
    assert chosen.data.class_names == data.class_names and chosen.data.provenance == data.provenance


def test_the_seed_decides_and_the_global_random_state_does_not() -> None:
    data = dataset([index % 2 for index in range(200)], 2)
    torch.manual_seed(0)
    first = few_shot(data, 5, seed=1)
    state = torch.random.get_rng_state()
    torch.rand(17)
    again = few_shot(data, 5, seed=1)
    assert torch.equal(first.indices, again.indices)
    torch.random.set_rng_state(state)
    few_shot(data, 5, seed=2)
    assert torch.equal(torch.random.get_rng_state(), state)
    draws = {tuple(few_shot(data, 5, seed).indices.tolist()) for seed in range(20)}
    assert len(draws) == 20
    # Two classes laid out alike are not drawn alike.
    halves = dataset([0] * 100 + [1] * 100, 2)
    drawn = few_shot(halves, 5, seed=1).indices.tolist()
    assert drawn[:5] != [index - 100 for index in drawn[5:]]


def test_each_example_is_drawn_about_equally_often() -> None:
    data = dataset([0] * 8 + [1] * 8, 2)
    often = torch.zeros(16)
    for seed in range(400):
        often[few_shot(data, 2, seed).indices] += 1
    assert often.sum() == 1600
    assert often.min() > 65 and often.max() < 140  # 100 expected, with a deviation of about 9


def test_what_other_classes_hold_does_not_change_the_draw_of_a_class() -> None:
    data = dataset([0] * 30 + [1] * 30, 2)
    grown = dataset([0] * 30 + [1] * 45, 2)
    of_first = [few_shot(each, 4, seed=3).indices[:4].tolist() for each in (data, grown)]
    assert of_first[0] == of_first[1]


def test_too_few_examples_are_told_by_name() -> None:
    data = dataset([0] * 10 + [1] * 3 + [3] * 4, 4)
    chosen = few_shot(data, 5, seed=0)
    assert chosen.counts == (5, 3, 0, 4)
    assert chosen.notes == (
        "There is no labelled example of class 2.",
        "Classes with fewer than 5 labelled examples give all of them: class 1 (3), class 3 (4).",
    )
    assert few_shot(data, None, seed=0).notes == ("There is no labelled example of class 2.",)
    many = few_shot(dataset(list(range(200)), 200), 2, seed=0)
    assert many.notes[0].endswith("class 0 (1), class 1 (1), class 2 (1) and 197 more.")


def test_the_data_set_itself_stays_as_it_was() -> None:
    data = dataset([0, 1] * 10, 2)
    chosen = few_shot(data, 2, seed=0)
    chosen.data.inputs.fill_(-1.0)
    assert data.inputs.flatten().tolist() == list(range(20))


def test_handwriting_that_is_rendered_several_times_gives_different_digits() -> None:
    data = load_dataset(Digits(renderings=3), 0).train
    assert len(data.identities.unique()) < len(data)
    chosen = few_shot(data, 10, seed=0)
    assert chosen.counts == (10,) * 10 and chosen.notes == ()
    assert len(chosen.data.identities.unique()) == 100


@pytest.mark.parametrize("per_class", [0, -3])
def test_less_than_one_label_is_refused(per_class: int) -> None:
    with pytest.raises(InvalidRequest, match=f"At least one label a class is needed to learn from, not {per_class}."):
        few_shot(dataset([0, 1], 2), per_class, seed=0)


def test_a_data_set_without_examples_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="no labelled examples"):
        few_shot(dataset([], 2), 1, seed=0)
