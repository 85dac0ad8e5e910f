"""The file behind the store: what it refuses, in one sentence and without harm, and what it survives."""

from __future__ import annotations

import gc
import io
import os
import pickle
import sqlite3
import struct
import subprocess
import sys
import threading
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tlcore.errors import OutOfSpace, StoreError
from tlcore.runs import Neighbours, Store
from tlcore.runs import database as database_module
from tlcore.runs.arrays import pack, unpack
from tlcore.runs.database import Database
from tlcore.runs.tables import FORMAT
from tlcore.specs import RunSpec


def one_sentence(error: pytest.ExceptionInfo[BaseException]) -> str:
    text = str(error.value)
    assert "\n" not in text and text.endswith(".") and "Traceback" not in text
    return text


class TestOpening:
    def test_a_newer_store_is_refused_unharmed(self, store: Store, tmp_path: Path):
        store.database.connection.execute(f"PRAGMA user_version = {FORMAT + 1}")
        store.database.close()
        path = store.folder / Store.FILE
        before = path.read_bytes()
        with pytest.raises(StoreError, match="written by a newer version of the lab") as refused:
            Store(store.folder)
        one_sentence(refused)
        assert path.read_bytes() == before

    @pytest.mark.parametrize("content", [b"not a database at all" * 100, b"SQLite format 3\x00" + b"\xff" * 5000])
    def test_a_damaged_file_is_refused_unharmed(self, tmp_path: Path, content: bytes):
        path = tmp_path / Store.FILE
        path.write_bytes(content)
        with pytest.raises(StoreError, match="damaged or not a store of the lab") as refused:
            Store(tmp_path)
        one_sentence(refused)
        assert path.read_bytes() == content

    @pytest.mark.parametrize("table", ["notes", "runs"])
    @pytest.mark.parametrize("version", [0, FORMAT])
    def test_a_database_of_another_program_is_refused_unharmed(self, tmp_path: Path, table: str, version: int):
        path = tmp_path / Store.FILE
        connection = sqlite3.connect(path)
        connection.execute(f"CREATE TABLE {table} (text)")
        connection.execute(f"PRAGMA user_version = {version}")
        connection.commit()
        connection.close()
        before = path.read_bytes()
        with pytest.raises(StoreError, match="is an SQLite file but not a store of the lab") as refused:
            Store(tmp_path)
        one_sentence(refused)
        assert path.read_bytes() == before
        assert [one.name for one in tmp_path.iterdir()] == [Store.FILE]

    def test_a_store_torn_in_the_middle_says_so(self, store: Store):
        for seed in range(200):
            store.add(RunSpec(seed=seed))
        store.database.close()
        path = store.folder / Store.FILE
        content = path.read_bytes()
        path.write_bytes(content[:4096] + os.urandom(len(content) // 2))
        with pytest.raises(StoreError) as refused:
            Store(store.folder).runs()
        one_sentence(refused)

    def test_a_folder_that_is_a_file(self, tmp_path: Path):
        (tmp_path / "taken").write_text("")
        for folder in (tmp_path / "taken", tmp_path / "taken" / "below"):
            with pytest.raises(StoreError, match="cannot be created") as refused:
                Store(folder)
            one_sentence(refused)

    def test_a_file_that_is_a_folder(self, tmp_path: Path):
        (tmp_path / Store.FILE).mkdir()
        with pytest.raises(StoreError, match="cannot be opened") as refused:
            Store(tmp_path)
        one_sentence(refused)

    def test_an_odd_folder_name(self, tmp_path: Path, spec: RunSpec):
        folder = tmp_path / "a b?mode=ro#é%20"
        run_id = Store(folder).add(spec)
        assert Store(folder).require(run_id).spec == spec
        assert (folder / Store.FILE).is_file()


class TestReadOnly:
    @pytest.fixture
    def recorded(self, store: Store, spec: RunSpec) -> Store:
        store.add(spec)
        store.database.close()
        return Store(file=store.folder / Store.FILE)

    def test_it_is_read(self, recorded: Store, spec: RunSpec):
        assert recorded.require(spec.content_hash).spec == spec

    def test_it_is_not_written(self, recorded: Store):
        with pytest.raises(StoreError, match="can be read but not written") as refused:
            recorded.add(RunSpec(seed=5))
        one_sentence(refused)
        assert len(recorded.runs()) == 1

    def test_reading_leaves_no_trace(self, recorded: Store):
        before = {path.name: path.stat().st_mtime_ns for path in recorded.folder.iterdir()}
        recorded.runs()
        assert {path.name: path.stat().st_mtime_ns for path in recorded.folder.iterdir()} == before

    def test_none_there(self, tmp_path: Path):
        with pytest.raises(StoreError) as refused:
            Store(file=tmp_path / "none.sqlite")
        one_sentence(refused)
        assert list(tmp_path.iterdir()) == []
        (tmp_path / "empty.sqlite").write_bytes(b"")
        with pytest.raises(StoreError, match="There is no store"):
            Store(file=tmp_path / "empty.sqlite")


class TestTogether:
    def test_processes_that_create_the_same_store_at_once(self, tmp_path: Path):
        script = (
            "import sys, time\n"
            "from tlcore.runs import Store\n"
            "from tlcore.specs import RunSpec\n"
            "print('ready', flush=True); sys.stdin.readline()\n"
            "store = Store(sys.argv[1])\n"
            "for seed in range(20): store.add(RunSpec(seed=seed))\n"
        )
        root = str(Path(__file__).resolve().parents[2])
        processes = [
            subprocess.Popen(
                [sys.executable, "-c", script, str(tmp_path / "new" / "store")],
                env={**os.environ, "PYTHONPATH": root},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for _ in range(4)
        ]
        for process in processes:
            assert process.stdout is not None and process.stdout.readline() == "ready\n"
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        for process in processes:
            _, errors = process.communicate(timeout=60)
            assert process.returncode == 0, errors
        assert len(Store(tmp_path / "new" / "store").runs()) == 20

    def test_a_new_file_that_another_process_holds_is_waited_for(self, tmp_path: Path):
        path = tmp_path / Store.FILE
        with sqlite3.connect(path, isolation_level=None, check_same_thread=False) as other:
            other.execute("BEGIN IMMEDIATE")  # against this lock SQLite's own time-out does not help
            release = threading.Timer(0.3, other.execute, ("ROLLBACK",))
            release.start()
            assert Store(tmp_path).runs() == []
            release.join()
        other.close()

    def test_a_new_file_that_stays_locked_is_said_so(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(database_module, "PATIENCE_SECONDS", 0.1)
        with sqlite3.connect(tmp_path / Store.FILE, isolation_level=None) as other:
            other.execute("BEGIN EXCLUSIVE")
            with pytest.raises(StoreError, match="does not answer: database is locked") as refused:
                Store(tmp_path)
            one_sentence(refused)
            other.execute("ROLLBACK")
        other.close()

    def test_threads_share_a_store(self, store: Store, spec: RunSpec):
        run_id = store.add(spec)
        failures: list[BaseException] = []

        def record(number: int) -> None:
            try:
                for step in range(20):
                    store.record_metrics(run_id, [(step, {f"metric_{number}": float(step)})])
            except BaseException as error:
                failures.append(error)
            finally:
                store.database.close()

        threads = [threading.Thread(target=record, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        assert store.latest(run_id) == {f"metric_{number}": 19.0 for number in range(4)}

    @pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="open files are not listed on this system")
    def test_threads_that_have_ended_hold_no_files(self, store: Store):
        def held() -> int:
            return sum(
                file.resolve() == (store.folder / Store.FILE).resolve() for file in Path("/proc/self/fd").iterdir()
            )

        before, within = held(), []

        def read() -> None:
            store.runs()
            within.append(held())

        gc.disable()  # a server collects now and then only
        try:
            for _ in range(5):
                thread = threading.Thread(target=read)
                thread.start()
                thread.join()
            # SQLite keeps the file of a connection that was closed for the next one while others hold theirs open.
            assert max(*within, held()) <= before + 1, "each thread has the file of the one before"
        finally:
            gc.enable()

    def test_a_transaction_within_another_stands_or_falls_with_it(self, store: Store, spec: RunSpec):
        run_id = store.add(spec)
        with pytest.raises(RuntimeError), store.database.transaction():
            store.record_metrics(run_id, [(1, {"loss": 1.0})])
            raise RuntimeError
        assert store.metrics(run_id) == {}
        with store.database.transaction():
            store.record_metrics(run_id, [(1, {"loss": 1.0})])
        assert store.latest(run_id) == {"loss": 1.0}


class TestNoRoom:
    def test_a_full_store_says_so_and_keeps_what_it_had(self, store: Store, spec: RunSpec):
        run_id = store.add(spec)
        store.record_metrics(run_id, [(1, {"loss": 1.0})])
        pages = store.database.connection.execute("PRAGMA page_count").fetchone()[0]
        store.database.connection.execute(f"PRAGMA max_page_count = {pages + 2}")
        features = np.random.default_rng(0).normal(size=(1000, 50)).astype(np.float32)
        with pytest.raises(OutOfSpace, match="No disk space is left") as refused:
            store.record_features(run_id, 1, features, np.zeros(1000, np.int16))
        one_sentence(refused)
        assert store.feature_steps(run_id) == []
        store.database.connection.execute("PRAGMA max_page_count = 1000000")
        store.record_features(run_id, 1, features, np.zeros(1000, np.int16))
        assert store.feature_steps(run_id) == [1]
        assert store.latest(run_id) == {"loss": 1.0}

    @pytest.fixture
    def small_disk(self, tmp_path: Path) -> Iterator[Path]:
        folder = tmp_path / "disk"
        folder.mkdir()
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], capture_output=True)
        if mounted.returncode:
            pytest.skip("a small file system can only be mounted by root")
        yield folder
        subprocess.run(["umount", "-l", str(folder)], check=True)

    @pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can mount a file system")
    def test_a_full_disk_tears_nothing(self, small_disk: Path, spec: RunSpec):
        store = Store(small_disk / "store")
        run_id = store.add(spec)
        features = np.random.default_rng(0).normal(size=(1000, 50)).astype(np.float32)
        written = 0
        with pytest.raises(OutOfSpace) as refused:
            for step in range(100):
                store.record_features(run_id, step, features, np.zeros(1000, np.int16))
                written += 1
        one_sentence(refused)
        assert written > 0
        assert store.feature_steps(run_id) == list(range(written))
        store.database.close()
        again = Store(small_disk / "store")
        assert again.feature_steps(run_id) == list(range(written))
        assert again.features(run_id, written - 1) is not None
        assert again.database.rows("PRAGMA integrity_check")[0][0] == "ok"
        again.database.close()

    @pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can mount a file system")
    def test_no_room_for_a_new_store(self, small_disk: Path):
        (small_disk / "filler").write_bytes(b"x" * (2**20 - 8192))
        with pytest.raises(OutOfSpace) as refused:
            Store(small_disk / "store")
        one_sentence(refused)
        (small_disk / "filler").unlink()
        store = Store(small_disk / "store")
        assert store.runs() == []
        store.database.close()


def npy(header: bytes, body: bytes = b"") -> bytes:
    return zlib.compress(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + body)


def zip_file() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.npy", b"")
    return buffer.getvalue()


class TestArrays:
    @pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int8", "int16", "int64", "uint8", "bool"])
    @pytest.mark.parametrize("shape", [(0,), (3,), (2, 3), (2, 0, 4), ()])
    def test_round_trip(self, dtype: str, shape: tuple[int, ...]):
        array = np.arange(np.prod(shape, dtype=int)).reshape(shape).astype(dtype)
        again = unpack(pack(array))
        np.testing.assert_array_equal(again, array)
        assert again.dtype == array.dtype

    def test_views_are_packed_as_they_look(self):
        array = np.arange(12).reshape(3, 4)
        np.testing.assert_array_equal(unpack(pack(array.T[::-1])), array.T[::-1])

    def test_objects_are_not_packed(self):
        with pytest.raises(ValueError, match="Object arrays"):
            pack(np.array([object()]))

    @pytest.mark.parametrize(
        "blob",
        [
            b"",
            b"nonsense",
            zlib.compress(b""),
            zlib.compress(pickle.dumps(["a pickle"])),
            zlib.compress(zip_file()),
            npy(b"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }\n", pickle.dumps(np.array([1], object))),
            npy(b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,), }\n"),
            npy(b"{'descr': '<f8', 'fortran_order': False, 'shape': (-1,), }\n"),
            npy(b"{'descr': '<f8', 'fortran_order': False, 'shape': (9,), }\n", b"\0" * 8),
            npy(b"{'descr': __import__('os'), 'fortran_order': False, 'shape': (1,), }\n"),
            npy(b"(" * 5000),
            npy(b"'''"),
            pack(np.arange(100))[:-20],
        ],
        ids=["empty", "nonsense", "nothing", "pickle", "zip", "object", "huge", "negative", "short", "code", "deep",
             "unclosed", "torn"],
    )  # fmt: skip
    def test_anything_else_is_refused(self, blob: bytes):
        with pytest.raises(StoreError, match="The store holds a damaged record") as refused:
            unpack(blob)
        one_sentence(refused)

    def test_a_bomb_is_refused_before_it_goes_off(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr("tlcore.runs.arrays.MAXIMUM_ARRAY_BYTES", 10_000)
        with pytest.raises(StoreError, match="too large"):
            unpack(pack(np.zeros(100_000, np.uint8)))
        assert len(unpack(pack(np.zeros(5000, np.uint8)))) == 5000

    @given(st.binary(max_size=200))
    def test_any_bytes_give_an_array_or_one_sentence(self, content: bytes):
        for blob in (content, zlib.compress(content), zlib.compress(b"\x93NUMPY\x01\x00" + content)):
            with pytest.raises(StoreError):
                unpack(blob)


def test_a_database_without_its_folder_says_so(tmp_path: Path):
    with pytest.raises(StoreError):
        Database(tmp_path / "missing" / "lab.sqlite", read_only=True)


class TestOlderFormats:
    FIRST = tuple(name for name in ("neighbours", "film_quality", "anatomies"))

    def first_format(self, store: Store) -> Path:
        """The store as the first format had it: without the tables that came later."""
        for table in self.FIRST:
            store.database.connection.execute(f"DROP TABLE {table}")
        store.database.connection.execute("PRAGMA user_version = 1")
        store.database.close()
        return store.folder / Store.FILE

    def test_a_store_of_the_first_format_is_brought_up_to_date_with_all_its_runs(self, store: Store):
        identity = store.add(RunSpec())
        self.first_format(store)
        opened = Store(store.folder)
        opened.record_neighbours(identity, Neighbours(3, np.array([[1], [0]], np.int16)))
        assert opened.require(identity).id == identity
        assert opened.neighbours(identity).indices.tolist() == [[1], [0]]
        assert opened.database.rows("PRAGMA user_version")[0][0] == FORMAT

    def test_a_recorded_store_of_the_first_format_is_read_and_has_none_of_the_later_records(self, store: Store):
        identity = store.add(RunSpec())
        file = self.first_format(store)
        before = file.read_bytes()
        opened = Store(file=file)
        assert opened.require(identity).id == identity
        assert opened.neighbours(identity) is opened.film_quality(identity, "umap") is opened.anatomy(identity) is None
        assert opened.neighbour_steps(identity) == []
        assert file.read_bytes() == before
