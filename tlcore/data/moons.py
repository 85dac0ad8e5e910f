"""Two inter-twinning half moons, turned about the origin."""

from __future__ import annotations

import math

import torch

from tlcore.data.dataset import Dataset, Domain, Provenance
from tlcore.data.randomness import generator_for
from tlcore.data.splits import Share
from tlcore.specs.data import Moons

ORIGIN = "moons"
CLASS_NAMES = ("upper moon", "lower moon")
PROVENANCE = Provenance(
    title="Inter-twinning moons",
    origin=ORIGIN,
    licence="generated",
    url="https://jmlr.org/papers/v17/15-239.html",
)


def load_moons(spec: Moons, seed: int, share: Share) -> Domain:
    """Draw the three parts, each `spec.points` examples: inputs (points, 2) float32, classes in halves.

    The points do not depend on the rotation: turning the moons turns the same points. Each share is a draw of its own.
    """
    parts = []
    for number, part in enumerate(("train", "validation", "test")):
        generator = generator_for("moons", part, seed, share.index, spec.points)
        first_identity = (share.index * 3 + number) * spec.points
        parts.append(draw_moons(spec, generator, first_identity))
    return Domain(*parts)


def draw_moons(spec: Moons, generator: torch.Generator, first_identity: int) -> Dataset:
    """`spec.points` points: inputs (points, 2) float32, labels 0 for the upper and 1 for the lower moon, alternating.

    The half circles are those of scikit-learn's make_moons, with the noise; then, as in the code the authors of
    domain-adversarial training published (Ganin et al. 2016, section 5.1), the middle of both moons is moved to the
    origin and everything is doubled, before the moons are turned counter-clockwise by `spec.rotation` degrees.
    """
    labels = torch.arange(spec.points) % 2
    upper = labels == 0
    angle = math.pi * torch.rand(spec.points, generator=generator, dtype=torch.float64)
    abscissa = torch.where(upper, angle.cos(), 1 - angle.cos())
    ordinate = torch.where(upper, angle.sin(), 0.5 - angle.sin())
    noise = torch.randn(spec.points, 2, generator=generator, dtype=torch.float64)
    points = torch.stack((abscissa, ordinate), dim=1) + spec.noise * noise
    points = 2 * (points - torch.tensor([0.5, 0.25], dtype=torch.float64))

    turn = math.radians(spec.rotation)
    rotation = torch.tensor([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]], dtype=torch.float64)
    identities = first_identity + torch.arange(spec.points)
    return Dataset((points @ rotation.T).float(), labels, identities, CLASS_NAMES, PROVENANCE)
