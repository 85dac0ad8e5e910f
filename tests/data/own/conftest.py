"""Small folders of pictures, whole and broken, and a data folder of its own."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

Maker = Callable[..., Path]


def picture(seed: int, size: tuple[int, int] = (40, 30), kind: str = "PNG") -> bytes:
    """A picture of random blocks: no two seeds look alike, and compression keeps what it shows."""
    blocks = np.random.default_rng(seed).integers(0, 256, (5, 5, 3)).astype(np.uint8)
    image = Image.fromarray(blocks).resize(size, Image.Resampling.NEAREST)
    file = io.BytesIO()
    image.save(file, kind, **({"quality": 95} if kind == "JPEG" else {}))
    return file.getvalue()


def fill(folder: Path, names: Iterable[str], first: int = 0) -> Path:
    """Put a different picture under each name."""
    for number, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture(first + number, kind="PNG" if name.endswith("png") else "JPEG"))
    return folder


def classes(*names: str, count: int = 4) -> list[str]:
    """File names: `count` pictures in each class folder."""
    return [f"{name}/{number}.png" for name in names for number in range(count)]


def pack(path: Path, members: dict[str, bytes], **options: int) -> Path:
    """A zip of these members."""
    with zipfile.ZipFile(path, "w", **options) as archive:  # type: ignore[arg-type]
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def zipped(path: Path, names: Iterable[str]) -> Path:
    """A zip with a different picture under each name."""
    return pack(path, {name: picture(number) for number, name in enumerate(names)})


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty data folder, named by TLCORE_DATA."""
    folder = tmp_path / "data"
    monkeypatch.setenv("TLCORE_DATA", str(folder))
    monkeypatch.delenv("TLCORE_FOLDERS", raising=False)
    return folder


@pytest.fixture
def cats_and_dogs(tmp_path: Path) -> Path:
    """Two classes of eight pictures."""
    return fill(tmp_path / "pets", classes("cat", "dog", count=8))


def left_behind(data: Path) -> list[str]:
    """Everything in the data folder but locks."""
    return sorted(str(path.relative_to(data)) for path in data.rglob("*") if not path.name.endswith(".lock"))
