"""What every page has in common: its head, its cards, and how it says what a person should know."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Sequence
from typing import Literal

import streamlit as st
from streamlit.runtime.pages_manager import PagesManager

from tlcore.errors import LabError
from ui import theme
from ui.connection import connection
from ui.guide import guide
from ui.terms import marked

Quadrant = Literal["both labelled", "source labelled", "target labelled", "none labelled"]

QUADRANTS: dict[str, str] = {
    "both labelled": "source and target labelled",
    "source labelled": "only the source is labelled",
    "target labelled": "only the target is labelled",
    "none labelled": "neither is labelled",
}

_STYLE = """
[data-testid=stStatusWidget]{display:none}
.stMainBlockContainer{padding-top:4.3rem;padding-inline:clamp(1rem,3vw,5rem);max-width:1320px}
/* In one line on a projector: the name of the experiment gives way, and ends in an ellipsis. What is said of the time
 has a line of its own, kept while nothing is: it comes and goes, and nothing else is to move. */
.st-key-run-bar{min-height:82px;align-content:flex-start}
.st-key-run-bar>*:first-child{flex:1 1 220px!important;max-width:340px}
.st-key-run-bar>:has([data-testid=stCaptionContainer]){flex:1 0 100%!important}
.st-key-run-bar>*:first-child [data-testid=stSelectbox]{width:100%!important}
.tl-head h1{font-size:1.75rem;line-height:1.25;font-weight:700;margin:0;padding:0;display:inline;overflow-wrap:anywhere}
.tl-head p{color:var(--tl-soft);margin:.25rem 0 .1rem;max-width:72ch}
.tl-head p b[data-role=source]{color:var(--tl-source)}
.tl-head p b[data-role=target]{color:var(--tl-target)}
.tl-head small{color:var(--tl-soft);font-size:.8rem}
.tl-head small a{color:inherit}
.tl-quadrant{display:inline-grid;grid-template-columns:14px 14px;gap:2px;vertical-align:middle;margin:3px 0 3px 12px;
 position:relative;top:-2px}
.tl-quadrant i{width:14px;height:14px;border:1px solid var(--tl-line);border-radius:3px}
.tl-quadrant i.on{background:var(--tl-label);border-color:var(--tl-label)}
.tl-card{background:var(--tl-card);border:1px solid var(--tl-line);border-radius:12px;padding:14px 16px}
.tl-card-head{display:flex;justify-content:space-between;align-items:baseline;gap:12px;margin-bottom:6px}
.tl-card-head span{color:var(--tl-soft);font-variant-numeric:tabular-nums}
.tl-notice{border-left:3px solid var(--tl-soft);padding:2px 0 2px 12px;margin:6px 0}
.tl-notice[data-level=warning]{border-color:var(--tl-target)}
.tl-notice[data-level=error]{border-color:var(--tl-wrong)}
.tl-notice i{font-style:normal;margin-right:.5em;color:var(--tl-soft)}
.tl-notice span{color:var(--tl-soft);font-variant-numeric:tabular-nums}
.tl-table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
.tl-table td,.tl-table th{padding:6px 8px;text-align:right;border-bottom:1px solid var(--tl-line);white-space:nowrap}
.tl-table th{color:var(--tl-soft);font-weight:500;white-space:normal}
.tl-table td:first-child,.tl-table th:first-child{text-align:left;white-space:normal}
.tl-table th[colspan]{text-align:center}
.tl-table small{color:var(--tl-soft)}
[data-testid=stSelectbox] input{text-overflow:ellipsis}
/* (A length is written so because whoever cleans HTML drops a style with an angle bracket in it.) */
@property --tl-left-fade{syntax:"\\3c length>";inherits:false;initial-value:0px}
@property --tl-right-fade{syntax:"\\3c length>";inherits:false;initial-value:0px}
@keyframes tl-edges{0%{--tl-left-fade:0px;--tl-right-fade:28px}12%,88%{--tl-left-fade:28px;--tl-right-fade:28px}
 100%{--tl-left-fade:28px;--tl-right-fade:0px}}
/* What is wider than the window scrolls by itself, and fades where there is more of it. Tables fade on the right alone:
 on the left their first column stays. */
.tl-scroll,.st-key-bench-layers,[data-testid=stButtonGroup]>[role=radiogroup],
[data-testid=stHtml]:has(>.tl-table){overflow-x:auto;animation:tl-edges linear;
 animation-timeline:scroll(self inline);mask-image:linear-gradient(90deg,transparent,#000 var(--tl-left-fade),
 #000 calc(100% - var(--tl-right-fade)),transparent)}
:is(.tl-scroll,[data-testid=stHtml]):has(>.tl-table){mask-image:linear-gradient(90deg,
 #000 calc(100% - var(--tl-right-fade)),transparent)}
@media(max-width:640px){.tl-table td,.tl-table th{padding:6px 5px}
 .tl-table td:first-child,.tl-table th:first-child{position:sticky;left:0;min-width:6.5em;background:var(--tl-card)}
 .tl-card-head{flex-wrap:wrap}}
.tl-copy{display:block;padding:10px 12px;border:1px solid var(--tl-line);border-radius:8px;overflow-wrap:anywhere;
 user-select:all}
.tl-runs{color:var(--tl-soft);font-size:.88rem;margin:.1rem 0 .3rem}
.tl-runs a{color:inherit}
.tl-term{border-bottom:1px dotted var(--tl-soft);cursor:help;border-radius:2px}
.tl-term:hover,.tl-term[aria-expanded=true]{border-bottom-color:currentColor;
 background:color-mix(in srgb,var(--tl-label) 10%,transparent)}
.tl-term:focus-visible{outline:2px solid var(--tl-label);outline-offset:2px}
.st-key-page-head{position:relative}
.st-key-page-head>[data-testid=stLayoutWrapper]{position:absolute;top:0;right:0;width:max-content}
.st-key-page-head:has(.tl-tour-button:not([hidden])) .tl-head::before{content:"";float:right;width:84px;height:38px}
.tl-words{margin:10px 0 4px;color:var(--tl-ink)}
.tl-now{display:flex;align-items:center;gap:10px;color:var(--tl-soft);font-variant-numeric:tabular-nums}
.tl-bar{width:180px;max-width:40vw;height:6px;border-radius:3px;background:var(--tl-line);overflow:hidden}
.tl-bar i{display:block;height:100%;background:var(--tl-label)}
.tl-steps{padding-left:1.3rem;margin:.3rem 0 .6rem}
.tl-steps li{margin:.3rem 0;color:var(--tl-soft)}
.tl-steps.tl-plain li{color:var(--tl-ink)}
.tl-steps li.on{color:var(--tl-ink);font-weight:600}
[data-testid=stBaseButton-primary]:not(:disabled){color:var(--tl-on-colour)}
[data-testid=stSidebarHeader]::before{content:"Transfer Learning Lab";font-weight:700;font-size:1.05rem;
 color:var(--tl-ink);padding-left:.5rem}
[data-testid=stNavSectionHeader]{text-transform:uppercase;letter-spacing:.06em;font-size:.7rem}
[data-testid=stSidebarNavLink][aria-current=page]{background:color-mix(in srgb,var(--tl-label) 14%,transparent)}
[class*="st-key-card"]{background:var(--tl-card)}
/* Their scripts come a moment later: their room is kept, so that what lies below does not move under the mouse.
 The shares are those of the two view boxes in network_diagram.js, the pixels the padding and border of its card. */
[class*="st-key-player-"]{min-height:540px}
.st-key-network-diagram{display:grid;grid-template-columns:minmax(0,1fr);justify-items:stretch;align-items:start}
.st-key-network-diagram>*,.st-key-network-diagram::before{grid-area:1/1;width:100%}
.st-key-network-diagram::before{content:"";padding-top:calc((100% - 30px)*152/1076 + 22px)}
@media(max-width:800px){.st-key-network-diagram::before{padding-top:calc(min(100% - 30px,440px)*.91 + 22px)}}
.st-key-visitor-pass{display:none}
.st-key-connection,.st-key-pulse,.st-key-feed{position:absolute;width:0;height:0;overflow:visible}
[data-testid=stLayoutWrapper]:is(:has(>.st-key-feed),:has(>.st-key-pulse)){position:absolute;width:0;height:0}
[data-testid=stLayoutWrapper]:has(>.st-key-run-bar-words:empty){display:none}
"""


def _leave_page_discovery() -> None:
    """On a fresh server a link straight to a page runs that page alone, because Streamlit finds the folder `pages`.

    It forgets that folder at the first `st.navigation`; until then this sends the visitor through `app.py`.
    """
    if PagesManager.uses_pages_directory:
        PagesManager.uses_pages_directory = False
        st.rerun()


def page_style() -> None:
    """The rules the helpers below need; they follow the theme by themselves. `page_header` brings them along."""
    st.html(f"<style>.stApp{{{theme.css_variables()}}}{_STYLE}</style>")


def quadrant_glyph(quadrant: Quadrant) -> str:
    """Four squares with the page's own filled: columns source labelled or not, rows target labelled or not.

    Read like the map of the field: left above both labelled, right above only the source.
    """
    squares = "".join(f"<i{' class=on' if name == quadrant else ''}></i>" for name in QUADRANTS)
    words = html.escape(QUADRANTS[quadrant], quote=True)
    return f'<span class="tl-quadrant" role="img" aria-label="{words}" title="{words}">{squares}</span>'


def _coloured(sentence: str) -> str:
    """Escape a sentence; **source** and **target** between double stars take their colours, other words turn bold."""

    def bold(found: re.Match[str]) -> str:
        word = found.group(1)
        return f'<b data-role="{word.lower()}">{word}</b>' if word.lower() in {"source", "target"} else f"<b>{word}</b>"

    return re.sub(r"\*\*(.+?)\*\*", bold, html.escape(sentence))


def page_header(
    title: str,
    lead: str,
    *,
    quadrant: Quadrant | None = None,
    paper: str | None = None,
    paper_url: str | None = None,
    tour: str | None = None,
) -> None:
    """Title, one sentence (write **source** and **target** to colour them), the quadrant, and the paper.

    tour: the guided tour of this page, a file in `ui/tours`.
    """
    _leave_page_discovery()
    page_style()
    connection()
    glyph = quadrant_glyph(quadrant) if quadrant else ""
    reference = ""
    if paper:
        name = html.escape(paper)
        if paper_url:
            address = html.escape(paper_url, quote=True)
            name = f'<a href="{address}" target="_blank" rel="noreferrer">{name}</a>'
        reference = f"<small>{name}</small>"
    with st.container(horizontal=True, key="page-head"):
        sentence = marked(_coloured(lead))
        st.html(f'<div class="tl-head"><h1>{html.escape(title)}</h1>{glyph}<p>{sentence}</p>{reference}</div>')
        guide(tour)


def refreshing(view: Callable[..., None], *arguments: object) -> None:
    """Draw a view as a fragment of the page. What goes wrong is a sentence, also when it is drawn again by itself:
    then nothing of the page stands around it that would catch it."""
    st.fragment(told)(view, *arguments)


def told(view: Callable[..., None], *arguments: object) -> None:
    """Draw a view; what goes wrong is a sentence below what was drawn until then."""
    try:
        view(*arguments)
    except LabError as error:
        st.error(str(error))


def card_header(title: str, aside: str = "") -> None:
    """The first line of a card: its title on the left, a short number or remark on the right."""
    words = marked(f"<b>{html.escape(title)}</b><span>{html.escape(aside)}</span>")
    st.html(f'<div class="tl-card-head">{words}</div>')


def card(key: str) -> st.delta_generator.DeltaGenerator:
    """A container with the ground and border of a card: `with card("comparison"): …`."""
    return st.container(border=True, key=f"card-{key}")


def paragraph(text: str) -> None:
    """A paragraph of plain text, its terms explained; nothing where it is empty."""
    if text:
        st.html(f'<p class="tl-words">{marked(html.escape(text))}</p>')


def explained(text: str) -> None:
    """Markdown of ours, its terms explained."""
    st.markdown(marked(text), unsafe_allow_html=True)


def steps_to_look_for(hints: Sequence[str], explanation: str = "", *, at: int | None = None) -> None:
    """What to look for, step by step, and below it what is behind it. at: the step at which the training is, if known.

    Where nobody knows, every step is written plainly.
    """
    items = "".join(
        f"<li{' class=on aria-current=step' if place == at else ''}>{html.escape(hint)}</li>"
        for place, hint in enumerate(hints)
    )
    plain = " tl-plain" if at is None else ""
    behind = f'<p class="tl-words">{html.escape(explanation)}</p>' if explanation else ""
    st.html(marked(f'<ol class="tl-steps{plain}">{items}</ol>{behind}'))
