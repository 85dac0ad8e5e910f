"""The data that need no files: moons, digits, and digits over photographs."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits as scikit_learn_digits

from tlcore.data import load_dataset
from tlcore.data.crops import windows
from tlcore.data.digits import affine_maps, original_digits, render, sampling_grid
from tlcore.data.photo_digits import REDUCTIONS, backgrounds, blend, horizontal_range, photographs
from tlcore.data.splits import Share
from tlcore.specs.data import Digits, Moons, PhotoDigits


class TestMoons:
    def test_without_noise_every_point_lies_on_its_half_circle(self) -> None:
        part = load_dataset(Moons(noise=0), 0).train
        x, y = (part.inputs.double() / 2 + torch.tensor([0.5, 0.25])).unbind(dim=1)
        upper, lower = part.labels == 0, part.labels == 1
        assert torch.allclose(torch.hypot(x[upper], y[upper]), torch.ones(1).double(), atol=1e-5)
        assert y[upper].min() > -1e-6
        assert torch.allclose(torch.hypot(x[lower] - 1, y[lower] - 0.5), torch.ones(1).double(), atol=1e-5)
        assert y[lower].max() < 0.5 + 1e-6
        assert part.class_names == ("upper moon", "lower moon")

    def test_rotation_turns_the_same_points_counter_clockwise(self) -> None:
        straight = load_dataset(Moons(), 1).test
        turned = load_dataset(Moons(rotation=90), 1).test
        assert torch.equal(straight.labels, turned.labels)
        x, y = straight.inputs.unbind(dim=1)
        assert torch.allclose(turned.inputs, torch.stack((-y, x), dim=1), atol=1e-5)

    def test_half_a_turn_exchanges_the_moons(self) -> None:
        """Only about the middle of both moons does it; about any other point rotation would also move them."""
        part = load_dataset(Moons(noise=0, rotation=180), 0).train
        x, y = (part.inputs.double() / 2 + torch.tensor([0.5, 0.25])).unbind(dim=1)
        lower = part.labels == 1
        assert torch.allclose(torch.hypot(x[lower], y[lower]), torch.ones(1).double(), atol=1e-5)

    def test_noise_has_the_asked_for_deviation(self) -> None:
        noisy, clean = (load_dataset(Moons(points=5000, noise=noise), 0).train.inputs for noise in (0.2, 0.0))
        assert ((noisy - clean) / 2).std().item() == pytest.approx(0.2, rel=0.03)

    def test_domains_are_draws_of_their_own(self) -> None:
        one, other = (load_dataset(Moons(), 0, share=Share(index, 2)).train for index in (0, 1))
        assert not torch.isclose(one.inputs, other.inputs).all(dim=1).any()


class TestDigits:
    def test_originals_are_those_of_scikit_learn(self) -> None:
        theirs, ours = scikit_learn_digits(), original_digits()
        assert np.array_equal(theirs.images / 16, ours.pictures.numpy())
        assert np.array_equal(theirs.target, ours.labels.numpy())

    def test_without_variation_a_picture_is_the_enlarged_original(self) -> None:
        part = load_dataset(Digits(renderings=2, variation=0), 0).test
        original = original_digits().pictures[part.identities]
        # Half a pixel from the middle of an original pixel: three quarters of it, one quarter of its neighbour.
        near, far = original[:, 1:, 1:], original[:, :-1, :-1]
        above, left = original[:, :-1, 1:], original[:, 1:, :-1]
        by_hand = (9 * near + 3 * above + 3 * left + far) / 16
        assert (part.inputs[:, 0, 2::2, 2::2] - 255 * by_hand).abs().max() <= 0.51
        assert torch.equal(part.labels, original_digits().labels[part.identities])
        assert torch.equal(part.inputs[:, 0], part.inputs[:, 2])

    def test_the_sampling_grid_is_that_of_torch(self) -> None:
        maps = affine_maps(2 * torch.rand(7, 5, generator=torch.Generator().manual_seed(0)) - 1)
        expected = torch.nn.functional.affine_grid(maps, [7, 1, 16, 16], align_corners=False)
        assert torch.allclose(sampling_grid(maps), expected, atol=1e-6)

    def test_renderings_of_one_original_differ_and_stand_together(self) -> None:
        part = load_dataset(Digits(renderings=4), 0).train
        assert torch.equal(part.identities.reshape(-1, 4), part.identities[::4, None].expand(-1, 4))
        pictures = part.inputs.reshape(-1, 4, 3 * 16 * 16)
        assert (pictures[:, 0] != pictures[:, 1]).any(dim=1).all()

    def test_a_rendering_depends_on_its_original_not_on_the_company(self) -> None:
        together = render(torch.tensor([3, 700, 1500]), Digits(renderings=2), 0)
        assert torch.allclose(together[2:4], render(torch.tensor([700]), Digits(renderings=2), 0), atol=1e-6)

    def test_affine_maps_do_what_their_names_say(self) -> None:
        assert torch.equal(affine_maps(torch.zeros(1, 5))[0], torch.eye(2, 3))
        turn = affine_maps(torch.tensor([[0.0, 0, 9, 0, 0]]))[0]  # nine times ten degrees: a quarter turn
        assert torch.allclose(turn, torch.tensor([[0.0, 1, 0], [-1, 0, 0]]), atol=1e-6)
        grown = affine_maps(torch.tensor([[0.0, 0, 0, 1, 0]]))[0]
        assert grown[0, 0].item() == pytest.approx(1 / 1.1)
        moved = affine_maps(torch.tensor([[1.0, 0, 0, 0, 0]]))[0]
        assert moved[0, 2].item() == pytest.approx(-1 / 8)  # one of sixteen pixels, in a picture from -1 to 1


class TestPhotoDigits:
    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("over", 0.25 + 0.75 * 0.8 * 0.5),
            ("difference", abs(0.8 * 0.5 - 0.25)),
            ("invert", abs(0.8 * 0.5 - 0.75)),
        ],
    )
    def test_blend_by_hand(self, name: str, expected: float) -> None:
        spec = PhotoDigits.model_validate({"blend": name, "photo_strength": 0.8})
        blended = blend(torch.full((1, 1, 1, 1), 0.25), torch.full((1, 3, 1, 1), 0.5), spec)
        assert blended.flatten().tolist() == pytest.approx([expected] * 3)

    def test_pictures_are_the_blend_of_rendering_and_crop(self) -> None:
        spec = PhotoDigits(renderings=2, blend="difference")
        part = load_dataset(spec, 0).test
        indices = part.identities[::2]
        ink = render(indices, spec, 0).unsqueeze(1)
        expected = (spec.photo_strength * backgrounds(indices, spec, 0, test=True) - ink).abs() * 255
        assert (part.inputs.float() - expected).abs().max() <= 0.51

    def test_without_photograph_only_the_digit_is_left(self) -> None:
        spec = PhotoDigits(renderings=1, photo_strength=0)
        part = load_dataset(spec, 0).train
        ink = render(part.identities, spec, 0).unsqueeze(1)
        assert (part.inputs.float() - 255 * ink).abs().max() <= 0.51

    def test_test_backgrounds_lie_beside_those_to_learn_from(self) -> None:
        for photograph in photographs():
            width = photograph.shape[2]
            last_learned = horizontal_range(width, test=False)[1] + 15
            first_tested, last_tested = horizontal_range(width, test=True)
            assert last_learned < first_tested
            assert first_tested <= last_tested == width - 16

    def test_backgrounds_hold_structure(self) -> None:
        crops = backgrounds(torch.arange(200), PhotoDigits(), 0, test=False)
        assert crops.std(dim=(2, 3)).mean() > 0.05
        assert len(photographs()) == 2 * len(REDUCTIONS)


def test_windows_are_plain_slices() -> None:
    picture = torch.arange(3 * 7 * 9).reshape(3, 7, 9)
    top, left = torch.tensor([0, 3]), torch.tensor([5, 1])
    cut = windows(picture, top, left, 4)
    assert torch.equal(cut[0], picture[:, 0:4, 5:9])
    assert torch.equal(cut[1], picture[:, 3:7, 1:5])


def test_no_angle_is_left_in_degrees() -> None:
    points = load_dataset(Moons(noise=0, rotation=45), 0).train.inputs
    straight = load_dataset(Moons(noise=0), 0).train.inputs
    half = math.sqrt(0.5)
    assert torch.allclose(points[:, 0], half * (straight[:, 0] - straight[:, 1]), atol=1e-5)
