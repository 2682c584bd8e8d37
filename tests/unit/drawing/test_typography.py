"""Text is cut to fit, from the right end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heddle.drawing.typography import (
    Font,
    first_fitting,
    fitted,
    fitted_name,
    fitted_tail,
    text_width,
    wrapped,
)

BODY = Font(12)
texts = st.text(max_size=60)
widths = st.floats(0, 400)


@given(texts, widths, st.booleans())
def test_cut_text_never_takes_more_than_its_width(text: str, width: float, bold: bool) -> None:  # noqa: FBT001 - drawn by hypothesis
    font = Font(12, is_bold=bold)
    for cut in (fitted, fitted_tail, fitted_name):
        assert text_width(cut(text, width, font), font) <= width + 1e-9


@given(texts)
def test_text_that_fits_is_left_alone(text: str) -> None:
    width = text_width(text, BODY)
    for cut in (fitted, fitted_tail, fitted_name):
        assert cut(text, width, BODY) == text


def test_a_sentence_loses_its_end_an_id_its_beginning_and_a_name_its_middle() -> None:
    text = "abcdefghijklmnopqrstuvwxyz"
    assert fitted(text, 80, BODY) == "abcdefghij…"
    assert fitted_tail(text, 80, BODY) == "…rstuvwxyz"
    assert fitted_name(text, 80, BODY) == "abcd…wxyz"


def test_bold_and_wide_characters_are_wider() -> None:
    assert text_width("abc", Font(12, is_bold=True)) > text_width("abc", BODY)
    assert text_width("検索", BODY) > text_width("ab", BODY)
    assert text_width("e\u0301", BODY) == text_width("e", BODY)


def test_the_first_candidate_that_fits_is_taken() -> None:
    assert first_fitting(("a long one", "short", "s"), text_width("short", BODY), BODY) == "short"
    assert first_fitting(("a long one",), 5, BODY) == ""


@given(st.lists(st.text("abcdefg ", max_size=12), max_size=20), st.integers(1, 4))
def test_wrapped_lines_fit_and_keep_the_words_in_order(words: list[str], max_lines: int) -> None:
    text = " ".join(words)
    lines = wrapped(text, 120, BODY, max_lines)
    assert len(lines) <= max_lines
    assert all(text_width(line, BODY) <= 120 + 1e-9 for line in lines)
    joined = " ".join(lines)
    kept = joined.split("…")[0].split()
    assert text.split()[: len(kept) - 1] == kept[:-1]
    if "…" not in joined:
        assert joined.split() == text.split()


@pytest.mark.parametrize("text", ["", " ", "…"])
def test_degenerate_text_is_handled(text: str) -> None:
    assert wrapped(text, 50, BODY, 2) == ([text] if text.strip() else [])
