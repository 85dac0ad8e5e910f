"""The recorded runs that ship with the lab: each still loads, and is what the present presets ask for."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from tlcore import gallery
from tlcore.errors import StoreError
from tlcore.gallery import FOLDER, gallery_file, recorded
from tlcore.gallery.__main__ import lacks, main
from tlcore.gallery.keep import repack, write_gallery
from tlcore.presets import all_presets, find_preset
from tlcore.runs import Confusion, FilmQuality, Frame, Neighbours, Probe, Store, Surface
from tlcore.runs.arrays import unpack
from tlcore.runs.sheets import HEAD, MAGIC, pack_sheet

FILES = sorted(FOLDER.glob("*.sqlite"))
LARGEST_BYTES = 25 * 2**20
LARGEST_FILE_BYTES = 5 * 2**20
# What runs on other data than a target's own labels are compared by; the arm of a zero-shot task that only learns
# features for others knows seen classes alone. A network of a quantity alone is told by R² of its quantity.
MAIN_METRIC = {
    "source_task": "source_accuracy", "zero_shot": "seen_accuracy", "unlabelled": "neighbour_agreement",
}  # fmt: skip
PROVENANCE = {"lab", "python", "torch", "torchvision", "cpu", "cores", "threads", "device", "precision"}


def test_the_first_preset_of_every_page_is_recorded() -> None:
    first = {preset.page: preset.identity for preset in reversed(all_presets().values())}
    assert first
    assert all(recorded(identity) is not None for identity in first.values())


def test_all_files_together_stay_small() -> None:
    shipped = [file for file in FOLDER.iterdir() if file.is_file() and file.suffix != ".py"]
    assert sum(file.stat().st_size for file in shipped) < LARGEST_BYTES
    assert max(file.stat().st_size for file in FILES) < LARGEST_FILE_BYTES


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_recorded_runs_are_those_of_the_preset(file: Path) -> None:
    preset = find_preset(file.stem.replace("--", "/"))
    store = recorded(preset.identity)
    assert store is not None
    runs = {run.id: run for run in store.runs()}
    for arm, seed, spec in preset.specs([0]):
        run = runs[spec.content_hash]
        assert (run.arm, run.spec.seed, run.state) == (arm, seed, "finished")
    for identity, run in runs.items():
        assert run.spec.content_hash == identity, "the spec still hashes to its name"
        assert run.step == run.spec.budget.steps
        assert set(run.provenance) >= PROVENANCE
        quantity = f"r2.{next(iter(getattr(run.spec.data, 'tasks', ())), '')}"
        main = MAIN_METRIC.get(run.spec.data.kind, "target_accuracy")
        assert 0 <= run.summary[quantity if quantity in run.summary else main] <= 1
        assert max(series.steps[-1] for series in store.metrics(identity).values()) == run.step


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_arms_that_are_shown_have_their_films(file: Path) -> None:
    preset = find_preset(file.stem.replace("--", "/"))
    store = recorded(preset.identity)
    assert store is not None
    for arm in preset.side_by_side:
        identity = preset.arms[arm].content_hash
        run, probe = store.get(identity), store.probe(identity)
        assert run is not None and probe is not None
        for projection in ("pca", "umap"):
            frames = store.frames(identity, projection)
            assert len(frames) >= min(6, run.spec.budget.frames + 1)
            assert all(frame.points.shape == (len(probe), 2) for frame in frames)
            assert all(np.isfinite(frame.points).all() for frame in frames)
        confusions = {domain: store.confusion(identity, domain) for domain in ("source", "target")}
        told = [name for name in run.summary if name.endswith("_accuracy")]
        assert any(confusions.values()) or not told, "features that are learned without labels name nothing"
        for domain, confusion in confusions.items():
            assert confusion is not None or f"{domain}_accuracy" not in run.summary
            assert confusion is None or confusion.counts.sum() > 0


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_what_older_recorded_runs_lack_is_said_to_be_missing(file: Path) -> None:
    """Those made before there were films in space have none; those that have them have all that belongs to them."""
    store = Store(file=file)
    for run in store.runs():
        projections = store.projections(run.id)
        if "umap-3d" not in projections:
            assert store.neighbours(run.id) is None and store.neighbour_steps(run.id) == []
            assert store.film_quality(run.id, "umap") is None
            continue
        assert store.neighbour_steps(run.id)[-1] == store.frames(run.id, "umap")[-1].step
        for projection in ("pca", "pca-3d", "umap", "umap-3d"):
            quality = store.film_quality(run.id, projection)
            assert quality is not None and quality.layout == projections[projection][0]
            assert 0 < quality.values["trustworthiness"] <= 1


def test_a_recorded_store_cannot_be_written() -> None:
    store = recorded(FILES[0].stem.replace("--", "/"))
    assert store is not None
    with pytest.raises(Exception, match="can be read but not written"):
        store.delete(store.runs()[0].id)


def test_writing_a_gallery_keeps_the_newest_film_of_the_first_seed_only(tmp_path: Path) -> None:
    store = Store(tmp_path / "lab")
    preset = find_preset("domain-adversarial/moons")
    specs = [preset.specs([seed])[0][2] for seed in (0, 1)]
    points = np.asarray([[0.1, 0.2], [0.3, 0.4]], np.float32)
    in_space = np.asarray([[-17.123, 0.2, 3.0], [9.87, 0.4, 0.0]], np.float32)
    predictions = np.asarray([0, 1], np.int16)
    for spec in specs:
        identity = store.add(spec, arm="source_only")
        store.record_probe(identity, Probe(predictions, np.asarray([0, 1], np.int8), ("a", "b")))
        store.record_metrics(identity, [(1, {"class_loss": 0.5})])
        for layout in (0, 1):
            store.record_frames(identity, [Frame(0, "umap", points + layout, predictions, layout)])
        for step in (1, 2):
            store.record_confusion(identity, Confusion(step, "target", np.full((2, 2), step)))
        store.record_features(identity, 0, np.ones((2, 3), np.float32), predictions)
        store.record_frames(identity, [Frame(0, "pca-3d", in_space, predictions)])
        for step in range(0, 200, 5):
            store.record_neighbours(identity, Neighbours(step, np.asarray([[1], [0]], np.int16)))
        for layout in (0, 1):
            store.record_film_quality(identity, FilmQuality("umap", layout, {"displacement": 0.1 * layout}))
        store.record_film_quality(identity, FilmQuality("pca-3d", 0, {"trustworthiness": 0.9}))
    first, second = (spec.content_hash for spec in specs)
    file = write_gallery(store, [first, second], tmp_path / "kept.sqlite", films={first})
    kept = Store(file=file)
    frames = kept.frames(first, "umap")
    assert [frame.layout for frame in frames] == [1]
    assert frames[0].points.dtype == np.float32
    np.testing.assert_allclose(frames[0].points, points + 1, atol=1e-3)
    assert kept.frames(second, "umap") == kept.frames(second, "pca-3d") == []
    np.testing.assert_allclose(kept.frames(first, "pca-3d")[0].points, in_space, atol=np.ptp(in_space) / 1000)
    steps = kept.neighbour_steps(first)
    assert len(steps) == 7 and steps[0] == 0 and steps[-1] == 195
    assert set(np.diff(steps)) <= {30, 35} and kept.neighbour_steps(second) == []
    np.testing.assert_array_equal(kept.neighbours(first).indices, [[1], [0]])
    assert kept.film_quality(first, "umap") == FilmQuality("umap", 1, {"displacement": 0.1})
    assert kept.film_quality(first, "pca-3d") == FilmQuality("pca-3d", 0, {"trustworthiness": 0.9})
    assert kept.film_quality(second, "umap") is None
    assert kept.database.rows("SELECT count(*) FROM film_quality")[0][0] == 2
    assert kept.latest(second) == {"class_loss": 0.5}
    assert kept.confusion(second, "target").step == 2
    assert kept.feature_steps(first) == []
    assert gallery_file("a/b").name == "a--b.sqlite"


def test_a_long_film_is_thinned_evenly_and_writing_it_again_changes_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path / "lab")
    random = np.random.default_rng(0)
    arms = find_preset("domain-adversarial/moons").arms
    identities = [store.add(spec, arm=arm) for arm, spec in arms.items()]
    thumbnails = np.repeat(random.integers(0, 256, (50, 3, 1, 1), dtype=np.uint8), 16, axis=2).repeat(16, axis=3)
    zeros = np.zeros(50, np.int16)
    for identity in identities:
        store.record_probe(identity, Probe(zeros, zeros.astype(np.int8), ("a",), thumbnails))
        steps = range(0, 310, 10)
        store.record_metrics(
            identity, [(step, {"class_loss": 1 / (1 + step), "λ": float("nan")}) for step in range(500)]
        )
        for projection, dimensions in (("pca", 2), ("umap-3d", 3)):
            points = random.normal(size=(50, dimensions)).astype(np.float32)
            store.record_frames(identity, [Frame(step, projection, points * step, zeros) for step in steps])
        store.record_surface(identity, Surface(300, "class", (0.0, 1.0, 0.0, 1.0), np.full((4, 4), 0.3, np.float32)))
    file = write_gallery(store, identities, tmp_path / "kept.sqlite", films=set(identities[:2]))
    kept = Store(file=file)
    first = identities[0]
    flat, space = ([frame.step for frame in kept.frames(first, name)] for name in ("pca", "umap-3d"))
    assert len(flat) == 21 and len(space) == 11 and flat[0] == space[0] == 0 and flat[-1] == space[-1] == 300
    assert set(np.diff(flat)) <= {10, 20} and set(np.diff(space)) == {30}
    for before, after in zip((frame for frame in store.frames(first, "pca") if frame.step in flat),
                             kept.frames(first, "pca"), strict=True):  # fmt: skip
        np.testing.assert_allclose(after.points, before.points, atol=max(np.ptp(before.points), 1e-9) / 1000)
    series = kept.metrics(first)
    assert len(series["class_loss"].steps) == 100 and series["class_loss"].steps[-1] == 499
    assert np.isnan(series["λ"].values).all()
    assert len(kept.metrics(identities[2], ["class_loss"])["class_loss"].steps) == 40
    assert kept.latest(first)["class_loss"] == 1 / 500
    probes = [kept.probe(identity) for identity in identities]
    assert probes[2] is None and probes[0].thumbnails.dtype == np.uint8
    assert np.abs(probes[0].thumbnails.astype(int) - thumbnails).mean() < 8
    np.testing.assert_array_equal(probes[0].thumbnails, probes[1].thumbnails)
    assert kept.database.rows("SELECT count(*) FROM contents WHERE length(content) > 1000")[0][0] < 70
    np.testing.assert_allclose(kept.surfaces(first)[0].values, 0.3, atol=1 / 512)

    before = {
        table: kept.database.rows(f"SELECT * FROM {table}") for table in ("metrics", "frames", "probes", "surfaces")
    }
    kept.database.close()
    repack(file)
    again = Store(file=file)
    for table, rows in before.items():
        assert [tuple(row) for row in again.database.rows(f"SELECT * FROM {table}")] == [tuple(row) for row in rows]


@pytest.mark.parametrize("shape", [(1, 1, 8, 8), (7, 3, 16, 24), (50, 1, 28, 28)])
def test_a_sheet_holds_every_picture_at_its_place(shape: tuple[int, int, int, int]) -> None:
    pictures = np.broadcast_to(np.linspace(0, 255, shape[0]).astype(np.uint8)[:, None, None, None], shape)
    back = unpack(pack_sheet(pictures))
    assert back.shape == shape and back.dtype == np.uint8
    assert np.abs(back.astype(int) - pictures).max() <= 12


def test_a_damaged_sheet_is_a_damaged_record() -> None:
    sheet = pack_sheet(np.zeros((4, 3, 8, 8), np.uint8))
    for damaged in (
        sheet[:8],
        sheet[:-30],
        sheet[: len(MAGIC)] + HEAD.pack(4, 3, 9, 9) + sheet[len(MAGIC) + HEAD.size :],
    ):
        with pytest.raises(StoreError, match="damaged record"):
            unpack(damaged)


def test_presets_that_need_more_than_the_lab_say_what() -> None:
    reasons = {name: lacks(preset) for name, preset in all_presets().items()}
    assert reasons["domain-adversarial/moons"] is None
    assert "mnist" in reasons["domain-adversarial/mnist-mnistm"]
    assert "weights" in reasons["fine-tuning/ants-and-bees"]


def test_repacking_by_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.setattr(gallery, "FOLDER", tmp_path)
    monkeypatch.setattr("tlcore.gallery.__main__.FOLDER", tmp_path)
    shutil.copy(FILES[0], tmp_path)
    assert main(["--repack", FILES[0].stem.replace("--", "/")]) == 0 and main(["--repack"]) == 0
    assert capsys.readouterr().err.count(FILES[0].name) == 2
    assert (tmp_path / FILES[0].name).stat().st_size <= FILES[0].stat().st_size
    assert main(["--repack", "no/preset"]) == 2
