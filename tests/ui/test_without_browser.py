"""The components can be mounted where no browser is, as page tests do."""

from pathlib import Path

from streamlit.testing.v1 import AppTest

DEMO = Path(__file__).parents[1] / "browser" / "component_demo.py"


def test_a_page_with_all_components_runs_and_runs_again():
    for _ in range(2):  # each AppTest is a new Streamlit runtime, which must learn of the components again
        page = AppTest.from_file(str(DEMO), default_timeout=60).run()
        assert not page.exception
        page.button[0].click().run()
        assert not page.exception
        assert any(text.value.startswith("state umap domain") for text in page.markdown)
