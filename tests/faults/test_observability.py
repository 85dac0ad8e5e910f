"""What can be seen of a lab from outside: its logs as lines of JSON, its figures as Prometheus reads them."""

from __future__ import annotations

import io
import json
import logging
import os
import re
import subprocess
import sys
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
from tlcore.execution.local import LocalExecutor
from tlcore.execution.queue import Queue
from tlcore.execution.refusals import MOST_REMEMBERED, Refusals
from tlcore.execution.run_log import RunLog
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


@pytest.fixture(autouse=True)
def _loggers_as_before():
    logger = logging.getLogger("tlcore")
    before = (logger.handlers[:], logger.level, logger.propagate)
    yield
    logger.handlers[:], logger.propagate = before[0], before[2]
    logger.setLevel(before[1])


@pytest.fixture
def records():
    """What the lab's loggers are given."""
    found: list[logging.LogRecord] = []

    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            found.append(record)

    logging.getLogger("tlcore").addHandler(Kept())
    logging.getLogger("tlcore").setLevel(logging.INFO)
    return found


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


def lines_of(script: str, kind: str = "json", **changes: str) -> list[str]:
    """What a process with this script writes to standard error."""
    environment = {**os.environ, "TLCORE_LOG": kind, **changes}
    answer = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=120
    )
    return answer.stderr.splitlines()


ODD = """
import logging, threading, warnings
from tlcore.execution.logs import set_up_process
set_up_process()
warnings.warn("old")
thread = threading.Thread(target=lambda: 1 / 0)
thread.start()
thread.join()
raise ValueError("in vain")
"""


def test_in_a_process_of_the_lab_warnings_and_uncaught_errors_are_json_too():
    warned, thread, process = map(json.loads, lines_of(ODD))
    assert warned["level"] == "warning" and "old" in warned["message"]
    assert thread["level"] == process["level"] == "critical"
    assert "ZeroDivisionError" in thread["exception"] and "ValueError: in vain" in process["exception"]
    assert "Traceback (most recent call last):" in lines_of(ODD, "text"), "as Python writes them itself"


WEB = """
import logging
from streamlit.logger import get_logger
early = get_logger("streamlit.early")
get_logger("uvicorn.access").handlers.clear()
from ui.web_log import begin_log
begin_log()
begin_log()
early.warning('an "early" one')
get_logger("streamlit.late").warning("a late one")
get_logger("uvicorn").error("of the server")
get_logger("uvicorn.access").info("GET /?share=a-secret")
logging.getLogger("tlcore.channel").error("of the lab")
"""


def test_the_web_server_writes_json_once_a_line_its_own_and_streamlits_and_no_requests():
    found = [json.loads(line) for line in lines_of(WEB)]
    said = [(line["logger"], line["message"]) for line in found]
    assert said == [
        ("tlcore.web", "the web server begins"), ("tlcore.web", "the web server begins"),
        ("streamlit.early", 'an "early" one'), ("streamlit.late", "a late one"), ("uvicorn", "of the server"),
        ("tlcore.channel", "of the lab"),
    ]  # fmt: skip


def test_for_people_streamlit_writes_as_it_always_does_and_a_strange_setting_stops_nobody():
    lines = lines_of(WEB, "text")
    assert len(lines) == 6 and lines[2].endswith('WARNING streamlit.early: an "early" one')
    lines = lines_of(WEB, "xml")
    assert "TLCORE_LOG is 'xml'" in lines[0] and any("a late one" in line for line in lines)


def test_the_projector_writes_json_into_the_log_that_it_shares(tmp_path: Path):
    process = subprocess.Popen(
        [sys.executable, "-m", "tlcore.execution.projector", "--store", str(tmp_path)],
        env={**os.environ, "TLCORE_LOG": "json"}, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        line = json.loads(process.stderr.readline())
    finally:
        _, rest = process.communicate(timeout=60)
    assert (line["logger"], line["message"], line["process"]) == ("tlcore.projector", "ready", process.pid)
    assert all(json.loads(more) for more in rest.splitlines())


def test_a_run_from_its_beginning_to_its_end_in_the_supervisors_log(tmp_path: Path, monkeypatch):
    monkeypatch.setenv(logs.SETTING, "json")
    store = Store(tmp_path)
    executor = LocalExecutor(store)
    try:
        run = executor.submit(spec_of(7001), preset="page/preset", arm="dann")
        wait_for(lambda: not store.require(run).live, "its end")
        path = tmp_path / "supervisor.log"
        wait_for(lambda: "has finished" in path.read_text(), "the line of its end")
    finally:
        executor.shutdown()
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    begun, ended = (line for line in lines if line.get("run") == run)
    assert begun["message"] == f"run {run} begins" and begun["pid"] > 0 and begun["steps"] == 60
    assert (ended["preset"], ended["arm"], ended["seed"], ended["state"]) == ("page/preset", "dann", 7001, "finished")
    assert ended["step"] == 60 and ended["seconds"] > 0 and ended["reason"] is None
    said = [line["message"] for line in lines if line["logger"] == "tlcore.supervisor"]
    assert said[0].startswith("ready: ") and said[-1] == "ends: asked to"


def test_what_becomes_of_runs_is_told_once_whoever_ends_them(tmp_path: Path, records):
    store = Store(tmp_path)
    log, queue = RunLog(store), Queue(store)
    found, first, second = (store.add(spec_of(seed)) for seed in range(3))
    store.change(found, state="running", pid=5)

    def look() -> list[str]:
        del records[:]
        log.look(queue.live())
        return [record.getMessage() for record in records]

    assert look() == [f"run {found} goes on as it was found"]
    store.change(first, state="running", pid=6)
    assert look() == [f"run {first} begins"]
    assert look() == []
    store.change(first, state="queued")
    store.change(found, state="failed", reason="no luck")
    assert set(look()) == {f"run {first} waits again", f"run {found} has failed"}
    assert [(vars(record)["reason"], record.levelname) for record in records if "failed" in record.getMessage()] == [
        ("no luck", "WARNING")
    ]
    store.change(first, state="stopped")
    store.delete(second)
    assert set(look()) == {f"run {first} was stopped", f"run {second} is no longer there"}


def test_a_refusal_is_noted_once_a_minute_with_the_first_digits_of_the_visitor(records, monkeypatch):
    refusals = Refusals()
    for visitor in ("abcdef" + "0" * 26, "abcdef" + "0" * 26, "f" * 32):
        refusals.note(visitor, "runs", InvalidRequest("Too many."))
    assert [vars(record)["visitor"] for record in records] == ["abcdef", "ffffff"]
    assert {(vars(record)["asked"], vars(record)["reason"]) for record in records} == {("runs", "Too many.")}
    monkeypatch.setattr("tlcore.execution.refusals.QUIET_SECONDS", -1.0)
    refusals.note("f" * 32, "runs", InvalidRequest("Too many."))
    assert len(records) == 3
    for number in range(MOST_REMEMBERED + 5):
        refusals.note(f"{number:032x}", "runs", InvalidRequest("No."))
    assert len(refusals._noted) == MOST_REMEMBERED


def test_a_field_cannot_begin_a_line_of_its_own(monkeypatch):
    monkeypatch.setenv(logs.SETTING, "text")
    stream = io.StringIO()
    logs.set_up(stream)
    logging.getLogger("tlcore.admission").info(
        "refused", extra={"reason": "the name x\n2026-01-01 tlcore.owner made up"}
    )
    assert stream.getvalue().count("\n") == 1
