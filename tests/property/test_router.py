"""Laws of the router: how bytes are cut does not matter, and the counts add up."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from heddle.cluster.route import Route
from heddle.serving.router.address import Address
from heddle.serving.router.choice import least_delay
from heddle.serving.router.gate import Gate
from heddle.serving.router.limits import Limits
from heddle.serving.router.request_reader import RequestReader
from heddle.serving.router.routed_service import RoutedService
from router_rig import (
    FULL,
    LEAVING,
    Behaviour,
    ScriptedInstance,
    Wire,
    a_service,
    die,
    echo,
    free_port,
)

LIMITS = Limits(wait_s=0.2, seek_s=0.02, shy_s=0.02)


@st.composite
def messages(draw: st.DrawFn) -> tuple[bytes, list[bytes]]:
    """Draw pipelined requests as bytes, and their bodies."""
    bodies = draw(st.lists(st.binary(max_size=40), min_size=1, max_size=5))
    written = b""
    for body in bodies:
        if draw(st.booleans()):
            size = draw(st.integers(1, 20))
            parts = [body[at : at + size] for at in range(0, len(body), size)]
            chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts)
            framed = b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"
        else:
            framed = b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
        written += b"POST /x HTTP/1.1\r\nHost: a\r\n" + framed
    return written, bodies


@given(messages(), st.lists(st.integers(1, 60), min_size=1, max_size=30))
def test_requests_are_the_same_however_their_bytes_are_cut(
    message: tuple[bytes, list[bytes]], sizes: list[int]
) -> None:
    written, bodies = message
    reader = RequestReader(LIMITS)
    at = turn = 0
    while at < len(written):
        size = sizes[turn % len(sizes)]
        reader.feed(written[at : at + size])
        at, turn = at + size, turn + 1
    assert reader.rejection is None
    assert [request.body for request in reader.requests] == bodies
    assert not reader.is_within_request


@given(st.binary(max_size=300))
def test_any_bytes_are_read_waited_for_or_refused(rubbish: bytes) -> None:
    reader = RequestReader(LIMITS)
    reader.feed(rubbish)
    if reader.rejection is not None:
        assert 400 <= reader.rejection.status <= 505


@dataclass(frozen=True)
class Seat:
    name: str
    rate_rps: float
    num_in_flight: int
    capacity: int = 50
    shy_until_s: float = 0.0


@given(
    st.lists(st.tuples(st.floats(0.1, 1e4), st.integers(0, 49)), min_size=1, max_size=8),
    st.randoms(use_true_random=False),
)
def test_the_choice_has_the_least_delay_and_does_not_depend_on_the_order(
    seats: list[tuple[float, int]], order: object
) -> None:
    candidates = [Seat(f"i{n}", rate, count) for n, (rate, count) in enumerate(seats)]
    chosen = least_delay(candidates, (), 1.0)
    assert chosen is not None
    delays = [(seat.num_in_flight + 1) / seat.rate_rps for seat in candidates]
    assert (chosen.num_in_flight + 1) / chosen.rate_rps == min(delays)
    assert least_delay(candidates[::-1], (), 1.0) == chosen


async def counts_after(scripts: list[list[Behaviour]], num_requests: int) -> dict[str, int]:
    """Send requests at once through a router's parts; return what was counted."""
    gate = Gate(LIMITS)
    service = RoutedService(a_service("vision", free_port()), LIMITS)
    address = Address(service, service.spec.port, gate)
    await address.open("127.0.0.1")
    instances = []
    for number, script in enumerate(scripts):
        made = ScriptedInstance(f"cpu-0.{number}-1", "vision", free_port(), script=list(script))
        await made.open()
        instances.append(made)
        service.add(Route(made.name, "vision", made.port, 100.0, 10.0, 4))

    async def ask(number: int) -> int:
        wire = Wire(*await asyncio.open_connection("127.0.0.1", address.port))
        await wire.post(b"%d" % number)
        reply = await wire.reply()
        assert reply.status != 200 or reply.body == b"%d" % number
        await wire.close()
        return reply.status

    statuses = await asyncio.gather(*(ask(number) for number in range(num_requests)))
    address.close()
    await gate.close(5.0)
    service.close()
    for instance in instances:
        instance.close()
    await asyncio.sleep(0)
    tally = service.tally
    assert tally.num_answered == statuses.count(200)
    assert tally.num_failed == statuses.count(502)
    assert tally.num_refused == statuses.count(503) + statuses.count(429)
    return {name: value for name, value in tally.members().items() if name != "histogram"}


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.lists(st.sampled_from([echo, die, FULL, LEAVING]), max_size=4), min_size=1, max_size=3
    ),
    st.integers(1, 8),
)
def test_every_request_is_counted_once_whatever_instances_do(
    scripts: list[list[Behaviour]], num_requests: int
) -> None:
    counts = asyncio.run(counts_after(scripts, num_requests))
    ended = ("num_answered", "num_failed", "num_refused", "num_cancelled")
    assert counts["num_arrived"] == num_requests == sum(counts[name] for name in ended)
    assert counts["num_in_flight"] == counts["num_waiting"] == 0
