"""Every usual kind of picture becomes the right pixels; everything else is refused with its reason."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from tlcore.data.own.limits import MOST_PIXELS
from tlcore.data.own.pictures import UnusablePicture, read_square

SIDE = 16
RED, BLUE, WHITE = (255, 0, 0), (0, 0, 255), (255, 255, 255)


def halves(left: tuple[int, int, int] = RED, right: tuple[int, int, int] = BLUE, size: int = 32) -> Image.Image:
    """Left one colour, right another."""
    image = Image.new("RGB", (size, size), left)
    image.paste(right, (size // 2, 0, size, size))
    return image


def written(image: Image.Image, kind: str, **options: object) -> io.BytesIO:
    file = io.BytesIO()
    image.save(file, kind, **options)
    file.seek(0)
    return file


def colours(pixels: np.ndarray) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The colour in the middle of the left and of the right half."""
    assert pixels.shape == (3, SIDE, SIDE) and pixels.dtype == np.uint8 and pixels.flags.c_contiguous
    return tuple(pixels[:, 8, 3].tolist()), tuple(pixels[:, 8, 12].tolist())


def near(one: tuple[int, ...], other: tuple[int, ...], by: int = 3) -> bool:
    return max(abs(a - b) for a, b in zip(one, other, strict=True)) <= by


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "PPM", "GIF", "JPEG", "WEBP", "AVIF"])
def test_formats_give_the_same_colours(kind: str) -> None:
    left, right = colours(read_square(written(halves(), kind), SIDE))
    assert near(left, RED, 12) and near(right, BLUE, 12)


def test_palette() -> None:
    assert colours(read_square(written(halves().convert("P"), "PNG"), SIDE)) == (RED, BLUE)


def test_grey_becomes_three_equal_channels() -> None:
    grey = halves((10, 10, 10), (200, 200, 200)).convert("L")
    assert colours(read_square(written(grey, "PNG"), SIDE)) == ((10,) * 3, (200,) * 3)


def test_bilevel() -> None:
    image = halves((0, 0, 0), WHITE).convert("1")
    assert colours(read_square(written(image, "PNG"), SIDE)) == ((0,) * 3, WHITE)


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_cmyk_is_not_inverted(kind: str) -> None:
    left, right = colours(read_square(written(halves().convert("CMYK"), kind), SIDE))
    assert near(left, RED, 12) and near(right, BLUE, 12)


def test_sixteen_bits_keep_their_upper_eight() -> None:
    values = np.zeros((32, 32), dtype=np.uint16)
    values[:, :16], values[:, 16:] = 0x1234, 0xABCD
    assert colours(read_square(written(Image.fromarray(values), "PNG"), SIDE)) == ((0x12,) * 3, (0xAB,) * 3)


@pytest.mark.parametrize(("low", "high", "expected"), [(0.0, 1.0, 255), (0.0, 100.0, 100), (-5.0, 5.0, 255)])
def test_floats_are_scaled_by_what_fits(low: float, high: float, expected: int) -> None:
    values = np.full((32, 32), low, dtype=np.float32)
    values[:, 16:] = high
    assert colours(read_square(written(Image.fromarray(values), "TIFF"), SIDE)) == ((0,) * 3, (expected,) * 3)


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_transparent_parts_are_white(kind: str) -> None:
    image = halves().convert("RGBA")
    image.paste((0, 0, 0, 0), (16, 0, 32, 32))
    options = {"lossless": True} if kind == "WEBP" else {}
    assert colours(read_square(written(image, kind, **options), SIDE)) == (RED, WHITE)


def test_half_transparent_grey_and_a_transparent_palette_colour() -> None:
    image = Image.new("LA", (32, 32), (0, 128))
    assert colours(read_square(written(image, "PNG"), SIDE))[0] == (127,) * 3
    palette = halves().convert("P")
    transparent = palette.getpixel((31, 0))
    assert colours(read_square(written(palette, "PNG", transparency=transparent), SIDE)) == (RED, WHITE)


def test_first_frame_of_a_gif() -> None:
    file = written(halves(), "GIF", save_all=True, append_images=[Image.new("RGB", (32, 32), WHITE)] * 3)
    assert colours(read_square(file, SIDE)) == (RED, BLUE)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_what_pillow_makes_of_it(orientation: int) -> None:
    from PIL import ImageOps

    corners = np.random.default_rng(3).integers(0, 256, (4, 4, 3)).astype(np.uint8)
    image = Image.fromarray(corners).resize((64, 64), Image.Resampling.NEAREST)
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = written(image, "PNG", exif=exif)
    with Image.open(file) as opened:
        upright = ImageOps.exif_transpose(opened).resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    file.seek(0)
    found = read_square(file, SIDE).transpose(1, 2, 0).astype(int)
    assert np.abs(found - np.asarray(upright).astype(int)).max() <= 1


def test_centre_is_cropped_and_the_rest_left() -> None:
    image = Image.new("RGB", (96, 32), WHITE)
    image.paste(halves(), (32, 0))
    assert colours(read_square(written(image, "PNG"), SIDE)) == (RED, BLUE)


def test_large_jpegs_are_decoded_small_and_look_as_if_decoded_whole() -> None:
    blocks = np.random.default_rng(0).integers(0, 256, (6, 6, 3)).astype(np.uint8)
    image = Image.fromarray(blocks).resize((1200, 1200), Image.Resampling.BICUBIC)
    small = read_square(written(image, "JPEG", quality=95), 32).transpose(1, 2, 0).astype(int)
    whole = np.asarray(image.resize((32, 32), Image.Resampling.BILINEAR)).astype(int)
    assert np.abs(small - whole).mean() < 1.5


def huge_png(width: int, height: int) -> bytes:
    """A PNG whose header promises many pixels; there are none."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")
    )


JPEG = written(Image.effect_noise((200, 200), 80).convert("RGB"), "JPEG").getvalue()
PNG = written(Image.effect_noise((200, 200), 80), "PNG").getvalue()
GIF = written(Image.effect_noise((200, 200), 80), "GIF").getvalue()
REFUSED = {
    "empty": (b"", "it is empty: it has zero bytes"),
    "svg": (b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"></svg>', "it is an SVG drawing"),
    "html": (b"\xef\xbb\xbf  <!DOCTYPE html><html><body>404</body></html>", "it is a web page"),
    "xml": (b"<data/>", "it is a text in XML"),
    "text": (b"hello", "not a picture of a kind that is read"),
    "zip": (b"PK\x03\x04" + bytes(100), "it is a zip archive"),
    "pdf": (b"%PDF-1.7", "it is a PDF"),
    "postscript": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n", "not a picture of a kind"),
    "50,000 × 50,000": (huge_png(50_000, 50_000), "megapixels"),
    "just too large": (huge_png(10_000, MOST_PIXELS // 10_000 + 1), "it has 10,000 × 5,001 pixels"),
    "truncated JPEG": (JPEG[: len(JPEG) // 2], "it is truncated"),
    "truncated PNG": (PNG[: len(PNG) // 2], "it is truncated"),
    "truncated GIF": (GIF[: len(GIF) // 2], "it is (truncated|damaged)"),
    "header alone": (JPEG[:20], "it is (truncated|damaged|not a picture)"),
    "PNG of nothing": (huge_png(100, 100), "it is (truncated|damaged)"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_with_a_reason(case: str) -> None:
    content, reason = REFUSED[case]
    with pytest.raises(UnusablePicture, match=reason) as refused:
        read_square(io.BytesIO(content), SIDE)
    assert "\n" not in str(refused.value) and str(refused.value).startswith("it ")


@pytest.mark.parametrize("seed", range(40))
def test_damage_anywhere_is_a_reason_or_a_picture_but_never_another_error(seed: int) -> None:
    random = np.random.default_rng(seed)
    content = bytearray((JPEG, PNG, GIF)[seed % 3])
    for position in random.integers(0, len(content), 20):
        content[position] = random.integers(0, 256)
    try:
        assert read_square(io.BytesIO(bytes(content)), SIDE).shape == (3, SIDE, SIDE)
    except UnusablePicture as error:
        assert str(error)
