"""The picture of a transition: what it shows, and that it stays readable."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from gantt_cases import GanttCase, chart_of
from heddle.cluster.command import Action
from heddle.drawing.gantt import gantt_svg
from heddle.drawing.gantt_bars import COLOURS
from heddle.drawing.gantt_chart import CurvePoint, GanttBar, GanttChart, RateCurve, Slots
from heddle.drawing.gantt_lines import CRITICAL
from heddle.drawing.palette import MISSED
from heddle.drawing.svg import Box
from svg_page import SvgPage, is_inside, overlapping

SIZES = [
    pytest.param(GanttCase(5, 4, num_moves=2), id="5 GPUs"),
    pytest.param(GanttCase(16, 5, num_idle=3, num_spares=2), id="16 GPUs"),
    pytest.param(GanttCase(60, 30, num_idle=10, num_moves=12), id="60 GPUs"),
    pytest.param(GanttCase(200, 60), id="200 GPUs"),
    pytest.param(GanttCase(16, 9, name="team<a>&b " + "searching-for-words" * 3), id="long names"),
]


def bar_boxes(page: SvgPage, chart: GanttChart) -> dict[GanttBar, Box]:
    """Return the place of every step, found by its tooltip."""
    boxes: dict[tuple[str, ...], list[Box]] = {}
    for tip, node in page.groups():
        boxes.setdefault(tuple(tip.split("\n")[0].split(" at ")), []).extend(page.rects(node))
    found = {}
    for bar in chart.bars:
        what = f"{bar.action.value} {bar.service} on" if bar.service else bar.action.value
        moved = "" if bar.move is None else f", part of move {bar.move}"
        key = (f"{what} {bar.profile}", f"{bar.slots.first} of {bar.gpu}{moved}")
        found[bar] = boxes[key][0]
    return found


@pytest.mark.parametrize("case", SIZES)
def test_no_label_leaves_the_page_or_overlaps_another(case: GanttCase) -> None:
    page = SvgPage(gantt_svg(chart_of(case)))
    texts = page.texts()
    assert [text.shown for text in texts if not is_inside(text.box, page.box)] == []
    assert overlapping(texts) == []


@pytest.mark.parametrize("case", SIZES)
def test_every_step_has_a_bar_and_is_explained(case: GanttCase) -> None:
    chart = chart_of(case)
    page = SvgPage(gantt_svg(chart))
    assert len(bar_boxes(page, chart)) == len(chart.bars)
    legend = {text.shown for text in page.texts()}
    assert {bar.action.value for bar in chart.bars} <= legend


def test_bars_stand_where_their_times_and_slots_are() -> None:
    chart = chart_of(GanttCase(16, 5))
    boxes = bar_boxes(SvgPage(gantt_svg(chart)), chart)
    starts = [bar for bar in boxes if bar.action is Action.START]
    pixels = {round(boxes[bar].width / (bar.end_s - bar.begin_s), 1) for bar in starts}
    assert len(pixels) == 1
    for bar in boxes:
        for other in boxes:
            if bar.gpu == other.gpu and bar.slots.first < other.slots.first:
                assert boxes[bar].bottom <= boxes[other].y + 0.01


def test_steps_that_take_no_time_to_speak_of_can_still_be_seen() -> None:
    chart = chart_of(GanttCase(16, 5))
    assert min(box.width for box in bar_boxes(SvgPage(gantt_svg(chart)), chart).values()) >= 3


def test_the_last_step_stays_on_the_plot_however_short_it_is() -> None:
    chart = chart_of(GanttCase(5, 4))
    blink = GanttBar("gpu-0", Slots(0, 1), Action.DESTROY, chart.makespan_s, chart.makespan_s, "x")
    longer = replace(chart, bars=(*chart.bars, blink))
    page = SvgPage(gantt_svg(longer))
    boxes = bar_boxes(page, longer)
    others = max(box.right for bar, box in boxes.items() if bar != blink)
    assert boxes[blink].width == 3
    assert boxes[blink].right <= others


def test_gpus_with_nothing_to_do_are_counted() -> None:
    shown = [t.shown for t in SvgPage(gantt_svg(chart_of(GanttCase(16, 5, num_idle=3)))).texts()]
    assert "not drawn: 3 GPUs with nothing to do" in shown
    assert not {"gpu-0", "gpu-1", "gpu-2"} & set(shown)


def test_beyond_some_hundred_gpus_those_with_fewest_steps_are_counted() -> None:
    chart = chart_of(GanttCase(300, 5))
    shown = [text.shown for text in SvgPage(gantt_svg(chart)).texts()]
    assert "not drawn: 60 GPUs with fewer steps" in shown
    steps = Counter(bar.gpu for bar in chart.bars)
    critical = {bar.gpu for bar in chart.bars if bar.is_critical}
    drawn = {gpu.id for gpu in chart.gpus} & set(shown)
    left_out = {gpu.id for gpu in chart.gpus} - drawn
    assert critical <= drawn
    assert max(steps[gpu] for gpu in left_out) <= min(steps[gpu] for gpu in drawn - critical)


def test_gpus_stand_node_by_node_in_the_order_in_which_people_count() -> None:
    chart = chart_of(GanttCase(20, 5))
    shuffled = replace(chart, gpus=tuple(reversed(chart.gpus)))
    shown = SvgPage(gantt_svg(shuffled)).texts()
    names = [text.shown for text in shown if text.shown.startswith("gpu-")]
    assert names == [f"gpu-{number}" for number in range(20)]
    assert [t.shown for t in shown if t.shown.startswith("node-")] == ["node-0", "node-1", "node-2"]


def test_a_mixed_fleet_names_its_types_and_others_do_not() -> None:
    chart = chart_of(GanttCase(9, 5))
    mixed = replace(chart, gpus=(*chart.gpus[:8], replace(chart.gpus[8], gpu_type="T4-16GB")))
    shown = [text.shown for text in SvgPage(gantt_svg(mixed)).texts()]
    assert {"node-0, A100-80GB", "node-1, T4-16GB"} <= set(shown)
    assert "A100-80GB" not in gantt_svg(chart)


def test_spare_gpus_are_marked_and_explained() -> None:
    svg = gantt_svg(chart_of(GanttCase(16, 5, num_spares=2)))
    shown = [text.shown for text in SvgPage(svg).texts()]
    assert {"gpu-14 (spare)", "gpu-15 (spare)", "spare GPU"} <= set(shown)
    assert "spare GPU" not in gantt_svg(chart_of(GanttCase(16, 5)))


def test_the_longest_path_is_framed_step_by_step() -> None:
    chart = chart_of(GanttCase(5, 4))
    frames = gantt_svg(chart).count(f'fill="none" stroke="{CRITICAL.colour}"')
    num_critical = sum(bar.is_critical for bar in chart.bars)
    num_in_legend = 1
    assert num_critical > 0
    assert frames >= num_critical + num_in_legend


def test_few_moves_are_drawn_and_many_are_not() -> None:
    few = gantt_svg(chart_of(GanttCase(60, 5, num_moves=12)))
    many = gantt_svg(chart_of(GanttCase(200, 5, num_moves=60)))
    assert sum(tip.startswith("move ") for tip in SvgPage(few).tips()) == 12
    assert ">move<" in few
    assert not any(tip.startswith("move ") for tip in SvgPage(many).tips())
    assert ">move<" not in many


def test_equal_charts_give_equal_bytes() -> None:
    case = GanttCase(16, 5, num_moves=3, num_spares=1)
    chart = chart_of(case)
    assert gantt_svg(chart) == gantt_svg(chart_of(case))
    assert gantt_svg(chart) == gantt_svg(replace(chart, bars=tuple(reversed(chart.bars))))


def test_kinds_of_steps_have_colours_of_their_own() -> None:
    assert len({*COLOURS.values()}) == len(Action) == len(COLOURS)


def curve(floor_rps: float, *rates: float) -> RateCurve:
    points = tuple(CurvePoint(10.0 * i, rate) for i, rate in enumerate(rates))
    return RateCurve("search", floor_rps, min(rates), points)


def with_curve(one: RateCurve) -> str:
    return gantt_svg(replace(chart_of(GanttCase(5, 4)), curves=(one,)))


def test_a_rate_is_drawn_with_its_floor_and_its_lowest_point() -> None:
    svg = with_curve(curve(100, 250, 120, 180))
    shown = [text.shown for text in SvgPage(svg).texts()]
    assert "1  search" in svg
    assert "floor 100, lowest 120" in shown
    assert MISSED not in svg


@pytest.mark.parametrize("rates", [(101.0, 104.0), (100.0, 900.0), (100.0, 118.0), (2000.0,)])
def test_values_beside_a_rate_never_overlap(rates: tuple[float, ...]) -> None:
    texts = SvgPage(with_curve(curve(100, *rates))).texts()
    assert overlapping(texts) == []
    assert "100" in {text.shown for text in texts}


def test_a_rate_below_its_floor_stands_out() -> None:
    assert MISSED in with_curve(curve(100, 250, 90, 180))


def test_a_service_that_is_lower_in_some_other_timing_says_so() -> None:
    late = replace(curve(100, 250, 120), least_rps=104.0)
    assert "floor 100, lowest 120, 104 in any timing" in with_curve(late)


@pytest.mark.parametrize(("rates", "said"), [((0.0, 80.0), "begins"), ((80.0, 0.0), "ends")])
def test_a_service_of_one_side_only_says_which(rates: tuple[float, float], said: str) -> None:
    assert f"{said}, nothing promised" in with_curve(curve(0, *rates))


@pytest.mark.parametrize(("num_services", "num_columns"), [(6, 1), (7, 4), (36, 4)])
def test_few_rates_stand_below_the_steps_and_many_side_by_side(
    num_services: int, num_columns: int
) -> None:
    page = SvgPage(gantt_svg(chart_of(GanttCase(5, num_services))))
    remarks = [text for text in page.texts() if text.shown.startswith("floor ")]
    assert len(remarks) == num_services
    assert len({round(text.box.x) for text in remarks}) == num_columns


def test_of_very_many_rates_those_nearest_to_their_floors_are_drawn() -> None:
    chart = chart_of(GanttCase(5, 60))
    page = SvgPage(gantt_svg(chart))
    shown = {text.shown.split()[-1] for text in page.texts() if "service-" in text.shown}
    surplus = {c.service: c.least_rps / c.floor_rps for c in chart.curves}
    nearest = sorted(surplus, key=lambda service: surplus[service])[:36]
    assert set(nearest) <= shown
    assert "… and 24 more services further above their floors" in {t.shown for t in page.texts()}


def test_a_transition_without_steps_is_still_a_page() -> None:
    chart = replace(chart_of(GanttCase(5, 4, num_idle=5)), makespan_s=0.0)
    shown = [text.shown for text in SvgPage(gantt_svg(chart)).texts()]
    assert "not drawn: 5 GPUs with nothing to do" in shown
