"""From a folder of pictures to a linear classifier on a frozen network's features.

What the first time takes (decoding, features) is kept; the second time needs neither torch nor the pictures.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tlcore.analysis.linear_probe import LinearProbe, fit_linear_probe
from tlcore.data.folder import Report, data_folder, temporary_name
from tlcore.data.own.decoding import VERSION, PictureWriter, decode_all, open_pictures
from tlcore.data.own.files import Files
from tlcore.data.own.layout import Layout, by_folders
from tlcore.errors import InvalidRequest
from tlcore.specs.architectures import ARCHITECTURES
from tlcore.specs.network import OwnWeights, Pretrained
from tlcore.training.feature_cache import kept_features, write_text

HELD_OUT = ("test", "validation")


@dataclass(frozen=True)
class ProbeResult:
    """A linear classifier and how it does on pictures it was not fitted to.

    accuracy: on the held-out part. chosen_by: accuracy in cross-validation on the training part, by which C was
    chosen. unreadable: (file, reason).
    """

    probe: LinearProbe
    class_names: tuple[str, ...]
    train_count: int
    held_out_count: int
    accuracy: float
    unreadable: tuple[tuple[str, str], ...]


def probe_folder(
    files: Files,
    spec: Pretrained | OwnWeights,
    *,
    layer: int = 0,
    seed: int = 0,
    device: str = "cpu",
    report: Report | None = None,
) -> ProbeResult:
    """Fit on the pictures in `train` and report on those in `test`, or in `val` where there is no test.

    layer: as of `kept_features`. Raises InvalidRequest where the files have no such parts or cannot be used,
    MissingData where the weights are not to be had.
    """
    layout = by_folders(files)
    parts = np.array([entry.part for entry in layout.entries])
    held_out = next((part for part in HELD_OUT if (parts == part).any()), "")
    if not held_out or not (parts == "train").any():
        raise InvalidRequest(f"{files.title} needs a folder train and a folder test or val to be probed.")
    side = _decoded_side(spec)
    key = hashlib.sha256(f"{VERSION} {side} {files.fingerprint()}".encode()).hexdigest()[:16]
    cache = data_folder() / "cache"
    array, facts = cache / f"folder-{key}.npy", cache / f"folder-{key}.json"

    def pictures() -> np.ndarray:
        return _decoded(files, layout, side, array, facts, report)

    features = kept_features(spec, key, pictures, layer=layer, device=device, report=report)
    unreadable = _unreadable(facts, files, layout, side, array, report)
    labels = np.array([layout.classes.index(entry.label) for entry in layout.entries], dtype=np.int64)
    usable = np.array([entry.file not in unreadable for entry in layout.entries])
    train, test = usable & (parts == "train"), usable & (parts == held_out)
    if len(np.unique(labels[train])) < 2 or not test.any():
        raise InvalidRequest(f"{files.title} has fewer than two classes to learn from, or nothing to test on.")
    probe = fit_linear_probe(features[train], labels[train], len(layout.classes), seed=seed)
    return ProbeResult(
        probe=probe,
        class_names=layout.classes,
        train_count=int(train.sum()),
        held_out_count=int(test.sum()),
        accuracy=probe.accuracy(features[test], labels[test]),
        unreadable=tuple(unreadable.items()),
    )


def _decoded_side(spec: Pretrained | OwnWeights) -> int:
    """The shorter side before the middle is cut out, as most published weights want it."""
    if isinstance(spec, OwnWeights):
        return round((spec.side or 224) * 8 / 7)
    return spec.side or round(ARCHITECTURES[spec.architecture].side * 8 / 7)


def _decoded(files: Files, layout: Layout, side: int, array: Path, facts: Path, report: Report | None) -> np.ndarray:
    """The pictures (N, 3, side, side) uint8, decoded by several threads or mapped from where they are kept."""
    try:
        kept = open_pictures(array, side)
        if len(kept) == len(layout.entries) and facts.is_file():
            return kept
    except (OSError, ValueError):
        pass
    array.parent.mkdir(parents=True, exist_ok=True)
    temporary = temporary_name(array.parent)
    try:
        writer = PictureWriter(temporary, len(layout.entries), side)
        try:
            looks = decode_all(files.open, [entry.file for entry in layout.entries], side, writer, report=report)
        finally:
            writer.close()
        reasons = [[entry.file, look.reason] for entry, look in zip(layout.entries, looks, strict=True) if look.reason]
        write_text(facts, json.dumps(reasons, ensure_ascii=False))
        temporary.replace(array)
    finally:
        temporary.unlink(missing_ok=True)
    return open_pictures(array, side)


def _unreadable(
    facts: Path, files: Files, layout: Layout, side: int, array: Path, report: Report | None
) -> dict[str, str]:
    try:
        return {str(file): str(reason) for file, reason in json.loads(facts.read_text(encoding="utf-8"))}
    except (OSError, ValueError, TypeError):
        _decoded(files, layout, side, array, facts, report)
        return {str(file): str(reason) for file, reason in json.loads(facts.read_text(encoding="utf-8"))}
