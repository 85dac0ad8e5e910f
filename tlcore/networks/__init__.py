"""Networks: feature extractors, heads, gradient reversal, published and own weights, layers by name."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tlcore.networks.classifiers import Classifier, build_classifier, build_domain_classifier
    from tlcore.networks.gradient_reversal import reverse_gradient

__all__ = ["Classifier", "build_classifier", "build_domain_classifier", "reverse_gradient"]


def __getattr__(name: str) -> Any:
    # Late: looking at a file of weights needs no torch, and whoever refuses one must be quick and small.
    if name == "reverse_gradient":
        from tlcore.networks import gradient_reversal

        return gradient_reversal.reverse_gradient
    if name in __all__:
        from tlcore.networks import classifiers

        return getattr(classifiers, name)
    raise AttributeError(f"module 'tlcore.networks' has no attribute '{name}'")
