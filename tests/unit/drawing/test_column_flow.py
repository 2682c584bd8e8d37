"""Rows flow into columns without losing or splitting any."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from heddle.drawing.column_flow import ColumnFlow, Row

INDENT = 12.0
rows = st.lists(st.builds(Row, st.floats(5, 30), is_heading=st.booleans()), min_size=1, max_size=30)
heights = st.floats(60, 300)


@given(rows, heights)
def test_rows_stay_in_order_and_within_the_height(members: list[Row], height: float) -> None:
    places = ColumnFlow(members, INDENT).places(height)
    assert len(places) == len(members)
    for row, place in zip(members, places, strict=True):
        assert place.y + row.height <= height + 0.02
    for (row, before), after in zip(zip(members, places, strict=True), places[1:], strict=False):
        if after.column == before.column:
            assert after.y >= before.y + row.height - 1e-9
        else:
            assert after.column == before.column + 1
            assert after.y in (0.0, INDENT)


@given(rows, heights)
def test_a_heading_stays_with_the_row_after_it(members: list[Row], height: float) -> None:
    places = ColumnFlow(members, INDENT).places(height)
    for i, row in enumerate(members[:-1]):
        if row.is_heading and not members[i + 1].is_heading:
            assert places[i].column == places[i + 1].column


@given(rows, heights)
def test_the_balanced_height_takes_no_more_columns(members: list[Row], height: float) -> None:
    flow = ColumnFlow(members, INDENT)
    columns = flow.num_columns(height)
    balanced = flow.balanced_height(columns, height)
    assert balanced <= height
    assert flow.num_columns(balanced) <= columns
