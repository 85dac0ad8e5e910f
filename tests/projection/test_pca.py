import numpy as np
import pytest
from sklearn.decomposition import PCA

from tlcore.projection.alignment import root_mean_square_radius
from tlcore.projection.pca import PcaProjector, principal_components


@pytest.mark.parametrize("shape", [(200, 10), (30, 100), (700, 600)])  # each way to compute it
def test_equals_scikit_learn_but_for_signs(shape: tuple[int, int]) -> None:
    generator = np.random.default_rng(0)
    features = generator.normal(size=shape) + 10 * generator.normal(size=(shape[0], 2)) @ np.eye(2, shape[1]) * [[1]]
    features[:, 0] *= 3
    points = principal_components(features.astype(np.float32))
    reference = PCA(2, svd_solver="full").fit_transform(features)
    np.testing.assert_allclose(np.abs(points), np.abs(reference), rtol=1e-3, atol=1e-2)
    assert (points[np.abs(points).argmax(axis=0), [0, 1]] > 0).all()


def test_flipped_and_turned_features_do_not_move_the_picture() -> None:
    features = np.random.default_rng(1).normal(size=(100, 5)).astype(np.float32) * np.float32([5, 4, 1, 1, 1])
    projector = PcaProjector()
    first = projector.project(features)
    np.testing.assert_allclose(projector.project(-features), first, atol=1e-4)
    np.testing.assert_allclose(projector.project(features[:, [1, 0, 2, 3, 4]]), first, atol=1e-4)


def test_nothing_flips_in_space() -> None:
    features = np.random.default_rng(1).normal(size=(100, 5)).astype(np.float32) * np.float32([5, 4, 3, 1, 1])
    projector = PcaProjector(3)
    first = projector.project(features)
    assert first.shape == (100, 3)
    np.testing.assert_allclose(projector.project(-features[:, [2, 1, 0, 3, 4]]), first, atol=1e-4)


def test_one_scale_for_the_whole_film() -> None:
    features = np.random.default_rng(2).normal(size=(100, 5)).astype(np.float32)
    projector = PcaProjector()
    first = projector.project(features)
    assert root_mean_square_radius(first) == pytest.approx(1.0, rel=1e-5)
    assert root_mean_square_radius(projector.project(3 * features)) == pytest.approx(3.0, rel=1e-5)
    assert root_mean_square_radius(projector.project(0 * features)) == 0.0  # a collapse is shown
    np.testing.assert_allclose(projector.project(features), first, atol=1e-4)  # and orientation outlives it


@pytest.mark.parametrize("shape", [(0, 3), (1, 3), (2, 3), (3, 1)])
def test_few_points_or_features(shape: tuple[int, int]) -> None:
    points = PcaProjector().project(np.arange(np.prod(shape), dtype=np.float32).reshape(shape))
    assert points.shape == (shape[0], 2) and np.isfinite(points).all()


def test_bad_input_is_refused_and_changes_nothing() -> None:
    features = np.random.default_rng(3).normal(size=(10, 3)).astype(np.float32)
    projector = PcaProjector()
    first = projector.project(features)
    with pytest.raises(ValueError, match="NaN"):
        projector.project(features * np.nan)
    with pytest.raises(ValueError, match="same points"):
        projector.project(features[:5])
    np.testing.assert_allclose(projector.project(features), first, atol=1e-5)
    projector.reset()
    assert projector.project(features[:5]).shape == (5, 2)
