"""One attempt to have a request answered by one instance.

An ``exchange`` makes it, and another one where ``verdict`` allows. It satisfies
``Sender``: the instance's connection tells it what comes.
"""

from __future__ import annotations

import asyncio
import math
from typing import Protocol

from heddle.serving.router.answer import AnswerHead
from heddle.serving.router.instance_connection import InstanceConnection
from heddle.serving.router.relay import Relay
from heddle.serving.router.request import Request
from heddle.serving.router.routed_instance import RoutedInstance
from heddle.serving.router.verdict import AttemptEnd


class Outcome(Protocol):
    """Who hears how it ended; once, and not when it was cancelled."""

    def answered(self, attempt: Attempt) -> None:
        """Hear that the answer is with the client."""
        ...

    def not_answered(self, attempt: Attempt, end: AttemptEnd, reason: str) -> None:
        """Hear that there is no whole answer."""
        ...


class Attempt:
    """One attempt; it counts at its instance from :meth:`start` until it is over.

    Attributes
    ----------
    instance
        Whom it asks.
    relay
        What the client has of the answer.
    """

    def __init__(
        self, request: Request, instance: RoutedInstance, relay: Relay, outcome: Outcome
    ) -> None:
        self.instance = instance
        self.relay = relay
        self._request = request
        self._outcome = outcome
        self._loop = asyncio.get_running_loop()
        self._asked_s = self._loop.time()
        self._due_s = math.inf
        self._connection: InstanceConnection | None = None
        self._is_over = False

    @property
    def was_on_used_connection(self) -> bool:
        """Whether the instance may only have closed a connection that was idle."""
        return self._connection is not None and self._connection.is_used

    def start(self, due_s: float, *, must_be_new: bool) -> None:
        """Ask; ``due_s`` is the request's deadline, on a new connection where it must be."""
        self._due_s = due_s
        self.instance.begin()
        self.instance.connect(self, must_be_new=must_be_new)

    def cancel(self) -> None:
        """Stop: nobody wants the answer. The instance sees its connection closed."""
        self.instance.tally.num_cancelled += 1
        if self._connection is not None:
            self._connection.close()
        self._leave()

    def connected(self, connection: InstanceConnection) -> None:
        """Send the request on a connection."""
        if self._is_over:
            connection.close()
            return
        self._connection = connection
        is_limited = self._due_s < math.inf
        left_ms = (self._due_s - self._loop.time()) * 1e3 if is_limited else None
        connection.send(self, self._request.for_instance(left_ms))

    def answer_begun(self, head: AnswerHead) -> bool:
        """Pass the head on, or hold it until the answer is whole."""
        return self.relay.begin(head)

    def answer_part(self, piece: bytes) -> None:
        """Pass a piece on."""
        self.relay.part(piece)

    def answer_ended(self) -> None:
        """Finish; an answer that says "not executed" is none."""
        if self._is_over:
            return
        head = self.relay.head
        if head is not None and self.relay.is_dropped:
            end = AttemptEnd.FULL if head.status == 429 else AttemptEnd.LEAVING
            self.attempt_ended(end, "it did not execute the request")
            return
        self.relay.end()
        self.instance.tally.answered((self._loop.time() - self._asked_s) * 1e3)
        self.instance.shy_until_s = 0.0
        self._leave()
        self._outcome.answered(self)

    def attempt_ended(self, end: AttemptEnd, reason: str) -> None:
        """Hear that there will be no whole answer."""
        if self._is_over:
            return
        self.instance.tally.num_failed += 1
        self._leave()
        self._outcome.not_answered(self, end, reason)

    def pause(self) -> None:
        """Take no more of the answer for now: the client is slow."""
        if self._connection is not None and not self._is_over:
            self._connection.pause()

    def resume(self) -> None:
        """Go on taking the answer."""
        if self._connection is not None and not self._is_over:
            self._connection.resume()

    def sweep(self, now_s: float, limit_s: float) -> None:
        """Give up an instance that has been silent for longer than a limit."""
        connection = self._connection
        if connection is not None and now_s - connection.heard_s > limit_s:
            connection.fail(AttemptEnd.SILENT, f"nothing was heard for {limit_s:g} s")

    def _leave(self) -> None:
        self._is_over = True
        self.instance.end()
