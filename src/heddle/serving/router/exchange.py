"""One request, from its last byte to the last byte of its answer.

``client_connection`` starts it. It waits, is sent, is sent again where ``verdict`` says
so, and its answer is passed on by a ``relay``. Once a byte of an answer has gone to the
client nothing is sent again: when the instance dies then, the connection is cut so that
the client sees it.
"""

from __future__ import annotations

import asyncio
import math

from heddle.serving.router.answer import AnswerHead, refusal
from heddle.serving.router.instance_connection import InstanceConnection
from heddle.serving.router.relay import Client, Relay
from heddle.serving.router.request import Request
from heddle.serving.router.routed_instance import RoutedInstance
from heddle.serving.router.routed_service import RoutedService
from heddle.serving.router.verdict import AttemptEnd, Next, after_attempt, without_instance


class Exchange:
    """A request under way; it satisfies ``Sender`` and ``Waiter``.

    Parameters
    ----------
    request
        Whole.
    service
        What it asks.
    client
        Hears the answer.
    """

    def __init__(self, request: Request, service: RoutedService, client: Client) -> None:
        self._request = request
        self._service = service
        self._client = client
        self._loop = asyncio.get_running_loop()
        self._arrived_s = self._asked_s = self._loop.time()
        deadline_ms = request.deadline_ms
        self._due_s = math.inf if deadline_ms is None else self._arrived_s + deadline_ms / 1e3
        self._instance: RoutedInstance | None = None
        self._connection: InstanceConnection | None = None
        self._excluded: dict[str, AttemptEnd] = {}
        self._num_deaths = 0
        self._must_be_new = False
        self._is_over = False
        self._relay = self._new_relay()

    # 1. find an instance

    def start(self) -> None:
        """Send the request, let it wait, or refuse it."""
        self._service.tally.num_arrived += 1
        if self._service.is_removed:
            self._refuse(503, f"service {self._service.spec.name!r} is not served any more")
        elif self._service.room:
            self._wait()  # those who came before go first
        else:
            self._seek()

    def try_again(self) -> bool:
        """Look for an instance after having waited; False when there is still none.

        One that could not be reached is tried by one request at a time.
        """
        self._excluded.clear()
        instance = self._service.choose(self._excluded)
        if instance is None or (instance.is_shy and instance.num_in_flight):
            return False
        self._leave_room()
        self._send_to(instance)
        return True

    def gave_up(self) -> None:
        """Answer after having waited too long, or when the service is removed."""
        self._leave_room()
        name, wait_s = self._service.spec.name, self._service.limits.wait_s
        if self._service.is_removed:
            self._refuse(503, f"service {name!r} is not served any more")
        elif self._due_s <= self._loop.time():
            self._fail(504, f"no instance of {name!r} was ready before the request's deadline")
        else:
            self._refuse(503, f"no instance of {name!r} was ready within {wait_s:g} s")

    def cancel(self) -> None:
        """Stop: the client has gone away. The instance sees its connection closed."""
        if self._is_over:
            return
        self._is_over = True
        self._service.tally.num_cancelled += 1
        if self._instance is None:
            self._leave_room()
            return
        self._instance.tally.num_cancelled += 1
        if self._connection is not None:
            self._connection.close()
        self._leave_instance()

    def _seek(self) -> None:
        instance = self._service.choose(self._excluded)
        if instance is not None:
            self._send_to(instance)
            return
        is_full = [
            each.is_full or self._excluded.get(each.name) is AttemptEnd.FULL
            for each in self._service.instances.values()
        ]
        if without_instance(is_full) is Next.SAY_FULL:
            self._refuse(429, f"all instances of {self._service.spec.name!r} are full")
        else:
            self._wait()

    def _wait(self) -> None:
        service = self._service
        if self._request.method == b"GET" and self._request.path == service.spec.serving.ready_path:
            self._refuse(503, f"no instance of {service.spec.name!r} is ready")
            return
        if service.room.is_full:
            self._refuse(503, f"{len(service.room)} requests wait for {service.spec.name!r}")
            return
        service.tally.num_waiting += 1
        service.room.enter(self, min(self._arrived_s + service.limits.wait_s, self._due_s))
        service.seek_soon()

    def _leave_room(self) -> None:
        self._service.room.leave(self)
        self._service.tally.num_waiting -= 1

    # 2. send it there

    def connected(self, connection: InstanceConnection) -> None:
        """Send the request on a connection."""
        if self._is_over:
            connection.close()
            return
        self._connection = connection
        self._relay = self._new_relay()
        left_ms = None
        if self._due_s < math.inf:
            left_ms = (self._due_s - self._loop.time()) * 1e3
        connection.send(self, self._request.for_instance(left_ms))

    def attempt_ended(self, end: AttemptEnd, reason: str) -> None:
        """Send it again, or say why not."""
        instance = self._instance
        if self._is_over or instance is None:
            return
        instance.tally.num_failed += 1
        self._note(end, instance)
        self._connection = None
        self._leave_instance()
        if self._relay.has_written:
            self._is_over = True
            self._service.tally.num_failed += 1
            self._client.cut()
            return
        follows = after_attempt(end, self._service.spec.serving.retry, self._num_deaths)
        if follows is Next.SEND_AGAIN:
            self._service.tally.num_retried += 1
            self._seek()
        elif follows is Next.SAY_SILENT:
            self._fail(504, f"instance {instance.name} did not answer: {reason}")
        else:
            self._fail(502, self._died_text(instance.name, reason))

    def _send_to(self, instance: RoutedInstance) -> None:
        self._instance = instance
        self._asked_s = self._loop.time()
        instance.begin()
        self._service.tally.num_in_flight += 1
        instance.connect(self, must_be_new=self._must_be_new)

    def _note(self, end: AttemptEnd, instance: RoutedInstance) -> None:
        """Remember what an attempt says about the instance."""
        has_hung_up = end in {AttemptEnd.DIED, AttemptEnd.UNDELIVERED}
        self._num_deaths += end is AttemptEnd.DIED
        if has_hung_up and self._connection is not None and self._connection.is_used:
            self._must_be_new = True  # it may only have closed what was idle
            return
        self._excluded[instance.name] = end
        if end not in {AttemptEnd.FULL, AttemptEnd.LEAVING}:
            instance.avoid()

    def _leave_instance(self) -> None:
        instance, self._instance = self._instance, None
        if instance is not None:
            instance.end()
            self._service.tally.num_in_flight -= 1
            self._service.slot_freed()

    # 3. pass the answer on

    def answer_begun(self, head: AnswerHead) -> bool:
        """Pass the head on, or hold it until the answer is whole."""
        return self._relay.begin(head)

    def answer_part(self, piece: bytes) -> None:
        """Pass a piece on."""
        self._relay.part(piece)

    def answer_ended(self) -> None:
        """Finish."""
        relay, head, instance = self._relay, self._relay.head, self._instance
        if self._is_over or head is None or instance is None:
            return
        if relay.is_dropped:
            end = AttemptEnd.FULL if head.status == 429 else AttemptEnd.LEAVING
            self.attempt_ended(end, "it did not execute the request")
            return
        relay.end()
        instance.shy_until_s = 0.0
        until_s = relay.first_written_s if relay.is_stream else None
        self._count_answer(instance, until_s or self._loop.time())
        self._leave_instance()
        self._end(must_close=relay.ends_with_connection)

    def pause(self) -> None:
        """Take no more of the answer for now: the client is slow."""
        if self._connection is not None:
            self._connection.pause()

    def resume(self) -> None:
        """Go on taking the answer."""
        if self._connection is not None:
            self._connection.resume()

    def sweep(self, now_s: float) -> None:
        """Give up an instance that is silent for too long."""
        connection, limit_s = self._connection, self._service.limits.answer_s
        if connection is not None and now_s - connection.heard_s > limit_s:
            connection.fail(AttemptEnd.SILENT, f"nothing was heard for {limit_s:g} s")

    def _new_relay(self) -> Relay:
        return Relay(self._request, self._client, self._service.limits.max_answer_held_bytes)

    def _count_answer(self, instance: RoutedInstance, until_s: float) -> None:
        limit_ms = self._service.spec.service.latency_ms
        self._service.tally.answered((until_s - self._arrived_s) * 1e3, limit_ms)
        instance.tally.answered((until_s - self._asked_s) * 1e3)

    # 4. or say why there is none

    def _refuse(self, status: int, message: str) -> None:
        self._service.tally.num_refused += 1
        self._say(status, message)

    def _fail(self, status: int, message: str) -> None:
        self._service.tally.num_failed += 1
        self._say(status, message)

    def _say(self, status: int, message: str) -> None:
        self._client.write(refusal(status, message, self._request, is_last=self._client.is_last))
        self._end(must_close=False)

    def _end(self, *, must_close: bool) -> None:
        self._is_over = True
        self._connection = None
        self._client.exchange_ended(must_close=must_close)

    def _died_text(self, name: str, reason: str) -> str:
        why = "retry: never" if self._num_deaths <= 1 else f"this was attempt {self._num_deaths}"
        return f"instance {name} died with the request under way ({reason}); not retried: {why}"
