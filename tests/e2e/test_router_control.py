"""A real router and who tells it what to do: drains, restarts, ports, ends."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import subprocess
import sys

import pytest

from heddle.errors import HostError
from router_rig import Asked, Rig, Wire, a_service, answer, free_port, rig, until


class Held:
    """Holds requests until told, then echoes."""

    def __init__(self) -> None:
        self.go = asyncio.Event()

    async def __call__(self, asked: Asked, writer: asyncio.StreamWriter) -> None:
        await self.go.wait()
        writer.write(answer(asked.body))


def test_a_drain_ends_when_the_last_request_does_and_nothing_new_comes() -> None:
    async def scenario() -> None:
        async with rig() as router:
            port = await router.service()
            held = Held()
            leaving = await router.instance("cpu-0.0-1", held)
            asking = asyncio.create_task(router.ask(port, b"last"))
            await until(lambda: len(leaving.asked) == 1)
            draining = asyncio.create_task(router.traffic.drain("cpu-0.0-1", 20.0))
            await router.instance("cpu-0.4-2")
            for _ in range(5):
                assert (await router.ask(port)).status == 200
            assert not draining.done()
            held.go.set()
            assert await draining
            assert (await asking).body == b"last"
            assert len(leaving.asked) == 1

    asyncio.run(scenario())


def test_a_drain_without_time_says_what_is_still_open() -> None:
    async def scenario() -> None:
        async with rig() as router:
            port = await router.service()
            held = Held()
            leaving = await router.instance("cpu-0.0-1", held)
            asking = asyncio.create_task(router.ask(port))
            await until(lambda: len(leaving.asked) == 1)
            request = {"ask": "drain", "instance": "cpu-0.0-1", "within_s": 0.0}
            assert (await router.control(request))["num_open"] == 1
            assert not await router.traffic.drain("cpu-0.0-1", 0.0)
            held.go.set()
            assert (await asking).status == 200
            assert await router.traffic.drain("cpu-0.0-1", 5.0)

    asyncio.run(scenario())


def test_a_drain_waits_for_streams() -> None:
    async def scenario() -> None:
        async with rig() as router:
            port = await router.service()
            go = asyncio.Event()

            async def stream(asked: Asked, writer: asyncio.StreamWriter) -> None:
                writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n")
                await go.wait()
                writer.write(b"1\r\nb\r\n0\r\n\r\n")

            await router.instance("cpu-0.0-1", stream)
            asking = asyncio.create_task(router.ask(port))

            async def is_under_way() -> bool:
                return (await router.counts())["num_in_flight"] == 1

            await until(is_under_way)
            draining = asyncio.create_task(router.traffic.drain("cpu-0.0-1", 20.0))
            assert not await router.traffic.drain("cpu-0.0-1", 0.05)
            go.set()
            assert await draining
            assert (await asking).body == b"ab"

    asyncio.run(scenario())


def test_an_instance_that_nobody_knows_is_drained() -> None:
    async def scenario() -> None:
        async with rig() as router:
            assert await router.traffic.drain("never-was", 1.0)

    asyncio.run(scenario())


def test_a_router_that_was_killed_serves_again_without_being_told() -> None:
    async def scenario() -> None:
        async with rig() as router:
            port = await router.service()
            await router.instance("cpu-0.0-1")
            first = await router.traffic.boot_id()
            assert router.process is not None
            wire = await router.wire(port)
            router.process.kill()
            await router.ended()
            with pytest.raises(ConnectionError):
                await _asked_until_seen(wire)
            await router.start()
            assert (await router.ask(port, b"again")).body == b"again"
            assert await router.traffic.boot_id() != first

    asyncio.run(scenario())


def test_every_change_is_on_disk_when_it_is_acknowledged() -> None:
    async def scenario() -> None:
        async with rig() as router:
            await router.service()
            path = router.state / "router" / "routes.json"
            await router.instance("cpu-0.0-1")
            table = json.loads(path.read_text(encoding="utf-8"))
            assert [route["instance"] for route in table["routes"]] == ["cpu-0.0-1"]
            await router.traffic.drain("cpu-0.0-1", 0.0)
            assert json.loads(path.read_text(encoding="utf-8"))["routes"] == []

    asyncio.run(scenario())


def test_a_table_that_is_damaged_is_named_and_the_router_starts_empty() -> None:
    async def scenario() -> None:
        async with rig() as router:
            await router.service()
            assert router.process is not None
            router.process.kill()
            await router.ended()
            (router.state / "router" / "routes.json").write_text("{half", encoding="utf-8")
            await router.start()
            assert "routes.json" in router.log
            await router.traffic.services(router.specs)

    asyncio.run(scenario())


def test_all_routes_at_once_replace_those_before() -> None:
    async def scenario() -> None:
        async with rig() as router:
            port = await router.service()
            before = await router.instance("cpu-0.0-1")
            after = await router.instance("cpu-0.4-2")
            await router.traffic.replace([after.route])
            assert (await router.ask(port)).status == 200
            assert (len(before.asked), len(after.asked)) == (0, 1)

    asyncio.run(scenario())


def test_a_route_of_an_unknown_service_is_refused_with_what_is_known() -> None:
    async def scenario() -> None:
        async with rig() as router:
            await router.service("vision")
            with pytest.raises(HostError, match=r"'speech'.*vision"):
                await router.instance("cpu-0.0-1", service="speech")

    asyncio.run(scenario())


def test_a_port_that_is_taken_is_named_and_nothing_is_changed() -> None:
    async def scenario() -> None:
        async with rig() as router:
            port = await router.service("vision")
            await router.instance("cpu-0.0-1")
            with socket.create_server(("127.0.0.1", free_port())) as taken:
                specs = [a_service("speech", free_port())]
                specs.append(a_service("text", int(taken.getsockname()[1])))
                with pytest.raises(HostError, match=f"port {specs[1].port}.*'text'") as refusal:
                    await router.traffic.services(specs)
                assert refusal.value.is_retryable
                assert "in use" in str(refusal.value)
            assert (await router.ask(port)).status == 200
            with pytest.raises(OSError, match=r"refused|Connect call failed"):
                await router.wire(specs[0].port)
            await router.traffic.services(specs)
            await router.wire(specs[1].port)

    asyncio.run(scenario())


def test_a_port_that_was_taken_at_the_start_is_opened_when_it_is_free() -> None:
    async def scenario() -> None:
        async with rig() as router:
            port = await router.service()
            await router.instance("cpu-0.0-1")
            assert router.process is not None
            router.process.kill()
            await router.ended()
            with socket.create_server(("127.0.0.1", port)):
                await router.start()
                assert f"port {port}" in router.log

            async def serves() -> bool:
                try:
                    return (await router.ask(port)).status == 200
                except OSError:
                    return False

            await until(serves)

    asyncio.run(scenario())


def test_a_service_that_is_removed_is_closed_and_can_come_back_elsewhere() -> None:
    async def scenario() -> None:
        async with rig() as router:
            port = await router.service()
            await router.instance("cpu-0.0-1")
            idle = await router.wire(port)
            waiting_port = await router.service("speech")
            waiting = asyncio.create_task(router.ask(waiting_port))

            async def waits() -> bool:
                return (await router.counts("speech"))["num_waiting"] == 1

            await until(waits)
            moved = free_port()
            await router.traffic.services([a_service("vision", moved)])
            assert await idle.rest() == b""
            assert (await waiting).status == 503
            with pytest.raises(OSError, match=r"refused|Connect call failed"):
                await router.wire(port)
            assert (await router.ask(moved)).status == 200

    asyncio.run(scenario())


def test_two_services_swap_their_ports() -> None:
    async def scenario() -> None:
        async with rig() as router:
            first, second = await router.service("vision"), await router.service("speech")
            await router.instance("cpu-0.0-1", service="vision")
            seen = await router.instance("cpu-0.4-2", service="speech")
            await router.traffic.services([a_service("vision", second), a_service("speech", first)])
            await router.ask(first)
            assert len(seen.asked) == 1

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "request_members",
    [
        {"ask": "dance"},
        {"ask": "drain", "instance": "cpu-0.0-1", "within_s": -1},
        {"ask": "add", "route": {"instance": "x"}},
        {"ask": "services", "services": [{}]},
        {"ask": "hello", "more": 1},
    ],
)
def test_what_is_not_understood_is_refused_and_changes_nothing(
    request_members: dict[str, object],
) -> None:
    async def scenario() -> None:
        async with rig() as router:
            await router.service()
            before = (router.state / "router" / "routes.json").read_bytes()
            with pytest.raises(HostError):
                await router.control(request_members)
            assert (router.state / "router" / "routes.json").read_bytes() == before
            await router.traffic.boot_id()

    asyncio.run(scenario())


def test_sigterm_finishes_what_is_under_way_and_lets_nobody_in() -> None:
    async def scenario() -> None:
        async with rig() as router:
            port = await router.service()
            held = Held()
            seen = await router.instance("cpu-0.0-1", held)
            idle = await router.wire(port)
            asking = asyncio.create_task(router.ask(port, b"last"))
            await until(lambda: len(seen.asked) == 1)
            await _signal(router, signal.SIGTERM)
            assert await idle.rest() == b""
            with pytest.raises(OSError, match=r"refused|Connect call failed"):
                await router.wire(port)
            held.go.set()
            reply = await asking
            assert (reply.body, reply.headers["connection"]) == (b"last", "close")
            assert await router.ended() == 0
            assert not (router.state / "run" / "router.sock").exists()

    asyncio.run(scenario())


def test_a_second_sigterm_ends_it_at_once() -> None:
    async def scenario() -> None:
        async with rig() as router:
            port = await router.service()
            seen = await router.instance("cpu-0.0-1", Held())
            wire = await router.wire(port)
            await wire.post(b"")
            await until(lambda: len(seen.asked) == 1)
            idle = await router.wire(port)
            await _signal(router, signal.SIGTERM)
            assert await idle.rest() == b""
            await _signal(router, signal.SIGTERM)
            assert await router.ended() == 0
            with pytest.raises(ConnectionResetError):
                await wire.rest()

    asyncio.run(scenario())


async def _asked_until_seen(wire: Wire) -> None:
    while True:
        await wire.post(b"")
        await asyncio.sleep(0)


async def _signal(router: Rig, number: int) -> None:
    assert router.process is not None
    router.process.send_signal(number)


def test_a_second_router_on_one_state_folder_is_refused() -> None:
    async def scenario() -> None:
        async with rig() as router:
            port = await router.service()
            await router.instance("cpu-0.0-1")
            second = subprocess.run(
                [sys.executable, "-m", "heddle.serving.router", "--state", str(router.state)],
                capture_output=True,
                timeout=30,
                check=False,
                text=True,
            )
            assert second.returncode == 2
            assert "another process listens here" in second.stderr
            assert "Traceback" not in second.stderr
            assert (await router.ask(port)).status == 200

    asyncio.run(scenario())


def test_the_router_imports_neither_numpy_nor_a_web_framework() -> None:
    program = (
        "import sys, heddle.serving.router.__main__\n"
        "print(*{'numpy', 'fastapi', 'pydantic', 'onnxruntime', 'highspy'} & sys.modules.keys())"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert found.stdout.strip() == b""
