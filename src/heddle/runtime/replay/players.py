"""One client on a device: its queue, its source of requests, and what came back.

The runner has one for each client and walks over them.
"""

from __future__ import annotations

import numpy as np

from heddle.runtime.core import constants, registration
from heddle.runtime.core.board import Board
from heddle.runtime.core.kernel import QueueSpec
from heddle.runtime.replay.results import ClientResult, Requests
from heddle.runtime.replay.sources import Source
from heddle.workload.disb.workload import DisbClient


class Player:
    """Submits the requests of one client and keeps their times, since the start of the run."""

    def __init__(self, board: Board, client: DisbClient, program: int, most_waiting: int) -> None:
        kind = constants.RT if client.is_real_time else constants.BE
        capacity = min(most_waiting, board.waiting.shape[1])
        self.client = client
        self.queue = registration.add_queue(board, QueueSpec(kind=kind, capacity=capacity))
        self._board = board
        self._program = program
        self._room = capacity
        self._serials: dict[int, int] = {}
        self._answered: list[tuple[int, int, int, int]] = []
        self._num_failed = 0

    def submit(self, source: Source, start_ns: int, now_ns: int, horizon_ns: int) -> None:
        """Submits what the source has ready; times are since ``start_ns``."""
        for serial, due_ns in source.take(now_ns, horizon_ns, self._room - len(self._serials)):
            row = registration.submit(self._board, self.queue, self._program, start_ns + due_ns)
            self._serials[row] = serial

    def take(self, row: int, start_ns: int, end_ns: int) -> int | None:
        """Takes back a task that is over; its serial number if it was answered."""
        tasks = self._board.tasks
        serial = self._serials.pop(row)
        ended_ns = int(tasks.ended_ns[row]) - start_ns
        is_answered = int(tasks.state[row]) == constants.FINISHED
        if is_answered and ended_ns <= end_ns:
            due_ns, begun_ns = int(tasks.due_ns[row]), int(tasks.begun_ns[row])
            self._answered.append((due_ns - start_ns, begun_ns - start_ns, ended_ns, row))
        self._num_failed += not is_answered
        registration.release(self._board, row)
        return serial if is_answered else None

    def result(
        self, source: Source, network: str, alone_ms: float | None, now_ns: int
    ) -> ClientResult:
        """What came back until ``now_ns``, nanoseconds since the start."""
        columns = np.array(self._answered, dtype=np.int64).reshape(-1, 4).T
        return ClientResult(
            id=self.client.id,
            network=network,
            is_real_time=self.client.is_real_time,
            requests=Requests(*columns),
            alone_ms=alone_ms,
            num_unfinished=self._num_late(now_ns),
            num_failed=self._num_failed,
            num_skipped=source.num_skipped(),
        )

    def _num_late(self, now_ns: int) -> int:
        """Requests that were due and have no answer."""
        return sum(int(self._board.tasks.due_ns[row]) <= now_ns for row in self._serials)
