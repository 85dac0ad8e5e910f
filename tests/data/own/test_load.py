"""Own data as tensors: split by seed or as given, nothing torn apart, trained on like any other data."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from pydantic import ValidationError

from tests.data.own.conftest import classes, fill
from tlcore.data import load_dataset, load_pair
from tlcore.data.own.folders import FolderFiles
from tlcore.data.own.library import import_pictures
from tlcore.data.own.load import open_own, overlapping
from tlcore.data.own.manifest import Manifest, open_array
from tlcore.errors import InvalidRequest, MissingData
from tlcore.methods.registry import METHODS
from tlcore.specs import Budget, Dann, DomainPair, OwnFeatures, OwnPictures, RunSpec, Shifted, override
from tlcore.training.events import Metrics
from tlcore.training.preparation import prepare

PARTS = ("train", "validation", "test")
PETS = OwnPictures(dataset="pets")


def imported(folder: Path, side: int = 16) -> Manifest:
    return import_pictures(FolderFiles(folder), "pets", side=side)


@pytest.fixture
def two_domains(tmp_path: Path, data: Path) -> Manifest:
    """photo and art, two classes of ten each."""
    return imported(fill(tmp_path / "p", classes("photo/a", "photo/b", "art/a", "art/b", count=10)))


def identities(domain: object) -> dict[str, set[int]]:
    return {part: set(getattr(domain, part).identities.tolist()) for part in PARTS}


def test_split_by_seed_is_seventy_ten_twenty_in_every_class_and_domain(two_domains: Manifest) -> None:
    domain = load_dataset(PETS, 0)
    assert [len(getattr(domain, part)) for part in PARTS] == [28, 4, 8]
    assert domain.train.inputs.shape == (28, 3, 16, 16) and domain.train.inputs.dtype == torch.uint8
    assert torch.bincount(domain.test.labels).tolist() == [4, 4]
    assert identities(domain) == identities(load_dataset(PETS, 0))
    assert identities(domain) != identities(load_dataset(PETS, 1))
    seen = identities(domain)
    assert not seen["train"] & seen["test"] and not seen["train"] & seen["validation"]


def test_inputs_are_the_pictures_of_the_labels(two_domains: Manifest, data: Path) -> None:
    array = open_array(data / "own" / "pets", two_domains)
    where = {row: (label, file) for row, label, file in zip(
        two_domains.rows, two_domains.labels, two_domains.files, strict=True)}  # fmt: skip
    part = load_dataset(PETS.model_copy(update={"domain": "art"}), 3).train
    for pixels, label, identity in zip(part.inputs, part.labels, part.identities, strict=True):
        assert np.array_equal(pixels.numpy(), array[int(identity)])
        assert where[int(identity)][0] == int(label) and where[int(identity)][1].startswith("art/")
    assert part.class_names == ("a", "b")


def test_two_domains_of_one_data_set_are_a_pair_that_agrees_with_the_whole(two_domains: Manifest) -> None:
    photo, art = (PETS.model_copy(update={"domain": name}) for name in ("photo", "art"))
    pair = load_pair(DomainPair(source=photo, target=art), 5)
    whole = identities(load_dataset(PETS, 5))
    for part in PARTS:
        assert len(getattr(pair.source, part)) * 2 == len(whole[part]), "no domain is halved"
        assert identities(pair.source)[part] | identities(pair.target)[part] == whole[part]
    assert not overlapping(photo, art) and overlapping(photo, PETS) and overlapping(art, art)


def test_the_same_domain_twice_is_halved(two_domains: Manifest) -> None:
    shifted = Shifted(base=PETS)
    pair = load_pair(DomainPair(source=PETS, target=shifted), 0)
    source, target = identities(pair.source), identities(pair.target)
    assert not set().union(*source.values()) & set().union(*target.values())
    assert len(set().union(*source.values(), *target.values())) == 40


def test_what_is_the_same_picture_stays_in_one_part(tmp_path: Path, data: Path) -> None:
    folder = fill(tmp_path / "p", classes("photo/a", "photo/b", "art/a", "art/b", count=10))
    for number in range(10):  # every drawing a is a copy of the photograph a
        (folder / f"art/a/{number}.png").write_bytes((folder / f"photo/a/{number}.png").read_bytes())
    imported(folder)
    for seed in range(5):
        seen = identities(load_dataset(PETS, seed))
        assert not seen["train"] & (seen["test"] | seen["validation"]) and not seen["test"] & seen["validation"]


def test_given_parts_are_kept(tmp_path: Path, data: Path) -> None:
    manifest = imported(fill(tmp_path / "p", classes(*(f"{p}/{c}" for p in ("train", "val", "test") for c in "ab"))))
    domain = load_dataset(PETS, 0)
    for part, folder in zip(PARTS, ("train", "val", "test"), strict=True):
        rows = getattr(domain, part).identities.tolist()
        assert {manifest.files[manifest.rows.index(row)].split("/")[0] for row in rows} == {folder}
        assert len(rows) == 8


def test_of_train_and_val_alone_val_is_reported_on(tmp_path: Path, data: Path) -> None:
    manifest = imported(fill(tmp_path / "p", classes(*(f"{p}/{c}" for p in ("train", "val") for c in "ab"), count=10)))
    domain = load_dataset(PETS, 0)
    folders = {
        part: Counter(manifest.files[manifest.rows.index(row)].split("/")[0]
                      for row in getattr(domain, part).identities.tolist()) for part in PARTS
    }  # fmt: skip
    assert folders == {"train": {"train": 18}, "validation": {"train": 2}, "test": {"val": 20}}


def test_rows_in_order_are_mapped_and_writing_to_them_changes_no_file(tmp_path: Path, data: Path) -> None:
    manifest = imported(fill(tmp_path / "p", classes("a", "b")))
    path = data / "own" / "pets" / manifest.array
    before = path.read_bytes()
    arrays = open_own(PETS)
    assert arrays.inputs.shape == (8, 3, 16, 16) and arrays.labels.tolist() == [0] * 4 + [1] * 4
    arrays.inputs.zero_()
    assert path.read_bytes() == before


def test_limit_takes_balanced_training_pictures_alone(two_domains: Manifest) -> None:
    domain = load_dataset(PETS.model_copy(update={"limit": 10}), 0)
    assert torch.bincount(domain.train.labels).tolist() == [5, 5]
    assert len(domain.test) == 8


def test_attributes_that_are_numbers_come_along(tmp_path: Path, data: Path) -> None:
    folder = fill(tmp_path / "p", [f"{number}.png" for number in range(12)])
    rows = "".join(f"{number}.png,{'ab'[number % 2]},{number}.5,red\n" for number in range(12))
    (folder / "labels.csv").write_text(f"file,label,age,colour\n{rows}")
    manifest = imported(folder)
    assert manifest.attributes["colour"] == ["red"] * 12
    part = load_dataset(PETS, 0).train
    assert part.attribute_names == ("age",) and part.attributes is not None
    files = [manifest.files[manifest.rows.index(row)] for row in part.identities.tolist()]
    assert part.attributes[:, 0].tolist() == [float(name.split(".")[0]) + 0.5 for name in files]


def test_content_that_has_changed_is_refused(two_domains: Manifest, tmp_path: Path) -> None:
    pinned = PETS.model_copy(update={"content": two_domains.content})
    load_dataset(pinned, 0)
    import_pictures(FolderFiles(fill(tmp_path / "q", classes("a", "b"), first=50)), "pets", side=16, replace=True)
    load_dataset(PETS, 0)
    with pytest.raises(MissingData, match="“pets” has changed since this run was asked for"):
        load_dataset(pinned, 0)


def test_what_cannot_be_loaded_is_said(two_domains: Manifest) -> None:
    with pytest.raises(InvalidRequest, match="pets has no domain “x”; its domains are: art, photo"):
        load_dataset(PETS.model_copy(update={"domain": "x"}), 0)
    with pytest.raises(InvalidRequest, match="holds pictures, not features"):
        load_dataset(OwnFeatures(dataset="pets"), 0)
    with pytest.raises(InvalidRequest, match="No own data set is chosen"):
        load_dataset(OwnPictures(), 0)
    with pytest.raises(MissingData, match=r"no own data set “cats” on this machine \(there are pets\)"):
        load_dataset(OwnPictures(dataset="cats"), 0)


@pytest.mark.parametrize("wrong", [{"dataset": "../x"}, {"dataset": "A"}, {"content": "zz"}, {"limit": -1}])
def test_specs_refuse_what_is_no_name(wrong: dict) -> None:
    with pytest.raises(ValidationError):
        OwnPictures(**wrong)


@pytest.mark.parametrize(("path", "value"), [("dataset", "2024"), ("content", "1234567890123456"), ("domain", "null")])
def test_names_that_look_like_numbers_stay_names(path: str, value: str) -> None:
    spec = RunSpec(data=DomainPair(source=PETS, target=PETS))
    changed = override({"arm": spec}, {f"data.source.{path}": value})["arm"]
    assert getattr(changed.data.source, path) == value


def test_identity_of_a_run_follows_the_content() -> None:
    specs = [OwnPictures(dataset="pets", content=content) for content in ("", "0" * 16, "1" * 16)]
    assert len({RunSpec(data=DomainPair(source=spec, target=spec)).content_hash for spec in specs}) == 3


def coloured(folder: Path, domain: str, low: int) -> None:
    """Class a is brighter above, class b below; the domains differ in colour."""
    for label, rows in (("a", slice(0, 8)), ("b", slice(8, 16))):
        for number in range(40):
            random = np.random.default_rng([low, number, ord(label)])
            pixels = random.integers(low, low + 60, (16, 16, 3))
            pixels[rows] += 90
            path = folder / domain / label / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels.astype(np.uint8)).save(path)


def test_dann_trains_from_one_own_domain_to_another(tmp_path: Path, data: Path) -> None:
    for domain, low in (("photo", 0), ("sketch", 90)):
        coloured(tmp_path / "p", domain, low)
    manifest = imported(tmp_path / "p")
    source, target = (
        OwnPictures(dataset="pets", domain=name, content=manifest.content) for name in ("photo", "sketch")
    )
    spec = RunSpec(
        method=Dann(),
        data=DomainPair(source=source, target=target),
        budget=Budget(steps=60, batch_size=16, evaluations=1, frames=1, probe_points=20),
    )
    prepared = prepare(spec, device=torch.device("cpu"), precision=torch.float32)
    found: dict[str, float] = {}
    for event in METHODS["dann"](spec, prepared.context):
        for told in prepared.evaluator.score(event):
            if isinstance(told, Metrics):
                found.update(told.values)
    assert found["source_accuracy"] > 0.9
    assert 0 <= found["target_accuracy"] <= 1


@pytest.mark.real_data
def test_hymenoptera(data: Path) -> None:
    """The photographs of ants and bees as they are handed around: a palette, a GIF and a .jpeg among them."""
    named = os.environ.get("TLCORE_REAL_DATA")
    if not named:
        if os.environ.get("CI"):
            pytest.fail("TLCORE_REAL_DATA is not set, and CI must not skip the tests on real data")
        pytest.skip("TLCORE_REAL_DATA does not name a folder with hymenoptera/ inside")
    manifest = imported(Path(named) / "hymenoptera", side=64)
    assert manifest.classes == ("ants", "bees") and not manifest.unreadable and len(manifest) == 398
    counts = {(one["class"], one["part"]): one["count"] for one in manifest.counts()}
    assert counts == {
        ("ants", "train"): 124, ("bees", "train"): 121, ("ants", "validation"): 70, ("bees", "validation"): 83
    }  # fmt: skip
    domain = load_dataset(PETS, 0)
    assert len(domain.test) == 153 and len(domain.train) + len(domain.validation) == 245
    assert 80 < domain.train.inputs.float().mean() < 160
