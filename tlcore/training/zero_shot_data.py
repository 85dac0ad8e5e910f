"""A zero-shot task as a method sees it, and the points it is shown by: pictures, and the descriptions among them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from tlcore.catalogue.creatures.render import draw_creature
from tlcore.data.creatures.load import ORIGIN, load_creatures
from tlcore.data.zero_shot import ZeroShotData, benchmark_folder, load_own_zero_shot, load_xlsa17
from tlcore.runs.records import DESCRIBED, SOURCE, TARGET, Probe
from tlcore.specs import OwnFeatures, OwnPictures, ZeroShotTask
from tlcore.specs.creatures import Creatures
from tlcore.training.context import Context, TrainingData
from tlcore.training.evaluation import choose_task_probe, thumbnails_of

Report = Callable[[str, float], None]


@dataclass(frozen=True)
class ZeroShotTrainingData(TrainingData):
    """What a zero-shot method sees: labelled examples of seen classes, and the description of every class.

    class_vectors: (K, A) float32. shares: whether each number says to what share, 0 to 1, a class has an attribute.
    seen: (K,) bool. tuning: (K,) bool, seen classes to choose strengths by. The probe's last K rows stand for the
    descriptions; what is in them is not looked at.
    """

    class_vectors: torch.Tensor
    shares: bool
    seen: torch.Tensor
    tuning: torch.Tensor


def load_zero_shot(task: ZeroShotTask, seed: int, report: Report | None = None) -> ZeroShotData:
    """The data a task names. Raises MissingData and InvalidRequest as the loaders do."""
    source = task.source
    if isinstance(source, Creatures):
        data = load_creatures(source, seed, report=report)
    elif isinstance(source, OwnFeatures | OwnPictures):
        data = load_own_zero_shot(source, seed)
    else:
        data = load_xlsa17(benchmark_folder(source.benchmark), seed)
    return data.for_tuning() if task.unseen == "tuning" else data


def visible_part(data: ZeroShotData, probe: torch.Tensor) -> TrainingData:
    """All that a method may see. probe: inputs (M + K, …), see `choose_zero_shot_probe`."""
    return ZeroShotTrainingData(
        source=data.train,
        target=data.test_unseen.subset(torch.arange(0)).unlabelled(),
        held_out={("source", "test"): data.test_seen.inputs, ("target", "test"): data.test_unseen.inputs},
        probe=probe,
        class_count=len(data.class_names),
        class_vectors=data.class_vectors,
        # Numbers without names may be anything: of words, or scaled to one length.
        shares=bool(data.attribute_names) and bool(((data.class_vectors >= 0) & (data.class_vectors <= 1)).all()),
        seen=data.seen,
        tuning=data.tuning,
    )


def choose_zero_shot_probe(data: ZeroShotData, count: int, seed: int) -> tuple[Probe, torch.Tensor]:
    """Test pictures of seen (source) and of unseen (target) classes, half and half, then the K descriptions.

    A description is a point like others, with a class of its own: its class's name, “as described”.
    """
    classes = len(data.class_names)
    probes, inputs = [], []
    for part, domain, chosen in ((data.test_seen, SOURCE, data.seen), (data.test_unseen, TARGET, ~data.seen)):
        # The helper shares the points among all classes, of which only some are here.
        wanted = count * classes // (2 * int(chosen.sum()))
        probe, found = choose_task_probe(part, wanted, seed, domain)
        probes.append(probe)
        inputs.append(found)
    pictures = torch.cat(inputs)
    descriptions = _drawn(data, pictures)
    labels = [*(probe.labels for probe in probes), np.arange(classes, 2 * classes, dtype=np.int16)]
    domains = [*(probe.domains for probe in probes), np.where(data.seen.numpy(), SOURCE, TARGET).astype(np.int8)]
    names = (*data.class_names, *(DESCRIBED.format(name) for name in data.class_names))
    thumbnails = thumbnails_of(torch.cat([pictures, descriptions]))
    return Probe(np.concatenate(labels), np.concatenate(domains), names, thumbnails), torch.cat(
        [pictures, descriptions]
    )


def _drawn(data: ZeroShotData, pictures: torch.Tensor) -> torch.Tensor:
    """What stands for the descriptions among the probe's inputs: a clean drawing where there are any, else zeros."""
    blank = pictures.new_zeros((len(data.class_names), *pictures.shape[1:]))
    if data.train.provenance.origin != ORIGIN:
        return blank
    for place, (name, vector) in enumerate(zip(data.class_names, data.class_vectors.numpy(), strict=True)):
        drawing = draw_creature(vector, pictures.shape[-1], [2, 0, *name.encode()], clean=True)
        blank[place] = torch.from_numpy(drawing.transpose(2, 0, 1).copy())
    return blank


def as_shares(vectors: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
    """Descriptions (K, A) of any numbers as shares: each from the least, 0, to the most, 1, that a seen class has."""
    low, high = vectors[seen].min(0).values, vectors[seen].max(0).values
    return ((vectors - low) / (high - low).clamp(min=1e-12)).clamp(0, 1)


def zero_shot_data(context: Context) -> ZeroShotTrainingData:
    """The context's data. Raises TypeError where they are of another kind."""
    if not isinstance(context.data, ZeroShotTrainingData):
        raise TypeError("this method needs the descriptions of a zero-shot task")
    return context.data
