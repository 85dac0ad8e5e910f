"""Picture files of a published data set, decoded by several threads to squares of one size."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

from tlcore.data.folder import Report
from tlcore.errors import MissingData
from tlcore.processors import usable_cores

MOST_PIXELS = 50_000_000
KINDS = ("JPEG", "PNG", "PPM", "BMP")


def decode_square(path: Path, side: int) -> np.ndarray:
    """One picture as (3, side, side) uint8: the shorter side brought to `side`, the middle kept.

    Raises MissingData, naming the file.
    """
    try:
        with Image.open(path, formats=KINDS) as image:
            if image.width * image.height > MOST_PIXELS:
                raise OSError(f"it is {image.width} × {image.height} pixels large")
            image.draft("RGB", (2 * side, 2 * side))  # JPEG: decode at half the size where that is enough
            return square(image, side)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise MissingData(f"The picture {path} cannot be used ({error}).") from error


def square(image: Image.Image, side: int) -> np.ndarray:
    """The middle square of a picture as (3, side, side) uint8."""
    colour = image.convert("RGB")
    cut = min(colour.size)
    left, top = (colour.width - cut) / 2, (colour.height - cut) / 2
    resized = colour.resize((side, side), Image.Resampling.BILINEAR, box=(left, top, left + cut, top + cut))
    return np.asarray(resized).transpose(2, 0, 1)


def decode_all(paths: Sequence[Path], side: int, into: np.ndarray, report: Report | None, what: str) -> None:
    """Write every picture into the array (N, 3, side, side) uint8. Raises MissingData, naming the file at fault."""

    def decode(index: int) -> None:
        into[index] = decode_square(paths[index], side)

    with ThreadPoolExecutor(usable_cores()) as threads:
        for start in range(0, len(paths), 500):
            list(threads.map(decode, range(start, min(start + 500, len(paths)))))
            if report:
                report(f"Decoding {what}", min(1.0, (start + 500) / len(paths)))
