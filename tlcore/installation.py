"""Is the right Python there, and everything that requirements.txt asks for? What the doctor looks at first.

It has to run where the lab itself cannot: with any Python from 3.6 on, and the standard library alone. Nothing is
imported here that is only looked for, so a fault inside a package is left to the rest of the doctor.
"""

import importlib.util
import os
import re
import sys

from tlcore import __version__

OLDEST, NEWEST = (3, 11), (3, 12)
OK, WARNING, BAD = "ok ", "!! ", "BAD"
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120
REQUIREMENTS = "requirements.txt"
DISTRIBUTION = "transfer-learning-lab"
MODULES = {
    "scikit-learn": "sklearn",
    "umap-learn": "umap",
    "pillow": "PIL",
}  # the others are called as they are asked for
_LINE = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^\]]*\])?\s*(?:\((.*)\)|(.*?))\s*")
_CLAUSE = re.compile(r"\s*(>=|<=|==|!=|~=|>|<)\s*([^\s,*]+)\s*")
_VERSION = re.compile(
    r"v?(?P<release>\d+(?:\.\d+)*)(?:[._-]?(?P<before>a|b|c|rc|alpha|beta|pre|preview)[._-]?(?P<round>\d*))?"
    r"(?:[._-]?(?:post|rev|r)[._-]?(?P<post>\d*))?(?:[._-]?(?P<dev>dev)[._-]?\d*)?(?:\+.*)?",
    re.IGNORECASE,
)


def is_new_enough(version: "tuple[int, ...]" = sys.version_info[:3]) -> bool:
    """Whether the lab can be imported by this version of Python at all."""
    return tuple(version[:2]) >= OLDEST


def python_finding(version: "tuple[int, ...]" = sys.version_info[:3]) -> "tuple[str, str, str]":
    """What is to be said of this version of Python: a mark, a name, a sentence."""
    said = ".".join(map(str, version))
    tried = "Python {}.{} or {}.{}".format(*OLDEST, *NEWEST)
    if not is_new_enough(version):
        return BAD, "python", f"{said} is too old: install {tried}, and start the lab with it"
    if tuple(version[:2]) > NEWEST:
        return WARNING, "python", f"{said} is newer than what the lab is tried with; if something fails, take {tried}"
    return OK, "python", f"{said}, lab {__version__}"


def wanted(text: str) -> "list[tuple[str, str]]":
    """Names and versions, as `>=1.2,<3`, of the lines of a requirements.txt that every machine needs."""
    found = []
    for line in text.splitlines():
        line = line.partition("#")[0].strip()
        if not line or line.startswith("-") or ";" in line or "@" in line:
            continue  # options, conditions, addresses: what they mean only pip can tell
        match = _LINE.fullmatch(line)
        if match:
            found.append((match.group(1), (match.group(2) or match.group(3) or "").strip()))
    return found


def order_of(version: str) -> "tuple[tuple[int, ...], int, int, int] | None":
    """What versions are sorted by; None for one that cannot be understood."""
    match = _VERSION.fullmatch(version.strip())
    if match is None:
        return None
    release = [int(part) for part in match.group("release").split(".")]
    while len(release) > 1 and release[-1] == 0:
        release.pop()
    before = (match.group("before") or "").lower()
    if before:
        phase = {"a": -3, "b": -2}.get(before[0], -1)
    else:
        phase = -4 if match.group("dev") and match.group("post") is None else 0
    post = -1 if match.group("post") is None else int(match.group("post") or 0)
    return tuple(release), phase, int(match.group("round") or 0), post


def satisfies(version: str, specifier: str) -> bool:
    """Whether a version is one of those asked for; what cannot be understood counts as satisfied."""
    have = order_of(version)
    for clause in filter(None, specifier.split(",")):
        match = _CLAUSE.fullmatch(clause)
        asked = order_of(match.group(2)) if match else None
        if match is None or have is None or asked is None:
            continue
        sign = match.group(1)
        if sign == "~=":  # at least this one, and the same but for the last number
            stem = [int(part) for part in re.match(r"v?([\d.]*\d)", match.group(2)).group(1).split(".")][:-1]  # type: ignore[union-attr]
            full = list(have[0]) + [0] * len(stem)
            good = have >= asked and full[: len(stem)] == stem
        else:
            good = {
                ">=": have >= asked, "<=": have <= asked, ">": have > asked, "<": have < asked,
                "==": have == asked, "!=": have != asked,
            }[sign]  # fmt: skip
        if not good:
            return False
    return True


def module_of(name: str) -> str:
    """What a package is imported as."""
    return MODULES.get(name.lower(), name.replace("-", "_"))


def is_there(name: str) -> bool:
    """Whether a package can be found, which is not to say that it can be imported."""
    try:
        return importlib.util.find_spec(module_of(name)) is not None
    except (ImportError, ValueError):  # hidden, or half imported
        return False


def wrong_version(name: str, specifier: str) -> str:
    """Which version of a package is there instead of one asked for, in a few words; empty where nothing is wrong."""
    from importlib import metadata  # not there before 3.8, where the version of Python is fault enough

    try:
        version = metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""  # there, in some way that pip does not know of
    return "" if satisfies(version, specifier) else f"{name} is {version} instead of {specifier}"


def requirements_text() -> str:
    """The lines to check: of the file beside the lab, or of the lab where it was installed as a package itself."""
    try:
        with open(os.path.join(ROOT, REQUIREMENTS), encoding="utf-8") as file:  # noqa: PTH118, PTH123
            return file.read()
    except OSError:
        from importlib import metadata

        try:
            return "\n".join(metadata.requires(DISTRIBUTION) or [])
        except metadata.PackageNotFoundError:
            return ""


def packages_finding() -> "tuple[str, str, str]":
    """What is to be said of the packages: a mark, a name, a sentence."""
    lines = wanted(requirements_text())
    if not lines:
        return WARNING, "packages", f"there is no {REQUIREMENTS} at {ROOT}, so nobody knows what should be installed"
    missing = [name for name, _ in lines if not is_there(name)]
    faults = ["not installed: {}".format(", ".join(missing))] if missing else []
    faults += [fault for fault in (wrong_version(*line) for line in lines if line[0] not in missing) if fault]
    if not faults:
        return OK, "packages", f"all {len(lines)} of {REQUIREMENTS}"
    return BAD, "packages", "{}; {}".format("; ".join(faults), remedy())


def remedy() -> str:
    """The command that installs what is missing, or the interpreter that has it already."""
    own = os.path.join(ROOT, ".venv", "bin", "python")  # noqa: PTH118
    inside = os.path.abspath(sys.prefix) == os.path.join(ROOT, ".venv")  # noqa: PTH100, PTH118
    if os.path.exists(own) and not inside:  # noqa: PTH110
        return f"this is {sys.executable}: ask the lab's own, `{own} -m tlcore doctor`, or run `make run` in {ROOT}"
    path = os.path.join(ROOT, REQUIREMENTS)  # noqa: PTH118
    by_pip = f"`{sys.executable} -m pip install -r {path}`"
    if os.path.exists(os.path.join(ROOT, "Makefile")):  # noqa: PTH110, PTH118
        return f"run `make run` in {ROOT}, or {by_pip}"
    return f"run {by_pip}"


def report(version: "tuple[int, ...]" = sys.version_info[:3]) -> bool:
    """Print what was found; returns whether nothing must be done."""
    findings = [python_finding(version)]
    if is_new_enough(version):  # packages for a Python that is too old help nobody
        findings.append(packages_finding())
    for mark, name, text in findings:
        print(f"{mark} {name}: {text}", flush=True)
    return all(mark != BAD for mark, _, _ in findings)
