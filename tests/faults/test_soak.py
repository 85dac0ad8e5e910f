"""The verdict on hours of load: what goes up and down is not growth, what grows is."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from benchmarks.load.report import Row
from benchmarks.load.soak import FIELDS, FLAT_MEMORY, WHOLE_SECONDS, verdict

COUNT = 360
CALM = {"web_memory": 180e6, "web_threads": 7, "web_files": 150, "worker_memory": 1e9, "worker_threads": 8,
        "worker_files": 22, "errors": 0}  # fmt: skip
SAWTOOTH = 40 * (np.arange(COUNT) % 13) / 12  # as files that wait for the garbage collector
TREND = np.linspace(0, 1, COUNT)


@pytest.fixture
def judged(tmp_path: Path) -> Callable[..., Row]:
    """The verdict on samples of two hours in which a field has something added to it."""

    def judge(seconds: float = WHOLE_SECONDS, **added: np.ndarray) -> Row:
        columns = {name: np.full(COUNT, float(value)) + added.get(name, 0) for name, value in CALM.items()}
        columns |= {"seconds": np.linspace(20, seconds, COUNT), "runs": np.arange(COUNT), "updates": np.arange(COUNT)}
        path = tmp_path / "samples.csv"
        with path.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(FIELDS)
            writer.writerows(zip(*(columns[name] for name in FIELDS), strict=True))
        return verdict(path, "a machine")

    return judge


def test_what_goes_up_and_down_is_flat(judged: Callable[..., Row]) -> None:
    row = judged(web_files=SAWTOOTH, web_memory=1e7 * SAWTOOTH / 40)
    assert row.holds and "120 min" in row.measured and "150 to 190 at a time" in row.measured


@pytest.mark.parametrize(
    "added",
    [
        {"web_files": SAWTOOTH + 60 * TREND}, {"worker_threads": 10 * TREND}, {"web_memory": 4 * FLAT_MEMORY * TREND},
        {"worker_memory": 4 * FLAT_MEMORY * TREND}, {"errors": TREND},
    ],
    ids=["files", "threads", "memory of the web server", "memory of the workers", "errors"],
)  # fmt: skip
def test_what_grows_is_found(judged: Callable[..., Row], added: dict[str, np.ndarray]) -> None:
    assert not judged(**added).holds


def test_less_than_two_hours_do_not_count(judged: Callable[..., Row]) -> None:
    row = judged(seconds=0.9 * WHOLE_SECONDS)
    assert not row.holds and row.measured.startswith("only 108 min")
