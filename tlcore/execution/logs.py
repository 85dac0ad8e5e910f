"""How the lab's own processes log: lines for people, or, with `TLCORE_LOG=json`, one JSON object a line for machines.

What a record is about goes into `extra`: `LOGGER.info("run failed", extra={"run": run_id})`.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from datetime import UTC, datetime
from typing import Any, TextIO

from tlcore.errors import InvalidRequest

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
        fields = " ".join(f"{name}={value}" for name, value in about(record).items() if value is not None)
        line = super().format(record)
        return f"{line} [{fields}]" if fields else line


def about(record: logging.LogRecord) -> dict[str, Any]:
    """What was given as `extra`."""
    return {name: value for name, value in vars(record).items() if name not in _USUAL}


def set_up(stream: TextIO | None = None) -> None:
    """Let the lab's loggers write to `stream`, by default standard error. Called again it changes nothing more.

    Raises:
        InvalidRequest: `TLCORE_LOG` names no kind of log.
    """
    kind = os.environ.get(SETTING, "").strip().lower() or "text"
    if kind not in KINDS:
        raise InvalidRequest(f"{SETTING} is '{kind[:40]}'; write {' or '.join(KINDS)}.")
    logger = logging.getLogger("tlcore")
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines() if kind == "json" else Lines("%(asctime)s %(name)s %(message)s"))
    logger.handlers[:] = [handler]
    logger.setLevel(logging.INFO)
    logger.propagate = False
