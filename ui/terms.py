"""Terms of the glossary where they stand on a page: underlined, and explained to whoever points at them."""

from __future__ import annotations

import html
import re
from functools import lru_cache

from tlcore.glossary import Term, of_metric, of_word, written

# Tags, code and formulas are passed over, whole: what stands in them is not prose. So is what is marked already.
_NOT_PROSE = re.compile(
    r'(<span class="tl-term".*?</span>|<a .*?</a>|<code.*?</code>|<[^>]*>|`[^`]*`|\$[^$]+\$|&#?\w+;)', re.DOTALL
)


def term_mark(term: Term, shown: str) -> str:
    """A term as the page shows it; `shown` is HTML already. What is said of it is fetched by `ui/assets/guide.js`."""
    return f'<span class="tl-term" role="button" tabindex="0" data-term="{term.key}">{shown}</span>'


@lru_cache(maxsize=2000)
def marked(text: str) -> str:
    """A block of HTML, or of Markdown, with every term in it marked where it is written first."""
    seen: set[str] = set(re.findall(r'data-term="([\w-]+)"', text))

    def mark(found: re.Match[str]) -> str:
        term = of_word(found.group())
        if term is None or term.key in seen:
            return found.group()
        seen.add(term.key)
        return term_mark(term, found.group())

    parts = _NOT_PROSE.split(text)
    return "".join(part if place % 2 else written().sub(mark, part) for place, part in enumerate(parts))


def metric_heading(metric: str, title: str) -> str:
    """The heading of a column of figures, explained; `title` is plain text."""
    term = of_metric(metric)
    return term_mark(term, html.escape(title)) if term else html.escape(title)
