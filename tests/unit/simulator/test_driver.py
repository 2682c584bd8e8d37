"""A simulated cluster as a whole: one seed, one history; what its script brings about."""

from __future__ import annotations

from pathlib import Path

import pytest

from heddle.cluster.partition import Placement
from heddle.simulator.driver import SimulatedDriver
from heddle.simulator.durations import Durations, Exact
from heddle.simulator.faults import FaultScript, Loss, NodeFault
from heddle.simulator.history import History, Kind
from heddle.simulator.world import World
from simulated_clusters import (
    CREATE_S,
    DEPLOYMENT,
    SEARCH,
    STOP_S,
    TIMES,
    Cluster,
    cluster_here,
    create,
    destroy,
    start,
    stop,
)

FAULTS = """\
version: 1
faults:
  - {command: 2, fail: once}
  - {event: 3, deliver: late, late_s: 9}
  - {node: node-1, vanishes_at_s: 4, for_s: 20, loses: servers}
"""


def scripted(*faults: NodeFault) -> SimulatedDriver:
    script = FaultScript(nodes=faults)
    return SimulatedDriver(World.running(DEPLOYMENT), Durations(TIMES, Exact()), script)


def busy_hour(cluster: Cluster) -> History:
    """Ask a cluster for this and that, some of it before the answer to the rest."""
    cluster.submit(create("a", "gpu-1"))
    cluster.submit(stop("b", "gpu-0", SEARCH))
    cluster.submit(create("c", "gpu-2"))
    while events := cluster.wait(3600.0):
        for event in events:
            if event.command == "a":
                cluster.submit(start("d", "gpu-1"))
                cluster.submit(destroy("e", "gpu-1", Placement(0, "3g.40gb")))
    return cluster.history()


def test_one_seed_gives_one_history(tmp_path: Path) -> None:
    path = tmp_path / "faults.yaml"
    path.write_text(FAULTS, encoding="utf-8")
    histories = [busy_hour(cluster_here(path, seed=seed, variation=0.5)) for seed in (8, 8, 9)]
    assert histories[0] == histories[1]
    assert histories[0] != histories[2]
    assert {entry.kind for entry in histories[0].entries} > {Kind.FAILED, Kind.AWAY, Kind.BACK}


def test_whoever_asks_in_another_order_sees_the_same_durations() -> None:
    def ended(*names: str) -> dict[str, float]:
        cluster = cluster_here(seed=4, variation=0.5)
        commands = {"a": create("a", "gpu-1"), "b": create("b", "gpu-2"), "c": stop("c", "gpu-0")}
        for name in names:
            cluster.submit(commands[name])
        while cluster.wait(100.0):
            pass
        return {e.command.id: e.at_s for e in cluster.history().entries
                if e.command and e.kind is Kind.DONE}  # fmt: skip

    assert ended("a", "b", "c") == ended("c", "b", "a")


def test_history_tells_what_became_of_every_command() -> None:
    cluster = scripted(NodeFault("node-1", 2.0, 5.0))
    cluster.submit(create("a", "gpu-1"))
    cluster.submit(create("a", "gpu-1"))
    cluster.submit(destroy("b", "gpu-1"))
    cluster.submit(stop("c", "gpu-2", DEPLOYMENT.configurations[2].instances[0]))
    cluster.wait(0.0)
    cluster.wait(1.5)
    assert cluster.wait(3.0) == []
    cluster.submit(create("d", "gpu-2"))
    cluster.wait(20.0)
    told = [(e.at_s, e.kind.value, e.command.id if e.command else e.node)
            for e in cluster.history().entries]  # fmt: skip
    assert told == [
        (0.0, "issued", "a"),
        (0.0, "repeated", "a"),
        (0.0, "refused", "b"),
        (0.0, "issued", "c"),
        (CREATE_S, "done", "a"),
        (2.0, "away", "node-1"),
        (3.0, "lost", "d"),
        (STOP_S, "done", "c"),
        (STOP_S, "muted", "c"),
        (7.0, "back", "node-1"),
    ]


def test_absences_that_overlap_end_with_the_last() -> None:
    cluster = scripted(NodeFault("node-1", 1.0, 10.0), NodeFault("node-1", 5.0, 10.0))
    away = []
    for at_s in (0.5, 1.0, 5.0, 11.0, 14.9, 15.0):
        cluster.wait(at_s)
        away.append("node-1" in cluster.observe().unreachable)
    assert away == [False, True, True, True, True, False]


def test_a_node_may_be_away_from_the_beginning() -> None:
    cluster = scripted(NodeFault("node-0", 0.0, 1.0))
    assert cluster.observe().unreachable == {"node-0"}


def test_a_command_that_a_node_lost_does_not_end_a_second_time() -> None:
    cluster = scripted(NodeFault("node-0", 0.5, 0.0, Loss.INSTANCES))
    cluster.submit(create("a", "gpu-1"))
    cluster.submit(stop("b", "gpu-0"))
    assert cluster.wait(100.0) == []
    ends = [(e.command.id, e.kind) for e in cluster.history().entries
            if e.command and e.kind in (Kind.DONE, Kind.FAILED)]  # fmt: skip
    assert ends == [("a", Kind.FAILED), ("b", Kind.DONE)]


@pytest.mark.parametrize("floor_rps", [150.0, 149.999999])
def test_a_floor_that_was_kept_is_not_reported(floor_rps: float) -> None:
    cluster = scripted()
    cluster.submit(stop("b", "gpu-1"))
    assert cluster.history().below({"chat": floor_rps}) == []


def test_a_service_that_was_never_there_is_below_any_floor() -> None:
    assert scripted().history().below({"other": 1.0, "none": 0.0}) == [
        "other: 0.0 requests/s, its floor is 1.0"
    ]
