"""Rows of a board for clients that come and go: a queue and a program each, used again.

Rows of a board cannot be given back, so that what a client leaves is kept for the next of its kind:
its queue for any client of the same kind, its program for any client of the same network. A program
has buffers of its own, so only one client at a time runs it.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Final, NamedTuple

from heddle.errors import InputError
from heddle.runtime.core import registration
from heddle.runtime.core.backend import Backend
from heddle.runtime.core.constants import BE, RT
from heddle.runtime.core.kernel import QueueSpec
from heddle.runtime.local.admission import kernels_of

#: Kinds of clients by their names.
KINDS: Final = {"rt": RT, "be": BE}


class Seat(NamedTuple):
    """What one client has: a network and a kind, a queue and a program of the board."""

    network: str
    kind: str
    queue: int
    program: int


class Seats:
    """The seats of one device.

    Parameters
    ----------
    backend
        The device.
    limit_ns
        A kernel that came without a limit and runs longer counts as never ending; 0 for no limit.
    """

    def __init__(self, backend: Backend, limit_ns: int) -> None:
        self._backend = backend
        self._limit_ns = limit_ns
        self._queues: dict[str, list[int]] = defaultdict(list)
        self._programs: dict[str, list[int]] = defaultdict(list)

    @property
    def most_tasks(self) -> int:
        """How many tasks one queue can hold."""
        return int(self._backend.board.waiting.shape[1])

    def take(self, network: str, kind: str, capacity: int) -> Seat:
        """A seat that nobody has.

        Raises
        ------
        InputError
            The device has no such network, or no room for one more client.
        """
        program = self._program(network)
        try:
            queue = self._queue(kind, capacity)
        except InputError:
            self._programs[network].append(program)
            raise
        return Seat(network, kind, queue, program)

    def give_back(self, seat: Seat) -> None:
        """Keeps a seat for the next client; nothing of it is alive."""
        self._queues[seat.kind].append(seat.queue)
        self._programs[seat.network].append(seat.program)

    def _queue(self, kind: str, capacity: int) -> int:
        board = self._backend.board
        free = self._queues[kind]
        if not free:
            return registration.add_queue(board, QueueSpec(KINDS[kind], capacity=capacity))
        queue = free.pop()
        board.queues.capacity[queue] = capacity or self.most_tasks
        return queue

    def _program(self, network: str) -> int:
        free = self._programs[network]
        if free:
            return free.pop()
        program = self._backend.add_network(network)
        board = self._backend.board
        rows = kernels_of(board, program)
        without = rows[board.kernels.limit_ns[rows] == 0]
        board.kernels.limit_ns[without] = self._limit_ns
        return program
