"""How the lab's own processes log: lines for people, or, with `TLCORE_LOG=json`, one JSON object a line for machines.

What a record is about goes into `extra`: `LOGGER.info("run failed", extra={"run": run_id})`.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, TextIO

from tlcore.errors import InvalidRequest

LOGGER = logging.getLogger("tlcore.process")
SETTING = "TLCORE_LOG"
KINDS = ("text", "json")
_USUAL = set(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonLines(logging.Formatter):
    """One JSON object a record: `time` in UTC, `level`, `logger`, `process`, `message`, and what it is about."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line."""
        content: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "process": record.process,
            "message": record.getMessage(),
        }
        content |= about(record)
        if record.exc_info:
            content["exception"] = self.formatException(record.exc_info)
        return json.dumps(content, ensure_ascii=False, default=str)


class Lines(logging.Formatter):
    """Time, logger, message, and behind it what it is about."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line, with a traceback below if it has one."""
        given = ((name, " ".join(str(value).split())) for name, value in about(record).items() if value is not None)
        fields = " ".join(f"{name}={value}" for name, value in given)
        line = super().format(record)
        return f"{line} [{fields}]" if fields else line


def about(record: logging.LogRecord) -> dict[str, Any]:
    """What was given as `extra`."""
    return {name: value for name, value in vars(record).items() if name not in _USUAL}


def kind() -> str:
    """Which kind of log is wanted.

    Raises:
        InvalidRequest: `TLCORE_LOG` names no kind of log.
    """
    wanted = os.environ.get(SETTING, "").strip().lower() or "text"
    if wanted not in KINDS:
        raise InvalidRequest(f"{SETTING} is '{wanted[:40]}'; write {' or '.join(KINDS)}.")
    return wanted


def set_up(stream: TextIO | None = None) -> None:
    """Let the lab's loggers write to `stream`, by default standard error. Called again it changes nothing more.

    Raises:
        InvalidRequest: `TLCORE_LOG` names no kind of log.
    """
    formatter = JsonLines() if kind() == "json" else Lines("%(asctime)s %(name)s %(message)s")
    logger = logging.getLogger("tlcore")
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(formatter)
    logger.handlers[:] = [handler]
    logger.setLevel(logging.INFO)
    logger.propagate = False


def set_up_process() -> None:
    """As `set_up`, for a whole process: where lines are JSON, so are warnings and the errors that nobody has caught.

    Raises:
        InvalidRequest: `TLCORE_LOG` names no kind of log.
    """
    set_up()
    if kind() != "json":
        return
    logging.captureWarnings(True)
    warnings = logging.getLogger("py.warnings")
    warnings.handlers[:] = logging.getLogger("tlcore").handlers
    warnings.propagate = False
    sys.excepthook = _log_uncaught
    threading.excepthook = _log_uncaught_of_thread


def _log_uncaught(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, traceback)
    else:
        LOGGER.critical("an error that nobody caught ended the process", exc_info=(kind, error, traceback))


def _log_uncaught_of_thread(found: threading.ExceptHookArgs) -> None:
    if found.exc_value is not None and not issubclass(found.exc_type, SystemExit):
        traceback = (found.exc_type, found.exc_value, found.exc_traceback)
        LOGGER.critical("an error that nobody caught ended a thread", exc_info=traceback)


def short(visitor: str) -> str:
    """What a log calls a visitor: the first digits, as the owner's page shows them, by which nobody can be known again
    elsewhere."""
    return visitor[:6]
