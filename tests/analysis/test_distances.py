import numpy as np
import pytest

from tlcore.analysis.distances import linear_cka, median_bandwidth, squared_mmd


def naive_cka(first: np.ndarray, second: np.ndarray) -> float:
    """The Hilbert–Schmidt independence criterion of linear kernels, normalised, entry by entry."""
    count = len(first)

    def centred_gram(table: np.ndarray) -> np.ndarray:
        gram = np.array([[sum(a * b for a, b in zip(p, q, strict=True)) for q in table] for p in table])
        centring = np.eye(count) - 1.0 / count
        return centring @ gram @ centring

    def criterion(a: np.ndarray, b: np.ndarray) -> float:
        return sum(a[i, j] * b[i, j] for i in range(count) for j in range(count))

    a, b = centred_gram(first), centred_gram(second)
    return criterion(a, b) / np.sqrt(criterion(a, a) * criterion(b, b))


@pytest.mark.parametrize(("count", "features"), [(20, 4), (6, 15)])  # both ways to compute it
def test_cka_equals_the_double_loop(count: int, features: int) -> None:
    generator = np.random.default_rng(1)
    first = generator.normal(2.0, 1.0, (count, features))
    second = first[:, :3] @ generator.normal(size=(3, 5)) + generator.normal(size=(count, 5))
    assert linear_cka(first, second) == pytest.approx(naive_cka(first, second), abs=1e-10)


def test_cka_ignores_rotation_shift_and_scale_only() -> None:
    generator = np.random.default_rng(2)
    first = generator.normal(size=(100, 6))
    rotation = np.linalg.qr(generator.normal(size=(6, 6)))[0]
    assert linear_cka(first, 3.0 * first @ rotation + 7.0) == pytest.approx(1.0)
    assert linear_cka(first, first * np.array([10, 1, 1, 1, 1, 1])) < 0.9
    assert linear_cka(first, generator.normal(size=(100, 6))) < 0.2


def test_cka_refuses_what_has_no_answer() -> None:
    table = np.arange(12.0).reshape(4, 3)
    with pytest.raises(ValueError, match="same points"):
        linear_cka(table, table[:3])
    with pytest.raises(ValueError, match="same for every point"):
        linear_cka(table, np.ones((4, 2)))
    with pytest.raises(ValueError, match="NaN"):
        linear_cka(table, table * np.nan)


def naive_mmd(source: np.ndarray, target: np.ndarray, bandwidth: float, factors: list[float]) -> float:
    """Equation 3 of Gretton et al. (2012), term by term."""

    def kernel(x: np.ndarray, y: np.ndarray) -> float:
        return float(np.mean([np.exp(-((x - y) ** 2).sum() / (factor * bandwidth)) for factor in factors]))

    n, m = len(source), len(target)
    total = sum(kernel(source[i], source[j]) for i in range(n) for j in range(n) if i != j) / (n * (n - 1))
    total += sum(kernel(target[i], target[j]) for i in range(m) for j in range(m) if i != j) / (m * (m - 1))
    return total - 2 * sum(kernel(x, y) for x in source for y in target) / (n * m)


def test_mmd_equals_the_double_loop() -> None:
    generator = np.random.default_rng(3)
    source, target = generator.normal(50.0, 1.0, (12, 3)), generator.normal(50.5, 2.0, (9, 3))
    factors = [0.5, 1.0, 4.0]
    assert squared_mmd(source, target, 2.5, factors) == pytest.approx(
        naive_mmd(source, target, 2.5, factors), abs=1e-10
    )


def test_median_bandwidth_is_the_median_over_pairs() -> None:
    source, target = np.array([[0.0], [1.0]]), np.array([[3.0]])
    assert median_bandwidth(source, target) == pytest.approx(4.0)  # squared distances 1, 9, 4
    assert median_bandwidth(np.zeros((3, 1)), np.zeros((2, 1))) == 1.0


def test_mmd_is_zero_on_average_for_one_distribution_and_grows_with_the_shift() -> None:
    generator = np.random.default_rng(4)
    same = [squared_mmd(generator.normal(size=(40, 5)), generator.normal(size=(40, 5))) for _ in range(60)]
    assert abs(np.mean(same)) < 0.003
    assert min(same) < 0  # unbiased, therefore not clipped
    source, target = generator.normal(size=(100, 5)), generator.normal(size=(100, 5))
    shifted = [squared_mmd(source, target + shift) for shift in (0.0, 0.5, 1.0, 2.0)]
    assert shifted == sorted(shifted) and shifted[-1] > 0.3


def test_mmd_refuses_malformed_input() -> None:
    table = np.zeros((4, 2))
    with pytest.raises(ValueError, match="two points"):
        squared_mmd(table[:1], table)
    with pytest.raises(ValueError, match="features"):
        squared_mmd(table, np.zeros((4, 3)))
    with pytest.raises(ValueError, match="positive"):
        squared_mmd(table, table, bandwidth=0.0)
