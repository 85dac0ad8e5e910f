"""Letters and digits rendered from the font that comes with Pillow, over crops of scikit-learn's two photographs.

Each character is drawn once, large and with strokes of several widths; every picture is then read from these masks
through an affine map and a smooth bending of its own, between two widths, and laid over a photograph.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as functional
from PIL import Image, ImageDraw

from tlcore.data.dataset import Dataset, Domain, Provenance
from tlcore.data.digits import SCALE, SHEAR, SHIFT, SIDE, TURN, affine_maps, sampling_grid, to_bytes
from tlcore.data.folder import Report
from tlcore.data.photo_digits import crops_at
from tlcore.data.randomness import generator_for
from tlcore.data.splits import Share, split_originals
from tlcore.data.syn_numbers import usable_fonts
from tlcore.errors import MissingData
from tlcore.specs.glyphs import Glyphs

ORIGIN = "glyphs"
DIGITS = "0123456789"
CAPITALS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
SMALL = "abdefghmnqrt"  # those whose shape is another than that of their capital, and than that of any other here
CHARACTERS = {
    "digits": DIGITS,
    "letters": CAPITALS,
    "digits-and-letters": DIGITS + CAPITALS,
    "all": DIGITS + CAPITALS + SMALL,
}
PROVENANCES = {
    "plain": Provenance(
        title="Characters rendered here from Aileron Regular (Sora Sagano), the font that comes with Pillow",
        origin=ORIGIN,
        licence="CC0 (font)",
        url="https://dotcolon.net/fonts/aileron",
    ),
    "photographs": Provenance(
        title="Characters rendered here from Aileron Regular (Sora Sagano), the font that comes with Pillow, over "
        "scikit-learn's sample photographs: “China, 6061409035” by danielbuechele and “6056698931” by vultilion",
        origin=ORIGIN,
        licence="CC0 (font), CC BY 2.0 (photographs)",
        url="https://dotcolon.net/fonts/aileron",
    ),
}

TEST_PICTURES = 30  # of each class
VALIDATION_SHARE = 0.2  # as many as this share of the pictures to learn from, besides these

LARGE = 96  # side in pixels of the drawing a mask is made from
FONT_SIZE = 80
STROKES = (0, 2, 4)  # pixels of the large drawing by which the outline grows on each side
FINER = 2  # masks and renderings are this much finer than the picture, whose edges are smooth therefore
AT_ONCE = 256  # what fits the cache is made faster

# What variation 1 stands for, in what it stands for in the handwritten digits: shifts of 12 % of the side, turns of 20
# degrees, 20 % of the scale, and a shear of 0.2, each to either side.
STRENGTHS = (0.12 * SIDE / SHIFT, 0.12 * SIDE / SHIFT, np.radians(20) / TURN, 0.2 / SCALE, 0.2 / SHEAR)
WARP = 0.08  # of the side: how far a knot of the net that bends a character is moved, across and down
KNOTS = 4  # on a side of that net
FAINTEST = 0.4  # ink at variation 1: from here to 1
# Numbers drawn for each picture: five of its map, its stroke, its ink, three of its background, two of each knot.
DRAWS = 10 + 2 * KNOTS**2


def load_glyphs(spec: Glyphs, seed: int, share: Share, report: Report | None = None) -> Domain:
    """Rendered characters: inputs (N, 3, side, side) uint8, `spec.pictures` of each class to learn from.

    A fifth as many validate; 30 of each class, over other parts of the photographs, test. Labels follow one another
    in every part. Every picture is an original of its own. Raises MissingData without the photographs or the font.
    """
    names = tuple(CHARACTERS[spec.characters])
    validating = max(1, round(VALIDATION_SHARE * spec.pictures))
    learning = spec.pictures + validating
    labels = torch.arange(learning * len(names)) % len(names)
    test_labels = torch.arange(TEST_PICTURES * len(names)) % len(names)
    parts = split_originals(labels, share, "glyphs train", seed, validation=validating / learning, test=0.0)
    tested = split_originals(test_labels, share, "glyphs test", seed, validation=0.0, test=1.0).test

    def part(labels: torch.Tensor, indices: torch.Tensor, test: bool, first_identity: int) -> Dataset:
        pictures = render(labels[indices], drawn(len(labels), spec, seed, test)[indices], spec, test, report)
        return Dataset(pictures, labels[indices], indices + first_identity, names, PROVENANCES[spec.backdrop])

    return Domain(
        part(labels, parts.train, False, 0),
        part(labels, parts.validation, False, 0),
        part(test_labels, tested, True, len(labels)),
    )


def drawn(count: int, spec: Glyphs, seed: int, test: bool) -> torch.Tensor:
    """What chance decides of each picture: (count, DRAWS) from 0 to 1.

    Drawn for all and then looked up: a picture does not depend on which others stand in the same share, nor do the
    numbers drawn for it on how strong the variation is.
    """
    generator = generator_for("glyphs", "test" if test else "train", seed, spec.characters, spec.pictures)
    return torch.rand(count, DRAWS, generator=generator)


def render(
    labels: torch.Tensor, draws: torch.Tensor, spec: Glyphs, test: bool, report: Report | None = None
) -> torch.Tensor:
    """Pictures (N, 3, side, side) uint8 of the characters `labels` (N,) with `draws` (N, DRAWS), a few at a time."""
    made = torch.empty(len(labels), 3, spec.side, spec.side, dtype=torch.uint8)
    for start in range(0, len(labels), AT_ONCE):
        chunk = slice(start, start + AT_ONCE)
        ink = inked(labels[chunk], draws[chunk], spec)
        if spec.backdrop == "photographs":
            photo = spec.photo_strength * crops_at(draws[chunk, 7:10], spec.side, test)
            made[chunk] = to_bytes(ink + (1 - ink) * photo)
        else:
            made[chunk] = to_bytes(ink)
        if report and start % (16 * AT_ONCE) == 0:
            report("Rendering characters", start / len(labels))
    return made


def inked(labels: torch.Tensor, draws: torch.Tensor, spec: Glyphs) -> torch.Tensor:
    """Ink (N, 1, side, side) float32 from 0 to 1 of the characters `labels` (N,) with `draws` (N, DRAWS)."""
    masks = character_masks(spec.characters, FINER * spec.side)
    last = len(STROKES) - 1
    stroke = (last / 2 * (1 + spec.variation * (2 * draws[:, 5] - 1))).clamp(0, last)
    thinner = stroke.long().clamp_(max=last - 1)
    between = (stroke - thinner)[:, None, None]
    mask = torch.lerp(masks[labels, thinner], masks[labels, thinner + 1], between).unsqueeze(1)
    maps = affine_maps(spec.variation * (2 * draws[:, :5] - 1) * torch.tensor(STRENGTHS, dtype=torch.float32))
    grid = sampling_grid(maps, FINER * spec.side) + bends(spec.variation * (2 * draws[:, 10:] - 1), FINER * spec.side)
    turned = functional.grid_sample(mask, grid, align_corners=False)
    strength = (1 - spec.variation * (1 - FAINTEST) * draws[:, 6]).clamp(min=0.25)
    return functional.avg_pool2d(turned, FINER).clamp_(0, 1) * strength[:, None, None, None]


def bends(strengths: torch.Tensor, side: int) -> torch.Tensor:
    """By how much each point is read from elsewhere, (N, side, side, 2): smooth between knots moved at random.

    strengths: (N, 2·KNOTS²), each about -1 to 1. Zeros bend nothing.
    """
    moved = 2 * WARP * strengths.reshape(-1, KNOTS**2) @ between_knots(side)
    return moved.view(-1, 2, side, side).permute(0, 2, 3, 1)


@lru_cache(maxsize=4)
def between_knots(side: int) -> torch.Tensor:
    """The part (KNOTS², side²) that each knot of the net has in the move of each point. Not to be written to."""
    single = torch.eye(KNOTS**2).view(-1, 1, KNOTS, KNOTS)
    spread = functional.interpolate(single, size=(side, side), mode="bicubic", align_corners=True)
    return spread.flatten(1)


@lru_cache(maxsize=4)
def character_masks(characters: str, side: int) -> torch.Tensor:
    """Every character with strokes of every width, (C, widths, side, side) float32 from 0 to 1. Not to be written to.

    Each stands with the middle of its outline in the middle of the picture. Raises MissingData.
    """
    try:
        font = usable_fonts(())[0](FONT_SIZE)
    except (ImportError, OSError):
        raise MissingData("This build of Pillow cannot draw with fonts: install one with FreeType.") from None
    drawings = np.empty((len(CHARACTERS[characters]), len(STROKES), LARGE, LARGE), dtype=np.uint8)
    for index, character in enumerate(CHARACTERS[characters]):
        left, top, right, bottom = font.getbbox(character)
        place = ((LARGE - left - right) / 2, (LARGE - top - bottom) / 2)
        for width, stroke in enumerate(STROKES):
            drawing = Image.new("L", (LARGE, LARGE), 0)
            ImageDraw.Draw(drawing).text(place, character, fill=255, font=font, stroke_width=stroke)
            drawings[index, width] = np.asarray(drawing)
    return functional.interpolate(torch.from_numpy(drawings).float() / 255, size=(side, side), mode="area")
