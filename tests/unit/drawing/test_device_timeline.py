"""A device's blocks over time as a picture."""

from __future__ import annotations

import pytest

from heddle.drawing.device_timeline import device_timeline_svg
from heddle.drawing.device_timeline_chart import (
    DeviceTimeline,
    TimelineBar,
    TimelineClient,
    TimelinePreemption,
)
from heddle.drawing.device_timeline_marks import time_text
from heddle.drawing.device_timeline_rows import colours_of, pieces_of
from svg_page import SvgPage

CLIENTS = (
    TimelineClient("vgg_rt", is_real_time=True),
    TimelineClient("resnet_be", is_real_time=False),
)
RT_BAR = TimelineBar(0, 0, 100.0, 160.0, 1)
BE_BAR = TimelineBar(0, 1, 0.0, 120.0, 3)
PREEMPTION = TimelinePreemption(90.0, 91.0, 93.0, 120.0, 100.0)


def chart(*bars: TimelineBar, preemptions: tuple[TimelinePreemption, ...] = ()) -> DeviceTimeline:
    return DeviceTimeline(
        title="A on sim:MI50",
        subtitle="simulated times",
        begin_us=0.0,
        end_us=200.0,
        units=("0", "1"),
        clients=CLIENTS,
        bars=bars,
        preemptions=preemptions,
        note="Every multiprocessor",
    )


def test_who_is_resident_together_shares_the_height_with_real_time_on_top() -> None:
    found = sorted(
        (piece.bar.client, piece.begin_us, piece.end_us, piece.top, piece.bottom)
        for piece in pieces_of([BE_BAR, RT_BAR], chart())
    )
    assert found == [
        (0, 100.0, 120.0, 0.0, 0.5),
        (0, 120.0, 160.0, 0.0, 1.0),
        (1, 0.0, 100.0, 0.0, 1.0),
        (1, 100.0, 120.0, 0.5, 1.0),
    ]


def test_a_bar_that_shares_with_nobody_is_one_piece() -> None:
    later = BE_BAR._replace(begin_us=130.0, end_us=150.0)
    assert len(list(pieces_of([BE_BAR, later], chart()))) == 2


def test_equal_bars_in_different_lanes_are_both_drawn() -> None:
    other = BE_BAR._replace(lane=1)
    assert [piece.top for piece in sorted(pieces_of([BE_BAR, other], chart()))] == [0.0, 0.5]


def test_the_families_of_colour_do_not_overlap() -> None:
    clients = tuple(TimelineClient(str(i), is_real_time=i % 2 == 0) for i in range(10))
    bars = DeviceTimeline("", "", 0.0, 1.0, (), clients, (), ())
    assert len(set(colours_of(bars))) == 10


def test_the_picture_has_both_panels_and_is_always_the_same() -> None:
    pictured = chart(RT_BAR, BE_BAR, preemptions=(PREEMPTION,))
    text = device_timeline_svg(pictured)
    assert SvgPage(text).box.width == 1280
    for words in ("One preemption from close by", "first real-time block after 10 µs", "resnet_be",
                  "last best-effort block that left: 27 µs", "flag 2 µs"):  # fmt: skip
        assert words in text
    assert text == device_timeline_svg(pictured)


def test_without_a_preemption_there_is_no_closer_look() -> None:
    text = device_timeline_svg(chart(RT_BAR, BE_BAR))
    assert "from close by" not in text
    assert "killed" not in text


def test_killed_blocks_are_marked_and_explained() -> None:
    text = device_timeline_svg(chart(BE_BAR._replace(is_lost=True)))
    assert "killed: its work is lost" in text
    assert text.count("url(#lost)") > 1


def test_an_empty_window_is_a_picture_too() -> None:
    empty = DeviceTimeline("t", "s", 0.0, 1.0, (), (), (), (), "Nothing was recorded")
    assert "Nothing was recorded" in device_timeline_svg(empty)


@pytest.mark.parametrize(
    ("length_us", "text"),
    [(0.0, "0 µs"), (6.24, "6.2 µs"), (134.6, "135 µs"), (1234.0, "1,234 µs")],
)
def test_lengths_read_well(length_us: float, text: str) -> None:
    assert time_text(length_us) == text
