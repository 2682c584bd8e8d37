"""Rates over instance sizes, in small charts; and the scales under them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heddle.drawing.chart import Scale, decade_ticks, round_ticks, tick_text, whole_ticks
from heddle.drawing.scaling import ScalingPanel, ScalingPoint, scaling_svg
from svg_page import SvgPage, is_inside, overlapping

POINTS = tuple(ScalingPoint(s, 100.0 * s**0.8, is_fitted=s == 4) for s in (1, 2, 3, 4, 7))
PANEL = ScalingPanel("bert, batch 8", POINTS, ((1, 100.0), (7, 474.0)), "sub-linear")


@given(st.floats(1e-6, 1e12), st.integers(2, 10))
def test_round_ticks_reach_the_value_and_are_not_too_many(high: float, most: int) -> None:
    ticks = round_ticks(high, most)
    assert ticks[0] == 0
    assert ticks[-1] >= high * (1 - 1e-6)
    assert ticks[-2] < high
    assert len(ticks) - 1 <= most


@given(st.floats(0, 1e6))
def test_whole_ticks_are_whole(high: float) -> None:
    assert all(tick == round(tick) for tick in whole_ticks(high))
    assert whole_ticks(high)[-1] >= high * (1 - 1e-6)


@given(st.floats(1e-6, 1e6), st.floats(1, 1e6))
def test_decades_enclose_the_values(low: float, factor: float) -> None:
    ticks = decade_ticks(low, low * factor)
    assert len(ticks) >= 2
    assert ticks[0] <= low * (1 + 1e-9)
    assert ticks[-1] >= low * factor * (1 - 1e-9)


def test_a_scale_goes_from_end_to_end_and_stays_within() -> None:
    falling = Scale(0, 10, 200, 100)
    assert [falling.at(v) for v in (-1, 0, 5, 10, 11)] == [200, 200, 150, 100, 100]
    decades = Scale(0.01, 100, 0, 400, is_log=True)
    assert [decades.at(v) for v in (0.01, 1, 100)] == pytest.approx([0, 200, 400])
    assert Scale(0, 0, 5, 9).at(3) == 5


def test_ticks_are_written_short() -> None:
    values = (0, 2.5, 1500, 15_000, 2_000_000, 3e9)
    assert [tick_text(v) for v in values] == ["0", "2.5", "1,500", "15k", "2M", "3G"]


def circles(svg: str, tip: str) -> list[tuple[float, float]]:
    return [
        (float(node.attrib["cx"]), float(node.attrib["cy"]))
        for text, group in SvgPage(svg).groups()
        if tip in text
        for node in group
        if node.tag.endswith("circle")
    ]


def test_every_point_is_drawn_higher_for_more_and_further_right_for_larger() -> None:
    svg = scaling_svg([PANEL], "Scaling")
    dots = circles(svg, "slices: ")
    assert len(dots) == len(POINTS)
    assert [x for x, _ in dots] == sorted(x for x, _ in dots)
    assert [y for _, y in dots] == sorted((y for _, y in dots), reverse=True)
    assert len(circles(svg, "fitted")) == 1


def test_the_reference_line_is_linear_through_the_smallest_measured_point() -> None:
    svg = scaling_svg([PANEL], "Scaling")
    lines = [
        [float(node.attrib[key]) for key in ("x1", "y1", "x2", "y2")]
        for node in SvgPage(svg).root.iter("{http://www.w3.org/2000/svg}line")
        if node.get("stroke-dasharray")
    ]
    x1, y1, x2, y2 = lines[-1]
    (x, y) = circles(svg, "1 slices")[0]
    assert (y - y1) / (x - x1) == pytest.approx((y2 - y1) / (x2 - x1), rel=1e-3)


@pytest.mark.parametrize("count", [0, 1, 3, 4, 9, 60])
def test_text_stays_on_the_page_and_apart(count: int) -> None:
    panel = ScalingPanel("n" * 90, POINTS, PANEL.curve, "note " * 40)
    page = SvgPage(scaling_svg([panel] * count, "t" * 200))
    assert overlapping(page.texts()) == []
    assert [t.shown for t in page.texts() if not is_inside(t.box, page.box)] == []


def test_charts_beyond_the_cap_are_counted() -> None:
    shown = [text.shown for text in SvgPage(scaling_svg([PANEL] * 60, "Many")).texts()]
    assert "… and 12 more charts not drawn" in shown


def test_a_panel_with_one_point_and_one_without_any_are_drawn() -> None:
    empty = ScalingPanel("empty", ())
    single = ScalingPanel("single", (ScalingPoint(1, 1e-3),))
    svg = scaling_svg([empty, single], "Few")
    assert len(circles(svg, "slices")) == 1
    assert not any(math.isnan(x) for x, _ in circles(svg, "slices"))
