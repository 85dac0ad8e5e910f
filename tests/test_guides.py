"""The links of the guides lead to pages, presets and files that exist."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from tlcore.presets import presets_of

ROOT = Path(__file__).resolve().parents[1]
DOCS = sorted((ROOT / "docs").glob("*.md"))
LINK = re.compile(r"\]\((?P<target>[^)\s]+)\)")
LAB = "localhost:8501"


def links() -> list[tuple[str, str]]:
    return [
        (page.name, found["target"])
        for page in (*DOCS, ROOT / "README.md")
        for found in LINK.finditer(page.read_text())
    ]


def heading_anchors(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", ["lecturers.md", "students.md"])
def test_links_into_the_lab_name_pages_and_presets_that_exist(page: str) -> None:
    targets = [urlsplit(target) for name, target in links() if name == page and LAB in target]
    assert len(targets) > 8
    for target in targets:
        name, query = target.path.strip("/"), parse_qs(target.query)
        assert not name or (ROOT / "pages" / f"{name}.py").is_file(), target.geturl()
        for preset in query.get("preset", ()):
            assert preset in {known.name for known in presets_of(name.replace("_", "-"))}, target.geturl()


def test_links_between_files_lead_somewhere() -> None:
    for name, target in links():
        if "://" in target:
            continue
        page = ROOT / name if name == "README.md" else ROOT / "docs" / name
        file, _, anchor = target.partition("#")
        aim = (page.parent / file) if file else page
        assert aim.exists(), f"{name}: {target}"
        if anchor:
            assert anchor in heading_anchors(aim), f"{name}: {target}"
