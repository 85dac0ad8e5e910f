"""Features of frozen networks, kept by weights, data and layer, so that a new head on them trains in seconds.

Importing this module loads no torch, and finding features that are kept loads none either.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from tlcore.catalogue.own_weights import hash_of_file
from tlcore.data.folder import Report, alone, data_folder, temporary_name
from tlcore.errors import InvalidRequest
from tlcore.freed_memory import keep_freed_memory
from tlcore.specs.network import OwnWeights, Pretrained

if TYPE_CHECKING:
    import torch

    from tlcore.data.dataset import Dataset

VERSION = 2  # part of what names a file: to be raised when the same weights and pictures give other features
BATCH = 8  # what a batch needs between two layers is then kept by the C library, and faster on a CPU than any larger
BATCH_ON_GPU = 64
NumberFormat = Literal["float32", "float16"]


def weights_hash(spec: Pretrained | OwnWeights) -> str:
    """16 hexadecimal digits that change with the weights a spec names; the weights are downloaded if need be.

    A file that has the size and the time of change it had when it was hashed is not read again. Raises MissingData,
    and InvalidRequest for random weights, whose features nobody could find again.
    """
    if isinstance(spec, Pretrained) and spec.weights == "none":
        raise InvalidRequest("Features of random weights are not kept: choose published weights.")
    name = f"own-{spec.weights}" if isinstance(spec, OwnWeights) else f"{spec.architecture}-{spec.weights}"
    note = data_folder() / "cache" / f"weights-{name}.json"
    place = os.environ.get("TORCH_HOME", "")
    try:
        known = json.loads(note.read_text(encoding="utf-8"))
        status = Path(known["file"]).stat()
        if (known["place"], known["size"], known["changed"]) == (place, status.st_size, status.st_mtime_ns):
            return str(known["hash"])
    except (OSError, ValueError, KeyError, TypeError):
        pass
    from tlcore.networks.pretrained import require_weights

    path = require_weights(spec).absolute()
    status, found = path.stat(), hash_of_file(path)
    content = {"place": place, "file": str(path), "size": status.st_size, "changed": status.st_mtime_ns, "hash": found}
    write_text(note, json.dumps(content))
    return found


def write_text(path: Path, text: str) -> None:
    """Keep a text where the folder can be written to; elsewhere nothing happens."""
    temporary = temporary_name(path.parent)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)


def pictures_hash(pictures: np.ndarray) -> str:
    """16 hexadecimal digits that change with any value of an array (N, C, H, W) or its shape."""
    digest = hashlib.sha256(f"{pictures.dtype} {pictures.shape}".encode())
    for start in range(0, len(pictures), 1024):
        digest.update(np.ascontiguousarray(pictures[start : start + 1024]).data)
    return digest.hexdigest()[:16]


def features_file(weights: str, pictures: str, layer: int, side: int, number_format: NumberFormat) -> Path:
    """Where the features of these weights, pictures and this layer are kept."""
    key = hashlib.sha256(f"{VERSION} {weights} {pictures} {layer} {side} {number_format}".encode()).hexdigest()[:24]
    return data_folder() / "cache" / f"features-{key}.npy"


def kept_features(
    spec: Pretrained | OwnWeights,
    pictures_key: str,
    pictures: Callable[[], np.ndarray],
    *,
    layer: int = 0,
    number_format: NumberFormat = "float32",
    device: str = "cpu",
    report: Report | None = None,
) -> np.ndarray:
    """Features (N, D) of pictures (N, 3, H, W) uint8, mapped into memory and not writable.

    pictures_key: changes with the pictures; `pictures` is called only where their features are not kept yet. layer:
    after which layer (see `tlcore.networks.layers`), 0 for what the last layer reads. Where the folder cannot be
    written to, nothing is kept.

    Raises MissingData, and InvalidRequest where weights do not fit or there is no such layer.
    """
    path = features_file(weights_hash(spec), pictures_key, layer, spec.side, number_format)
    kept = _open(path)
    if kept is not None:
        return kept
    try:
        with alone(path.parent, path.stem, report):
            kept = _open(path)  # another process may have been faster
            if kept is None:
                kept = _write(path, _extracted(spec, pictures(), layer, number_format, device, report))
    except OSError:
        kept = _extracted(spec, pictures(), layer, number_format, device, report)
    finally:
        with contextlib.suppress(OSError):
            (path.parent / f".{path.stem}.lock").unlink(missing_ok=True)
    return kept


def kept_values(path: Path, compute: Callable[[], np.ndarray]) -> np.ndarray:
    """Features (N, D) float32 kept under `path`, computed where they are not there yet; mapped and not writable."""
    kept = _open(path)
    if kept is not None:
        return kept
    try:
        with alone(path.parent, path.stem):
            kept = _open(path)
            return _write(path, compute()) if kept is None else kept
    except OSError:
        return compute()
    finally:
        with contextlib.suppress(OSError):
            (path.parent / f".{path.stem}.lock").unlink(missing_ok=True)


def features_of(dataset: Dataset, spec: Pretrained | OwnWeights, **options: Any) -> np.ndarray:
    """Features (N, D) of a data set's pictures; options as of `kept_features`."""
    pictures = dataset.inputs.cpu().numpy()
    return kept_features(spec, pictures_hash(pictures), lambda: pictures, **options)


def _open(path: Path) -> np.ndarray | None:
    try:
        array: np.ndarray = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return array if array.ndim == 2 and array.dtype in (np.float32, np.float16) else None


def _write(path: Path, features: np.ndarray) -> np.ndarray:
    temporary = temporary_name(path.parent)
    try:
        with temporary.open("wb") as file:
            np.save(file, features, allow_pickle=False)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    kept = _open(path)
    return features if kept is None else kept


def _extracted(
    spec: Pretrained | OwnWeights, pictures: np.ndarray, layer: int, number_format: str, device: str,
    report: Report | None,
) -> np.ndarray:  # fmt: skip
    import torch

    from tlcore.networks.layers import layers, reading_after
    from tlcore.networks.pretrained import Normalise, load_network

    if not len(pictures):
        raise InvalidRequest("There are no pictures to compute features of.")
    on_cpu = device == "cpu"
    batch_size, threads = (BATCH, torch.get_num_threads()) if on_cpu else (BATCH_ON_GPU, 1)
    loaded = load_network(spec)
    number = layer or len(layers(loaded.network)) - 1
    normalise = Normalise(loaded.preprocessing, spec.side).to(device)
    network = loaded.network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    def batch(read: Callable[[torch.Tensor], torch.Tensor], start: int) -> np.ndarray:
        with torch.inference_mode():
            some = torch.from_numpy(np.array(pictures[start : start + batch_size])).to(device)
            inputs = normalise(some)
            features = read(inputs.contiguous(memory_format=torch.channels_last))
            return features.float().cpu().numpy().astype(number_format)

    # Each thread computes a batch of its own: no layer has to wait until all threads have done their share of it.
    if on_cpu:
        keep_freed_memory()
        torch.set_num_threads(1)
    made = []
    try:
        with reading_after(network, number) as read, ThreadPoolExecutor(threads) as pool:
            for done in pool.map(partial(batch, read), range(0, len(pictures), batch_size)):
                made.append(done)
                if report:
                    report("Computing features", min(1.0, len(made) * batch_size / len(pictures)))
    finally:
        if on_cpu:
            torch.set_num_threads(threads)
    return np.concatenate(made)
