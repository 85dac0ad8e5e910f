"""Each loss against the same loss written as loops, and what its minimum looks like."""

from __future__ import annotations

import pytest
import torch

from tlcore.training.zero_shot_losses import ale_loss, devise_loss, margin_loss, naive_loss, pair_margin_loss

GENERATOR = torch.Generator().manual_seed(3)
SCORES = torch.randn(9, 5, generator=GENERATOR, dtype=torch.float64)
LABELS = torch.tensor([0, 1, 2, 3, 4, 0, 1, 2, 0])
MARGINS = [0.1, 1.0, 5.0]


def loop_margin(scores: torch.Tensor, labels: torch.Tensor, margin: float) -> float:
    total = 0.0
    for row, label in zip(scores.tolist(), labels.tolist(), strict=True):
        strongest = max(score for column, score in enumerate(row) if column != label)
        total += max(0.0, margin - row[label] + strongest)
    return total / len(scores)


def loop_ranking(scores: torch.Tensor, labels: torch.Tensor, margin: float, *, weighted: bool) -> float:
    total = 0.0
    for row, label in zip(scores.tolist(), labels.tolist(), strict=True):
        losses = [max(0.0, margin - row[label] + score) for column, score in enumerate(row) if column != label]
        rank = sum(loss > 0 for loss in losses)
        weight = (sum(1 / place for place in range(1, rank + 1)) / rank if rank else 0.0) if weighted else 1.0
        total += weight * sum(losses)
    return total / len(scores)


@pytest.mark.parametrize("margin", MARGINS)
def test_losses_over_classes_equal_the_loops(margin: float) -> None:
    assert margin_loss(SCORES, LABELS, margin).item() == pytest.approx(loop_margin(SCORES, LABELS, margin))
    assert devise_loss(SCORES, LABELS, margin).item() == pytest.approx(
        loop_ranking(SCORES, LABELS, margin, weighted=False)
    )
    assert ale_loss(SCORES, LABELS, margin).item() == pytest.approx(loop_ranking(SCORES, LABELS, margin, weighted=True))


@pytest.mark.parametrize("margin", MARGINS)
def test_the_loss_over_pairs_equals_the_loop(margin: float) -> None:
    pictures, descriptions = torch.randn(2, 9, 4, generator=GENERATOR, dtype=torch.float64)
    total = 0.0
    for n in range(9):
        right = float(pictures[n] @ descriptions[n])
        wrong = [float(pictures[n] @ descriptions[m]) for m in range(9) if LABELS[m] != LABELS[n]]
        total += max(0.0, margin - right + max(wrong))
    assert pair_margin_loss(pictures, descriptions, LABELS, margin).item() == pytest.approx(total / 9)


def test_a_batch_of_one_class_has_nothing_to_be_told_from() -> None:
    pictures = torch.randn(4, 3, generator=GENERATOR, requires_grad=True)
    loss = pair_margin_loss(pictures, torch.randn(4, 3, generator=GENERATOR), torch.zeros(4, dtype=torch.int64))
    loss.backward()
    assert loss.item() == 0 and pictures.grad is not None and torch.equal(pictures.grad, torch.zeros(4, 3))


def test_the_naive_loss_by_hand_and_its_collapse() -> None:
    pictures, descriptions = torch.tensor([[1.0, 2.0], [0.0, 0.0]]), torch.tensor([[1.0, 0.0], [3.0, 4.0]])
    assert naive_loss(pictures, descriptions).item() == pytest.approx((4 + 25) / 2)
    point = torch.ones(5, 3)
    assert naive_loss(point, point).item() == 0
    assert margin_loss(point @ point.T, torch.arange(5), 1.0).item() == pytest.approx(1.0), "the margin sees it"


@pytest.mark.parametrize("loss", [margin_loss, devise_loss, ale_loss])
def test_gradients_are_finite_push_the_right_class_up_and_stop_where_all_is_far(loss) -> None:
    scores = SCORES.clone().requires_grad_()
    loss(scores, LABELS, 1.0).backward()
    assert torch.isfinite(scores.grad).all()
    assert (scores.grad.gather(1, LABELS[:, None]) <= 0).all() and (scores.grad.sum(dim=1).abs() < 1e-12).all()
    far = torch.full((9, 5), -9.0).scatter(1, LABELS[:, None], 9.0).requires_grad_()
    assert loss(far, LABELS, 1.0).item() == 0
    loss(far, LABELS, 1.0).backward()
    assert torch.equal(far.grad, torch.zeros(9, 5))


@pytest.mark.parametrize("loss", [margin_loss, devise_loss, ale_loss])
def test_gradients_equal_differences(loss) -> None:
    assert torch.autograd.gradcheck(lambda scores: loss(scores, LABELS, 0.37), (SCORES.clone().requires_grad_(),))


def test_half_precision_does_not_overflow() -> None:
    scores = SCORES.to(torch.bfloat16)
    for loss in (margin_loss, devise_loss, ale_loss):
        assert loss(scores, LABELS, 1.0).item() == pytest.approx(loss(SCORES, LABELS, 1.0).item(), rel=0.05)
