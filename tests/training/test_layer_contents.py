"""What the layers of two networks hold, against what a naive reading of them gives."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from PIL import Image

from tests.finished import finished
from tlcore.data.halves import load_half
from tlcore.errors import InvalidRequest
from tlcore.presets.layer_transfer import Recipe, curve_arms
from tlcore.runs import Run, Store
from tlcore.specs import BlockCnn, Budget, ClassHalf, Glyphs, Optimisation
from tlcore.specs.model_questions import CompareLayers
from tlcore.training.asking import answer_model
from tlcore.training.layer_contents import Task as ReadTask
from tlcore.training.layer_contents import first_filters, probe_layers, similarities
from tlcore.training.trying import load_trained

GLYPHS = Glyphs(characters="digits", pictures=10)
RECIPE = Recipe(
    BlockCnn(channels=4, features=8),
    Optimisation(learning_rate=0.05),
    Budget(steps=40, batch_size=16, evaluations=1, frames=1),
)
ARMS = curve_arms(GLYPHS, recipe=RECIPE, layers=(5,), curves=("AnB",))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    torch.set_num_threads(1)
    store = Store(tmp_path_factory.mktemp("layers"))
    yield store
    store.database.close()


@pytest.fixture(scope="module")
def bases(store: Store) -> list[Run]:
    return [finished(store, ARMS[arm]) for arm in ("base_A", "base")]


def naive_cka(one: np.ndarray, other: np.ndarray) -> float:
    """By the kernels of all pairs, centred by hand."""
    centre = np.eye(len(one)) - 1 / len(one)
    first, second = (centre @ table.astype(float) @ table.T.astype(float) @ centre for table in (one, other))
    return float((first * second).sum() / np.sqrt((first**2).sum() * (second**2).sum()))


def test_everything_is_told_of_every_layer(store: Store, bases: list[Run]) -> None:
    question = CompareLayers(run=bases[0].id, other=bases[1].id, store=str(store.folder))
    answer = json.loads(json.dumps(answer_model(question)))
    assert answer["layers"] == ["conv1", "conv2", "conv3", "conv4", "dense1"]
    assert len(answer["cka"]) == 5 and all(0 <= value <= 1 + 1e-9 for value in answer["cka"])
    assert all(len(curve) == 5 for network in answer["probes"] for curve in network)
    best = max(value for network in answer["probes"] for curve in network for value in curve)
    assert 0.3 < best <= 1, "five classes: chance is a fifth"
    assert [len(filters) for filters in answer["filters"]] == [4, 4]


def test_similarity_is_the_naive_one_and_a_network_is_like_itself(store: Store, bases: list[Run]) -> None:
    one, other = (load_trained(store, run).extractor for run in bases)
    pictures = load_half(ClassHalf(target=GLYPHS, half="A"), 0).test.inputs[:40]
    assert similarities(one, one, pictures) == pytest.approx([1.0] * 5)
    found = similarities(one, other, pictures)
    assert found[-1] == pytest.approx(naive_cka(one(pictures).numpy(), other(pictures).numpy()), rel=1e-4)
    first = [network[:5](pictures).mean((2, 3)).numpy() for network in (one, other)]  # up to the first rectifier
    assert found[0] == pytest.approx(naive_cka(*first), rel=1e-4)


def test_a_probe_of_the_last_layer_is_a_classifier_on_its_features(store: Store, bases: list[Run]) -> None:
    extractor = load_trained(store, bases[1]).extractor
    half = load_half(ClassHalf(target=GLYPHS, half="B"), 0)
    accuracy = probe_layers(extractor, ReadTask(half.train, half.test))[-1]
    assert accuracy >= bases[1].summary["target_accuracy"] - 0.1, "a fresh head does about as well as the trained one"


def test_filters_are_grey_at_zero() -> None:
    layer = torch.nn.Conv2d(3, 2, 3)
    with torch.no_grad():
        layer.weight.zero_()
        layer.weight[1, 0, 1, 1] = 2.0
    pictures = [np.asarray(Image.open(io.BytesIO(base64.b64decode(text)))) for text in first_filters(layer)]
    assert pictures[0].shape == (3, 3, 3) and set(np.unique(pictures[0])) == {128}
    assert pictures[1][1, 1].tolist() == [255, 128, 128]
    assert first_filters(torch.nn.Linear(2, 2)) == []


def test_what_cannot_be_compared_is_refused_in_a_sentence(store: Store, bases: list[Run]) -> None:
    wider = Recipe(BlockCnn(channels=5, features=8), RECIPE.optimisation, RECIPE.budget)
    other = finished(store, wider.base(ClassHalf(target=GLYPHS)))
    with pytest.raises(InvalidRequest, match="Only layers of the same network"):
        answer_model(CompareLayers(run=bases[0].id, other=other.id, store=str(store.folder)))
