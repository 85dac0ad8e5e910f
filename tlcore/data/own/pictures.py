"""One picture from a file nobody has checked: a square of RGB bytes, or the reason why not."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import BinaryIO

import numpy as np
from PIL import Image

from tlcore.data.own.limits import LARGEST_PICTURE_FILE, MOST_PIXELS
from tlcore.errors import LabError

# Whatever else Pillow can open either calls other programs (EPS) or is rare enough not to be worth the risk.
FORMATS = ("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF", "PPM", "AVIF", "TGA")
KINDS = "JPEG, PNG, GIF, BMP, WebP, TIFF, PPM, AVIF"
HEADER_BYTES = 2**20  # read first of a file that is larger
ORIENTATION = 0x0112  # EXIF
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
NEVER_PIXELS = {
    b"PK\x03\x04": "it is a zip archive",
    b"\x1f\x8b": "it is a compressed archive",
    b"%PDF": "it is a PDF document",
    b"MZ": "it is a program",
    b"\x7fELF": "it is a program",
}
# A JPEG is decoded at a fraction of its size that leaves at least so many times the pixels a side that are kept.
MARGIN = 2

Reserve = Callable[[int], AbstractContextManager[None]]


class UnusablePicture(LabError):
    """A file is no picture that can be used. The message is the reason and begins with “it”."""


@contextmanager
def no_limit(pixels: int) -> Iterator[None]:
    """Decode without waiting for others."""
    yield


def read_square(file: BinaryIO, side: int, reserve: Reserve = no_limit) -> np.ndarray:
    """The centre square of a picture, `side` pixels wide and high: (3, side, side) uint8, RGB.

    The first frame, upright by its EXIF orientation, transparent parts over white, sixteen bits by their upper
    eight, antialiased. The header is read first, and nothing is decoded that is larger than `MOST_PIXELS`.
    reserve: entered with the number of pixels while they are decoded.

    Raises UnusablePicture.
    """
    refuse_what_is_no_picture(file)
    try:
        with Image.open(file, formats=FORMATS) as image:
            _require_size(image)
            with reserve(image.width * image.height):
                return _square(image, side)
    except UnusablePicture:
        raise
    except Image.UnidentifiedImageError:
        raise UnusablePicture(f"it is not a picture of a kind that is read ({KINDS})") from None
    except Image.DecompressionBombError:
        raise _too_large() from None
    except MemoryError:
        raise UnusablePicture("there is not enough memory to decode it") from None
    except Exception as error:  # decoders meet damage with nearly every kind of exception
        raise UnusablePicture(_reason(error)) from None


def read_content(file: BinaryIO) -> bytes:
    """All bytes of a picture's file.

    Raises UnusablePicture for more than `LARGEST_PICTURE_FILE`, and for too many pixels before the rest is read.
    """
    try:
        content = file.read(HEADER_BYTES)
        if len(content) == HEADER_BYTES:
            _require_header(content)
            content += file.read(LARGEST_PICTURE_FILE + 1 - HEADER_BYTES)
    except UnusablePicture:
        raise
    except Exception as error:  # a damaged member of an archive: zlib.error, BadZipFile, EOFError, …
        raise UnusablePicture(f"it cannot be read ({str(error)[:120]})") from None
    if len(content) > LARGEST_PICTURE_FILE:
        raise UnusablePicture(f"its file is larger than {LARGEST_PICTURE_FILE // 2**20} MB")
    return content


def _require_header(content: bytes) -> None:
    """Refuse by the beginning of a large file what is no picture or has too many pixels, where that tells."""
    refuse_what_is_no_picture(io.BytesIO(content))
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            _require_size(image)
    except Image.DecompressionBombError:
        raise _too_large() from None
    except UnusablePicture:
        raise
    except Exception:  # the header goes on in the rest of the file
        return


def _too_large() -> UnusablePicture:
    return UnusablePicture(f"it has more than {MOST_PIXELS // 1_000_000} megapixels")


def as_file(pixels: np.ndarray, side: int) -> bytes:
    """A small PNG of pixels (3, S, S) uint8, to be shown."""
    image = Image.fromarray(np.ascontiguousarray(pixels.transpose(1, 2, 0)))
    written = io.BytesIO()
    image.resize((side, side), Image.Resampling.BILINEAR).save(written, "PNG")
    return written.getvalue()


def refuse_what_is_no_picture(file: BinaryIO) -> None:
    """Look at the first bytes: the content decides, whatever the name says. Raises UnusablePicture."""
    head = file.read(512)
    file.seek(0)
    if not head:
        raise UnusablePicture("it is empty: it has zero bytes")
    for start, reason in NEVER_PIXELS.items():
        if head.startswith(start):
            raise UnusablePicture(reason)
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if text.startswith(b"<"):
        if b"<svg" in text:
            raise UnusablePicture("it is an SVG drawing, not pixels")
        if b"<html" in text or b"<!doctype html" in text:
            raise UnusablePicture("it is a web page (HTML), not a picture")
        raise UnusablePicture("it is a text in XML, not a picture")


def _require_size(image: Image.Image) -> None:
    width, height = image.size
    if width * height > MOST_PIXELS:
        raise UnusablePicture(
            f"it has {width:,} × {height:,} pixels, and at most {MOST_PIXELS // 1_000_000} megapixels are read"
        )
    if min(width, height) < 1:
        raise UnusablePicture("it has no pixels")


def _square(image: Image.Image, side: int) -> np.ndarray:
    turn = TURNS.get(image.getexif().get(ORIENTATION, 1))
    image.draft(image.mode, (MARGIN * side, MARGIN * side))  # JPEG alone obeys
    image.load()
    plain = _eight_bits(image)
    edge = min(plain.size)
    left, top = (plain.width - edge) / 2, (plain.height - edge) / 2
    square = plain.resize(
        (side, side),
        Image.Resampling.BILINEAR,
        box=(left, top, left + edge, top + edge),
        reducing_gap=2.0,
    )
    if square.mode == "RGBA":
        over = Image.new("RGBA", square.size, "white")
        over.alpha_composite(square)
        square = over
    if turn is not None:  # of the small square: its centre is the centre of the large one however it is turned
        square = square.transpose(turn)
    return np.ascontiguousarray(np.asarray(square.convert("RGB")).transpose(2, 0, 1))


def _eight_bits(image: Image.Image) -> Image.Image:
    """The picture as L, RGB or RGBA, each of which can be made smaller with antialiasing."""
    if image.mode in ("L", "RGB", "RGBA") and not (image.mode != "RGBA" and image.has_transparency_data):
        return image
    if image.mode.startswith("I;16"):
        return Image.fromarray((np.asarray(image).astype(np.uint16) >> 8).astype(np.uint8))
    if image.mode in ("I", "F"):
        return Image.fromarray(_scaled(np.asarray(image)))
    return image.convert("RGBA" if image.has_transparency_data else "RGB")


def _scaled(values: np.ndarray) -> np.ndarray:
    """Numbers of a wide range as bytes: 0 to 1, 0 to 255 and 0 to 65,535 by what fits, else from least to greatest."""
    values = np.nan_to_num(values.astype(np.float32))
    least, greatest = float(values.min()), float(values.max())
    if least < 0 or greatest > 65_535:
        values = (values - least) * (255 / max(greatest - least, 1e-9))
    elif greatest > 255:
        values = values / 257
    elif greatest <= 1 and values.dtype != np.int32:
        values = values * 255
    return np.clip(values, 0, 255).astype(np.uint8)


def _reason(error: Exception) -> str:
    text = str(error).strip()
    if "truncated" in text.lower() or isinstance(error, EOFError) or "broken" in text.lower():
        return "it is truncated: the file ends before the picture does"
    return f"it is damaged ({text[:120] or type(error).__name__})"
