"""Numbers from an address that anybody may have written."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ui.address import number_of


@pytest.mark.parametrize(("text", "number"), [("0", 0), ("007", 7), ("999999999", 999_999_999)])
def test_plain_digits(text: str, number: int):
    assert number_of(text) == number


@pytest.mark.parametrize("text", [None, "", "²", "١٢", "1_0", " 7", "-1", "1e3", "0x1", "9" * 5000, "1\n"])
def test_everything_else_is_none(text: str | None):
    assert number_of(text) is None


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.text(st.characters(categories=["Nd", "Nl", "No", "Zs", "Cc"]), max_size=12) | st.text(max_size=12))
def test_no_text_breaks_it(text: str):
    number = number_of(text)
    assert number is None or (text.isascii() and text.isdecimal() and number == int(text))
