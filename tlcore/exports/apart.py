"""Rendering for a web page: in a process of its own, so that drawing a film holds up nobody, and within limits."""

from __future__ import annotations

import logging
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path

from tlcore.errors import InvalidRequest
from tlcore.exports.shown import View

LOGGER = logging.getLogger("tlcore.exports")
MOST_SECONDS = 240.0
MOST_BYTES = 64 * 2**20
WAIT_SECONDS = 60.0
_slots = threading.BoundedSemaphore(2)  # for the whole web process, however many people press at once


def content_apart(
    store: Path,
    run_ids: Sequence[str],
    kind: str,
    view: View | None = None,
    *,
    recorded: bool = False,
    seconds: float = MOST_SECONDS,
) -> bytes:
    """The runs as the bytes of a file, made by `python -m tlcore export` in a child process.

    store: folder of the lab's own runs. recorded: take them from those that ship with the lab. At most two are made at
    once in this process, each within `seconds`; whoever comes third waits a minute for a place.

    Raises:
        InvalidRequest: what the child said; it took too long; too many are being made; the file would be too large.
    """
    if not run_ids:
        raise InvalidRequest("There is no run to write.")
    if not _slots.acquire(timeout=WAIT_SECONDS):
        raise InvalidRequest("Several films are being drawn at this moment; try again in a minute.")
    try:
        with tempfile.TemporaryDirectory() as folder:
            output = Path(folder) / ("film.zip" if kind == "tensorboard" else f"film.{kind}")
            return _made(command(store, run_ids, kind, output, view or View(), recorded=recorded), output, seconds)
    finally:
        _slots.release()


def command(
    store: Path, run_ids: Sequence[str], kind: str, output: Path, view: View, *, recorded: bool = False
) -> list[str]:
    """The command of the terminal that makes this file."""
    first, *others = run_ids
    words = [
        sys.executable, "-m", "tlcore", "export", first, "--format", kind, "--output", str(output),
        "--store", str(store), "--colour", view.colour_by,
    ]  # fmt: skip
    for other in others:
        words += ["--with", other]
    for option, value in (
        ("--projection", view.projection), ("--step", view.step), ("--theme", view.theme), ("--width", view.width),
    ):  # fmt: skip
        if value is not None:
            words += [option, str(value)]
    return [*words, "--recorded"] if recorded else words


def _made(words: list[str], output: Path, seconds: float) -> bytes:
    root = Path(__file__).resolve().parents[2]
    try:
        answer = subprocess.run(
            words, cwd=root, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=seconds
        )
    except subprocess.TimeoutExpired:
        raise InvalidRequest(
            f"Drawing took longer than {seconds:.0f} seconds and was given up; ask for a smaller width, or do it in "
            "the terminal."
        ) from None
    if answer.returncode != 0:
        said = [line for line in answer.stderr.splitlines() if line.startswith("tlcore: ")]
        if not said:
            LOGGER.error("an export ended with status %s:\n%s", answer.returncode, answer.stderr)
        raise InvalidRequest(said[-1].removeprefix("tlcore: ") if said else "The file could not be made.")
    if output.stat().st_size > MOST_BYTES:
        raise InvalidRequest(f"The file is larger than {MOST_BYTES >> 20} MB; write it in the terminal.")
    return output.read_bytes()
