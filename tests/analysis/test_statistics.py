import numpy as np
import pytest

from tlcore.analysis.statistics import Summary, summarise


def test_known_mean_and_sample_deviation() -> None:
    summary = summarise([2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0])
    assert summary.mean == 5.0
    assert summary.sd == pytest.approx(np.sqrt(32 / 7))  # squared deviations sum to 32, divided by n − 1
    assert summary.n == 8


def test_one_seed_has_no_spread() -> None:
    assert summarise([0.7]) == Summary(0.7, None, 1)


@pytest.mark.parametrize("values", [[], [0.5, float("nan")], [float("inf")]])
def test_nothing_to_summarise_is_refused(values: list[float]) -> None:
    with pytest.raises(ValueError, match="summarise"):
        summarise(values)
