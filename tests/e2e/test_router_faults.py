"""A real router when instances die, refuse, leave or are not there: no request is lost."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest

from heddle.workload.serving_spec import Retry
from router_rig import (
    FULL,
    LEAVING,
    Asked,
    Behaviour,
    Rig,
    Wire,
    answer,
    die,
    free_port,
    rig,
    say,
    until,
)

#: A server that takes requests and never answers: only a kill ends them.
_SILENT_SERVER = """
import socket, sys
listening = socket.create_server(("127.0.0.1", int(sys.argv[1])))
kept = []
while True:
    connection, _ = listening.accept()
    kept.append(connection)
    connection.recv(65536)
    print("taken", flush=True)
"""


async def until_count(router: Rig, name: str, count: int) -> None:
    async def holds() -> bool:
        return (await router.counts())[name] == count

    await until(holds)


def test_a_request_whose_instance_dies_in_the_middle_is_answered_by_another() -> None:
    async def scenario() -> None:
        async with rig() as router:
            port = await router.service()
            dying = await router.instance("cpu-0.0-1", die)
            await router.instance("cpu-0.4-2")
            reply = await router.ask(port, b"precious")
            assert (reply.status, reply.body) == (200, b"precious")
            assert len(dying.asked) == 1
            counts = await router.counts()
            assert (counts["num_answered"], counts["num_retried"]) == (1, 1)

    asyncio.run(scenario())


def test_an_instance_that_is_killed_for_real_loses_no_request() -> None:
    async def scenario() -> None:
        async with rig() as router:
            port = await router.service()
            other = await router.instance("cpu-0.4-2")
            silent_port = free_port()
            with subprocess.Popen(
                [sys.executable, "-c", _SILENT_SERVER, str(silent_port)], stdout=subprocess.PIPE
            ) as silent:
                try:
                    await until(lambda: _accepts(silent_port))
                    route = other.route.members() | {"instance": "cpu-0.0-1", "port": silent_port}
                    await router.control({"ask": "add", "route": route})
                    asking = [asyncio.create_task(router.ask(port, b"%d" % n)) for n in range(8)]
                    await until_count(router, "num_arrived", 8)
                    assert (await router.counts())["num_in_flight"] >= 1
                finally:
                    silent.kill()
                bodies = [(await each).body for each in asking]
            assert bodies == [b"%d" % number for number in range(8)]
            assert (await router.counts())["num_failed"] == 0

    asyncio.run(scenario())


async def _accepts(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


def test_a_service_that_forbids_retries_says_so_in_a_502() -> None:
    async def scenario() -> None:
        async with rig() as router:
            port = await router.service(retry=Retry.NEVER)
            await router.instance("cpu-0.0-1", die)
            other = await router.instance("cpu-0.4-2")
            reply = await router.ask(port, b"once only")
            assert reply.status == 502
            assert b"retry: never" in reply.body
            assert b"cpu-0.0-1" in reply.body
            assert other.asked == []
            assert (await router.counts())["num_failed"] == 1

    asyncio.run(scenario())


def test_what_was_certainly_not_executed_goes_elsewhere_even_when_retries_are_forbidden() -> None:
    async def scenario() -> None:
        async with rig() as router:
            port = await router.service(retry=Retry.NEVER)
            gone = await router.instance("cpu-0.0-1")
            gone.close()
            await router.instance("cpu-0.2-2", LEAVING)
            await router.instance("cpu-0.4-3", FULL)
            await router.instance("cpu-0.6-4")
            assert (await router.ask(port, b"hello")).body == b"hello"

    asyncio.run(scenario())


def test_a_request_is_sent_to_two_dying_instances_at_most() -> None:
    async def scenario() -> None:
        async with rig() as router:
            port = await router.service()
            instances = [await router.instance(f"cpu-0.{n}-1", die) for n in range(3)]
            assert (await router.ask(port)).status == 502
            assert sum(len(each.asked) for each in instances) == 2

    asyncio.run(scenario())


def test_a_connection_that_the_instance_closed_for_idleness_costs_nothing() -> None:
    async def scenario() -> None:
        async with rig() as router:
            port = await router.service(retry=Retry.NEVER)

            async def answer_and_close(asked: Asked, writer: asyncio.StreamWriter) -> None:
                writer.write(answer(asked.body))
                await writer.drain()
                writer.close()

            seen = await router.instance("cpu-0.0-1")
            seen.default = answer_and_close
            wire = await router.wire(port)
            for number in range(200):
                await wire.post(b"%d" % number)
                assert (await wire.reply()).body == b"%d" % number
            assert len(seen.asked) == 200
            assert (await router.counts())["num_failed"] == 0

    asyncio.run(scenario())


def test_all_full_is_a_429_that_says_when_to_come_again() -> None:
    async def scenario() -> None:
        async with rig() as router:
            port = await router.service()
            await router.instance("cpu-0.0-1", FULL)
            await router.instance("cpu-0.4-2", FULL)
            reply = await router.ask(port)
            assert reply.status == 429
            assert reply.headers["retry-after"] == "1"
            assert (await router.counts())["num_refused"] == 1

    asyncio.run(scenario())


def test_an_instance_is_given_a_full_queue_and_a_batch_and_no_more() -> None:
    async def scenario() -> None:
        async with rig() as router:
            port = await router.service(max_queue=2)
            gate = asyncio.Event()

            async def wait(asked: Asked, writer: asyncio.StreamWriter) -> None:
                await gate.wait()
                writer.write(answer(asked.body))

            seen = await router.instance("cpu-0.0-1")
            seen.default = wait
            asking = [asyncio.create_task(router.ask(port)) for _ in range(9)]
            await until_count(router, "num_refused", 3)
            gate.set()
            statuses = sorted([(await each).status for each in asking])
            assert statuses == [200] * 6 + [429] * 3
            assert len(seen.asked) == 6

    asyncio.run(scenario())


def test_an_answer_of_the_model_server_with_a_bad_status_is_passed_on() -> None:
    async def scenario() -> None:
        async with rig() as router:
            port = await router.service()
            await router.instance("cpu-0.0-1", say(answer(b"no", status="503 Own Reasons")))
            other = await router.instance("cpu-0.4-2")
            reply = await router.ask(port)
            assert (reply.status, reply.body) == (503, b"no")
            assert other.asked == []
            assert (await router.counts())["num_answered"] == 1

    asyncio.run(scenario())


def test_requests_wait_until_the_first_instance_is_ready() -> None:
    async def scenario() -> None:
        async with rig() as router:
            port = await router.service()
            asking = [asyncio.create_task(router.ask(port, b"%d" % n)) for n in range(20)]
            await until_count(router, "num_waiting", 20)
            await router.instance("cpu-0.0-1")
            assert [(await each).body for each in asking] == [b"%d" % n for n in range(20)]

    asyncio.run(scenario())


def test_requests_wait_while_the_only_instance_is_not_reached_and_go_when_it_is() -> None:
    async def scenario() -> None:
        async with rig() as router:
            port = await router.service()
            seen = await router.instance("cpu-0.0-1")
            seen.close()
            asking = [asyncio.create_task(router.ask(port)) for _ in range(5)]
            await until_count(router, "num_waiting", 5)
            await seen.open()
            assert [(await each).status for each in asking] == [200] * 5

    asyncio.run(scenario())


@pytest.mark.parametrize("behaviour", [LEAVING, None])
def test_requests_that_wait_do_not_hammer_at_what_does_not_take_them(
    behaviour: Behaviour | None,
) -> None:
    async def scenario() -> None:
        async with rig() as router:
            port = await router.service()
            seen = await router.instance("cpu-0.0-1")
            seen.default = behaviour or die
            asking = [
                asyncio.create_task(router.ask(port, b"", "Heddle-Deadline-Ms: 500"))
                for _ in range(10)
            ]
            statuses = {(await each).status for each in asking}
            assert statuses <= {502, 504}
            # Once each at first, then one of them ten times a second.
            assert len(seen.asked) <= 10 + 10

    asyncio.run(scenario())


def test_a_deadline_that_passes_while_waiting_is_a_504() -> None:
    async def scenario() -> None:
        async with rig() as router:
            port = await router.service()
            reply = await router.ask(port, b"", "Heddle-Deadline-Ms: 30")
            assert reply.status == 504
            assert b"deadline" in reply.body

    asyncio.run(scenario())


def test_what_waiting_took_is_taken_from_the_deadline() -> None:
    async def scenario() -> None:
        async with rig() as router:
            port = await router.service()
            asking = asyncio.create_task(router.ask(port, b"", "Heddle-Deadline-Ms: 20000"))
            await until_count(router, "num_waiting", 1)
            seen = await router.instance("cpu-0.0-1")
            await asking
            assert 0.0 < float(seen.asked[0].headers["heddle-deadline-ms"]) < 20_000.0

    asyncio.run(scenario())


def test_the_ready_path_says_at_once_that_no_instance_is_ready() -> None:
    async def scenario() -> None:
        async with rig() as router:
            port = await router.service()
            wire = await router.wire(port)
            await wire.send(b"GET /v2/health/ready HTTP/1.1\r\nHost: a\r\n\r\n")
            assert (await wire.reply()).status == 503

    asyncio.run(scenario())


@pytest.mark.parametrize("head", ["Content-Length: 3000000", "Transfer-Encoding: chunked"])
def test_an_answer_that_breaks_off_is_a_reset_for_the_client(head: str) -> None:
    async def scenario() -> None:
        async with rig() as router:
            port = await router.service()

            async def break_off(asked: Asked, writer: asyncio.StreamWriter) -> None:
                writer.write(f"HTTP/1.1 200 OK\r\n{head}\r\n\r\n3\r\nabc\r\n".encode())
                await writer.drain()
                await go.wait()
                writer.transport.abort()

            go = asyncio.Event()
            await router.instance("cpu-0.0-1", break_off)
            other = await router.instance("cpu-0.4-2")
            wire = await router.wire(port)
            await wire.post(b"")
            assert (await wire.head()).status == 200
            go.set()
            with pytest.raises(ConnectionResetError):
                await wire.rest()
            assert other.asked == []
            assert (await router.counts())["num_failed"] == 1

    asyncio.run(scenario())


def test_a_small_answer_that_breaks_off_is_asked_for_again() -> None:
    async def scenario() -> None:
        async with rig() as router:
            port = await router.service()

            async def break_off(asked: Asked, writer: asyncio.StreamWriter) -> None:
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
                await writer.drain()
                writer.transport.abort()

            await router.instance("cpu-0.0-1", break_off)
            await router.instance("cpu-0.4-2")
            assert (await router.ask(port, b"whole")).body == b"whole"

    asyncio.run(scenario())


def test_an_answer_that_is_not_http_counts_as_a_death() -> None:
    async def scenario() -> None:
        async with rig() as router:
            port = await router.service()
            await router.instance("cpu-0.0-1", say(b"SSH-2.0-OpenSSH\r\n"))
            await router.instance("cpu-0.4-2")
            assert (await router.ask(port, b"whole")).body == b"whole"

    asyncio.run(scenario())


def test_a_second_answer_that_nobody_asked_for_reaches_nobody() -> None:
    async def scenario() -> None:
        async with rig() as router:
            port = await router.service()
            await router.instance("cpu-0.0-1", say(answer(b"mine") + answer(b"smuggled")))
            wire = await router.wire(port)
            await wire.post(b"")
            assert (await wire.reply()).body == b"mine"
            await wire.post(b"next")
            assert (await wire.reply()).body == b"next"

    asyncio.run(scenario())


async def _events(asked: Asked, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n")
    writer.write(b"Transfer-Encoding: chunked\r\n\r\n")
    for _ in range(3):
        writer.write(b"8\r\ndata: 1\n\r\n")
        await writer.drain()
    writer.write(b"0\r\n\r\n")


def test_a_stream_passes_as_it_comes() -> None:
    async def scenario() -> None:
        async with rig() as router:
            port = await router.service()
            go = asyncio.Event()

            async def slow_events(asked: Asked, writer: asyncio.StreamWriter) -> None:
                writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n")
                await go.wait()
                writer.write(b"3\r\ntwo\r\n0\r\n\r\n")

            await router.instance("cpu-0.0-1", slow_events)
            wire = await router.wire(port)
            await wire.post(b"")
            await wire.head()
            assert await wire.reader.readexactly(8) == b"3\r\none\r\n"
            go.set()
            assert await wire.reader.readexactly(13) == b"3\r\ntwo\r\n0\r\n\r\n"
            await wire.post(b"after")
            assert (await wire.reply()).body == b"after"

    asyncio.run(scenario())


def test_a_stream_for_an_http_10_client_ends_with_the_connection() -> None:
    async def scenario() -> None:
        async with rig() as router:
            port = await router.service()
            await router.instance("cpu-0.0-1", _events)
            wire = await router.wire(port)
            await wire.send(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            reply = await wire.head()
            assert reply.headers["connection"] == "close"
            assert await wire.rest() == b"data: 1\n" * 3

    asyncio.run(scenario())


def test_an_answer_without_length_or_chunks_ends_with_its_connection() -> None:
    async def scenario() -> None:
        async with rig() as router:
            port = await router.service()

            async def until_close(asked: Asked, writer: asyncio.StreamWriter) -> None:
                writer.write(b"HTTP/1.0 200 OK\r\n\r\nall of it")
                await writer.drain()
                writer.close()

            await router.instance("cpu-0.0-1", until_close)
            assert (await router.ask(port)).body == b"all of it"

    asyncio.run(scenario())


def test_a_client_that_reads_slowly_stops_the_instance_and_not_the_memory_grows() -> None:
    async def scenario() -> None:
        async with rig() as router:
            port = await router.service()
            piece, num_pieces, num_sent = b"x" * 65_536, 400, 0

            async def flood(asked: Asked, writer: asyncio.StreamWriter) -> None:
                nonlocal num_sent
                writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                for _ in range(num_pieces):
                    writer.write(b"10000\r\n" + piece + b"\r\n")
                    await writer.drain()
                    num_sent += 1
                writer.write(b"0\r\n\r\n")

            await router.instance("cpu-0.0-1", flood)
            wire = await router.wire(port)
            wire.writer.transport.pause_reading()  # type: ignore[attr-defined]
            await wire.post(b"")
            await _stands_still(router, lambda: num_sent)
            assert 0 < num_sent < num_pieces
            wire.writer.transport.resume_reading()  # type: ignore[attr-defined]
            assert (await wire.reply()).body == piece * num_pieces
            assert _peak_mib(router) < 64

    asyncio.run(scenario())


async def _stands_still(router: Rig, reading: object) -> None:
    """Wait until a number has not changed while the router was asked twenty times."""
    assert callable(reading)
    before, num_equal = reading(), 0
    while num_equal < 20:
        await router.traffic.boot_id()
        await asyncio.sleep(0.005)
        num_equal = num_equal + 1 if reading() == before and before else 0
        before = reading()


def _peak_mib(router: Rig) -> int:
    assert router.process is not None
    with open(f"/proc/{router.process.pid}/status", encoding="ascii") as status:  # noqa: PTH123
        line = next(line for line in status if line.startswith("VmHWM"))
    return int(line.split()[1]) // 1024


def test_a_stalled_client_does_not_hold_up_others() -> None:
    async def scenario() -> None:
        async with rig() as router:
            port = await router.service()
            await router.instance("cpu-0.0-1")
            stalled = [await router.wire(port) for _ in range(20)]
            for wire in stalled:
                await wire.send(
                    b"POST /infer HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhalf"
                )
            assert (await router.ask(port, b"quick")).body == b"quick"

    asyncio.run(scenario())


async def keep_asking(wire: Wire, name: str, is_over: asyncio.Event) -> int:
    """Ask until told to stop; every answer must be the one for its request."""
    number = 0
    while not is_over.is_set():
        body = f"{name}/{number}".encode()
        await wire.post(body)
        reply = await wire.reply()
        assert (reply.status, reply.body) == (200, body)
        number += 1
    return number


def test_no_request_is_lost_while_instances_come_leave_and_die_under_load() -> None:
    async def scenario() -> None:
        async with rig() as router:
            port = await router.service()
            current = await router.instance("cpu-0.0-0")
            is_over = asyncio.Event()
            wires = [await router.wire(port) for _ in range(16)]
            asking = [
                asyncio.create_task(keep_asking(wire, str(number), is_over))
                for number, wire in enumerate(wires)
            ]
            for turn in range(1, 21):
                following = await router.instance(f"cpu-0.0-{turn}")
                await until(lambda seen=following: len(seen.asked) > 5)
                if turn % 2:
                    assert await router.traffic.drain(current.name, 10.0)
                current.close()
                await router.traffic.drain(current.name, 0.0)
                current = following
            is_over.set()
            num_sent = sum(await asyncio.gather(*asking))
            counts = await router.counts()
            assert counts["num_answered"] == counts["num_arrived"] == num_sent
            assert counts["num_failed"] == counts["num_refused"] == 0

    asyncio.run(scenario())
