"""The desk of one device: who its clients are, what they may submit, what became of it.

Not for several threads: ``owner`` calls it from the thread that owns the backend. Requests come
from ``service``; ``admission`` says which deadlines can be met; ``task_book`` has the tasks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from heddle.errors import HostError, InputError, listed, nearest
from heddle.runtime.core.backend import Backend
from heddle.runtime.core.policies import POLICIES
from heddle.runtime.core.registration import QueueFullError
from heddle.runtime.local.admission import need_of, program_ns, refusal
from heddle.runtime.local.clients import Client, Task, Tell
from heddle.runtime.local.health import Health, health_of
from heddle.runtime.local.outcome import Outcome
from heddle.runtime.local.seats import Seats
from heddle.runtime.local.task_book import TaskBook

_NS_PER_MS = 1e6


class RefusedDeadlineError(HostError):
    """A real-time task cannot meet its deadline; later, or with a longer one, it may."""

    def __init__(self, message: str) -> None:
        super().__init__(message, is_retryable=True)


class Opening(NamedTuple):
    """A client that is to be opened: by which connection, for what, with room for how many.

    ``kind`` is ``rt`` or ``be``; ``capacity`` 0 stands for as many tasks as a queue can hold.
    """

    session: int
    network: str
    kind: str
    capacity: int = 0


class Desk:
    """Clients and tasks of one device.

    Parameters
    ----------
    backend
        The device, open.
    limit_s
        Kernels without a limit of their own count as never ending after so long; 0: never.
    """

    def __init__(self, backend: Backend, limit_s: float = 0.0) -> None:
        self.backend = backend
        self.clients: dict[int, Client] = {}
        self.health = Health()
        self.tasks = TaskBook(backend)
        self._seats = Seats(backend, round(limit_s * 1e9))
        self._num_clients = 0

    @property
    def policy(self) -> str:
        """The name of the device's policy."""
        number = self.backend.board.limits.policy
        return next(name for name, each in POLICIES.items() if each == number)

    def open(self, opening: Opening) -> Client:
        """A new client.

        Raises
        ------
        InputError
            The device has no such network, or no room for one more client or for so many tasks.
        HostError
            The device is stuck or lost.
        """
        self._require_health()
        names = self.backend.networks()
        if opening.network not in names:
            raise InputError(
                f"unknown network {opening.network!r}{nearest(opening.network, names)}; "
                f"there are: {listed(names, 30)}"
            )
        most = self._seats.most_tasks
        if opening.capacity > most:
            raise InputError(f"a queue for {opening.capacity} tasks; 1 to {most} are possible")
        seat = self._seats.take(opening.network, opening.kind, opening.capacity)
        self._num_clients += 1
        client = Client(self._num_clients, opening.session, seat)
        self.clients[client.number] = client
        return client

    def alone_ms(self, client: Client) -> float | None:
        """How long the client's network runs alone; None where nobody knows yet."""
        found_ns = program_ns(self.backend.board, client.seat.program, self.tasks.alone_ns)
        return None if found_ns is None else found_ns / _NS_PER_MS

    def is_measured(self, client: Client) -> bool:
        """Whether the client's network has run whole, so that its duration is known."""
        return client.seat.program in self.tasks.alone_ns

    def measure(self, client: Client, num_runs: int, tell: Tell) -> None:
        """Runs the network some times, so that its duration is known; the shortest counts.

        ``tell`` hears how that ended, or the first run that did not finish.
        """

        def go_on(outcome: Outcome) -> None:
            if outcome.state != "finished" or num_runs == 1:
                tell(outcome)
            else:
                self.measure(client, num_runs - 1, tell)

        self.tasks.put_measuring(client).waiting.append(go_on)

    def submit(self, client: Client, num_tasks: int, deadline_ms: float | None) -> list[int]:
        """The numbers of new tasks, which have arrived now; all of them, or none.

        Raises
        ------
        QueueFullError
            So many do not fit into its queue.
        RefusedDeadlineError
            A real-time task among them cannot meet the deadline.
        InputError
            A best-effort task has a deadline.
        HostError
            The device is stuck or lost.
        """
        self._require_health()
        self.require_room(client, num_tasks)
        if deadline_ms is not None:
            self._require_time(client, num_tasks, round(deadline_ms * _NS_PER_MS))
        return [task.number for task in self.tasks.put(client, num_tasks, deadline_ms)]

    def require_room(self, client: Client, num_tasks: int) -> None:
        """Raises QueueFullError where so many tasks do not fit into a client's queue."""
        capacity = int(self.backend.board.queues.capacity[client.seat.queue])
        room = max(0, min(capacity - len(client.alive), self.tasks.room))
        if num_tasks > room:
            raise QueueFullError(
                f"the queue of client {client.number} is full: {len(client.alive)} tasks are not "
                f"over, {num_tasks} more were submitted, and there is room for {room}"
            )

    def when_over(self, client: Client, number: int, tell: Tell) -> None:
        """Tells how a task ended, now or when it does; InputError for a strange task."""
        outcome = client.outcomes.get(number)
        if outcome is not None:
            tell(outcome)
            return
        self._alive(client, number).waiting.append(tell)

    def cancel(self, client: Client, numbers: Sequence[int]) -> None:
        """Nobody wants these tasks any more; those that are over stay what they are."""
        for number in numbers:
            if number not in client.outcomes:
                self.tasks.cancel(self._alive(client, number))

    def close(self, client: Client) -> None:
        """Ends a client: what waits is cancelled, what runs leaves at its next edge."""
        client.is_gone = True
        for task in client.alive.values():
            self.tasks.cancel(task)
        self._forget_if_over(client)

    def leave(self, session: int) -> None:
        """Ends all clients of a connection that is gone."""
        for client in [each for each in self.clients.values() if each.session == session]:
            self.close(client)

    def client(self, session: int, number: int) -> Client:
        """A client of this connection; InputError where it has no such client."""
        client = self.clients.get(number)
        if client is None or client.session != session or client.is_gone:
            raise InputError(f"no client {number} was opened on this connection")
        return client

    def collect(self) -> int:
        """Takes back what is over; returns how many tasks those were."""
        clients = self.tasks.collect()
        for client in clients:
            self._forget_if_over(client)
        return len(clients)

    def look(self) -> None:
        """Looks after the device; where it is stuck or lost, every task is told as failed."""
        self.health = health_of(self.backend)
        if not self.health.is_healthy:
            self.tasks.give_up(self.health.sentence(self.backend.name))
            for client in list(self.clients.values()):
                self._forget_if_over(client)

    def _require_time(self, client: Client, num_tasks: int, deadline_ns: int) -> None:
        seat = client.seat
        if seat.kind != "rt":
            raise InputError(
                "a best-effort task cannot have a deadline; open a client of priority 'rt'"
            )
        alone_ns = self.tasks.alone_ns
        need = need_of(self.backend.board, seat.queue, seat.program, alone_ns, num_tasks)
        reason = refusal(need, deadline_ns)
        if reason:
            raise RefusedDeadlineError(f"{seat.network}: {reason}")

    def _require_health(self) -> None:
        if not self.health.is_healthy:
            raise HostError(self.health.sentence(self.backend.name))

    def _alive(self, client: Client, number: int) -> Task:
        if number not in client.alive:
            raise InputError(f"client {client.number} has no task {number}")
        return client.alive[number]

    def _forget_if_over(self, client: Client) -> None:
        if not client.is_gone or client.alive or client.number not in self.clients:
            return
        del self.clients[client.number]
        if self.health.is_healthy:  # rows of a device that is stuck are still in use
            self._seats.give_back(client.seat)
