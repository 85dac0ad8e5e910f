"""What can be asked about data before anything is trained, besides what concerns own data. Imports no torch."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from tlcore.specs.base import Spec, parameter
from tlcore.specs.catalogue_sets import ShiftKind
from tlcore.specs.data import DatasetSpec, Digits, DomainPair
from tlcore.specs.model_questions import (
    AdviseTransfer,
    AskZeroShot,
    CompareLayers,
    DescribeClassifier,
    ExportOnnx,
    TryPicture,
)
from tlcore.specs.own_data import CheckOwn, ImportOwn, ListOwn, PreviewOwn, RemoveOwn


class ListAllowed(Spec):
    """Which folders and files may be imported from the folders that the server's owner has allowed?"""

    question: Literal["list-allowed"] = "list-allowed"


class FetchSet(Spec):
    """Download a data set of the catalogue into the data folder."""

    question: Literal["fetch-set"] = "fetch-set"
    dataset: str = parameter("", "Name in the catalogue.", max_length=60)


class LookAtData(Spec):
    """A few examples of a data set, and how many of each class there are."""

    question: Literal["look-at-data"] = "look-at-data"
    data: DatasetSpec = Field(default_factory=Digits, description="The data set.")
    pictures: int = parameter(20, "How many examples are shown.", ge=1, le=100)


class LookAtPair(Spec):
    """A few examples of both domains of a pair, which classes they share, and how far apart they are."""

    question: Literal["look-at-pair"] = "look-at-pair"
    pair: DomainPair = Field(default_factory=DomainPair, description="The two domains.")
    pictures: int = parameter(20, "How many examples of each domain are shown.", ge=1, le=100)


class MeasureShift(Spec):
    """How far apart are the domains of a pair as the target is shifted more and more?"""

    question: Literal["measure-shift"] = "measure-shift"
    pair: DomainPair = Field(default_factory=DomainPair, description="The two domains, the target not yet shifted.")
    shift: ShiftKind = parameter("photo-background", "How the target is shifted.")
    strengths: tuple[float, ...] = parameter(
        tuple(step / 10 for step in range(11)), "Strengths from 0 to 1.", min_length=1, max_length=21
    )
    pictures: int = parameter(20, "How many examples are shown for each strength.", ge=1, le=100)


DataQuestion = ListAllowed | FetchSet | LookAtData | LookAtPair | MeasureShift
Question = Annotated[
    PreviewOwn | ImportOwn | ListOwn | CheckOwn | RemoveOwn
    | ListAllowed | FetchSet | LookAtData | LookAtPair | MeasureShift
    | DescribeClassifier | TryPicture | AskZeroShot | ExportOnnx | AdviseTransfer | CompareLayers,
    Field(discriminator="question"),
]  # fmt: skip
