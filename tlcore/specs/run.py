"""`RunSpec`: everything that defines one run. The same spec is the same run."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from tlcore.specs.augmentation import Augmentation
from tlcore.specs.base import Spec, parameter
from tlcore.specs.data import DatasetSpec, DomainPair
from tlcore.specs.domain_adversarial import Dann, SourceOnly, TrainOnTarget
from tlcore.specs.fine_tuning import FineTune, FixedFeatures, L2Sp, OutputMatching, Pretrain, Scratch
from tlcore.specs.layer_transfer import ClassHalf, LayerTransfer
from tlcore.specs.multitask import ManyTasks, Progressive, Shared, SingleTask
from tlcore.specs.network import NetworkSpec, SmallCnn
from tlcore.specs.self_taught import (
    Autoencoder,
    Contrastive,
    LearnedFeatures,
    PrincipalComponents,
    UnlabelledTask,
    VarianceRegularised,
)
from tlcore.specs.tasks import SourceTask, TaskPair
from tlcore.specs.zero_shot import (
    Ale,
    Attributes,
    Conse,
    Devise,
    Eszsl,
    Margin,
    Naive,
    SeenClasses,
    ZeroShotTask,
)

MethodSpec = Annotated[
    SourceOnly | Dann | TrainOnTarget
    | Pretrain | Scratch | FixedFeatures | FineTune | L2Sp | OutputMatching
    | LayerTransfer
    | SeenClasses | Attributes | Naive | Margin | Conse | Eszsl | Devise | Ale
    | SingleTask | Shared | Progressive
    | PrincipalComponents | Autoencoder | Contrastive | VarianceRegularised | LearnedFeatures,
    Field(discriminator="name"),
]  # fmt: skip


def _domain_pair_unless_named(document: Any) -> Any:
    """Data that do not name their kind are a pair of domains, as all were once."""
    return {"kind": "domain_pair", **document} if isinstance(document, dict) else document


DataSpec = Annotated[
    DomainPair | SourceTask | TaskPair | ClassHalf | ZeroShotTask | ManyTasks | UnlabelledTask,
    Field(discriminator="kind"),
    BeforeValidator(_domain_pair_unless_named),
]

METHODS_OF = {
    "domain_pair": (SourceOnly, Dann, TrainOnTarget),
    "source_task": (Pretrain,),
    "task_pair": (Scratch, FixedFeatures, FineTune, L2Sp, OutputMatching, Progressive, LearnedFeatures),
    "class_half": (LayerTransfer,),
    "zero_shot": (SeenClasses, Attributes, Naive, Margin, Conse, Eszsl, Devise, Ale),
    "many_tasks": (SingleTask, Shared),
    "unlabelled": (PrincipalComponents, Autoencoder, Contrastive, VarianceRegularised),
}  # which methods make sense of which kind of data
VECTORS = frozenset({"moons", "own-features", "xlsa17"})  # data sets whose examples are no pictures
NETWORKS_OF_VECTORS = frozenset({"perceptron", "as-they-are"})


class Optimisation(Spec):
    """The optimiser and how its learning rate changes while training."""

    optimiser: Literal["sgd", "adam", "adamw"] = parameter("sgd", "Which optimiser updates the weights.")
    learning_rate: float = parameter(
        0.05,
        "Learning rate at the start.",
        gt=0.0,
        le=10.0,
        logarithmic=True,
        source="Ganin et al. 2016, section 5.2.2",
    )
    schedule: Literal["inverse_decay", "constant", "cosine", "one_cycle"] = parameter(
        "inverse_decay", "inverse_decay: rate/(1+10p)^0.75 with p the share of training done; cosine: to zero; "
        "one_cycle: up from a 25th in the first quarter, then to zero.",
        source="Ganin et al. 2016, section 5.2.2",
    )  # fmt: skip
    momentum: float = parameter(0.9, "Momentum of SGD; no effect with Adam.", ge=0.0, lt=1.0, advanced=True)
    weight_decay: float = parameter(0.0, "Weight decay on all weights.", ge=0.0, le=1.0, advanced=True)


class Budget(Spec):
    """How long a run trains and how often it is looked at. Looking does not change what is learned."""

    steps: int = parameter(4000, "Training steps.", ge=1, le=1_000_000)
    batch_size: int = parameter(64, "Pictures of each domain in one step.", ge=2, le=4096)
    evaluations: int = parameter(40, "Times the model is tested on held-out pictures.", ge=1, le=1000, advanced=True)
    frames: int = parameter(30, "Pictures of the feature space that are kept.", ge=1, le=300, advanced=True)
    probe_points: int = parameter(
        1000,
        "Held-out points whose features are recorded, balanced over domains and classes.",
        ge=20,
        le=2000,
        advanced=True,
    )
    precision: Literal["auto", "float32", "bfloat16"] = parameter(
        "float32",
        "Number format of the forward pass; auto takes bfloat16 where the processor computes with it.",
        advanced=True,
    )


StartPart = Literal["extractor", "predictor", "domain_head", "laterals", "columns"]


class RandomStart(Spec):
    """Weights drawn at random by the run's seed."""

    kind: Literal["random"] = "random"


class RunStart(Spec):
    """Weights of another run, which is trained first if the store does not hold it."""

    kind: Literal["run"] = "run"
    spec: RunSpec = Field(description="The run whose final weights are taken.")
    parts: tuple[StartPart, ...] = Field(
        default=("extractor", "predictor"),
        description="Which parts of the other run's network are taken; laterals and columns: those of a progressive "
        "one, for a column beside all of its columns.",
    )


class CheckpointStart(Spec):
    """The full state of another run at one step: a fork, which continues there with other parameters."""

    kind: Literal["checkpoint"] = "checkpoint"
    run: str = Field(description="Identity of the run it was forked from.", pattern=r"^[0-9a-f]{16}$")
    step: int = Field(description="Step of the checkpoint.", ge=0)


Start = Annotated[RandomStart | RunStart | CheckpointStart, Field(discriminator="kind")]


class RunSpec(Spec):
    """One run: method, data, network, optimisation, budget, where the weights start, seed."""

    method: MethodSpec = Field(default_factory=SourceOnly)
    data: DataSpec = Field(default_factory=DomainPair)
    network: NetworkSpec = Field(default_factory=SmallCnn)
    optimisation: Optimisation = Field(default_factory=Optimisation)
    augmentation: Augmentation = Field(default_factory=Augmentation)
    budget: Budget = Field(default_factory=Budget)
    start: Start = Field(default_factory=RandomStart)
    seed: int = parameter(0, "Seed of the split, the first weights and the order of the pictures.", ge=0, le=2**31 - 1)

    @model_validator(mode="after")
    def _parts_fit_together(self) -> RunSpec:
        if not isinstance(self.method, METHODS_OF[self.data.kind]):
            raise ValueError(f"method {self.method.name} does not fit data of the kind {self.data.kind}")
        if isinstance(self.method, LayerTransfer) and self.method.copied and isinstance(self.start, RandomStart):
            raise ValueError("copied layers need a run to be copied from: start names none")
        if isinstance(self.data, TaskPair) and self.data.source and isinstance(self.start, RandomStart):
            raise ValueError("a source was learned from by the run this one starts from, and no start is named")
        if isinstance(self.method, LearnedFeatures) and isinstance(self.start, RandomStart):
            raise ValueError("learned_features reads what another run has learned: start names none")
        if isinstance(self.method, PrincipalComponents) and self.network.name != "linear-map":
            raise ValueError("principal components are a linear map: network must be linear-map")
        fixed = getattr(self.method, "picture_side", "learns") == "stays" or isinstance(self.method, (Conse, Eszsl))
        if fixed and isinstance(self.start, RandomStart) and self.network.name != "as-they-are":
            raise ValueError(f"{self.method.name} reads the features of another run: start names none")
        names = [data.name for data in self.datasets()]
        vectors = [name in VECTORS for name in names]
        if any(vectors) and not all(vectors):
            name = names[vectors.index(True)]
            raise ValueError(f"{name} can only be paired with {name}")
        if any(vectors) != (self.network.name in NETWORKS_OF_VECTORS):
            raise ValueError(f"network {self.network.name} does not fit data {names[0]}")
        if any(vectors) and self.augmentation.varies:
            raise ValueError(f"{names[0]} holds no pictures that could be varied")
        return self

    @model_serializer(mode="wrap")
    def _without_idle_augmentation(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """What does nothing is not written: a run keeps the identity it had before pictures could be varied."""
        document: dict[str, Any] = handler(self)
        if self.augmentation == Augmentation():
            document.pop("augmentation", None)
        return document

    def datasets(self) -> tuple[DatasetSpec, ...]:
        """The data sets a run reads, the source before the target."""
        parts = (getattr(self.data, "source", None), getattr(self.data, "target", None))
        return tuple(part for part in parts if part is not None)

    def dependencies(self) -> tuple[RunSpec, ...]:
        """The runs that must have finished before this one can start."""
        return (self.start.spec,) if isinstance(self.start, RunStart) else ()


RunStart.model_rebuild()
RunSpec.model_rebuild()
