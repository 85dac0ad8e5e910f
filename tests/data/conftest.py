"""A small imitation of the data folder, and the real one where it is."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tlcore.data import download


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reaches the internet."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError("Network is unreachable")

    monkeypatch.setattr(download, "urlopen", refuse)


def write_idx(path: Path, array: np.ndarray) -> None:
    header = struct.pack(">BBBB", 0, 0, 8, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape)
    path.write_bytes(header + array.astype(np.uint8).tobytes())


@pytest.fixture
def small_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, offline: None) -> Path:
    """240 + 60 pictures in MNIST's format and three photographs; TLCORE_DATA names the folder."""
    random = np.random.default_rng(0)
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for part, count in (("train", 240), ("t10k", 60)):
        write_idx(raw / f"{part}-images-idx3-ubyte", random.integers(0, 256, (count, 28, 28)))
        write_idx(raw / f"{part}-labels-idx1-ubyte", np.arange(count) % 10)
    photographs = tmp_path / "BSDS500"
    photographs.mkdir()
    for number, size in enumerate(((40, 30), (28, 28), (33, 61))):
        pixels = random.integers(0, 256, (size[1], size[0], 3)).astype(np.uint8)
        Image.fromarray(pixels).save(photographs / f"{number}.jpg")
    monkeypatch.setenv("TLCORE_DATA", str(tmp_path))
    return tmp_path


@pytest.fixture
def real_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, offline: None) -> Path:
    """A data folder of its own with the real MNIST and BSDS500 linked in, so that nothing is written beside them."""
    named = os.environ.get("TLCORE_REAL_DATA")
    if not named:
        if os.environ.get("CI"):
            pytest.fail("TLCORE_REAL_DATA is not set, and CI must not skip the tests on real data")
        pytest.skip("TLCORE_REAL_DATA does not name a folder with the real MNIST and BSDS500")
    for name in ("MNIST", "BSDS500"):
        (tmp_path / name).symlink_to(Path(named) / name, target_is_directory=True)
    monkeypatch.setenv("TLCORE_DATA", str(tmp_path))
    return tmp_path
