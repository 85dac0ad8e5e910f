"""What the attributes of somebody's own classes are called, without loading the data."""

from __future__ import annotations

import json

from tlcore.catalogue.place import data_folder
from tlcore.specs import OwnFeatures, OwnPictures


def attribute_names(spec: OwnFeatures | OwnPictures, width: int) -> tuple[str, ...]:
    """The names of the `width` numbers that describe a class, as the data set was imported with them.

    Empty where there are none, where the data set is not here any more, or has come to be described by other numbers.
    """
    try:
        file = data_folder() / "own" / spec.dataset / "manifest.json"
        names = json.loads(file.read_text(encoding="utf-8")).get("described_by", ())
    except (OSError, ValueError, AttributeError, RecursionError):
        return ()
    fits = isinstance(names, list) and len(names) == width and all(isinstance(name, str) for name in names)
    return tuple(names) if fits else ()
