"""The player's JavaScript modules as one script, for files that open without a server.

A page on disk may not load modules from beside it, and some viewers of notebooks load none at all. So each module
becomes a function that runs once, in the order of their imports; names are handed on as the modules' own `import` and
`export` say. That much of the language is read here and no more; anything else is refused.
"""

from __future__ import annotations

import re
from pathlib import Path

from tlcore.player import ASSETS

ENTRY = "player.js"
_IMPORT = re.compile(r"""^import\s+(?P<what>[^"';]+?)\s+from\s+["']\./(?P<file>[\w.-]+)["'];?[ \t]*$""", re.MULTILINE)
_BARE_IMPORT = re.compile(r"""^import\s+["']\./(?P<file>[\w.-]+)["'];?[ \t]*$""", re.MULTILINE)
_RE_EXPORT = re.compile(
    r"""^export\s*\{(?P<names>[^}]*)\}\s*from\s*["']\./(?P<file>[\w.-]+)["'];?[ \t]*$""", re.MULTILINE
)
_EXPORT_LIST = re.compile(r"^export\s*\{(?P<names>[^}]*)\};?[ \t]*$", re.MULTILINE)
_EXPORT = re.compile(
    r"^export\s+(?P<kind>(?:async\s+)?function\s*\*?|class|const|let|var)\s+(?P<name>[A-Za-z_$][\w$]*)", re.MULTILINE
)
_EXPORT_DEFAULT = re.compile(r"^export\s+default\b", re.MULTILINE)
_LEFT_OVER = re.compile(r"^(?:import|export)\b.*$|\bimport\s*\(", re.MULTILINE)


def bundle(entry: str = ENTRY, folder: Path = ASSETS) -> str:
    """One expression in JavaScript whose value is what the module `entry` exports.

    Raises:
        ValueError: a module imports or exports in a way that is not understood here, or in a circle.
    """
    parts: list[str] = []
    _add(entry, folder, parts, done=set(), above=())
    body = "\n".join(parts)
    return f'(() => {{\n"use strict";\nconst modules = {{}};\n{body}\nreturn modules["{entry}"];\n}})()'


def _add(name: str, folder: Path, parts: list[str], *, done: set[str], above: tuple[str, ...]) -> None:
    if name in done:
        return
    if name in above:
        raise ValueError(f"the modules import each other in a circle: {' → '.join((*above, name))}")
    text = (folder / name).read_text(encoding="utf-8")
    for pattern in (_IMPORT, _BARE_IMPORT, _RE_EXPORT):
        for found in pattern.finditer(text):
            _add(found["file"], folder, parts, done=done, above=(*above, name))
    parts.append(_wrapped(name, text))
    done.add(name)


def _wrapped(name: str, text: str) -> str:
    """A module as a function that is called at once and returns what it exports."""
    exported: dict[str, str] = {}

    def listed(found: re.Match[str]) -> str:
        for outside, inside in _names(found["names"]):
            exported[outside] = inside
        return ""

    def handed_on(found: re.Match[str]) -> str:
        for outside, inside in _names(found["names"]):
            exported[outside] = f'modules["{found["file"]}"].{inside}'
        return ""

    def declared(found: re.Match[str]) -> str:
        exported[found["name"]] = found["name"]
        return f"{found['kind']} {found['name']}"

    text = _RE_EXPORT.sub(handed_on, text)
    text = _EXPORT_LIST.sub(listed, text)
    text = _EXPORT.sub(declared, text)
    if _EXPORT_DEFAULT.search(text):
        exported["default"] = "theDefault"
        text = _EXPORT_DEFAULT.sub("const theDefault =", text)
    text = _BARE_IMPORT.sub("", _IMPORT.sub(_taken, text))
    left = _LEFT_OVER.search(text)
    if left:
        raise ValueError(f"{name}: this way to import or export is not understood: {left.group(0).strip()}")
    # Read when they are asked for, as the language has it: a module may change what it exports.
    getters = ", ".join(f'get "{outside}"() {{ return {inside}; }}' for outside, inside in exported.items())
    return f'modules["{name}"] = (() => {{\n{text}\nreturn {{ {getters} }};\n}})();'


def _taken(found: re.Match[str]) -> str:
    """An import as a line that takes the names out of the module which has run before."""
    module = f'modules["{found["file"]}"]'
    what = " ".join(found["what"].split())
    whole = re.fullmatch(r"\* as ([\w$]+)", what)
    if whole:
        return f"const {whole[1]} = {module};"
    parts = re.fullmatch(r"(?:(?P<default>[\w$]+)\s*,?\s*)?(?:\{(?P<names>[^}]*)\})?", what)
    if parts is None:
        raise ValueError(f"this way to import is not understood: {found.group(0)}")
    names = [f"{inside}: {outside}" for outside, inside in _names(parts["names"] or "")]
    if parts["default"]:
        names.append(f"default: {parts['default']}")
    return f"const {{ {', '.join(names)} }} = {module};"


def _names(text: str) -> list[tuple[str, str]]:
    """`a, b as c` as pairs of the name after `as` (or the only one) and the name before it."""
    pairs = []
    for entry in filter(None, (part.strip() for part in text.split(","))):
        inside, _, outside = entry.partition(" as ")
        pairs.append((outside.strip() or inside.strip(), inside.strip()))
    return pairs
