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


def test_descriptions_are_always_among_the_neighbours_and_an_example_has_those_that_answer_for_it() -> None:
    features = np.random.default_rng(3).normal(size=(60, 4)).astype(np.float32)
    features[40:] += 3.0  # descriptions lie apart: none of them is near any point of the others
    described = np.arange(60) >= 40
    nearest = nearest_neighbours(features, 11)[0][:, 1:]
    found = with_descriptions(nearest, features, described)
    distances = np.linalg.norm(features[:, None] - features[None], axis=2)
    for row, chosen in enumerate(found):
        assert len(set(chosen)) == 10 and row not in chosen
        descriptions = [other for other in chosen if described[other]]
        if described[row]:
            expected = [other for other in np.argsort(distances[row]) if described[other] and other != row]
            assert (np.diff(distances[row][chosen]) >= 0).all(), "the nearest first"
        else:
            expected = [other for other in np.argsort(-features @ features[row]) if described[other]]
            others = [other for other in nearest[row] if not described[other]][: 10 - DESCRIPTIONS]
            assert list(chosen) == [*others, *descriptions], "other examples first"
        assert descriptions[:DESCRIPTIONS] == expected[:DESCRIPTIONS] and len(descriptions) >= DESCRIPTIONS
    np.testing.assert_array_equal(with_descriptions(nearest, features, np.zeros(60, dtype=bool)), nearest)


def test_where_nearly_all_neighbours_are_descriptions_the_best_take_their_places() -> None:
    features = np.random.default_rng(4).normal(size=(33, 3)).astype(np.float32)
    described = np.arange(33) >= 3
    found = with_descriptions(nearest_neighbours(features, 9)[0][:, 1:], features, described)
    for row in range(3):
        best = [other for other in np.argsort(-features @ features[row]) if described[other]]
        descriptions = [other for other in found[row] if described[other]]
        assert descriptions == best[: len(descriptions)] and len(set(found[row])) == 8


def test_in_a_space_of_shares_the_direction_answers_and_not_how_much_is_described() -> None:
    features = np.array([[0.9, 0.1, 0.0], [1, 0, 0], [1, 1, 1], [0, 1, 0], [1, 0.1, 0]], dtype=np.float32)
    described = np.arange(5) > 0
    found = with_descriptions(np.array([[1, 2, 3], [2, 3, 4], [1, 3, 4], [1, 2, 4], [1, 2, 3]]), features, described)
    assert found[0].tolist() == [4, 1, 2]
