"""What every driver of nodes promises to an executor; each one is held to it.

The tests with ``any_host`` are held against the node agent too: its driver, its socket
and its processes are real, its devices and its router scripted. The others need time that
stands still, or let go wrong what only a script can.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from heddle.cluster.command import Action, Command
from heddle.cluster.event import Event, Outcome
from heddle.cluster.partition import Placement
from heddle.simulator.history import Kind
from heddle.simulator.socket_driver import SocketDriver
from scripted_node import agent_cluster
from simulated_clusters import (
    CHAT,
    CREATE_S,
    DEPLOYMENT,
    DESTROY_S,
    SEARCH,
    START_S,
    STOP_S,
    VISION,
    AnyHost,
    Cluster,
    ClusterProcess,
    carried_out,
    cluster_here,
    create,
    destroy,
    live,
    place_of,
    start,
    stop,
)

Opened = Callable[..., Cluster]


@pytest.fixture(params=["in this process", "in its own process"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opened]:
    """Open the small cluster, with the faults that are given as lines of YAML."""
    with ExitStack() as stack:

        def open_cluster(*faults: str) -> Cluster:
            path = None
            if faults:
                path = tmp_path / "faults.yaml"
                lines = "".join(f"  - {fault}\n" for fault in faults)
                path.write_text(f"version: 1\nfaults:\n{lines}", encoding="utf-8")
            if request.param == "in this process":
                return cluster_here(path)
            process = stack.enter_context(ClusterProcess(tmp_path, path))
            return stack.enter_context(SocketDriver(process.socket))

        yield open_cluster


@pytest.fixture(params=["in this process", "in its own process", "a node agent"])
def any_host(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[AnyHost]:
    """The small cluster; of the node agent only its first node."""
    if request.param == "a node agent":
        with agent_cluster(tmp_path, DEPLOYMENT, "node-0") as driver:
            yield driver
    elif request.param == "in this process":
        yield cluster_here()
    else:
        with ClusterProcess(tmp_path) as process, SocketDriver(process.socket) as driver:
            yield driver


def test_what_runs_at_the_beginning_is_observed_with_its_traffic(opened: Opened) -> None:
    cluster = opened()
    snapshot = cluster.observe()
    assert snapshot.ready_rps() == {"chat": 300.0, "vision": 221.0, "search": 60.0}
    assert snapshot.deployment(DEPLOYMENT.services) == DEPLOYMENT
    assert (snapshot.unreachable, snapshot.in_progress) == (frozenset(), frozenset())


def test_an_instance_is_seen_when_it_is_made_and_in_progress_until_then(opened: Opened) -> None:
    cluster = opened()
    cluster.submit(create("a", "gpu-1"))
    before = cluster.observe()
    assert live(before, "gpu-1") is None
    assert before.in_progress == {"a"}
    [event] = cluster.wait(10.0)
    assert (event.command, event.outcome, event.at_s) == ("a", Outcome.DONE, CREATE_S)
    after = cluster.observe()
    made = live(after, "gpu-1")
    assert made is not None
    assert (made.serving, made.is_ready, bool(made.uuid)) == (None, False, True)
    assert after.in_progress == frozenset()


def test_an_instance_takes_its_slots_from_the_issue_of_its_create(opened: Opened) -> None:
    cluster = opened()
    cluster.submit(create("a", "gpu-1"))
    cluster.submit(create("b", "gpu-1", Placement(4, "3g.40gb")))
    [event] = cluster.wait(CREATE_S / 2)
    assert (event.command, event.outcome, event.is_retryable) == ("b", Outcome.REFUSED, False)


def test_a_server_has_no_traffic_until_its_start_is_done(opened: Opened) -> None:
    cluster = opened()
    carried_out(cluster, create("a", "gpu-1"))
    cluster.submit(start("b", "gpu-1"))
    starting = live(cluster.observe(), "gpu-1")
    assert starting is not None
    assert (starting.serving, starting.is_ready) == (SEARCH, False)
    assert cluster.observe().ready_rps()["search"] == 60.0
    [event] = cluster.wait(100.0)
    assert (event.outcome, event.at_s) == (Outcome.DONE, CREATE_S + START_S)
    assert cluster.observe().ready_rps()["search"] == 120.0


def test_traffic_is_gone_when_a_stop_is_issued_and_the_server_when_it_is_done(
    opened: Opened,
) -> None:
    cluster = opened()
    cluster.submit(stop("a", "gpu-1"))
    draining = live(cluster.observe(), "gpu-1", place_of(CHAT))
    assert draining is not None
    assert (draining.serving, draining.is_ready) == (CHAT, False)
    assert cluster.observe().ready_rps()["chat"] == 150.0
    [event] = cluster.wait(100.0)
    assert (event.outcome, event.at_s) == (Outcome.DONE, STOP_S)
    stopped = live(cluster.observe(), "gpu-1", place_of(CHAT))
    assert stopped is not None
    assert stopped.serving is None


def test_an_instance_is_there_until_its_destroy_is_done(opened: Opened) -> None:
    cluster = opened()
    carried_out(cluster, create("a", "gpu-1"))
    cluster.submit(destroy("b", "gpu-1"))
    assert live(cluster.observe(), "gpu-1") is not None
    [event] = cluster.wait(100.0)
    assert (event.outcome, event.at_s) == (Outcome.DONE, CREATE_S + DESTROY_S)
    assert live(cluster.observe(), "gpu-1") is None


def test_an_instance_that_is_made_anew_is_another_one(any_host: AnyHost) -> None:
    carried_out(any_host, create("a", "gpu-1"))
    first = live(any_host.observe(), "gpu-1")
    carried_out(any_host, destroy("b", "gpu-1"), create("c", "gpu-1"))
    second = live(any_host.observe(), "gpu-1")
    assert first is not None
    assert second is not None
    assert first.uuid != second.uuid


def test_a_server_may_be_replaced_without_touching_its_instance(any_host: AnyHost) -> None:
    before = live(any_host.observe(), "gpu-1", place_of(CHAT))
    other = CHAT._replace(service="search", batch=1)
    carried_out(any_host, stop("a", "gpu-1"), start("b", "gpu-1", other))
    after = live(any_host.observe(), "gpu-1", place_of(CHAT))
    assert before is not None
    assert after is not None
    assert (after.uuid, after.serving, after.is_ready) == (before.uuid, other, True)


def test_a_command_that_runs_is_not_begun_again(opened: Opened) -> None:
    cluster = opened()
    for _ in range(3):
        cluster.submit(create("a", "gpu-1"))
    assert [event.command for event in cluster.wait(100.0)] == ["a"]
    assert cluster.wait(100.0) == []
    assert len(cluster.history().commands(Kind.ISSUED)) == 1


def test_a_command_that_has_ended_sends_its_event_again_when_it_is_repeated(
    any_host: AnyHost,
) -> None:
    [first] = carried_out(any_host, create("a", "gpu-1"))
    carried_out(any_host, destroy("b", "gpu-1"))
    [again] = carried_out(any_host, create("a", "gpu-1"))
    assert again == first
    assert live(any_host.observe(), "gpu-1") is None


def test_a_refusal_is_said_again_when_its_command_is_repeated(any_host: AnyHost) -> None:
    [first] = carried_out(any_host, destroy("a", "gpu-1"))
    carried_out(any_host, create("b", "gpu-1"))
    assert carried_out(any_host, destroy("a", "gpu-1")) == [first]
    assert first.outcome is Outcome.REFUSED


def test_waiting_for_nothing_ends_at_the_deadline(opened: Opened) -> None:
    cluster = opened()
    assert cluster.wait(12.5) == []
    assert cluster.clock.now_s() == 12.5


def test_waiting_never_ends_before_its_time_without_an_event(any_host: AnyHost) -> None:
    until_s = any_host.clock.now_s() + 0.05
    assert list(any_host.wait(until_s)) == []
    assert any_host.clock.now_s() >= until_s
    assert list(any_host.wait(until_s - 1.0)) == []


def test_every_change_of_an_instance_is_seen_once_its_event_has_come(any_host: AnyHost) -> None:
    before = any_host.observe()
    steps = [create("a", "gpu-1"), start("b", "gpu-1"), stop("c", "gpu-1", SEARCH)]
    seen = []
    for step in steps:
        [event] = carried_out(any_host, step)
        assert (event.command, event.outcome) == (step.id, Outcome.DONE)
        snapshot = any_host.observe()
        found = live(snapshot, "gpu-1")
        assert found is not None
        assert snapshot.in_progress == frozenset()
        seen.append((found.serving, found.is_ready))
    assert seen == [(None, False), (SEARCH, True), (None, False)]
    assert [e.outcome for e in carried_out(any_host, destroy("d", "gpu-1"))] == [Outcome.DONE]
    assert any_host.observe() == before


def test_waiting_ends_before_an_event_that_comes_after_the_deadline(opened: Opened) -> None:
    cluster = opened()
    cluster.submit(create("a", "gpu-1"))
    assert cluster.wait(CREATE_S - 0.5) == []
    assert cluster.clock.now_s() == CREATE_S - 0.5
    assert len(cluster.wait(CREATE_S)) == 1


def test_waiting_for_what_is_past_does_not_turn_the_clock_back(opened: Opened) -> None:
    cluster = opened()
    cluster.wait(10.0)
    assert cluster.wait(3.0) == []
    assert cluster.clock.now_s() == 10.0


def test_events_come_in_the_order_of_their_times_and_the_clock_shows_them(
    opened: Opened,
) -> None:
    cluster = opened()
    carried_out(cluster, create("z", "gpu-1"))
    cluster.submit(start("slow", "gpu-1"))
    cluster.submit(stop("middle", "gpu-0"))
    cluster.submit(create("quick", "gpu-2"))
    cluster.submit(create("quick too", "gpu-2", Placement(0, "1g.10gb")))
    heard: list[Event] = []
    while events := cluster.wait(1000.0):
        assert {event.at_s for event in events} == {cluster.clock.now_s()}
        heard.extend(events)
    assert [event.command for event in heard] == ["quick", "quick too", "middle", "slow"]
    assert [event.at_s for event in heard] == sorted(event.at_s for event in heard)


def test_waiting_for_ever_is_a_mistake(any_host: AnyHost) -> None:
    for until_s in (math.inf, math.nan):
        with pytest.raises(ValueError, match="finite"):
            any_host.wait(until_s)


#: What is asked of the cluster at the beginning, whether a retry may help, and why not.
REFUSED = {
    "an overlap": (create("x", "gpu-0", Placement(4, "1g.10gb")), False, "overlaps"),
    "what exists": (create("x", "gpu-1", place_of(CHAT)), False, "exists already"),
    "too many of it": (create("x", "gpu-1", Placement(0, "7g.80gb")), False, "overlaps"),
    "a start that is none": (create("x", "gpu-1", Placement(5, "2g.20gb")), False, "may start at"),
    "no such profile": (create("x", "gpu-1", Placement(4, "2g.21gb")), False, "no profile"),
    "a destroy in use": (destroy("x", "gpu-1", place_of(CHAT)), True, "in use: chat"),
    "a destroy of nothing": (destroy("x", "gpu-1"), False, "there is no"),
    "a start on nothing": (start("x", "gpu-1"), False, "there is no"),
    "a second server": (start("x", "gpu-1", CHAT), False, "serves already: chat"),
    "a stop of another": (stop("x", "gpu-1", CHAT._replace(service="x")), False, "but chat"),
    "a stop of nothing": (stop("x", "gpu-1", VISION), False, "there is no"),
    "a create with a service": (
        replace(create("x", "gpu-1"), serving=SEARCH),
        False,
        "takes no service",
    ),
    "a start of nothing": (
        Command("x", Action.START, "node-0", "gpu-1", place_of(CHAT)),
        False,
        "needs a service",
    ),
    "a service for elsewhere": (
        replace(start("x", "gpu-1"), placement=place_of(CHAT)),
        False,
        "another placement",
    ),
    "a GPU of another node": (replace(create("x", "gpu-1"), node="node-1"), False, "no GPU"),
    "no such node": (replace(create("x", "gpu-1"), node="node-7"), False, "no node 'node-7'"),
}


def test_what_cannot_be_is_refused_at_once_and_changes_nothing(any_host: AnyHost) -> None:
    before, begun_s = any_host.observe(), any_host.clock.now_s()
    for case, (command, is_retryable, reason) in REFUSED.items():
        any_host.submit(replace(command, id=case))
        [event] = any_host.wait(any_host.clock.now_s())
        assert (event.command, event.outcome) == (case, Outcome.REFUSED)
        assert begun_s <= event.at_s <= any_host.clock.now_s()
        assert (event.is_retryable, reason in event.message) == (is_retryable, True), event
    assert any_host.observe() == before


def test_what_is_busy_may_be_asked_again_later(opened: Opened) -> None:
    cluster = opened()
    cluster.submit(create("a", "gpu-1"))
    cluster.submit(start("early", "gpu-1"))
    [early] = cluster.wait(0.0)
    cluster.wait(100.0)
    cluster.submit(destroy("b", "gpu-1"))
    cluster.submit(create("while it leaves", "gpu-1"))
    cluster.submit(create("in its place", "gpu-1", Placement(4, "3g.40gb")))
    events = [early, *cluster.wait(cluster.clock.now_s())]
    assert [event.outcome for event in events] == [Outcome.REFUSED] * 3
    assert all(event.is_retryable for event in events)
    cluster.wait(100.0)
    [event] = carried_out(cluster, create("later", "gpu-1", Placement(4, "3g.40gb")))
    assert event.outcome is Outcome.DONE


def test_a_service_that_comes_later_had_nothing_at_the_beginning(opened: Opened) -> None:
    cluster = opened()
    later = SEARCH._replace(service="later")
    carried_out(cluster, create("a", "gpu-1"), start("b", "gpu-1", later))
    assert cluster.history().rates["later"] == ((0.0, 0.0), (CREATE_S + START_S, 60.0))


def test_the_rate_of_every_service_is_known_for_every_moment(opened: Opened) -> None:
    cluster = opened()
    carried_out(cluster, stop("a", "gpu-1"), start("b", "gpu-1", CHAT))
    history = cluster.history()
    assert history.rates["chat"] == ((0.0, 300.0), (0.0, 150.0), (STOP_S + START_S, 300.0))
    assert history.least_rps() == {"chat": 150.0, "vision": 221.0, "search": 60.0}
    assert history.below({"chat": 150.0, "vision": 221.0}) == []
    assert history.below({"chat": 150.000001}) == [
        "chat: 150.0 requests/s, its floor is 150.000001"
    ]


# Faults


def test_a_node_that_has_vanished_is_named_and_nothing_is_known_of_it(opened: Opened) -> None:
    cluster = opened("{node: node-1, vanishes_at_s: 5, for_s: 10}")
    cluster.submit(create("runs on", "gpu-2"))
    cluster.wait(1.0)
    cluster.submit(start("b", "gpu-2"))
    cluster.wait(5.0)
    snapshot = cluster.observe()
    assert snapshot.unreachable == {"node-1"}
    assert {state.gpu.node for state in snapshot.gpus} == {"node-0"}
    assert snapshot.in_progress == frozenset()


def test_what_is_sent_to_a_node_that_has_vanished_is_lost_and_may_be_sent_again(
    opened: Opened,
) -> None:
    cluster = opened("{node: node-1, vanishes_at_s: 0, for_s: 10}")
    cluster.submit(create("a", "gpu-2"))
    assert cluster.wait(10.0) == []
    assert live(cluster.observe(), "gpu-2") is None
    assert cluster.wait(100.0) == []
    [event] = carried_out(cluster, create("a", "gpu-2"))
    assert event.outcome is Outcome.DONE


def test_what_runs_on_a_node_that_vanishes_goes_on_but_its_event_does_not_come(
    opened: Opened,
) -> None:
    cluster = opened("{node: node-1, vanishes_at_s: 0.5, for_s: 10}")
    cluster.submit(create("a", "gpu-2"))
    assert cluster.wait(20.0) == []
    assert live(cluster.observe(), "gpu-2") is not None
    [event] = carried_out(cluster, create("a", "gpu-2"))
    assert (event.outcome, event.at_s) == (Outcome.DONE, CREATE_S)
    assert cluster.observe().ready_rps()["vision"] == 221.0


def test_a_node_that_loses_its_servers_keeps_its_instances(opened: Opened) -> None:
    cluster = opened("{node: node-0, vanishes_at_s: 3, for_s: 10, loses: servers}")
    before = {(gpu.id, i.placement, i.uuid) for gpu, i in cluster.observe().live()}
    carried_out(cluster, create("a", "gpu-1"))
    cluster.submit(start("b", "gpu-1"))
    cluster.submit(stop("c", "gpu-0"))
    cluster.wait(20.0)
    snapshot = cluster.observe()
    assert snapshot.ready_rps() == {"vision": 110.5}
    assert {i.serving for gpu, i in snapshot.live() if gpu.node == "node-0"} == {None}
    assert before < {(gpu.id, i.placement, i.uuid) for gpu, i in snapshot.live()}
    outcomes = [
        e.outcome
        for c in (start("b", "gpu-1"), stop("c", "gpu-0"))
        for e in carried_out(cluster, c)
    ]
    assert outcomes == [Outcome.FAILED, Outcome.DONE]
    assert cluster.history().least_rps()["chat"] == 0.0


def test_a_node_that_loses_its_instances_comes_back_empty(opened: Opened) -> None:
    cluster = opened("{node: node-0, vanishes_at_s: 0.5, for_s: 10, loses: instances}")
    cluster.submit(create("a", "gpu-1"))
    cluster.wait(20.0)
    snapshot = cluster.observe()
    assert {gpu.node for gpu, _ in snapshot.live()} == {"node-1"}
    assert [state.gpu.id for state in snapshot.gpus] == ["gpu-0", "gpu-1", "gpu-2"]
    assert snapshot.ready_rps() == {"vision": 110.5}
    [event] = carried_out(cluster, create("b", "gpu-1", Placement(0, "7g.80gb")))
    assert event.outcome is Outcome.DONE


def test_an_event_that_is_lost_comes_when_its_command_is_repeated(opened: Opened) -> None:
    cluster = opened("{event: 2, deliver: lost}")
    cluster.submit(create("a", "gpu-1"))
    cluster.submit(create("b", "gpu-2"))
    assert [event.command for event in cluster.wait(100.0)] == ["a"]
    assert cluster.wait(100.0) == []
    assert live(cluster.observe(), "gpu-2") is not None
    assert [event.command for event in carried_out(cluster, create("b", "gpu-2"))] == ["b"]


def test_an_event_may_come_twice_and_late(opened: Opened) -> None:
    cluster = opened(
        "{command: 1, deliver: twice, late_s: 7}", "{command: 2, deliver: late, late_s: 3}"
    )
    cluster.submit(create("a", "gpu-1"))
    cluster.submit(create("b", "gpu-2"))
    heard: list[tuple[float, str, float]] = []
    while events := cluster.wait(100.0):
        heard += [(cluster.clock.now_s(), e.command, e.at_s) for e in events]
    assert heard == [
        (CREATE_S, "a", CREATE_S),
        (CREATE_S + 3, "b", CREATE_S),
        (CREATE_S + 7, "a", CREATE_S),
    ]


def test_a_step_that_fails_leaves_everything_as_it_was(opened: Opened) -> None:
    faults = [f"{{step: {step}, fail: once, message: broken}}" for step in range(4)]
    cluster = opened(*faults)
    digest = "0123456789ab"
    start_elsewhere = start(f"{digest}/2/0", "gpu-1")
    failing = [
        create(f"{digest}/0/0", "gpu-2"),
        stop(f"{digest}/1/0", "gpu-1"),
        start_elsewhere,
        destroy(f"{digest}/3/0", "gpu-1"),
    ]
    carried_out(cluster, create("ready", "gpu-1"))
    before = cluster.observe()
    events = carried_out(cluster, *failing)
    assert [event.outcome for event in events] == [Outcome.FAILED] * 4
    assert {(event.message, event.is_retryable) for event in events} == {("broken", True)}
    assert cluster.observe() == before
    again = create(f"{digest}/0/1", "gpu-2")
    assert [event.outcome for event in carried_out(cluster, again)] == [Outcome.DONE]


def test_a_step_may_fail_for_some_attempts_or_for_good(opened: Opened) -> None:
    cluster = opened(
        "{step: 4, fail: 2, retry_after_s: 8}", "{step: 5, refuse: always, retryable: false}"
    )
    digest = "0123456789ab"
    some = [create(f"{digest}/4/{attempt}", "gpu-1") for attempt in range(3)]
    events = carried_out(cluster, *some)
    assert [event.outcome.value for event in events] == ["failed", "failed", "done"]
    assert [event.retry_after_s for event in events] == [8.0, 8.0, None]
    never = [create(f"{digest}/5/{attempt}", "gpu-2") for attempt in range(5)]
    refused = carried_out(cluster, *never)
    assert {(event.outcome, event.is_retryable) for event in refused} == {(Outcome.REFUSED, False)}
    assert live(cluster.observe(), "gpu-2") is None


def test_a_script_speaks_of_the_steps_of_the_first_transition_only(opened: Opened) -> None:
    cluster = opened("{step: 1, fail: always}")
    events = carried_out(
        cluster,
        create("0123456789ab/0/0", "gpu-1"),
        create("aaaaaaaaaaaa/1/0", "gpu-2"),
        create("0123456789ab/1/0", "gpu-2", Placement(0, "1g.10gb")),
    )
    assert [event.outcome.value for event in events] == ["done", "done", "failed"]
