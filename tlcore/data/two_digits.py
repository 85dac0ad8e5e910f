"""Two overlapping handwritten digits in one picture, after MultiMNIST, and the tasks that can be made of them.

Each picture has a left and a right digit of scikit-learn's. Everything else that is asked of it follows from these two:
whether one is even, whether it has a loop, which of the two is larger. Only the task `chance` has nothing to do with
the picture: its labels are drawn at random.
"""

from __future__ import annotations

import torch
import torch.nn.functional as functional

from tlcore.data.dataset import Dataset, Domain, Provenance
from tlcore.data.digits import (
    CLASS_NAMES,
    ORIGIN,
    PROVENANCE,
    affine_maps,
    original_digits,
    sampling_grid,
    to_bytes,
)
from tlcore.data.randomness import generator_for
from tlcore.data.splits import Share, split_originals
from tlcore.specs.two_digits import TwoDigits

DIGIT_SIDE = 14
HEIGHT = 16
TEST_PICTURES = 1000
DRAWS = 12  # of each picture: five of each digit's map, and how high each stands
SETS = 40
"""Random halves of the ten digits for each side, as small tasks: is the digit one of these five?"""

HAS_LOOP = (0, 6, 8, 9)
PRIME = (2, 3, 5, 7)


def load_two_digits(spec: TwoDigits, seed: int, share: Share) -> Domain:
    """Pictures (N, 1, 16, W) uint8 whose labels are the left digit; every task's labels are their attributes.

    A handwritten digit stands in the pictures of one part only: those that are tested on were not learned from, here
    or in any other data set of the same digits.
    """
    originals = original_digits()
    parts = split_originals(originals.labels, share, ORIGIN, seed)
    return Domain(
        _part(spec, seed, "train", spec.pictures, parts.train),
        _part(spec, seed, "validation", spec.validating, parts.validation),
        _part(spec, seed, "test", TEST_PICTURES, parts.test),
    )


def _part(spec: TwoDigits, seed: int, part: str, count: int, members: torch.Tensor) -> Dataset:
    originals = original_digits()
    generator = generator_for("two digits", part, seed, len(members))
    chosen = members[torch.randint(len(members), (count, 2), generator=generator)]
    draws = 2 * torch.rand(count, DRAWS, generator=generator) - 1
    drawn = torch.randint(10, (count,), generator=generator)
    left, right = originals.labels[chosen].unbind(1)
    tasks = labels_of(left, right, drawn)
    provenance = Provenance(
        f"Two digits in one picture, made here from: {PROVENANCE.title}", ORIGIN, PROVENANCE.licence, PROVENANCE.url
    )
    return Dataset(
        render(originals.pictures[chosen], draws, spec),
        left,
        chosen[:, 0] * len(originals.labels) + chosen[:, 1],
        CLASS_NAMES,
        provenance,
        torch.stack(list(tasks.values()), 1),
        tuple(tasks),
        tuple(() if name in QUANTITIES else _class_names(name) for name in tasks),
    )


def render(pictures: torch.Tensor, draws: torch.Tensor, spec: TwoDigits) -> torch.Tensor:
    """Pictures (N, 1, 16, W) uint8 of pairs (N, 2, 8, 8) of digits with `draws` (N, 12) from -1 to 1.

    Where both have ink the stronger one is seen.
    """
    count, shift = len(pictures), round(DIGIT_SIDE * (1 - spec.overlap))
    sized = functional.interpolate(pictures, size=(DIGIT_SIDE, DIGIT_SIDE), mode="bilinear", align_corners=False)
    maps = affine_maps(spec.variation * draws[:, :10].reshape(2 * count, 5))
    grid = sampling_grid(maps, DIGIT_SIDE)
    digits = functional.grid_sample(sized.reshape(2 * count, 1, DIGIT_SIDE, DIGIT_SIDE), grid, align_corners=False)
    digits = digits.reshape(count, 2, DIGIT_SIDE, DIGIT_SIDE).clamp_(0, 1)
    canvas = torch.zeros(count, 2, HEIGHT, DIGIT_SIDE + shift)
    heights = ((draws[:, 10:] + 1) / 2 * (HEIGHT - DIGIT_SIDE + 1)).long().clamp_(max=HEIGHT - DIGIT_SIDE)
    for side in range(2):
        across = slice(side * shift, side * shift + DIGIT_SIDE)
        for top in range(HEIGHT - DIGIT_SIDE + 1):
            here = heights[:, side] == top
            canvas[here, side, top : top + DIGIT_SIDE, across] = digits[here, side]
    return to_bytes(canvas.amax(1, keepdim=True))


def labels_of(left: torch.Tensor, right: torch.Tensor, drawn: torch.Tensor) -> dict[str, torch.Tensor]:
    """Every task's labels (N,) float32, by name, of the digits `left` and `right` (N,); `drawn` (N,) are of chance.

    All are classes from 0, but for `difference`, a quantity: left less right, from -1 to 1.
    """
    tasks: dict[str, torch.Tensor] = {"left": left, "right": right}
    for side, digit in (("left", left), ("right", right)):
        tasks[f"{side}_odd"] = digit % 2
        tasks[f"{side}_large"] = digit > 4
        tasks[f"{side}_loop"] = torch.isin(digit, torch.tensor(HAS_LOOP))
        tasks[f"{side}_prime"] = torch.isin(digit, torch.tensor(PRIME))
        tasks[f"{side}_modulo3"] = digit % 3
    tasks["sum_large"] = left + right > 9
    tasks["sum_odd"] = (left + right) % 2
    tasks["sum_modulo3"] = (left + right) % 3
    tasks["larger"] = torch.sign(left - right) + 1  # 0: the right one, 1: both alike, 2: the left one
    tasks["same"] = left == right
    tasks["near"] = (left - right).abs() <= 2
    tasks["sum"] = left + right
    tasks["gap"] = (left - right).abs()
    tasks["difference"] = (left - right) / 9
    tasks["chance"] = drawn
    for number, members in enumerate(random_halves()):
        for side, digit in (("left", left), ("right", right)):
            tasks[f"{side}_set{number:02d}"] = torch.isin(digit, members)
    return {name: labels.to(torch.float32) for name, labels in tasks.items()}


def random_halves() -> torch.Tensor:
    """The digits (40, 5) of each `set` task, the same for every seed."""
    generator = generator_for("two digits", "halves of the digits")
    return torch.stack([torch.randperm(10, generator=generator)[:5].sort().values for _ in range(SETS)])


QUANTITIES = frozenset({"difference"})
COUNTED = {
    "left": 10, "right": 10, "left_modulo3": 3, "right_modulo3": 3, "sum_modulo3": 3, "sum": 19, "gap": 10,
    "chance": 10,
}  # fmt: skip
"""Tasks whose classes are numbers from 0, and how many there are."""
LARGER = ("the right one", "both alike", "the left one")


def _class_names(task: str) -> tuple[str, ...]:
    if task in COUNTED:
        return tuple(str(number) for number in range(COUNTED[task]))
    return LARGER if task == "larger" else ("no", "yes")
