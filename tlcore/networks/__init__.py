"""Networks: feature extractors, heads, gradient reversal."""

from tlcore.networks.classifiers import Classifier, build_classifier, build_domain_classifier
from tlcore.networks.gradient_reversal import reverse_gradient

__all__ = ["Classifier", "build_classifier", "build_domain_classifier", "reverse_gradient"]
