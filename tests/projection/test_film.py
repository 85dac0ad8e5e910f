from __future__ import annotations

import numpy as np
import pytest

from tlcore.projection.film import UMAPS, CarefulFilm, calm, lay_out_film
from tlcore.projection.pca import PcaProjector
from tlcore.projection.quality import neighbour_preservation, stability, trustworthiness
from tlcore.projection.umap import UmapProjector


def clusters(moment: float, count: int = 150) -> np.ndarray:
    """Five clusters; at moment 1 the last has travelled onto the first."""
    generator = np.random.default_rng(0)
    centres = 6.0 * generator.normal(size=(5, 12))
    labels = np.arange(count) % 5
    noise = generator.normal(size=(count, 12))
    centres[4] += moment * (centres[0] - centres[4])
    return (centres[labels] + noise).astype(np.float32)


FEATURES = [clusters(moment) for moment in np.linspace(0, 1, 5)]


def film_of(features: list[np.ndarray], seed: int = 0) -> tuple[CarefulFilm, list[np.ndarray | None]]:
    pca = PcaProjector()
    linear = [pca.project(frame) for frame in features]
    film = CarefulFilm(seed)
    pairs = zip(features[::-1], linear[::-1], strict=True)
    neighbours = [film.add(frame, {"pca": points}) for frame, points in pairs]
    return film, neighbours[::-1]


def test_a_film_in_the_plane_and_in_space_with_neighbours_and_its_quality() -> None:
    film, neighbours = film_of(FEATURES)
    points = film.points()
    assert {name: frames[0].shape[1] for name, frames in points.items()} == dict(UMAPS)
    for name, dimensions in UMAPS.items():
        assert len(points[name]) == 5
        np.testing.assert_array_equal(points[name], lay_out_film(FEATURES, dimensions=dimensions))
        np.testing.assert_array_equal(points[name][-1], UmapProjector(dimensions).project(FEATURES[-1]))
    for frame, nearest in zip(FEATURES, neighbours, strict=True):
        distances = np.linalg.norm(frame[:, None] - frame[None], axis=2) + 1e9 * np.eye(150)
        np.testing.assert_array_equal(nearest, distances.argsort(axis=1)[:, :8])
        assert nearest.dtype == np.int16
    quality = film.quality(points)
    assert quality.keys() == {"pca", "umap", "umap-3d"}
    for name in UMAPS:
        assert quality[name] == pytest.approx(
            {
                "displacement": stability(FEATURES, points[name]),
                "trustworthiness": trustworthiness(FEATURES[-1], points[name][-1]),
                "neighbour_preservation": neighbour_preservation(FEATURES[-1], points[name][-1]),
            }
        )
    assert 0 < quality["umap"]["displacement"] < 0.1 and 0 < quality["pca"]["displacement"] < 0.2


def test_the_same_film_again_is_the_same() -> None:
    first, second = (film_of(FEATURES, seed=3)[0].points() for _ in range(2))
    for name in UMAPS:
        np.testing.assert_array_equal(first[name], second[name])


def test_calming_stills_what_trembles_and_leaves_what_moves() -> None:
    generator = np.random.default_rng(1)
    base = generator.normal(size=(100, 2)).astype(np.float32)
    travel = np.where(np.arange(100) < 50, 0.0, 4.0)[:, None].astype(np.float32)
    frames = [(base + 0.05 * generator.normal(size=base.shape) + t % 2 * travel).astype(np.float32) for t in range(6)]
    still = calm(frames, [np.zeros(100)] * 5)
    changes = [np.abs(np.diff(film, axis=0)).mean(axis=(0, 2)) for film in (frames, still)]
    assert changes[1][:50].mean() < 0.6 * changes[0][:50].mean()
    np.testing.assert_allclose(np.asarray(still)[:, 50:], np.asarray(frames)[:, 50:], atol=0.05)  # too far to be shaken
    np.testing.assert_array_equal(still[-1], frames[-1])
    np.testing.assert_allclose(calm(frames, [np.ones(100)] * 5), frames, atol=1e-6)  # the features changed
    assert calm([], []) == [] and calm(frames[:1], []) == frames[:1]


def test_clusters_that_part_begin_as_one() -> None:
    """What UMAP tears apart from one frame to the next must not be drawn together again by calming."""
    for seed in range(5):
        film = lay_out_film(FEATURES[::-1], seed)
        joined, apart = (np.linalg.norm(points[0::5].mean(axis=0) - points[4::5].mean(axis=0)) for points in film[::4])
        assert joined < 2.0 and apart > 5.0 and apart > 5 * joined


@pytest.mark.parametrize("count", [1, 2, 3, 4, 20])
def test_few_points_and_one_frame(count: int) -> None:
    features = np.random.default_rng(1).normal(size=(count, 6)).astype(np.float32)
    film, neighbours = film_of([features])
    points = film.points()
    assert points["umap"][0].shape == (count, 2) and points["umap-3d"][0].shape == (count, 3)
    assert (neighbours[0] is None) == (count == 1)
    if count > 1:
        assert neighbours[0].shape == (count, min(8, count - 1))
    known = {"trustworthiness", "neighbour_preservation"} if count > 2 else set()
    for values in film.quality(points).values():
        assert values.keys() == known and all(0 <= value <= 1 for value in values.values())
    assert bool(film.quality(points)) == bool(known)


def test_features_that_are_all_the_same_are_shown_and_not_measured() -> None:
    film, neighbours = film_of([np.full((40, 6), 3.0, np.float32)] * 3)
    points = film.points()
    assert neighbours == [None] * 3
    assert not np.asarray(points["umap"]).any() and points["umap-3d"][0].shape == (40, 3)
    assert film.quality(points) == {}


@pytest.mark.parametrize("width", [1, 2])
def test_fewer_features_than_dimensions(width: int) -> None:
    film, _ = film_of([frame[:, :width] for frame in FEATURES])
    for name, dimensions in UMAPS.items():
        for frame in film.points()[name]:
            assert frame.shape == (150, dimensions) and np.isfinite(frame).all()
    assert PcaProjector(3).project(FEATURES[0][:, :width]).shape == (150, 3)


def test_impossible_frames_are_refused() -> None:
    film = CarefulFilm()
    film.add(FEATURES[0])
    for features, match in ((FEATURES[0][:9], "same points"), (FEATURES[0] * np.nan, "NaN")):
        with pytest.raises(ValueError, match=match):
            film.add(features)
    with pytest.raises(ValueError):
        CarefulFilm().add(np.zeros((0, 3), np.float32))
