"""Laws of the simulated cluster: whatever it is asked, it stays what hardware could be."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from heddle.cluster.catalogue import builtin_catalogue
from heddle.cluster.command import Action, Command
from heddle.cluster.deployment import PlannedInstance
from heddle.cluster.event import Outcome
from heddle.cluster.partition import Placement, legal_partition
from heddle.simulator.driver import SimulatedDriver
from heddle.simulator.durations import Durations, distribution_of
from heddle.simulator.faults import (
    CommandFault,
    Delivery,
    EventFault,
    FaultScript,
    Loss,
    NodeFault,
    Which,
)
from heddle.simulator.history import Kind
from heddle.simulator.world import World
from simulated_clusters import CHAT, DEPLOYMENT, NODE_OF, SEARCH, TIMES, VISION, place_of

A100 = builtin_catalogue().get("A100-80GB")
PLACEMENTS = sorted(
    {
        *map(place_of, (CHAT, SEARCH, VISION)),
        Placement(4, "3g.40gb"),
        Placement(0, "1g.10gb"),
        Placement(0, "7g.80gb"),
        Placement(6, "1g.10gb+me"),
    }
)


def serving(service: str, placement: Placement) -> PlannedInstance:
    return PlannedInstance(placement.profile, placement.start, service, 1, 1, 10.0, 5.0)


@st.composite
def requests(draw: st.DrawFn) -> Command:
    action = draw(st.sampled_from(Action))
    gpu = draw(st.sampled_from(sorted(NODE_OF)))
    planned = None
    placement = draw(st.sampled_from(PLACEMENTS))
    if action in (Action.START, Action.STOP):
        mine = serving(draw(st.sampled_from(["chat", "search"])), placement)
        planned = draw(st.sampled_from([CHAT, SEARCH, VISION, mine]))
        placement = place_of(planned)
    served = planned.service if planned else "nothing"
    name = f"{action.value} {served} {placement} {gpu}, time {draw(st.integers(1, 2))}"
    return Command(name, action, NODE_OF[gpu], gpu, placement, planned)


_seconds = st.floats(0.0, 60.0)
_nodes = st.sampled_from(["node-0", "node-1"])
_whiches = st.integers(1, 8).map(lambda n: Which(command=n))
faults = st.builds(
    FaultScript,
    commands=st.lists(
        st.builds(CommandFault, _whiches, st.sampled_from([Outcome.FAILED, Outcome.REFUSED])),
        max_size=3,
    ).map(tuple),
    events=st.lists(
        st.builds(EventFault, _whiches, st.sampled_from(Delivery), _seconds), max_size=3
    ).map(tuple),
    nodes=st.lists(
        st.builds(NodeFault, _nodes, _seconds, _seconds, st.sampled_from(Loss)),
        max_size=2,
    ).map(tuple),
)


@settings(max_examples=300, deadline=None)
@given(
    asked=st.lists(st.tuples(requests(), st.floats(0.0, 20.0)), max_size=40),
    script=faults,
    variation=st.sampled_from([0.0, 0.4]),
)
def test_whatever_is_asked_partitions_are_legal_and_every_command_ends_once(
    asked: list[tuple[Command, float]], script: FaultScript, variation: float
) -> None:
    durations = Durations(TIMES, distribution_of(variation))
    cluster = SimulatedDriver(World.running(DEPLOYMENT), durations, script)
    times = [0.0]
    for command, then_s in asked:
        cluster.submit(command)
        times += [event.at_s for event in cluster.wait(times[-1] + then_s)]
        times.append(cluster.clock.now_s())
        agrees_with_history(cluster)
    while cluster.wait(1e6):
        agrees_with_history(cluster)
    end = cluster.observe()
    assert (end.in_progress, end.unreachable) == (frozenset(), frozenset())
    history = cluster.history()
    ends = Counter(
        entry.command.id
        for entry in history.entries
        if entry.command and entry.kind in (Kind.DONE, Kind.FAILED, Kind.REFUSED)
    )
    assert set(ends.values()) <= {1}
    lost = {command.id for command in history.commands(Kind.LOST)}
    assert {command.id for command, _ in asked} <= ends.keys() | lost
    issued = [command.id for command in history.commands(Kind.ISSUED)]
    assert len(set(issued)) == len(issued)
    assert [e.at_s for e in history.entries] == sorted(e.at_s for e in history.entries)


def agrees_with_history(cluster: SimulatedDriver) -> None:
    """What is observed is legal, and has the rates that history says it has."""
    snapshot = cluster.observe()
    for state in snapshot.gpus:
        legal_partition(A100, [instance.placement for instance in state.instances])
    assert len({instance.uuid for _, instance in snapshot.live()}) == len(list(snapshot.live()))
    if not snapshot.unreachable:
        rates = {name: points[-1].rate_rps for name, points in cluster.history().rates.items()}
        assert snapshot.ready_rps() == {name: rate for name, rate in rates.items() if rate}
