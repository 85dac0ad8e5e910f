import numpy as np
import pytest

from tlcore.analysis.confusion import (
    accuracy,
    class_averaged_accuracy,
    confusion_counts,
    per_class_accuracy,
    per_class_gain,
)


def test_counts_equal_a_loop() -> None:
    generator = np.random.default_rng(0)
    labels, predictions = generator.integers(0, 5, 200), generator.integers(0, 5, 200)
    expected = np.zeros((5, 5), dtype=np.int64)
    for label, prediction in zip(labels, predictions, strict=True):
        expected[label, prediction] += 1
    np.testing.assert_array_equal(confusion_counts(labels, predictions, 5), expected)


def test_small_integer_types_do_not_overflow() -> None:
    labels = np.full(3, 99, dtype=np.int8)  # 99 · 100 + 99 does not fit eight bits
    assert confusion_counts(labels, labels, 100)[99, 99] == 3


def test_hand_computed_accuracies() -> None:
    counts = np.array([[9, 1, 0], [5, 5, 0], [0, 0, 0]])
    assert accuracy(counts) == 14 / 20
    np.testing.assert_array_equal(per_class_accuracy(counts), [0.9, 0.5, np.nan])
    assert class_averaged_accuracy(counts) == pytest.approx(0.7)  # the class without examples does not count


def test_class_average_differs_from_accuracy_for_unbalanced_classes() -> None:
    counts = np.array([[98, 0], [2, 0]])
    assert accuracy(counts) == 0.98
    assert class_averaged_accuracy(counts) == 0.5


def test_no_examples_give_nan_instead_of_zero() -> None:
    counts = confusion_counts(np.array([], dtype=int), np.array([], dtype=int), 2)
    assert np.isnan(accuracy(counts)) and np.isnan(class_averaged_accuracy(counts))


def test_gain_is_signed() -> None:
    before, after = np.array([[8, 2], [5, 5]]), np.array([[6, 4], [1, 9]])
    np.testing.assert_allclose(per_class_gain(before, after), [-0.2, 0.4])


def test_malformed_input_is_refused() -> None:
    with pytest.raises(ValueError, match="one length"):
        confusion_counts(np.array([0, 1]), np.array([0]), 2)
    with pytest.raises(ValueError, match="prediction lies outside"):
        confusion_counts(np.array([0, 1]), np.array([0, -1]), 2)
    with pytest.raises(ValueError, match="label lies outside"):
        confusion_counts(np.array([2]), np.array([0]), 2)
    with pytest.raises(ValueError, match="compared"):
        per_class_gain(np.eye(2, dtype=np.int64), np.eye(3, dtype=np.int64))
