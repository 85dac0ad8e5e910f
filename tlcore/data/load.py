"""From what was asked for to tensors."""

from __future__ import annotations

from tlcore.data import digits, mnist, moons
from tlcore.data.dataset import Domain, PairData
from tlcore.data.digits import load_digits
from tlcore.data.folder import Report
from tlcore.data.mnist import load_mnist
from tlcore.data.mnist_m import load_mnist_m
from tlcore.data.moons import load_moons
from tlcore.data.photo_digits import load_photo_digits
from tlcore.data.splits import Share
from tlcore.errors import InvalidRequest
from tlcore.specs.data import DatasetSpec, Digits, DomainPair, Mnist, Moons, PhotoDigits

ORIGINS = {
    "moons": moons.ORIGIN,
    "digits": digits.ORIGIN,
    "photo-digits": digits.ORIGIN,
    "mnist": mnist.ORIGIN,
    "mnist-m": mnist.ORIGIN,
}


def load_pair(pair: DomainPair, seed: int, *, report: Report | None = None) -> PairData:
    """Both domains of `pair`, split by `seed`.

    Where they are made from the same originals and `pair.disjoint` is set, each domain gets half of these; otherwise
    both split them alike, so that no original to test on is learned from in either domain.
    report: called with a text and the share done (0 to 1) while something is downloaded or built.
    Raises MissingData where files are missing and InvalidRequest where the domains do not fit together.
    """
    halve = pair.disjoint and ORIGINS[pair.source.name] == ORIGINS[pair.target.name]
    shares = (Share(0, 2), Share(1, 2)) if halve else (Share(), Share())
    source = load_dataset(pair.source, seed, share=shares[0], report=report)
    target = load_dataset(pair.target, seed, share=shares[1], report=report)
    for what, ours, theirs in (
        ("classes", source.train.class_names, target.train.class_names),
        ("shape of inputs", tuple(source.train.inputs.shape[1:]), tuple(target.train.inputs.shape[1:])),
    ):
        if ours != theirs:
            raise InvalidRequest(
                f"{pair.source.name} and {pair.target.name} cannot be paired: the {what} differ ({ours} and {theirs})."
            )
    return PairData(source, target)


def load_dataset(spec: DatasetSpec, seed: int, *, share: Share | None = None, report: Report | None = None) -> Domain:
    """One data set, split by `seed`; `share`: only a part of its originals. Raises MissingData."""
    share = share or Share()
    if isinstance(spec, Moons):
        return load_moons(spec, seed, share)
    if isinstance(spec, Digits):
        return load_digits(spec, seed, share)
    if isinstance(spec, PhotoDigits):
        return load_photo_digits(spec, seed, share)
    if isinstance(spec, Mnist):
        return load_mnist(spec, seed, share, report)
    return load_mnist_m(spec, seed, share, report)
