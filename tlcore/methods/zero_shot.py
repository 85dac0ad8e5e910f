r"""Zero-shot learning: a class that was never shown is recognised by its description.

With f(x) of a picture and g(s) of a class's description, the score of class k is f(x)·g(s_k). The naive objective
‖f(xⁿ) − g(yⁿ)‖² is smallest where everything lies in one point; the margin objective

    max(0, k − f(xⁿ)·g(yⁿ) + max_{m≠yⁿ} f(xⁿ)·g(m))

also pushes apart. Beside them: attributes predicted one by one and looked up, ConSE, ESZSL, DeViSE, ALE. Whatever the
method, its loss sees examples and descriptions of seen classes alone; all classes are scored when it is looked at.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from tlcore.analysis.attribute_scores import attribute_priors
from tlcore.analysis.eszsl import bilinear_scores, eszsl_sums
from tlcore.analysis.zero_shot import zero_shot_accuracy
from tlcore.data.augmentation import augment
from tlcore.errors import InvalidRequest
from tlcore.networks import Classifier
from tlcore.runs.records import Notice
from tlcore.specs import RunSpec
from tlcore.specs.zero_shot import Ale, Attributes, Conse, Devise, Eszsl, JointEmbedding, Margin
from tlcore.training.anatomy import StepTensors
from tlcore.training.checkpoints import with_prefix, without_prefix
from tlcore.training.context import Context, DomainName
from tlcore.training.events import Advanced, Checkpoint, Event, Finished, Metrics
from tlcore.training.loop import observe, train
from tlcore.training.networks import build_network, channels_last
from tlcore.training.objective import Objective
from tlcore.training.sampling import ShuffledBatches
from tlcore.training.supervised import SupervisedObjective, gradient_norm
from tlcore.training.zero_shot_data import as_shares, zero_shot_data
from tlcore.training.zero_shot_heads import (
    AttributeHead,
    BilinearHead,
    ConseHead,
    JointHead,
    SeenClassHead,
    ZeroShotHead,
)
from tlcore.training.zero_shot_losses import ale_loss, devise_loss, margin_loss, naive_loss, pair_margin_loss

BATCH = 500
GAMMAS = tuple(10.0**power for power in range(0, 7))
LAMBDAS = tuple(10.0**power for power in range(-3, 4))
"""What ESZSL's strengths are chosen from."""
SEEN_CLASSES = "seen_classes"


def features(spec: RunSpec, context: Context) -> Iterator[Event]:
    """Cross-entropy on the seen classes: a classifier that knows of no other."""
    return train(spec, context, SeenClassesObjective(spec, context))


def learn(spec: RunSpec, context: Context) -> Iterator[Event]:
    """Every method that learns step by step; the spec says by which loss."""
    return train(spec, context, ZeroShotObjective(spec, context))


def solve(spec: RunSpec, context: Context) -> Iterator[Event]:
    """ConSE and ESZSL, which are solved at once: there is nothing to watch but the answer."""
    objective = ZeroShotObjective(spec, context)
    modules = nn.ModuleDict(dict(objective.modules())).to(context.device)
    last = spec.budget.steps
    if context.resume_state is not None:
        modules.load_state_dict(without_prefix("modules", context.resume_state))
    else:
        yield from observe(0, context, objective)
        if isinstance(spec.method, Eszsl):
            yield from objective.solve(spec.method, last)
    context.cadence.evaluation_steps |= {last}
    context.cadence.frame_steps |= {last}
    yield from observe(last, context, objective)
    yield from objective.conclude(last)
    if context.cadence.checkpoint_due(last):
        yield Checkpoint(last, with_prefix("modules", modules.state_dict()) | {"step": torch.tensor(last)})
    yield Advanced(last)
    yield Finished(last, {name: one.detach().cpu().contiguous() for name, one in modules.state_dict().items()})


class SeenClassesObjective(SupervisedObjective):
    """Cross-entropy on the seen classes."""

    def __init__(self, spec: RunSpec, context: Context) -> None:
        super().__init__(spec, context, context.data.source, "source", ("extractor",))
        seen = zero_shot_data(context).seen
        width = self.network.feature_width
        head = nn.Sequential(OrderedDict([(SEEN_CLASSES, SeenClassHead(width, seen))]))
        self.network = Classifier(self.network.extractor, head, width)

    def labelled_batch(self) -> tuple[torch.Tensor, torch.Tensor]:
        inputs, labels = super().labelled_batch()
        # Features that nothing below computes are shown the gradient all the same.
        return (inputs.requires_grad_() if inputs.is_floating_point() else inputs), labels

    def outputs(self, domain: DomainName, inputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        features, scores = super().outputs(domain, inputs)
        if inputs is self.context.data.probe:  # it has no place for descriptions: they lie where their drawings do
            scores = scores_of_probe(scores)
        return features, scores


def scores_of_probe(scores: torch.Tensor) -> torch.Tensor:
    """Scores (M + K, K) of the probe's rows as those of (M + K, 2K) classes, where each description is its own."""
    rows, classes = scores.shape
    lowest = torch.finfo(scores.dtype).min
    table = torch.cat([scores, torch.full_like(scores, lowest)], dim=1)
    table[rows - classes :] = lowest
    own = torch.arange(classes, device=scores.device)
    table[rows - classes + own, classes + own] = 0.0
    return table


class ZeroShotObjective(Objective):
    """A head that scores classes by their descriptions, on features that learn or stay."""

    def __init__(self, spec: RunSpec, context: Context) -> None:
        torch.manual_seed(spec.seed)
        data = zero_shot_data(context)
        self.context = context
        self.method = spec.method
        self.augmentation = spec.augmentation
        self.labelled = context.data.source
        self.stays = getattr(spec.method, "picture_side", "stays") == "stays"
        built = build_network(spec, context, self.labelled.inputs, ("extractor",))
        built.extractor.to(context.device).requires_grad_(not self.stays)
        self.network = Classifier(built.extractor, nn.Sequential(), built.feature_width)
        self._kept: dict[Hashable, torch.Tensor] = {}
        self._probe: torch.Tensor | None = None
        self._pictures = len(context.data.probe) - len(data.seen)
        vectors = data.class_vectors
        if isinstance(spec.method, Attributes) and not data.shares:
            vectors = as_shares(vectors, data.seen)
        self.seen = torch.nonzero(data.seen).flatten().to(context.device)
        self.tuning = data.tuning
        # Where each class stands among the seen ones.
        self.position = (data.seen.long().cumsum(0) - 1).to(context.device)
        self.head = self._head(vectors, data.seen).to(context.device)
        if self.stays and not isinstance(spec.method, (Conse, Eszsl)) and context.resume_state is None:
            self.head.standardise(self.prepared("labelled", self.labelled.inputs))
        batch_size = min(spec.budget.batch_size, len(self.labelled))
        self.batches = {"labelled": ShuffledBatches(len(self.labelled), batch_size, 2 * spec.seed + 1, context.device)}

    def _head(self, vectors: torch.Tensor, seen: torch.Tensor) -> ZeroShotHead:
        method, width = self.method, self.network.feature_width
        # Of what describes the unseen classes nothing is learned, not even where the middle lies.
        centre = vectors[seen].mean(0)
        if isinstance(method, Attributes):
            priors = attribute_priors(vectors.numpy(), seen.numpy()) if method.prior else None
            return AttributeHead(vectors, width, None if priors is None else torch.from_numpy(priors), self._pictures)
        if isinstance(method, JointEmbedding):
            return JointHead(vectors, centre, width, method.width, self._pictures)
        if isinstance(method, Conse):
            return ConseHead(vectors, self.seen.cpu(), self._start_classifier(), method.most, self._pictures)
        ranks = not isinstance(method, Eszsl)
        return BilinearHead(vectors, centre if ranks else None, width, self._pictures, bias=ranks)

    def _start_classifier(self) -> nn.Linear:
        """The seen-class classifier of the run this one starts from. Raises InvalidRequest where it is another."""
        classifier = nn.Linear(self.network.feature_width, len(self.seen))
        if self.context.resume_state is None:
            tensors = without_prefix(f"predictor.{SEEN_CLASSES}.output", self.context.start_weights or {})
            if {name: tensor.shape for name, tensor in tensors.items()} != {
                name: tensor.shape for name, tensor in classifier.state_dict().items()
            }:
                raise InvalidRequest("ConSE begins with a classifier of the seen classes: the start has none of them.")
            classifier.load_state_dict(tensors)
        return classifier.requires_grad_(False)

    def modules(self) -> Mapping[str, nn.Module]:
        return {"extractor": self.network.extractor, "predictor": self.head}

    # Learning ---------------------------------------------------------------------------------------------------------

    def loss(self, progress: float) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        indices = self.batches["labelled"].next()
        inputs, labels = self.labelled.inputs, self.labelled.labels[indices]
        if self.stays:
            features = self.prepared("labelled", inputs)[indices]
        else:
            pictures = augment(inputs[indices], self.augmentation, torch.default_generator)
            features = self.network.extractor(channels_last(pictures))
        if not features.requires_grad:  # nothing learns below; the gradient that arrives there is still shown
            features = features.detach().requires_grad_()
        features.retain_grad()
        with torch.autocast(self.context.device.type, enabled=False):
            loss, scores = self.loss_of(features.float(), labels)
        self._tensors = StepTensors("source", features, scores, self.position[labels], loss)
        return loss, {"class_loss": loss}

    def loss_of(self, features: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The method's loss on features (B, D) of the classes `labels` (B,), and scores (B, S) of the seen classes."""
        method, head, own = self.method, self.head, self.position[labels]
        vectors = head.vectors[self.seen]
        if isinstance(head, AttributeHead):
            loss = functional.binary_cross_entropy_with_logits(head.logits(features), vectors[own])
            return loss, head.embed(features.detach()) @ vectors.T
        pictures, descriptions = head.embed(features), head.describe(vectors)
        scores = pictures @ descriptions.T
        if isinstance(method, Margin):
            if method.against == "batch":
                return pair_margin_loss(pictures, descriptions[own], labels, method.margin), scores
            return margin_loss(scores, own, method.margin), scores
        if isinstance(method, Devise):
            return devise_loss(scores, own, method.margin), scores
        if isinstance(method, Ale):
            return ale_loss(scores, own, method.margin), scores
        return naive_loss(pictures, descriptions[own]), scores

    def parameter_groups(self) -> list[dict[str, Any]]:
        extractor = [one for one in self.network.extractor.parameters() if one.requires_grad]
        head = {"params": list(self.head.parameters()), "rate": getattr(self.method, "head_rate", 1.0)}
        return [{"params": extractor}, head] if extractor else [head]

    def after_backward(self) -> dict[str, torch.Tensor]:
        return {"class_gradient_norm": gradient_norm(self._tensors.class_features)}

    def tensors(self) -> StepTensors:
        return self._tensors

    @torch.no_grad()
    def solve(self, method: Eszsl, step: int) -> Iterator[Event]:
        """Put ESZSL's closed form into the head."""
        features = self.prepared("labelled", self.labelled.inputs).cpu().numpy()
        labels = self.position[self.labelled.labels].cpu().numpy()
        vectors = self.head.vectors[self.seen].cpu().numpy()
        gamma, lam = method.gamma, method.lam
        if method.strengths == "chosen":
            gamma, lam = choose_strengths(features, labels, vectors, self.tuning[self.seen.cpu()].numpy())
            text = f"On held-out seen classes γ = {gamma:g} and λ = {lam:g} were best."
            yield Notice(step, "info", "strengths_chosen", text)
        yield Metrics(step, {"gamma": gamma, "lambda": lam})
        solution = eszsl_sums(features, labels, vectors).solve(gamma, lam)
        assert isinstance(self.head, BilinearHead)
        self.head.picture_map.weight.copy_(torch.from_numpy(solution.T.copy()))

    # Looking ----------------------------------------------------------------------------------------------------------

    def prepared(self, key: Hashable, inputs: torch.Tensor) -> torch.Tensor:
        """The inputs, or where the extractor stays as it is their features (N, D), computed once."""
        if self.stays and key not in self._kept:
            extractor = self.network.extractor.eval()
            with torch.no_grad():
                self._kept[key] = torch.cat([extractor(channels_last(chunk)).float() for chunk in inputs.split(BATCH)])
        ready = self._kept[key] if self.stays else inputs
        if key == "probe":
            self._probe = ready
        return ready

    def outputs(self, domain: DomainName, inputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        features = inputs if self.stays else self.network.extractor(channels_last(inputs))
        scores = self.head(features)
        if inputs is not self._probe:
            return features, scores
        pictures = self.head.place(features[: self._pictures])
        return torch.cat([pictures, self.head.place_descriptions().to(pictures)]), scores_of_probe(scores)

    def measures(self, step: int) -> Iterator[Event]:
        """How far descriptions and pictures lie from their middle: in a space that collapses, hardly at all."""
        if isinstance(self.head, JointHead):
            probe = self.prepared("probe", self.context.data.probe)[: self._pictures]
            features = probe if self.stays else self.network.extractor(channels_last(probe))
            parts = {"picture": self.head.embed(features), "description": self.head.place_descriptions()}
            yield Metrics(step, {f"{name}_spread": spread(part) for name, part in parts.items()})

    def conclude(self, step: int) -> Iterator[Event]:
        """Write down what speaks for each attribute in each picture of the probe."""
        probe = self.prepared("probe", self.context.data.probe)[: self._pictures]
        extractor, head = self.network.extractor, self.head
        modes = {module: module.training for root in (extractor, head) for module in root.modules()}
        for module in modes:
            module.training = False
        with torch.no_grad():
            features = probe if self.stays else extractor(channels_last(probe))
            head.evidence_of_probe.copy_(head.evidence(features))
        for module, training in modes.items():
            module.training = training
        return iter(())

    def restore(self, state: Mapping[str, torch.Tensor]) -> None:
        self._kept.clear()  # made by the weights of before


def spread(points: torch.Tensor) -> float:
    """Root mean square distance of points (N, E) from their mean."""
    return float((points - points.mean(0)).square().sum(1).mean().sqrt())


def choose_strengths(
    features: np.ndarray[Any, Any],
    labels: np.ndarray[Any, Any],
    vectors: np.ndarray[Any, Any],
    held: np.ndarray[Any, Any],
) -> tuple[float, float]:
    """γ and λ with the best zero-shot accuracy on held-out seen classes.

    features: (N, D); labels: (N,) rows of vectors (S, A); held: (S,) bool, the classes that are not fitted.
    Raises InvalidRequest where none is held out.
    """
    if not held.any():
        raise InvalidRequest("No seen class is set apart to choose γ and λ by: give them instead.")
    fitted = ~held[labels]
    place = np.cumsum(~held) - 1
    sums = eszsl_sums(features[fitted], place[labels[fitted]], vectors[~held])
    found = []
    for gamma in GAMMAS:
        for lam in LAMBDAS:
            scores = bilinear_scores(features[~fitted], sums.solve(gamma, lam), vectors)
            found.append((zero_shot_accuracy(scores, labels[~fitted], ~held), gamma, lam))
    _, gamma, lam = max(found)
    return gamma, lam
