"""Augmentation in batches: seeded, bounded, and each part does what its name says."""

from __future__ import annotations

import pytest
import torch

from tlcore.data.augmentation import affine_maps, augment, move, recolour
from tlcore.specs import Augmentation

ALL = Augmentation(
    shift=0.1, turn=10, scale=0.1, shear=0.1, flip=0.5, crop=0.8, brightness=0.2, contrast=0.2, saturation=0.2
)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def pictures(count: int = 6, side: int = 12) -> torch.Tensor:
    return torch.randint(0, 256, (count, 3, side, side), dtype=torch.uint8, generator=generator())


def test_nothing_asked_for_changes_nothing():
    given = pictures()
    assert augment(given, Augmentation(), generator()) is given
    torch.testing.assert_close(move(given / 255, affine_maps(6, Augmentation(), generator())), given / 255)


@pytest.mark.parametrize("kind", [torch.uint8, torch.float32])
def test_seeded_and_of_the_same_kind(kind):
    given = pictures() if kind == torch.uint8 else pictures() / 255
    before = given.clone()
    torch.manual_seed(1)
    first = augment(given, ALL, generator())
    torch.rand(3)
    assert torch.equal(first, augment(given, ALL, generator()))
    assert not torch.equal(first, augment(given, ALL, generator(1)))
    assert first.dtype == kind and first.shape == given.shape
    assert torch.equal(given, before)
    assert first.min() >= 0 and first.max() <= (255 if kind == torch.uint8 else 1)


def test_each_picture_has_its_own_draws():
    same = pictures(1).expand(8, -1, -1, -1)
    varied = augment(same, ALL, generator())
    assert len({bytes(one.numpy().tobytes()) for one in varied}) == 8


def test_flips_are_mirror_images():
    given = pictures(400, 8)
    always = augment(given, Augmentation(flip=1.0), generator())
    assert torch.equal(always, given.flip(3))
    half = augment(given, Augmentation(flip=0.5), generator())
    mirrored = sum(torch.equal(one, other.flip(2)) for one, other in zip(half, given, strict=True))
    kept = sum(torch.equal(one, other) for one, other in zip(half, given, strict=True))
    assert mirrored + kept == 400 and 150 < mirrored < 250


def test_shifts_are_bounded_and_repeat_the_edge():
    given = torch.zeros(200, 1, 20, 20)
    given[:, :, 10, 10] = 1
    moved = augment(given, Augmentation(shift=0.1), generator())
    places = torch.arange(20.0)
    across = (moved.sum((1, 2)) * places).sum(1)
    assert (across - 10).abs().max() <= 2 + 1e-4, "a tenth of twenty pixels"
    assert across.std() > 0.8
    flat = torch.full((4, 3, 9, 9), 0.3)
    torch.testing.assert_close(augment(flat, ALL_MOVES, generator()), flat)


ALL_MOVES = Augmentation(shift=0.3, turn=30, scale=0.3, shear=0.3, flip=0.5, crop=0.5)


def test_a_quarter_turn():
    maps = affine_maps(1, Augmentation(), generator())
    maps[0] = torch.tensor([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0]])
    given = pictures(1) / 255
    torch.testing.assert_close(move(given, maps), torch.rot90(given, 1, (2, 3)), atol=1e-5, rtol=0)


def test_crops_stay_inside():
    """A picture whose every pixel tells its place: a crop shows a part of it, enlarged, never its repeated edge."""
    ramp = torch.linspace(0, 1, 64).expand(300, 1, 64, 64)
    cropped = augment(ramp, Augmentation(crop=0.5), generator())
    width = cropped[:, 0, 0, -1] - cropped[:, 0, 0, 0]
    assert width.min() > 0.45 and width.max() <= 1.0 and width.std() > 0.1
    steps = cropped[:, 0, 32, 1:] - cropped[:, 0, 32, :-1]
    assert steps[:, 2:-2].min() > 0, "nowhere flat"


def test_colours_written_out():
    given = pictures(50) / 255
    bright = recolour(given, Augmentation(brightness=0.3), generator())
    factor = bright.mean((1, 2, 3)) / given.mean((1, 2, 3))
    assert factor.min() >= 0.7 - 1e-3 and factor.max() <= 1.3 and factor.std() > 0.1
    grey = recolour(torch.full((9, 3, 4, 4), 0.4), Augmentation(contrast=0.5, saturation=0.5), generator())
    torch.testing.assert_close(grey, torch.full_like(grey, 0.4))
    one_channel = recolour(given[:, :1], Augmentation(saturation=0.5), generator())
    torch.testing.assert_close(one_channel, given[:, :1])
