"""The log of the web server: the lab's own loggers, and Streamlit's in the same form."""

from __future__ import annotations

import logging

from streamlit import logger as streamlit_logger

from tlcore.errors import InvalidRequest
from tlcore.execution.logs import JsonLines, kind, set_up_process

LOGGER = logging.getLogger("tlcore.web")
WRITERS = ("streamlit", "uvicorn", "websockets")


def begin_log() -> None:
    """Let the lab's loggers write. Where lines are JSON, Streamlit's and its server's are, too; else they are left as
    they are."""
    try:
        set_up_process()
        if kind() == "json":
            _have_json_lines()
    except InvalidRequest as error:  # the doctor says it too; the server begins all the same
        LOGGER.error("%s", error)
    else:
        LOGGER.info("the web server begins")


def _have_json_lines() -> None:
    """The handlers that there are stay where they are, and write JSON; so do those that Streamlit gives to the loggers
    of modules that are imported later. None is added: the log of each request is off, and addresses may hold links."""
    give_handler = streamlit_logger.setup_formatter
    if getattr(give_handler, "writes_json", False):
        return

    def setup_formatter(logger: logging.Logger) -> None:
        give_handler(logger)
        _write_json(logger)

    setup_formatter.writes_json = True  # type: ignore[attr-defined]
    streamlit_logger.setup_formatter = setup_formatter
    for name in [*logging.root.manager.loggerDict]:
        if name.split(".")[0] in WRITERS:
            _write_json(logging.getLogger(name))


def _write_json(logger: logging.Logger) -> None:
    for handler in logger.handlers:
        handler.setFormatter(JsonLines())
