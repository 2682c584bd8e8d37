"""The local runtime from the side of other processes: a library over its socket.

Three lines run a real-time task::

    with RuntimeClient(path) as runtime:
        task = runtime.open("mlp-small", "rt").submit(deadline_ms=50)
        print(task.wait().latency_ms)

A connection is for one thread. When it is closed, or its process dies, what it has queued is
cancelled and what runs of it leaves the device.
"""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any, Self

from heddle.cluster.json_object import JsonObject
from heddle.cluster.line_client import LineClient, RefusedError
from heddle.errors import HostError
from heddle.runtime.local.outcome import Outcome

_MAX_NUMBER = 2**53
#: Opening a network that nobody has measured waits for runs of it.
_OPEN_WITHIN_S = 600.0
_SILENCE_S = 120.0
#: A wait without end is asked again and again, so that a runtime that hangs is noticed.
_WAIT_MS = 60_000.0
_GRACE_S = 30.0


class RuntimeLostError(HostError):
    """The runtime has ended or does not answer; what was not over is lost."""

    def __init__(self, message: str) -> None:
        super().__init__(message, is_retryable=True)


class RuntimeClient:
    """A connection to the local runtime.

    Parameters
    ----------
    path
        Of its socket.

    Raises
    ------
    HostError
        Nobody listens there.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._line = LineClient(path, _SILENCE_S)

    def open(self, network: str, priority: str, capacity: int | None = None) -> RuntimeQueue:
        """A queue of tasks of one network; waits until the network is measured.

        Parameters
        ----------
        network
            One that the device has; ``status()["networks"]`` lists them.
        priority
            ``"rt"`` for real-time work, ``"be"`` for best-effort work.
        capacity
            How many tasks may wait; None for as many as the device can hold.

        Raises
        ------
        RefusedError
            There is no such network, or no room.
        """
        request: dict[str, Any] = {"ask": "open", "network": network, "priority": priority}
        if capacity is not None:
            request["capacity"] = capacity
        reply = self.ask(request, _OPEN_WITHIN_S)
        alone_ms = None if reply.raw["standalone_ms"] is None else reply.number("standalone_ms")
        return RuntimeQueue(self, reply.integer("client", 1, _MAX_NUMBER), alone_ms)

    def status(self) -> dict[str, Any]:
        """The device, its clients and its figures; docs/local-runtime.md has the members."""
        return self.ask({"ask": "status"}).raw

    def close(self) -> None:
        """Hangs up, which ends the queues; may be called again."""
        self._line.close()

    def ask(self, request: dict[str, Any], silence_s: float = _SILENCE_S) -> JsonObject:
        """One request as it is, and its reply.

        Raises
        ------
        RefusedError
            The runtime refuses it, and says why.
        RuntimeLostError
            The runtime has ended; connecting again may help.
        """
        try:
            return self._line.ask(request, silence_s)
        except RefusedError:
            raise
        except HostError as error:
            raise RuntimeLostError(f"{error}; tasks that were not over are lost") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class RuntimeQueue:
    """A queue of tasks, made by :meth:`RuntimeClient.open`.

    Parameters
    ----------
    client
        The connection.
    number
        Its own, as the runtime counts.
    standalone_ms
        How long the network takes alone; None where it has never run.
    """

    def __init__(self, client: RuntimeClient, number: int, standalone_ms: float | None) -> None:
        self.client = client
        self.number = number
        self.standalone_ms = standalone_ms

    def submit(self, deadline_ms: float | None = None) -> RuntimeTask:
        """A task that arrives now.

        Parameters
        ----------
        deadline_ms
            From now; real-time tasks only.

        Raises
        ------
        RefusedError
            The queue is full, or the deadline cannot be met; the message says why.
        """
        return self.submit_many(1, deadline_ms)[0]

    def submit_many(self, count: int, deadline_ms: float | None = None) -> list[RuntimeTask]:
        """As many tasks, all or none."""
        request: dict[str, Any] = {"ask": "submit", "client": self.number, "count": count}
        if deadline_ms is not None:
            request["deadline_ms"] = deadline_ms
        numbers = self.client.ask(request).integers("tasks", 1, _MAX_NUMBER)
        return [RuntimeTask(self, number) for number in numbers]

    def close(self) -> None:
        """Ends the queue: what waits is cancelled, what runs leaves the device."""
        self.client.ask({"ask": "close", "client": self.number})


class RuntimeTask:
    """A task, made by :meth:`RuntimeQueue.submit`."""

    def __init__(self, queue: RuntimeQueue, number: int) -> None:
        self._queue = queue
        self.number = number

    def wait(self) -> Outcome:
        """How it ended, when it has.

        Raises
        ------
        RuntimeLostError
            The runtime ended before it was over.
        """
        while (outcome := self.wait_for(_WAIT_MS)) is None:
            pass
        return outcome

    def wait_for(self, within_ms: float) -> Outcome | None:
        """How it ended; None when it is not over within so many milliseconds."""
        request = {**self._request("wait"), "within_ms": within_ms}
        reply = self._queue.client.ask(request, within_ms / 1e3 + _GRACE_S)
        return None if reply.text("state") == "waiting" else _outcome(reply)

    def cancel(self) -> None:
        """Nobody wants it any more; it leaves at its next edge, if it is not over."""
        self._queue.client.ask(self._request("cancel"))

    def _request(self, ask: str) -> dict[str, Any]:
        return {"ask": ask, "client": self._queue.number, "task": self.number}


def _outcome(reply: JsonObject) -> Outcome:
    has_deadline = reply.raw.get("met_deadline") is not None
    return Outcome(
        state=reply.text("state"),
        latency_ms=reply.number("latency_ms"),
        queued_ms=reply.number("queued_ms"),
        run_ms=reply.number("run_ms"),
        evictions=reply.integer("evictions", 0, _MAX_NUMBER),
        has_met_deadline=reply.boolean("met_deadline") if has_deadline else None,
        reason=reply.sentence("reason"),
    )
