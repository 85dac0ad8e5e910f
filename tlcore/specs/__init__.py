"""What can be asked for: pydantic models with ranges, defaults, help and sources. Imports no torch."""

from tlcore.specs.base import Spec, parameter
from tlcore.specs.catalogue_sets import CatalogueSet, SynNumbers
from tlcore.specs.data import DatasetSpec, Digits, DomainPair, Mnist, MnistM, Moons, PhotoDigits, PictureSpec, Shifted
from tlcore.specs.domain_adversarial import Dann, SourceOnly, TrainOnTarget
from tlcore.specs.network import NetworkSpec, OwnWeights, PaperMnist, PaperSvhn, Perceptron, Pretrained, SmallCnn
from tlcore.specs.own_data import OwnFeatures, OwnPictures
from tlcore.specs.parameters import Parameter, explain, override, parameters, validate
from tlcore.specs.run import Budget, CheckpointStart, Optimisation, RandomStart, RunSpec, RunStart

__all__ = [
    "Budget", "CatalogueSet", "CheckpointStart", "Dann", "DatasetSpec", "Digits", "DomainPair", "Mnist", "MnistM",
    "Moons", "NetworkSpec", "Optimisation", "OwnFeatures", "OwnPictures", "OwnWeights", "PaperMnist", "PaperSvhn",
    "Parameter", "Perceptron", "PhotoDigits", "PictureSpec", "Pretrained", "RandomStart", "RunSpec", "RunStart",
    "Shifted", "SmallCnn", "SourceOnly", "Spec", "SynNumbers", "TrainOnTarget", "explain", "override", "parameter",
    "parameters", "validate",
]  # fmt: skip
