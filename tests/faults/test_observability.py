"""What can be seen of a lab from outside: its logs as lines of JSON, its figures as Prometheus reads them."""

from __future__ import annotations

import io
import json
import logging
import re
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.execution.conftest import spec_of, wait_for
from tlcore.cli import main
from tlcore.errors import InvalidRequest
from tlcore.execution import logs, prometheus
from tlcore.runs import Store

LINE = re.compile(r'[a-z_]+(\{[a-z]+="[^"\n]*"(,[a-z]+="[^"\n]*")*\})? -?[0-9.e+]+')


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path)
    states = ("queued", "queued", "running", "running", "finished", "failed", "failed")
    for seed, state in enumerate(states):
        run_id = store.add(spec_of(seed))
        store.change(
            run_id, state=state, step=30, seconds=2.0, ended=time.time() - 7200 * (seed == 5), paused=seed == 3
        )
    return store


def figures(text: str) -> dict[str, float]:
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in text.splitlines() if line[0] != "#")}


def test_the_figures_of_a_lab(store: Store):
    text = prometheus.metrics_text(store, web_port=1)
    for line in text.splitlines():
        assert line.startswith(("# HELP ", "# TYPE ")) or LINE.fullmatch(line), line
    found = figures(text)
    by_state = {state: found[f'tlcore_runs{{state="{state}"}}'] for state in ("queued", "running", "paused", "failed")}
    assert by_state == {"queued": 2, "running": 1, "paused": 1, "failed": 2}
    assert (found["tlcore_queue_length"], found["tlcore_failures_last_hour"]) == (2, 1)
    assert found["tlcore_steps_per_second"] == 15
    assert (found["tlcore_supervisor_up"], found["tlcore_web_up"]) == (0, 0) and "tlcore_viewers" not in found
    assert found['tlcore_store_bytes{part="database"}'] > 0 < found["tlcore_disk_free_bytes"]


def test_open_pages_are_counted_by_the_web_server():
    class Streamlit(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"# TYPE active_sessions gauge\nactive_sessions 7\n")

        def log_message(self, *words: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Streamlit) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        assert prometheus.open_pages(server.server_port) == 7
        server.shutdown()


def test_they_are_served(store: Store, monkeypatch):
    servers = []

    class Kept(ThreadingHTTPServer):
        def serve_forever(self, poll_interval: float = 0.5) -> None:
            servers.append(self)
            super().serve_forever(0.01)

    monkeypatch.setattr(prometheus, "ThreadingHTTPServer", Kept)
    thread = threading.Thread(target=prometheus.serve, args=(store, "127.0.0.1", 0, 1), daemon=True)
    thread.start()
    address = f"http://127.0.0.1:{wait_for(lambda: servers and servers[0], 'the server').server_port}"
    with urllib.request.urlopen(f"{address}/metrics", timeout=20) as answer:
        assert answer.headers["Content-Type"].startswith("text/plain")
        assert figures(answer.read().decode())["tlcore_queue_length"] == 2
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(f"{address}/lab.sqlite", timeout=20)
    servers[0].shutdown()
    thread.join(20)


def test_in_the_terminal(store: Store, capsys):
    assert main(["metrics", "--store", str(store.folder), "--web-port", "1"]) == 0
    assert "tlcore_queue_length 2" in capsys.readouterr().out
    assert main(["metrics", "--store", str(store.folder), "--port", "99999999"]) == 2
    assert "port 99999999" in capsys.readouterr().err


def logged(monkeypatch, kind: str) -> str:
    monkeypatch.setenv(logs.SETTING, kind)
    stream = io.StringIO()
    logs.set_up(stream)
    logging.getLogger("tlcore.supervisor").info(
        "run %s has %s", "abc", "failed", extra={"run": "abc", "reason": 'no "room"'}
    )
    try:
        raise ValueError("why")
    except ValueError:
        logging.getLogger("tlcore.supervisor").exception("it\nbroke")
    return stream.getvalue()


def test_logs_as_lines_of_json(monkeypatch):
    first, second = (json.loads(line) for line in logged(monkeypatch, "json").splitlines())
    assert first["message"] == "run abc has failed" and (first["run"], first["reason"]) == ("abc", 'no "room"')
    assert first["level"] == "info" and first["time"].endswith("+00:00") and first["process"] > 0
    assert second["message"] == "it\nbroke" and "ValueError: why" in second["exception"]


def test_logs_for_people_and_a_kind_that_there_is_not(monkeypatch):
    assert 'run abc has failed [run=abc reason=no "room"]' in logged(monkeypatch, "text")
    with pytest.raises(InvalidRequest, match="json"):
        logged(monkeypatch, "xml")
