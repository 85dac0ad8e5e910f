"""Data sets as tensors: drawn, shipped with scikit-learn, or read from the data folder."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tlcore.data.dataset import Dataset, Domain, PairData, Provenance, Unlabelled
    from tlcore.data.load import load_dataset, load_pair

__all__ = ["Dataset", "Domain", "PairData", "Provenance", "Unlabelled", "load_dataset", "load_pair"]


def __getattr__(name: str) -> Any:
    # Late: looking into a folder of pictures needs no torch, and whoever refuses a file must be quick and small.
    if name in ("load_dataset", "load_pair"):
        from tlcore.data import load

        return getattr(load, name)
    if name in __all__:
        from tlcore.data import dataset

        return getattr(dataset, name)
    raise AttributeError(f"module 'tlcore.data' has no attribute '{name}'")
