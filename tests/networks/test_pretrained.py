"""Networks of torchvision: its table, its layers, published weights and a user's own."""

from __future__ import annotations

import json
import os
from copy import deepcopy
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from tlcore.catalogue.own_weights import find_own_weights, hash_of_file
from tlcore.errors import InvalidRequest, MissingData
from tlcore.execution.questions import pinned
from tlcore.networks import build_classifier
from tlcore.networks.layers import copy_layers, features_after, layers, state_of_layers
from tlcore.networks.pretrained import (
    Normalise,
    Preprocessing,
    add_weights,
    load_network,
    load_own_weights,
    put_weights,
    weights_file,
    without_last_layer,
)
from tlcore.specs import OwnWeights, PaperMnist, Pretrained, RunSpec
from tlcore.specs.architectures import ARCHITECTURES

REAL = os.environ.get("TLCORE_REAL_DATA")
needs_real_data = pytest.mark.skipif(not REAL, reason="TLCORE_REAL_DATA does not name a folder with real weights")


def random_network(architecture: str) -> nn.Module:
    torch.manual_seed(0)
    return load_network(Pretrained(architecture=architecture, weights="none")).network


def test_the_table_is_torchvisions():
    import torchvision
    from torchvision.models import get_model_weights, list_models

    assert list(ARCHITECTURES) == list_models(module=torchvision.models)
    for name, row in ARCHITECTURES.items():
        weights = get_model_weights(name)
        default = weights.DEFAULT
        assert row.parameters == default.meta["num_params"]
        assert row.side == default.transforms().crop_size[0]
        assert row.accuracy == pytest.approx(default.meta["_metrics"]["ImageNet-1K"]["acc@1"] / 100, abs=6e-4)
        assert row.megabytes == pytest.approx(default.meta["_file_size"], abs=0.06)
        assert set(row.published) == {one.name for one in weights} - {"IMAGENET1K_FEATURES"}


def test_weights_that_are_not_published_are_refused():
    with pytest.raises(InvalidRequest, match="publishes no weights IMAGENET1K_V2 for resnet18"):
        load_network(Pretrained(architecture="resnet18", weights="IMAGENET1K_V2"))


@pytest.mark.parametrize(
    ("architecture", "count", "first", "last"),
    [
        ("alexnet", 8, "features.0", "classifier.6"),
        ("resnet18", 10, "conv1", "fc"),
        ("squeezenet1_0", 10, "features.0", "classifier.1"),
        ("mobilenet_v2", 20, "features.0", "classifier.1"),
        ("densenet121", 9, "features.conv0", "classifier"),
        ("vit_b_32", 14, "conv_proj", "heads.head"),
        ("swin_t", 17, "features.0.0", "head"),
    ],
)
def test_layers_of_known_networks(architecture, count, first, last):
    network = random_network(architecture)
    found = layers(network)
    assert (len(found), found[0].name, found[-1].name) == (count, first, last)
    named = [path for layer in found for path in layer.modules]
    assert len(set(named)) == len(named)
    covered = {name for name in network.state_dict() if any(f"{name}.".startswith(f"{path}.") for path in named)}
    outside = set(network.state_dict()) - covered
    assert outside <= {"class_token", "encoder.pos_embedding"}, "every weight belongs to a layer"
    assert outside <= set(state_of_layers(network, 1))


@pytest.mark.parametrize("architecture", ["squeezenet1_1", "mnasnet0_5", "shufflenet_v2_x0_5"])
def test_layers_stand_in_the_order_of_computation(architecture):
    network = random_network(architecture)
    order: list[str] = []
    for layer in layers(network):
        network.get_submodule(layer.name).register_forward_pre_hook(
            lambda *_, name=layer.name: order.append(name)  # type: ignore[misc]
        )
    network(torch.zeros(1, 3, 64, 64))
    assert order == [layer.name for layer in layers(network)]


def test_features_after_a_layer_are_what_the_next_one_reads():
    network = random_network("squeezenet1_1")
    inputs = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        third = network.features[:4](inputs)
        assert torch.equal(features_after(network, 2, inputs, pooled=False), third)
        torch.testing.assert_close(features_after(network, 2, inputs), third.mean((2, 3)))
        assert torch.equal(features_after(network, len(layers(network)), inputs), network(inputs))
        before_last = features_after(network, len(layers(network)) - 1, inputs)
        torch.testing.assert_close(before_last, without_last_layer(deepcopy(network))(inputs))
    for number in (0, 11):
        with pytest.raises(InvalidRequest, match="layers 1 to 10"):
            features_after(network, number, inputs)
    assert not any(module._forward_pre_hooks for module in network.modules()), "nothing stays behind"


def test_the_first_layers_of_the_papers_network():
    """The lab's own classifiers are counted and copied by the same functions."""
    torch.manual_seed(0)
    one, other = (build_classifier(PaperMnist(), (3, 28, 28), 10, torch.full((3, 1, 1), 0.1)) for _ in range(2))
    assert [layer.name for layer in layers(one)] == [
        "extractor.conv1", "extractor.conv2", "predictor.dense1", "predictor.dense2", "predictor.output"
    ]  # fmt: skip
    before = {name: tensor.clone() for name, tensor in other.state_dict().items()}
    copied = copy_layers(one, other, 2)
    assert set(copied) == {
        "extractor.centre.mean", "extractor.conv1.weight", "extractor.conv1.bias", "extractor.conv2.weight",
        "extractor.conv2.bias",
    }  # fmt: skip
    for name, tensor in other.state_dict().items():
        assert torch.equal(tensor, (one.state_dict() if name in copied else before)[name])
    inputs = torch.randint(0, 256, (2, 3, 28, 28), dtype=torch.uint8)
    torch.testing.assert_close(
        features_after(one, 2, inputs, pooled=False), one.extractor(inputs), msg="the extractor is layers 1 and 2"
    )
    assert copy_layers(one, other, 0) == ()


def test_copying_what_does_not_fit_changes_nothing():
    torch.manual_seed(0)
    one = build_classifier(PaperMnist(), (3, 28, 28), 10, torch.zeros(3, 1, 1))
    other = build_classifier(PaperMnist(), (3, 28, 28), 7, torch.zeros(3, 1, 1))
    before = {name: tensor.clone() for name, tensor in other.state_dict().items()}
    with pytest.raises(InvalidRequest, match=r"predictor.output.weight is 10×100 instead of 7×100"):
        copy_layers(one, other, 5)
    assert all(torch.equal(tensor, before[name]) for name, tensor in other.state_dict().items())
    with pytest.raises(InvalidRequest, match="this network has 5"):
        copy_layers(one, other, 6)
    copy_layers(one, other, 4)
    assert torch.equal(one.predictor.dense2.weight, other.predictor.dense2.weight)


def test_normalisation_written_out():
    preprocessing = Preprocessing(8, 9, (0.1, 0.2, 0.3), (0.5, 0.25, 2.0))
    pictures = torch.randint(0, 256, (2, 3, 8, 8), dtype=torch.uint8)
    by_hand = torch.stack(
        [(pictures[:, c] / 255 - m) / s for c, (m, s) in enumerate(((0.1, 0.5), (0.2, 0.25), (0.3, 2)))], 1
    )
    torch.testing.assert_close(Normalise(preprocessing)(pictures), by_hand)
    assert Normalise(preprocessing)(torch.zeros(1, 3, 30, 20, dtype=torch.uint8)).shape == (1, 3, 8, 8)


def test_a_classifier_on_a_pretrained_network_learns_in_all_its_layers():
    torch.manual_seed(0)
    spec = Pretrained(architecture="squeezenet1_1", weights="none", side=48)
    network = build_classifier(spec, (3, 20, 20), 4, torch.zeros(3, 1, 1))
    assert network.feature_width == 512
    logits = network(torch.randint(0, 256, (2, 3, 20, 20), dtype=torch.uint8))
    assert logits.shape == (2, 4)
    logits.sum().backward()
    assert all(parameter.grad is not None for parameter in network.parameters())
    names = [layer.name for layer in layers(network)]
    assert names[0] == "extractor.network.features.0" and names[-1] == "predictor.output" and len(names) == 10


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Weights of a SqueezeNet for two classes, beside their description."""
    monkeypatch.setenv("TLCORE_DATA", str(tmp_path / "data"))
    network = random_network("squeezenet1_1")
    network.classifier[1] = nn.Conv2d(512, 2, 1)
    save_file(network.state_dict(), tmp_path / "mine.safetensors")
    content = {"architecture": "squeezenet1_1", "classes": ["ant", "bee"], "mean": [0.5] * 3, "std": [0.5] * 3,
               "input_size": [64, 64]}  # fmt: skip
    (tmp_path / "mine.json").write_text(json.dumps(content))
    return tmp_path / "mine.safetensors"


def test_own_weights_are_added_found_and_loaded(own):
    kept = add_weights(own, "insects")
    assert find_own_weights("insects") == kept
    loaded = load_network(OwnWeights(weights="insects"))
    assert loaded.class_names == ("ant", "bee")
    assert (loaded.preprocessing.side, loaded.preprocessing.resize) == (64, 73)
    inputs = torch.rand(1, 3, 64, 64)
    direct = load_own_weights(own).network
    with torch.no_grad():
        assert torch.equal(loaded.network(inputs), direct(inputs))
        assert loaded.network(inputs).shape == (1, 2)
    with pytest.raises(InvalidRequest, match="already"):
        add_weights(own, "insects")
    content = hash_of_file(kept)
    assert load_network(OwnWeights(weights="insects", content=content)).weights_hash == content
    with pytest.raises(MissingData, match="not those this run was asked for"):
        load_network(OwnWeights(weights="insects", content="0" * 16))


def test_a_run_is_pinned_to_the_weights_there_are(own):
    kept = add_weights(own, "insects")
    pinned_spec = pinned(RunSpec(network=OwnWeights(weights="insects")))
    assert pinned_spec.network == OwnWeights(weights="insects", content=hash_of_file(kept))
    assert pinned(pinned_spec) == pinned_spec
    with pytest.raises(MissingData, match=r"no weights called others .*insects"):
        pinned(RunSpec(network=OwnWeights(weights="others")))


def test_a_mismatch_names_what_differs_and_keeps_nothing(own, tmp_path):
    (tmp_path / "mine.json").write_text(json.dumps({"architecture": "squeezenet1_1", "classes": 5}))
    with pytest.raises(InvalidRequest, match=r"classifier.1.weight is 2×512×1×1 instead of 5×512×1×1"):
        add_weights(own, "insects")
    (tmp_path / "mine.json").write_text(json.dumps({"architecture": "resnet18", "classes": 2}))
    with pytest.raises(
        InvalidRequest, match=r"missing conv1.weight, .* and \d+ more; not in the network classifier.1.bias"
    ):
        add_weights(own, "insects")
    (tmp_path / "mine.json").write_text(json.dumps({"architecture": "resnet19"}))
    with pytest.raises(InvalidRequest, match="none of torchvision's"):
        add_weights(own, "insects")
    with pytest.raises(InvalidRequest, match="not a name"):
        add_weights(own, "../insects")
    assert not (tmp_path / "data").exists()
    with pytest.raises(MissingData, match="no weights called insects"):
        load_network(OwnWeights(weights="insects"))


def test_missing_counters_and_auxiliary_outputs_do_not_matter():
    network = random_network("mnasnet0_5")
    state = {name: tensor for name, tensor in network.state_dict().items() if "num_batches" not in name}
    put_weights(network, state | {"aux1.fc.weight": torch.zeros(1)}, "it")
    with pytest.raises(InvalidRequest, match=r"missing layers\.0\.weight"):
        put_weights(network, {name: tensor for name, tensor in state.items() if name != "layers.0.weight"}, "it")


def test_published_weights_that_cannot_be_had(tmp_path, monkeypatch):
    def refuse(*_: object, **__: object) -> None:
        raise OSError("Network is unreachable")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(torch.hub, "download_url_to_file", refuse)
    with pytest.raises(MissingData, match=r"resnet18-f37072fd.pth \(45 MB\) are not in .*TORCH_HOME"):
        load_network(Pretrained(architecture="resnet18"))


def test_a_published_file_that_is_there_is_taken_as_it_is(tmp_path, monkeypatch):
    """Another release under torchvision's name is found, whatever its checksum, and read without executing anything."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    spec = Pretrained(architecture="squeezenet1_1")
    path = weights_file(spec)
    path.parent.mkdir(parents=True)
    network = random_network("squeezenet1_1")
    torch.save(network.state_dict(), path)
    loaded = load_network(spec)
    assert len(loaded.class_names) == 1000 and loaded.preprocessing.resize == 256
    assert torch.equal(loaded.network.state_dict()["features.0.weight"], network.state_dict()["features.0.weight"])


@needs_real_data
@pytest.mark.real_data
def test_real_weights(monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(Path(REAL or "") / "torch"))
    squeezenet = load_network(Pretrained(architecture="squeezenet1_0"))
    assert squeezenet.class_names[309] == "bee" and squeezenet.preprocessing.mean == (0.485, 0.456, 0.406)
    mobile = load_own_weights(Path(REAL or "") / "weights" / "mobilenet_v2_imagenet.safetensors")
    assert mobile.preprocessing.mean == (0.5, 0.5, 0.5) and mobile.architecture == "mobilenet_v2"
