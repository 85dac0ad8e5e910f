"""Fetching a set of the catalogue: checked, continued where it broke off, whole or not at all. No internet."""

from __future__ import annotations

import gzip
import hashlib
import http.server
import io
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest

from tlcore.catalogue import ENTRIES, Entry, Resource, state
from tlcore.data import download, fetching
from tlcore.data.download import DownloadFailed, fetch
from tlcore.data.fetching import fetch_entry
from tlcore.errors import InvalidRequest, MissingData


class Server(http.server.BaseHTTPRequestHandler):
    """Serves `files` by name and understands Range; `asked` keeps what was asked for."""

    files: ClassVar[dict[str, bytes]] = {}
    asked: ClassVar[list[tuple[str, str | None]]] = []

    def do_GET(self) -> None:
        content = self.files.get(self.path.lstrip("/"))
        wanted = self.headers.get("Range")
        self.asked.append((self.path, wanted))
        if content is None:
            self.send_error(404)
            return
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
        self.send_response(206 if wanted else 200)
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        self.wfile.write(content[start:])

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    Server.files, Server.asked = {}, []
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server) as running:
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


def published(server: str, name: str, content: bytes, **options: str) -> Resource:
    Server.files[name] = content
    checksum = hashlib.md5(content, usedforsecurity=False).hexdigest()
    return Resource((f"{server}/{name}",), checksum, len(content), **{"file": name, **options})  # type: ignore[arg-type]


def entry_of(*resources: Resource, files: tuple[str, ...]) -> Entry:
    return replace(ENTRIES["usps"], name="usps", resources=resources, files=files)


def zipped(members: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return packed.getvalue()


def tarred(members: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return packed.getvalue()


def test_plain_gzipped_zipped_and_tarred(server, tmp_path):
    folder = tmp_path / "data"
    entry = entry_of(
        published(server, "plain.mat", b"plain" * 100),
        published(server, "idx.gz", gzip.compress(b"idx"), file="Set/raw/idx", unpack="gz"),
        published(server, "a.zip", zipped({"inside/1.png": b"one", "inside/2.png": b"two"}), file="set/a.zip",
                  unpack="zip", into="set"),
        published(server, "b.tar.gz", tarred({"batches/1": b"tar"}), file="b.tar.gz", unpack="tar"),
        files=("plain.mat", "Set/raw/idx", "set/inside", "batches/1"),
    )  # fmt: skip
    said: list[tuple[str, float]] = []
    fetch_entry(entry, folder, lambda text, share: said.append((text, share)))
    assert state(entry, folder) == "on disk"
    assert (folder / "Set/raw/idx").read_bytes() == b"idx"
    assert (folder / "set/inside/2.png").read_bytes() == b"two"
    assert (folder / "batches/1").read_bytes() == b"tar"
    assert ("Downloading USPS (plain.mat)", 1.0) in said
    assert not list(folder.rglob(".incomplete*"))
    asked = len(Server.asked)
    fetch_entry(entry, folder)
    assert len(Server.asked) == asked, "what is there is not fetched again"


def test_a_broken_download_is_continued(server, tmp_path):
    content = bytes(range(256)) * 1000
    resource = published(server, "plain.mat", content)
    (tmp_path / f".incomplete-{resource.md5}").write_bytes(content[:100_000])
    fetch_entry(entry_of(resource, files=("plain.mat",)), tmp_path)
    assert Server.asked == [("/plain.mat", "bytes=100000-")]
    assert (tmp_path / "plain.mat").read_bytes() == content


def test_a_server_that_cannot_continue_begins_anew(tmp_path):
    (tmp_path / "source").write_bytes(b"whole")
    (tmp_path / "part").write_bytes(b"wh")
    fetch((tmp_path / "source").as_uri(), tmp_path / "part", 100, "it", resume=True)
    assert (tmp_path / "part").read_bytes() == b"whole"


def test_what_breaks_off_stays_to_be_continued(server, tmp_path, monkeypatch):
    content = bytes(1_000_000)
    resource = published(server, "plain.mat", content)
    real = download.urlopen

    class Half:
        def __init__(self, answer):
            self.answer, self.headers, self.status = answer, answer.headers, answer.status

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self.answer.close()

        def read(self, size):
            if not hasattr(self, "given"):
                self.given = True
                return self.answer.read(300_000)
            raise OSError("Connection reset")

    monkeypatch.setattr(download, "urlopen", lambda *a, **k: Half(real(*a, **k)))
    entry = entry_of(resource, files=("plain.mat",))
    with pytest.raises(MissingData, match=r"could not be downloaded .*Connection reset"):
        fetch_entry(entry, tmp_path)
    assert (tmp_path / f".incomplete-{resource.md5}").stat().st_size == 300_000
    monkeypatch.setattr(download, "urlopen", real)
    fetch_entry(entry, tmp_path)
    assert Server.asked[-1] == ("/plain.mat", "bytes=300000-")
    assert (tmp_path / "plain.mat").read_bytes() == content


def test_another_file_than_torchvisions_is_refused_and_removed(server, tmp_path):
    resource = published(server, "plain.mat", b"right")
    Server.files["plain.mat"] = b"wrong"
    with pytest.raises(MissingData, match="not the file that torchvision knows"):
        fetch_entry(entry_of(resource, files=("plain.mat",)), tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {".usps.lock"}


def test_more_than_announced_is_not_taken(server, tmp_path):
    resource = replace(published(server, "plain.mat", bytes(3_000_000)), size=10)
    with pytest.raises(MissingData, match="more than"):
        fetch_entry(entry_of(resource, files=("plain.mat",)), tmp_path)


def test_the_second_address_is_tried(server, tmp_path):
    resource = published(server, "plain.mat", b"content")
    resource = replace(resource, urls=(f"{server}/gone", *resource.urls))
    fetch_entry(entry_of(resource, files=("plain.mat",)), tmp_path)
    assert (tmp_path / "plain.mat").read_bytes() == b"content"


@pytest.mark.parametrize("content", [b"PK not a zip", zipped({"a": b"x" * 1000})[:-40]], ids=["no-zip", "cut"])
def test_a_damaged_archive_leaves_nothing(server, tmp_path, content):
    (tmp_path / "set" / "inside").mkdir(parents=True)
    (tmp_path / "set" / "inside" / "mine.png").write_bytes(b"mine")
    resource = published(server, "a.zip", content, file="set/a.zip", unpack="zip", into="set")
    with pytest.raises(MissingData, match="cannot be unpacked"):
        fetch_entry(entry_of(resource, files=("set/other",)), tmp_path)
    assert [path.name for path in (tmp_path / "set").rglob("*")] == ["inside", "mine.png"]


def test_members_that_lead_out_stay_inside(server, tmp_path):
    """Even behind the right checksum nothing is written elsewhere."""
    folder = tmp_path / "data"
    resource = published(server, "a.zip", zipped({"../../evil": b"x", "good/1": b"y"}), file="a.zip", unpack="zip")
    fetch_entry(entry_of(resource, files=("good/1",)), folder)
    assert not (tmp_path / "evil").exists() and (folder / "good/1").exists()
    packed = published(server, "b.tar.gz", tarred({"../evil": b"x"}), file="b.tar.gz", unpack="tar")
    with pytest.raises(MissingData, match="cannot be unpacked"):
        fetch_entry(entry_of(packed, files=("other",)), folder)
    assert not (tmp_path / "evil").exists()


def test_too_many_members(server, tmp_path, monkeypatch):
    monkeypatch.setattr(fetching, "MOST_MEMBERS", 2)
    resource = published(server, "a.zip", zipped({str(i): b"" for i in range(3)}), file="a.zip", unpack="zip")
    with pytest.raises(MissingData, match="larger than any data set"):
        fetch_entry(entry_of(resource, files=("1",)), tmp_path)


def test_of_emnist_only_what_the_catalogue_has_is_unpacked(server, tmp_path):
    names = [Path(file).name for part in ("letters", "balanced", "digits") for file in ENTRIES[f"emnist-{part}"].files]
    members = {f"gzip/{name}.gz": gzip.compress(name.encode()) for name in names}
    members |= {"gzip/emnist-byclass-train-images-idx3-ubyte.gz": b"large", "gzip/readme.txt": b"x"}
    resource = published(server, "gzip.zip", zipped(members), file="EMNIST/raw/gzip.zip", unpack="emnist",
                         into="EMNIST/raw")  # fmt: skip
    fetch_entry(replace(ENTRIES["emnist-letters"], resources=(resource,)), tmp_path)
    assert state(ENTRIES["emnist-digits"], tmp_path) == "on disk"
    found = {path.name for path in (tmp_path / "EMNIST" / "raw").iterdir()}
    assert found - {"gzip.zip"} == set(names)
    assert (tmp_path / "EMNIST" / "raw" / names[0]).read_bytes() == names[0].encode()


def test_no_room_is_said_before_anything_is_fetched(server, tmp_path, monkeypatch):
    monkeypatch.setattr(fetching.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 1000})())
    with pytest.raises(MissingData, match=r"needs about .* where 1 kB are free"):
        fetch_entry(entry_of(published(server, "plain.mat", b"x"), files=("plain.mat",)), tmp_path)
    assert Server.asked == []


def test_what_lies_on_google_drive_is_brought_by_hand(tmp_path):
    with pytest.raises(InvalidRequest, match="Google Drive"):
        fetch_entry(ENTRIES["celeba"], tmp_path)


def test_two_processes_ask_for_the_same(server, tmp_path):
    """Two threads stand for two processes: the lock is a file's. One fetches, the other finds it there."""
    resource = published(server, "plain.mat", bytes(500_000))
    entry = entry_of(resource, files=("plain.mat",))
    failures: list[Exception] = []

    def ask() -> None:
        try:
            fetch_entry(entry, tmp_path)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == [] and len(Server.asked) == 1


def test_fetch_still_refuses_what_is_too_large(tmp_path):
    (tmp_path / "big").write_bytes(bytes(1000))
    with pytest.raises(DownloadFailed, match="more than 999"):
        fetch((tmp_path / "big").as_uri(), tmp_path / "out", 999, "it", resume=True)
