"""Virtual time that keeps pace with real time; here both are moved by hand."""

from __future__ import annotations

import pytest

from heddle.cli.pacing import PacedDriver, RealTime, real_time
from heddle.clock import ManualClock, WallClock
from heddle.transition.node_driver import NodeDriver
from simulated_clusters import CREATE_S, START_S, cluster_here, create, live, start


class Patience:
    """A real world whose time passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.clock = ManualClock(1000.0)
        self.slept_s: list[float] = []
        self.num_slices = 0

    def sleep_s(self, seconds: float) -> None:
        self.slept_s.append(seconds)
        self.clock.advance(seconds)

    def count(self) -> None:
        self.num_slices += 1


def paced(speed: float) -> tuple[PacedDriver, ManualClock | object, Patience]:
    cluster, patience = cluster_here(), Patience()
    real = RealTime(patience.clock, patience.sleep_s)
    return PacedDriver(cluster, cluster.clock, speed, real, patience.count), cluster, patience


@pytest.mark.parametrize("speed", [0.5, 1.0, 10.0, 1000.0])
def test_real_time_passes_as_virtual_time_does(speed: float) -> None:
    driver, _, patience = paced(speed)
    assert driver.wait(60.0) == []
    assert sum(patience.slept_s) == pytest.approx(60.0 / speed)
    assert patience.clock.now_s() == pytest.approx(1000.0 + 60.0 / speed)


def test_an_event_comes_when_it_is_its_time() -> None:
    driver, _, patience = paced(2.0)
    driver.submit(create("a", "gpu-1"))
    [event] = driver.wait(100.0)
    assert (event.command, event.at_s) == ("a", CREATE_S)
    driver.submit(start("b", "gpu-1"))
    assert [event.command for event in driver.wait(100.0)] == ["b"]
    assert sum(patience.slept_s) == pytest.approx((CREATE_S + START_S) / 2.0)
    assert live(driver.observe(), "gpu-1") is not None


def test_the_screen_is_refreshed_ten_times_a_second() -> None:
    driver, _, patience = paced(5.0)
    driver.wait(50.0)
    assert patience.num_slices == pytest.approx(100, abs=1)


def test_time_that_was_spent_otherwise_is_not_slept_again() -> None:
    patience = Patience()
    cluster = cluster_here()

    class Slow:
        """A driver that takes real time itself."""

        observe = staticmethod(cluster.observe)
        submit = staticmethod(cluster.submit)

        @staticmethod
        def wait(until_s: float) -> object:
            patience.clock.advance(0.04)
            return cluster.wait(until_s)

    slow: NodeDriver = Slow()  # type: ignore[assignment]  # wait returns what the cluster does
    driver = PacedDriver(slow, cluster.clock, 1.0, RealTime(patience.clock, patience.sleep_s))
    driver.wait(1.0)
    assert patience.clock.now_s() == pytest.approx(1001.0, abs=0.05)
    assert sum(patience.slept_s) == pytest.approx(0.6, abs=0.05)


def test_the_real_world_is_this_machines() -> None:
    real = real_time()
    before_s = real.clock.now_s()
    real.sleep_s(0.0)
    assert isinstance(real.clock, WallClock)
    assert real.clock.now_s() >= before_s
