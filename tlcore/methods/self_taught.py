r"""Self-taught learning (Raina et al. 2007): features from pictures that nobody has labelled.

Two views of one picture differ in what should not matter: place, turn, size, and the photograph behind it. From them

    autoencoder   finds the clean picture behind a view          (Vincent et al. 2010)
    contrastive   finds a view's partner among all others        (Chen et al. 2020, equation 1)
    VICReg        λ s(Z, Z′) + μ [v(Z) + v(Z′)] + ν [c(Z) + c(Z′)]  (Bardes, Ponce and LeCun 2022, equation 6)

and, as the baseline, the principal components of the pictures. What the features are worth is asked by
`methods/learned_features.py`; here the evaluator, who alone knows what the target's pictures show, looks on.
"""

from __future__ import annotations

import abc
from collections.abc import Iterator, Mapping

import torch
from torch import nn
from torch.nn import functional

from tlcore.analysis.effective_rank import effective_rank
from tlcore.analysis.sheets import sheet_of
from tlcore.data.randomness import generator_for
from tlcore.networks.decoders import build_decoder, build_projector
from tlcore.specs import Autoencoder, Contrastive, PrincipalComponents, RunSpec, VarianceRegularised
from tlcore.training.context import Context
from tlcore.training.events import Advanced, Checkpoint, Event, Finished, Metrics
from tlcore.training.loop import observe, train
from tlcore.training.networks import channels_last
from tlcore.training.self_taught_losses import similarities, vicreg_terms
from tlcore.training.supervised import gradient_norm
from tlcore.training.unlabelled_objective import UnlabelledObjective, row_of

Scalars = dict[str, torch.Tensor]


def autoencoder(spec: RunSpec, context: Context) -> Iterator[Event]:
    """Cross-entropy between the clean picture and what is made of its disturbed view."""
    return train(spec, context, AutoencoderObjective(spec, context))


def contrastive(spec: RunSpec, context: Context) -> Iterator[Event]:
    """The normalised, temperature-scaled cross-entropy between two views."""
    return train(spec, context, ContrastiveObjective(spec, context))


def vicreg(spec: RunSpec, context: Context) -> Iterator[Event]:
    """Two views together, coordinates spread and decorrelated."""
    return train(spec, context, VicregObjective(spec, context))


def principal_components(spec: RunSpec, context: Context) -> Iterator[Event]:
    """The exact solution in one step."""
    objective = ComponentsObjective(spec, context)
    last = spec.budget.steps
    if context.resume_state is None:
        yield from observe(0, context, objective)
    explained = objective.solve()
    context.cadence.evaluation_steps |= {last}
    context.cadence.frame_steps |= {last}
    yield Metrics(last, {"explained_variance": explained})
    yield from observe(last, context, objective)
    if context.cadence.checkpoint_due(last):
        yield Checkpoint(last, {"step": torch.tensor(last)})
    yield Advanced(last)
    state = objective.network.extractor.state_dict()
    yield Finished(last, {f"extractor.{name}": one.detach().cpu().contiguous() for name, one in state.items()})


class AutoencoderObjective(UnlabelledObjective):
    """From a disturbed view to features, and from these to the clean picture."""

    def __init__(self, spec: RunSpec, context: Context) -> None:
        super().__init__(spec, context)
        assert isinstance(spec.method, Autoencoder)
        self.noise = spec.method.noise
        self.decoder = build_decoder(self.network.feature_width, self.shape)

    def modules(self) -> Mapping[str, nn.Module]:
        return {"extractor": self.network.extractor, "decoder": self.decoder}

    def disturbed(self, views: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Views (N, C, H, W) with noise on each pixel."""
        if not self.noise:
            return views
        noise = torch.randn(views.shape, generator=generator, device=generator.device).to(views)
        return (views + self.noise * noise).clamp(0, 1)

    def loss(self, progress: float) -> tuple[torch.Tensor, Scalars]:
        views, clean = self.views_of(self.next_pictures(), torch.default_generator)
        given = self.disturbed(views, torch.default_generator)
        made = self.decoder(self.network.extractor(channels_last(given))).float()
        loss = reconstruction_loss(made, clean)
        return loss, {"reconstruction_loss": loss}

    def measures(self, step: int) -> Iterator[Event]:
        yield from super().measures(step)
        _, views, clean = self.shown()
        given = self.disturbed(views, generator_for("shown noise", self.seed))
        made = self.decoder(self.network.extractor(channels_last(given))).float().sigmoid()
        yield sheet_of(step, [row_of(given), row_of(made), row_of(clean)])


def reconstruction_loss(made: torch.Tensor, clean: torch.Tensor) -> torch.Tensor:
    """Mean over pixels of the cross-entropy between a clean picture (N, C, H, W), from 0 to 1, and the logits of what
    was made of its disturbed view (Vincent et al. 2010, section 2.2)."""
    return functional.binary_cross_entropy_with_logits(made, clean)


class TwoViewsObjective(UnlabelledObjective, abc.ABC):
    """Two views of each picture, compared behind a projector that is thrown away afterwards, or among the features."""

    def __init__(self, spec: RunSpec, context: Context, hidden: int, width: int) -> None:
        super().__init__(spec, context)
        self.projector: nn.Module = nn.Identity()
        if width:
            self.projector = build_projector(self.network.feature_width, hidden, width)

    def modules(self) -> Mapping[str, nn.Module]:
        return {"extractor": self.network.extractor, "projector": self.projector}

    @abc.abstractmethod
    def compare(self, first: torch.Tensor, second: torch.Tensor) -> tuple[torch.Tensor, Scalars]:
        """The loss of projections (N, E) of two views, and scalars to report."""

    def loss(self, progress: float) -> tuple[torch.Tensor, Scalars]:
        chosen = self.next_pictures()
        first, _ = self.views_of(chosen, torch.default_generator)
        second, _ = self.views_of(chosen, torch.default_generator)
        features: torch.Tensor = self.network.extractor(channels_last(torch.cat([first, second])))
        features.retain_grad()
        self._features = features
        projected = self.projector(features).float()
        with torch.autocast(self.context.device.type, enabled=False):
            return self.compare(*projected.chunk(2))

    def after_backward(self) -> dict[str, torch.Tensor]:
        return {"feature_gradient_norm": gradient_norm(self._features)}

    def measures(self, step: int) -> Iterator[Event]:
        yield from super().measures(step)
        if not isinstance(self.projector, nn.Identity):
            projected = self.projector(self.features(self.context.data.probe)).float()
            yield Metrics(step, {"embedding_rank": effective_rank(projected.cpu().numpy())})
        if step in (0, self.context.cadence.steps):
            first, second, _ = self.shown()
            yield sheet_of(step, [row_of(first), row_of(second)])


class ContrastiveObjective(TwoViewsObjective):
    """Each view must find its partner among all others of the batch."""

    def __init__(self, spec: RunSpec, context: Context) -> None:
        assert isinstance(spec.method, Contrastive)
        self.temperature = spec.method.temperature
        super().__init__(spec, context, 2 * spec.method.projection, spec.method.projection)

    def compare(self, first: torch.Tensor, second: torch.Tensor) -> tuple[torch.Tensor, Scalars]:
        found = similarities(first, second, self.temperature)
        loss = functional.cross_entropy(found.scores, found.partners)
        right = (found.scores.detach().argmax(1) == found.partners).float().mean()
        return loss, {"contrastive_loss": loss, "partner_accuracy": right}


class VicregObjective(TwoViewsObjective):
    """Views of one picture together; each coordinate spread, different ones uncorrelated."""

    def __init__(self, spec: RunSpec, context: Context) -> None:
        assert isinstance(spec.method, VarianceRegularised)
        self.method = spec.method
        super().__init__(spec, context, spec.method.projection, spec.method.projection)

    def compare(self, first: torch.Tensor, second: torch.Tensor) -> tuple[torch.Tensor, Scalars]:
        terms, method = vicreg_terms(first, second), self.method
        loss = (
            method.invariance_weight * terms.invariance
            + method.variance_weight * terms.variance
            + method.covariance_weight * terms.covariance
        )
        return loss, {
            "vicreg_loss": loss,
            "invariance_loss": terms.invariance,
            "variance_loss": terms.variance,
            "covariance_loss": terms.covariance,
        }


class ComponentsObjective(UnlabelledObjective):
    """A dense layer that holds the principal components of the views."""

    def __init__(self, spec: RunSpec, context: Context) -> None:
        super().__init__(spec, context)
        assert isinstance(spec.method, PrincipalComponents)
        self.count = spec.method.pictures
        self.network.extractor.to(context.device)

    def loss(self, progress: float) -> tuple[torch.Tensor, Scalars]:
        raise RuntimeError("principal components are solved, not learned")

    @torch.no_grad()
    def solve(self) -> float:
        """Put the components into the network; returns the share of the variance that they explain."""
        flat = self.sample(-(-self.count // len(self.groups))).flatten(1).double()
        centred = flat - flat.mean(0)
        values, vectors = torch.linalg.eigh(centred.T @ centred / (len(centred) - 1))
        layer = self.network.extractor.get_submodule("dense1")
        assert isinstance(layer, nn.Linear)
        kept = min(layer.out_features, len(values))
        layer.weight.zero_()
        layer.weight[:kept] = vectors[:, -kept:].flip(1).T.to(layer.weight)
        # The network centres each channel; the rest of the way to each pixel's mean is the layer's own.
        centre = self.network.extractor.get_submodule("centre")
        middle = (flat.mean(0).view(self.shape) - centre.get_buffer("mean").double()).flatten()
        layer.bias.copy_((-(layer.weight.double() @ middle)).to(layer.bias))
        return float(values[-kept:].sum() / values.sum())
