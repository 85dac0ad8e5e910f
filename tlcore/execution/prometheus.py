"""How the lab is doing, in the text format of Prometheus: `python -m tlcore metrics`, or served with `--port`.

A process of its own reads the store: asking costs the web server and the training nothing, and it answers while these
are down. Imports no torch.
"""

from __future__ import annotations

import re
import time
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tlcore import __version__
from tlcore.errors import LabError
from tlcore.execution.disk import free_bytes
from tlcore.execution.presence import supervisor_pid
from tlcore.runs import Store
from tlcore.runs.service import Service
from tlcore.runs.usage import usage

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
WEB_PORT = 8501
WEB_PATIENCE = 2.0
RECENT_SECONDS = 3600.0
_SESSIONS = re.compile(r"^active_sessions(?:\{[^}]*\})? (\d+)", re.MULTILINE)


@dataclass(frozen=True)
class Gauge:
    """One figure: what it means, and its value for each set of labels."""

    name: str
    help: str
    values: Mapping[tuple[tuple[str, str], ...], float]

    def lines(self) -> Iterator[str]:
        """As Prometheus reads it."""
        yield f"# HELP {self.name} {self.help}"
        yield f"# TYPE {self.name} gauge"
        for labels, value in self.values.items():
            pairs = ",".join(f'{name}="{_escaped(text)}"' for name, text in labels)
            yield f"{self.name}{{{pairs}}} {value:.10g}" if pairs else f"{self.name} {value:.10g}"


def metrics_text(store: Store, web_port: int = WEB_PORT) -> str:
    """All figures of a store as text.

    Raises:
        StoreError: the store cannot be read.
    """
    return "\n".join(line for gauge in gauges(store, web_port) for line in gauge.lines()) + "\n"


def gauges(store: Store, web_port: int) -> Iterable[Gauge]:
    """Every figure. web_port: where the web server of this machine answers, for the number of open pages."""
    rows = store.database.rows
    states = dict.fromkeys(("queued", "running", "paused", "finished", "stopped", "failed"), 0)
    for row in rows("SELECT state, paused, count(*) AS number FROM runs GROUP BY state, paused"):
        states["paused" if row["paused"] and row["state"] == "running" else row["state"]] += row["number"]
    yield Gauge("tlcore_info", "The version of the lab.", {(("version", __version__),): 1})
    yield Gauge("tlcore_runs", "Runs by state.", _by("state", states))
    yield _plain("tlcore_queue_length", "Runs that wait for a place to train.", states["queued"])
    pace = rows(
        "SELECT coalesce(sum(step / seconds), 0) FROM runs WHERE state = 'running' AND paused = 0 AND seconds > 0"
    )
    yield _plain("tlcore_steps_per_second", "Training steps a second of all runs that train now.", pace[0][0])
    waited = rows("SELECT min(created) FROM runs WHERE state = 'queued'")[0][0]
    age = max(0.0, time.time() - waited) if waited else 0.0
    yield _plain("tlcore_queue_oldest_seconds", "How long the oldest run in the queue has been waiting.", age)
    recent = rows("SELECT count(*) FROM runs WHERE state = 'failed' AND ended > ?", time.time() - RECENT_SECONDS)
    yield _plain("tlcore_failures_last_hour", "Runs that failed within the last hour.", recent[0][0])
    taken = usage(store)
    parts = {"database": taken.database, "files": taken.files}
    yield Gauge("tlcore_store_bytes", "Room the store takes.", _by("part", parts))
    yield _plain("tlcore_disk_free_bytes", "Room left on the disk of the store.", free_bytes(store.folder))
    yield _plain(
        "tlcore_supervisor_up", "Whether a supervisor hands out runs.", supervisor_pid(store.folder) is not None
    )
    visits = Service(store.database).visitors()
    yield _plain("tlcore_visitors_active", "Visitors of a hosted lab within the last five minutes.", visits.active)
    sessions = open_pages(web_port)
    yield _plain("tlcore_web_up", "Whether the web server of this machine answers.", sessions is not None)
    if sessions is not None:
        yield _plain("tlcore_viewers", "Pages that are open in browsers now.", sessions)


def open_pages(web_port: int) -> int | None:
    """How many pages the web server of this machine has open, as Streamlit itself counts; None if it does not say."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{web_port}/_stcore/metrics", timeout=WEB_PATIENCE) as answer:
            found = _SESSIONS.search(answer.read(2**20).decode("utf-8", "replace"))
    except (OSError, ValueError):
        return None
    return int(found.group(1)) if found else None


def _by(label: str, values: Mapping[str, float]) -> dict[tuple[tuple[str, str], ...], float]:
    return {((label, name),): float(value) for name, value in values.items()}


def _plain(name: str, help: str, value: float) -> Gauge:
    return Gauge(name, help, {(): float(value)})


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def serve(store: Store, address: str, port: int, web_port: int) -> None:
    """Answer `/metrics` until the process is ended."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path != "/metrics":
                self.send_error(404)
                return
            try:
                status, text = 200, metrics_text(store, web_port)
            except LabError as error:
                status, text = 503, f"# {error}\n"
            finally:
                store.database.close()  # of this thread, which ends with the answer
            content = text.encode()
            self.send_response(status)
            self.send_header("Content-Type", CONTENT_TYPE)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *words: object) -> None:
            """Nothing: it is asked several times a minute."""

    with ThreadingHTTPServer((address, port), Handler) as server:
        server.serve_forever()
