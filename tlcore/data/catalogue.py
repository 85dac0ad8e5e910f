"""Published data sets as domains: found in the data folder or fetched, brought to one size, split by seed."""

from __future__ import annotations

import torch

from tlcore.catalogue import ENTRIES, Entry, state
from tlcore.data.dataset import Dataset, Domain, Provenance
from tlcore.data.fetching import fetch_entry
from tlcore.data.folder import VARIABLE, Report, data_folder
from tlcore.data.kept import KeptPart, published_pictures
from tlcore.data.randomness import generator_for
from tlcore.data.splits import TEST_SHARE, VALIDATION_SHARE, Parts, Share, balanced_head, split_originals
from tlcore.errors import LabError, MissingData
from tlcore.specs.catalogue_sets import CatalogueSet


def load_catalogue_set(spec: CatalogueSet, seed: int, share: Share, report: Report | None = None) -> Domain:
    """A published set: inputs (N, 3, side, side) uint8; its own test part is the test, where there is one.

    A tenth of the part to learn from validates. Identities are places in that part; those of the test part follow on
    them. Raises MissingData where the files are not there and cannot be fetched.
    """
    entry = ENTRIES[spec.dataset]
    require(entry, report)
    kept = published_pictures(spec.dataset, spec.side or entry.own_side, report)
    names, train_labels = kept.class_names, _labels(kept.train, spec, kept.attribute_names)
    provenance = Provenance(entry.title, entry.name, entry.licence, entry.url)

    def part(source: KeptPart, labels: torch.Tensor, indices: torch.Tensor, first_identity: int) -> Dataset:
        attributes = None if source.attributes is None else source.attributes[indices].float()
        return Dataset(
            source.pictures[indices], labels[indices], indices + first_identity, names, provenance, attributes,
            kept.attribute_names, (names,) * len(kept.attribute_names),
        )  # fmt: skip

    if kept.test is None:
        parts = _limited(_split(train_labels, entry, seed, share, TEST_SHARE), train_labels, spec, seed)
        return Domain(*(part(kept.train, train_labels, one, 0) for one in (parts.train, parts.validation, parts.test)))
    test_labels = _labels(kept.test, spec, kept.attribute_names)
    parts = _limited(_split(train_labels, entry, seed, share, 0.0), train_labels, spec, seed)
    test = split_originals(test_labels, share, f"{entry.name} test", seed, validation=0.0, test=1.0).test
    return Domain(
        part(kept.train, train_labels, parts.train, 0),
        part(kept.train, train_labels, parts.validation, 0),
        part(kept.test, test_labels, test, len(train_labels)),
    )


def require(entry: Entry, report: Report | None = None) -> None:
    """Fetch a set that is not in the data folder. Raises MissingData, saying what is missing and how to get it."""
    now = state(entry)
    if now in ("embedded", "on disk"):
        return
    folder = data_folder()
    reason = entry.by_hand
    if now == "to download":
        try:
            fetch_entry(entry, folder, report)
            return
        except LabError as error:
            reason = str(error).rstrip(".")
    raise MissingData(
        f"{entry.title} is not complete in {folder} and cannot be downloaded ({reason}): connect this machine to the "
        f"internet, or put its files there as torchvision lays them out ({entry.files[0]}, …), or name a folder that "
        f"has them in the environment variable {VARIABLE}."
    )


def _labels(part: KeptPart, spec: CatalogueSet, attribute_names: tuple[str, ...]) -> torch.Tensor:
    if part.attributes is None:
        return part.labels
    if spec.attribute not in attribute_names:
        raise MissingData(f"{ENTRIES[spec.dataset].title} in this data folder has no attribute {spec.attribute}.")
    return part.attributes[:, attribute_names.index(spec.attribute)].long()


def _split(labels: torch.Tensor, entry: Entry, seed: int, share: Share, test: float) -> Parts:
    return split_originals(labels, share, entry.name, seed, validation=VALIDATION_SHARE, test=test)


def _limited(parts: Parts, labels: torch.Tensor, spec: CatalogueSet, seed: int) -> Parts:
    """Fewer pictures to learn from; a smaller limit takes from what a larger one takes."""
    train = parts.train
    if spec.limit and spec.limit < len(train):
        shuffled = train[torch.randperm(len(train), generator=generator_for("limit", spec.dataset, seed))]
        train = shuffled[balanced_head(labels[shuffled], spec.limit)].sort().values
    return Parts(train, parts.validation, parts.test)
