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
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from tlcore import errors
from tlcore.catalogue.own_weights import find_own_weights, hash_of_file
from tlcore.catalogue.place import data_folder
from tlcore.errors import InvalidRequest, LabError, MissingData
from tlcore.execution.admission import Allowance
from tlcore.execution.launchers import THREAD_VARIABLES
from tlcore.specs import RunSpec, validate
from tlcore.specs.own_data import ImportOwn, ListOwn
from tlcore.specs.questions import FetchSet, Question

Progress = Callable[[str, float], None]
Upload = bytes | BinaryIO | Mapping[str, bytes]

SECONDS = 120.0
SECONDS_OF_IMPORT = 4 * 3600.0
SECONDS_KNOWN = 1.0  # many arms are submitted one after the other
LABS_OWN_FOLDERS = ("own", "cache", "weights")  # of the data folder: they are no data that somebody put there
LARGEST_SIDE = 256  # of imported pictures, in pixels
_known: tuple[str, float, dict[str, str | None]] | None = None
MEMORY_BYTES = 4 * 2**30
LARGEST_UPLOAD = 4 * 2**30
LONGEST_FILE_NAME = 255  # bytes; what file systems allow
LONGEST_ENDING = 10
OWN_DATA = ("own-pictures", "own-features")
OWN_WEIGHTS = ("own-weights",)


class Guard(Protocol):
    """Says what whoever asks may ask, and what they may learn. There is none where a lab is not hosted."""

    def admit(self, question: Question, upload: int | None) -> Allowance:
        """What the question may take; raises LabError where it may not be asked."""

    def require_data(self, document: Any) -> None:
        """Check that the data and weights that a spec, as JSON, names may be used; raises LabError."""

    def answered(self, question: Question, answer: Any) -> Any:
        """The answer as whoever asked may have it."""

    def failed(self, question: Question) -> None:
        """Take note that there was no answer."""


_find_guard: Callable[[], Guard | None] = lambda: None  # noqa: E731


def guard_questions(find: Callable[[], Guard | None]) -> None:
    """From now on every question of this process is put before the guard that `find` names for whoever asks."""
    global _find_guard
    _find_guard = find


def ask(
    question: Question,
    *,
    owner: bool = False,
    upload: Upload | None = None,
    report: Progress | None = None,
    seconds: float | None = None,
    memory: int = MEMORY_BYTES,
) -> Any:
    """The answer, as JSON gives it, to what whoever asks may ask; for the rest see `answer_of`.

    Raises LabError: it may not be asked, or as `answer_of`.
    """
    guard = _find_guard()
    if guard is None:
        return answer_of(question, owner=owner, upload=upload, report=report, seconds=seconds, memory=memory)
    allowed = guard.admit(question, None if upload is None else upload_bytes(upload))
    usual = SECONDS_OF_IMPORT if isinstance(question, FetchSet) else allowed.seconds
    try:
        answer = answer_of(
            question, upload=upload, report=report, seconds=min(seconds or usual, usual),
            memory=min(memory, allowed.memory),
        )  # fmt: skip
    except BaseException:
        guard.failed(question)
        raise
    return guard.answered(question, answer)


def upload_bytes(upload: Upload) -> int:
    """How large an upload is."""
    if isinstance(upload, Mapping):
        return sum(map(len, upload.values()))
    if isinstance(upload, bytes):
        return len(upload)
    place = upload.tell()
    size = upload.seek(0, os.SEEK_END)
    upload.seek(place)
    return size - place


def answer_of(
    question: Question,
    *,
    owner: bool = False,
    upload: Upload | None = None,
    report: Progress | None = None,
    seconds: float | None = None,
    memory: int = MEMORY_BYTES,
) -> Any:
    """The answer, as JSON gives it.

    owner: the question comes from the terminal of whoever owns this machine, who may read any folder of it; a path is
    then to be absolute. upload: the content of the file the question is about, or of several files by their names.
    report: called with a text and the share done. seconds, memory: limits of the process that answers.

    Raises LabError: the sentence of whoever answers, or that there was no answer within the limits.
    """
    limit = seconds or (SECONDS_OF_IMPORT if isinstance(question, ImportOwn | FetchSet) else SECONDS)
    with _workplace(upload) as (path, scratch):
        command = [sys.executable, "-m", "tlcore.execution.answer", "--memory", str(memory)]
        command += ["--owner"] if owner else []
        command += ["--upload", str(path)] if path else []
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            # Whatever it puts into temporary files is gone with it, also if it had to be killed.
            env=os.environ | dict.fromkeys(THREAD_VARIABLES, "1") | {"TMPDIR": str(scratch)},
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
def _workplace(upload: Upload | None) -> Iterator[tuple[Path | None, Path]]:
    """The upload as a file, or as a folder of files where they have names, and a place for temporary files.

    Both are gone afterwards. Raises InvalidRequest for a large upload, LabError where it cannot be written.
    """
    folder = Path(tempfile.mkdtemp(prefix="tlcore-answer-"))
    try:
        path, scratch = folder / "upload", folder / "scratch"
        scratch.mkdir()
        try:
            _put(upload, path)
        except OSError as error:
            raise LabError(f"The upload cannot be kept on this server: {error.strerror or error}.") from None
        yield (path if upload is not None else None), scratch
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _put(upload: Upload | None, path: Path) -> None:
    if isinstance(upload, Mapping):
        path.mkdir()
        if sum(map(len, upload.values())) > LARGEST_UPLOAD:
            raise InvalidRequest(f"The upload is larger than {LARGEST_UPLOAD // 2**30} GB.")
        for name, content in upload.items():
            _write(path / _file_name(name, path), content)
    elif upload is not None:
        _write(path, upload)


def _write(path: Path, content: bytes | BinaryIO) -> None:
    with path.open("wb") as file:
        if isinstance(content, bytes):
            file.write(content)
            return
        while block := content.read(2**20):
            file.write(block)
            if file.tell() > LARGEST_UPLOAD:
                raise InvalidRequest(f"The upload is larger than {LARGEST_UPLOAD // 2**30} GB.")


def _file_name(name: str, folder: Path) -> str:
    """What an uploaded file is called in `folder`: the last part of its name, fit for a file system, and new there."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    clean = "".join(letter if letter.isprintable() else "_" for letter in last).lstrip(".") or "upload"
    stem, dot, ending = clean.rpartition(".")
    if not dot or len(ending) > LONGEST_ENDING:
        stem, ending = clean, ""
    for number in range(1, 100_000):
        end = (f" ({number})" if number > 1 else "") + (f".{ending}" if ending else "")
        kept = stem.encode("utf-8", "replace")[: LONGEST_FILE_NAME - len(end.encode())].decode("utf-8", "ignore")
        if not (folder / f"{kept}{end}").exists():
            return f"{kept}{end}"
    raise InvalidRequest(f"Too many files of the upload are called {clean[:60]}.")


def pinned(spec: RunSpec) -> RunSpec:
    """The spec with the content of all own data and weights it names, so that it is the same run only on the same data.

    Raises MissingData or InvalidRequest where such data or weights are not on this machine.
    """
    document = spec.model_dump(mode="json")
    guard = _find_guard()
    if guard is not None:
        guard.require_data(document)
    for weights in _unpinned(document, OWN_WEIGHTS):
        weights["content"] = hash_of_file(find_own_weights(weights["weights"]))
    unpinned = list(_unpinned(document, OWN_DATA))
    if not unpinned:
        return validate(document)
    contents = own_contents()
    for data in unpinned:
        if not data["dataset"]:
            raise InvalidRequest("No own data set is chosen.")
        beside = data_folder() / data["dataset"]
        if data["dataset"] not in (*contents, *LABS_OWN_FOLDERS) and beside.is_dir():
            # Whoever runs this machine has put a folder of that name among the data: it is taken over as it is.
            answer_of(ImportOwn(path=str(beside.resolve()), dataset=data["dataset"], side=LARGEST_SIDE), owner=True)
            contents = own_contents(anew=True)
        if not contents.get(data["dataset"]):
            names = [entry["name"] for entry in ask(ListOwn())]
            known = f"there are {', '.join(names)}" if names else "there is none yet"
            raise MissingData(
                f"There is no own data set “{data['dataset']}” on this machine ({known}): import it first."
            )
        data["content"] = contents[data["dataset"]]
    return validate(document)


def own_contents(*, anew: bool = False) -> dict[str, str | None]:
    """The content of each own data set by its name; asked for at most once in `SECONDS_KNOWN`."""
    global _known
    now = time.monotonic()
    if anew or _known is None or _known[0] != str(data_folder()) or now - _known[1] > SECONDS_KNOWN:
        contents = {entry["name"]: entry.get("content") for entry in answer_of(ListOwn())}
        _known = (str(data_folder()), now, contents)
    return dict(_known[2])


def _unpinned(document: Any, names: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    if isinstance(document, dict):
        if document.get("name") in names and document.get("content") == "":
            yield document
        for value in document.values():
            yield from _unpinned(value, names)
