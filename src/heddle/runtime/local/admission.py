"""Whether a real-time task can meet its deadline, judged when it is submitted.

Pure: it reads the board and writes nothing. ``desk`` asks it before a task with a deadline is
queued; a task that cannot make it is refused there with the sentence that ``refusal`` gives, so
that its client can do something else in time.

The estimate is what the policies promise: real-time tasks go in the order of their arrival, and
best-effort work that holds the device leaves at its next edge. What the policy does not bound is
not promised.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from heddle.runtime.core import constants
from heddle.runtime.core.board import Board
from heddle.runtime.core.constants import BE, BLOCK_EDGE_LEVEL, OPAQUE, RT

#: Beside real-time work these put best-effort work that nothing bounds.
_UNBOUNDED: Final = frozenset({constants.MULTISTREAM, constants.PRIORITY, constants.ORION})
_AT_EDGES: Final = frozenset(
    {constants.RESET, constants.REEF, constants.BLOCK_EDGE, constants.BLOCK_EDGE_PADDING}
)
#: Durations are learned means, and a task is noticed and launched at some cost.
_MARGIN_PERCENT: Final = 10
_MARGIN_NS: Final = 50_000
_NS_PER_MS = 1e6


@dataclass(frozen=True, slots=True)
class Need:
    """How long a real-time task takes from its submission to its end, by parts, ns.

    ``before_ns`` is real-time work that goes first, ``own_ns`` its own run, ``edge_ns`` the wait
    until best-effort work has left. ``unknown`` is empty, or says why there is no estimate.
    """

    before_ns: int = 0
    own_ns: int = 0
    edge_ns: int = 0
    unknown: str = ""

    @property
    def margin_ns(self) -> int:
        """What is kept free, since durations are means."""
        return _MARGIN_NS + (self.before_ns + self.own_ns) * _MARGIN_PERCENT // 100

    @property
    def total_ns(self) -> int:
        """All of it."""
        return self.before_ns + self.own_ns + self.edge_ns + self.margin_ns


def need_of(
    board: Board, queue: int, program: int, alone_ns: Mapping[int, int], num_tasks: int = 1
) -> Need:
    """What the last of some tasks needs that are submitted now.

    Parameters
    ----------
    board
        With everything that was submitted before.
    queue
        Theirs: a real-time queue.
    program
        What each of them runs.
    alone_ns
        Measured runs of whole programs; they hold what lies between kernels too.
    num_tasks
        How many are submitted at once.
    """
    if board.limits.policy in _UNBOUNDED:
        return Need(unknown="this policy runs best-effort work beside real-time work, unbounded")
    own_ns = program_ns(board, program, alone_ns)
    if own_ns is None:
        return Need(unknown="its network was not measured; run it once without a deadline")
    before_ns = _before_ns(board, queue, alone_ns)
    if before_ns is None:
        return Need(unknown="real-time work before it was not measured; try again when it has run")
    edge_ns = _edge_ns(board, alone_ns)
    if edge_ns is None:
        return Need(unknown="best-effort work was not measured; try again when it has run")
    return Need(before_ns + (num_tasks - 1) * own_ns, own_ns, edge_ns)


def refusal(need: Need, deadline_ns: int) -> str:
    """Why a deadline, counted from the submission, cannot be met; empty where it can."""
    deadline = f"its deadline is {deadline_ns / _NS_PER_MS:.3g} ms"
    if need.unknown:
        return f"cannot promise a deadline: {need.unknown}; {deadline}"
    if need.total_ns <= deadline_ns:
        return ""
    parts = [
        (need.before_ns, "of real-time work before it"),
        (need.own_ns, "its own"),
        (need.edge_ns, "until best-effort work has left"),
        (need.margin_ns, "margin"),
    ]
    told = ", ".join(f"{part_ns / _NS_PER_MS:.3g} ms {what}" for part_ns, what in parts)
    return (
        f"cannot meet its deadline: needs {need.total_ns / _NS_PER_MS:.3g} ms ({told}); {deadline}"
    )


def program_ns(board: Board, program: int, alone_ns: Mapping[int, int]) -> int | None:
    """How long a program runs alone: measured whole, or else the sum of its kernels.

    None where neither is known.
    """
    if program in alone_ns:
        return alone_ns[program]
    rows = kernels_of(board, program)
    durations_ns = board.kernels.duration_ns[rows]
    if np.any((durations_ns == 0) & (board.kernels.blocks[rows] > 0)):
        return None
    return int(durations_ns.sum())


def kernels_of(board: Board, program: int) -> NDArray[np.int64]:
    """The rows of a program's kernels, in its order."""
    first = int(board.programs.first[program])
    rows: NDArray[np.int64] = board.program_kernels[first : first + board.programs.length[program]]
    return rows


def _before_ns(board: Board, queue: int, alone_ns: Mapping[int, int]) -> int | None:
    """Whole runs of the real-time tasks that are not over and go first."""
    queues = board.queues
    ahead = (queues.kind == RT) & (queues.priority <= queues.priority[queue])
    total_ns = 0
    for (_, program), count in _alive(board, ahead).items():
        run_ns = program_ns(board, program, alone_ns)
        if run_ns is None:
            return None
        total_ns += count * run_ns
    return total_ns


def _edge_ns(board: Board, alone_ns: Mapping[int, int]) -> int | None:
    """The longest that best-effort work which is there may hold the device.

    Each queue may have something on it; what runs side by side is no sooner over than one behind
    the other at worst.
    """
    policy = board.limits.policy
    held_ns = [0]
    for _, program in _alive(board, board.queues.kind == BE):
        if policy == constants.RT_ONLY:
            continue
        step_ns = (
            _step_ns(board, program)
            if policy in _AT_EDGES
            else program_ns(board, program, alone_ns)  # it may be launched to its end
        )
        if step_ns is None:
            return None
        held_ns.append(step_ns)
    return max(held_ns) if policy == constants.SEQUENTIAL else sum(held_ns)


def _step_ns(board: Board, program: int) -> int | None:
    """The longest step of a program between two edges at which it leaves on this device."""
    rows = kernels_of(board, program)
    kernels, device = board.kernels, board.device
    whole_ns = kernels.duration_ns[rows]
    if np.any((whole_ns == 0) & (kernels.blocks[rows] > 0)):
        return None
    if device.level < BLOCK_EDGE_LEVEL:
        num_begun = 1 if device.level > constants.PENDING_LEVEL else board.limits.be_window
        return num_begun * int(whole_ns.max())
    at_once = np.maximum(1, device.multiprocessors * kernels.occupancy[rows])
    waves = np.maximum(1, -(-kernels.blocks[rows] // at_once))
    block_ns = np.maximum(board.wave_ns[rows].max(axis=1), -(-whole_ns // waves))
    is_whole = (kernels.contract[rows] == OPAQUE) | (kernels.is_short[rows] != 0)
    return int(np.where(is_whole, whole_ns, block_ns).max())


def _alive(board: Board, queues: NDArray[np.bool_]) -> dict[tuple[int, int], int]:
    """How many tasks of some queues are not over, by queue and program."""
    states = board.tasks.state
    rows = np.flatnonzero((states == constants.QUEUED) | (states == constants.RUNNING))
    rows = rows[queues[board.tasks.queue[rows]]]
    num_programs = len(board.programs)
    counts = np.bincount(board.tasks.queue[rows] * num_programs + board.tasks.program[rows])
    return {
        divmod(pair, num_programs): int(counts[pair]) for pair in np.flatnonzero(counts).tolist()
    }
