"""A user's own data as a run names them, and what can be asked about them before. Imports no torch."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from tlcore.specs.base import Spec, parameter

NAME = r"^(?:[a-z0-9](?:[a-z0-9_-]{0,38}[a-z0-9])?)?$"
NAME_WORDS = "a name has 1 to 40 small letters, digits, hyphens and underscores, with a letter or digit at each end"
CONTENT = r"^(?:[0-9a-f]{16})?$"
CONTENT_HELP = "Which content of that name, so that a run is the same run only on the same data; empty: as it is now."


class OwnPictures(Spec):
    """Pictures that somebody has imported on this machine, all of them or one of their domains."""

    name: Literal["own-pictures"] = "own-pictures"
    dataset: str = parameter("", "Name under which the pictures were imported.", pattern=NAME)
    content: str = parameter("", CONTENT_HELP, pattern=CONTENT, advanced=True)
    domain: str = parameter("", "One of the domains of the pictures; empty: all of them.", max_length=100)
    limit: int = parameter(0, "Use only so many training pictures; 0 uses all.", ge=0, le=1_000_000)


class OwnFeatures(Spec):
    """Features that somebody has computed elsewhere and imported on this machine."""

    name: Literal["own-features"] = "own-features"
    dataset: str = parameter("", "Name under which the features were imported.", pattern=NAME)
    content: str = parameter("", CONTENT_HELP, pattern=CONTENT, advanced=True)
    domain: str = parameter("", "One of the domains of the features; empty: all of them.", max_length=100)
    limit: int = parameter(0, "Use only so many training examples; 0 uses all.", ge=0, le=1_000_000)


class PreviewOwn(Spec):
    """What is in this folder or file, before it is imported?"""

    question: Literal["preview-own"] = "preview-own"
    path: str = parameter("", "Folder, zip, table or file of features on this machine; empty: what is uploaded.",
                          max_length=4096)  # fmt: skip
    title: str = parameter("", "What the upload was called.", max_length=300)


class ImportOwn(Spec):
    """Take a folder or file over into the data folder."""

    question: Literal["import-own"] = "import-own"
    path: str = parameter("", "Folder, zip, table or file of features on this machine; empty: what is uploaded.",
                          max_length=4096)  # fmt: skip
    title: str = parameter("", "What the upload was called.", max_length=300)
    dataset: str = parameter("pictures", "Name of the new data set.", pattern=NAME)
    side: int = parameter(64, "Width and height to which pictures are made smaller, in pixels.", ge=16, le=256)
    replace: bool = parameter(False, "Put it in the place of an own data set of the same name.")


class ListOwn(Spec):
    """Which own data sets are there?"""

    question: Literal["list-own"] = "list-own"


class CheckOwn(Spec):
    """Is an own data set complete and readable?"""

    question: Literal["check-own"] = "check-own"
    dataset: str = parameter("pictures", "Name of the data set.", pattern=NAME)


class RemoveOwn(Spec):
    """Delete an own data set; the files it was made from stay."""

    question: Literal["remove-own"] = "remove-own"
    dataset: str = parameter("pictures", "Name of the data set.", pattern=NAME)


OwnQuestion = Annotated[PreviewOwn | ImportOwn | ListOwn | CheckOwn | RemoveOwn, Field(discriminator="question")]
