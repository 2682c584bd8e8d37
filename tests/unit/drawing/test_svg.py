"""SVG text is well-formed whatever it is given."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heddle.drawing.svg import Box, Page, Point, document, label, number, rect
from heddle.drawing.typography import Font
from svg_page import SvgPage

any_text = st.text(st.characters(exclude_categories=[]), max_size=40)


@given(any_text, any_text)
def test_any_text_makes_a_well_formed_document(title: str, text: str) -> None:
    page = Page(200, 100, title, text)
    svg = document(page, (), [label(Point(1, 20), text, Font(12)), rect(Box(0, 0, 5, 5), text)])
    svg.encode()
    SvgPage(svg)


@given(st.text(st.characters(min_codepoint=32, max_codepoint=0xD7FF), min_size=1, max_size=40))
def test_text_comes_back_as_it_was_written(text: str) -> None:
    svg = document(Page(200, 100, "t", "d"), (), [label(Point(1, 20), text, Font(12))])
    (read,) = SvgPage(svg).texts()
    assert read.shown == text


@pytest.mark.parametrize(
    ("value", "text"), [(1.0, "1"), (0.5, "0.5"), (1 / 3, "0.33"), (-0.001, "0"), (-2.5, "-2.5")]
)
def test_coordinates_are_short(value: float, text: str) -> None:
    assert number(value) == text


def test_a_cut_label_keeps_its_whole_text_as_tooltip() -> None:
    svg = document(
        Page(200, 100, "t", "d"), (), [label(Point(0, 20), "x" * 99, Font(12), max_width=50)]
    )
    (read,) = SvgPage(svg).texts()
    assert read.shown.endswith("…")
    assert read.tip == "x" * 99


def test_a_document_says_what_it_shows_and_needs_nothing_from_outside() -> None:
    svg = document(Page(200, 100, "A title", "A description"), (), [])
    assert "<title>A title</title>" in svg
    assert "<desc>A description</desc>" in svg
    assert svg.count("http") == 1  # the namespace
    assert "<style" not in svg
    assert "<script" not in svg
