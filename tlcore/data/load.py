"""From what was asked for to tensors."""

from __future__ import annotations

from tlcore.data import digits, glyphs, mnist, moons, syn_numbers
from tlcore.data.catalogue import load_catalogue_set
from tlcore.data.dataset import Domain, PairData
from tlcore.data.digits import load_digits
from tlcore.data.folder import Report
from tlcore.data.glyphs import load_glyphs
from tlcore.data.mnist import load_mnist
from tlcore.data.mnist_m import load_mnist_m
from tlcore.data.moons import load_moons
from tlcore.data.own.load import load_own, overlapping
from tlcore.data.pairing import bring_together, like
from tlcore.data.photo_digits import load_photo_digits
from tlcore.data.shifts import shifted
from tlcore.data.splits import Share
from tlcore.data.syn_numbers import load_syn_numbers
from tlcore.data.two_digits import load_two_digits
from tlcore.specs.catalogue_sets import CatalogueSet, SynNumbers
from tlcore.specs.data import DatasetSpec, Digits, DomainPair, Mnist, Moons, PhotoDigits, Shifted
from tlcore.specs.glyphs import Glyphs
from tlcore.specs.own_data import OwnFeatures, OwnPictures
from tlcore.specs.two_digits import TwoDigits

ORIGINS = {
    "moons": moons.ORIGIN,
    "digits": digits.ORIGIN,
    "photo-digits": digits.ORIGIN,
    "mnist": mnist.ORIGIN,
    "mnist-m": mnist.ORIGIN,
    "syn-numbers": syn_numbers.ORIGIN,
    "glyphs": glyphs.ORIGIN,
    "two-digits": digits.ORIGIN,
}


def origin_of(spec: DatasetSpec) -> str:
    """What names the originals a data set is made of; sets of the same originals share it."""
    if isinstance(spec, Shifted):
        return origin_of(spec.base)
    if isinstance(spec, OwnPictures | OwnFeatures):
        return f"own {spec.dataset}"
    return spec.dataset if isinstance(spec, CatalogueSet) else ORIGINS[spec.name]


def same_originals(one: DatasetSpec, other: DatasetSpec) -> bool:
    """Whether two data sets are made of the same originals; two domains of a user's own pictures are not."""
    if isinstance(one, Shifted) or isinstance(other, Shifted):
        return same_originals(*(spec.base if isinstance(spec, Shifted) else spec for spec in (one, other)))
    if isinstance(one, OwnPictures | OwnFeatures) and isinstance(other, OwnPictures | OwnFeatures):
        return overlapping(one, other)
    return origin_of(one) == origin_of(other)


def load_pair(pair: DomainPair, seed: int, *, report: Report | None = None) -> PairData:
    """Both domains of `pair`, split by `seed`, with the classes they share and pictures of one size.

    Where they are made from the same originals and `pair.disjoint` is set, each domain gets half of these; otherwise
    both split them alike, so that no original to test on is learned from in either domain.
    report: called with a text and the share done (0 to 1) while something is downloaded or built.
    Raises MissingData where files are missing and InvalidRequest where the domains do not fit together.
    """
    halve = pair.disjoint and same_originals(pair.source, pair.target)
    shares = (Share(0, 2), Share(1, 2)) if halve else (Share(), Share())
    source = load_dataset(pair.source, seed, share=shares[0], report=report)
    target = load_dataset(pair.target, seed, share=shares[1], report=report)
    return bring_together(source, target, title_of(pair.source), title_of(pair.target))


def load_task_domains(
    source: DatasetSpec | None, target: DatasetSpec | None, seed: int, *, report: Report | None = None
) -> tuple[Domain | None, Domain | None, tuple[str, ...]]:
    """A source task and a target task, each with its own classes, and notes on what was done to the target's pictures:
    they are brought to the size and the number of channels of the source's, whose network is to read them.

    Data sets made from the same originals agree on what is tested on, so nothing that the source learned from stands
    in the target's test. Raises MissingData; InvalidRequest where one holds pictures and the other does not.
    """
    ours = load_dataset(source, seed, report=report) if source else None
    theirs = load_dataset(target, seed, report=report) if target else None
    if ours is None or theirs is None or source is None or target is None:
        return ours, theirs, ()
    fitted, notes = like(theirs, ours.train.inputs.shape[1:], title_of(source), title_of(target))
    return ours, fitted, notes


def title_of(spec: DatasetSpec) -> str:
    """What a data set is called in a sentence."""
    if isinstance(spec, Shifted):
        return f"{title_of(spec.base)} ({spec.shift})"
    if isinstance(spec, OwnPictures | OwnFeatures):
        return f"{spec.dataset} ({spec.domain})" if spec.domain else spec.dataset
    return spec.dataset if isinstance(spec, CatalogueSet) else spec.name


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
    if isinstance(spec, CatalogueSet):
        return load_catalogue_set(spec, seed, share, report)
    if isinstance(spec, OwnPictures | OwnFeatures):
        return load_own(spec, seed, share)
    if isinstance(spec, SynNumbers):
        return load_syn_numbers(spec, seed, share, report)
    if isinstance(spec, Shifted):
        return shifted(load_dataset(spec.base, seed, share=share, report=report), spec, seed)
    if isinstance(spec, Glyphs):
        return load_glyphs(spec, seed, share, report)
    if isinstance(spec, TwoDigits):
        return load_two_digits(spec, seed, share)
    return load_mnist_m(spec, seed, share, report)
