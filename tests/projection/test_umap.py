import warnings

import numpy as np
import pytest

from tlcore.projection.alignment import root_mean_square_radius
from tlcore.projection.film import lay_out_film
from tlcore.projection.neighbours import nearest_neighbours
from tlcore.projection.quality import displacement, stability, trustworthiness
from tlcore.projection.umap import UmapProjector


def clusters(moment: float = 0.0, count: int = 300) -> np.ndarray:
    """Six clusters; at moment 1 the last has travelled onto the first."""
    generator = np.random.default_rng(0)
    centres = 6.0 * generator.normal(size=(6, 12))
    labels = np.arange(count) % 6
    noise = generator.normal(size=(count, 12))
    centres[5] += moment * (centres[0] - centres[5])
    return (centres[labels] + noise).astype(np.float32)


def test_neighbours_in_the_picture_are_neighbours_and_clusters_part() -> None:
    features = clusters()
    points = UmapProjector().project(features)
    assert points.shape == (300, 2) and points.dtype == np.float32
    assert trustworthiness(features, points) > 0.9
    labels = np.arange(300) % 6
    nearest = np.linalg.norm(points[:, None] - points[None], axis=2) + 1e9 * np.eye(300)
    assert (labels[nearest.argmin(axis=1)] == labels).mean() > 0.98


def test_same_seed_same_film_and_other_seed_another() -> None:
    films = []
    for seed in (0, 0, 1):
        projector = UmapProjector(seed=seed)
        films.append([projector.project(clusters(moment)) for moment in (0.0, 0.5)])
    np.testing.assert_array_equal(films[0], films[1])
    assert not np.allclose(films[0][1], films[2][1])


def test_unchanged_features_hardly_move() -> None:
    projector = UmapProjector()
    first, second = projector.project(clusters()), projector.project(clusters())
    moved = displacement(first, second)
    assert moved is not None and moved < 0.15  # independent layouts of these points differ by 0.5 and more


def test_a_film_stays_put_where_independent_frames_jump() -> None:
    features = [clusters(moment) for moment in np.linspace(0, 1, 6)]
    projector = UmapProjector()
    warm = [projector.project(frame) for frame in features]
    independent = [UmapProjector(seed=index).project(frame) for index, frame in enumerate(features)]
    still, jumping = stability(features, warm), stability(features, independent)
    assert still is not None and jumping is not None and still < jumping / 3


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_clusters_that_become_one_are_shown_as_one(seed: int) -> None:
    """A learning rate that keeps the picture too still shows merged domains apart."""
    features = [clusters(moment) for moment in np.linspace(0, 1, 6)]
    projector = UmapProjector(seed=seed)
    for film in ([projector.project(frame) for frame in features], lay_out_film(features, seed)):
        apart, joined = (np.linalg.norm(points[0::6].mean(axis=0) - points[5::6].mean(axis=0)) for points in film[::5])
        assert apart > 3.0 and joined < 1.0


def test_a_careful_film_is_true_and_still() -> None:
    features = [clusters(moment) for moment in np.linspace(0, 1, 6)]
    film = lay_out_film(features, seed=3)
    measured = stability(features, film)
    assert len(film) == 6 and measured is not None and measured < 0.1
    assert all(trustworthiness(frame, points) > 0.9 for frame, points in zip(features, film, strict=True))
    np.testing.assert_array_equal(film[-1], UmapProjector(seed=3).project(features[-1]))
    assert lay_out_film([]) == []


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 5, 14])
def test_few_points(count: int) -> None:
    projector = UmapProjector()
    features = np.random.default_rng(1).normal(size=(count, 6)).astype(np.float32)
    for frame in (features, features * 1.1):
        points = projector.project(frame)
        assert points.shape == (count, 2) and np.isfinite(points).all()
    assert count < 2 or root_mean_square_radius(points) > 0


def test_a_collapse_is_shown_and_survived() -> None:
    projector = UmapProjector()
    before = projector.project(clusters())
    assert not projector.project(np.full((300, 12), 3.0, dtype=np.float32)).any()
    moved = displacement(before, projector.project(clusters()))
    assert moved is not None and moved < 0.15  # independent layouts of these points differ by 0.5 and more


def test_many_duplicates_and_one_feature_are_laid_out() -> None:
    half = np.repeat(np.float32([[0.0], [1.0]]), 40, axis=0)
    points = UmapProjector().project(half)
    assert np.isfinite(points).all()
    assert np.linalg.norm(points[:40].mean(axis=0) - points[40:].mean(axis=0)) > 1.0


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_features_that_are_no_numbers_are_refused_and_change_nothing(value: float) -> None:
    projector, other = UmapProjector(), UmapProjector()
    features = clusters(count=60)
    projector.project(features), other.project(features)
    broken = features.copy()
    broken[3, 2] = value
    with pytest.raises(ValueError, match="NaN or infinite"):
        projector.project(broken)
    with pytest.raises(ValueError, match="same points"):
        projector.project(features[:10])
    np.testing.assert_array_equal(projector.project(features), other.project(features))


def test_settings_out_of_range_are_refused() -> None:
    for settings in ({"neighbours": 1}, {"dimensions": 0}, {"minimum_distance": 1.0}, {"warm_learning_rate": 0.0}):
        with pytest.raises(ValueError):
            UmapProjector(**settings)  # type: ignore[arg-type]


def test_no_warnings_and_warming_up_changes_nothing() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        projector = UmapProjector()
        projector.warm_up()
        points = projector.project(clusters(count=60))
    np.testing.assert_array_equal(points, UmapProjector().project(clusters(count=60)))


def test_three_dimensions() -> None:
    projector = UmapProjector(dimensions=3)
    first, second = projector.project(clusters()), projector.project(clusters())
    assert first.shape == (300, 3) and trustworthiness(clusters(), first) > 0.9
    moved = displacement(first, second)
    assert moved is not None and moved < 0.2


def test_neighbours_that_are_known_are_not_sought_again(monkeypatch: pytest.MonkeyPatch) -> None:
    features = clusters(count=60)
    expected = UmapProjector().project(features)
    nearest = nearest_neighbours(features, 15)
    monkeypatch.setattr("tlcore.projection.umap.nearest_neighbours", None)
    np.testing.assert_array_equal(UmapProjector().project(features, nearest), expected)
    with pytest.raises(ValueError, match="neighbours are not those"):
        UmapProjector(neighbours=10).project(features, nearest)
