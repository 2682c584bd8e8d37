"""The agent in this process: scripted devices and router, real small servers."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from devices import Crowd
from heddle.clock import WallClock
from heddle.cluster.command import Action, Command
from heddle.cluster.deployment import PlannedInstance
from heddle.cluster.event import Event, Outcome
from heddle.cluster.ledger import Entry
from heddle.cluster.memory_ledger import MemoryLedger
from heddle.cluster.partition import Placement
from heddle.errors import HostError, InputError
from heddle.runtime.agent.agent import Agent
from heddle.runtime.process import identify
from scripted_node import QUICK, ScriptedDevice, ScriptedNode, planned, service

CHAT = planned()
PLACE = Placement(0, "3g.40gb")
OTHER = Placement(4, "3g.40gb")
_DEADLINE_S = 20.0

Test = Callable[[Agent], Coroutine[Any, Any, None]]


class FullLedger(MemoryLedger):
    """A ledger whose disk is full while ``is_full``."""

    is_full = False

    def append(self, kind: str, members: Any) -> Entry:
        if self.is_full:
            raise InputError("the disk is full")
        return super().append(kind, members)


@pytest.fixture
def node(tmp_path: Path) -> Iterator[ScriptedNode]:
    """A node with one GPU; whatever a test leaves there is ended."""
    made = ScriptedNode(tmp_path, {"gpu-0": ScriptedDevice("gpu-0")}, FullLedger())
    yield made
    made.clear()


@asynccontextmanager
async def running(node: ScriptedNode, *, with_service: bool = True) -> AsyncIterator[Agent]:
    """An agent that has begun, and that is ended as by SIGTERM."""
    agent = node.agent()
    await agent.begin()
    if with_service:
        await agent.list_services([service("chat"), service("search")])
    try:
        yield agent
    finally:
        await agent.close()


def command(
    name: str, action: Action, serving: PlannedInstance | None = None, place: Placement = PLACE
) -> Command:
    return Command(name, action, "local", "gpu-0", place, serving)


async def ended(agent: Agent, asked: Command) -> Event:
    """Submit a command and return its event."""
    after = agent.equipment.book.cursor
    agent.submit(asked)
    return await event_of(agent, asked.id, after)


async def event_of(agent: Agent, name: str, after: int = 0) -> Event:
    until_s = WallClock().now_s() + _DEADLINE_S
    while found := await agent.wait(after, until_s):
        for told in found:
            if told.event.command == name:
                return told.event
        after = found[-1].number
    raise AssertionError(f"no event of {name}")


async def serving(agent: Agent) -> None:
    """Make an instance and start the service on it."""
    assert (await ended(agent, command("made", Action.CREATE))).outcome is Outcome.DONE
    event = await ended(agent, command("started", Action.START, CHAT))
    assert event.outcome is Outcome.DONE, event


async def until(is_true: Callable[[], bool], what: str) -> None:
    async with asyncio.timeout(_DEADLINE_S):
        while not is_true():
            await asyncio.sleep(0.005)
    assert is_true(), what


def living(node: ScriptedNode) -> list[int]:
    return [pid for pid, _, _ in node.launcher.starts() if identify(pid)]


def test_a_started_service_has_a_route_to_a_process_on_its_instance(node: ScriptedNode) -> None:
    async def scenario() -> None:
        async with running(node) as agent:
            await serving(agent)
            [(pid, port, name)] = node.launcher.starts()
            assert node.traffic.routes[name].port == port
            assert pid in node.devices["gpu-0"].processes(PLACE)
            snapshot = await agent.observe()
            assert snapshot.ready_rps() == {"chat": 150.0}

    asyncio.run(scenario())


def test_a_stop_takes_traffic_first_and_then_the_process(node: ScriptedNode) -> None:
    async def scenario() -> None:
        async with running(node) as agent:
            await serving(agent)
            seen: list[tuple[bool, bool, int]] = []

            async def look() -> None:
                [(_, live)] = (await agent.observe()).live()
                seen.append((live.is_ready, live.serving is not None, len(living(node))))

            node.traffic.at_drain = look
            assert (await ended(agent, command("x", Action.STOP, CHAT))).outcome is Outcome.DONE
            assert seen == [(False, True, 1)]
            assert living(node) == []
            assert node.traffic.drained == [("gpu-0.0-1", 5.0)]
            assert list((node.folder / "instances").iterdir()) == []

    asyncio.run(scenario())


def test_a_server_that_does_not_end_when_asked_is_killed_with_its_children(
    node: ScriptedNode,
) -> None:
    async def scenario() -> None:
        for mode in ("stubborn", "forks"):
            node.launcher.mode(mode)
            node.patience = replace(QUICK, grace_s=0.1)
            async with running(node) as agent:
                made, started, stopped, gone = (f"{mode} {each}" for each in range(4))
                await ended(agent, command(made, Action.CREATE))
                await ended(agent, command(started, Action.START, CHAT))
                event = await ended(agent, command(stopped, Action.STOP, CHAT))
                assert event.outcome is Outcome.DONE
                assert node.devices["gpu-0"].processes(PLACE) == []
                event = await ended(agent, command(gone, Action.DESTROY))
                assert event.outcome is Outcome.DONE

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("mode", "within_s", "reasons", "is_retryable"),
    [
        ("dies", 20.0, ("exit code 3 before it was ready", "the network is broken"), True),
        ("deaf", 0.3, ("not ready within 0.3 s", "nobody answered", "hello from"), False),
        ("busy", 0.3, ("not ready within 0.3 s", "the answer was 503"), False),
    ],
)
def test_a_start_that_fails_says_why_with_the_end_of_the_log_and_leaves_nothing(
    node: ScriptedNode, mode: str, within_s: float, reasons: tuple[str, ...], *, is_retryable: bool
) -> None:
    async def scenario() -> None:
        node.launcher.mode(mode)
        async with running(node) as agent:
            await agent.list_services([service("chat", ready_within_s=within_s)])
            await ended(agent, command("made", Action.CREATE))
            before = await agent.observe()
            event = await ended(agent, command("x", Action.START, CHAT))
            assert (event.outcome, event.is_retryable) == (Outcome.FAILED, is_retryable)
            assert [reason for reason in reasons if reason not in event.message] == []
            assert await agent.observe() == before
            assert living(node) == []
            assert node.traffic.routes == {}

    asyncio.run(scenario())


def test_a_start_with_a_wrong_command_fails_for_good(node: ScriptedNode) -> None:
    async def scenario() -> None:
        async with running(node) as agent:
            await agent.list_services([service("chat", command=("wrong",))])
            await ended(agent, command("made", Action.CREATE))
            event = await ended(agent, command("x", Action.START, CHAT))
            assert (event.outcome, event.is_retryable) == (Outcome.FAILED, False)
            assert "this command is wrong" in event.message
            assert (await ended(agent, command("y", Action.DESTROY))).outcome is Outcome.DONE

    asyncio.run(scenario())


def test_a_port_that_others_take_first_is_changed_for_another_one(node: ScriptedNode) -> None:
    async def scenario() -> None:
        node.launcher.num_to_steal = 2
        async with running(node) as agent:
            await serving(agent)
            ports = [port for _, port, _ in node.launcher.starts()]
            assert len(set(ports)) == 3
            assert [route.port for route in node.traffic.routes.values()] == ports[-1:]

    asyncio.run(scenario())
    node.launcher.give_back()


def test_a_start_gives_up_when_every_port_is_taken(node: ScriptedNode) -> None:
    async def scenario() -> None:
        node.launcher.num_to_steal = 99
        async with running(node) as agent:
            await ended(agent, command("made", Action.CREATE))
            event = await ended(agent, command("x", Action.START, CHAT))
            assert (event.outcome, event.is_retryable) == (Outcome.FAILED, True)
            assert "was taken meanwhile" in event.message
            assert len(node.launcher.starts()) == QUICK.num_ports

    asyncio.run(scenario())
    node.launcher.give_back()


def test_an_instance_that_dies_loses_its_route_and_comes_back_under_another_name(
    node: ScriptedNode,
) -> None:
    async def scenario() -> None:
        async with running(node) as agent:
            await serving(agent)
            [pid] = living(node)
            os.kill(pid, signal.SIGKILL)
            await until(lambda: "gpu-0.0-2" in node.traffic.routes, "it is back")
            assert list(node.traffic.routes) == ["gpu-0.0-2"]
            assert ("gpu-0.0-1", 0.0) in node.traffic.drained
            [tenancy] = agent.equipment.book.state.tenancies.values()
            assert (tenancy.num_restarts, tenancy.message) == (
                1, "gpu-0.0-1 was ended by signal 9 by itself",
            )  # fmt: skip
            assert (await ended(agent, command("x", Action.STOP, CHAT))).outcome is Outcome.DONE
            assert living(node) == []

    asyncio.run(scenario())


def test_an_instance_that_dies_in_a_loop_backs_off_and_can_be_stopped(node: ScriptedNode) -> None:
    async def scenario() -> None:
        async with running(node) as agent:
            await serving(agent)
            node.launcher.mode("dies")
            [pid] = living(node)
            os.kill(pid, signal.SIGKILL)
            await until(lambda: len(node.launcher.starts()) >= 4, "it was tried again and again")
            [(_, live)] = (await agent.observe()).live()
            assert (live.serving, live.is_ready) == (CHAT, False)
            [tenancy] = agent.equipment.book.state.tenancies.values()
            assert tenancy.num_restarts >= 3
            assert (await ended(agent, command("x", Action.STOP, CHAT))).outcome is Outcome.DONE
            num_starts = len(node.launcher.starts())
            assert (await ended(agent, command("y", Action.DESTROY))).outcome is Outcome.DONE
            assert len(node.launcher.starts()) == num_starts
            assert node.traffic.routes == {}

    asyncio.run(scenario())


def test_a_router_that_begins_anew_is_told_services_and_routes(node: ScriptedNode) -> None:
    async def scenario() -> None:
        async with running(node) as agent:
            await serving(agent)
            node.traffic.routes.clear()
            node.traffic.services_told.clear()
            node.traffic.boot = "2"
            await until(lambda: "gpu-0.0-1" in node.traffic.routes, "it was told")
            assert node.traffic.services_told == ["chat", "search"]

    asyncio.run(scenario())


def test_without_a_router_a_start_fails_retryably_and_a_stop_is_done(node: ScriptedNode) -> None:
    async def scenario() -> None:
        async with running(node) as agent:
            await serving(agent)
            node.traffic.is_away = True
            await ended(agent, command("other", Action.CREATE, place=OTHER))
            elsewhere = CHAT._replace(start=4)
            event = await ended(agent, command("x", Action.START, elsewhere, OTHER))
            assert (event.outcome, event.is_retryable) == (Outcome.FAILED, True)
            assert "the router is away" in event.message
            assert (await ended(agent, command("y", Action.STOP, CHAT))).outcome is Outcome.DONE
            assert living(node) == []

    asyncio.run(scenario())


def test_services_that_the_router_refused_are_told_again(node: ScriptedNode) -> None:
    async def scenario() -> None:
        async with running(node, with_service=False) as agent:
            node.traffic.is_away = True
            with pytest.raises(HostError, match="the router is away"):
                await agent.list_services([service("chat")])
            node.traffic.is_away = False
            await until(lambda: node.traffic.services_told == ["chat"], "it was told")

    asyncio.run(scenario())


def test_commands_on_different_instances_do_not_wait_for_each_other(node: ScriptedNode) -> None:
    async def scenario() -> None:
        node.launcher.mode("deaf")
        async with running(node) as agent:
            await ended(agent, command("a", Action.CREATE))
            agent.submit(command("b", Action.START, CHAT))
            event = await ended(agent, command("c", Action.CREATE, place=OTHER))
            assert event.outcome is Outcome.DONE
            assert (await agent.observe()).in_progress == {"b"}

    asyncio.run(scenario())


def test_what_a_device_fails_with_is_what_the_event_says(node: ScriptedNode) -> None:
    async def scenario() -> None:
        async with running(node) as agent:
            node.devices["gpu-0"].faults = [HostError("NVML says no", is_retryable=True)]
            event = await ended(agent, command("a", Action.CREATE))
            assert (event.outcome, event.message, event.is_retryable) == (
                Outcome.FAILED, "NVML says no", True,
            )  # fmt: skip
            assert list((await agent.observe()).live()) == []

    asyncio.run(scenario())


def test_a_gpu_that_has_gone_is_not_shown_and_the_others_are(tmp_path: Path) -> None:
    devices = {name: ScriptedDevice(name) for name in ("gpu-0", "gpu-1")}

    async def scenario() -> None:
        async with running(ScriptedNode(tmp_path, devices)) as agent:
            devices["gpu-0"].is_gone = True
            assert [state.gpu.id for state in (await agent.observe()).gpus] == ["gpu-1"]

    asyncio.run(scenario())


def test_a_full_disk_refuses_commands_and_delays_their_events(node: ScriptedNode) -> None:
    async def scenario() -> None:
        ledger = node.ledger
        assert isinstance(ledger, FullLedger)
        async with running(node) as agent:
            ledger.is_full = True
            with pytest.raises(HostError, match="the disk is full") as caught:
                agent.submit(command("a", Action.CREATE))
            assert caught.value.is_retryable
            assert node.devices["gpu-0"].slices() == []
            ledger.is_full = False
            node.devices["gpu-0"].gate.clear()
            agent.submit(command("a", Action.CREATE))
            ledger.is_full = True
            node.devices["gpu-0"].gate.set()
            await until(lambda: node.devices["gpu-0"].num_made == 1, "it was made")
            assert (await agent.observe()).in_progress == {"a"}
            ledger.is_full = False
            event = await event_of(agent, "a")
            assert event.outcome is Outcome.FAILED
            snapshot = await agent.observe()
            assert (snapshot.in_progress, list(snapshot.live())) == (frozenset(), [])

    asyncio.run(scenario())


# One agent after another


def test_what_serves_goes_on_without_an_agent_and_is_adopted_by_the_next(
    node: ScriptedNode,
) -> None:
    async def scenario() -> None:
        async with running(node) as agent:
            await serving(agent)
        [pid] = living(node)
        async with running(node, with_service=False) as agent:
            [(_, live)] = (await agent.observe()).live()
            assert (live.serving, live.is_ready) == (CHAT, True)
            assert living(node) == [pid]
            os.kill(pid, signal.SIGKILL)
            await until(lambda: "gpu-0.0-2" in node.traffic.routes, "it is kept")
            await ended(agent, command("x", Action.STOP, CHAT))

    asyncio.run(scenario())


def test_what_died_while_there_was_no_agent_is_started_again(node: ScriptedNode) -> None:
    async def scenario() -> None:
        async with running(node) as agent:
            await serving(agent)
        [pid] = living(node)
        os.kill(pid, signal.SIGKILL)
        async with running(node, with_service=False) as agent:
            await until(lambda: "gpu-0.0-2" in node.traffic.routes, "it is back")
            assert list(node.traffic.routes) == ["gpu-0.0-2"]
            await ended(agent, command("x", Action.STOP, CHAT))

    asyncio.run(scenario())


def test_a_start_that_was_under_way_goes_on_with_the_process_that_there_is(
    node: ScriptedNode,
) -> None:
    async def scenario() -> None:
        node.launcher.mode("busy")
        async with running(node) as agent:
            await ended(agent, command("a", Action.CREATE))
            agent.submit(command("b", Action.START, CHAT))
            await until(lambda: len(living(node)) == 1, "it was started")
        [pid] = living(node)
        async with running(node, with_service=False) as agent:
            assert (await agent.observe()).in_progress == {"b"}
            assert living(node) == [pid]
            os.kill(pid, signal.SIGKILL)
            event = await event_of(agent, "b")
            assert (event.outcome, event.is_retryable) == (Outcome.FAILED, True)

    asyncio.run(scenario())


def test_a_stop_that_was_under_way_is_finished(node: ScriptedNode) -> None:
    async def scenario() -> None:
        async with running(node) as agent:
            await serving(agent)
            is_draining, never = asyncio.Event(), asyncio.Event()

            async def drain() -> None:
                is_draining.set()
                await never.wait()

            node.traffic.at_drain = drain
            agent.submit(command("x", Action.STOP, CHAT))
            await is_draining.wait()
        node.traffic.at_drain = None
        async with running(node, with_service=False) as agent:
            assert (await event_of(agent, "x")).outcome is Outcome.DONE
            assert living(node) == []
            [(_, live)] = (await agent.observe()).live()
            assert live.serving is None

    asyncio.run(scenario())


def test_what_nobody_knows_of_on_an_instance_is_ended(node: ScriptedNode, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(node) as agent:
            await ended(agent, command("a", Action.CREATE))

    asyncio.run(scenario())
    crowd = Crowd(tmp_path / "log")
    inside = crowd.occupy(node.devices["gpu-0"], PLACE)

    async def next_agent() -> None:
        async with running(node):
            assert [pid for pid in inside if identify(pid)] == []

    asyncio.run(next_agent())
    crowd.vacate()


def test_a_service_whose_instance_has_vanished_is_ended_and_forgotten(node: ScriptedNode) -> None:
    async def scenario() -> None:
        async with running(node) as agent:
            await serving(agent)
        node.devices["gpu-0"].lose(PLACE)
        async with running(node, with_service=False) as agent:
            assert agent.equipment.book.state.tenancies == {}
            assert living(node) == []
            assert node.traffic.routes == {}
            event = await ended(agent, command("x", Action.STOP, CHAT))
            assert event.outcome is Outcome.REFUSED

    asyncio.run(scenario())


def test_events_of_the_agent_before_are_still_told(node: ScriptedNode) -> None:
    async def scenario() -> None:
        async with running(node) as agent:
            cursor = agent.equipment.book.cursor
            first = await ended(agent, command("a", Action.CREATE))
        async with running(node, with_service=False) as agent:
            assert [told.event for told in await agent.wait(cursor, 0.0)] == [first]
            assert await ended(agent, command("a", Action.CREATE)) == first

    asyncio.run(scenario())


def test_a_shut_down_ends_everything_that_this_agent_made_and_nothing_else(
    node: ScriptedNode,
) -> None:
    device = node.devices["gpu-0"]
    strange = device.create(Placement(6, "1g.10gb"))

    async def scenario() -> None:
        async with running(node) as agent:
            await serving(agent)
            at_close: list[object] = []
            device.close = lambda: at_close.extend(device.slices())  # type: ignore[method-assign]
            node.launcher.mode("deaf")
            await ended(agent, command("b", Action.CREATE, place=Placement(4, "2g.20gb")))
            third = PlannedInstance("2g.20gb", 4, "search", 1, 1, 10.0, 10.0)
            agent.submit(command("c", Action.START, third, Placement(4, "2g.20gb")))
            await until(lambda: len(living(node)) == 2, "both run")
            await agent.shut_down()
            assert living(node) == []
            assert at_close == [strange]
            assert (await event_of(agent, "c")).outcome is Outcome.FAILED
            with pytest.raises(HostError, match="is ending"):
                agent.submit(command("d", Action.CREATE))
            assert agent.equipment.book.state.tenancies == {}

    asyncio.run(scenario())
