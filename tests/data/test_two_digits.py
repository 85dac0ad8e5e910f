"""Two digits in one picture: tasks follow from the digits, and no digit is both learned from and tested on."""

from __future__ import annotations

import pytest
import torch

from tlcore.data.splits import Share
from tlcore.data.two_digits import COUNTED, labels_of, load_two_digits
from tlcore.errors import InvalidRequest
from tlcore.specs import ManyTasks, TwoDigits
from tlcore.training.many_tasks import hide_labels, tasks_of

SPEC = TwoDigits(pictures=200)


def test_labels_follow_from_the_two_digits() -> None:
    tasks = labels_of(torch.tensor([3, 8, 7]), torch.tensor([9, 1, 7]), torch.tensor([5, 0, 2]))
    told = {name: labels.tolist() for name, labels in tasks.items()}
    assert told["left_odd"] == [1, 0, 1] and told["right_large"] == [1, 0, 1]
    assert told["left_loop"] == [0, 1, 0] and told["sum"] == [12, 9, 14] and told["sum_large"] == [1, 0, 1]
    assert told["larger"] == [0, 2, 1] and told["same"] == [0, 0, 1] and told["gap"] == [6, 7, 0]
    assert told["difference"] == pytest.approx([-6 / 9, 7 / 9, 0]) and told["chance"] == [5, 0, 2]


def test_the_same_seed_gives_the_same_pictures_and_parts_share_no_digit() -> None:
    one, again, other = (load_two_digits(SPEC, seed, Share()) for seed in (0, 0, 1))
    assert torch.equal(one.train.inputs, again.train.inputs) and not torch.equal(one.train.inputs, other.train.inputs)
    digits = {
        part: set((getattr(one, part).identities // 1797).tolist() + (getattr(one, part).identities % 1797).tolist())
        for part in ("train", "validation", "test")
    }
    assert not digits["train"] & digits["test"] and not digits["train"] & digits["validation"]
    assert one.train.inputs.shape[1:] == (1, 16, 21) and one.train.inputs.amax() > 200


def test_tasks_know_their_classes_and_few_labels_are_part_of_more() -> None:
    data = load_two_digits(SPEC, 0, Share()).train
    names = ("left", "larger", "difference", "right_set07")
    tasks, labels = tasks_of(data, names)
    assert [task.classes for task in tasks] == [COUNTED["left"], 3, 0, 2]
    few, more = (
        hide_labels(labels, tasks, ManyTasks(tasks=names, main_labels=count, companion_labels=50), 0)
        for count in (20, 40)
    )
    known = few[:, 0] >= 0
    assert int(known.sum()) == 20 and torch.equal(few[known, 0], labels[known, 0]) and bool((more[known, 0] >= 0).all())
    assert torch.bincount(few[known, 0].long()).tolist() == [2] * 10
    assert int(few[:, 2].isfinite().sum()) == 50 and int((few[:, 3] >= 0).sum()) == 50
    with pytest.raises(InvalidRequest, match="no task “middle”"):
        tasks_of(data, ("middle",))
