"""A run for TensorBoard: its curves, and its features for the embedding projector, also that of
projector.tensorflow.org, which opens the same files.
"""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image

from tlcore.errors import InvalidRequest
from tlcore.exports.event_file import events
from tlcore.exports.shown import Source, View
from tlcore.runs import Run, Store
from tlcore.runs.records import Probe

Written = tuple[bytes, tuple[str, ...]]
DOMAINS = ("source", "target")
_WHY_NONE = "runs that ship with the lab keep their frames only"
MOST_SPRITE_PIXELS = 8192  # the projector accepts no larger picture


def tensorboard_zip(sources: Sequence[Source], view: View) -> Written:
    """A run as a zip of what TensorBoard reads: unpacked, `tensorboard --logdir FOLDER` shows it.

    events.out.tfevents.*: every metric over the steps. vectors.tsv: the features of the probe points at one step, the
    last by default, one point a line. metadata.tsv: label, domain, prediction, correct. sprite.png: the thumbnails,
    where the points are pictures. projector_config.pbtxt: names the last three.

    Raises:
        InvalidRequest: the run keeps no features of the wanted step, or nothing at all.
    """
    store, run = sources[0]
    begin = run.started or run.created
    curves = store.metrics(run.id)
    files = {f"events.out.tfevents.{int(begin)}.{run.id}": events(curves, begin, run.seconds)} if curves else {}
    remarks: tuple[str, ...] = ()
    if store.feature_steps(run.id) and store.probe(run.id) is not None:
        remarks = _add_projector(files, store, run, view)
    elif view.step is not None or not curves:
        raise InvalidRequest(f"Run {run.id} keeps no features; {_WHY_NONE}: train it here.")
    else:
        remarks = (f"Run {run.id} keeps no features for the projector, its curves alone are written; {_WHY_NONE}.",)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue(), remarks


def _add_projector(files: dict[str, bytes], store: Store, run: Run, view: View) -> tuple[str, ...]:
    """Add the files of the projector; returns remarks."""
    probe, steps = store.probe(run.id), store.feature_steps(run.id)
    if view.step is not None and not steps[0] <= view.step <= steps[-1]:
        raise InvalidRequest(
            f"Run {run.id} keeps features from step {steps[0]:,} to step {steps[-1]:,}, not of step {view.step:,}."
        )
    wanted = steps[-1] if view.step is None else view.step
    step = min(steps, key=lambda known: abs(known - wanted))
    recorded = store.features(run.id, step)
    if recorded is None or probe is None or len(recorded[0]) != len(probe):
        raise InvalidRequest(f"The features of run {run.id} at step {step:,} cannot be read.")
    features, predictions = recorded
    features = features.reshape(len(probe), -1)
    kept = np.asarray(np.isfinite(features).all(axis=1))
    if not kept.any():
        raise InvalidRequest(f"The features of run {run.id} at step {step:,} are not numbers.")
    files |= {
        "vectors.tsv": _vectors(features[kept]),
        "metadata.tsv": _metadata(probe, predictions, kept),
    }
    sprite = "" if probe.thumbnails is None else _sprite(probe.thumbnails[kept], files)
    files["projector_config.pbtxt"] = (
        f'embeddings {{\n  tensor_name: "{run.spec.method.name} {run.id} step {step}"\n'
        f'  tensor_path: "vectors.tsv"\n  metadata_path: "metadata.tsv"\n{sprite}}}\n'
    ).encode()
    missing = int((~kept).sum())
    if not missing:
        return ()
    points = (
        "1 point was left out: not all of its" if missing == 1 else f"{missing:,} points were left out: not all their"
    )
    return (f"{points} features are numbers.",)


def _vectors(features: npt.NDArray[np.float32]) -> bytes:
    text = io.StringIO()
    np.savetxt(text, features, fmt="%.5g", delimiter="\t")
    return text.getvalue().encode()


def _metadata(probe: Probe, predictions: npt.NDArray[np.int16], kept: npt.NDArray[np.bool_]) -> bytes:
    lines = ["label\tdomain\tprediction\tcorrect"]
    names = [one_line(str(name)) for name in probe.class_names]
    for point in np.flatnonzero(kept):
        label, predicted = int(probe.labels[point]), int(predictions[point])
        known = 0 <= predicted < len(names)
        correct = ("yes" if predicted == label else "no") if known else "unknown"
        domain = DOMAINS[int(probe.domains[point])]
        lines.append("\t".join((names[label], domain, names[predicted] if known else "unknown", correct)))
    return ("\n".join(lines) + "\n").encode()


def one_line(name: str) -> str:
    """A name in a table of tabs and lines: it may hold neither."""
    return " ".join(name.split()) or "unnamed"


def _sprite(thumbnails: npt.NDArray[np.uint8], files: dict[str, bytes]) -> str:
    """Add the thumbnails as one square grid, row by row, and return the words of the configuration about it."""
    count, channels, height, width = thumbnails.shape
    side = max(1, math.ceil(math.sqrt(count)))
    if side * max(height, width) > MOST_SPRITE_PIXELS:
        return ""
    tiles = np.zeros((side * side, height, width, 3), dtype=np.uint8)
    tiles[:count] = thumbnails.transpose(0, 2, 3, 1)[..., :3] if channels == 3 else thumbnails[:, 0, :, :, None]
    sheet = tiles.reshape(side, side, height, width, 3).swapaxes(1, 2).reshape(side * height, side * width, 3)
    buffer = io.BytesIO()
    Image.fromarray(sheet).save(buffer, "PNG")
    files["sprite.png"] = buffer.getvalue()
    sizes = f"    single_image_dim: {width}\n    single_image_dim: {height}\n"
    return f'  sprite {{\n    image_path: "sprite.png"\n{sizes}  }}\n'
