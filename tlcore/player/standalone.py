"""The player in one HTML file that opens from disk: no server, no internet, all its interactions.

Everything lies in the file: style, script, and for each projection a compressed film. A content security policy in its
head forbids it to fetch anything, so that opening it tells nobody. Names from the data reach the page as text only.
What runs in it is `assets/player_standalone.js`.
"""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from tlcore.player import ASSETS
from tlcore.player.bundle import bundle
from tlcore.player.packing import COARSENESS, MISSING_PLACE, pack

MOST_BYTES = 3_000_000
_POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:"

_PAGE = """<!doctype html>
<html lang="en"__SCHEME__>
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="__POLICY__">
<title>__TITLE__</title>
<style>
__COLOURS__
*{box-sizing:border-box}
body{margin:0;padding:22px 26px 16px;background:var(--ground);color:var(--ink);
font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main{max-width:1680px;margin:0 auto}
h1{font-size:22px;line-height:1.3;margin:0 0 2px;overflow-wrap:anywhere}
.lead{margin:0 0 14px;color:var(--soft);overflow-wrap:anywhere}
footer{margin:14px 0 0;color:var(--soft);font-size:13px;overflow-wrap:anywhere}
#trouble{margin:0 0 12px}
#trouble:empty{display:none}
@media (max-width:600px){body{padding:14px 12px 10px}h1{font-size:19px}}
</style>
<style>
__STYLE__
</style>
</head>
<body>
<main>
<header><h1>__TITLE__</h1><p class="lead">__LEAD__</p></header>
<p id="trouble" role="status">Opening the film …</p>
<noscript><p>This film is played by JavaScript, which is switched off in this browser.</p></noscript>
<div id="player"></div>
<footer>__FOOT__</footer>
</main>
__FILMS__
<script type="application/json" id="settings">__SETTINGS__</script>
<script>
"use strict";
__BUNDLE__;
</script>
</body>
</html>
"""


def standalone(
    films: Mapping[str, Mapping[str, Any]],
    *,
    projection: str,
    title: str,
    lead: str,
    foot: Sequence[str] = (),
    palettes: Mapping[str, Mapping[str, Any]],
    theme: str | None = None,
    most_bytes: int = MOST_BYTES,
) -> str:
    """The file. films: for each projection a complete message (see `film_message`), its probe points with it.

    The film of `projection` is always in the file and shown first; the others are, in their order, as long as the file
    stays below `most_bytes`. lead: the sentence under the title; foot: sentences under the player. theme: None leaves
    light or dark to the reader's system.
    """
    script, style = bundle("player_standalone.js"), (ASSETS / "player.css").read_text(encoding="utf-8")
    room = most_bytes - len(script) - len(style) - len(_PAGE)
    order = [projection, *(name for name in films if name != projection)]

    def packed(name: str, shown: Sequence[str]) -> str:
        return base64.b64encode(pack(_prepared(films[name], shown, palettes, name == projection))).decode("ascii")

    # The choice that the player offers names what is in the file, and nothing else; it adds a few letters at most.
    texts = {name: packed(name, order) for name in order}
    shown: list[str] = []
    for name in order:
        if name == projection or len(texts[name]) <= room:
            shown.append(name)
            room -= len(texts[name])
    if len(shown) < len(order):
        texts = {name: packed(name, shown) for name in shown}
    settings = {"projection": projection, "theme": theme, "coarseness": COARSENESS, "missing": MISSING_PLACE}
    parts = {
        "__SCHEME__": f' data-scheme="{theme}"' if theme in ("light", "dark") else "",
        "__POLICY__": _POLICY,
        "__TITLE__": html.escape(title),
        "__LEAD__": html.escape(lead),
        "__FOOT__": "<br>".join(html.escape(sentence) for sentence in foot),
        "__COLOURS__": _colours(palettes),
        "__STYLE__": style.replace("</", "<\\/"),
        "__FILMS__": "\n".join(
            f'<script type="application/octet-stream" data-projection="{html.escape(name, quote=True)}">{text}</script>'
            for name, text in texts.items()
        ),
        "__SETTINGS__": json_in_html(settings),
        "__BUNDLE__": in_script(script),
    }
    # In one pass: a title that holds one of these marks stays a title.
    return re.sub("|".join(parts), lambda found: parts[found.group(0)], _PAGE)


def _prepared(
    message: Mapping[str, Any],
    projections: Sequence[str],
    palettes: Mapping[str, Mapping[str, Any]],
    with_probe: bool,
) -> dict[str, Any]:
    """A message as it lies in the file. The probe points with their thumbnails and neighbours lie in it once."""
    probe = message["probe"]
    panels = message["panels"] if with_probe else [{**panel, "neighbours": None} for panel in message["panels"]]
    return {
        "live": False, "autoplay": True, "loop": False, "badge": None, "total_steps": None, "palette": dict(palettes),
        **message,
        "probe": probe if with_probe else {"id": probe["id"], "count": probe["count"]},
        "panels": panels,
        "projections": [entry for entry in message["projections"] if entry["id"] in projections],
    }  # fmt: skip


def _colours(palettes: Mapping[str, Mapping[str, Any]]) -> str:
    """The page's own few colours; the player brings its own."""

    def of(scheme: str) -> str:
        return "".join(f"--{name}:{palettes[scheme][name]};" for name in ("ground", "ink", "soft"))

    return (
        f":root{{color-scheme:light;{of('light')}}}\n"
        f"@media (prefers-color-scheme:dark){{:root{{color-scheme:dark;{of('dark')}}}}}\n"
        f":root[data-scheme=light]{{color-scheme:light;{of('light')}}}\n"
        f":root[data-scheme=dark]{{color-scheme:dark;{of('dark')}}}"
    )


def json_in_html(value: Any) -> str:
    """JSON that may stand in a script element: nothing in it ends the element or begins a comment."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    for letter in "<>&\u2028\u2029":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return text


def in_script(code: str) -> str:
    """Code that may stand in a script element: within its strings `<\\/script` is the same as `</script`."""
    return re.sub(r"<(?=/script|!--)", r"\\x3c", code, flags=re.IGNORECASE)
