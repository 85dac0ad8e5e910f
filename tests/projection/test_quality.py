import numpy as np
import pytest
from sklearn.manifold import trustworthiness as reference_trustworthiness
from sklearn.neighbors import NearestNeighbors

from tlcore.projection.alignment import root_mean_square_radius
from tlcore.projection.quality import (
    displacement,
    faithfulness,
    movement,
    neighbour_preservation,
    stability,
    trustworthiness,
    unmoved_points,
)


@pytest.mark.parametrize("neighbours", [1, 5, 15])
def test_trustworthiness_equals_scikit_learn(neighbours: int) -> None:
    generator = np.random.default_rng(0)
    features = generator.normal(size=(300, 8)).astype(np.float32)
    points = features[:, :2] + 0.3 * generator.normal(size=(300, 2)).astype(np.float32)
    expected = reference_trustworthiness(features, points, n_neighbors=neighbours)
    assert trustworthiness(features, points, neighbours) == pytest.approx(expected, abs=1e-6)


def test_a_perfect_picture_is_trusted_and_a_random_one_is_not() -> None:
    generator = np.random.default_rng(1)
    points = generator.normal(size=(200, 2)).astype(np.float32)
    assert trustworthiness(points, points) == 1.0
    assert neighbour_preservation(points, points) == 1.0
    noise = generator.normal(size=(200, 2)).astype(np.float32)
    assert trustworthiness(points, noise) == pytest.approx(0.5, abs=0.05)
    assert neighbour_preservation(points, noise) == pytest.approx(15 / 199, abs=0.03)


def test_neighbour_preservation_equals_a_loop_over_scikit_learn() -> None:
    features = np.random.default_rng(2).normal(size=(100, 6)).astype(np.float32)
    points = features[:, :2]
    wide = NearestNeighbors(n_neighbors=7).fit(features).kneighbors(return_distance=False)
    plane = NearestNeighbors(n_neighbors=7).fit(points).kneighbors(return_distance=False)
    expected = np.mean([len(set(a) & set(b)) / 7 for a, b in zip(wide, plane, strict=True)])
    assert neighbour_preservation(features, points, 7) == pytest.approx(expected)


def test_stability_counts_only_points_whose_features_stayed() -> None:
    before = np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    features_after = before + np.array([[0.0, 0.0], [0.01, 0.0], [9.0, 0.0], [0.0, 9.0]])
    after = before + np.array([[0.2, 0.0], [0.0, 0.4], [7.0, 0.0], [8.0, 0.0]])
    np.testing.assert_array_equal(unmoved_points(before, features_after), [True, True, False, False])
    assert stability([before, features_after], [before, after]) == pytest.approx(0.3)  # the cloud has radius 1
    assert displacement(before, after) == pytest.approx((0.2 + 0.4 + 7 + 8) / 4)


@pytest.mark.parametrize("features", [3, 600])  # beyond 512 features the clouds are turned in their main directions
def test_what_all_features_do_together_moves_no_point(features: int) -> None:
    generator = np.random.default_rng(4)
    before = generator.normal(size=(400, features)) * np.geomspace(3.0, 1e-6, features)
    turn = np.linalg.qr(generator.normal(size=(features, features)))[0]
    after = 2.0 * before @ turn + 7.0
    assert movement(before, after).max() < 0.1
    after[5] += 1.5 * root_mean_square_radius(after) * turn[0]
    moved = movement(before, after)
    assert moved[5] == pytest.approx(1.5, rel=0.1) and np.delete(moved, 5).max() < 0.12
    # Half of the points travel: the others have not moved, though no turn of the whole cloud says so.
    half = before + np.where(np.arange(400) % 2 == 0, 0.0, 4.0)[:, None] * generator.normal(size=features)
    assert unmoved_points(before, half)[::2].all() and not unmoved_points(before, half)[1::2].any()


def test_movement_from_a_single_spot() -> None:
    spot = np.zeros((3, 2))
    np.testing.assert_array_equal(movement(spot, spot), np.zeros(3))
    np.testing.assert_array_equal(movement(spot, np.eye(3, 2)), [np.inf, np.inf, 0.0])


def test_several_pictures_at_once_are_measured_as_one_by_one() -> None:
    features = np.random.default_rng(5).normal(size=(120, 6)).astype(np.float32)
    pictures = {"plane": features[:, :2], "space": features[:, :3]}
    measured = faithfulness(features, pictures, 9)
    for name, points in pictures.items():
        assert measured[name] == (trustworthiness(features, points, 9), neighbour_preservation(features, points, 9))
    assert measured["space"][1] > measured["plane"][1] > 9 / 119


def test_no_unmoved_point_or_no_cloud_gives_no_number() -> None:
    cloud = np.random.default_rng(3).normal(size=(10, 2))
    assert stability([cloud, np.roll(cloud, 1, axis=0) ** 3], [cloud, cloud]) is None
    assert displacement(np.zeros((4, 2)), np.ones((4, 2))) is None
    with pytest.raises(ValueError, match="belong together"):
        stability([cloud], [cloud, cloud])
    with pytest.raises(ValueError, match="needs more than"):
        trustworthiness(cloud.astype(np.float32), cloud.astype(np.float32), 5)
