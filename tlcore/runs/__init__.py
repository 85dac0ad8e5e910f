"""What happened: the store of runs, their events and their records. Imports no torch."""

from tlcore.runs.records import (
    SOURCE,
    TARGET,
    Confusion,
    FilmQuality,
    Frame,
    Neighbours,
    Notice,
    Probe,
    Series,
    StepAnatomy,
    Surface,
)
from tlcore.runs.store import ENDED, Run, State, Store, default_store

__all__ = [
    "ENDED", "SOURCE", "TARGET", "Confusion", "FilmQuality", "Frame", "Neighbours", "Notice", "Probe", "Run", "Series",
    "State", "StepAnatomy", "Store", "Surface", "default_store",
]  # fmt: skip
