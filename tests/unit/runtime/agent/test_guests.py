"""Guests of instances, as the agent sees to them: who, where, with what routes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from heddle.cluster.command import Action, Command
from heddle.cluster.deployment import PlannedInstance
from heddle.cluster.event import Outcome
from heddle.cluster.guest import GuestPoint, Lodging
from heddle.cluster.partition import Placement
from heddle.errors import HostError
from heddle.runtime.agent.agent import Agent
from heddle.runtime.agent.guests import guests_of
from heddle.runtime.agent.tenancy import guest_instance
from heddle.runtime.launching import Guest, LaunchedCommand, LaunchOrder
from heddle.workload.service_spec import ServiceSpec
from heddle.workload.serving_spec import Engine, ServingSpec
from scripted_node import ScriptedDevice, ScriptedLauncher, ScriptedNode, planned, service

A100, PROFILE = "A100-80GB", "3g.40gb"
POINT = GuestPoint(A100, PROFILE, 4, 30.0, 25.0)
_DEADLINE_S = 20.0


class HostingLauncher(ScriptedLauncher):
    """Notes the guests that it is told of; its servers live through a SIGHUP."""

    is_full = False

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.told: list[list[str]] = []

    def command(self, order: LaunchOrder) -> LaunchedCommand:
        self.told.append([guest.service.name for guest in order.guests])
        found = super().command(order)
        return replace(found, arguments=["nohup", *found.arguments])

    def write_guests(self, folder: str, guests: Sequence[Guest]) -> None:
        if self.is_full:
            raise HostError("the disk is full", is_retryable=True)
        assert Path(folder).is_dir()
        self.told.append([guest.service.name for guest in guests])


@pytest.fixture
def node(tmp_path: Path) -> ScriptedNode:
    made = ScriptedNode(tmp_path, {"gpu-0": ScriptedDevice("gpu-0")})
    made.launcher = HostingLauncher(tmp_path)
    return made


def host(name: str = "chat") -> ServiceSpec:
    return replace(service(name), serving=ServingSpec(Engine.SLEEP))


def guest(name: str = "tags", *hosts: str) -> ServiceSpec:
    return replace(host(name), lodging=Lodging(hosts or ("chat",), (POINT,)))


async def ended(agent: Agent, asked: Command) -> None:
    """Submit a command and wait until it is done."""
    after = agent.equipment.book.cursor
    agent.submit(asked)
    async with asyncio.timeout(_DEADLINE_S):
        while True:
            for told in await agent.wait(after, agent.equipment.clock.now_s() + _DEADLINE_S):
                after = told.number
                if told.event.command == asked.id:
                    assert told.event.outcome is Outcome.DONE, told.event
                    return


async def started(agent: Agent, serving: PlannedInstance) -> None:
    place = Placement(serving.start, serving.profile)
    await ended(agent, Command("made", Action.CREATE, "local", "gpu-0", place))
    await ended(agent, Command("started", Action.START, "local", "gpu-0", place, serving))


def test_an_instance_is_started_with_its_guests_and_all_have_routes(node: ScriptedNode) -> None:
    async def scenario() -> None:
        agent = node.agent()
        await agent.begin()
        await agent.list_services([host(), guest(), guest("elsewhere", "search")])
        await started(agent, planned())
        assert node.launcher.told == [["tags"]]  # type: ignore[attr-defined]
        name = node.launcher.starts()[0][2]
        route = node.traffic.routes[guest_instance(name, "tags")]
        assert (route.service, route.batch, route.rate_rps) == ("tags", 4, 30.0)
        assert route.port == node.traffic.routes[name].port
        place = Placement(0, PROFILE)
        stop = Command("stopped", Action.STOP, "local", "gpu-0", place, planned())
        await ended(agent, stop)
        assert node.traffic.routes == {}
        assert [one for one, _ in node.traffic.drained] == [guest_instance(name, "tags"), name]
        await agent.close()

    asyncio.run(scenario())
    node.clear()


def test_guests_come_and_go_with_the_services_without_a_restart(node: ScriptedNode) -> None:
    async def scenario() -> None:
        agent = node.agent()
        await agent.begin()
        await agent.list_services([host()])
        await started(agent, planned())
        name = node.launcher.starts()[0][2]
        await agent.list_services([host(), guest()])
        assert set(node.traffic.routes) == {name, guest_instance(name, "tags")}
        await agent.list_services([host(), replace(guest(), lodging=Lodging((), (POINT,)))])
        assert set(node.traffic.routes) == {name}
        assert node.launcher.told == [[], ["tags"], []]  # type: ignore[attr-defined]
        assert len(node.launcher.starts()) == 1
        await agent.close()
        # What the next agent knows of guests stands in the book.
        again = node.agent()
        await again.begin()
        assert [each.guests for each in again.equipment.book.state.tenancies.values()] == [()]
        await again.close()

    asyncio.run(scenario())
    node.clear()


def test_guests_that_cannot_be_told_leave_the_instance_as_it_is(node: ScriptedNode) -> None:
    async def scenario() -> None:
        agent = node.agent()
        await agent.begin()
        await agent.list_services([host()])
        await started(agent, planned())
        node.launcher.is_full = True  # type: ignore[attr-defined]
        await agent.list_services([host(), guest()])
        assert set(node.traffic.routes) == {node.launcher.starts()[0][2]}
        node.launcher.is_full = False  # type: ignore[attr-defined]
        await agent.list_services([host(), guest()])
        assert len(node.traffic.routes) == 2
        await agent.close()

    asyncio.run(scenario())
    node.clear()


def test_a_command_has_no_guests_and_an_unmeasured_profile_neither() -> None:
    serving = planned()
    (found,) = guests_of(host(), serving, A100, [host(), guest()])
    assert found.planned == PlannedInstance(PROFILE, 0, "tags", 4, 1, 30.0, 25.0)
    assert guests_of(service("chat"), serving, A100, [guest()]) == ()
    assert guests_of(host(), serving, "H100-80GB", [guest()]) == ()
    assert guests_of(host(), serving._replace(profile="7g.80gb"), A100, [guest()]) == ()
