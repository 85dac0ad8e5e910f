"""The creatures as data: seen animals to learn from, choose by and report on, unseen ones to report on alone."""

from __future__ import annotations

import hashlib

import numpy as np
import PIL
import torch

from tlcore.catalogue.creature_table import CreatureTable, creature_table
from tlcore.catalogue.creatures.drawing import Part, draw_part, draw_share
from tlcore.catalogue.creatures.render import VERSION
from tlcore.data.dataset import Dataset, Provenance
from tlcore.data.folder import Report, alone, data_folder, make_file, read_array
from tlcore.data.randomness import generator_for
from tlcore.data.splits import VALIDATION_SHARE
from tlcore.data.zero_shot import ZeroShotData
from tlcore.errors import InvalidRequest, MissingData
from tlcore.specs.creatures import Creatures

ORIGIN = "creatures"
PROVENANCE = Provenance(
    title="Animals drawn here from a table of attributes", origin=ORIGIN, licence="generated", url=""
)


def load_creatures(
    spec: Creatures, seed: int, table: CreatureTable | None = None, report: Report | None = None
) -> ZeroShotData:
    """Pictures (N, 3, side, side) uint8 of all animals, with the attributes (N, A) each was drawn from.

    As of a published set, the pictures do not depend on the seed: it says which of them are learned from and which are
    chosen by, and which seen animals are set apart for tuning. They are kept in the data folder, where it can be
    written to. No picture of an unseen animal is drawn but those to report on.
    report: called with a text and the share done (0 to 1) while pictures are drawn.
    Raises MissingData where the table is not the one asked for, InvalidRequest where too few animals are seen.
    """
    table = table or creature_table()
    if spec.content and spec.content != table.content:
        raise MissingData("The table of animals has changed since this run was asked for: ask for a new run.")
    seen = torch.from_numpy(table.seen.copy())
    if spec.tuning_classes >= int(seen.sum()) or bool(seen.all()):
        raise InvalidRequest(
            f"Of {len(seen)} animals {int(seen.sum())} are seen: some must be unseen, and more than the "
            f"{spec.tuning_classes} set apart for tuning must be seen."
        )
    learning, testing = (rendered(spec, table, test, report) for test in (False, True))
    learning_labels = torch.from_numpy(np.repeat(np.flatnonzero(table.seen), spec.pictures))
    testing_labels = torch.from_numpy(np.repeat(np.arange(len(table.names)), spec.test_pictures))
    generator = generator_for("creatures", seed)
    order = torch.rand(len(learning_labels) // spec.pictures, spec.pictures, generator=generator).argsort(dim=1)
    held = (order < max(1, round(VALIDATION_SHARE * spec.pictures))).flatten()
    shuffled = torch.nonzero(seen).flatten()[torch.randperm(int(seen.sum()), generator=generator)]
    tuning = torch.zeros_like(seen)
    tuning[shuffled[: spec.tuning_classes]] = True

    def part(pictures: np.ndarray, labels: torch.Tensor, chosen: torch.Tensor, first: int) -> Dataset:
        indices = torch.nonzero(chosen).flatten()
        return Dataset(
            inputs=torch.from_numpy(pictures[indices.numpy()]),
            labels=labels[indices],
            identities=indices + first,
            class_names=table.names,
            provenance=PROVENANCE,
            attributes=torch.from_numpy(table.values[labels[indices].numpy()]),
            attribute_names=table.attributes,
        )

    return ZeroShotData(
        train=part(learning, learning_labels, ~held, 0),
        validation=part(learning, learning_labels, held, 0),
        test_seen=part(testing, testing_labels, seen[testing_labels], len(learning_labels)),
        test_unseen=part(testing, testing_labels, ~seen[testing_labels], len(learning_labels)),
        class_vectors=torch.from_numpy(table.values.copy()),
        class_names=table.names,
        attribute_names=table.attributes,
        seen=seen,
        tuning=tuning,
    )


def rendered(spec: Creatures, table: CreatureTable, test: bool, report: Report | None = None) -> np.ndarray:
    """All pictures (N, 3, side, side) uint8 of a part, read if drawn before: animal after animal, in the table's order.

    The part to learn from has the seen animals alone.
    """
    animals = range(len(table.names)) if test else np.flatnonzero(table.seen).tolist()
    each = spec.test_pictures if test else spec.pictures
    part = Part(tuple(animals), each, spec.side, test, table.content)
    key = hashlib.sha256(f"{VERSION} {PIL.__version__} {table.content} {each} {spec.side}".encode()).hexdigest()[:16]
    path = data_folder() / "cache" / f"creatures-{key}-{'test' if test else 'train'}.npy"
    kept = read_array(path, part.shape)
    if kept is None:
        try:
            with alone(path.parent, "creatures", report):
                kept = read_array(path, part.shape)
                if kept is None:
                    make_file(path, lambda temporary: draw_part(part, table, temporary, report))
                    kept = read_array(path, part.shape)
        except OSError:  # a folder that cannot be written to, or a full disk: keep nothing
            kept = None
    if kept is None:
        kept = np.empty(part.shape, dtype=np.uint8)
        draw_share(part, table, kept, 0, len(kept), report)
    return kept
