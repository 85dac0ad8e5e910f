"""Learning without labels: a step by hand, exact components, views, and that no label gets in."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from torch.nn import functional

from tests.methods.fine_tuning_parts import events_of, weights_of
from tests.methods.self_taught_parts import unlabelled_context, unlabelled_spec
from tlcore.analysis.sheets import pictures_of
from tlcore.data.dataset import Dataset
from tlcore.methods.registry import METHODS as REGISTERED
from tlcore.methods.self_taught import AutoencoderObjective, ComponentsObjective, ContrastiveObjective
from tlcore.runs.records import Surface
from tlcore.training.context import Context
from tlcore.training.events import Advanced, Checkpoint, Features, Metrics, TaskOutputs
from tlcore.training.preparation import prepare
from tlcore.training.unlabelled import UnlabelledData

METHODS = ("principal_components", "autoencoder", "contrastive", "vicreg")
TINY = {
    "source": {"name": "glyphs", "characters": "digits", "pictures": 5, "backdrop": "plain"},
    "target": {"name": "photo-digits", "renderings": 2},
}


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.mark.parametrize("pictures", [0, 7])
def test_no_label_is_in_the_data_that_a_method_sees(pictures: int):
    spec = unlabelled_spec("contrastive", data=TINY | {"target_pictures": pictures}, probe_points=50)
    data = prepare(spec, device=torch.device("cpu"), precision=torch.float32).context.data
    assert isinstance(data, UnlabelledData)
    assert len(data.source_pictures) == 50 and len(data.target_pictures) == pictures
    for field in dataclasses.fields(data):
        value = getattr(data, field.name)
        assert not isinstance(value, Dataset) or not len(value.labels), f"{field.name} holds labels"
        for part in dataclasses.fields(value) if dataclasses.is_dataclass(value) else ():
            held = getattr(value, part.name)
            assert not isinstance(held, torch.Tensor) or held.dtype != torch.int64 or not len(held), part.name
    assert not data.held_out, "nor is there anything to be scored on while it learns"


def test_no_two_probe_points_are_of_one_original():
    spec = unlabelled_spec("contrastive", data=TINY, probe_points=2000)
    prepared = prepare(spec, device=torch.device("cpu"), precision=torch.float32)
    assert len(prepared.probe) == len(prepared.context.data.probe) < 1797 * 0.21


def test_an_autoencoders_step_is_the_one_written_out_by_hand():
    spec = unlabelled_spec("autoencoder", steps=1, evaluations=1, frames=1)
    trained = weights_of(events_of(spec, unlabelled_context(spec)))
    # The same beginnings, with the loss, its gradient and the update in plain words.
    objective = AutoencoderObjective(spec, unlabelled_context(spec))
    network, decoder = objective.network.extractor.train(), objective.decoder
    views, clean = objective.views_of(objective.next_pictures(), torch.default_generator)
    made = torch.sigmoid(decoder(network(views)))
    loss = -(clean * made.log() + (1 - clean) * (1 - made).log()).mean()
    loss.backward()
    for part, module in (("extractor", network), ("decoder", decoder)):
        for name, parameter in module.named_parameters():
            expected = parameter.detach() - spec.optimisation.learning_rate * parameter.grad
            assert torch.allclose(trained[f"{part}.{name}"], expected, atol=1e-6), name


def test_what_is_clean_is_the_ink_of_the_view():
    spec = unlabelled_spec("autoencoder")
    objective = AutoencoderObjective(spec, unlabelled_context(spec))
    views, clean = objective.views_of({"source": torch.arange(6)}, torch.Generator().manual_seed(1))
    assert views.shape == clean.shape == (6, 3, 16, 16)
    assert (views >= clean - 1e-6).all(), "a photograph only adds light to what is not inked"
    again, same = objective.views_of({"source": torch.arange(6)}, torch.Generator().manual_seed(2))
    assert not torch.allclose(views, again) and not torch.allclose(clean, same), "no two views are alike"


def test_principal_components_are_those_of_the_views():
    spec = unlabelled_spec("principal_components", method={"pictures": 400}, steps=1, evaluations=1, frames=1)
    context = unlabelled_context(spec)
    weights = weights_of(events_of(spec, context))
    sample = ComponentsObjective(spec, context).sample(400).flatten(1).double().numpy()
    centred = sample - sample.mean(0)
    _, values, directions = np.linalg.svd(centred, full_matrices=False)
    found = weights["extractor.dense1.weight"].double().numpy()
    assert np.abs((found * directions[:8]).sum(1)) == pytest.approx(np.ones(8), abs=1e-4)
    mean = weights["extractor.centre.mean"].double().numpy()
    pixels = (sample.reshape(400, 3, 256) - mean.reshape(1, 3, 1)).reshape(400, -1)
    features = pixels @ found.T + weights["extractor.dense1.bias"].double().numpy()
    assert features.mean(0) == pytest.approx(np.zeros(8), abs=1e-4)
    assert features.std(0) * np.sqrt(400) == pytest.approx(values[:8], rel=1e-3)


@pytest.mark.parametrize("name", METHODS)
def test_the_same_seed_gives_the_same_numbers(name: str):
    spec = unlabelled_spec(name)
    first, second = (weights_of(events_of(spec, unlabelled_context(spec))) for _ in range(2))
    assert first.keys() == second.keys()
    assert all(torch.equal(first[key], second[key]) for key in first)


@pytest.mark.parametrize("name", ["autoencoder", "contrastive"])
def test_a_run_goes_on_from_its_checkpoint_as_if_nothing_had_happened(name: str):
    spec = unlabelled_spec(name, data={"target_pictures": 9, "clusters": 3, "initialisations": 2})
    whole = weights_of(events_of(spec, unlabelled_context(spec, targets=9)))
    context = unlabelled_context(spec, targets=9)
    context.cadence.checkpoint_requested = True
    checkpoint = _until_checkpoint(spec, context)
    again = events_of(spec, unlabelled_context(spec, targets=9, resume_state=checkpoint.state))
    resumed = weights_of(again)
    assert all(torch.equal(whole[key], resumed[key]) for key in whole)


def _until_checkpoint(spec: object, context: Context) -> Checkpoint:
    for event in REGISTERED[spec.method.name](spec, context):  # type: ignore[attr-defined]
        if isinstance(event, Checkpoint):
            return event
        assert not isinstance(event, Advanced) or event.step < 2
    raise AssertionError("no checkpoint was made")


@pytest.mark.parametrize("name", METHODS)
def test_what_a_run_tells(name: str):
    steps = 1 if name == "principal_components" else 4
    spec = unlabelled_spec(name, data={"clusters": 3, "initialisations": 2}, steps=steps, evaluations=1, frames=1)
    events = events_of(spec, unlabelled_context(spec))
    films = [event for event in events if isinstance(event, Features)]
    assert [event.step for event in films] == [0, steps]
    assert set(films[-1].predictions) <= {0, 1, 2}, "clusters"
    clusterings = [event for event in events if isinstance(event, TaskOutputs) and event.step == steps]
    assert [event.logits.shape for event in clusterings] == [(12, 3)] * 2
    assert (clusterings[0].logits.argmax(1) == films[-1].predictions).all(), "the film shows the first"
    if name != "principal_components":
        sheet = next(event for event in events if isinstance(event, Surface))
        rows = 3 if name == "autoencoder" else 2
        assert pictures_of(sheet).shape == (rows, 10, 16, 16, 3)
    if name in ("contrastive", "vicreg"):
        assert any("embedding_rank" in event.values for event in events if isinstance(event, Metrics))


def test_without_clusters_nothing_is_predicted():
    spec = unlabelled_spec("contrastive")
    films = [one for one in events_of(spec, unlabelled_context(spec)) if isinstance(one, Features)]
    assert all((film.predictions == -1).all() for film in films)


def test_both_domains_give_half_of_each_batch():
    spec = unlabelled_spec("contrastive", data={"target_pictures": 9})
    objective = ContrastiveObjective(spec, unlabelled_context(spec, targets=9))
    chosen = objective.next_pictures()
    assert {name: len(indices) for name, indices in chosen.items()} == {"source": 4, "target": 4}
    views, clean = objective.views_of(chosen, torch.default_generator)
    assert torch.equal(views[4:], clean[4:]) and not torch.equal(views[:4], clean[:4])
    assert functional.l1_loss(views[:4], clean[:4]) > 0.01, "only the source's pictures are laid over photographs"
