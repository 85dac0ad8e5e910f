"""What has been uploaded and lies in the memory of the web server: how much it is, and that it goes with its session.

Whether a file is still there is asked of Streamlit, which holds it for its session, and of Python: what a page was
given of it lives on in the session's state, also when the browser has deleted it. Only what neither knows any more
gives its place back.
"""

from __future__ import annotations

import contextlib
import gc
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator

from streamlit import config
from streamlit.runtime import Runtime
from streamlit.runtime.uploaded_file_manager import UploadedFile

LEAST = 8 << 10  # bytes that every file counts at least, so that very many empty ones have an end as well
LOOK_SECONDS = 5.0  # between two looks for files that nobody can come back to
FIND_SECONDS = 0.5  # between two searches through all objects of Python, which take hundredths of a second
COLLECT_SECONDS = 30.0  # between two collections of garbage, which take tenths of a second; in vain, twice as long
MOST_DOUBLINGS = 7
GARBAGE = 4 << 20  # bytes of ended sessions for which a collection is worth its while

File = tuple[str, str]  # session and file, as Streamlit names them


class HeldFiles:
    """Every file that came, from the moment it was announced until it lies nowhere any more."""

    def __init__(self, runtime: Callable[[], Runtime | None]) -> None:
        self._runtime = runtime
        self._files: dict[File, int] = {}  # with the bytes of each
        self._of_session: Counter[str] = Counter()
        self._coming: set[File] = set()
        self._missed: dict[str, float] = {}  # since when sessions with files are not there
        self._left: set[File] = set()  # what ended sessions have left that still lies somewhere
        self._in_vain = 0
        self._found = self._collected = float("-inf")

    def __contains__(self, file: File) -> bool:
        return file in self._files

    def of_session(self, session: str) -> int:
        """Bytes of the files that one page has brought."""
        return self._of_session[session]

    def in_all(self) -> int:
        """Bytes of all files."""
        return self._of_session.total()

    @contextlib.contextmanager
    def coming(self, file: File, size: int) -> Iterator[None]:
        """A file of so many bytes is on its way; afterwards it has come or not."""
        self._count(file, size)
        self._coming.add(file)
        try:
            yield
        finally:
            self._coming.discard(file)
            self._count(file, self._bytes_of(file))

    def let_go(self) -> None:
        """Give back the places of files that lie nowhere any more."""
        missing = self._missing()
        now = time.monotonic()
        if not missing or now - self._found < FIND_SECONDS:
            return
        self._found = now
        alive = {item.file_id for item in gc.get_objects() if type(item) is UploadedFile}
        for file in missing:
            if file[1] not in alive:
                self._count(file, 0)

    def look(self) -> None:
        """End the sessions with files to which nobody can come back, and have what they held leave the memory.

        Streamlit keeps a session for a while after its browser has gone, and drops it some time after that: when the
        next one goes. After the last visitor of a day the files would lie there all night. A file that arrives when its
        session has ended would never go. And the parts of an ended session hold one another, with what the page was
        given, until garbage is collected, which the lab does not have Streamlit do after every script.
        """
        runtime = self._runtime()
        if runtime is None:
            return
        now = time.monotonic()
        gone = [session for session in self._of_session if not runtime.is_active_session(session)]
        self._missed = {session: self._missed.get(session, now) for session in gone}
        # A session can be ended only while Streamlit still knows it, so this happens a little before it would forget.
        patience = float(config.get_option("server.disconnectedSessionTTL")) - 2 * LOOK_SECONDS
        for session, since in self._missed.items():
            if now - since >= patience:
                runtime.close_session(session)
                runtime.uploaded_file_mgr.remove_session_files(session)
        self._collect(now)
        self.let_go()

    def _collect(self, now: float) -> None:
        left = {file for file in self._missing() if file[0] in self._missed}
        if left != self._left:
            self._left, self._in_vain = left, 0
        # The one that left last is often still known to Streamlit's own loop, until somebody comes.
        if sum(self._files[file] for file in left) < GARBAGE:
            return
        if now - self._collected >= COLLECT_SECONDS * 2 ** min(self._in_vain, MOST_DOUBLINGS):
            self._collected = now
            self._in_vain += 1
            gc.collect()

    def _missing(self) -> list[File]:
        """The files that Streamlit does not hold any more."""
        runtime = self._runtime()
        if runtime is None:
            return []
        names: dict[str, list[str]] = {}
        for session, name in self._files.keys() - self._coming:
            names.setdefault(session, []).append(name)
        there = {
            (session, record.file_id)
            for session, wanted in names.items()
            for record in runtime.uploaded_file_mgr.get_files(session, wanted)
        }
        return [*(self._files.keys() - self._coming - there)]

    def _bytes_of(self, file: File) -> int:
        """Bytes of a file that Streamlit holds, with its name and kind: those may be of any length as well."""
        runtime = self._runtime()
        records = runtime.uploaded_file_mgr.get_files(file[0], [file[1]]) if runtime is not None else []
        return max([LEAST, *(sum(map(sys.getsizeof, record)) for record in records)]) if records else 0

    def _count(self, file: File, size: int) -> None:
        session = file[0]
        self._of_session[session] += size - self._files.pop(file, 0)
        if size:
            self._files[file] = size
        if not self._of_session[session]:
            del self._of_session[session]
