import numpy as np
import pytest

from tlcore.projection.alignment import align, root_mean_square_radius


def rotation(angle: float) -> np.ndarray:
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


@pytest.fixture
def points() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(50, 2))


@pytest.mark.parametrize("mirror", [1.0, -1.0])
def test_rotation_reflection_and_shift_are_undone(points: np.ndarray, mirror: float) -> None:
    moved = points @ rotation(2.0) * np.array([1.0, mirror]) + np.array([30.0, -4.0])
    np.testing.assert_allclose(align(moved, points), points, atol=1e-5)


def test_also_in_space() -> None:
    generator = np.random.default_rng(2)
    points = generator.normal(size=(40, 3))
    turn = np.linalg.qr(generator.normal(size=(3, 3)))[0]
    for mirror in (1.0, -1.0):
        np.testing.assert_allclose(align(points @ turn * [1.0, 1.0, mirror] + 3.0, points), points, atol=1e-5)


def test_no_angle_is_better(points: np.ndarray) -> None:
    reference = points @ rotation(0.7) + np.random.default_rng(1).normal(scale=0.5, size=points.shape)
    reference -= reference.mean(axis=0)
    centred = points - points.mean(axis=0)
    best = ((align(points, reference) - reference) ** 2).sum()
    tried = [
        ((centred * np.array([1.0, mirror]) @ rotation(angle) - reference) ** 2).sum()
        for angle in np.linspace(0, 2 * np.pi, 720)
        for mirror in (1.0, -1.0)
    ]
    assert best <= min(tried) + 1e-6 and best == pytest.approx(min(tried), rel=1e-3)


def test_size_changes_only_when_asked(points: np.ndarray) -> None:
    size = root_mean_square_radius(points)
    assert root_mean_square_radius(align(points * 3, points)) == pytest.approx(3 * size, rel=1e-5)
    np.testing.assert_allclose(align(points * 3 + 1, points, scale=True), points, atol=1e-5)


def test_radius_by_hand() -> None:
    assert root_mean_square_radius(np.array([[0.0, 0.0], [6.0, 8.0]])) == 5.0


def test_degenerate_clouds_are_only_shifted(points: np.ndarray) -> None:
    np.testing.assert_allclose(
        align(np.ones((50, 2)), points, scale=True), np.tile(points.mean(axis=0), (50, 1)), atol=1e-6
    )
    assert align(np.zeros((0, 2)), np.zeros((0, 2))).shape == (0, 2)
    with pytest.raises(ValueError, match="same shape"):
        align(points, points[:3])
