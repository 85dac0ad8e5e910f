"""Made shifts: nothing at strength 0, more at more, the same again for the same seed."""

from __future__ import annotations

import math
from typing import get_args

import pytest
import torch

from tlcore.data import load_dataset
from tlcore.data.shifts import SHIFTS, blur, contrast, noise, rotation, shift_pictures
from tlcore.specs import Digits, Shifted
from tlcore.specs.catalogue_sets import ShiftKind

KINDS = get_args(ShiftKind)


@pytest.fixture(scope="module")
def pictures() -> torch.Tensor:
    return load_dataset(Digits(renderings=1), 0).train.inputs[:64]


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_every_kind_that_can_be_asked_for_exists():
    assert set(SHIFTS) == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
class TestEveryShift:
    def test_strength_zero_is_the_identity(self, kind, pictures):
        assert torch.equal(shift_pictures(pictures, kind, 0.0, 1), pictures)

    def test_a_tiny_strength_is_nearly_the_identity(self, kind, pictures):
        difference = (shift_pictures(pictures, kind, 0.01, 1).int() - pictures.int()).abs().float().mean()
        assert difference < 4

    def test_more_strength_is_more_shift(self, kind, pictures):
        moved = [
            (shift_pictures(pictures, kind, strength, 1).int() - pictures.int()).abs().float().mean().item()
            for strength in (0.1, 0.4, 1.0)
        ]
        assert moved == sorted(moved) and moved[-1] > 5

    def test_seeded(self, kind, pictures):
        torch.manual_seed(1)
        first = shift_pictures(pictures, kind, 0.7, 3)
        torch.rand(9)
        assert torch.equal(first, shift_pictures(pictures, kind, 0.7, 3))
        assert first.dtype == torch.uint8 and first.shape == pictures.shape
        if kind in ("photo-background", "noise", "colour"):
            assert not torch.equal(first, shift_pictures(pictures, kind, 0.7, 4))
            assert not torch.equal(first, shift_pictures(pictures, kind, 0.7, 3, "other"))

    def test_one_channel(self, kind, pictures):
        grey = pictures[:4, :1]
        assert shift_pictures(grey, kind, 0.5, 0).shape == grey.shape

    def test_the_pictures_given_are_not_touched(self, kind, pictures):
        before = pictures.clone()
        shift_pictures(pictures, kind, 1.0, 0)
        assert torch.equal(before, pictures)


def test_large_pictures_get_backgrounds_too():
    black = torch.zeros(3, 3, 500, 500, dtype=torch.uint8)
    shown = shift_pictures(black, "photo-background", 1.0, 0, test=True)
    assert shown.float().std((1, 2, 3)).min() > 5


def test_noise_has_the_stated_deviation():
    grey = torch.full((50, 3, 16, 16), 0.5)
    assert (noise(grey, 0.4, generator()) - grey).std().item() == pytest.approx(0.2, rel=0.02)


def test_blur_has_the_stated_width():
    point = torch.zeros(1, 1, 65, 65)
    point[0, 0, 32, 32] = 1
    spread = blur(point, 0.5, generator())[0, 0]
    places = torch.arange(65.0) - 32
    assert spread.sum().item() == pytest.approx(1, abs=1e-5)
    assert math.sqrt((spread.sum(0) * places**2).sum().item()) == pytest.approx(0.5 * 65 / 8, rel=0.03)


def test_a_quarter_turn_is_exact():
    picture = torch.rand(2, 3, 8, 8, generator=generator())
    torch.testing.assert_close(rotation(picture, 1.0, generator()), torch.rot90(picture, 1, (2, 3)), atol=1e-5, rtol=0)


def test_contrast_keeps_the_mean():
    picture = torch.rand(2, 3, 8, 8, generator=generator())
    faded = contrast(picture, 1.0, generator())
    torch.testing.assert_close(faded.mean((1, 2, 3)), picture.mean((1, 2, 3)))
    torch.testing.assert_close(faded.std((1, 2, 3)), 0.1 * picture.std((1, 2, 3)))


def test_a_shifted_set_keeps_labels_and_says_what_was_done():
    base = load_dataset(Digits(renderings=1), 2)
    turned = load_dataset(Shifted(base=Digits(renderings=1), shift="rotation", strength=1.0), 2)
    assert torch.equal(base.test.labels, turned.test.labels)
    assert torch.equal(base.test.identities, turned.test.identities)
    assert torch.equal(torch.rot90(base.test.inputs, 1, (2, 3)), turned.test.inputs)
    assert "rotation" in turned.train.provenance.title
    still = load_dataset(Shifted(base=Digits(renderings=1), strength=0.0), 2)
    assert torch.equal(base.train.inputs, still.train.inputs)
