"""What a hosted lab allows: limits for strangers on one machine, and who is who. Imports no torch."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from tlcore.specs.base import Spec, parameter
from tlcore.specs.own_data import NAME

Role = Literal["viewer", "trainer", "owner"]
"""viewer: watches recorded, shared and own runs. trainer: also trains. owner: also sees everything and everybody."""

Address = Annotated[str, StringConstraints(pattern=r"^[^\s@]{0,64}@[^\s@]{1,190}$", to_lower=True)]
DatasetName = Annotated[str, StringConstraints(pattern=NAME, min_length=1)]
MEGABYTE = 2**20
UPLOADS_OF_A_PAGE = 3
"""Files of the largest size that one open page may have in memory: what is looked at, the one before, and one more."""


class Limits(Spec):
    """How much one visitor, one run and all of them together may take. Watching recorded runs is never limited."""

    running_per_visitor: int = parameter(2, "Runs of one visitor that train or are paused at once.", ge=1, le=64)
    running_in_all: int = parameter(
        0, "Runs of all visitors that train at once; 0: as many as the machine has room for.", ge=0, le=256
    )
    queued_per_visitor: int = parameter(80, "Runs of one visitor that wait or train.", ge=1, le=10_000)
    queued_in_all: int = parameter(1000, "Runs of all visitors that wait or train.", ge=1, le=100_000)
    steps: int = parameter(5000, "Training steps of one run.", ge=1, le=10_000_000)
    seconds: float = parameter(900.0, "Seconds that one run may train.", ge=1, le=30 * 86400)
    paused_in_all: int = parameter(
        4, "Runs of all visitors that are paused at once; each keeps its memory.", ge=1, le=256
    )
    paused_seconds: float = parameter(900.0, "Seconds that a run may be paused before it is stopped.", ge=1, le=86400)
    memory_mb: int = parameter(
        3000, "Megabytes of memory that one run may take, besides the libraries.", ge=64, le=1_000_000
    )
    upload_mb: int = parameter(64, "Megabytes of one upload: pictures, features, bundles.", ge=1, le=4096)
    uploads_in_all_mb: int = parameter(
        400, "Megabytes of uploads that the web server holds in memory at once, of all open pages.", ge=1, le=1_000_000
    )
    disk_per_visitor_mb: int = parameter(
        500, "Megabytes of disk for the runs and data of one visitor.", ge=1, le=10_000_000
    )
    disk_in_all_mb: int = parameter(
        20_000, "Megabytes of disk for the runs and data of all visitors.", ge=1, le=100_000_000
    )
    questions_per_visitor: int = parameter(
        4, "Looks into data and models that one visitor may have under way at once.", ge=1, le=100
    )
    question_seconds: float = parameter(300.0, "Seconds that one such look may take.", ge=1, le=86400)
    question_memory_mb: int = parameter(2048, "Megabytes of memory that one such look may take.", ge=64, le=1_000_000)
    days_kept: int = parameter(
        30, "Days after which the runs and data of a visitor who has not come back are removed; 0: never.",
        ge=0, le=3650,
    )  # fmt: skip

    def steps_sentence(self) -> str:
        """Why a run may not be longer."""
        return f"On this server a run has at most {self.steps:,} steps."

    def queue_sentence(self) -> str:
        """Why a visitor may not ask for more runs at once."""
        return f"On this server a visitor has at most {self.queued_per_visitor:,} runs waiting or training."

    def words(self) -> str:
        """What a visitor should know before pressing Train."""
        return (
            f"On this server: up to {self.queued_per_visitor:,} runs of yours waiting or training, "
            f"{self.running_per_visitor} at once, each of at most {self.steps:,} steps, "
            f"{duration_text(self.seconds)} and {self.memory_mb:,} MB."
        )

    def upload_words(self) -> str:
        """What a visitor should know before bringing a file."""
        return (
            f"On this server a file has at most {self.upload_mb:,} MB, and what you keep here at most "
            f"{self.disk_per_visitor_mb:,} MB."
        )

    @property
    def page_bytes(self) -> int:
        """Bytes of uploads that one open page may have in the memory of the web server."""
        return UPLOADS_OF_A_PAGE * self.upload_mb * MEGABYTE

    @property
    def uploads_bytes(self) -> int:
        """Bytes of uploads of all open pages: two of the largest at least, as whoever raises one limit may forget."""
        return max(self.uploads_in_all_mb, 2 * self.upload_mb) * MEGABYTE

    def page_sentence(self) -> str:
        """Why a page takes no more files."""
        return (
            f"On this server the files uploaded on one page have at most {UPLOADS_OF_A_PAGE * self.upload_mb:,} MB "
            "together: take some out, or reload the page."
        )


class People(Spec):
    """Who may do what. Addresses are those of a login by OpenID Connect; `@school.edu` stands for everybody there."""

    anonymous: Literal["viewer", "trainer"] = parameter("trainer", "What those may do who have not signed in.")
    signed_in: Literal["viewer", "trainer"] | None = parameter(
        None, "What those may do who have signed in; if it is not said, train, but only watch where trainers are named."
    )
    owners: tuple[Address, ...] = parameter((), "Who sees everything and steers the server.", max_length=1000)
    trainers: tuple[Address, ...] = parameter((), "Who may train, whatever others may.", max_length=100_000)

    def role(self, address: str | None) -> Role:
        """The role of whoever has signed in with a verified address, or of a stranger for None."""
        if address is None:
            return self.anonymous
        if _among(address, self.owners):
            return "owner"
        if _among(address, self.trainers):
            return "trainer"
        # Whoever names trainers means that others are not: an account with the issuer may be anybody's.
        return self.signed_in or ("viewer" if self.trainers else "trainer")


class Hosting(Spec):
    """All that is set about a hosted lab."""

    limits: Limits = Field(default_factory=Limits, description="How much may be taken.")
    people: People = Field(default_factory=People, description="Who may do what.")
    shared_data: tuple[DatasetName, ...] = parameter(
        (), "Own data sets and weights of this machine that every visitor may use.", max_length=1000
    )


def _among(address: str, known: tuple[str, ...]) -> bool:
    lowered = address.lower()
    domain = lowered[lowered.rfind("@") :]
    return any(entry == (domain if entry.startswith("@") else lowered) for entry in known)


def duration_text(seconds: float) -> str:
    """Seconds as a person says them."""
    for unit, size in (("h", 3600.0), ("min", 60.0)):
        if seconds >= 2 * size or seconds == size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.3g} s"
