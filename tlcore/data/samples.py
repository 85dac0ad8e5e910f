"""A few pictures of a data set of the catalogue and how many there are of each class, for whoever chooses one.

Run as `python -m tlcore.data.samples NAME --count N` it prints one JSON document; the web side asks for it so
(`tlcore.catalogue.samples`), because it loads neither torch nor what decodes pictures. Nothing is downloaded.
"""

from __future__ import annotations

import argparse
import base64
import io
import json
import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from PIL import Image

from tlcore.catalogue import find_entry, spec_of, state
from tlcore.data.folder import data_folder
from tlcore.data.picture_files import decode_square
from tlcore.data.readers import Part, read_published
from tlcore.errors import InvalidRequest, LabError, MissingData
from tlcore.specs import DatasetSpec, Digits, PhotoDigits, SynNumbers

SIDE = 64  # of pictures that lie in files of any size
MOST = 100


def sample(name: str, count: int) -> dict[str, Any]:
    """Counts of every class and `count` pictures of the training part, one class after another, as PNG in base64.

    Raises InvalidRequest for a set without pictures, MissingData for one that is not on this machine.
    """
    entry = find_entry(name)
    if entry.channels == 0:
        raise InvalidRequest(f"{entry.title} are points, not pictures.")
    now = state(entry)
    if now not in ("embedded", "on disk"):
        raise MissingData(f"{entry.title} is not on this machine: fetch it first.")
    published = (entry.resources and entry.name not in ("mnist", "mnist-m")) or entry.by_hand
    labels, names, picture, counts = _published(name) if published else _loaded(name)
    chosen = spread_over_classes(labels, min(count, MOST))
    pictures = [{"class": names[int(labels[index])], "png": png(picture(index))} for index in chosen]
    return {"name": name, "class_names": list(names), "counts": counts, "pictures": pictures}


Found = tuple[np.ndarray, Sequence[str], Callable[[int], np.ndarray], dict[str, list[int]]]


def _published(name: str) -> Found:
    found = read_published(name, data_folder())
    parts = {"train": found.train} | ({"test": found.test} if found.test else {})
    labels = {title: _labels(part, found.attribute_names) for title, part in parts.items()}

    def picture(index: int) -> np.ndarray:
        pictures = found.train.pictures
        return np.asarray(pictures[index]) if isinstance(pictures, np.ndarray) else decode_square(pictures[index], SIDE)

    names = found.class_names
    counts = {title: np.bincount(values, minlength=len(names)).tolist() for title, values in labels.items()}
    return labels["train"], names, picture, counts


def _labels(part: Part, attribute_names: Sequence[str]) -> np.ndarray:
    """Labels (N,); of a set with attributes those of the one that is its class unless another is asked for."""
    if part.attributes is None:
        return part.labels
    return part.attributes[:, list(attribute_names).index("Smiling")].astype(np.int64)


def _loaded(name: str) -> Found:
    from tlcore.data.load import load_dataset

    small: dict[str, DatasetSpec] = {
        "digits": Digits(renderings=1),
        "photo-digits": PhotoDigits(renderings=1),
        "syn-numbers": SynNumbers(pictures=500),
    }
    domain = load_dataset(small.get(name) or spec_of(name), 0)
    names = domain.train.class_names
    both = np.concatenate([domain.train.labels.numpy(), domain.validation.labels.numpy()])
    counts = {
        "train": np.bincount(both, minlength=len(names)).tolist(),
        "test": np.bincount(domain.test.labels.numpy(), minlength=len(names)).tolist(),
    }
    return domain.train.labels.numpy(), names, lambda index: domain.train.inputs[index].numpy(), counts


def spread_over_classes(labels: np.ndarray, count: int) -> list[int]:
    """Places of `count` examples: the first of every class, the second of every class, and so on."""
    rank = np.empty(len(labels), dtype=np.int64)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        rank[members] = np.arange(len(members))
    return np.lexsort((labels, rank))[:count].tolist()


def png(picture: np.ndarray) -> str:
    """A picture (3, H, W) or (1, H, W) uint8 as PNG in base64."""
    pixels = picture[0] if picture.shape[0] == 1 else picture.transpose(1, 2, 0)
    written = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(written, "PNG")
    return base64.b64encode(written.getvalue()).decode("ascii")


def main(arguments: Sequence[str] | None = None) -> int:
    """Print one JSON document: what `sample` gives, or the sentence under `refused`."""
    parser = argparse.ArgumentParser(prog="python -m tlcore.data.samples")
    parser.add_argument("name")
    parser.add_argument("--count", type=int, default=20)
    chosen = parser.parse_args(arguments)
    try:
        document = sample(chosen.name, chosen.count)
    except LabError as error:
        document = {"refused": str(error), "error": type(error).__name__}
    json.dump(document, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
