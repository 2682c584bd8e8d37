"""What the benchmark of the runtime says of its runs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from heddle.benchmarks.runtime_play import Run
from heddle.benchmarks.runtime_verdicts import figures_of, room_figures, waiting_figures
from heddle.benchmarks.runtime_workloads import WORKLOADS, disb
from heddle.runtime.simulated.facts import device_type
from heddle.workload.disb.workload import Continuous, Periodic, Poisson

_RUN = Run(
    device="MI50",
    workload="A",
    policy="rt-only",
    rt_mean_ms=5.0,
    rt_p99_ms=6.0,
    over_alone=0.0,
    rt_rps=100.0,
    be_rps=0.0,
    be_work_ms=0.0,
    preemptions=10,
    preemption_p50_us=20.0,
    preemption_p99_us=30.0,
    drained_p50_us=80.0,
    drained_p99_us=300.0,
    blocks_run=1000,
    blocks_lost=0,
    blocks_repeated=0,
    filled_rt=0.1,
    filled_be=0.2,
    filled_padding=0.1,
)


def test_targets_that_are_missed_are_told() -> None:
    runs = (
        _RUN,
        replace(_RUN, policy="reef", rt_mean_ms=5.2, preemption_p99_us=41.0, be_rps=20.0),
        replace(_RUN, policy="block-edge", blocks_lost=1),
    )
    missed = {figure.name for figure in figures_of(runs) if not figure.is_met}
    assert missed == {
        "sim:MI50 block-edge: blocks lost",
        "sim:MI50 A reef: real-time overhead",
        "sim:MI50 A reef: preemption p99",
    }


def test_an_order_of_policies_that_does_not_hold_is_told() -> None:
    runs = (_RUN, replace(_RUN, policy="reef", be_rps=-5.0))
    (order,) = [figure for figure in figures_of(runs) if "order" in figure.name]
    assert order.value == 0
    assert not order.is_met


def test_the_h200_leaves_more_room_beside_the_same_kernels() -> None:
    (figure,) = room_figures(device_type("MI50"), device_type("H200"))
    assert figure.is_met


def test_reef_n_is_compared_by_when_the_device_was_drained() -> None:
    shortest, longest = waiting_figures([_RUN, replace(_RUN, drained_p50_us=60.0)])
    assert shortest.value == 60
    assert longest.value == 300


def test_the_padding_is_set_against_the_time_of_real_time_work() -> None:
    assert _RUN.padding_share == pytest.approx(0.1 / (100 * 5.0 / 1000))


def test_workloads_are_those_of_disb() -> None:
    loads = {name: type(disb(name).real_time()[0].load) for name in WORKLOADS}
    assert loads == {"A": Periodic, "B": Continuous, "C": Periodic, "D": Periodic, "E": Poisson}
    sizes = {name: (len(disb(name).real_time()), len(disb(name).clients)) for name in WORKLOADS}
    assert sizes == {"A": (1, 2), "B": (1, 2), "C": (1, 6), "D": (5, 10), "E": (5, 10)}
