"""The walk over all points: what is measured, left out, and said."""

import asyncio

import pytest

from heddle.errors import HostError
from heddle.serving.profiler.bench import Network
from heddle.serving.profiler.campaign import Outcome, Plan, profile
from heddle.serving.profiler.samples import Precision
from scripted_bench import Script, ScriptedBench

PRECISION = Precision(least_s=0.05, most_s=0.05, warm_up_s=0.0)


def plan(*, with_neighbour: bool = False, batches: tuple[int, ...] = (1, 2)) -> Plan:
    networks = [Network("one", "zoo:one"), Network("two", "zoo:two")]
    return Plan(networks, ["1c", "2c"], batches, [1], PRECISION, 0, with_neighbour)


def outcome(bench: ScriptedBench, wanted: Plan, said: list[str] | None = None) -> Outcome:
    async def run() -> Outcome:
        try:
            tell = [] if said is None else said
            return await profile(bench, wanted, lambda text, _done, _all: tell.append(text))
        finally:
            await bench.close()

    return asyncio.run(run())


def test_every_point_is_measured_once_and_the_profile_changes_fastest() -> None:
    bench, said = ScriptedBench(Script()), list[str]()
    found = outcome(bench, plan(), said)
    assert len(found.measurements) == 8
    assert [case.profile for case in bench.started] == ["1c", "2c"] * 4
    assert said[:2] == ["one on 1c, batch 1", "one on 2c, batch 1"]
    ordered = [(m.case.network.name, m.case.profile, m.case.batch) for m in found.measurements]
    assert ordered == sorted(ordered)


def test_a_measurement_has_rate_latency_and_memory() -> None:
    found = outcome(ScriptedBench(Script()), plan(batches=(1,)))
    first = found.measurements[0]
    assert first.rate_rps > 0
    assert first.engine_ms == 1.5
    assert first.memory_mib == 12.5
    assert first.p50_ms <= first.p99_ms


def test_a_profile_that_is_refused_is_left_out_with_its_reason() -> None:
    found = outcome(ScriptedBench(Script(refusals={"1c": "too small"})), plan())
    assert {one.case.profile for one in found.measurements} == {"2c"}
    assert {one.reason for one in found.left_out} == {"too small"}


def test_a_network_that_does_not_batch_is_left_out_beyond_single_requests() -> None:
    found = outcome(ScriptedBench(Script(batch_size=1)), plan())
    assert {one.case.batch for one in found.measurements} == {1}
    assert all("only 0% of the requests" in one.reason for one in found.left_out)


def test_an_instance_that_fails_requests_is_left_out() -> None:
    script = Script(fails_after=2)
    with pytest.raises(HostError, match=r"no point could be measured: .*status 500"):
        outcome(ScriptedBench(script), plan())


def test_neighbours_come_and_go_in_turn_beside_the_smallest_profile() -> None:
    bench = ScriptedBench(Script())
    found = outcome(bench, plan(with_neighbour=True))
    assert found.neighbour is not None
    assert found.neighbour.case.profile == "1c"
    assert found.neighbour.case.batch == 2
    assert bench.steps == ["occupy", "release"] * (len(bench.steps) // 2)


def test_a_device_without_room_has_no_neighbours_and_says_so() -> None:
    found = outcome(ScriptedBench(Script(has_room=False)), plan(with_neighbour=True))
    assert found.neighbour is None
    assert "no room" in found.neighbour_reason
