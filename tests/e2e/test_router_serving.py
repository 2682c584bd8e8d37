"""A real router with scripted instances: what clients send and get."""

from __future__ import annotations

import asyncio

import pytest

from router_rig import Asked, Rig, answer, rig, say, until

TWO_LENGTHS = (
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc"
)


def test_a_request_reaches_an_instance_and_its_answer_the_client() -> None:
    async def scenario() -> None:
        async with rig() as router:
            port = await router.service()
            seen = await router.instance("cpu-0.0-1", say(answer(b"yes", "heddle-batch-size: 3")))
            reply = await router.ask(port, b"question", "X-Mine: 1", "X-Forwarded-For: 10.0.0.1")
            assert (reply.status, reply.body) == (200, b"yes")
            assert reply.headers["heddle-batch-size"] == "3"
            [asked] = seen.asked
            assert asked.line == "POST /infer HTTP/1.1"
            assert asked.body == b"question"
            assert asked.headers["host"] == "here"
            assert asked.headers["x-mine"] == "1"
            assert asked.headers["x-forwarded-for"] == "10.0.0.1, 127.0.0.1"

    asyncio.run(scenario())


def test_headers_of_one_connection_are_not_passed_on() -> None:
    async def scenario() -> None:
        async with rig() as router:
            port = await router.service()
            reply = answer(
                b"", "Connection: keep-alive, X-Own", "Keep-Alive: timeout=5", "X-Own: 1"
            )
            seen = await router.instance("cpu-0.0-1", say(reply))
            headers = ("Connection: X-Hop", "X-Hop: 1", "TE: trailers", "Keep-Alive: 3", "X-Ok: 1")
            got = await router.ask(port, b"", *headers)
            assert not {"x-hop", "te", "keep-alive", "connection"} & seen.asked[0].headers.keys()
            assert seen.asked[0].headers["x-ok"] == "1"
            assert not {"x-own", "keep-alive"} & {name.lower() for name in got.headers}

    asyncio.run(scenario())


def test_connections_are_kept_on_both_sides() -> None:
    async def scenario() -> None:
        async with rig() as router:
            port = await router.service()
            seen = await router.instance("cpu-0.0-1")
            wire = await router.wire(port)
            for number in range(20):
                await wire.post(str(number).encode())
                assert (await wire.reply()).body == str(number).encode()
            assert seen.num_connections == 1

    asyncio.run(scenario())


def test_pipelined_requests_are_answered_in_their_order() -> None:
    async def scenario() -> None:
        async with rig() as router:
            port = await router.service()
            for number in range(3):
                await router.instance(f"cpu-0.{number}-1")
            wire = await router.wire(port)
            bodies = [str(number).encode() for number in range(50)]
            head = "POST /infer HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n"
            await wire.send(b"".join(head.format(len(each)).encode() + each for each in bodies))
            assert [(await wire.reply()).body for _ in bodies] == bodies

    asyncio.run(scenario())


def test_a_hundred_clients_get_their_own_answers() -> None:
    async def scenario() -> None:
        async with rig() as router:
            port = await router.service()
            instances = [await router.instance(f"cpu-0.{number}-1") for number in range(4)]

            async def client(number: int) -> None:
                wire = await router.wire(port)
                for turn in range(10):
                    body = f"{number}/{turn}".encode()
                    await wire.post(body)
                    assert (await wire.reply()).body == body

            await asyncio.gather(*(client(number) for number in range(100)))
            counts = await router.counts()
            assert counts["num_answered"] == counts["num_arrived"] == 1000
            assert counts["num_in_flight"] == counts["num_waiting"] == counts["num_failed"] == 0
            assert all(instance.asked for instance in instances)

    asyncio.run(scenario())


def test_requests_are_shared_out_as_rates_are() -> None:
    async def scenario() -> None:
        async with rig() as router:
            port = await router.service()
            gate = asyncio.Event()

            async def wait(asked: Asked, writer: asyncio.StreamWriter) -> None:
                await gate.wait()
                writer.write(answer(asked.body))

            fast = await router.instance("cpu-0.0-1", rate_rps=300.0)
            slow = await router.instance("cpu-0.4-2", rate_rps=100.0)
            fast.default = slow.default = wait
            asking = [asyncio.create_task(router.ask(port)) for _ in range(40)]
            await until(lambda: len(fast.asked) + len(slow.asked) == 40)
            assert (len(fast.asked), len(slow.asked)) == (30, 10)
            gate.set()
            await asyncio.gather(*asking)

    asyncio.run(scenario())


@pytest.mark.parametrize("size", [0, 1, 1 << 20, (1 << 20) + 1, 5 << 20])
def test_bodies_of_all_sizes_pass_unchanged(size: int) -> None:
    async def scenario() -> None:
        async with rig() as router:
            port = await router.service()
            await router.instance("cpu-0.0-1")
            body = bytes(number % 251 for number in range(1000)) * (size // 1000 + 1)
            assert (await router.ask(port, body[:size])).body == body[:size]

    asyncio.run(scenario())


def test_a_chunked_request_arrives_with_its_length() -> None:
    async def scenario() -> None:
        async with rig() as router:
            port = await router.service()
            seen = await router.instance("cpu-0.0-1")
            wire = await router.wire(port)
            await wire.send(
                b"POST /infer HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
            )
            await wire.send(b"3\r\nabc\r\n", b"2\r\nde\r\n", b"0\r\n\r\n")
            assert (await wire.reply()).body == b"abcde"
            assert seen.asked[0].headers["content-length"] == "5"
            assert "transfer-encoding" not in seen.asked[0].headers

    asyncio.run(scenario())


def test_who_expects_100_continue_gets_it_before_the_body() -> None:
    async def scenario() -> None:
        async with rig() as router:
            port = await router.service()
            seen = await router.instance("cpu-0.0-1")
            wire = await router.wire(port)
            await wire.send(b"POST /infer HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n")
            await wire.send(b"Content-Length: 2\r\n\r\n")
            assert (await wire.head()).status == 100
            await wire.send(b"ab")
            assert (await wire.reply()).body == b"ab"
            assert "expect" not in seen.asked[0].headers

    asyncio.run(scenario())


def test_an_answer_to_head_has_a_length_and_no_body() -> None:
    async def scenario() -> None:
        async with rig() as router:
            port = await router.service()
            await router.instance("cpu-0.0-1", say(b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n"))
            wire = await router.wire(port)
            await wire.send(b"HEAD /v2 HTTP/1.1\r\nHost: a\r\n\r\n")
            reply = await wire.reply(has_body=False)
            assert reply.headers["content-length"] == "7"
            await wire.post(b"next")
            assert (await wire.reply()).body == b"next"

    asyncio.run(scenario())


def test_http_10_clients_get_an_end_or_keep_alive_as_they_ask() -> None:
    async def scenario() -> None:
        async with rig() as router:
            port = await router.service()
            await router.instance("cpu-0.0-1")
            wire = await router.wire(port)
            await wire.send(
                b"POST / HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\na"
            )
            assert (await wire.reply()).headers["connection"] == "keep-alive"
            await wire.send(b"POST / HTTP/1.0\r\nContent-Length: 1\r\n\r\nb")
            assert (await wire.reply()).headers["connection"] == "close"
            assert await wire.rest() == b""

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (
            TWO_LENGTHS,
            400,
        ),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", 501),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\n\r\n", 413),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 70_000 + b"\r\n\r\n", 431),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
    ],
)
def test_what_is_no_sound_request_is_refused_and_reaches_nobody(
    request_bytes: bytes, status: int
) -> None:
    async def scenario() -> None:
        async with rig() as router:
            port = await router.service()
            seen = await router.instance("cpu-0.0-1")
            wire = await router.wire(port)
            await wire.send(request_bytes)
            reply = await wire.reply()
            assert reply.status == status
            assert reply.body.startswith(b'{"error":')
            assert await wire.rest() == b""
            assert seen.asked == []
            counts = await router.counts()
            assert (counts["num_rejected"], counts["num_arrived"]) == (1, 0)

    asyncio.run(scenario())


def test_a_client_that_goes_away_has_its_request_cancelled_and_counted_apart() -> None:
    async def scenario() -> None:
        async with rig() as router:
            port = await router.service()
            is_cancelled = asyncio.Event()

            async def wait_for_the_end(asked: Asked, writer: asyncio.StreamWriter) -> None:
                await until(writer.transport.is_closing)
                is_cancelled.set()

            seen = await router.instance("cpu-0.0-1", wait_for_the_end)
            wire = await router.wire(port)
            await wire.post(b"never mind")
            await until(lambda: len(seen.asked) == 1)
            await wire.close()
            await _hang_up_seen(seen.connections, is_cancelled)
            counts = await router.counts()
            assert counts["num_cancelled"] == counts["num_arrived"] == 1
            assert counts["num_failed"] == counts["num_in_flight"] == 0

    asyncio.run(scenario())


async def _hang_up_seen(
    connections: set[asyncio.StreamWriter], is_cancelled: asyncio.Event
) -> None:
    """Write until the system says that nobody reads."""

    def has_hung_up() -> bool:
        for writer in connections:
            writer.write(b"H")
        return is_cancelled.is_set()

    await until(has_hung_up)


def test_a_client_that_goes_away_while_it_waits_is_forgotten() -> None:
    async def scenario() -> None:
        async with rig() as router:
            port = await router.service()
            wire = await router.wire(port)
            await wire.post(b"never mind")
            await _until_count(router, "num_waiting", 1)
            await wire.close()
            await _until_count(router, "num_cancelled", 1)
            assert (await router.counts())["num_waiting"] == 0

    asyncio.run(scenario())


async def _until_count(router: Rig, name: str, count: int) -> None:
    async def holds() -> bool:
        return (await router.counts())[name] == count

    await until(holds)
