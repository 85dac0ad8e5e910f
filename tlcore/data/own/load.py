"""Own data sets as tensors, split once by seed. The only module here that needs torch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from tlcore.data.dataset import Dataset, Domain, Provenance
from tlcore.data.own.columns import task_columns
from tlcore.data.own.library import find_own
from tlcore.data.own.manifest import PART_NAMES, Manifest, open_array
from tlcore.data.randomness import generator_for
from tlcore.data.splits import TEST_SHARE, VALIDATION_SHARE, Share, balanced_head
from tlcore.errors import InvalidRequest, MissingData
from tlcore.specs.own_data import OwnFeatures, OwnPictures

OwnSpec = OwnPictures | OwnFeatures
TRAIN, VALIDATION, TEST = (PART_NAMES.index(name) for name in ("train", "validation", "test"))


@dataclass(frozen=True)
class OwnArrays:
    """Everything of an own data set, for methods that need more than three parts.

    inputs: (N, 3, S, S) uint8 or (N, D) float32, mapped into memory where all rows are used in order. labels,
    domains, identities: (N,) int64. class_attributes: (K, A) float32 of `att_splits.mat`, or None.
    partitions: named examples, each (n,) int64.
    """

    manifest: Manifest
    inputs: torch.Tensor
    labels: torch.Tensor
    domains: torch.Tensor
    identities: torch.Tensor
    class_attributes: torch.Tensor | None
    partitions: dict[str, torch.Tensor]


def open_own(spec: OwnSpec) -> OwnArrays:
    """The whole data set that `spec` names, whatever its domain and limit. Raises InvalidRequest, MissingData."""
    manifest, array = _opened(spec)
    table = manifest.attributes_of_classes
    return OwnArrays(
        manifest=manifest,
        inputs=take(array, np.asarray(manifest.rows)),
        labels=torch.tensor(manifest.labels),
        domains=torch.tensor(manifest.domain_of),
        identities=torch.tensor(manifest.identities),
        class_attributes=torch.tensor(table, dtype=torch.float32) if table else None,
        partitions={name: torch.tensor(members) for name, members in manifest.partitions.items()},
    )


def load_own(spec: OwnSpec, seed: int, share: Share) -> Domain:
    """One domain of an own data set, or all: inputs (N, 3, S, S) uint8 or (N, D) float32.

    Identities are rows of the array, equal for what is the same picture. Parts that the data say are kept; what is
    missing is dealt out by seed for the whole data set at once, so that two of its domains agree on it.

    Raises InvalidRequest: no such domain, too few examples; MissingData: not here, or not the content asked for.
    """
    manifest, array = _opened(spec)
    labels, domains = np.asarray(manifest.labels), np.asarray(manifest.domain_of)
    identities, rows = np.asarray(manifest.identities), np.asarray(manifest.rows)
    parts = dealt_out(manifest, seed, share)
    chosen = np.ones(len(manifest), dtype=bool)
    if spec.domain:
        if spec.domain not in manifest.domains:
            known = ", ".join(name for name in manifest.domains if name) or "none"
            raise InvalidRequest(f"{spec.dataset} has no domain “{spec.domain}”; its domains are: {known}.")
        chosen = domains == manifest.domains.index(spec.domain)
    title = f"{manifest.title} ({spec.domain})" if spec.domain else manifest.title
    tasks = task_columns(manifest.attributes)
    numbers = np.stack([task.values for task in tasks], 1) if tasks else None
    provenance = Provenance(title=title, origin=f"own {spec.dataset}", licence=manifest.licence, url="")

    def part(number: int, limit: int = 0) -> Dataset:
        members = np.flatnonzero(chosen & (parts == number))
        if not len(members):
            raise InvalidRequest(
                f"{title} has too few examples: none is left for the {PART_NAMES[number]} part after the split."
            )
        if limit and limit < len(members):
            shuffled = members[torch.randperm(len(members), generator=generator_for("limit", "own", seed)).numpy()]
            members = np.sort(shuffled[balanced_head(torch.from_numpy(labels[shuffled]), limit).numpy()])
        return Dataset(
            inputs=take(array, rows[members]),
            labels=torch.from_numpy(labels[members]),
            identities=torch.from_numpy(identities[members]),
            class_names=manifest.classes,
            provenance=provenance,
            attributes=None if numbers is None else torch.from_numpy(numbers[members]),
            attribute_names=tuple(task.name for task in tasks),
            attribute_classes=tuple(task.class_names for task in tasks),
        )

    return Domain(part(TRAIN, spec.limit), part(VALIDATION), part(TEST))


def overlapping(one: OwnSpec, other: OwnSpec) -> bool:
    """Whether two specs read some of the same pictures."""
    return one.dataset == other.dataset and (one.domain == other.domain or not one.domain or not other.domain)


def take(array: np.ndarray, rows: np.ndarray) -> torch.Tensor:
    """Rows (n,) of a mapped array: mapped too if they are neighbours, else copied. Writing to them changes no file."""
    if isinstance(array, np.memmap) and array.filename and len(rows) and (np.diff(rows) == 1).all():
        private = np.load(array.filename, mmap_mode="c", allow_pickle=False)
        return torch.from_numpy(private[rows[0] : rows[-1] + 1])
    return torch.from_numpy(np.asarray(array[rows]))


def dealt_out(manifest: Manifest, seed: int, share: Share) -> np.ndarray:
    """For each example the part it belongs to, (N,): a position in PART_NAMES, 0 for what is in another share.

    Examples of one identity stay together. Each class of each domain is dealt by itself and gives at least one
    identity to each part while it has three.
    """
    given = np.asarray(manifest.parts)
    labels, domains = np.asarray(manifest.labels), np.asarray(manifest.domain_of)
    identities = np.asarray(manifest.identities)
    _, firsts, group_of = np.unique(identities, return_index=True, return_inverse=True)
    said = set(given.tolist())
    # Where only train and val are given, val is what is reported on; the part to choose by is taken from train.
    tested = TEST if TEST in said else VALIDATION if VALIDATION in said and TRAIN in said else 0
    part_of_group = np.zeros(len(firsts), dtype=np.int64)
    generator = generator_for("split", "own", manifest.content, seed)
    strata = given[firsts] + len(PART_NAMES) * (domains[firsts] * len(manifest.classes) + labels[firsts])
    for number, stratum in enumerate(np.unique(strata)):
        members = np.flatnonzero(strata == stratum)
        members = members[torch.randperm(len(members), generator=generator).numpy()]
        members = members[(share.index + number) % share.count :: share.count]
        part_of_group[members] = _parts_of(len(members), int(stratum) % len(PART_NAMES), tested, said)
    return part_of_group[group_of]


def _parts_of(count: int, given: int, tested: int, said: set[int]) -> np.ndarray:
    """The parts (count,) of the shuffled members of one class that all have the part `given`."""
    if given == tested and tested:
        return np.full(count, TEST)
    if given not in (0, TRAIN, VALIDATION, TEST):
        return np.full(count, given)
    if given == VALIDATION and TEST in said:
        return np.full(count, VALIDATION)
    to_test = 0 if tested else _share(count, TEST_SHARE)
    to_validation = 0 if TEST in said and VALIDATION in said else _share(count, VALIDATION_SHARE)
    parts = np.full(count, TRAIN)
    parts[:to_test] = TEST
    parts[to_test : to_test + to_validation] = VALIDATION
    return parts


def _share(count: int, share: float) -> int:
    return max(round(count * share), 1 if count >= 3 else 0)


def _opened(spec: OwnSpec) -> tuple[Manifest, np.ndarray]:
    if not spec.dataset:
        raise InvalidRequest("No own data set is chosen.")
    folder, manifest = find_own(spec.dataset)
    kind = "pictures" if isinstance(spec, OwnPictures) else "features"
    if manifest.kind != kind:
        raise InvalidRequest(f"The own data set “{spec.dataset}” holds {manifest.kind}, not {kind}.")
    if spec.content and spec.content != manifest.content:
        raise MissingData(
            f"The own data set “{spec.dataset}” has changed since this run was asked for: import what it was made from "
            "again, or ask for a new run."
        )
    return manifest, open_array(folder, manifest)
