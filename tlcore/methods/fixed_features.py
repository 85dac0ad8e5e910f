"""A linear classifier on features of a network that stays as it is, solved exactly: the cheapest transfer there is."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Iterator

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from tlcore.analysis.linear_probe import fit_linear_probe
from tlcore.methods.fine_tuning import TargetObjective
from tlcore.networks import Classifier
from tlcore.networks.layers import FeaturesAfter
from tlcore.specs import FixedFeatures, OwnWeights, Pretrained, RunSpec
from tlcore.training.context import Context, DomainName
from tlcore.training.events import Advanced, Checkpoint, Event, Finished, Metrics
from tlcore.training.feature_cache import features_file, kept_values, pictures_hash, weights_hash
from tlcore.training.freezing import BATCH
from tlcore.training.linear_head import train_head
from tlcore.training.loop import observe
from tlcore.training.networks import channels_last, source_predictor

LARGE_PICTURE = 20_000  # numbers in one picture
LARGE_PICTURES_AT_ONCE = 8


class FixedFeaturesObjective(TargetObjective):
    """A linear classifier on the features after one layer of a network that stays as it is."""

    def __init__(self, spec: RunSpec, context: Context) -> None:
        super().__init__(spec, context, ("extractor",))
        if not isinstance(spec.method, FixedFeatures):
            raise TypeError(f"not a spec of fixed features: {spec.method.name}")
        self.method = spec.method
        self.network_spec = spec.network
        self.whole = self.network.extractor.to(context.device).eval().requires_grad_(False)
        self.source_predictor = source_predictor(context, self.network.feature_width)
        reader: nn.Module = self.whole
        if spec.method.layer:
            reader = FeaturesAfter(self.whole, spec.method.layer).eval()
        self._features: dict[Hashable, torch.Tensor] = {}
        self.reader = reader
        features = self.prepared("labelled", self.labelled.inputs)
        head = nn.Linear(features.shape[1], context.data.class_count, device=context.device)
        nn.init.zeros_(head.weight)
        nn.init.zeros_(head.bias)
        self.network = Classifier(self.whole, nn.Sequential(OrderedDict(output=head)), features.shape[1])

    def solve(self) -> None:
        """Put the best linear classifier on the labelled target's features into the network."""
        features = self.prepared("labelled", self.labelled.inputs)
        classes = self.context.data.class_count
        if self.method.classifier == "softmax":
            head = train_head(
                features, self.labelled.labels, classes, weight_decay=self.method.weight_decay,
                device=str(self.context.device),
            )  # fmt: skip
            weight, bias = head.weight.detach(), head.bias.detach()
        else:
            probe = fit_linear_probe(features.cpu().numpy(), self.labelled.labels.cpu().numpy(), classes)
            scaled = torch.from_numpy(probe.weights[:-1] / probe.deviation[:, None]).T
            weight = scaled.to(features)
            bias = torch.from_numpy(probe.weights[-1]).to(features) - weight @ torch.from_numpy(probe.mean).to(features)
        output = self.network.predictor.get_submodule("output")
        assert isinstance(output, nn.Linear)
        with torch.no_grad():
            output.weight.copy_(weight)
            output.bias.copy_(bias)

    @torch.no_grad()
    def prepared(self, key: Hashable, inputs: torch.Tensor) -> torch.Tensor:
        """Features, once: those the classifier reads, of the source those its own label predictor reads."""
        if key not in self._features:
            of_source = isinstance(key, tuple) and key[0] == "source"
            reader = self.whole if of_source else self.reader
            large = inputs.ndim == 4 and inputs[0].numel() > LARGE_PICTURE

            def compute() -> np.ndarray:
                # Batches of few large pictures are fastest: what lies between two layers then fits the cache.
                chunks = inputs.split(LARGE_PICTURES_AT_ONCE if large else BATCH)
                return torch.cat([reader(channels_last(chunk)) for chunk in chunks]).float().cpu().numpy()

            network = self.network_spec
            if isinstance(network, Pretrained | OwnWeights) and getattr(network, "weights", "none") != "none":
                pictures = pictures_hash(inputs.cpu().numpy())
                weights = f"extractor {weights_hash(network)}"
                values = kept_values(
                    features_file(weights, pictures, self.method.layer, network.side, "float32"), compute
                )
            else:
                values = compute()
            self._features[key] = torch.from_numpy(np.array(values)).to(self.context.device)
        return self._features[key]

    def outputs(self, domain: DomainName, inputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        head = self.source_predictor if domain == "source" else self.network.predictor
        assert head is not None
        return inputs, head(inputs)


def fixed_features(spec: RunSpec, context: Context) -> Iterator[Event]:
    """The exact solution in one step: there is nothing to watch but the answer."""
    objective = FixedFeaturesObjective(spec, context)
    last = spec.budget.steps
    if context.resume_state is None:
        yield from observe(0, context, objective)
    objective.solve()
    context.cadence.evaluation_steps |= {last}
    with torch.no_grad():
        _, logits = objective.outputs("target", objective.prepared("labelled", objective.labelled.inputs))
        loss = float(functional.cross_entropy(logits, objective.labelled.labels))
    yield Metrics(last, {"class_loss": loss})
    yield from observe(last, context, objective)
    if context.cadence.checkpoint_due(last):
        yield Checkpoint(last, {"step": torch.tensor(last)})
    yield Advanced(last)
    weights = {name: module.state_dict() for name, module in objective.modules().items()}
    yield Finished(
        last,
        {
            f"{part}.{name}": one.detach().cpu().contiguous()
            for part, tensors in weights.items()
            for name, one in tensors.items()
        },
    )
