"""The picture of a day."""

from __future__ import annotations

from heddle.drawing.day import DayChart, DayLine, DayMove, Level, day_svg

HOUR_S = 3_600.0
LINES = (
    DayLine(
        "replan", "30.0 GPU-hours", (Level(0, 7 * HOUR_S, 1), Level(7 * HOUR_S, 24 * HOUR_S, 2))
    ),
    DayLine("static peak", "48.0 GPU-hours", (Level(0, 24 * HOUR_S, 2),)),
)
CHART = DayChart(
    "a day",
    "two lines",
    0.0,
    24 * HOUR_S,
    LINES,
    (DayMove(7 * HOUR_S, 2, is_growth=True, tip="demand <grows>"),),
)


def test_every_line_is_drawn_and_named_with_its_total() -> None:
    svg = day_svg(CHART)
    assert svg.count("<polyline") == 2
    for own in LINES:
        assert own.name in svg
        assert own.total in svg
    assert "demand &lt;grows&gt;" in svg


def test_the_axis_has_round_times_within_the_day() -> None:
    svg = day_svg(CHART)
    assert ">00:00<" in svg
    assert ">24:00<" in svg
    short = DayChart("h", "", 6.5 * HOUR_S, 8 * HOUR_S, LINES[:1], ())
    assert ">06:30<" in day_svg(short)
    assert ">06:00<" not in day_svg(short)


def test_a_day_without_gpus_has_a_picture() -> None:
    empty = DayChart("none", "", 0.0, HOUR_S, (DayLine("replan", "0", (Level(0, HOUR_S, 0),)),), ())
    assert day_svg(empty).endswith("</svg>\n")
