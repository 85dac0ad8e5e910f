"""Data sets as tensors: drawn, shipped with scikit-learn, or read from the data folder."""

from tlcore.data.dataset import Dataset, Domain, PairData, Provenance, Unlabelled
from tlcore.data.load import load_dataset, load_pair

__all__ = ["Dataset", "Domain", "PairData", "Provenance", "Unlabelled", "load_dataset", "load_pair"]
