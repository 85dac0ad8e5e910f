"""Letters and digits rendered from a font: what they show, how they are divided, what they depend on."""

from __future__ import annotations

import pytest
import torch

from tlcore.data import glyphs, photo_digits
from tlcore.data.glyphs import CHARACTERS, TEST_PICTURES, bends, character_masks, drawn, inked, load_glyphs, render
from tlcore.data.photo_digits import LEARNING_SHARE, crops_at
from tlcore.data.splits import Share
from tlcore.errors import MissingData
from tlcore.specs.glyphs import Glyphs

FEW = Glyphs(pictures=10)
STILL = Glyphs(variation=0, backdrop="plain")


@pytest.mark.parametrize(("characters", "count"), [("digits", 10), ("letters", 26), ("digits-and-letters", 36),
                                                   ("all", 48)])  # fmt: skip
def test_parts_are_balanced_and_have_the_asked_for_size(characters: str, count: int) -> None:
    domain = load_glyphs(Glyphs.model_validate({"characters": characters, "pictures": 10}), 0, Share())
    for part, of_each in ((domain.train, 10), (domain.validation, 2), (domain.test, TEST_PICTURES)):
        assert part.inputs.shape == (count * of_each, 3, 16, 16) and part.inputs.dtype == torch.uint8
        assert part.labels.bincount().tolist() == [of_each] * count
        assert part.class_names == tuple(CHARACTERS[characters])


def test_names_stand_in_the_order_of_digits_capitals_and_small_letters() -> None:
    assert CHARACTERS["all"] == "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabdefghmnqrt"
    assert len(set(CHARACTERS["all"])) == 48


def test_every_picture_is_an_original_of_its_own() -> None:
    domain = load_glyphs(FEW, 3, Share())
    identities = torch.cat([part.identities for part in (domain.train, domain.validation, domain.test)])
    assert len(identities.unique()) == len(identities)


def test_two_shares_have_no_picture_in_common_and_show_what_the_whole_shows() -> None:
    whole = load_glyphs(FEW, 0, Share())
    halves = [load_glyphs(FEW, 0, Share(index, 2)) for index in (0, 1)]
    assert not set(halves[0].test.identities.tolist()) & set(halves[1].test.identities.tolist())
    places = torch.searchsorted(whole.test.identities, halves[1].test.identities)
    # One product of matrices is rounded otherwise in a chunk of another size: a value may be one off.
    difference = whole.test.inputs[places].int() - halves[1].test.inputs.int()
    assert difference.abs().max() <= 1
    assert torch.equal(whole.test.labels[places], halves[1].test.labels)


def test_the_seed_decides() -> None:
    one, again, other = (load_glyphs(FEW, seed, Share()).train for seed in (5, 5, 6))
    assert torch.equal(one.inputs, again.inputs) and torch.equal(one.identities, again.identities)
    assert (one.inputs != other.inputs).flatten(1).any(dim=1).float().mean() > 0.99


def test_strength_leaves_the_draws_as_they_are() -> None:
    assert torch.equal(drawn(50, FEW, 0, False), drawn(50, FEW.model_copy(update={"variation": 2.0}), 0, False))
    assert not torch.equal(drawn(50, FEW, 0, False), drawn(50, FEW, 0, True))


def test_all_characters_can_be_told_apart_and_lie_whole_within_their_masks() -> None:
    masks = character_masks("all", 32)
    assert masks.shape[0] == 48 and masks.max() <= 1 and masks.min() >= 0
    for width in range(masks.shape[1]):
        ink = masks[:, width].flatten(1)
        alike = torch.nn.functional.normalize(ink) @ torch.nn.functional.normalize(ink).T
        assert (alike - 2 * torch.eye(48)).max() < 0.96  # O and Q are the most alike
    assert (masks[:, 1:].sum(dim=(2, 3)) > masks[:, :-1].sum(dim=(2, 3))).all(), "wider strokes hold more ink"
    edge = torch.cat([masks[..., 0, :], masks[..., -1, :], masks[..., :, 0], masks[..., :, -1]], dim=-1)
    assert edge.max() == 0


def test_without_variation_every_picture_of_a_class_is_its_mask() -> None:
    part = load_glyphs(STILL, 0, Share()).validation
    mask = torch.nn.functional.avg_pool2d(character_masks("digits-and-letters", 32)[:, 1], 2)
    assert (part.inputs[:, 1].float() - 255 * mask[part.labels]).abs().max() <= 0.51


def test_the_mean_picture_of_every_class_differs_from_the_others() -> None:
    part = load_glyphs(Glyphs(pictures=60, characters="all", backdrop="plain"), 0, Share()).train
    means = torch.stack([part.inputs[part.labels == label].float().mean(dim=0).flatten() for label in range(48)])
    apart = torch.cdist(means, means) + 1e9 * torch.eye(48)
    assert apart.min() > 100


def test_pictures_are_ink_over_a_crop() -> None:
    labels, draws = torch.arange(36), drawn(36, FEW, 1, True)
    ink, photo = inked(labels, draws, FEW), crops_at(draws[:, 7:10], 16, True)
    expected = 255 * (ink + (1 - ink) * 0.8 * photo)
    assert (render(labels, draws, FEW, True).float() - expected).abs().max() <= 0.51


@pytest.mark.parametrize("side", [16, 32])
def test_what_is_tested_lies_over_other_parts_of_the_photographs(side: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a photograph that is black on its left and white on its right only the test has white behind it."""
    picture = torch.zeros(3, 120, 160)
    picture[:, :, int(160 * LEARNING_SHARE) :] = 1
    monkeypatch.setattr(photo_digits, "photographs", lambda: (picture,))
    draws = torch.rand(300, 3, generator=torch.Generator().manual_seed(0))
    assert crops_at(draws, side, test=False).max() == 0
    assert crops_at(draws, side, test=True).min() == 1
    domain = load_glyphs(Glyphs(pictures=5, side=side, photo_strength=0.5), 0, Share())
    assert domain.test.inputs.min() == 128 and domain.train.inputs.min() == domain.validation.inputs.min() == 0


def test_no_strength_bends_nothing_and_one_knot_bends_its_corner() -> None:
    assert torch.equal(bends(torch.zeros(2, 32), 32), torch.zeros(2, 32, 32, 2))
    corner = torch.zeros(1, 32)
    corner[0, 0] = 1
    moved = bends(corner, 32)[0]
    assert moved[0, 0, 0].item() == pytest.approx(2 * glyphs.WARP)
    assert moved[..., 1].abs().max() == 0 and moved[-1, -1, 0].item() == pytest.approx(0, abs=1e-6)


def test_ink_is_as_faint_as_it_says_and_strokes_are_of_every_width() -> None:
    draws = torch.full((2, glyphs.DRAWS), 0.5)
    draws[:, 6] = torch.tensor([0.0, 1.0])
    strong, faint = inked(torch.tensor([7, 7]), draws, FEW)
    assert torch.allclose(faint, glyphs.FAINTEST * strong)
    draws[:, 5:7] = torch.tensor([[0.0, 0.0], [1.0, 0.0]])
    thin, thick = inked(torch.tensor([7, 7]), draws, FEW).sum(dim=(1, 2, 3))
    assert thick > 1.5 * thin


def test_where_it_comes_from_is_said() -> None:
    over, plain = (load_glyphs(spec, 0, Share()).train.provenance for spec in (FEW, STILL))
    assert over.origin == plain.origin == "glyphs"
    assert "photographs" in over.title and "photographs" not in plain.licence and "CC0" in plain.licence


def test_progress_is_reported() -> None:
    told: list[tuple[str, float]] = []
    load_glyphs(FEW, 0, Share(), lambda text, done: told.append((text, done)))
    assert told and all(0 <= done < 1 for _, done in told)


def test_a_pillow_without_fonts_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def without(size: int) -> None:
        raise ImportError("The _imagingft C module is not installed")

    monkeypatch.setattr(glyphs, "usable_fonts", lambda paths: (without,))
    with pytest.raises(MissingData, match="cannot draw with fonts"):
        character_masks("digits", 20)
