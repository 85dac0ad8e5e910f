"""The log of what visitors of a hosted lab were told that they may not do."""

from __future__ import annotations

import functools
import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, TypeVar, cast

from tlcore.errors import LabError
from tlcore.execution.logs import short

LOGGER = logging.getLogger("tlcore.admission")
QUIET_SECONDS = 60.0  # pages ask again with every drawing, and a check may be part of another
MOST_REMEMBERED = 1000

Method = TypeVar("Method", bound=Callable[..., Any])


class Refusals:
    """Notes a refusal once a minute for each visitor and sentence."""

    def __init__(self) -> None:
        self._noted: OrderedDict[tuple[str, str], float] = OrderedDict()
        self._lock = threading.Lock()

    def note(self, visitor: str, asked: str, error: LabError) -> None:
        """Write it to the log, unless that was done a moment ago. asked: what for."""
        key, now = (visitor, str(error)), time.monotonic()
        with self._lock:
            if now - self._noted.get(key, -QUIET_SECONDS) < QUIET_SECONDS:
                return
            self._noted[key] = now
            self._noted.move_to_end(key)
            while len(self._noted) > MOST_REMEMBERED:
                self._noted.popitem(last=False)
        about = {"visitor": short(visitor), "asked": asked, "error": type(error).__name__, "reason": str(error)}
        LOGGER.info("refused", extra=about)


REFUSALS = Refusals()
"""Those of this process."""


def noted(asked: str) -> Callable[[Method], Method]:
    """A check of `Admission` whose refusals are noted. asked: what it is asked for."""

    def around(check: Method) -> Method:
        @functools.wraps(check)
        def checked(admission: Any, *arguments: Any, **options: Any) -> Any:
            try:
                return check(admission, *arguments, **options)
            except LabError as error:
                REFUSALS.note(admission.store.visitor, asked, error)
                raise

        return cast(Method, checked)

    return around
