"""What the player's browser side is told: frames, surfaces, probe points and curves as small plain data.

Coordinates travel as 16-bit integers within each frame's own box (a resolution of 1/65,000 of the picture), classes as
one byte where they fit, all in base64. Frames go out once: a `Ledger` remembers what the browser has been sent.
"""

from __future__ import annotations

import base64
import hashlib
import io
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, features

from tlcore.runs.records import OTHER_TASKS, Frame, Neighbours, Probe, Surface

CURVE_POINTS = 160
MISSING_COORDINATE = -32768
UNKNOWN_CLASS = 255
REPEAT_SECONDS = 2.0
LONGEST_REPEAT_SECONDS = 15.0


@dataclass
class Ledger:
    """What one player in one browser session has been sent: the probe, and for each panel its film and its length.

    A browser that is busy sees only the latest of several messages. So when it asks for what it has missed, everything
    is sent for a while, and not once: the more often it has to ask, the longer.
    """

    probe: str = ""
    films: dict[int, tuple[str, int, int]] = field(default_factory=dict)
    answers: int = 0
    repeat_until: float = -math.inf

    def forget(self) -> None:
        """The browser has lost what it was sent: the next messages carry everything."""
        self.answers += 1
        self.repeat_until = time.monotonic() + min(REPEAT_SECONDS * 2 ** (self.answers - 1), LONGEST_REPEAT_SECONDS)
        self._restart()

    def begin(self) -> None:
        """A message is about to be made."""
        if time.monotonic() < self.repeat_until:
            self._restart()

    def _restart(self) -> None:
        self.probe = ""
        self.films.clear()


def text_of(array: npt.NDArray[Any]) -> str:
    """The bytes of an array, least significant first, in base64."""
    return base64.b64encode(np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<")).tobytes()).decode("ascii")


def encode_frame(frame: Frame) -> dict[str, Any]:
    """One frame: points as 16-bit integers in the frame's box, predictions as bytes where the classes fit."""
    points = np.asarray(frame.points, dtype=np.float64)
    present = np.isfinite(points).all(axis=1)
    quantised = np.full(points.shape, MISSING_COORDINATE, dtype=np.int16)
    box = None
    if present.any():
        low, high = points[present].min(axis=0), points[present].max(axis=0)
        span = np.where(high > low, high - low, 1.0)
        quantised[present] = np.rint((points[present] - low) / span * 65534 - 32767).astype(np.int16)
        box = np.stack([low, low + span], axis=1).ravel().tolist()
    predictions = np.asarray(frame.predictions)
    small = predictions.size == 0 or int(predictions.max()) < UNKNOWN_CLASS
    encoded = np.where(predictions < 0, UNKNOWN_CLASS, predictions).astype(np.uint8) if small else predictions
    return {
        "step": int(frame.step),
        "dimensions": int(points.shape[1]),
        "box": box,
        "points": text_of(quantised),
        "predictions": text_of(encoded if small else encoded.astype(np.int16)),
        "wide": not small,
        "missing": int((~present).sum()),
    }


def encode_neighbours(neighbours: Neighbours) -> dict[str, Any]:
    """The nearest neighbours of every probe point at one step, as 16-bit integers."""
    return {
        "step": int(neighbours.step),
        "k": int(neighbours.indices.shape[1]),
        "text": text_of(np.asarray(neighbours.indices, dtype=np.uint16)),
    }


def nearest_of(table: Sequence[Neighbours], point: int) -> dict[str, Any] | None:
    """The nearest neighbours of one probe point over the steps, or None where nothing is known of it."""
    known = [one for one in table if 0 <= point < len(one.indices)]
    if not known:
        return None
    return {
        "point": point,
        "steps": [int(one.step) for one in known],
        "rows": [[int(index) for index in one.indices[point]] for one in known],
    }


def encode_surface(surface: Surface) -> dict[str, Any]:
    """A function over the plane, in 255 levels."""
    values = np.nan_to_num(np.asarray(surface.values, dtype=np.float64), nan=0.5).clip(0, 1)
    return {
        "step": int(surface.step),
        "name": surface.name,
        "extent": [float(edge) for edge in surface.extent],
        "height": int(values.shape[0]),
        "width": int(values.shape[1]),
        "values": text_of(np.rint(values * 255).astype(np.uint8)),
    }


@lru_cache(maxsize=8)
def _sprite(digest: str, pixels: bytes, shape: tuple[int, int, int, int]) -> dict[str, Any]:
    """All thumbnails in one picture, row by row; kept for the sessions that come after."""
    count, channels, height, width = shape
    columns = max(1, math.ceil(math.sqrt(count)))
    rows = math.ceil(count / columns)
    tiles = np.zeros((rows * columns, height, width, channels), dtype=np.uint8)
    tiles[:count] = np.frombuffer(pixels, dtype=np.uint8).reshape(shape).transpose(0, 2, 3, 1)
    sheet = tiles.reshape(rows, columns, height, width, channels).swapaxes(1, 2)
    sheet = sheet.reshape(rows * height, columns * width, channels)
    picture = Image.fromarray(sheet if channels == 3 else sheet[:, :, 0])
    # Thumbnails over photographs are some ten times smaller as WebP, and nobody measures on a thumbnail.
    kind = "webp" if channels == 3 and features.check("webp") else "png"
    buffer = io.BytesIO()
    picture.save(buffer, format=kind, **({"quality": 85, "method": 2} if kind == "webp" else {"compress_level": 3}))
    address = f"data:image/{kind};base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
    return {"address": address, "columns": columns, "width": width, "height": height}


def probe_digest(probe: Probe) -> str:
    """A short name for these probe points, so that they are sent once."""
    digest = hashlib.blake2b(digest_size=10)
    for part in (probe.labels, probe.domains, probe.thumbnails, *(other.labels for other in probe.others)):
        if part is not None:
            digest.update(np.ascontiguousarray(part).tobytes())
    names = [*probe.class_names, *([probe.task] if probe.task else [])]
    names += [name for other in probe.others for name in (other.task, *other.class_names)]
    digest.update("\0".join(names).encode())
    return digest.hexdigest()


def encode_probe(probe: Probe, digest: str) -> dict[str, Any]:
    """The probe points: labels, domains, names and thumbnails, and which are descriptions, of which classes."""
    sprite = None
    if probe.thumbnails is not None and len(probe):
        thumbnails = np.ascontiguousarray(probe.thumbnails, dtype=np.uint8)
        if thumbnails.shape[1] not in (1, 3):
            thumbnails = np.ascontiguousarray(thumbnails[:, :1])
        sprite = _sprite(digest, thumbnails.tobytes(), thumbnails.shape)
    described = probe.described
    return {
        "id": digest,
        "count": len(probe),
        "described": text_of(described.astype(np.uint8)) if described.any() else None,
        "pictured": list(probe.pictured) if described.any() else None,
        "labels": text_of(np.asarray(probe.labels, dtype=np.int16)),
        "domains": text_of(np.asarray(probe.domains, dtype=np.uint8)),
        "class_names": [str(name) for name in probe.class_names],
        "task": probe.task,
        "others": [
            {
                "task": other.task,
                "labels": text_of(np.asarray(other.labels, dtype=np.int16)),
                "class_names": [str(name) for name in other.class_names],
            }
            for other in probe.others[: len(OTHER_TASKS)]
        ],
        "sprite": sprite,
    }


def encode_curve(name: str, role: str, steps: Sequence[float], values: Sequence[float]) -> dict[str, Any]:
    """A curve under the timeline: thinned to what a line of that width can show, its last point kept."""
    step_array = np.asarray(steps, dtype=np.float64)
    value_array = np.asarray(values, dtype=np.float64)
    count = min(len(step_array), len(value_array))
    chosen = np.unique(np.linspace(0, count - 1, min(count, CURVE_POINTS)).astype(int)) if count else np.empty(0, int)
    return {
        "name": name,
        "role": role,
        "steps": [int(step) for step in step_array[chosen]],
        "values": [round(float(value), 3) if math.isfinite(value) else None for value in value_array[chosen]],
    }


def newest_layout(frames: Sequence[Frame], projection: str | None) -> list[Frame]:
    """The frames of one projection, in the layout of the last of them, in the order of their steps."""
    chosen = [frame for frame in frames if projection is None or frame.projection == projection]
    if not chosen:
        return []
    layout = max(frame.layout for frame in chosen)
    return sorted((frame for frame in chosen if frame.layout == layout), key=lambda frame: frame.step)


def encode_film(
    ledger: Ledger, place: int, name: str, frames: Sequence[Frame], surfaces: Sequence[Surface]
) -> dict[str, Any]:
    """The frames and surfaces of one panel which the browser does not have yet."""
    known, sent_frames, sent_surfaces = ledger.films.get(place, ("", 0, 0))
    if known != name or sent_frames > len(frames) or sent_surfaces > len(surfaces):
        sent_frames = sent_surfaces = 0
    ledger.films[place] = (name, len(frames), len(surfaces))
    return {
        "id": name,
        "first": sent_frames,
        "total": len(frames),
        "frames": [encode_frame(frame) for frame in frames[sent_frames:]],
        "first_surface": sent_surfaces,
        "total_surfaces": len(surfaces),
        "surfaces": [encode_surface(surface) for surface in surfaces[sent_surfaces:]],
    }
