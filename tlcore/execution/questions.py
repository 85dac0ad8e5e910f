"""Questions that are answered within seconds by a process of their own, with limits on its memory and time.

The web process never opens what a visitor brings: whatever a file does to the process that looks at it, nobody else
notices. Imports no torch.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from tlcore import errors
from tlcore.catalogue.own_weights import find_own_weights, hash_of_file
from tlcore.errors import InvalidRequest, LabError, MissingData
from tlcore.execution.launchers import THREAD_VARIABLES
from tlcore.specs import RunSpec, validate
from tlcore.specs.own_data import ImportOwn, ListOwn
from tlcore.specs.questions import FetchSet, Question

Progress = Callable[[str, float], None]

SECONDS = 120.0
SECONDS_OF_IMPORT = 4 * 3600.0
MEMORY_BYTES = 4 * 2**30
LARGEST_UPLOAD = 4 * 2**30
OWN_DATA = ("own-pictures", "own-features")
OWN_WEIGHTS = ("own-weights",)


def ask(
    question: Question,
    *,
    owner: bool = False,
    upload: bytes | BinaryIO | None = None,
    report: Progress | None = None,
    seconds: float | None = None,
    memory: int = MEMORY_BYTES,
) -> Any:
    """The answer, as JSON gives it.

    owner: the question comes from the terminal of whoever owns this machine, who may read any folder of it; a path is
    then to be absolute. upload: the content of the file the question is about. report: called with a text and the
    share done. seconds, memory: limits of the process that answers.

    Raises LabError: the sentence of whoever answers, or that there was no answer within the limits.
    """
    limit = seconds or (SECONDS_OF_IMPORT if isinstance(question, ImportOwn | FetchSet) else SECONDS)
    with _uploaded(upload) as path:
        command = [sys.executable, "-m", "tlcore.execution.answer", "--memory", str(memory)]
        command += ["--owner"] if owner else []
        command += ["--upload", str(path)] if path else []
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=os.environ | dict.fromkeys(THREAD_VARIABLES, "1"),
            cwd=Path(__file__).resolve().parents[2],
            start_new_session=True,
        )
        expired = threading.Event()

        def end() -> None:
            expired.set()
            _kill(process)

        alarm = threading.Timer(limit, end)
        alarm.start()
        assert process.stdin and process.stdout
        try:
            with contextlib.suppress(BrokenPipeError):
                process.stdin.write(question.canonical_json().encode())
                process.stdin.close()
            for line in process.stdout:
                message = json.loads(line)
                if "answer" in message:
                    return message["answer"]
                if "refused" in message:
                    raise getattr(errors, message["error"], LabError)(message["refused"])
                if report:
                    report(*message["progress"])
            if expired.is_set():
                raise LabError(f"There was no answer within {limit:.0f} seconds.")
            raise LabError("There was no answer: the process that looked for it ended, perhaps for want of memory.")
        finally:  # also where whoever waits is interrupted
            alarm.cancel()
            _kill(process)
            process.wait()
            for pipe in (process.stdin, process.stdout):
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()


def _kill(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        return
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()


@contextmanager
def _uploaded(content: bytes | BinaryIO | None) -> Iterator[Path | None]:
    """The upload as a file that is gone afterwards."""
    if content is None:
        yield None
        return
    folder = Path(tempfile.mkdtemp(prefix="tlcore-upload-"))
    try:
        path = folder / "upload"
        with path.open("wb") as file:
            if isinstance(content, bytes):
                file.write(content)
            else:
                while block := content.read(2**20):
                    file.write(block)
                    if file.tell() > LARGEST_UPLOAD:
                        raise InvalidRequest(f"The upload is larger than {LARGEST_UPLOAD // 2**30} GB.")
        yield path
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def pinned(spec: RunSpec) -> RunSpec:
    """The spec with the content of all own data and weights it names, so that it is the same run only on the same data.

    Raises MissingData or InvalidRequest where such data or weights are not on this machine.
    """
    document = spec.model_dump(mode="json")
    for weights in _unpinned(document, OWN_WEIGHTS):
        weights["content"] = hash_of_file(find_own_weights(weights["weights"]))
    unpinned = list(_unpinned(document, OWN_DATA))
    if not unpinned:
        return validate(document)
    contents = {entry["name"]: entry.get("content") for entry in ask(ListOwn())}
    for data in unpinned:
        if not data["dataset"]:
            raise InvalidRequest("No own data set is chosen.")
        if not contents.get(data["dataset"]):
            known = f"there are {', '.join(contents)}" if contents else "there is none yet"
            raise MissingData(
                f"There is no own data set “{data['dataset']}” on this machine ({known}): import it first."
            )
        data["content"] = contents[data["dataset"]]
    return validate(document)


def _unpinned(document: Any, names: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    if isinstance(document, dict):
        if document.get("name") in names and document.get("content") == "":
            yield document
        for value in document.values():
            yield from _unpinned(value, names)
