import numpy as np
import pytest

from tlcore.projection import neighbours as module
from tlcore.projection.neighbours import DESCRIPTIONS, nearest_neighbours, with_descriptions


def test_equals_a_full_sort_also_far_from_the_origin_and_in_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNK_ENTRIES", 700)  # three rows at a time
    features = (np.random.default_rng(0).normal(size=(200, 7)) + 1000.0).astype(np.float32)
    indices, distances = nearest_neighbours(features, 9)
    exact = np.linalg.norm(features[:, None].astype(np.float64) - features[None].astype(np.float64), axis=2)
    order = exact.argsort(axis=1, kind="stable")[:, :9]
    np.testing.assert_allclose(distances, np.take_along_axis(exact, order, axis=1), rtol=1e-3, atol=1e-4)
    np.testing.assert_array_equal(indices, order)


def test_every_point_comes_first_also_among_duplicates() -> None:
    indices, distances = nearest_neighbours(np.ones((20, 3), dtype=np.float32), 5)
    np.testing.assert_array_equal(indices[:, 0], np.arange(20))
    assert not distances.any() and all(len(set(row)) == 5 for row in indices)


@pytest.mark.parametrize("count", [0, 6])
def test_impossible_counts_are_refused(count: int) -> None:
    with pytest.raises(ValueError, match="neighbours"):
        nearest_neighbours(np.zeros((5, 2), dtype=np.float32), count)


def test_the_nearest_descriptions_are_always_among_the_neighbours() -> None:
    features = np.random.default_rng(3).normal(size=(60, 4)).astype(np.float32)
    features[40:] += 3.0  # descriptions lie apart: none of them is near any point of the others
    described = np.arange(60) >= 40
    nearest = nearest_neighbours(features, 11)[0][:, 1:]
    found = with_descriptions(nearest, features, described)
    distances = np.linalg.norm(features[:, None] - features[None], axis=2)
    for row, chosen in enumerate(found):
        expected = [other for other in np.argsort(distances[row]) if described[other] and other != row]
        assert [other for other in chosen if described[other]][:DESCRIPTIONS] == expected[:DESCRIPTIONS]
        assert len(set(chosen)) == 10 and row not in chosen
        assert (np.diff(distances[row][chosen]) >= 0).all(), "the nearest first"
    np.testing.assert_array_equal(with_descriptions(nearest, features, np.zeros(60, dtype=bool)), nearest)
