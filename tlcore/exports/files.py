"""From a run, or several side by side, to a file of one format."""

from __future__ import annotations

import errno
import io
import os
import shutil
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from tlcore.errors import FileExists, InvalidRequest, OutOfSpace, StoreError
from tlcore.exports.animation import gif, mp4
from tlcore.exports.bundle import bundle, metrics_parquet
from tlcore.exports.classifier import classifier
from tlcore.exports.film_page import html
from tlcore.exports.images import png, svg
from tlcore.exports.shown import Source, View
from tlcore.exports.tables import csv_table, json_document, npz, parquet, safetensors
from tlcore.exports.tensorboard import tensorboard_zip


class Made(NamedTuple):
    """The bytes of a file, and remarks on it that a person should read."""

    content: bytes
    remarks: tuple[str, ...] = ()


Maker = Callable[[Sequence[Source], View], tuple[bytes, tuple[str, ...]]]

FORMATS: dict[str, Maker] = {
    "html": html,
    "gif": gif,
    "mp4": mp4,
    "png": png,
    "svg": svg,
    "json": json_document,
    "csv": csv_table,
    "npz": npz,
    "parquet": parquet,
    "tensorboard": tensorboard_zip,
    "safetensors": safetensors,
    "metrics-parquet": metrics_parquet,
    "bundle": bundle,
    "classifier": classifier,
}
SINGLE_RUN = ("json", "csv", "npz", "tensorboard", "safetensors", "classifier", "bundle")
PICTURES = ("html", "gif", "mp4", "png", "svg")


def make(sources: Sequence[Source], kind: str, view: View | None = None) -> Made:
    """The runs as a file of one format. view: only pictures and films look at it, and TensorBoard at its step.

    Raises:
        InvalidRequest: there is no such format, the runs have nothing to write in it, or it holds one run only.
    """
    _check(kind)
    if not sources:
        raise InvalidRequest("There is no run to write.")
    if kind in SINGLE_RUN and len(sources) > 1:
        raise InvalidRequest(f"A file of format {kind} holds one run, not {len(sources)}.")
    return Made(*FORMATS[kind](sources, view or View()))


def content_of(sources: Sequence[Source], kind: str, view: View | None = None) -> bytes:
    """As `make`, the bytes alone."""
    return make(sources, kind, view).content


def export(
    sources: Sequence[Source], kind: str, output: Path, view: View | None = None, *, force: bool = False
) -> tuple[str, ...]:
    """Write the runs to `output` and return remarks; a file that is there is replaced only with `force`.

    TensorBoard's format is a folder of files; it is written as one unless the name ends in .zip.

    Raises:
        FileExists: the file exists.
        InvalidRequest: there is no such format, or the runs have nothing to write in it.
        StoreError: the file cannot be written; nothing is left half written.
    """
    _check(kind)
    as_folder = kind == "tensorboard" and output.suffix.lower() != ".zip"
    if output.is_dir() and not as_folder:
        raise InvalidRequest(f"{output} is a folder; name a file in it.")
    if output.exists() and as_folder and not output.is_dir():
        raise InvalidRequest(f"{output} is a file; TensorBoard's format is a folder, or a file that ends in .zip.")
    if output.exists() and not force and not (as_folder and not any(output.iterdir())):
        raise FileExists(f"{output} exists already; force=True replaces it.")
    if not output.parent.is_dir():
        raise StoreError(f"{output} cannot be written: there is no folder {output.parent}.")
    made = make(sources, kind, view)
    temporary = output.with_name(f".{output.name}.{os.getpid()}")
    try:
        if as_folder:
            with zipfile.ZipFile(io.BytesIO(made.content)) as archive:
                archive.extractall(temporary)
            output.mkdir(exist_ok=True)
            for path in temporary.iterdir():
                path.replace(output / path.name)
            temporary.rmdir()
        else:
            temporary.write_bytes(made.content)
            temporary.replace(output)
    except OSError as error:
        shutil.rmtree(temporary, ignore_errors=True) if temporary.is_dir() else temporary.unlink(missing_ok=True)
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise OutOfSpace(f"No disk space is left to write {output}.") from None
        raise StoreError(f"{output} cannot be written: {error.strerror}.") from None
    return made.remarks


def _check(kind: str) -> None:
    if kind not in FORMATS:
        raise InvalidRequest(f"There is no export format '{kind}'; choose one of {', '.join(FORMATS)}.")
