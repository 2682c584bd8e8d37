"""Tables line up, whatever the names are made of."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from heddle.drawing.table import Column, capped, cell_width, number_column, table_text

COLUMNS = [Column("name", max_width=12), number_column("count"), Column("note")]
cells = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


def test_text_goes_left_and_numbers_right() -> None:
    text = table_text(COLUMNS, [("a", "7", "x"), ("bcd", "1,234", "")])
    assert text.splitlines() == [
        "name  count  note",
        "────  ─────  ────",
        "a         7  x",
        "bcd   1,234",
    ]


@given(st.lists(st.tuples(cells, cells, cells), max_size=6))
def test_every_line_has_its_columns_at_the_same_cells(rows: list[tuple[str, str, str]]) -> None:
    lines = table_text(COLUMNS, rows).split("\n")
    assert len(lines) == 2 + len(rows)
    rule = lines[1]
    assert rule.count("  ") == 2
    ends = cell_width(rule)
    for line in lines:
        assert cell_width(line) <= ends
    gap = rule.index("  ")
    for line in lines[2:]:
        before = 0
        for glyph in line:
            if gap <= before < gap + 2:
                assert glyph == " " or cell_width(glyph) == 0
            before += cell_width(glyph)


def test_a_cell_is_cut_to_its_columns_width() -> None:
    text = table_text(COLUMNS, [("a-very-long-name-indeed", "1", "")])
    assert text.splitlines()[2].startswith("a-very-long…  ")


@given(cells, st.integers(1, 12))
def test_capped_text_fits(text: str, width: int) -> None:
    assert cell_width(capped(text, width)) <= width
    if cell_width(text) <= width:
        assert capped(text, width) == text


def test_wide_characters_take_two_cells_and_accents_none() -> None:
    assert cell_width("検索") == 4
    assert cell_width("e\u0301") == 1
    assert capped("検索サービス", 5) == "検索…"


def test_line_breaks_in_a_cell_do_not_break_the_table() -> None:
    assert len(table_text(COLUMNS, [("a\nb", "1\r2", "\x1b[31m")]).splitlines()) == 3
    assert "\x1b" not in table_text(COLUMNS, [("a", "1", "\x1b[31m")])


def test_rows_beyond_the_cap_are_counted() -> None:
    rows = [(str(i), str(i), "") for i in range(71)]
    lines = table_text(COLUMNS, rows, max_rows=40).splitlines()
    assert len(lines) == 43
    assert lines[-1] == "… and 31 more"
    assert "more" not in table_text(COLUMNS, rows[:40], max_rows=40)
