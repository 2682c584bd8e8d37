"""The tasks that are not over: which row of the board belongs to whom, and how each ended."""

from __future__ import annotations

from heddle.runtime.core import registration, rings
from heddle.runtime.core.backend import Backend
from heddle.runtime.core.constants import FAILED
from heddle.runtime.core.registration import QueueFullError
from heddle.runtime.local.admission import kernels_of
from heddle.runtime.local.clients import MEASURING, Client, Task
from heddle.runtime.local.outcome import Outcome, outcome_of

_NS_PER_MS = 1e6
_WEIGHT = 8


class TaskBook:
    """The tasks of one device, on whose board nobody else submits.

    Parameters
    ----------
    backend
        The device, open.
    """

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._by_row: dict[int, Task] = {}
        self._free = list(range(len(backend.board.tasks) - 1, -1, -1))
        #: Measured runs of programs alone.
        self.alone_ns: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._by_row)

    @property
    def room(self) -> int:
        """How many tasks more the device can hold."""
        return len(self._free)

    def put(self, client: Client, num_tasks: int, deadline_ms: float | None) -> list[Task]:
        """Submits tasks, which arrive now; who calls has looked whether there is room."""
        now_ns = self._backend.now_ns()
        until_ns = 0 if deadline_ms is None else now_ns + round(deadline_ms * _NS_PER_MS)
        return [self._put(client, client.next_number(), now_ns, until_ns) for _ in range(num_tasks)]

    def put_measuring(self, client: Client) -> Task:
        """Submits a task of nobody's, by which its network is measured.

        Raises
        ------
        QueueFullError
            The device holds as many tasks as it may.
        """
        if not self._free:
            raise QueueFullError(f"the device holds {len(self)} tasks, as many as it may")
        return self._put(client, MEASURING, self._backend.now_ns(), 0)

    def cancel(self, task: Task) -> None:
        """Nobody wants it any more; it ends with what it has come to."""
        registration.cancel(self._backend.board, task.row)

    def collect(self) -> list[Client]:
        """Takes back what is over; returns whose tasks those were, once for each."""
        outbox = self._backend.board.outbox
        clients = []
        while rings.waiting(outbox) > 0:
            clients += self._end(int(rings.take(outbox)))
        return clients

    def give_up(self, reason: str) -> None:
        """Tells every task as failed; nothing more will come of this device."""
        for task in list(self._by_row.values()):
            self._settle(task, Outcome("failed", reason=reason))

    def _put(self, client: Client, number: int, now_ns: int, until_ns: int) -> Task:
        seat = client.seat
        row = self._free.pop()
        what = (seat.queue, seat.program)
        registration.enter(self._backend.board, row, what, now_ns, until_ns)
        task = Task(client, number, row)
        client.alive[number] = self._by_row[row] = task
        return task

    def _end(self, row: int) -> list[Client]:
        board = self._backend.board
        task = self._by_row.get(row)
        if task is None:
            return []  # it was told as failed with a device that seemed stuck
        reason = self._culprit(task) if int(board.tasks.state[row]) == FAILED else ""
        outcome = outcome_of(board, row, reason)
        registration.release(board, row)
        self._free.append(row)
        if outcome.state == "finished" and outcome.evictions == 0:
            self._learn(task, max(1, round(outcome.run_ms * _NS_PER_MS)))
        self._settle(task, outcome)
        return [task.client]

    def _learn(self, task: Task, run_ns: int) -> None:
        """Takes a whole run into the duration of its program, as kernels' durations are learned."""
        program = task.client.seat.program
        if task.number == MEASURING:
            self.alone_ns[program] = min(run_ns, self.alone_ns.get(program, run_ns))
        elif task.client.seat.kind == "rt" and program in self.alone_ns:
            self.alone_ns[program] += (run_ns - self.alone_ns[program]) // _WEIGHT

    def _settle(self, task: Task, outcome: Outcome) -> None:
        del self._by_row[task.row]
        task.client.end(task, outcome)

    def _culprit(self, task: Task) -> str:
        board, seat = self._backend.board, task.client.seat
        rows = kernels_of(board, seat.program).tolist()
        failed = int(board.tasks.failed_kernel[task.row])
        which = f"kernel {rows.index(failed)}" if failed in rows else "a kernel"
        return f"{which} of {seat.network} failed or did not end"
