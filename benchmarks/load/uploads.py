"""Uploads that nobody asked for: what the web server of a hosted lab takes of them, and what it holds afterwards."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import re
import urllib.request
from collections.abc import Iterator
from urllib.parse import urlsplit
from uuid import uuid4

from benchmarks.load.report import Row
from benchmarks.load.served import Served, taken
from benchmarks.load.session import Visitor
from tlcore.specs.hosting import MEGABYTE, Limits

CASE = "uploads that no page asked for"
TO_HOLD = "none above a limit is taken, memory grows by no more than one page may hold, and falls when it has gone"
CHUNK = bytes(64 << 10)
BOUNDARY = "tl-part"
HELD = re.compile(r'cache_type="UploadedFileManager",cache=""\} (\d+)')
SLACK = 40 * MEGABYTE  # what a web server's memory goes up and down by itself
PATIENCE_SECONDS = 60


def held(address: str) -> int:
    """Bytes that Streamlit says to hold of uploads."""
    with urllib.request.urlopen(f"{address}/_stcore/metrics?families=cache_memory_bytes", timeout=10) as answer:
        found = HELD.search(answer.read().decode())
    return int(found[1]) if found else 0


def token_of(address: str) -> str:
    """A cookie against forged requests, as every browser is given one."""
    with urllib.request.urlopen(f"{address}/_stcore/health", timeout=10) as answer:
        found = re.search(r"_streamlit_xsrf=([^;]+)", answer.headers.get("Set-Cookie", ""))
    return found[1] if found else ""


def put(address: str, session: str, file: str, size: int, *, in_chunks: bool = False) -> int:
    """Upload so many bytes under a name; in chunks: without saying how many. Returns the status of the answer."""
    token = token_of(address)
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'.encode()
    tail = f"\r\n--{BOUNDARY}--\r\n".encode()

    def body() -> Iterator[bytes]:
        yield head
        for begin in range(0, size, len(CHUNK)):
            yield CHUNK[: size - begin]
        yield tail

    headers = {
        "Content-Type": f"multipart/form-data; boundary={BOUNDARY}", "X-Xsrftoken": token,
        "Cookie": f"_streamlit_xsrf={token}",
    }  # fmt: skip
    if not in_chunks:
        headers["Content-Length"] = str(len(head) + size + len(tail))
    parts = urlsplit(address)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=PATIENCE_SECONDS)
    with contextlib.closing(connection):
        connection.request("PUT", f"/_stcore/upload_file/{session}/{file}", body(), headers, encode_chunked=in_chunks)
        return connection.getresponse().status


async def flood(served: Served, number: int, where: str) -> Row:
    """One visitor of a page without an uploader sends one file after another, too large ones and others."""
    limits = Limits()
    async with Visitor(served.address, "glossary") as visitor:
        await visitor.finished()
        before = taken(served.pid).memory

        async def statuses(megabytes: int, *, in_chunks: bool = False, session: str = "", file: str = "") -> list[int]:
            return [
                await asyncio.to_thread(
                    put, served.address, session or visitor.session_id, file or str(uuid4()), megabytes * MEGABYTE,
                    in_chunks=in_chunks,
                )
                for _ in range(number)
            ]  # fmt: skip

        refused = [
            *await statuses(limits.upload_mb + 36), *await statuses(limits.upload_mb + 36, in_chunks=True),
            *await statuses(1, file="made-up"), *await statuses(1, session=str(uuid4())),
        ]  # fmt: skip
        within = await statuses(limits.upload_mb - 4)
        most = taken(served.pid).memory
    deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
    while held(served.address) and asyncio.get_running_loop().time() < deadline:
        await asyncio.sleep(1)
    after = taken(served.pid).memory
    taken_in = within.count(204)
    holds = (
        all(400 <= status < 500 for status in refused)
        and taken_in * (limits.upload_mb - 4) * MEGABYTE <= limits.page_bytes
        and most - before <= limits.page_bytes + SLACK
        and after - before <= SLACK
        and not held(served.address)
    )
    wrongly = sum(status < 400 for status in refused)
    memory = [f"{size / MEGABYTE:.0f} MB" for size in (before, most, after)]
    measured = (
        f"{len(refused)} too large or under made-up names, {wrongly} taken; {number} of {limits.upload_mb - 4} MB, "
        f"{taken_in} taken; memory of the web server {memory[0]} before, {memory[1]} with them, "
        f"{memory[2]} when the page had gone"
    )
    return Row(CASE, TO_HOLD, measured, holds, where)
