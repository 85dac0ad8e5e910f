"""Synthetic numbers: digits rendered from fonts, after the source domain of Ganin et al. 2016, section 5.2.4.

One to three digits in a row, the middle of the picture on the one that counts; font, size, place, turn, stroke,
colours and blur are drawn at random, and the background is a colour, a slope between two, or a noisy one.
"""

from __future__ import annotations

import hashlib
import math
import os
import sys
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFilter, ImageFont, features

from tlcore.data.dataset import Dataset, Domain, Provenance
from tlcore.data.folder import Report, alone, data_folder, read_array, write_array
from tlcore.data.splits import VALIDATION_SHARE, Share, split_originals
from tlcore.specs.catalogue_sets import SynNumbers

VERSION = 1  # part of the name of what is kept: to be raised when the same spec gives other pictures
ORIGIN = "syn-numbers"
CLASS_NAMES = tuple("0123456789")
MOST_FONTS = 60
LARGEST_FONT = 4_000_000
LEAST_CONTRAST = 70  # of 255, between the digit and what lies behind it
UNFIT = ("symbol", "emoji", "dingbat", "icon", "braille", "music", "math", "barcode", "d050000l", "standardsymbols")

Font = Callable[[int], ImageFont.FreeTypeFont]


def load_syn_numbers(spec: SynNumbers, seed: int, share: Share, report: Report | None = None) -> Domain:
    """Rendered digits: inputs (N, 3, side, side) uint8. As of a published set, the pictures do not depend on the seed,
    which only splits. They are kept in the data folder, where it can be written to."""
    names = font_files(spec.fonts)
    learning, testing = (rendered(spec, names, test, report) for test in (False, True))
    train_labels, test_labels = (torch.arange(len(pictures)) % 10 for pictures in (learning, testing))
    count = len(names) + 1
    provenance = Provenance(
        title=f"Numbers rendered here from {count} font{'s' if count > 1 else ''}",
        origin=ORIGIN,
        licence="generated",
        url="https://jmlr.org/papers/v17/15-239.html",
    )
    parts = split_originals(train_labels, share, "syn-numbers train", seed, validation=VALIDATION_SHARE, test=0.0)
    test_part = split_originals(test_labels, share, "syn-numbers test", seed, validation=0.0, test=1.0).test

    def part(pictures: np.ndarray, labels: torch.Tensor, indices: torch.Tensor, first: int) -> Dataset:
        inputs = torch.from_numpy(pictures[indices.numpy()])
        return Dataset(inputs, labels[indices], indices + first, CLASS_NAMES, provenance)

    return Domain(
        part(learning, train_labels, parts.train, 0),
        part(learning, train_labels, parts.validation, 0),
        part(testing, test_labels, test_part, len(train_labels)),
    )


def rendered(spec: SynNumbers, fonts: list[Path], test: bool, report: Report | None = None) -> np.ndarray:
    """All pictures (N, 3, side, side) uint8 of a part, read if made before. The label of the n-th is n mod 10."""
    count = max(20, spec.pictures // 5) if test else spec.pictures
    shape = (count, 3, spec.side, spec.side)
    key = hashlib.sha256(f"{VERSION} {spec.pictures} {spec.side} {features.version('freetype2')}".encode())
    for font in fonts:
        key.update(f"{font.name} {font.stat().st_size}\n".encode())
    name = f"syn-numbers-{key.hexdigest()[:16]}-{'test' if test else 'train'}.npy"
    path = data_folder() / "cache" / name
    kept = read_array(path, shape)
    if kept is None:
        try:
            with alone(path.parent, "syn-numbers", report):
                kept = read_array(path, shape)
                if kept is None:
                    kept = render(spec, fonts, test, count, report)
                    write_array(path, kept)
        except OSError:  # a folder that cannot be written to: keep nothing
            kept = render(spec, fonts, test, count, report)
    return kept


def render(spec: SynNumbers, fonts: list[Path], test: bool, count: int, report: Report | None = None) -> np.ndarray:
    """`count` pictures (count, 3, side, side) uint8."""
    made = np.empty((count, 3, spec.side, spec.side), dtype=np.uint8)
    choices = usable_fonts(tuple(str(font) for font in fonts))
    random = np.random.default_rng([VERSION, int(test), spec.side])
    for index in range(count):
        made[index] = draw_number(index % 10, spec.side, choices, random).transpose(2, 0, 1)
        if report and index % 500 == 0:
            report("Rendering numbers", index / count)
    return made


def draw_number(digit: int, side: int, fonts: tuple[Font, ...], random: np.random.Generator) -> np.ndarray:
    """One picture (side, side, 3) uint8 of `digit`, maybe with neighbours."""
    large = 2 * side  # drawn at twice the size, then made smaller: smooth edges
    font = fonts[int(random.integers(len(fonts)))](int(large * random.uniform(0.55, 0.95)))
    ink, paper = _colours(random)
    mask = Image.new("L", (2 * large, large), 0)
    text = str(digit)
    left = str(int(random.integers(10))) if random.random() < 0.4 else ""
    right = str(int(random.integers(10))) if random.random() < 0.4 else ""
    box = font.getbbox(text)
    width, height = box[2] - box[0], box[3] - box[1]
    x = large - width / 2 - box[0] + random.uniform(-0.08, 0.08) * large
    y = (large - height) / 2 - box[1] + random.uniform(-0.1, 0.1) * large
    stroke = int(random.integers(0, 3))
    drawing = ImageDraw.Draw(mask)
    gap = random.uniform(0.02, 0.12) * large
    drawing.text((x, y), text, fill=255, font=font, stroke_width=stroke)
    if left:
        drawing.text((x - font.getlength(left) - gap, y), left, fill=255, font=font, stroke_width=stroke)
    if right:
        drawing.text((x + font.getlength(text) + gap, y), right, fill=255, font=font, stroke_width=stroke)
    angle, slant = math.radians(random.uniform(-15, 15)), random.uniform(-0.2, 0.2)
    cosine, sine = math.cos(angle), math.sin(angle)
    middle = (large, large / 2)
    across, down = (cosine, sine + slant), (-sine, cosine)
    corner = (middle[0] - large / 2, middle[1] - large / 2)
    offset = [
        middle[axis] - row[0] * (middle[0] - corner[0]) - row[1] * (middle[1] - corner[1])
        for axis, row in enumerate((across, down))
    ]
    mask = mask.transform(
        (large, large),
        Image.Transform.AFFINE,
        (*across, offset[0], *down, offset[1]),
        resample=Image.Resampling.BILINEAR,
    )
    mask = mask.filter(ImageFilter.GaussianBlur(random.uniform(0.2, 1.6) * large / 64))
    opacity = np.asarray(mask.resize((side, side), Image.Resampling.BOX), dtype=np.float32)[..., None] / 255
    picture = opacity * ink + (1 - opacity) * _background(paper, side, random)
    picture += random.normal(0, random.uniform(0, 10), picture.shape)
    return np.clip(picture, 0, 255).astype(np.uint8)


def _colours(random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Ink and paper (3,) that can be told apart."""
    while True:
        ink, paper = random.uniform(0, 255, (2, 3))
        if abs(float(ink.mean() - paper.mean())) >= LEAST_CONTRAST:
            return ink, paper


def _background(paper: np.ndarray, side: int, random: np.random.Generator) -> np.ndarray:
    """(side, side, 3): one colour, and in two of three cases a slope towards another one nearby."""
    if random.random() < 1 / 3:
        return np.broadcast_to(paper, (side, side, 3)).copy()
    angle = random.uniform(0, 2 * math.pi)
    places = np.linspace(-0.5, 0.5, side)
    slope = math.cos(angle) * places[None, :, None] + math.sin(angle) * places[:, None, None]
    return paper + slope * random.uniform(-60, 60, 3)


def font_files(which: str) -> list[Path]:
    """Latin fonts found on this machine, by name; none for 'bundled'."""
    if which == "bundled":
        return []
    home = Path.home()
    folders = [Path("/usr/share/fonts"), Path("/usr/local/share/fonts"), home / ".fonts", home / ".local/share/fonts"]
    if sys.platform == "darwin":
        folders = [Path("/System/Library/Fonts/Supplemental"), Path("/Library/Fonts"), home / "Library/Fonts"]
    elif sys.platform == "win32":
        folders = [Path(os.environ.get("WINDIR", "C:/Windows")) / "Fonts"]
    found: dict[str, Path] = {}
    for folder in folders:
        if not folder.is_dir():
            continue
        for path in sorted(folder.rglob("*")):
            fits = path.suffix.lower() in (".ttf", ".otf") and not any(word in path.name.lower() for word in UNFIT)
            if fits and path.is_file() and path.stat().st_size <= LARGEST_FONT:
                found.setdefault(path.name, path)
    usable = [path for _, path in sorted(found.items()) if has_digits(path)]
    return usable[:: max(1, math.ceil(len(usable) / MOST_FONTS))]


def has_digits(path: Path) -> bool:
    """Whether a font draws all ten digits, each differently from the others."""
    try:
        font = ImageFont.truetype(str(path), 24)
        drawn = {bytes(font.getmask(digit)) for digit in CLASS_NAMES}
    except (OSError, ValueError):
        return False
    return len(drawn) == 10 and all(len(mask) > 20 for mask in drawn)


@lru_cache(maxsize=2)
def usable_fonts(paths: tuple[str, ...]) -> tuple[Font, ...]:
    """The font that comes with Pillow, and those named, each as a function of its size."""

    def bundled(size: int) -> ImageFont.FreeTypeFont:
        font = ImageFont.load_default(size)
        if not isinstance(font, ImageFont.FreeTypeFont):
            raise OSError("this build of Pillow cannot draw with fonts")
        return font

    def from_file(path: str) -> Font:
        @lru_cache(maxsize=64)
        def of_size(size: int) -> ImageFont.FreeTypeFont:
            return ImageFont.truetype(path, size)

        return of_size

    return (lru_cache(maxsize=64)(bundled), *(from_file(path) for path in paths))
