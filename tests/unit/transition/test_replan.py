"""A tiny day, accounted for by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from heddle.cluster.deployment import Deployment
from heddle.errors import InputError, NoPlanError
from heddle.transition.course import Use, course_of, gpus_in, still_course
from heddle.transition.day_comparison import alternatives
from heddle.transition.hysteresis import Hysteresis, Reason
from heddle.transition.replan import replan
from heddle.transition.request import TransitionRequest
from heddle.units import micro_floor
from replan_days import day_of, replanning, workload


def test_a_day_that_changes_nothing_costs_its_gpus() -> None:
    day = day_of({"chat": [20, 15, 20], "eyes": [0, 0, 0]})
    replanned = replan(day, replanning(workload()))
    assert [o.decision.reason for o in replanned.outcomes] == [
        Reason.FIRST,
        Reason.NOTHING_SAVED,
        Reason.NOTHING_SAVED,
    ]
    assert replanned.course.gpu_hours == 3.0
    assert replanned.course.uses == (Use(0, 10_800, {"Halves": 1}),)


def test_growth_is_served_before_it_comes_and_counted_from_its_beginning() -> None:
    day = day_of({"chat": [20, 45], "eyes": [0, 0]})
    replanned = replan(day, replanning(workload()))
    grown = replanned.outcomes[1]
    assert grown.decision.reason is Reason.DEMAND
    assert grown.move is not None
    makespan_s = grown.move.transition.makespan_s
    assert makespan_s > 0
    assert grown.move.end_s == pytest.approx(3_600)
    assert grown.late_s == 0
    # One GPU until the move begins; both sides together are two GPUs, as is the target.
    assert replanned.course.gpu_hours == pytest.approx(
        (3_600 - makespan_s + 2 * (3_600 + makespan_s)) / 3_600
    )


def test_a_saving_begins_with_its_interval_and_counts_when_the_move_has_ended() -> None:
    day = day_of({"chat": [50, 20, 20], "eyes": [0, 0, 0]})
    replanned = replan(day, replanning(workload()))
    shrunk = replanned.outcomes[1]
    assert shrunk.decision.reason is Reason.SAVING
    assert shrunk.move is not None
    assert shrunk.move.begin_s == 3_600
    end_s = 3_600 + shrunk.move.transition.makespan_s
    assert replanned.course.gpu_hours == pytest.approx((2 * end_s + 10_800 - end_s) / 3_600)


def test_a_saving_that_the_move_eats_is_let_go() -> None:
    day = day_of({"chat": [50, 20, 50], "eyes": [0, 0, 0]}, length_s=60)
    replanned = replan(day, replanning(workload(), times="kubernetes"))
    assert [o.decision.reason for o in replanned.outcomes[1:]] == [
        Reason.TOO_DEAR,
        Reason.NOTHING_SAVED,
    ]
    assert replanned.course.gpu_hours == pytest.approx(2 * 180 / 3_600)


def test_a_stricter_factor_stays_where_a_looser_one_moves() -> None:
    day = day_of({"chat": [50, 20, 50], "eyes": [0, 0, 0]})
    moves = [
        len(replan(day, replanning(workload(), policy=Hysteresis(factor=f))).course.moves)
        for f in (1.0, 1e9)
    ]
    assert moves == [2, 0]


def test_a_suspended_service_is_left_out_and_comes_back() -> None:
    day = day_of({"chat": [20, 20, 20], "eyes": [25, 0, 25]})
    replanned = replan(day, replanning(workload()))
    assert [o.running.num_gpus for o in replanned.outcomes] == [2, 1, 2]
    assert list(replanned.outcomes[1].running.services) == ["chat"]


def test_all_services_may_be_suspended() -> None:
    day = day_of({"chat": [0, 20, 0], "eyes": [0, 5, 0]})
    replanned = replan(day, replanning(workload()))
    assert [o.running.num_gpus for o in replanned.outcomes] == [0, 2, 0]


def test_one_that_stays_is_stated_with_the_demand_of_its_interval() -> None:
    day = day_of({"chat": [20, 15], "eyes": [0, 0]})
    stayed = replan(day, replanning(workload(headroom=0.2))).outcomes[1].running
    assert stayed.services["chat"].rate_rps == 15
    assert stayed.services["chat"].required_rps == 18
    assert stayed.certificate is None


def test_growth_without_time_for_its_move_is_said_to_be_late() -> None:
    day = day_of({"chat": [20, 45], "eyes": [0, 0]}, length_s=10)
    grown = replan(day, replanning(workload(), times="kubernetes")).outcomes[1]
    assert grown.move is not None
    assert grown.move.begin_s == 0
    assert grown.late_s == pytest.approx(grown.move.transition.makespan_s - 10)


def test_an_interval_that_cannot_be_served_is_named_by_its_time() -> None:
    day = day_of({"chat": [20, 400], "eyes": [0, 0]})
    with pytest.raises(InputError, match=r"at 01:00: "):
        replan(day, replanning(workload(count=2)))


def test_the_alternatives_are_accounted_for_as_stated() -> None:
    day = day_of({"chat": [10, 30], "eyes": [10, 10]})
    whole, static, scratch = alternatives(day, replanning(workload()))
    assert whole.course is not None
    assert [use.num_gpus for use in whole.course.uses] == [2, 3]
    assert whole.course.gpu_hours == 5.0
    assert static.course is not None
    assert static.course.gpu_hours == 4.0
    assert scratch.course is not None
    assert scratch.course.gpu_hours >= 3.0


def test_an_alternative_that_the_fleet_cannot_hold_says_why() -> None:
    day = day_of({"chat": [25, 10], "eyes": [10, 25]})
    _, static, _ = alternatives(day, replanning(workload(count=1), times="direct"))
    assert static.course is None
    assert static.note


def test_what_lies_beyond_the_day_is_not_counted() -> None:
    day = day_of({"chat": [50, 20], "eyes": [0, 0]})
    replanned = replan(day, replanning(workload()))
    move = replanned.course.moves[0]
    late = move._replace(begin_s=7_200 - move.transition.makespan_s / 2)
    course = course_of(day, replanned.outcomes[0].running, [late])
    assert course.uses[-1].end_s == day.end_s
    assert course.gpu_hours == 4.0


def test_a_course_without_moves_has_the_gpus_of_every_interval() -> None:
    day = day_of({"chat": [1, 1]})
    course = still_course(day, [{"A": 2}, {"A": 1, "B": 1}])
    assert course.gpu_hours == 4.0
    assert course.price({"A": 1.0, "B": 3.0}) == 2.0 + 4.0
    assert course.peak_gpus == 2


def test_rates_are_compared_exactly() -> None:
    services = workload(headroom=0.1)
    setting = replanning(services)
    running = setting.planner.plain({"chat": 20.0, "eyes": 0.0})
    assert sum(micro_floor(i.rate_rps) for _, i in running.instances()) == 25_000_000
    assert gpus_in(running) == {"Halves": 1}
    edge = 25.0 / 1.1
    assert setting.planner.short({"chat": 22.72727, "eyes": 0.0}, running) == ()
    assert setting.planner.short({"chat": edge + 1e-5, "eyes": 0.0}, running) == ("chat",)
    assert setting.planner.short({"chat": 1.0, "eyes": 0.001}, running) == ("eyes",)


def no_order(_origin: Deployment, _wanted: Deployment) -> TransitionRequest:
    raise NoPlanError("no order of steps")


def test_a_saving_without_an_order_of_steps_is_let_go() -> None:
    day = day_of({"chat": [50, 20], "eyes": [0, 0]})
    replanned = replan(day, replace(replanning(workload()), request_of=no_order))
    assert replanned.outcomes[1].decision.reason is Reason.NO_ORDER
    assert replanned.outcomes[1].running.num_gpus == 2


def test_growth_without_an_order_of_steps_is_an_error_with_its_time() -> None:
    day = day_of({"chat": [20, 50], "eyes": [0, 0]})
    with pytest.raises(NoPlanError, match=r"^at 01:00: no order of steps$"):
        replan(day, replace(replanning(workload()), request_of=no_order))
