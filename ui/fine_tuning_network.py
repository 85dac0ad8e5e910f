"""The network of a fine-tuning experiment: what each method does to its layers, and its first filters."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import streamlit as st
from PIL import Image

from tlcore.plots.fine_tuning import filter_mosaic, looks_of
from tlcore.plots.style import DARK, LIGHT
from tlcore.presets.fine_tuning import SOURCE
from tlcore.specs import FixedFeatures, L2Sp, OutputMatching, RunSpec, RunStart, Scratch
from tlcore.specs.fine_tuning import Tuning
from ui.fine_tuning_arms import Board, Pair, layers_of, metrics_of
from ui.library import RunView, executor

KNOWN_LAYERS = {"block-cnn": ("conv1", "conv2", "conv3", "conv4", "dense1")}
MOST_NAMED_LAYERS = 8  # more boxes than these are too narrow for words
FILTERS_SHOWN = 64

_STYLE = """
.tl-net{padding-bottom:2px}
.tl-net-row{display:flex;align-items:stretch;gap:5px;min-width:660px;padding:4px 6px;border-radius:8px;margin:1px 0}
.tl-net-row[data-shown]{background:color-mix(in srgb,var(--tl-ink) 5%,transparent)}
.tl-net-name{flex:0 0 176px;align-self:center;font-size:.88rem;color:var(--tl-soft);line-height:1.2}
.tl-net-row[data-shown] .tl-net-name{color:var(--tl-ink);font-weight:600}
.tl-net-name i{display:inline-block;width:10px;height:10px;border-radius:3px;margin-right:7px}
.tl-net-in{flex:0 0 62px;background:var(--tl-target);color:var(--tl-on-colour);border-radius:7px;display:grid;
 place-items:center;font-size:.8rem}
.tl-layer{flex:1 1 0;min-width:0;border:1.5px solid var(--tl-extractor);border-radius:7px;padding:3px 7px 4px;
 font-size:.8rem;line-height:1.25;overflow:hidden;white-space:nowrap;text-overflow:ellipsis;
 background:linear-gradient(to right,color-mix(in srgb,var(--tl-extractor) 42%,transparent) var(--fill,0%),
 color-mix(in srgb,var(--tl-extractor) 9%,transparent) var(--fill,0%))}
.tl-layer small{display:block;color:color-mix(in srgb,var(--tl-ink) 82%,var(--tl-card));font-size:.72rem;
 overflow:hidden;text-overflow:ellipsis;
 font-variant-numeric:tabular-nums}
.tl-layer[data-does=frozen]{border-style:solid;border-color:var(--tl-line);background:
 repeating-linear-gradient(135deg,transparent 0 5px,color-mix(in srgb,var(--tl-extractor) 16%,transparent) 5px 7px)}
.tl-layer[data-does=random]{border-style:dashed;background:none}
.tl-layer[data-does=unused]{border-color:var(--tl-line);background:none;opacity:.75}
.tl-layer[data-does=held]{box-shadow:inset 0 0 0 1.5px var(--tl-card),inset 0 0 0 3px var(--tl-extractor)}
.tl-head-box{flex:0 0 84px;border-radius:7px;background:var(--tl-label);color:var(--tl-on-colour);padding:3px 7px 4px;
 font-size:.8rem;line-height:1.25}
.tl-head-box small{display:block;font-size:.72rem;opacity:.85}
.tl-filters{display:flex;flex-wrap:wrap;gap:18px;margin:.5rem 0}
.tl-filters figure{margin:0}
.tl-filters img{image-rendering:pixelated;width:min(168px,38vw);display:block;border-radius:4px}
.tl-filters figcaption{font-size:.8rem;color:var(--tl-soft);margin-top:5px}
.tl-curve td{vertical-align:top}
.tl-curve small[data-change=up]{color:var(--tl-extractor)}
.tl-curve small[data-change=down]{color:var(--tl-wrong)}
@media(max-width:640px){
 .tl-net{mask-image:linear-gradient(90deg,#000 calc(100% - var(--tl-right-fade)),transparent)}
 .tl-net-row{min-width:800px}
 .tl-net-name{flex-basis:92px;font-size:.8rem;position:sticky;left:0;z-index:1;align-self:stretch;
  align-content:center;background:var(--tl-card)}}
"""


_TWINS = dict(zip(LIGHT.classes, DARK.classes, strict=True)) | {
    LIGHT.extractor: DARK.extractor,
    LIGHT.label: DARK.label,
}


def network_style() -> None:
    """The rules that the diagram, the filters and the table need."""
    st.html(f"<style>{_STYLE}</style>")


def layer_names(board: Board, shots: int) -> tuple[str, ...]:
    """The layers of the network: as a run has measured them, else as the architecture is known."""
    views = [board.view(arm) for arm in board.arms_at(shots).values()]
    views += [arms[0] for arms in board.finished.views.values()]
    for view in views:
        measured = layers_of(metrics_of(view), "parameter_change") if view is not None else {}
        if measured:
            return tuple(measured)
    networks = {spec.network.name for spec in board.experiment.arms.values()}
    return KNOWN_LAYERS.get(networks.pop(), ()) if len(networks) == 1 else ()


def what_happens(spec: RunSpec, count: int) -> list[tuple[str, str]]:
    """For each of `count` layers, the first one first, what an arm does to it: a kind and its words."""
    method = spec.method
    if isinstance(method, Scratch):
        return [("random", "from random")] * count
    if isinstance(method, FixedFeatures):
        read = method.layer or count
        return [("frozen", "frozen") if number <= read else ("unused", "not used") for number in range(1, count + 1)]
    if not isinstance(method, Tuning):
        return [("tuned", "learns")] * count
    tuned = method.last_layers or count
    if isinstance(method, L2Sp):
        moves = ("held", "held")
    else:
        moves = ("tuned", "in turn" if method.gradual_unfreezing else "tuned")
    return [("frozen", "frozen") if number <= count - tuned else moves for number in range(1, count + 1)]


def network_rows(board: Board, pair: Pair) -> str:
    """The rows of the diagram as HTML: the methods at the chosen number of labels."""
    layers = layer_names(board, pair.shots)
    looks = looks_of(board.methods)
    rows = []
    for method, arm in board.arms_at(pair.shots).items():
        spec, view = board.experiment.arms[arm], board.view(arm)
        changes = layers_of(metrics_of(view), "parameter_change") if view is not None else {}
        latest = {layer: float(line.values[-1]) for layer, line in changes.items()}
        boxes = _boxes(layers, what_happens(spec, len(layers) or 1), latest)
        colour = looks[method].colour
        swatch = f'<i style="background:light-dark({colour},{_TWINS.get(colour, colour)})"></i>'
        shown = " data-shown" if arm in pair.arms else ""
        rows.append(
            f'<div class="tl-net-row"{shown}><span class="tl-net-name">{swatch}{html.escape(board.titles[method])}'
            f'</span><span class="tl-net-in">target</span>{boxes}{_head(spec)}</div>'
        )
    words = html.escape(_described(board, pair), quote=True)
    return f'<div class="tl-net tl-scroll" tabindex="0" role="img" aria-label="{words}">{"".join(rows)}</div>'


def _boxes(layers: Sequence[str], does: Sequence[tuple[str, str]], change: Mapping[str, float]) -> str:
    largest = max([value for value in change.values() if np.isfinite(value)] or [1.0]) or 1.0
    boxes = []
    for layer, (kind, words) in zip(layers or ("feature extractor",), does, strict=True):
        moved = change.get(layer)
        said = words if moved is None or kind in ("frozen", "unused") else f"{words} · {_share(moved)}"
        fill = 0.0 if moved is None else min(1.0, moved / largest)
        short = layer.removeprefix("network.")
        inside = (
            f"{html.escape(short)}<small>{html.escape(said)}</small>" if len(layers) <= MOST_NAMED_LAYERS else "&nbsp;"
        )
        title = html.escape(f"{short}: {said}", quote=True)
        boxes.append(
            f'<span class="tl-layer" data-does="{kind}" style="--fill:{fill:.0%}" title="{title}">{inside}</span>'
        )
    return "".join(boxes)


def _share(moved: float) -> str:
    return f"{moved:.1%}" if moved < 0.0995 else f"{moved:.0%}"


def _head(spec: RunSpec) -> str:
    method = spec.method
    if isinstance(method, FixedFeatures):
        words = "solved exactly"
    elif isinstance(method, Tuning):
        words = f"fresh · ×{method.head_rate:g}"
    else:
        words = "from random"
    kept = ' title="The source\'s own head stays beside it: its old answers are held."' if isinstance(
        method, OutputMatching
    ) else ""  # fmt: skip
    return f'<span class="tl-head-box"{kept}>head<small>{words}</small></span>'


def _described(board: Board, pair: Pair) -> str:
    """The diagram in words, for those who do not see it."""
    layers = layer_names(board, pair.shots)
    sentences = []
    for method, arm in board.arms_at(pair.shots).items():
        does = what_happens(board.experiment.arms[arm], len(layers) or 1)
        kinds = list(dict.fromkeys(words for _, words in does))
        sentences.append(f"{board.titles[method]}: layers {' then '.join(kinds)}, then the head.")
    return " ".join(sentences)


# First-layer filters -----------------------------------------------------------------------------------------------


def first_filters(path: Path) -> np.ndarray | None:
    """The weights of the first convolution (N, C, H, W) with C of 1 or 3 in a safetensors file; None without one."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "numpy") as file:
            names = [name for name in file.keys() if name.startswith("extractor.") and name.endswith(".weight")]  # noqa: SIM118
            for name in sorted(names, key=_order):
                shape = file.get_slice(name).get_shape()
                if len(shape) == 4 and shape[1] in (1, 3) and shape[2] > 1:
                    found: np.ndarray = file.get_tensor(name).astype(np.float32)
                    return found
    except (OSError, SafetensorError, ValueError, TypeError):
        return None
    return None


def _order(name: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdigit() else (-1, part) for part in name.split(".")]


def filters_of(board: Board, view: RunView) -> tuple[str, str]:
    """The filters before and after as HTML, and a sentence about them. Weights lie beside runs of this lab alone."""
    if view.is_recorded:
        return "", "Recorded runs ship without their weights. Train your own to see the filters."
    if view.run.state != "finished":
        return "", "The filters are shown when this run has finished."
    store = executor().store
    start = view.run.spec.start
    before = store.run_folder(start.spec.content_hash) if isinstance(start, RunStart) else None
    after = store.run_folder(view.run.id)
    content = _filters(after, before, moment_of(after), moment_of(before))
    if content is None:
        return "", "This network has no first convolution whose filters are pictures, or its weights are gone."
    pictures, moved = content
    if moved is None:
        return pictures, f"Weights from before are not kept: {board.title(view.run.arm or SOURCE)} began without a run."
    if moved == 0:
        return pictures, "Bit for bit the same: this layer was frozen."
    return pictures, f"The filters moved by {moved:.1%} of their length. The difference is drawn on its own scale."


def moment_of(folder: Path | None) -> int:
    """When the weights of a run were written, in nanoseconds; 0 where there are none."""
    try:
        return (folder / "weights.safetensors").stat().st_mtime_ns if folder is not None else 0
    except OSError:
        return 0


@lru_cache(maxsize=50)
def _filters(after_folder: Path, before_folder: Path | None, *moments: int) -> tuple[str, float | None] | None:
    """Filters after and, where there was one, before, with how far they moved. moments: when weights were written."""
    after = first_filters(after_folder / "weights.safetensors")
    if after is None:
        return None
    before = first_filters(before_folder / "weights.safetensors") if before_folder is not None else None
    if before is None or before.shape != after.shape:
        return mosaic_figures({"after": filter_mosaic(after, most=FILTERS_SHOWN)}), None
    difference = after - before
    moved = float(np.linalg.norm(difference) / max(float(np.linalg.norm(before)), 1e-12))
    mosaics = {
        "before": filter_mosaic(before, most=FILTERS_SHOWN),
        "after": filter_mosaic(after, most=FILTERS_SHOWN),
        "difference": filter_mosaic(difference, most=FILTERS_SHOWN, around_zero=True),
    }
    return mosaic_figures(mosaics), moved


def mosaic_figures(mosaics: Mapping[str, np.ndarray]) -> str:
    """Pictures of filters as HTML, each with its title below."""
    figures = []
    for title, mosaic in mosaics.items():
        buffer = io.BytesIO()
        Image.fromarray(mosaic, "RGBA").save(buffer, "PNG")
        content = base64.b64encode(buffer.getvalue()).decode()
        figures.append(
            f'<figure><img src="data:image/png;base64,{content}" alt="first-layer filters, {title}">'
            f"<figcaption>{title}</figcaption></figure>"
        )
    return f'<div class="tl-filters">{"".join(figures)}</div>'
