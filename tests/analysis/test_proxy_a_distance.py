import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from tlcore.analysis.proxy_a_distance import PENALTIES, fit_squared_hinge, proxy_a_distance


def clouds(shift: float, count: int = 400, features: int = 20, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    return generator.normal(size=(count, features)), generator.normal(size=(count, features)) + shift


@pytest.mark.parametrize("penalty", [1e-4, 1e-2, 1.0, 10.0])
def test_classifier_equals_scikit_learn(penalty: float) -> None:
    source, target = clouds(0.4)
    features = np.concatenate([source, target])
    signs = np.repeat([-1.0, 1.0], 400)
    reference = LinearSVC(C=penalty, loss="squared_hinge", dual=False, tol=1e-10, max_iter=10_000).fit(features, signs)
    weights = fit_squared_hinge(np.column_stack([features, np.ones(800)]), signs, penalty)
    np.testing.assert_allclose(weights, np.append(reference.coef_, reference.intercept_), atol=1e-5)


def test_protocol_equals_one_written_out_with_scikit_learn() -> None:
    source, target = clouds(0.15, count=300)
    measured = proxy_a_distance(source, target, seed=5)
    generator = np.random.default_rng(5)
    source, target = source[generator.permutation(300)], target[generator.permutation(300)]
    train, test = np.concatenate([source[:150], target[:150]]), np.concatenate([source[150:], target[150:]])
    scaler = StandardScaler().fit(train)
    domains = np.repeat([0, 1], 150)
    errors = [
        1
        - LinearSVC(C=penalty, dual=False, tol=1e-10)
        .fit(scaler.transform(train), domains)
        .score(scaler.transform(test), domains)
        for penalty in PENALTIES
    ]
    assert measured.error == pytest.approx(min(errors), abs=0.5 / 300)
    assert measured.distance == pytest.approx(2 * (1 - 2 * measured.error))
    assert measured.accuracy == pytest.approx(1 - measured.error)


def test_identical_domains_are_near_zero_and_separable_ones_at_two() -> None:
    same = [proxy_a_distance(*clouds(0.0, seed=seed), seed=seed).distance for seed in range(10)]
    # The lowest of several errors counts, so the mean lies a little above 0.
    assert -0.1 < np.mean(same) < 0.25
    assert proxy_a_distance(*clouds(5.0), seed=0).distance == 2.0


def test_distance_grows_with_the_shift() -> None:
    distances = [proxy_a_distance(*clouds(shift), seed=0).distance for shift in (0.0, 0.1, 0.3, 1.0)]
    assert distances == sorted(distances)


def test_error_above_one_half_is_reported_as_it_is() -> None:
    # Opposite halves of few points mislead any classifier often enough to be seen.
    distances = [proxy_a_distance(*clouds(0.0, count=8, seed=seed), seed=seed, penalties=(1.0,)) for seed in range(30)]
    negative = [result for result in distances if result.distance < 0]
    assert negative and all(result.error > 0.5 for result in negative)


def test_unequal_domains_are_balanced() -> None:
    source, target = clouds(0.0, count=600)
    # Always guessing the larger domain would be right in 95 % of the cases.
    assert proxy_a_distance(source, target[:30], seed=1).accuracy < 0.85


def test_scale_of_a_feature_does_not_matter() -> None:
    source, target = clouds(0.3)
    scales = np.logspace(-6, 6, 20)
    plain = proxy_a_distance(source, target, seed=2)
    assert proxy_a_distance(source * scales, target * scales, seed=2).error == pytest.approx(plain.error, abs=0.006)


def test_more_features_than_points_give_the_same_as_without_the_shortcut() -> None:
    generator = np.random.default_rng(3)
    source, target = generator.normal(size=(40, 200)), generator.normal(size=(40, 200)) + 0.1
    measured = proxy_a_distance(source, target, seed=3)
    order = np.random.default_rng(3)
    source, target = source[order.permutation(40)], target[order.permutation(40)]
    train, test = np.concatenate([source[:20], target[:20]]), np.concatenate([source[20:], target[20:]])
    scaler = StandardScaler().fit(train)
    signs = np.repeat([-1.0, 1.0], 20)
    test = np.column_stack([scaler.transform(test), np.ones(40)])
    errors = []
    for penalty in PENALTIES:
        weights = fit_squared_hinge(np.column_stack([scaler.transform(train), np.ones(40)]), signs, penalty)
        errors.append(np.mean(signs * (test @ weights) < 0))
    assert measured.error == pytest.approx(min(errors))


def test_constant_features_cannot_be_told_apart() -> None:
    constant = np.full((50, 3), 7.0)
    assert proxy_a_distance(constant, constant, seed=0).distance == 0.0


def test_same_seed_same_result_and_points_are_limited() -> None:
    source, target = clouds(0.2, count=2000)
    assert proxy_a_distance(source, target, seed=4) == proxy_a_distance(source, target, seed=4)
    limited = proxy_a_distance(source, target, seed=4, max_points=10)
    assert (limited.error * 10) % 0.5 == pytest.approx(0.0)  # tested on 5 + 5 points


def test_bad_input_is_refused() -> None:
    source, target = clouds(0.0, count=10)
    with pytest.raises(ValueError, match="same features"):
        proxy_a_distance(source, target[:, :3], seed=0)
    with pytest.raises(ValueError, match="four points"):
        proxy_a_distance(source[:3], target, seed=0)
    with pytest.raises(ValueError, match="NaN"):
        proxy_a_distance(source, target * np.nan, seed=0)
