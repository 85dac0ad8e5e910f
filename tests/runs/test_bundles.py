"""Bundles: a run goes out and comes in whole; what is not as it should be is refused and nothing changes."""

from __future__ import annotations

import hashlib
import io
import json
import struct
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tlcore.errors import InvalidRequest, OutOfSpace
from tlcore.exports import Source, content_of
from tlcore.runs import Confusion, Frame, Neighbours, Notice, Probe, Store, bundle_archive, bundle_reading
from tlcore.runs.arrays import pack
from tlcore.runs.bundle_reading import import_bundle
from tlcore.runs.bundles import write_bundle
from tlcore.runs.records import DESCRIBED, TaskLabels
from tlcore.runs.safetensors_header import check_safetensors
from tlcore.specs import RunSpec

COUNT = 12


def weights(numbers: int = 4) -> bytes:
    header = json.dumps({"layer": {"dtype": "F32", "shape": [numbers], "data_offsets": [0, 4 * numbers]}}).encode()
    return struct.pack("<Q", len(header)) + header + bytes(4 * numbers)


@pytest.fixture
def run(store: Store, spec: RunSpec) -> str:
    run = store.add(spec, preset="domain-adversarial/moons", arm="dann")
    store.record_metrics(run, [(0, {"a": 0.5, "b": float("nan")}), (10, {"a": 0.75})])
    store.record_notice(run, Notice(3, "warning", "code", "A <b>notice</b>."))
    labels = (np.arange(COUNT) % 3).astype(np.int16)
    pictures = np.random.default_rng(0).integers(0, 255, (COUNT, 1, 4, 4), dtype=np.uint8)
    store.record_probe(run, Probe(labels, (np.arange(COUNT) % 2).astype(np.int8), ("x", "y", "z"), pictures))
    for step in (0, 10):
        points = np.full((COUNT, 2), step, np.float32)
        store.record_frames(run, [Frame(step, "umap", points, labels)])
    store.record_confusion(run, Confusion(10, "target", np.eye(3, dtype=np.int64)))
    store.record_neighbours(run, Neighbours(10, np.zeros((COUNT, 2), np.int16)))
    store.change(run, state="finished", step=10, ended=1e9, summary={"a": 0.75}, provenance={"device": "cpu"})
    store.run_folder(run).mkdir(parents=True)
    (store.run_folder(run) / "weights.safetensors").write_bytes(weights())
    store.rename(run, "a name")
    store.tag([run], ["tag"])
    return run


@pytest.fixture
def content(store: Store, run: str) -> bytes:
    return write_bundle(store, store.require(run))


@pytest.fixture
def other(tmp_path: Path) -> Store:
    return Store(tmp_path / "other")


def rewritten(content: bytes, change: Callable[[dict[str, bytes]], None], *, honest: bool = True) -> bytes:
    """The bundle with other members; honest: the manifest tells of them as they are."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    if honest:
        manifest = json.loads(members["manifest.json"])
        manifest["members"] = {
            name: {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
            for name, data in members.items()
            if name != "manifest.json"
        }
        members["manifest.json"] = json.dumps(manifest).encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def edit(member: str, change: Callable[[Any], None]) -> Callable[[dict[str, bytes]], None]:
    def act(members: dict[str, bytes]) -> None:
        document = json.loads(members[member])
        change(document)
        members[member] = json.dumps(document).encode()

    return act


def array_of(table: str, column: str, array: np.ndarray) -> Callable[[dict[str, bytes]], None]:
    """Put another array in the place of one that a record names."""

    def act(members: dict[str, bytes]) -> None:
        buffer = io.BytesIO()
        np.save(buffer, array, allow_pickle=True)
        members[json.loads(members["records.json"])[table][0][column]] = buffer.getvalue()

    return act


def refused(other: Store, content: bytes) -> str:
    with pytest.raises(InvalidRequest) as error:
        import_bundle(other, content)
    text = str(error.value)
    assert text.startswith("This bundle cannot be imported") and text.endswith(".") and "\n" not in text
    assert other.runs() == [] and not (other.folder / "runs").exists()
    for table in ("metrics", "frames", "labels", "tags", "probes"):
        assert other.database.rows(f"SELECT count(*) FROM {table}")[0][0] == 0
    return text


def test_everything_comes_back(store: Store, other: Store, run: str, content: bytes):
    imported = import_bundle(other, content)
    assert (imported.run, imported.new) == (run, True)
    before, after = store.require(run), other.require(run)
    assert (after.spec, after.arm, after.state, after.summary) == (before.spec, "dann", "finished", {"a": 0.75})
    assert after.provenance["device"] == "cpu" and "imported" in after.provenance
    mine, theirs = store.metrics(run), other.metrics(run)
    assert mine.keys() == theirs.keys()
    for name in mine:
        np.testing.assert_array_equal(mine[name].values, theirs[name].values)
    assert other.notices(run) == store.notices(run)
    np.testing.assert_array_equal(other.probe(run).thumbnails, store.probe(run).thumbnails)
    assert other.probe(run).class_names == ("x", "y", "z")
    for old, new in zip(store.frames(run, "umap"), other.frames(run, "umap"), strict=True):
        np.testing.assert_array_equal(old.points, new.points)
    np.testing.assert_array_equal(other.confusion(run, "target").counts, np.eye(3))
    assert other.neighbours(run).indices.shape == (COUNT, 2)
    assert (other.run_folder(run) / "weights.safetensors").read_bytes() == weights()
    assert (other.label(run).name, other.label(run).tags) == ("a name", ("tag",))


def test_a_run_that_is_there_stays_as_it_is(store: Store, run: str, content: bytes):
    store.rename(run, "mine")
    imported = import_bundle(store, content)
    assert not imported.new and store.label(run).name == "mine" and "already" in imported.sentence()


def test_weights_only_if_wanted(store: Store, other: Store, run: str):
    import_bundle(other, write_bundle(store, store.require(run), weights=False))
    assert not other.run_folder(run).exists()


def test_a_run_that_trains_is_not_bundled(store: Store, run: str):
    store.change(run, state="running")
    with pytest.raises(InvalidRequest, match="has ended"):
        write_bundle(store, store.require(run))


def test_no_room_changes_nothing(other: Store, content: bytes, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TLCORE_STORE_LIMIT", "1 kB")
    with pytest.raises(OutOfSpace):
        import_bundle(other, content)
    assert other.runs() == []


def test_whoever_brings_it_must_have_room_for_what_is_written(other: Store, content: bytes):
    asked = []

    def refuse(size: int) -> None:
        asked.append(size)
        raise OutOfSpace("Too much.")

    with pytest.raises(OutOfSpace, match="Too much"):
        import_bundle(other, content, admit=refuse)
    assert asked == [bundle_reading.read_bundle(content).size] and other.runs() == []


@pytest.mark.parametrize("share", [0, 0.01, 0.5, 0.99])
def test_cut(other: Store, content: bytes, share: float):
    assert "cut off or no bundle" in refused(other, content[: int(share * len(content))])


def test_altered_without_its_hash(other: Store, content: bytes):
    def change(members: dict[str, bytes]) -> None:
        members["metrics.json"] = members["metrics.json"].replace(b"0.5", b"0.9")

    assert "metrics.json was altered" in refused(other, rewritten(content, change, honest=False))


def test_any_flipped_byte_is_refused_or_harmless(store: Store, other: Store, content: bytes):
    random = np.random.default_rng(0)
    for place in random.integers(0, len(content), 60):
        broken = bytearray(content)
        broken[place] ^= 0x41
        try:
            imported = import_bundle(other, bytes(broken))
        except InvalidRequest:
            assert other.runs() == []
        else:  # a byte that says nothing, such as a time in the zip's directory
            np.testing.assert_equal(other.latest(imported.run), store.latest(imported.run))
            other.delete(imported.run)


def test_newer_version(other: Store, content: bytes):
    newer = rewritten(content, edit("manifest.json", lambda manifest: manifest.update(format=2)))
    assert "newer version of the lab (format 2" in refused(other, newer)


@pytest.mark.parametrize(
    "name", ["../../evil.json", "/etc/passwd", "arrays/../../x.npy", "C:\\x", "<script>alert(1)</script>", "a\nb.json"]
)
def test_names_that_lead_elsewhere(other: Store, content: bytes, name: str):
    text = refused(other, rewritten(content, lambda members: members.update({name: b"x"})))
    assert "does not belong" in text and "script" not in text


def test_bomb(other: Store, content: bytes):
    zeros = b" " * (65 * 2**20)
    assert "too large" in refused(other, rewritten(content, lambda members: members.update({"notices.json": zeros})))


def test_an_array_that_many_records_name(other: Store, content: bytes, monkeypatch: pytest.MonkeyPatch):
    """Unpacked, checked and packed once, but counted for each record: a small bundle stays a small run."""

    def change(members: dict[str, bytes]) -> None:
        buffer = io.BytesIO()
        np.save(buffer, np.zeros((512, 512), np.float32))
        members["arrays/" + "0" * 24 + ".npy"] = buffer.getvalue()
        document = json.loads(members["records.json"])
        field = {"name": "loss", "extent": [0, 1, 0, 1], "field": "arrays/" + "0" * 24 + ".npy"}
        document["surfaces"] = [field | {"step": step} for step in range(5000)]
        members["records.json"] = json.dumps(document).encode()

    bomb = rewritten(content, change)
    assert len(bomb) < 200_000
    assert "what its records name is larger than 4 GB" in refused(other, bomb)
    packs: list[int] = []
    monkeypatch.setattr(bundle_archive, "LARGEST_CONTENT", 20 * 2**30)
    monkeypatch.setattr(bundle_reading, "pack", lambda array: packs.append(array.nbytes) or pack(array))
    bundle = bundle_reading.read_bundle(bomb)
    assert packs.count(2**20) == 1 and len({id(row[-1]) for row in bundle.rows["surfaces"]}) == 1
    assert bundle.size > 5000 * len(bundle.rows["surfaces"][0][-1])
    monkeypatch.setenv("TLCORE_STORE_LIMIT", f"{bundle.size // 2} B")
    with pytest.raises(OutOfSpace):
        import_bundle(other, bomb)
    assert other.runs() == []


@pytest.mark.parametrize(
    "change",
    [
        edit("records.json", lambda document: document["frames"].append(document["frames"][0])),
        edit("records.json", lambda document: document["confusions"].append(document["confusions"][0])),
        edit("records.json", lambda document: document["neighbours"].append(document["neighbours"][0])),
        edit(
            "records.json",
            lambda document: document.update(film_quality=2 * [{"projection": "umap", "layout": 0, "values": {}}]),
        ),
    ],
)
def test_a_record_that_stands_there_twice(other: Store, content: bytes, change: Callable[[Any], None]):
    assert "twice" in refused(other, rewritten(content, change))


def test_what_cannot_be_shown_is_not_kept(other: Store, content: bytes):
    """Half of a surrogate pair, colours of a terminal: whatever looks at the run or writes it to a file would fail."""

    def rename(document: Any) -> None:
        document["probes"][0]["class_names"] = ["\ud800x", "\x1b[1mbold", "z"]

    def machine(document: Any) -> None:
        document["provenance"] |= {"device_name": "\udfffcard\x07", "cores": 2}
        document.update(created=9e10, started=9e10, ended=9e10)

    changed = rewritten(rewritten(content, edit("records.json", rename)), edit("run.json", machine))
    steep = {"a": {"steps": [0, 10], "values": [-1e300, 1e300]}}
    changed = rewritten(changed, edit("metrics.json", lambda document: document.update(steep)))
    run = other.require(import_bundle(other, changed).run)
    probe = other.probe(run.id)
    assert probe is not None and probe.class_names == (" x", " [1mbold", "z")
    assert run.provenance["device_name"] == " card " and run.provenance["cores"] == 2
    assert run.ended is not None and max(run.created, run.ended) <= time.time()
    source = [Source(other, run)]
    for kind in ("html", "json", "csv", "npz", "parquet", "metrics-parquet", "tensorboard", "bundle"):
        assert content_of(source, kind), kind


@pytest.mark.parametrize("value", [{"a": 1}, ["a"], "x" * 2000, 10**400])
def test_a_machine_is_told_in_words_and_numbers(other: Store, content: bytes, value: Any):
    changed = edit("run.json", lambda document: document["provenance"].update(device_name=value))
    refused(other, rewritten(content, changed))


def test_a_spec_that_is_not_the_runs(other: Store, content: bytes):
    changed = edit("run.json", lambda document: document["spec"].update(seed=5))
    assert "not that of the run" in refused(other, rewritten(content, changed))
    unknown = edit("run.json", lambda document: document["spec"].update(method={"name": "of the future"}))
    assert "cannot be read by this version" in refused(other, rewritten(content, unknown))


@pytest.mark.parametrize(
    ("table", "column", "array"),
    [
        ("frames", "points", np.zeros((COUNT + 1, 2), np.float32)),
        ("frames", "points", np.zeros((COUNT, 3), np.float32)),
        ("frames", "points", np.zeros((COUNT, 2), np.int64)),
        ("frames", "points", np.array([{"a": 1}], dtype=object)),
        ("probes", "domains", np.full(COUNT, 7, np.int8)),
        ("probes", "thumbnails", np.zeros((COUNT, 2, 4, 4), np.uint8)),
        ("confusions", "counts", np.full((3, 3), -1, np.int64)),
        ("confusions", "counts", np.zeros((3, 2), np.int64)),
        ("neighbours", "indices", np.full((COUNT, 2), COUNT, np.int16)),
    ],
)
def test_arrays_of_wrong_shape(other: Store, content: bytes, table: str, column: str, array: np.ndarray):
    refused(other, rewritten(content, array_of(table, column, array)))


def test_an_array_that_claims_to_be_huge(other: Store, content: bytes):
    def change(members: dict[str, bytes]) -> None:
        buffer = io.BytesIO()
        header = {"descr": "<f4", "fortran_order": False, "shape": (10**12, 2)}
        np.lib.format.write_array_header_1_0(buffer, header)
        members[json.loads(members["records.json"])["frames"][0]["points"]] = buffer.getvalue()

    assert "damaged" in refused(other, rewritten(content, change))


@pytest.mark.parametrize(
    "change",
    [
        edit("run.json", lambda document: document.update(state="running")),
        edit("run.json", lambda document: document.update(arm="<img src=x>")),
        edit("run.json", lambda document: document.update(step=10**9)),
        edit("run.json", lambda document: document.pop("seconds")),
        edit("run.json", lambda document: document.update(tags=["x" * 90])),
        edit("metrics.json", lambda document: document.update({"<b>": {"steps": [1], "values": [1]}})),
        edit("metrics.json", lambda document: document["a"]["steps"].append(0)),
        edit("metrics.json", lambda document: document["a"].update(values=["x", 1])),
        edit("notices.json", lambda document: document[0].update(level="<b>")),
        edit("records.json", lambda document: document.update(runs=[])),
        edit("records.json", lambda document: document["frames"][0].update(points="run.json")),
        edit("records.json", lambda document: document["frames"][0].update(projection=None)),
        lambda members: members.update({"run.json": b"[" * 100_000}),
        lambda members: members.update({"metrics.json": b"[NaN]"}),
        lambda members: members.pop("records.json"),
        lambda members: members.update({"weights.safetensors": weights()[:-3]}),
    ],
)
def test_contents_that_are_not_as_they_should_be(other: Store, content: bytes, change: Callable[[Any], None]):
    refused(other, rewritten(content, change))


def test_weights_are_told_from_their_header():
    assert check_safetensors(weights()) is None
    assert check_safetensors(weights() + b"x") and check_safetensors(b"\xff" * 20) and check_safetensors(b"")


def test_labels_of_several_tasks_go_out_and_come_in(store: Store, run: str, other: Store) -> None:
    labels = (np.arange(COUNT) % 3).astype(np.int16)
    more = TaskLabels("mood", np.where(labels == 2, -1, labels), ("calm", "wild"))
    store.record_probe(run, Probe(labels, np.ones(COUNT, np.int8), ("x", "y", "z"), None, "animal", (more,)))
    content = write_bundle(store, store.require(run))
    import_bundle(other, content)
    for place in (store, other):
        probe = place.probe(run)
        assert probe is not None and (probe.task, probe.class_names) == ("animal", ("x", "y", "z"))
        assert probe.labels_by("task1")[1] == ("calm", "wild") and probe.labels_by("task2")[1] == ("x", "y", "z")
        assert probe.labels_by("task1")[0].tolist() == more.labels.tolist()
        assert probe.labels.tolist() == labels.tolist() and probe.thumbnails is None


@pytest.mark.parametrize(
    "names", [{"animal": ["x", "y", "z"]}, {"animal": ["x", "y", "z"], "<b>": ["calm", "wild"]}, {"a": ["x"], "b": []}]
)
def test_tasks_that_do_not_fit_the_labels_are_refused(store: Store, run: str, other: Store, names: Any) -> None:
    labels = (np.arange(COUNT) % 3).astype(np.int16)
    more = TaskLabels("mood", labels % 2, ("calm", "wild"))
    store.record_probe(run, Probe(labels, np.ones(COUNT, np.int8), ("x", "y", "z"), None, "animal", (more,)))
    content = write_bundle(store, store.require(run))
    change = edit("records.json", lambda document: document["probes"][0].update(class_names=names))
    refused(other, rewritten(content, change))


def test_counts_of_the_source_may_have_classes_of_their_own(store: Store, run: str, other: Store) -> None:
    store.record_confusion(run, Confusion(10, "source", np.eye(7, dtype=np.int64)))
    import_bundle(other, write_bundle(store, store.require(run)))
    found = {domain: other.confusion(run, domain) for domain in ("target", "source")}
    assert {domain: one and len(one.counts) for domain, one in found.items()} == {"target": 3, "source": 7}


@pytest.mark.parametrize(("count", "fits"), [(2, True), (4, True), (3, False)])
def test_counts_of_classes_beside_their_descriptions(
    store: Store, run: str, other: Store, count: int, fits: bool
) -> None:
    names = ("ant", "bee", *map(DESCRIBED.format, ("ant", "bee")))
    store.record_probe(run, Probe((np.arange(COUNT) % 4).astype(np.int16), np.ones(COUNT, np.int8), names, None))
    store.record_confusion(run, Confusion(10, "target", np.eye(count, dtype=np.int64)))
    content = write_bundle(store, store.require(run))
    if fits:
        assert import_bundle(other, content).run == run
    else:
        refused(other, content)
