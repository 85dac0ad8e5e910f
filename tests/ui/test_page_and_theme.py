"""The head of a page escapes what it is given; the palette is complete and can be told apart."""

import itertools
import re

import numpy as np
import plotly.graph_objects as go
import pytest
from streamlit.testing.v1 import AppTest

from ui import theme
from ui.network_diagram import DiagramState, describe
from ui.page import QUADRANTS, _coloured, quadrant_glyph

# What the two common kinds of colour blindness make of linear RGB (Machado et al. 2009, severity 1).
VISIONS = {
    "full": np.eye(3),
    "deuteranopia": np.array([[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]]),
    "protanopia": np.array([[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]]),
}


def lab(colour: str, vision: np.ndarray) -> np.ndarray:
    """CIE Lab of a colour as someone with this vision sees it."""
    encoded = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = to_xyz @ np.clip(vision @ linear, 0, 1) / [0.9505, 1, 1.089]
    root = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * root[1] - 16, 500 * (root[0] - root[1]), 200 * (root[1] - root[2])])


@pytest.mark.parametrize("vision", VISIONS)
@pytest.mark.parametrize("palette", [theme.LIGHT, theme.DARK], ids=["light", "dark"])
def test_colours_can_be_told_apart(palette, vision):
    seen = [lab(colour, VISIONS[vision]) for colour in palette.classes]
    nearest = min(np.linalg.norm(one - other) for one, other in itertools.combinations(seen[:10], 2))
    assert nearest > 12
    domains = [lab(colour, VISIONS[vision]) for colour in (palette.source, palette.target)]
    assert np.linalg.norm(domains[0] - domains[1]) > 60


def test_both_palettes_have_the_same_entries():
    assert vars(theme.LIGHT).keys() == vars(theme.DARK).keys()
    assert len(theme.LIGHT.classes) == len(theme.DARK.classes) >= 10
    assert all(re.fullmatch("#[0-9a-f]{6}", colour) for colour in (*theme.LIGHT.classes, *theme.DARK.classes))


def test_an_unknown_role_is_refused():
    with pytest.raises(ValueError, match="unknown role 'sky'"):
        theme.role_colour("sky")


def test_figures_take_the_house_style_and_their_own_wishes():
    figure = theme.style_figure(go.Figure(go.Scatter(y=[1, 2])), hovermode="closest")
    assert figure.layout.paper_bgcolor == "rgba(0,0,0,0)"
    assert figure.layout.hovermode == "closest"


def test_source_and_target_are_coloured_and_everything_is_escaped():
    text = _coloured("<script> the **source** and a **bold** word")
    assert text == '&lt;script&gt; the <b data-role="source">source</b> and a <b>bold</b> word'
    assert _coloured("stars ** alone") == "stars ** alone"


@pytest.mark.parametrize("place, quadrant", list(enumerate(QUADRANTS)))
def test_one_square_of_the_quadrant_is_filled(place, quadrant):
    squares = re.findall(r"<i( class=on)?></i>", quadrant_glyph(quadrant))
    assert [bool(square) for square in squares] == [index == place for index in range(4)]


def test_the_diagram_says_in_words_what_it_draws():
    words = describe(DiagramState("conv 16"))
    assert "conv 16" in words and "Labels come from the source." in words and "reversed" in words
    oracle = describe(DiagramState(has_domain_classifier=False, target_labelled=True, source_used=False))
    assert "Labels come from the target." in oracle and "reversed" not in oracle


def test_a_view_that_is_drawn_again_by_itself_says_what_goes_wrong() -> None:
    def script() -> None:
        import streamlit as st

        from tlcore.errors import StoreError
        from ui.page import refreshing

        def view(word: str) -> None:
            st.write(word)
            raise StoreError("The store does not answer.")

        refreshing(view, "hello")

    page = AppTest.from_function(script).run()
    assert not page.exception
    assert ([one.value for one in page.markdown], [one.value for one in page.error]) == (
        ["hello"],
        ["The store does not answer."],
    )
