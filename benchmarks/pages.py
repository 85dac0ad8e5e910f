"""Writing what a benchmark measured into a page, between marks of its own."""

from __future__ import annotations

from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"


def write(text: str, page: Path, begin: str, end: str, title: str = "") -> None:
    """Replace what stands between the marks; where they are missing, append a section with this title."""
    before = page.read_text(encoding="utf-8") if page.exists() else "# Benchmarks\n"
    block = f"{begin}\n{text}\n{end}"
    if begin in before:
        head, rest = before.split(begin, 1)
        page.write_text(head + block + rest.split(end, 1)[1], encoding="utf-8")
    else:
        heading = f"## {title}\n\n" if title else ""
        page.write_text(f"{before.rstrip()}\n\n{heading}{block}\n", encoding="utf-8")
