"""One request, from its last byte to the last byte of its answer.

``client_connection`` starts it. It waits, is sent, is sent again where ``verdict`` says
so, and its answer is passed on by a ``relay``. Once a byte of an answer has gone to the
client nothing is sent again: when the instance dies then, the connection is cut so that
the client sees it.
"""

from __future__ import annotations

import asyncio
import math

from heddle.serving.router.answer import refusal
from heddle.serving.router.attempt import Attempt
from heddle.serving.router.relay import Client, Relay
from heddle.serving.router.request import Request
from heddle.serving.router.routed_instance import RoutedInstance
from heddle.serving.router.routed_service import RoutedService
from heddle.serving.router.verdict import AttemptEnd, Next, after_attempt, without_instance


class Exchange:
    """A request under way; it satisfies ``Outcome`` and ``Waiter``.

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
        self._arrived_s = self._loop.time()
        deadline_ms = request.deadline_ms
        self._due_s = math.inf if deadline_ms is None else self._arrived_s + deadline_ms / 1e3
        self._attempt: Attempt | None = None
        self._excluded: dict[str, AttemptEnd] = {}
        self._num_deaths = 0
        self._must_be_new = False
        self._is_over = False

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
        """Look for an instance after having waited; False when there is still none."""
        instance = self._service.choose_for_waiter()
        if instance is None:
            return False
        self._excluded.clear()
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
        if self._attempt is None:
            self._leave_room()
        else:
            self._attempt.cancel()
            self._leave_attempt()

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

    def _send_to(self, instance: RoutedInstance) -> None:
        relay = Relay(self._request, self._client, self._service.limits.max_answer_held_bytes)
        self._attempt = Attempt(self._request, instance, relay, self)
        self._service.tally.num_in_flight += 1
        self._attempt.start(self._due_s, must_be_new=self._must_be_new)

    def pause(self) -> None:
        """Take no more of the answer for now: the client is slow."""
        if self._attempt is not None:
            self._attempt.pause()

    def resume(self) -> None:
        """Go on taking the answer."""
        if self._attempt is not None:
            self._attempt.resume()

    def sweep(self, now_s: float) -> None:
        """Give up an instance that is silent for too long."""
        if self._attempt is not None:
            self._attempt.sweep(now_s, self._service.limits.answer_s)

    def _leave_attempt(self) -> None:
        self._attempt = None
        self._service.tally.num_in_flight -= 1
        self._service.slot_freed()

    # 3. count the answer, or send the request again

    def answered(self, attempt: Attempt) -> None:
        """Finish. Of a stream the latency is that of its beginning."""
        relay = attempt.relay
        until_s = relay.first_written_s if relay.is_stream else None
        latency_ms = ((until_s or self._loop.time()) - self._arrived_s) * 1e3
        self._service.tally.answered(latency_ms, self._service.spec.service.latency_ms)
        self._leave_attempt()
        self._end(must_close=relay.ends_with_connection)

    def not_answered(self, attempt: Attempt, end: AttemptEnd, reason: str) -> None:
        """Send it again, or say why not."""
        self._note(attempt, end)
        self._leave_attempt()
        if attempt.relay.has_written:
            self._is_over = True
            self._service.tally.num_failed += 1
            self._client.cut()
            return
        follows = after_attempt(end, self._service.spec.serving.retry, self._num_deaths)
        if follows is Next.SEND_AGAIN:
            self._service.tally.num_retried += 1
            self._seek()
        elif follows is Next.SAY_SILENT:
            self._fail(504, f"instance {attempt.instance.name} did not answer: {reason}")
        else:
            self._fail(502, _died_text(attempt.instance.name, reason, self._num_deaths))

    def _note(self, attempt: Attempt, end: AttemptEnd) -> None:
        """Remember what an attempt says about the instance."""
        has_hung_up = end in {AttemptEnd.DIED, AttemptEnd.UNDELIVERED}
        self._num_deaths += end is AttemptEnd.DIED
        if has_hung_up and attempt.was_on_used_connection:
            self._must_be_new = True  # it may only have closed what was idle
            return
        self._excluded[attempt.instance.name] = end
        if end is not AttemptEnd.FULL:
            attempt.instance.avoid()

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
        self._client.exchange_ended(must_close=must_close)


def _died_text(name: str, reason: str, num_deaths: int) -> str:
    why = "retry: never" if num_deaths <= 1 else f"this was attempt {num_deaths}"
    return f"instance {name} died with the request under way ({reason}); not retried: {why}"
