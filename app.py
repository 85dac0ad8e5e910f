"""Navigation and theme, nothing else. Start with `streamlit run app.py`."""

from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware
from streamlit.starlette import App

from tlcore.freed_memory import give_back_freed_memory
from ui.channel import routes
from ui.first_page import loaded
from ui.uploads import Uploads

if __name__ == "__main__":  # Streamlit runs this file for every page that is drawn, and imports it once, to serve it
    from ui.entrance import OWNER_PAGE, enter, shows_owner_page
    from ui.page import page_style

SECTIONS = {
    "": [("home", "The map")],
    "Source and target labelled": [
        ("fine_tuning", "Fine-tuning"),
        ("layer_transfer", "Layer transfer"),
        ("multitask", "Multitask"),
    ],
    "Only source labelled": [("domain_adversarial", "Domain-adversarial"), ("zero_shot", "Zero-shot")],
    "Source unlabelled": [("self_taught", "Self-taught")],
    "Yours": [("runs", "Runs"), ("data", "Data"), ("glossary", "Glossary"), ("owner", "This server")],
}
PAGES = Path(__file__).parent / "pages"


def nothing_yet() -> None:
    """Stands in while the folder `pages` is empty."""
    st.write("No page is installed.")


def navigation() -> dict[str, list]:
    """The sections with the pages whose file exists; the first page is the one that opens."""
    sections: dict[str, list] = {}
    first = True
    for section, entries in SECTIONS.items():
        for name, title in entries:
            if (PAGES / f"{name}.py").is_file():
                visible = name != OWNER_PAGE or shows_owner_page()
                page = st.Page(
                    PAGES / f"{name}.py", title=title, default=first, visibility="visible" if visible else "hidden"
                )
                sections.setdefault(section, []).append(page)
                first = False
    return sections or {"": [st.Page(nothing_yet, title="The map", default=True)]}


if __name__ == "__main__":
    st.set_page_config(page_title="Transfer Learning Lab", page_icon="◪", layout="wide")
    page_style()
    page = st.navigation(navigation())
    enter(page.run)
else:
    give_back_freed_memory()
    app = App(__file__, routes=routes(), lifespan=loaded, middleware=[Middleware(Uploads)])
