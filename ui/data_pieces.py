"""Pieces of the Data page: strips of pictures, bars of class counts, facts, sentences. Everything is escaped."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from tlcore.plots.style import LIGHT
from tlcore.specs import Spec
from ui.background import Snapshot

MOST_CHIPS = 40
LEVELS = {"info": "status", "warning": "status", "error": "alert"}

_STYLE = """
.tl-strip{display:flex;flex-wrap:wrap;gap:8px;margin:.4rem 0}
.tl-strip figure{margin:0;width:60px}
.tl-strip img{width:60px;height:60px;object-fit:cover;border-radius:6px;display:block;image-rendering:pixelated;
 background:var(--tl-line)}
.tl-strip img.tl-fine{image-rendering:auto}
.tl-strip figcaption{font-size:.72rem;color:var(--tl-soft);text-align:center;overflow:hidden;text-overflow:ellipsis;
 white-space:nowrap}
.tl-strip[data-role=source] img{border:2px solid var(--tl-source)}
.tl-strip[data-role=target] img{border:2px solid var(--tl-target)}
.tl-empty{border:1px dashed var(--tl-line);border-radius:8px;padding:16px;color:var(--tl-soft);margin:.4rem 0;
 overflow-wrap:anywhere}
.tl-balance{display:flex;align-items:flex-end;gap:1px;height:44px;margin:.5rem 0 .1rem;max-width:420px}
.tl-balance i{flex:1 1 0;min-width:0;background:var(--tl-label);border-radius:2px 2px 0 0;opacity:.75}
.tl-quiet{color:var(--tl-soft);font-size:.85rem;margin:.1rem 0 .5rem;overflow-wrap:anywhere}
.tl-facts{display:grid;grid-template-columns:max-content minmax(0,1fr);gap:.2rem 1rem;margin:.5rem 0;
 padding:0!important;font-size:.92rem}
.tl-facts dt{margin:0;padding:0;color:var(--tl-soft)}
.tl-facts a{color:inherit}
.tl-facts dd{margin:0;overflow-wrap:anywhere}
.tl-chips{display:flex;flex-wrap:wrap;gap:4px;margin:.4rem 0}
.tl-chips span{border:1px solid var(--tl-line);border-radius:99px;padding:0 9px;font-size:.8rem;max-width:100%;
 overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.tl-chips span[data-out]{color:var(--tl-soft);text-decoration:line-through;border-style:dashed}
.tl-chips span[data-more]{border:0;color:var(--tl-soft)}
.tl-window{max-height:340px;overflow:auto;margin:.4rem 0}
.tl-window .tl-table td:first-child{max-width:min(420px,36vw);overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.tl-list{margin:.2rem 0;padding-left:1.1rem;font-size:.88rem;overflow-wrap:anywhere}
.tl-figure{font-size:2.1rem;font-weight:700;font-variant-numeric:tabular-nums;line-height:1.1}
.tl-figure small{font-size:.9rem;font-weight:400;color:var(--tl-soft);margin-left:.4rem}
.tl-points{position:relative;max-width:300px;width:100%;margin:.4rem 0}
.tl-points i{position:absolute;width:6px;height:6px;border-radius:50%;opacity:.8}
.tl-wait{color:var(--tl-soft);display:flex;gap:.6rem;align-items:center;margin:.4rem 0}
.tl-wait::before{content:"";width:14px;height:14px;border-radius:50%;border:2px solid var(--tl-line);
 border-top-color:var(--tl-label);animation:tl-turn 1s linear infinite}
@keyframes tl-turn{to{transform:rotate(1turn)}}
@media (prefers-reduced-motion:reduce){.tl-wait::before{animation:none}}
[class*="st-key-set-"] details,[class*="st-key-own-"] details{background:var(--tl-card)}
"""


def pieces_style() -> None:
    """The rules these pieces need."""
    st.html(f"<style>{_STYLE}</style>")


def said(text: str, level: str = "info") -> None:
    """A sentence that may hold names from files: shown as it is, nothing in it is read as Markdown or HTML."""
    st.html(
        f'<div class="tl-notice" data-level="{level}" role="{LEVELS[level]}" style="overflow-wrap:anywhere">'
        f"{html.escape(text)}</div>"
    )


def quiet(text: str) -> None:
    """A remark in small grey letters."""
    st.html(f'<p class="tl-quiet">{html.escape(text)}</p>')


def empty(text: str) -> None:
    """What stands where there is nothing to show yet."""
    st.html(f'<div class="tl-empty">{html.escape(text)}</div>')


def waiting(snapshot: Snapshot, what: str) -> None:
    """How far some work is; a turning circle where nobody knows."""
    if snapshot.share > 0:
        st.progress(snapshot.share, text=f"{_plain(snapshot.text or what)} · {snapshot.share:.0%}")
    else:
        st.html(f'<div class="tl-wait" role="status">{html.escape(snapshot.text or what)} …</div>')


def _plain(text: str) -> str:
    """Text as Markdown shows it unchanged."""
    return "".join(f"\\{letter}" if letter in r"\`*_{}[]()#+-.!|<>~$:" else letter for letter in text)


def plain_label(text: str) -> str:
    """Text for the label of a widget, where Markdown would be read."""
    return _plain(text)


def strip(pictures: Sequence[Mapping[str, str]], *, role: str = "") -> None:
    """Pictures {class, png} or {class, image} with their classes beneath; role: source or target frames them so."""
    figures = []
    for picture in pictures:
        name = html.escape(picture["class"], quote=True)
        source = picture.get("image") or f"data:image/png;base64,{picture['png']}"
        fine = ' class="tl-fine"' if "image" in picture or len(picture["png"]) > 3000 else ""
        figures.append(
            f'<figure><img{fine} src="{html.escape(source, quote=True)}" alt="{name}" title="{name}">'
            f"<figcaption>{name}</figcaption></figure>"
        )
    st.html(f'<div class="tl-strip" data-role="{role}">{"".join(figures)}</div>')


def points(rows: Sequence[Sequence[float]], *, role: str = "") -> None:
    """Points [x, y, class] of the plane, coloured by class, or all by the role."""
    if not rows:
        return
    low = [min(row[axis] for row in rows) for axis in (0, 1)]
    wide, tall = ((max(row[axis] for row in rows) - low[axis]) or 1.0 for axis in (0, 1))
    dots = "".join(
        f'<i style="left:{2 + 94 * (x - low[0]) / wide:.1f}%;bottom:{2 + 92 * (y - low[1]) / tall:.1f}%;'
        f'background:{f"var(--tl-{role})" if role else LIGHT.classes[int(label) % len(LIGHT.classes)]}"></i>'
        for x, y, label in rows
    )
    st.html(
        f'<div class="tl-points" style="aspect-ratio:{min(4.0, max(0.5, wide / tall)):.2f}" role="img" '
        f'aria-label="points in the plane">{dots}</div>'
    )


def balance(counts: Sequence[int], names: Sequence[str], what: str = "pictures to learn from") -> None:
    """One bar for each class, and the least and the most of a class in words."""
    if not counts or not max(counts):
        return
    most, least = max(counts), min(counts)
    bars = "".join(
        f'<i style="height:{max(2, round(100 * count / most))}%" '
        f'title="{html.escape(name, quote=True)}: {count:,}"></i>'
        for count, name in zip(counts, names, strict=False)
    )
    if least == most:
        words = f"{most:,} {what} of each class"
    else:
        low, high = (names[counts.index(value)] for value in (least, most))
        words = f"from {least:,} ({low}) to {most:,} ({high}) {what} a class"
    words = html.escape(words, quote=True)
    st.html(f'<div class="tl-balance" role="img" aria-label="{words}">{bars}</div><p class="tl-quiet">{words}</p>')


def chips(names: Sequence[str], *, out: bool = False) -> None:
    """Names of classes; out: those that are left out."""
    marked = " data-out" if out else ""
    items = "".join(
        f'<span{marked} title="{html.escape(name, quote=True)}">{html.escape(name)}</span>'
        for name in names[:MOST_CHIPS]
    )
    more = f"<span data-more>and {len(names) - MOST_CHIPS:,} more</span>" if len(names) > MOST_CHIPS else ""
    st.html(f'<div class="tl-chips">{items}{more}</div>')


def facts(rows: Mapping[str, str], *, link: tuple[str, str] | None = None) -> None:
    """Pairs of a name and what is known; link: the row whose text leads to an address of the catalogue."""
    cells = []
    for name, text in rows.items():
        shown = html.escape(text)
        if link and link[0] == name:
            address = html.escape(link[1], quote=True)
            shown = f'<a href="{address}" target="_blank" rel="noreferrer">{shown}</a>'
        cells.append(f"<dt>{html.escape(name)}</dt><dd>{shown}</dd>")
    st.html(f'<dl class="tl-facts">{"".join(cells)}</dl>')


def bullets(lines: Sequence[str]) -> None:
    """A list of short lines."""
    items = "".join(f"<li>{html.escape(line)}</li>" for line in lines)
    st.html(f'<div class="tl-window"><ul class="tl-list">{items}</ul></div>')


def count_table(rows: Sequence[Mapping[str, Any]]) -> None:
    """Rows {domain, class, part, count} as a table: a line for each class, a column for each domain and part."""
    columns = sorted({(row["domain"], row["part"]) for row in rows}, key=lambda key: (key[0], _order(key[1])))
    counts = {(row["class"], row["domain"], row["part"]): row["count"] for row in rows}
    heads = [" · ".join(text for text in key if text) or "count" for key in columns]
    lines = []
    for name in sorted({row["class"] for row in rows}):
        cells = "".join(f"<td>{counts.get((name, *key), 0):,}</td>" for key in columns)
        shown = html.escape(name, quote=True)
        lines.append(f'<tr><td title="{shown}">{shown}</td>{cells}</tr>')
    sums = "".join(
        f"<td><b>{sum(row['count'] for row in rows if (row['domain'], row['part']) == key):,}</b></td>"
        for key in columns
    )
    head = "".join(f"<th>{html.escape(text)}</th>" for text in heads)
    st.html(
        f'<div class="tl-window"><table class="tl-table"><tr><th>class</th>{head}</tr>{"".join(lines)}'
        f"<tr><td><b>together</b></td>{sums}</tr></table></div>"
    )


def _order(part: str) -> int:
    known = ("train", "validation", "test", "unseen", "")
    return known.index(part) if part in known else len(known)


def spec_code(spec: Spec) -> str:
    """A spec as Python writes it, without what is as it is by default."""
    plain = type(spec)()
    parts = []
    for name in type(spec).model_fields:
        value = getattr(spec, name)
        if isinstance(value, Spec):
            parts.append(f"{name}={spec_code(value)}")
        elif value != getattr(plain, name):
            shown = json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)
            parts.append(f"{name}={shown}")
    return f"{type(spec).__name__}({', '.join(parts)})"


def spec_names(spec: Spec) -> set[str]:
    """The names of all classes that `spec_code` writes."""
    inner = (getattr(spec, name) for name in type(spec).model_fields)
    return {type(spec).__name__}.union(*(spec_names(value) for value in inner if isinstance(value, Spec)))


def remember(**values: str | None) -> None:
    """Put values into the address of the page; None takes one out."""
    for name, value in values.items():
        if value is None:
            if name in st.query_params:
                del st.query_params[name]
        elif st.query_params.get(name) != value:
            st.query_params[name] = value
