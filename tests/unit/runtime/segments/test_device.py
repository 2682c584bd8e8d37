"""The segment device: who runs when, and what happens when a step fails or never ends."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from devices import wait_until
from heddle.errors import HostError
from heddle.runtime.segments.device import SegmentDevice, SegmentOptions
from heddle.runtime.segments.lane import Lane, Step

_DEADLINE_S = 20.0


class Log:
    """What ran, in its order; steps that wait until they are let go."""

    def __init__(self) -> None:
        self.ran: list[str] = []
        self.gates: dict[str, threading.Event] = {}

    def step(self, name: str) -> Step:
        def run() -> None:
            self.ran.append(name)
            gate = self.gates.get(name)
            if gate is not None:
                assert gate.wait(_DEADLINE_S)

        return run

    def steps(self, name: str, count: int) -> list[Step]:
        return [self.step(f"{name}{index}") for index in range(count)]

    def hold(self, name: str) -> threading.Event:
        return self.gates.setdefault(name, threading.Event())


@pytest.fixture
def device() -> Iterator[SegmentDevice]:
    """A device that waits for best-effort steps as long as they take."""
    opened = SegmentDevice(SegmentOptions(patience_s=_DEADLINE_S))
    yield opened
    opened.close()


@pytest.fixture
def start() -> Iterator[Callable[[Lane, list[Step]], Future[None]]]:
    """Run tasks in threads."""
    with ThreadPoolExecutor(8) as threads:
        yield lambda lane, steps: threads.submit(lane.run, steps)


Start = Callable[[Lane, list[Step]], Future[None]]


def test_real_time_work_begins_at_the_next_edge_and_best_effort_goes_on_there(
    device: SegmentDevice, start: Start
) -> None:
    log = Log()
    inside = log.hold("be1")
    best_effort = device.best_effort_lane("be", 4)
    guest = start(best_effort, log.steps("be", 4))
    wait_until(lambda: "be1" in log.ran, "the second step runs")
    host = start(device.real_time_lane("rt"), log.steps("rt", 1))
    wait_until(lambda: device.figures().lanes[1].state == "waits", "real-time work waits")
    inside.set()
    host.result(_DEADLINE_S)
    guest.result(_DEADLINE_S)
    assert log.ran == ["be0", "be1", "rt0", "be2", "be3"]
    (be, rt) = device.figures().lanes
    assert (be.num_tasks, be.num_steps, be.num_evictions) == (1, 4, 1)
    assert (rt.num_tasks, rt.num_steps) == (1, 1)
    assert device.figures().num_preemptions == 1


def test_best_effort_work_waits_as_long_as_real_time_work_is_there(
    device: SegmentDevice, start: Start
) -> None:
    log = Log()
    inside = log.hold("rt0")
    host = start(device.real_time_lane("rt"), log.steps("rt", 1))
    wait_until(lambda: "rt0" in log.ran, "real-time work runs")
    guest = start(device.best_effort_lane("be", 2), log.steps("be", 2))
    other = start(device.real_time_lane("rt"), log.steps("other", 1))
    other.result(_DEADLINE_S)
    assert device.figures().holders == ("rt",)
    assert log.ran == ["rt0", "other0"], "two workers of one service run side by side"
    inside.set()
    host.result(_DEADLINE_S)
    guest.result(_DEADLINE_S)
    assert log.ran == ["rt0", "other0", "be0", "be1"]


def test_two_guests_never_run_at_a_time(device: SegmentDevice, start: Start) -> None:
    running, most = 0, 0
    lock = threading.Lock()

    def step() -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        threading.Event().wait(0.001)
        with lock:
            running -= 1

    lanes = [device.best_effort_lane(name, 3) for name in ("a", "b", "c")]
    for _ in range(5):
        for ended in [start(lane, [step] * 3) for lane in lanes]:
            ended.result(_DEADLINE_S)
    assert most == 1
    assert [lane.num_steps for lane in device.figures().lanes] == [15, 15, 15]


def test_a_step_that_fails_ends_its_task_only(device: SegmentDevice) -> None:
    log = Log()
    lane = device.best_effort_lane("be", 3)

    def fail() -> None:
        raise HostError("the network failed")

    with pytest.raises(HostError, match="the network failed"):
        lane.run([log.step("a"), fail, log.step("never")])
    device.real_time_lane("rt").run(log.steps("rt", 1))
    lane.run(log.steps("be", 3))
    assert log.ran == ["a", "rt0", "be0", "be1", "be2"]


def test_a_step_that_does_not_end_holds_real_time_work_up_no_longer_than_the_device_is_patient(
    start: Start,
) -> None:
    device = SegmentDevice(SegmentOptions(patience_s=0.02))
    log = Log()
    inside = log.hold("be0")
    guest = start(device.best_effort_lane("be", 2), log.steps("be", 2))
    wait_until(lambda: "be0" in log.ran, "the step runs")
    start(device.real_time_lane("rt"), log.steps("rt", 1)).result(_DEADLINE_S)
    assert device.figures().num_overruns == 1
    assert device.figures().holders == ("be",)
    inside.set()
    guest.result(_DEADLINE_S)
    assert log.ran == ["be0", "rt0", "be1"]
    device.close()


def test_a_lane_that_was_given_back_is_used_again(device: SegmentDevice) -> None:
    log = Log()
    for number in range(100):
        lane = device.best_effort_lane(f"guest {number}", 4)
        lane.run(log.steps("be", 4))
        lane.close()
    assert device.figures().lanes == ()
    assert len(log.ran) == 400


def test_who_waits_when_the_device_is_closed_is_told(start: Start) -> None:
    device = SegmentDevice(SegmentOptions(patience_s=_DEADLINE_S))
    log = Log()
    inside = log.hold("rt0")
    host = start(device.real_time_lane("rt"), log.steps("rt", 1))
    wait_until(lambda: "rt0" in log.ran, "real-time work runs")
    guest = start(device.best_effort_lane("be", 2), log.steps("be", 2))
    wait_until(lambda: device.figures().lanes[1].state == "waits", "the guest waits")
    device.close()
    with pytest.raises(HostError, match="was closed"):
        guest.result(_DEADLINE_S)
    inside.set()
    host.result(_DEADLINE_S)


def test_a_task_has_as_many_steps_as_its_lane(device: SegmentDevice) -> None:
    with pytest.raises(ValueError, match="takes 2 steps, not 3"):
        device.best_effort_lane("be", 2).run(Log().steps("be", 3))
