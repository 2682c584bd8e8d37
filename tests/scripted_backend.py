"""A device whose every task takes a fixed time, one at a time a queue, all queues at once."""

from __future__ import annotations

from heddle.runtime.core import constants, registration, rings
from heddle.runtime.core.backend import Span
from heddle.runtime.core.board import Board, Device, Limits, Sizes, new_board
from heddle.runtime.core.kernel import Kernel

_SIZES = Sizes(kernels=64, program_kernels=64, programs=64, queues=32, tasks=4096)


class ScriptedBackend:
    """Finishes the oldest task of each queue ``task_ns`` after it could begin; virtual time."""

    name = "scripted"
    label = "simulated"

    def __init__(self, task_ns: dict[str, int], start_ns: int = 0) -> None:
        self._task_ns = task_ns
        self._now_ns = start_ns
        self._length_ns: dict[int, int] = {}
        self._ahead: dict[int, list[int]] = {}
        self._free_ns: dict[int, int] = {}
        self.fails: set[str] = set()
        self._failing: set[int] = set()
        self.recorded: list[Span] = []
        self.num_closed = 0
        device = Device(3, 0, 4, 2, 2048, 65536, 65536)
        self.board: Board = new_board(device, Limits(0, 4, 2, 8, 0, 8, 0, 0), _SIZES)

    def networks(self) -> tuple[str, ...]:
        return tuple(self._task_ns)

    def add_network(self, name: str) -> int:
        kernel = registration.add_kernel(self.board, Kernel(name, blocks=1))
        program = registration.add_program(self.board, [kernel])
        self._length_ns[program] = self._task_ns[name]
        if name in self.fails:
            self._failing.add(program)
        return program

    def now_ns(self) -> int:
        return self._now_ns

    def advance(self, until_ns: int) -> None:
        self._take_in()
        soonest = min((end for end in map(self._end_ns, self._ahead) if end >= 0), default=-1)
        if soonest < 0 or soonest > until_ns:
            self._now_ns = max(self._now_ns, until_ns)
            return
        self._now_ns = max(self._now_ns, soonest)
        for queue in list(self._ahead):
            if 0 <= self._end_ns(queue) <= self._now_ns:
                self._finish(queue, self._end_ns(queue))

    def spans(self) -> list[Span]:
        return self.recorded

    def close(self) -> None:
        self.num_closed += 1

    def preempt(
        self, task: int, marks_ns: tuple[int, int, int, int, int], due_ns: int = -1
    ) -> None:
        """Notes a preemption on the board; its task was due when it arrived, unless told."""
        row = int(self.board.counts.preemptions[0])
        self.board.counts.preemptions[0] += 1
        rows = self.board.preemptions
        rows.task[row] = task
        rows.due_ns[row] = marks_ns[0] if due_ns < 0 else due_ns
        names = ("arrived_ns", "noticed_ns", "flagged_ns", "drained_ns", "started_ns")
        for name, at_ns in zip(names, marks_ns, strict=True):
            rows[name][row] = at_ns

    def _take_in(self) -> None:
        while rings.waiting(self.board.inbox) > 0:
            row = int(rings.take(self.board.inbox))
            self._ahead.setdefault(int(self.board.tasks.queue[row]), []).append(row)

    def _begin_ns(self, queue: int) -> int:
        due_ns = int(self.board.tasks.due_ns[self._ahead[queue][0]])
        return max(due_ns, self._free_ns.get(queue, 0))

    def _end_ns(self, queue: int) -> int:
        if not self._ahead[queue]:
            return -1
        program = int(self.board.tasks.program[self._ahead[queue][0]])
        return self._begin_ns(queue) + self._length_ns[program]

    def _finish(self, queue: int, end_ns: int) -> None:
        begin_ns = self._begin_ns(queue)
        row = self._ahead[queue].pop(0)
        tasks = self.board.tasks
        has_failed = int(tasks.program[row]) in self._failing
        tasks.begun_ns[row], tasks.ended_ns[row] = begin_ns, end_ns
        tasks.state[row] = constants.FAILED if has_failed else constants.FINISHED
        self._free_ns[queue] = end_ns
        self.board.queues.num_ended[queue] += 1
        self.board.counts.blocks_run[0] += 1
        rings.put(self.board.outbox, row)
