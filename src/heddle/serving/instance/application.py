"""The HTTP side of an instance, as a bare ASGI application.

No framework: each request costs what the protocol needs and no more. ``running`` makes
one, hands it to the HTTP server, and tells it when the engines are ready and when to
drain. Nothing that goes wrong shows a client more than a sentence.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import traceback
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple
from urllib.parse import quote

from heddle.clock import Clock
from heddle.errors import HeddleError, HostError, InputError
from heddle.serving.batching.batcher import Batcher
from heddle.serving.batching.job import Answer, NotExecutedError, Refusal
from heddle.serving.engines.engine import Signature
from heddle.serving.instance.body import ClientGoneError, Receive, read_body
from heddle.serving.instance.counters import CONTENT_TYPE, Counters, exposition
from heddle.serving.instance.order import InstanceOrder
from heddle.serving.instance.reply import Header, RejectedError, Reply, json_reply, reply_of
from heddle.serving.protocol.fitting import fit
from heddle.serving.protocol.metadata import network_metadata, server_metadata
from heddle.serving.protocol.request import HEADER_LENGTH, read_request
from heddle.serving.protocol.response import VERSION, write_response

Scope = MutableMapping[str, Any]
Send = Callable[[dict[str, Any]], Awaitable[None]]

DEADLINE = b"heddle-deadline-ms"
MAX_BODY_BYTES = 64 << 20
_MAX_DEADLINE_MS = 86_400_000.0
_OCTETS: Header = (b"content-type", b"application/octet-stream")
_JSON: Header = (b"content-type", b"application/json")
_CLOSE: Header = (b"connection", b"close")


@dataclass(frozen=True, slots=True)
class _Network:
    """A loaded network and the way to its workers."""

    signature: Signature
    batcher: Batcher
    batch: int


@dataclass(eq=False, slots=True)
class _Served:
    """A service at this instance, its own or a guest.

    ``network`` is None until it is ready; ``failure`` says why it never will be.
    """

    name: str
    model: str
    counters: Counters
    network: _Network | None = None
    failure: str = ""


class _Asked(NamedTuple):
    """What a path names: a service, by this name."""

    name: str
    served: _Served


class Application:
    """Answers for one instance; lives on one event loop.

    Parameters
    ----------
    order
        What the instance is.
    clock
        Of deadlines and durations.
    max_body_bytes
        Of one request; larger ones get a 413.
    """

    def __init__(
        self, order: InstanceOrder, clock: Clock, max_body_bytes: int = MAX_BODY_BYTES
    ) -> None:
        self._clock = clock
        self._max_body_bytes = max_body_bytes
        self._is_draining = False
        self._num_under_way = 0
        self._is_empty = asyncio.Event()
        self._is_empty.set()
        self._own_header: Header = (b"heddle-instance", quote(order.instance, safe=" ").encode())
        service = order.service
        self._instance = order.instance
        self._standing: Callable[[], Mapping[str, Any]] = dict
        self._own = self._served(service.name, service.service.model)
        self.counters = self._own.counters
        self._guests: dict[str, _Served] = {}
        self._list()

    def begin(self, signature: Signature, batcher: Batcher, batch: int) -> None:
        """Be ready from now on."""
        self._own.network = _Network(signature, batcher, batch)

    def expect_guest(self, name: str, model: str) -> None:
        """Know a guest, whose network is being loaded."""
        self._guests[name] = self._served(name, model)
        self._list()

    def guest_counters(self, name: str) -> Counters:
        """Return what is counted of a guest."""
        return self._guests[name].counters

    def begin_guest(self, name: str, signature: Signature, batcher: Batcher, batch: int) -> None:
        """Answer for a guest from now on."""
        self._guests[name].network = _Network(signature, batcher, batch)

    def fail_guest(self, name: str, message: str) -> None:
        """Tell who asks that a guest cannot be served here, and why."""
        self._guests[name].failure = message

    def end_guest(self, name: str) -> None:
        """Know a guest no more; what it has under way is answered."""
        del self._guests[name]
        self._list()

    def show(self, standing: Callable[[], Mapping[str, Any]]) -> None:
        """Show what a shared device says of itself from now on."""
        self._standing = standing

    async def drain(self) -> None:
        """Refuse inferences from now on; return when those under way have been replied to."""
        self._is_draining = True
        for served in (self._own, *self._guests.values()):
            if served.network is not None:
                served.network.batcher.drain()
        await self._is_empty.wait()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Reply to one request."""
        asked = self._infer.get(scope["path"])
        if asked is not None and scope["method"] == "POST":
            with contextlib.suppress(ClientGoneError):
                await self._send(send, await self._counted(asked, scope, receive))
        else:
            await self._send(send, self._page(scope))

    async def _send(self, send: Send, reply: Reply) -> None:
        headers = [*reply.headers, self._own_header]
        headers.append((b"content-length", str(len(reply.body)).encode()))
        if self._is_draining and _CLOSE not in headers:
            headers.append(_CLOSE)
        start = {"type": "http.response.start", "status": reply.status, "headers": headers}
        await send(start)
        await send({"type": "http.response.body", "body": reply.body})

    async def _counted(self, asked: _Asked, scope: Scope, receive: Receive) -> Reply:
        arrived_s = self._clock.now_s()
        self._num_under_way += 1
        self._is_empty.clear()
        try:
            reply = await self._inferred(asked, dict(scope["headers"]), receive, arrived_s)
        except HeddleError as error:
            reply = reply_of(error)
        except ClientGoneError:
            raise
        except Exception:  # noqa: BLE001 (a defect is for the log, not for clients)
            traceback.print_exc()
            reply = reply_of(
                HostError("the instance failed on this request; its log has the reason")
            )
        finally:
            self._num_under_way -= 1
            if self._num_under_way == 0:
                self._is_empty.set()
        asked.served.counters.note_request(reply.status, self._clock.now_s() - arrived_s)
        return reply

    async def _inferred(
        self, asked: _Asked, headers: Mapping[bytes, bytes], receive: Receive, arrived_s: float
    ) -> Reply:
        # 1. May it come in at all?
        network = self._require_network(asked.served)
        within_ms = _deadline_ms(headers)
        # 2. Read it, and hold it against the network.
        body = await read_body(receive, headers, self._max_body_bytes)
        request = read_request(body, _json_length(headers))
        fitting = fit(request, network.signature)
        if request.timeout_us is not None:
            within_ms = min(within_ms, request.timeout_us / 1e3)
        # 3. Let it wait for a batch, and run.
        answer = await _ended(
            network.batcher.submit(
                fitting.inputs, fitting.output_names(), fitting.num_rows,
                arrived_s + within_ms / 1e3,
            ),
            receive,
        )  # fmt: skip
        # 4. Write its answer.
        written = write_response(asked.name, request.id, fitting.outputs, answer.outputs)
        replied: list[Header] = [
            (b"heddle-batch-ms", f"{answer.batch_ms:.3f}".encode()),
            (b"heddle-batch-size", str(answer.batch_size).encode()),
        ]
        if written.json_length is None:
            return Reply(200, written.body, (_JSON, *replied))
        length = (HEADER_LENGTH, str(written.json_length).encode())
        return Reply(200, written.body, (_OCTETS, length, *replied))

    def _require_network(self, served: _Served) -> _Network:
        if self._is_draining:
            raise NotExecutedError(Refusal.DRAINING, "this instance is about to stop")
        if served.failure:
            raise HostError(f"service {served.name!r} cannot be served here: {served.failure}")
        if served.network is None:
            message = (
                "this instance is not ready yet"
                if served is self._own
                else f"service {served.name!r} is not ready yet at this instance"
            )
            raise NotExecutedError(Refusal.UNREADY, message)
        return served.network

    def _page(self, scope: Scope) -> Reply:
        path, method = scope["path"], scope["method"]
        try:
            if path in self._infer:
                raise RejectedError(405, f"expected POST, found {method}", ((b"allow", b"POST"),))
            page = self._pages.get(path)
            if page is None:
                raise RejectedError(404, self._unknown(path))
            if method not in ("GET", "HEAD"):
                message = f"expected GET, found {method}"
                raise RejectedError(405, message, ((b"allow", b"GET, HEAD"),))
            return page()
        except HeddleError as error:
            return reply_of(error)

    def _unknown(self, path: str) -> str:
        parts = path.split("/")
        names = sorted({asked.name for asked in self._infer.values()})
        if parts[1:3] == ["v2", "models"] and parts[3:4] != [""] and parts[3] not in names:
            return f"no network {parts[3]!r:.100} here; it is called {' or '.join(names)}"
        return f"no such page: {path:.100}"

    def _served(self, name: str, model: str) -> _Served:
        return _Served(name, model, Counters(self._instance, name))

    def _list(self) -> None:
        """Write down all paths; where two have one name, the instance's own service has it."""
        self._infer: dict[str, _Asked] = {}
        self._pages: dict[str, Callable[[], Reply]] = {
            "/v2": lambda: json_reply(server_metadata()),
            "/v2/health/live": lambda: json_reply({}),
            "/v2/health/ready": partial(self._ready, self._own),
            "/metrics": self._metrics,
            "/heddle/sharing": self._sharing,
        }
        every = (self._own, *self._guests.values())
        names = [(served.name, served) for served in every]
        names += [(served.model, served) for served in every]
        for name, served in reversed(names):
            for path in _paths(f"/v2/models/{name}", "/infer"):
                self._infer[path] = _Asked(name, served)
            for path in _paths(f"/v2/models/{name}", ""):
                self._pages[path] = partial(self._metadata, name, served)
            for path in _paths(f"/v2/models/{name}", "/ready"):
                self._pages[path] = partial(self._ready, served)

    def _ready(self, served: _Served) -> Reply:
        self._require_network(served)
        return json_reply({})

    def _metadata(self, name: str, served: _Served) -> Reply:
        network = served.network
        if network is None:
            raise NotExecutedError(Refusal.UNREADY, "this instance is not ready yet")
        return json_reply(network_metadata(name, network.signature, network.batch))

    def _sharing(self) -> Reply:
        """Reply with the guests of this instance, and who holds its device."""
        guests = {name: self._state_of(guest) for name, guest in self._guests.items()}
        return json_reply({"service": self._own.name, "guests": guests, "device": self._standing()})

    def _state_of(self, served: _Served) -> dict[str, Any]:
        network = served.network
        state = "failed" if served.failure else "loading" if network is None else "ready"
        return {
            "state": state,
            "message": served.failure,
            "num_waiting": network.batcher.num_waiting if network else 0,
            "num_running": network.batcher.num_running if network else 0,
        }

    def _metrics(self) -> Reply:
        every = (self._own, *self._guests.values())
        text = exposition([(served.counters, self._gauges_of(served)) for served in every])
        return Reply(200, text.encode(), ((b"content-type", CONTENT_TYPE),))

    def _gauges_of(self, served: _Served) -> dict[str, tuple[str, float]]:
        batcher = served.network.batcher if served.network is not None else None
        is_ready = batcher is not None and not self._is_draining
        return {
            "heddle_instance_waiting": (
                "Requests that wait for a worker.", batcher.num_waiting if batcher else 0,
            ),
            "heddle_instance_running": (
                "Requests in an engine.", batcher.num_running if batcher else 0,
            ),
            "heddle_instance_ready": ("Whether it takes requests.", int(is_ready)),
        }  # fmt: skip


async def _ended(answer: asyncio.Future[Answer], receive: Receive) -> Answer:
    """Wait for an answer; a client that goes away gives its place in the queue away."""
    if answer.done():
        return answer.result()
    watch = asyncio.ensure_future(receive())
    watch.add_done_callback(lambda _: answer.cancel())
    try:
        return await answer
    except asyncio.CancelledError:
        if watch.done():
            raise ClientGoneError from None
        raise
    finally:
        watch.cancel()


def _paths(base: str, end: str) -> tuple[str, str]:
    return f"{base}{end}", f"{base}/versions/{VERSION}{end}"


def _json_length(headers: Mapping[bytes, bytes]) -> int | None:
    found = headers.get(HEADER_LENGTH)
    if found is None:
        return None
    if not found.isdigit() or len(found) > 12:
        raise InputError("expected a number of bytes as Inference-Header-Content-Length")
    return int(found)


def _deadline_ms(headers: Mapping[bytes, bytes]) -> float:
    """Return how long a request may wait, milliseconds; infinite when it says nothing."""
    found = headers.get(DEADLINE)
    if found is None:
        return math.inf
    try:
        within_ms = float(found)
    except ValueError:
        within_ms = math.nan
    if not within_ms > 0.0:
        raise InputError("expected milliseconds above 0 as heddle-deadline-ms")
    return within_ms if within_ms < _MAX_DEADLINE_MS else math.inf
