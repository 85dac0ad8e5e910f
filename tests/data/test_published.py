"""Published sets in torchvision's layout: read as torchvision reads them, kept once, split without overlap."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import torch

from tests.data.stand_ins import BUILDERS, cifar_batch, python2_pickle, usps
from tlcore.catalogue import ENTRIES, spec_of, state
from tlcore.data import load_dataset, load_pair
from tlcore.data.inert_pickle import bytes_of_array, read_inert
from tlcore.data.kept import published_pictures
from tlcore.data.readers import READERS, read_published
from tlcore.errors import MissingData
from tlcore.specs import CatalogueSet, DomainPair, Mnist
from tlcore.specs.catalogue_sets import CatalogueName


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, offline: None) -> Path:
    monkeypatch.setenv("TLCORE_DATA", str(tmp_path))
    return tmp_path


def test_specs_readers_and_catalogue_name_the_same_sets():
    assert set(get_args(CatalogueName)) == set(READERS) == set(BUILDERS) <= set(ENTRIES)
    for name in ENTRIES:
        spec = spec_of(name)
        assert getattr(spec, "dataset", spec.name) == name


@pytest.mark.parametrize("name", BUILDERS)
class TestEverySet:
    def test_it_is_found_read_and_split(self, name, folder):
        assert state(ENTRIES[name]) != "on disk"
        BUILDERS[name](folder)
        assert state(ENTRIES[name]) == "on disk"
        spec = CatalogueSet(dataset=name, side=20)
        domain = load_dataset(spec, 0)
        parts = (domain.train, domain.validation, domain.test)
        for part in parts:
            assert part.inputs.dtype == torch.uint8 and part.inputs.shape[1:] == (3, 20, 20)
            assert len(part.inputs) == len(part.labels) == len(part.identities)
            assert part.class_names == domain.train.class_names
        identities = [set(part.identities.tolist()) for part in parts]
        assert sum(map(len, identities)) == len(set().union(*identities)), "no picture stands in two parts"
        assert len(domain.train) > len(domain.validation)
        again = load_dataset(spec, 0)
        assert torch.equal(again.train.inputs, domain.train.inputs)
        assert torch.equal(again.test.labels, domain.test.labels)

    def test_the_second_time_the_files_are_not_read(self, name, folder, monkeypatch):
        BUILDERS[name](folder)
        first = published_pictures(name, 16)
        monkeypatch.setattr("tlcore.data.kept.read_published", None)
        again = published_pictures(name, 16)
        assert torch.equal(first.train.pictures, again.train.pictures)
        assert first.class_names == again.class_names
        left = [path.name for path in (folder / "cache").iterdir() if path.name.startswith(".incomplete")]
        assert left == []


def torchvisions(name: str, folder: Path, train: bool, monkeypatch: pytest.MonkeyPatch) -> Any:
    """torchvision's own data set; the stand-ins do not have the checksums it knows."""
    from torchvision import datasets
    from torchvision.datasets import cifar, flowers102, omniglot, stl10, svhn

    for module in (cifar, flowers102, omniglot, stl10, svhn):
        for function in ("check_integrity", "verify_integrity"):
            monkeypatch.setattr(module, function, lambda *_: True, raising=False)
    monkeypatch.setattr(svhn, "calculate_md5", lambda *_: "", raising=False)
    monkeypatch.setattr(cifar.CIFAR10, "_load_meta", lambda self: None)
    monkeypatch.setattr(stl10.STL10, "_check_integrity", lambda self: True)
    part = "train" if train else "test"
    makers = {
        "usps": lambda: datasets.USPS(folder, train=train),
        "svhn": lambda: datasets.SVHN(folder, split=part),
        "fashion-mnist": lambda: datasets.FashionMNIST(folder, train=train),
        "kmnist": lambda: datasets.KMNIST(folder, train=train),
        "emnist-letters": lambda: datasets.EMNIST(folder, "letters", train=train),
        "emnist-balanced": lambda: datasets.EMNIST(folder, "balanced", train=train),
        "cifar10": lambda: datasets.CIFAR10(folder, train=train),
        "cifar100": lambda: datasets.CIFAR100(folder, train=train),
        "stl10": lambda: datasets.STL10(folder, split=part),
        "gtsrb": lambda: datasets.GTSRB(folder, split=part),
        "pets": lambda: datasets.OxfordIIITPet(folder, split="trainval" if train else "test"),
        "dtd": lambda: datasets.DTD(folder, split=part),
        "omniglot": lambda: datasets.Omniglot(folder, background=True),
        "eurosat": lambda: datasets.EuroSAT(folder),
        "flowers102": lambda: datasets.Flowers102(folder, split=part),
    }
    return makers[name]()


@pytest.mark.parametrize("train", [True, False])
@pytest.mark.parametrize(
    "name",
    ["usps", "svhn", "fashion-mnist", "kmnist", "emnist-letters", "emnist-balanced", "cifar10", "cifar100", "stl10",
     "gtsrb", "pets", "dtd", "omniglot", "eurosat", "flowers102"],
)  # fmt: skip
def test_read_as_torchvision_reads_them(name, train, folder, monkeypatch):
    BUILDERS[name](folder)
    found = read_published(name, folder)
    part = found.train if train else found.test
    if part is None:
        pytest.skip("no test part is published")
    theirs = torchvisions(name, folder, train, monkeypatch)
    own_validation = name in ("dtd", "flowers102") and train
    assert len(theirs) == len(part.labels) // (2 if own_validation else 1), "ours includes what they call val"
    by_file = not isinstance(part.pictures, np.ndarray)
    for index in range(0, len(theirs), max(1, len(theirs) // 15)):
        image, label = theirs[index]
        ours = int(part.labels[index])
        assert ours == (int(label) - 1 if name == "emnist-letters" else int(label))
        if not by_file:
            expected = np.asarray(image)
            picture = np.asarray(part.pictures[index])
            if name.startswith("emnist"):  # torchvision leaves them lying on their side
                expected = expected.T
            np.testing.assert_array_equal(picture[0] if expected.ndim == 2 else picture.transpose(1, 2, 0), expected)


def test_usps_to_mnist_is_a_pair(small_folder: Path):
    usps(small_folder)
    pair = load_pair(DomainPair(source=CatalogueSet(dataset="usps"), target=Mnist()), 0)
    assert pair.input_shape == (3, 28, 28)
    assert pair.notes == ("Pictures of usps are brought from 16 × 16 to 28 × 28 pixels.",)
    assert len(pair.source.train) == 50 and len(pair.source.test) == 20


def test_a_limit_cuts_the_training_part_alone(folder):
    usps(folder)
    whole = load_dataset(CatalogueSet(dataset="usps"), 0)
    few = load_dataset(CatalogueSet(dataset="usps", limit=20), 0)
    assert len(few.train) == 20 and few.train.labels.bincount().tolist() == [2] * 10
    assert set(few.train.identities.tolist()) <= set(whole.train.identities.tolist())
    assert torch.equal(few.test.inputs, whole.test.inputs)


def test_faces_have_attributes_and_any_is_the_class(folder):
    BUILDERS["celeba"](folder)
    smiling, young = (
        load_dataset(CatalogueSet(dataset="celeba", attribute=one), 0).test for one in ("Smiling", "Young")
    )
    assert smiling.attribute_names == ("Bald", "Smiling", "Young")
    assert smiling.attributes is not None
    assert torch.equal(smiling.labels.float(), smiling.attributes[:, 1])
    assert torch.equal(young.labels, (young.identities + 1) % 3 != 0) or not torch.equal(young.labels, smiling.labels)
    assert smiling.class_names == ("no", "yes")
    with pytest.raises(MissingData, match="no attribute Blurry"):
        load_dataset(CatalogueSet(dataset="celeba", attribute="Blurry"), 0)


def test_changed_files_are_read_again(folder):
    usps(folder)
    before = published_pictures("usps", 16).train.labels
    usps(folder, train=40)
    assert len(published_pictures("usps", 16).train.labels) == 40 != len(before)


def test_what_is_written_to_a_tensor_stays_out_of_the_file(folder):
    usps(folder)
    published_pictures("usps", 16).train.pictures.fill_(7)
    assert published_pictures("usps", 16).train.pictures.float().std() > 10


def test_a_spoilt_cache_is_made_anew(folder):
    usps(folder)
    first = published_pictures("usps", 16).train.pictures.clone()
    (place,) = [path for path in (folder / "cache").iterdir() if path.is_dir()]
    (place / "names.json").write_text("{")
    assert torch.equal(published_pictures("usps", 16).train.pictures, first)
    assert json.loads((place / "names.json").read_text())["class_names"] == list("0123456789")


def test_a_set_that_is_not_here_says_how_to_get_it(folder):
    with pytest.raises(MissingData, match=r"USPS is not complete .*usps\.bz2.*TLCORE_DATA"):
        load_dataset(CatalogueSet(dataset="usps"), 0)
    with pytest.raises(MissingData, match="Google Drive"):
        load_dataset(CatalogueSet(dataset="celeba"), 0)


@pytest.mark.parametrize(
    ("name", "file", "content", "said"),
    [
        ("usps", "usps.bz2", b"not bzip2", "USPS cannot be read"),
        ("svhn", "train_32x32.mat", b"MATLAB?", "cannot be read"),
        (
            "fashion-mnist",
            "FashionMNIST/raw/train-images-idx3-ubyte",
            b"\0\0\x08\x03" + bytes(20),
            "does not fit its header",
        ),
        ("fashion-mnist", "FashionMNIST/raw/train-labels-idx1-ubyte", b"hello world", "not a file in MNIST's format"),
        ("cifar10", "cifar-10-batches-py/test_batch", b"\x80\x02cos\nsystem\nU\x02lsR.", "it holds no dictionary"),
        ("cifar10", "cifar-10-batches-py/test_batch", b"\x80\x02}q\x01.", "cannot be read"),
        ("cifar10", "cifar-10-batches-py/test_batch", b"\x80\x02R.", "make no sense"),
        ("gtsrb", "gtsrb/GTSRB/Training/00003/00001.ppm", b"P6 rubbish", "00001.ppm cannot be used"),
        ("dtd", "dtd/dtd/labels/test1.txt", b"nonsense/a.jpg\n", "cannot be read"),
        ("celeba", "celeba/list_eval_partition.txt", b"000001.jpg 0\n", "cannot be read"),
    ],
)
def test_damaged_files_are_named(name, file, content, said, folder):
    BUILDERS[name](folder)
    (folder / file).write_bytes(content)
    with pytest.raises(MissingData, match=said):
        load_dataset(CatalogueSet(dataset=name, side=16), 0)
    cache = folder / "cache"
    assert not cache.exists() or not [path for path in cache.iterdir() if path.is_dir()], "nothing half done is kept"


def test_a_pickle_that_would_run_code_is_only_read(tmp_path):
    path = tmp_path / "batch"
    path.write_bytes(b"\x80\x02}(U\x01acposix\nmkdir\nU\x04evil\x85Ru.")
    found = read_inert(path)
    assert found["a"].name == "posix mkdir" and found["a"].arguments == ("evil",)
    assert not Path("evil").exists()
    with pytest.raises(ValueError, match="no array of bytes"):
        bytes_of_array(found["a"])


def test_an_inert_reading_gives_the_same_as_executing(tmp_path):
    import pickle

    array = cifar_batch(tmp_path / "batch", 6, "labels", 3)
    content = (tmp_path / "batch").read_bytes()
    assert np.array_equal(pickle.loads(content, encoding="latin1")["data"], array)  # noqa: S301 (our own stand-in is a real pickle)
    found = read_inert(tmp_path / "batch")
    assert np.array_equal(bytes_of_array(found["data"]).reshape(6, 3072), array)
    assert found["labels"] == [0, 1, 2, 0, 1, 2]
    assert python2_pickle(array, "labels", [0, 1, 2, 0, 1, 2]) == content
