"""Where an own data set can be learned from: the pages of the methods, opened on it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import streamlit as st

from tlcore.presets.multitask import MOST_OF_YOURS, yours_named
from tlcore.specs import DomainPair, OwnFeatures, OwnPictures
from ui.data_pieces import plain_label, quiet
from ui.domain_choice import document_of, target_page

PAGES = Path(__file__).parents[1] / "pages"
TWO_TASKS = 4  # classes that can be halved into two tasks
Address = Mapping[str, str | list[str]]


def paths_of(one: Mapping[str, Any]) -> Iterator[tuple[str, str, Address]]:
    """For the summary of an own data set: each page that can learn from it, what it does there, and its address."""
    name, features = one["name"], one["kind"] == "features"
    kind = OwnFeatures if features else OwnPictures
    whole = json.dumps(document_of(kind(dataset=name)), separators=(",", ":"))
    if not features:
        changes = [f"data.target={whole}"]
        yield "fine_tuning", "Fine-tune a network on it", {"preset": "your-images", "set": changes}
        if len(one["classes"]) >= TWO_TASKS:
            yield "layer_transfer", "See which layers are general", {"preset": "glyphs", "set": changes}
    domains = [domain for domain in one["domains"] if domain]
    if len(domains) > 1:
        source, target = domains[:2]
        pair = DomainPair(source=kind(dataset=name, domain=source), target=kind(dataset=name, domain=target))
        yield "domain_adversarial", f"Adapt from {plain_label(source)} to {plain_label(target)}", target_page(pair)
    if len(one["tasks"]) > 1:
        tasks = [task["name"] for task in one["tasks"][:MOST_OF_YOURS]]
        yield "multitask", "Learn its columns together", {"preset": yours_named(name, tasks, features=features)}
    if one["partitions"]:
        yield "zero_shot", "Recognise its unseen classes", {"preset": "awa2", "set": [f"data.source={whole}"]}


def learn_from(one: Mapping[str, Any]) -> None:
    """Links to the pages that can learn from an own data set."""
    ways = list(paths_of(one))
    if not ways:
        quiet("Learn from it in a pair: choose it as source or target under “A pair”.")
        return
    with st.container(horizontal=True, gap="small", key=f"learn-{one['name']}"):
        for page, words, address in ways:
            st.page_link(PAGES / f"{page}.py", label=words, icon=":material/arrow_forward:", query_params=address)
