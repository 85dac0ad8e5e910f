"""Decoding by several threads: large pictures wait for each other, the file has every picture in its place."""

from __future__ import annotations

import io
import threading
from pathlib import Path

import numpy as np
import pytest

from tests.data.own.conftest import picture
from tlcore.data.own.decoding import PictureWriter, PixelBudget, decode_all, open_pictures, outline_of, picture_key


def test_no_more_pixels_at_once_than_the_budget_unless_one_picture_alone_has_more() -> None:
    budget, lock = PixelBudget(100), threading.Lock()
    now, most, done = 0, 0, 0

    def decode(pixels: int) -> None:
        nonlocal now, most, done
        with budget.reserve(pixels):
            with lock:
                now += pixels
                most = max(most, now if pixels <= 100 else 0)
                assert pixels <= 100 or now == pixels, "a picture beyond the budget is alone"
            threading.Event().wait(0.001)
            with lock:
                now -= pixels
                done += 1

    threads = [threading.Thread(target=decode, args=(pixels,)) for pixels in (60, 30, 250, 50, 100, 10) * 8]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert done == 48 and 0 < most <= 100


def test_a_budget_is_given_back_when_decoding_fails() -> None:
    budget = PixelBudget(100)
    with pytest.raises(ValueError), budget.reserve(100):
        raise ValueError
    with budget.reserve(100):
        pass


def test_unreadable_pictures_leave_their_row_black_and_move_no_other(tmp_path: Path) -> None:
    contents = {str(number): picture(number) if number % 3 else b"no picture" for number in range(10)}
    writer = PictureWriter(tmp_path / "p.npy", 10, 16)
    told: list[float] = []
    looks = decode_all(
        lambda name: io.BytesIO(contents[name]), list(contents), 16, writer, threads=3,
        report=lambda _, share: told.append(share),
    )  # fmt: skip
    writer.close()
    array = open_pictures(tmp_path / "p.npy", 16)
    assert array.shape == (10, 3, 16, 16) and not array.flags.writeable and told[-1] == 1.0
    for row, look in enumerate(looks):
        assert bool(look.reason) == (row % 3 == 0) == (not array[row].any())
        if not look.reason:
            tiny, outline = outline_of(np.asarray(array[row]))
            assert outline == look.outline and np.array_equal(tiny, look.tiny)


def test_key_follows_pixels_order_and_size() -> None:
    def key(seeds: list[int], side: int = 16) -> str:
        names = [str(seed) for seed in seeds]
        return picture_key(decode_all(lambda name: io.BytesIO(picture(int(name))), names, side), side)

    assert key([1, 2]) == key([1, 2])
    assert len({key([1, 2]), key([2, 1]), key([1, 3]), key([1, 2], 17)}) == 4


def test_difference_hash_by_hand() -> None:
    pixels = np.zeros((3, 8, 9), dtype=np.uint8)
    pixels[:, :, 1::2] = 200  # each odd column is brighter than the one before it
    _, outline = outline_of(np.ascontiguousarray(np.repeat(np.repeat(pixels, 9, axis=1), 8, axis=2)))
    assert outline == int("10101010" * 8, 2)
