"""What has taken too long is ended; the time is said to the gate, nobody waits."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from heddle.serving.router.address import Address
from heddle.serving.router.gate import Gate
from heddle.serving.router.limits import Limits
from heddle.serving.router.routed_service import RoutedService
from router_rig import Asked, ScriptedInstance, Wire, a_service, free_port, until

LIMITS = Limits(max_connections=3, max_held_bytes=1000)


class Front:
    """An address with its gate, in this process."""

    def __init__(self) -> None:
        self.gate = Gate(LIMITS)
        self.service = RoutedService(a_service("vision", free_port()), LIMITS)
        self.address = Address(self.service, self.service.spec.port, self.gate)

    async def wire(self) -> Wire:
        return Wire(*await asyncio.open_connection("127.0.0.1", self.address.port))

    def sweep_after(self, seconds: float) -> None:
        self.gate.sweep(asyncio.get_running_loop().time() + seconds)


@contextlib.asynccontextmanager
async def front() -> AsyncIterator[Front]:
    made = Front()
    await made.address.open("127.0.0.1")
    try:
        yield made
    finally:
        made.address.close()
        await made.gate.close(0.0)
        made.service.close()
        await asyncio.sleep(0)


async def never(asked: Asked, writer: asyncio.StreamWriter) -> None:
    await asyncio.get_running_loop().create_future()


def test_a_request_that_is_not_whole_after_a_silence_is_a_408() -> None:
    async def scenario() -> None:
        async with front() as here:
            wire = await here.wire()
            await wire.send(b"POST / HTTP/1.1\r\nHost: a\r\n")
            await until(lambda: _is_heard(here))
            here.sweep_after(LIMITS.client_s - 1.0)
            here.sweep_after(LIMITS.client_s + 1.0)
            assert (await wire.reply()).status == 408
            await wire.close()

    def _is_heard(here: Front) -> bool:
        return any(visitor._reader.is_within_request for visitor in here.gate._visitors)  # type: ignore[attr-defined]

    asyncio.run(scenario())


def test_an_instance_that_is_silent_for_too_long_is_a_504() -> None:
    async def scenario() -> None:
        async with front() as here:
            instance = ScriptedInstance("cpu-0.0-1", "vision", free_port(), default=never)
            await instance.open()
            here.service.add(instance.route)
            wire = await here.wire()
            await wire.post(b"")
            await until(lambda: bool(instance.asked))
            here.sweep_after(LIMITS.answer_s - 1.0)
            here.sweep_after(LIMITS.answer_s + 1.0)
            reply = await wire.reply()
            assert reply.status == 504
            assert b"cpu-0.0-1" in reply.body
            await wire.close()
            instance.close()

    asyncio.run(scenario())


def test_an_idle_client_is_left_alone() -> None:
    async def scenario() -> None:
        async with front() as here:
            wire = await here.wire()
            await until(lambda: len(here.gate._visitors) == 1)
            here.sweep_after(86_400.0)
            assert len(here.gate._visitors) == 1
            await wire.close()

    asyncio.run(scenario())


def test_more_connections_than_allowed_are_closed_as_they_come() -> None:
    async def scenario() -> None:
        async with front() as here:
            wires = [await here.wire() for _ in range(3)]
            await until(lambda: len(here.gate._visitors) == 3)
            beyond = await here.wire()
            with contextlib.suppress(ConnectionError):
                assert await beyond.rest() == b""
            for wire in (*wires, beyond):
                await wire.close()
            await until(lambda: not here.gate._visitors)

    asyncio.run(scenario())


def test_bodies_beyond_what_all_may_hold_together_are_refused() -> None:
    async def scenario() -> None:
        async with front() as here:
            first, second = await here.wire(), await here.wire()
            await first.post(b"x" * 900)
            await until(lambda: here.gate.num_held_bytes == 900)
            await second.send(
                b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 300\r\n\r\n" + b"x" * 200
            )
            assert (await second.reply()).status == 503
            await first.close()
            await second.close()
            await until(lambda: here.gate.num_held_bytes == 0)

    asyncio.run(scenario())
