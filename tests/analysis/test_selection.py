import numpy as np
import pytest

from tlcore.analysis.selection import (
    information_maximisation,
    mean_entropy,
    negative_entropy,
    select,
    soft_neighbourhood_density,
    validation_accuracy,
)


def naive_softmax(row: np.ndarray) -> np.ndarray:
    return np.exp(row) / sum(np.exp(value) for value in row)


def naive_entropy(probabilities: np.ndarray) -> float:
    return -sum(p * np.log(p) for p in probabilities if p > 0)


@pytest.fixture
def logits() -> np.ndarray:
    return np.random.default_rng(0).normal(0.0, 2.0, (15, 4))


def test_entropies_equal_a_loop(logits: np.ndarray) -> None:
    rows = [naive_softmax(row) for row in logits]
    entropy = np.mean([naive_entropy(row) for row in rows])
    assert mean_entropy(logits) == pytest.approx(entropy)
    assert negative_entropy(logits) == pytest.approx(-entropy)
    assert information_maximisation(logits) == pytest.approx(naive_entropy(np.mean(rows, axis=0)) - entropy)


def test_information_maximisation_knows_collapse_where_entropy_does_not() -> None:
    certain_and_balanced = 200.0 * np.eye(5)[np.arange(50) % 5]
    all_one_class = 200.0 * np.eye(5)[np.zeros(50, dtype=int)]
    undecided = np.zeros((50, 5))
    assert information_maximisation(certain_and_balanced) == pytest.approx(np.log(5))
    assert information_maximisation(all_one_class) == pytest.approx(0.0)
    assert information_maximisation(undecided) == pytest.approx(0.0)
    assert negative_entropy(all_one_class) == pytest.approx(negative_entropy(certain_and_balanced))
    assert negative_entropy(undecided) == pytest.approx(-np.log(5))


def test_soft_neighbourhood_density_equals_a_double_loop(logits: np.ndarray) -> None:
    unit = [row / np.sqrt((row**2).sum()) for row in map(naive_softmax, logits)]
    entropies = []
    for i, point in enumerate(unit):
        similarities = np.array([point @ other for j, other in enumerate(unit) if j != i])
        entropies.append(naive_entropy(naive_softmax(similarities / 0.05)))
    assert soft_neighbourhood_density(logits) == pytest.approx(np.mean(entropies))


def test_soft_neighbourhood_density_rewards_dense_clusters() -> None:
    clustered = 50.0 * np.eye(4)[np.arange(40) % 4]
    # Each of 40 points has 9 equal neighbours, and those of other classes, at similarity 0, hardly count.
    assert soft_neighbourhood_density(clustered) == pytest.approx(np.log(9), abs=1e-3)
    scattered = np.random.default_rng(1).normal(0.0, 3.0, (40, 4))
    assert soft_neighbourhood_density(scattered) < soft_neighbourhood_density(np.zeros((40, 4)))
    assert soft_neighbourhood_density(np.zeros((40, 4))) == pytest.approx(np.log(39))


def test_validation_accuracy_counts_the_largest_logit() -> None:
    logits = np.array([[2.0, 1.0], [0.0, 3.0], [5.0, 4.0], [1.0, 2.0]])
    assert validation_accuracy(logits, np.array([0, 1, 1, 1])) == 0.75


def test_select_takes_the_highest_and_the_later_of_equals() -> None:
    assert select([10, 20, 30, 40], [0.1, 0.9, 0.9, 0.2]) == 30
    assert select([30, 10, 20], [0.5, 0.5, 0.5]) == 30  # by step, not by place in the list
    assert select([1, 2, 3], [float("nan"), -5.0, float("nan")]) == 2


def test_bad_input_is_refused(logits: np.ndarray) -> None:
    with pytest.raises(ValueError, match="No evaluation"):
        select([1, 2], [float("nan")] * 2)
    with pytest.raises(ValueError, match="belong together"):
        select([1, 2], [0.5])
    with pytest.raises(ValueError, match="NaN"):
        information_maximisation(np.where(logits > 0, np.nan, logits))
    with pytest.raises(ValueError, match="two classes"):
        negative_entropy(np.zeros((5, 1)))
    with pytest.raises(ValueError, match="labels"):
        validation_accuracy(logits, np.zeros(3, dtype=int))
    with pytest.raises(ValueError, match="two points"):
        soft_neighbourhood_density(logits[:1])
    with pytest.raises(ValueError, match="temperature"):
        soft_neighbourhood_density(logits, temperature=0.0)
