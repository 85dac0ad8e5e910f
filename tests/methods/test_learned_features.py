"""What features learned without labels are worth: three ways, each against what it should be."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.methods.fine_tuning_parts import NETWORK, context_of, events_of, weights_of
from tests.methods.self_taught_parts import unlabelled_context, unlabelled_spec
from tlcore.methods.learned_features import LearnedFeaturesObjective
from tlcore.specs import RunSpec, validate
from tlcore.training.context import Context
from tlcore.training.events import Outputs, TaskOutputs

WAYS = ("fine_tune", "linear_probe", "nearest_neighbours")


def _spec(judged_by: str = "fine_tune", **method: object) -> RunSpec:
    start = {"kind": "run", "spec": unlabelled_spec("contrastive").model_dump(mode="json"), "parts": ["extractor"]}
    return validate(
        {
            "method": {"name": "learned_features", "judged_by": judged_by, "neighbours": 1, **method},
            "data": {"kind": "task_pair", "target": {"name": "photo-digits"}},
            "network": NETWORK,
            "optimisation": {"learning_rate": 0.05},
            "budget": {"steps": 6, "batch_size": 6, "evaluations": 1, "frames": 1},
            "start": start,
            "seed": 3,
        }
    )


@pytest.fixture(scope="module")
def learned() -> dict[str, torch.Tensor]:
    torch.set_num_threads(1)
    spec = unlabelled_spec("contrastive")
    weights = weights_of(events_of(spec, unlabelled_context(spec)))
    return {name: one for name, one in weights.items() if name.startswith("extractor.")}


def _context(spec: RunSpec, weights: dict[str, torch.Tensor], **more: object) -> Context:
    context = context_of(spec, weights, **more)
    context.data.held_out.pop(("source", "test"))  # type: ignore[attr-defined]
    return context


def _told(spec: RunSpec, weights: dict[str, torch.Tensor]) -> dict[str, dict[int, np.ndarray]]:
    """Logits on the test by way and step; under "chosen" what the run is judged by."""
    found: dict[str, dict[int, np.ndarray]] = {}
    for event in events_of(spec, _context(spec, weights)):
        if isinstance(event, Outputs) and event.part == "test":
            name = event.task if isinstance(event, TaskOutputs) else "chosen"
            found.setdefault(name, {})[event.step] = event.logits
    return found


@pytest.mark.parametrize("judged_by", WAYS)
def test_all_three_are_told_and_the_chosen_one_is_the_runs_own(judged_by: str, learned: dict[str, torch.Tensor]):
    told = _told(_spec(judged_by), learned)
    assert set(told) == {"chosen", *WAYS}
    assert np.allclose(told["chosen"][6], told[judged_by][6], atol=1e-5)
    for way in ("linear_probe", "nearest_neighbours"):
        assert np.array_equal(told[way][0], told[way][6]), "what leaves the features alone does not change"
    assert not np.allclose(told["fine_tune"][0], told["fine_tune"][6])
    assert np.allclose(told["fine_tune"][0], told["linear_probe"][0], atol=1e-5), "fine-tuning begins with the probe"


def test_the_nearest_neighbour_is_found_by_hand(learned: dict[str, torch.Tensor]):
    spec = _spec()
    context = _context(spec, learned)
    objective = LearnedFeaturesObjective(spec, context)
    network = objective.network.extractor.eval()
    with torch.no_grad():
        known, asked = network(objective.labelled.inputs), network(context.data.held_out["target", "test"])
    votes = objective.answers("nearest_neighbours", asked)
    for row, vote in zip(asked, votes, strict=True):
        cosines = [float(row @ one / (row.norm() * one.norm())) for one in known]
        nearest = int(np.argmax(cosines))
        assert int(vote.argmax()) == int(objective.labelled.labels[nearest])
        assert float(vote.max()) == pytest.approx(cosines[nearest], abs=1e-5)


def test_the_features_of_before_stay_while_the_network_moves(learned: dict[str, torch.Tensor]):
    spec = _spec()
    objective = LearnedFeaturesObjective(spec, _context(spec, learned))
    before = {name: one.clone() for name, one in objective.learned.state_dict().items()}
    with torch.no_grad():
        for parameter in objective.network.extractor.parameters():
            parameter.add_(1.0)
    assert all(torch.equal(one, objective.learned.state_dict()[name]) for name, one in before.items())
