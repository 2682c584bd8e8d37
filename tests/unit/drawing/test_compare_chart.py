"""Solvers side by side, failures included."""

from __future__ import annotations

import pytest

from heddle.drawing.compare import CompareRow, best_bound, compare_svg, compare_text
from svg_page import SvgPage, is_inside, overlapping

ROWS = [
    CompareRow("exact", 139, 139, 0, 0.42),
    CompareRow("greedy", 146, None, None, 2.3),
    CompareRow("cms-scheme", None, None, None, None, "refused: no keep_apart"),
    CompareRow("smallest", None, 120, None, 0.002),
    CompareRow("whole", 208, None, None, 0.0012),
]


def test_the_table_counts_from_the_best_bound() -> None:
    assert compare_text(ROWS).splitlines() == [
        "solver      GPUs  bound  gap  above best bound    time  note",
        "──────────  ────  ─────  ───  ────────────────  ──────  ──────────────────────",
        "exact        139    139    0                 0  420 ms",
        "greedy       146      –    –         7 (5.0 %)   2.3 s",
        "cms-scheme     –      –    –                 –       –  refused: no keep_apart",
        "smallest       –    120    –                 –  2.0 ms  no plan",
        "whole        208      –    –       69 (49.6 %)  1.2 ms",
    ]
    assert best_bound(ROWS) == 139


def test_bars_are_as_long_as_the_excess_and_start_at_the_bound() -> None:
    page = SvgPage(compare_svg(ROWS, "Solvers"))
    bars = {
        tip.split(":")[0]: page.rects(group)[0]
        for tip, group in page.groups()
        if tip.startswith(("greedy", "whole"))
    }
    assert bars["greedy"].x == bars["whole"].x
    assert bars["whole"].width / bars["greedy"].width == pytest.approx(69 / 7, rel=1e-2)


@pytest.mark.parametrize("kind", ["gpus", "price"])
@pytest.mark.parametrize(
    "rows",
    [
        ROWS,
        ROWS[:1],
        ROWS[2:3],
        [CompareRow("a" * 60, 1e6 + 0.5, 1.0, 1e6, 9e5, "x" * 300)] * 3,
        [CompareRow("b", None, None, None, 1e-9, "y" * 300)],
        [],
    ],
)
def test_text_stays_on_the_page_and_apart(rows: list[CompareRow], kind: str) -> None:
    page = SvgPage(compare_svg(rows, "t" * 200, kind))
    assert overlapping(page.texts()) == []
    assert [t.shown for t in page.texts() if not is_inside(t.box, page.box)] == []


def test_a_failure_shows_its_reason() -> None:
    shown = [text.shown for text in SvgPage(compare_svg(ROWS, "Solvers")).texts()]
    assert "refused: no keep_apart" in shown
    assert "no plan" in shown
    assert "139, at the bound" in shown
    assert "146 (+7, 5.0 %)" in shown


def test_prices_are_compared_in_prices() -> None:
    rows = [CompareRow("exact", 41.6, 39.5, 2.1, 12.0), CompareRow("greedy", 44.8, 39.5, 5.3, 0.9)]
    assert "5.30 (13.4 %)" in compare_text(rows, "price")
    shown = [text.shown for text in SvgPage(compare_svg(rows, "Price", "price")).texts()]
    assert "Price per hour above the best bound (39.50)" in shown
