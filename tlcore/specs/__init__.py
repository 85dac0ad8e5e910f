"""What can be asked for: pydantic models with ranges, defaults, help and sources. Imports no torch."""

from tlcore.specs.augmentation import Augmentation
from tlcore.specs.base import Spec, parameter
from tlcore.specs.catalogue_sets import CatalogueSet, SynNumbers
from tlcore.specs.data import DatasetSpec, Digits, DomainPair, Mnist, MnistM, Moons, PhotoDigits, PictureSpec, Shifted
from tlcore.specs.domain_adversarial import Dann, SourceOnly, TrainOnTarget
from tlcore.specs.fine_tuning import FineTune, FixedFeatures, L2Sp, OutputMatching, Pretrain, Scratch
from tlcore.specs.glyphs import Glyphs
from tlcore.specs.layer_transfer import ClassHalf, LayerTransfer
from tlcore.specs.multitask import ManyTasks, Progressive, Shared, SingleTask
from tlcore.specs.network import (
    AsTheyAre,
    BlockCnn,
    LinearMap,
    NetworkSpec,
    OwnWeights,
    PaperMnist,
    PaperSvhn,
    Perceptron,
    Pretrained,
    PyramidCnn,
    SmallCnn,
)
from tlcore.specs.own_data import OwnFeatures, OwnPictures
from tlcore.specs.parameters import Parameter, explain, override, parameters, validate, with_seed
from tlcore.specs.run import Budget, CheckpointStart, DataSpec, Optimisation, RandomStart, RunSpec, RunStart
from tlcore.specs.self_taught import (
    Autoencoder,
    Contrastive,
    LearnedFeatures,
    PrincipalComponents,
    UnlabelledTask,
    VarianceRegularised,
)
from tlcore.specs.tasks import SourceTask, TaskPair
from tlcore.specs.two_digits import TwoDigits
from tlcore.specs.zero_shot import ZeroShotTask

__all__ = [
    "AsTheyAre", "Augmentation", "Autoencoder", "BlockCnn", "Budget", "CatalogueSet", "CheckpointStart", "ClassHalf",
    "Contrastive", "Dann", "DataSpec", "DatasetSpec", "Digits", "DomainPair", "FineTune", "FixedFeatures", "Glyphs",
    "L2Sp", "LayerTransfer", "LearnedFeatures", "LinearMap", "ManyTasks", "Mnist", "MnistM", "Moons", "NetworkSpec",
    "Optimisation", "OutputMatching", "OwnFeatures", "OwnPictures", "OwnWeights", "PaperMnist", "PaperSvhn",
    "Parameter", "Perceptron", "PhotoDigits", "PictureSpec", "Pretrain", "Pretrained", "PrincipalComponents",
    "Progressive", "PyramidCnn", "RandomStart", "RunSpec", "RunStart", "Scratch", "Shared", "Shifted", "SingleTask",
    "SmallCnn", "SourceOnly", "SourceTask", "Spec", "SynNumbers", "TaskPair", "TrainOnTarget", "TwoDigits",
    "UnlabelledTask", "VarianceRegularised", "ZeroShotTask", "explain", "override", "parameter", "parameters",
    "validate", "with_seed",
]  # fmt: skip
