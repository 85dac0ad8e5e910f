"""The catalogue: its facts agree with torchvision's, and it knows what lies in the data folder."""

from __future__ import annotations

import inspect
import json
from pathlib import Path

import pytest

from tlcore.catalogue import ENTRIES, describe, find_entry, listing, readable_size, state
from tlcore.errors import InvalidRequest

TORCHVISION = {
    "mnist": "MNIST", "usps": "USPS", "svhn": "SVHN", "fashion-mnist": "FashionMNIST", "kmnist": "KMNIST",
    "emnist-letters": "EMNIST", "emnist-balanced": "EMNIST", "emnist-digits": "EMNIST", "omniglot": "Omniglot",
    "cifar10": "CIFAR10", "cifar100": "CIFAR100", "stl10": "STL10", "gtsrb": "GTSRB", "flowers102": "Flowers102",
    "pets": "OxfordIIITPet", "dtd": "DTD", "eurosat": "EuroSAT",
}  # fmt: skip


def place_all(name: str, folder: Path) -> None:
    for file in ENTRIES[name].files:
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


@pytest.mark.parametrize("entry", ENTRIES.values(), ids=lambda entry: entry.name)
def test_every_entry_is_complete(entry):
    assert entry.title and entry.lead.endswith(".") and entry.licence and entry.citation and entry.pixels
    assert entry.url.startswith(("http://", "https://"))
    assert entry.class_count >= 2 and entry.train > 0
    assert len(entry.class_names) in (0, entry.class_count)
    assert len(set(entry.class_names)) == len(entry.class_names)
    assert entry.embedded or entry.by_hand or entry.download_size > 0
    json.dumps(describe(next(row for row in listing(Path("/nowhere")) if row.entry == entry)))


@pytest.mark.parametrize("name", TORCHVISION)
def test_addresses_and_checksums_are_torchvisions(name):
    """Read from torchvision's own source, so that a release that changes one is noticed."""
    import torchvision.datasets

    source = inspect.getsource(inspect.getmodule(getattr(torchvision.datasets, TORCHVISION[name])))
    for resource in ENTRIES[name].resources:
        assert resource.md5 in source
        assert any(url.rsplit("/", 1)[0].split("/")[2] in source for url in resource.urls)
        assert any(url.rsplit("/", 1)[1].removesuffix(".zip") in source for url in resource.urls)


def test_class_names_are_torchvisions():
    from torchvision.datasets import EMNIST, KMNIST, FashionMNIST, Flowers102

    assert list(ENTRIES["fashion-mnist"].class_names) == FashionMNIST.classes
    assert list(ENTRIES["kmnist"].class_names) == KMNIST.classes
    assert list(ENTRIES["flowers102"].class_names) == Flowers102.classes
    assert list(ENTRIES["emnist-balanced"].class_names) == EMNIST.classes_split_dict["balanced"]
    assert list(ENTRIES["emnist-letters"].class_names) == EMNIST.classes_split_dict["letters"][1:]


def test_states(tmp_path):
    states = {row.entry.name: row.state for row in listing(tmp_path)}
    assert {name for name, now in states.items() if now == "embedded"} == {
        "moons", "digits", "photo-digits", "glyphs", "two-digits", "syn-numbers"
    }  # fmt: skip
    assert states["celeba"] == "by hand"
    assert states["usps"] == "to download"
    place_all("usps", tmp_path)
    assert state(find_entry("usps"), tmp_path) == "on disk"


def test_a_set_half_there_is_not_on_disk(tmp_path):
    (tmp_path / "usps.bz2").write_bytes(b"x")
    row = next(row for row in listing(tmp_path) if row.entry.name == "usps")
    assert row.state == "to download"
    assert row.missing == 1_831_726, "only what is not there would be fetched"


def test_gzipped_files_and_the_folder_from_the_environment_count(tmp_path, monkeypatch):
    monkeypatch.setenv("TLCORE_DATA", str(tmp_path))
    for file in ENTRIES["mnist"].files:
        path = tmp_path / f"{file}.gz"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    assert state(find_entry("mnist")) == "on disk"
    assert state(find_entry("mnist-m")) == "to download", "the photographs are missing"
    (tmp_path / "BSDS500").mkdir()
    assert state(find_entry("mnist-m")) == "to download", "an empty folder is nothing"


def test_an_unknown_name_is_answered_with_what_is_alike():
    with pytest.raises(InvalidRequest, match=r"did you mean .*fashion-mnist"):
        find_entry("fashionmnist")
    with pytest.raises(InvalidRequest, match="there are moons"):
        find_entry("qqqqqqq")


@pytest.mark.parametrize(("size", "text"), [(502, "502 bytes"), (6_579_383, "6.58 MB"), (2_640_397_119, "2.64 GB")])
def test_sizes_are_readable(size, text):
    assert readable_size(size) == text
