"""The experiments of the self-taught page: features from pictures without labels, and clusters of them."""

from __future__ import annotations

from tlcore.presets.fine_tuning import arm_name, scratch
from tlcore.presets.preset import Preset
from tlcore.specs import (
    Augmentation,
    Autoencoder,
    BlockCnn,
    Budget,
    Contrastive,
    DatasetSpec,
    Glyphs,
    LearnedFeatures,
    LinearMap,
    NetworkSpec,
    Optimisation,
    PhotoDigits,
    PrincipalComponents,
    RunSpec,
    RunStart,
    TaskPair,
    UnlabelledTask,
    VarianceRegularised,
)
from tlcore.specs.run import MethodSpec

PAGE = "self-taught"
SHOTS = (1, 2, 5, 10, 20)
LEARNERS = ("pca", "autoencoder", "contrastive")
"""The arms that learn without labels; `NAME@k` uses what NAME has learned with k labels per class."""
SOURCE = Glyphs(characters="all", backdrop="plain")
TARGET = PhotoDigits(renderings=3)
NETWORK = BlockCnn()
VIEWS = Augmentation(shift=0.1, turn=20.0, scale=0.2, shear=0.2)
PROBE_POINTS = 500


def learner(
    method: MethodSpec,
    steps: int,
    *,
    data: UnlabelledTask | None = None,
    network: NetworkSpec = NETWORK,
    looks: int = 12,
    views: Augmentation = VIEWS,
) -> RunSpec:
    """A run that learns features without labels."""
    return RunSpec(
        method=method,
        data=data or UnlabelledTask(source=SOURCE, target=TARGET),
        network=network,
        optimisation=Optimisation(optimiser="adamw", learning_rate=0.002, schedule="one_cycle", weight_decay=1e-4),
        augmentation=views,
        budget=Budget(
            steps=steps, batch_size=128, evaluations=looks, frames=looks, probe_points=PROBE_POINTS, precision="auto"
        ),
    )


def used(learned: RunSpec, target: DatasetSpec, shots: int, method: LearnedFeatures) -> RunSpec:
    """A run that uses what another has learned without labels, with so many labels per class."""
    return RunSpec(
        method=method,
        data=TaskPair(source=None, target=target, labels_per_class=shots),
        network=learned.network,
        optimisation=Optimisation(learning_rate=0.02, schedule="cosine"),
        budget=Budget(steps=200, batch_size=32, evaluations=4, frames=4, probe_points=300, precision="auto"),
        start=RunStart(spec=learned, parts=("extractor",)),
    )


def _digit_arms() -> dict[str, RunSpec]:
    """Three ways of learning without labels, and what each is worth beside learning from scratch.

    Of the three ways of using features the validation part of the target chose fine-tuning; what is only a linear map
    is judged by the linear classifier on it.
    """
    learners = (
        learner(PrincipalComponents(), 1, network=LinearMap(), looks=1),
        learner(Autoencoder(), 600),
        learner(Contrastive(), 800),
    )
    arms = dict(zip(LEARNERS, learners, strict=True))
    for shots in SHOTS:
        arms[arm_name("scratch", shots)] = scratch(TARGET, NETWORK, shots)
        for name in LEARNERS:
            method = LearnedFeatures(judged_by="linear_probe" if name == "pca" else "fine_tune")
            arms[arm_name(name, shots)] = used(arms[name], TARGET, shots, method)
    return arms


DIGITS = Preset(
    page=PAGE,
    name="digits",
    title="Unlabelled characters → handwritten digits, few labels",
    lead="7,200 printed characters that nobody has labelled, and of real handwriting over photographs a few labels "
    "of each digit.",
    arms=_digit_arms(),
    side_by_side=("autoencoder", "contrastive"),
    look_for=(
        "The film: handwriting that neither network has ever seen, from random weights to learned ones. Which of the "
        "two puts the same digits together, though no label was read?",
        "Left end of the curve: with one or two labels per class the features are worth more than the labels. Right "
        "end: with twenty, learning from scratch has nearly caught up with one and passed the other.",
        "Principal components are features too, learned without labels and without a network: a baseline to beat.",
        "The pairs of views: what the two of one character share is all that can be learned from them.",
    ),
    explanation="Before any label is read, a network learns from unlabelled characters: to find the clean character "
    "behind a disturbed picture, or to recognise two pictures of the same character over different photographs. Both "
    "make it tell strokes from what lies behind them. The views replace the background because the source stands on "
    "black, so that its ink is known: a choice of the teacher's, and the only hint the network gets.",
)


def _clustering_arms() -> dict[str, RunSpec]:
    """Clusters of the target with features learned from its own pictures alone, and from the source's as well."""
    views = VIEWS.model_copy(update={"brightness": 0.4, "contrast": 0.4, "saturation": 0.6})
    sources: dict[str, DatasetSpec | None] = {"target_only": None, "with_source": SOURCE}
    return {
        name: learner(
            Contrastive(),
            500,
            data=UnlabelledTask(source=source, target=TARGET, target_pictures=600, clusters=10),
            views=views,
        )
        for name, source in sources.items()
    }


CLUSTERING = Preset(
    page=PAGE,
    name="clustering",
    title="Self-taught clustering: no label on either side",
    lead="600 unlabelled pictures of handwriting over photographs are put into ten clusters, with and without "
    "unlabelled characters beside them.",
    arms=_clustering_arms(),
    side_by_side=("target_only", "with_source"),
    look_for=(
        "Colour by prediction: these are the clusters. Colour by class: what the clusters should have been.",
        "Adjusted mutual information is 0 by chance and 1 where clusters are classes. Compare both arms with the grey "
        "line of chance.",
        "A dot is one seed, its line the ten starts of k-means: so much is luck. Is the gap between the arms wider?",
    ),
    explanation="Nobody has labelled anything. Clusters gather what lies together among the features, so everything "
    "depends on what the features respect. Learned from the target's own pictures, two views share the photograph "
    "behind the digit, and pictures may as well be sorted by it. The source's characters are seen over ever other "
    "photographs, so that features learned beside them must look at strokes.",
)


def _collapse_arms() -> dict[str, RunSpec]:
    """The same loss with all of its terms, without the covariances, and with nothing but agreement.

    Views are compared among the features: a projector would take the collapse upon itself.
    """
    weights = {"held": (25.0, 1.0), "no_covariance": (25.0, 0.0), "collapsed": (0.0, 0.0)}
    return {
        name: learner(VarianceRegularised(variance_weight=variance, covariance_weight=covariance, projection=0), 200)
        for name, (variance, covariance) in weights.items()
    }


COLLAPSE = Preset(
    page=PAGE,
    name="collapse",
    title="Collapse: when agreement is all that is asked",
    lead="Two views of a picture should lie together. Nothing is easier: put everything in one place.",
    arms=_collapse_arms(),
    side_by_side=("collapsed", "held"),
    look_for=(
        "Agreement alone: the loss falls to nothing at once, the effective rank with it. Every picture has one answer.",
        "Agreement, variance, covariance: each coordinate must keep a spread of its own. The loss stays high, and more "
        "neighbours show the same.",
        "Without the covariances the spread is kept but coordinates repeat each other: a rank between the two.",
    ),
    explanation="VICReg says in three terms what contrast does by pushing pictures apart: views agree (invariance), "
    "each coordinate varies (variance), different coordinates tell different things (covariance). Take the last two "
    "away and the loss is smallest where nothing is left to see. The loss does not tell; the effective rank does.",
)

PRESETS = (DIGITS, CLUSTERING, COLLAPSE)
