"""What can be asked of a trained network and of the data it is to learn next. Imports no torch."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from tlcore.specs.base import Spec, parameter
from tlcore.specs.run import RunSpec

RUN = r"^[0-9a-f]{16}$"


class DescribeClassifier(Spec):
    """How a finished run's network is built and what it does with a picture before it looks at it."""

    question: Literal["describe-classifier"] = "describe-classifier"
    run: str = parameter(..., "Identity of the run.", pattern=RUN)
    store: str = parameter("", "Folder of the store it lies in; empty: the usual one.", max_length=4000)


class TryPicture(Spec):
    """What does a finished run's network see in the uploaded picture?"""

    question: Literal["try-picture"] = "try-picture"
    run: str = parameter(..., "Identity of the run.", pattern=RUN)
    store: str = parameter("", "Folder of the store it lies in; empty: the usual one.", max_length=4000)
    neighbours: int = parameter(6, "How many training pictures with the nearest features are shown.", ge=0, le=50)


class ExportOnnx(Spec):
    """A finished run's network as an ONNX model, where the packages that write one are installed."""

    question: Literal["export-onnx"] = "export-onnx"
    run: str = parameter(..., "Identity of the run.", pattern=RUN)
    store: str = parameter("", "Folder of the store it lies in; empty: the usual one.", max_length=4000)


class AdviseTransfer(Spec):
    """Which way of using the source network suits a target task, told before any of them is trained?"""

    question: Literal["advise-transfer"] = "advise-transfer"
    task: RunSpec = Field(
        description="Any run on the target with so many labels per class that begins with the source network."
    )
    arms: tuple[str, ...] = parameter((), "Ways of transfer to choose from; none: all that are known.", max_length=20)
    store: str = parameter("", "Folder of the store the source run lies in; empty: the usual one.", max_length=4000)


class CompareLayers(Spec):
    """What do the layers of two base networks have in common, and what can be read off each for either's task?"""

    question: Literal["compare-layers"] = "compare-layers"
    run: str = parameter(..., "Identity of the first run.", pattern=RUN)
    other: str = parameter(..., "Identity of the second run.", pattern=RUN)
    store: str = parameter("", "Folder of the store they lie in; empty: the usual one.", max_length=4000)


class AskZeroShot(Spec):
    """What does a finished zero-shot run see in the uploaded picture? Descriptions are scored by the answer."""

    question: Literal["ask-zero-shot"] = "ask-zero-shot"
    run: str = parameter(..., "Identity of the run.", pattern=RUN)
    store: str = parameter("", "Folder of the store it lies in; empty: the usual one.", max_length=4000)


ModelQuestion = DescribeClassifier | TryPicture | AskZeroShot | ExportOnnx | AdviseTransfer | CompareLayers
