"""The segment device: one place where one piece of work runs at a time, real-time work first.

It has no thread of its own. Whoever brings a task, and whoever ends a step, takes the turns of
the dispatcher (``core.turn``) under one lock, and wakes the lanes whose launches may begin. So
real-time work that finds the device idle starts without a change of thread, and what comes
between the end of a best-effort step and the begin of real-time work is one wake-up.

The rule of the device: a best-effort step begins when nothing runs; a real-time step when no
best-effort step runs, or when it has waited for one longer than the device is patient. Levels:
what is not begun can be held back and dropped (2), what runs is not stopped.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass

from heddle.clock import monotonic_ns
from heddle.errors import HostError
from heddle.runtime.core import constants as c
from heddle.runtime.core.board import Board, Device, Sizes, new_board
from heddle.runtime.core.kernel import Kernel, QueueSpec
from heddle.runtime.core.policies import limits_of
from heddle.runtime.core.registration import (
    add_kernel,
    add_program,
    add_queue,
    release,
    submit,
)
from heddle.runtime.core.rings import put, take, take_order, waiting
from heddle.runtime.core.turn import turn
from heddle.runtime.segments.figures import Figures, figures_of
from heddle.runtime.segments.lane import Lane, LaneState, Step

#: What runs cannot be stopped inside, so there is nothing to pad with: edges only.
POLICY = "block-edge"
_DEVICE = Device(c.IN_FLIGHT_LEVEL, 0, 1, 1, 1, 1, 1)
_SIZES = Sizes(
    kernels=1024,
    program_kernels=1024,
    programs=64,
    queues=32,
    tasks=64,
    queue_capacity=8,
    window=8,
    launches=64,
    preemptions=4096,
)
_CAPACITY = 4
#: A thread that ends a step needs the interpreter to say so. With Python's usual 5 ms a busy
#: thread, such as one that reads requests, would make real-time work wait that long; at 0.5 ms
#: another thread gets it in 0.65 ms (research, section 4), at no cost that we could measure.
SWITCH_INTERVAL_S = 0.0005
_OVER = (c.FINISHED, c.FAILED, c.CANCELLED)


@dataclass(frozen=True)
class SegmentOptions:
    """How the device is opened.

    ``patience_s`` is how long real-time work waits for a best-effort step that runs; after
    that both run beside each other: a step that never ends does not hold real-time work up.
    """

    policy: str = POLICY
    patience_s: float = 0.25


class SegmentDevice:
    """One device with its board; safe to use from many threads."""

    name = "segments"
    label = "measured"

    def __init__(self, options: SegmentOptions | None = None) -> None:
        chosen = options or SegmentOptions()
        self.board: Board = new_board(_DEVICE, limits_of(chosen.policy, _DEVICE), _SIZES)
        self._patience_s = chosen.patience_s
        self._lock = threading.Lock()
        self._lanes: dict[int, LaneState] = {}
        self._spare: list[LaneState] = []
        self._is_closed = False
        self._num_overruns = 0
        sys.setswitchinterval(min(sys.getswitchinterval(), SWITCH_INTERVAL_S))
        # The first turn loads, or makes, the machine code: not while somebody waits.
        turn(self.board, monotonic_ns())

    def real_time_lane(self, name: str) -> Lane:
        """Return a lane for work that goes first, in one step a task."""
        return self._lane(name, c.RT, 1)

    def best_effort_lane(self, name: str, num_steps: int) -> Lane:
        """Return a lane for work that leaves between its steps.

        Raises
        ------
        InputError
            There is no room for so many lanes or steps.
        """
        return self._lane(name, c.BE, num_steps)

    def figures(self) -> Figures:
        """Return who holds the device, who waits, and what was done so far."""
        with self._lock:
            return figures_of(self.board, tuple(self._lanes.values()), self._num_overruns)

    def close(self) -> None:
        """End it: whoever waits is refused, what runs goes on to the end of its step."""
        with self._lock:
            self._is_closed = True
            for lane in self._lanes.values():
                lane.news.notify()

    def run(self, lane: LaneState, steps: Sequence[Step]) -> None:
        """Run one task on a lane; see :meth:`Lane.run`."""
        if len(steps) != lane.num_steps:
            raise ValueError(f"lane {lane.name} takes {lane.num_steps} steps, not {len(steps)}")
        tasks = self.board.tasks
        with self._lock:
            # 1. The task arrives, and the policy hears of it.
            task = submit(self.board, lane.queue, lane.program, monotonic_ns())
            lane.counts.num_tasks += 1
            self._take_turns()
            try:
                # 2. Its steps run, one by one, as they may.
                while tasks.state[task] not in _OVER:
                    launch = self._await_launch(lane)
                    self._run_step(lane, launch, steps[int(self.board.launches.index[launch])])
            finally:
                # 3. It is over, and its row is free again.
                lane.counts.num_evictions += int(tasks.evictions[task])
                if tasks.state[task] in _OVER:
                    release(self.board, task)

    def retire(self, lane: LaneState) -> None:
        """Keep a lane for somebody else."""
        with self._lock:
            if self._lanes.pop(lane.queue, None) is not None:
                self._spare.append(lane)

    def _lane(self, name: str, kind: int, num_steps: int) -> Lane:
        with self._lock:
            shape = (kind, num_steps)
            spare = next((s for s in self._spare if (s.kind, s.num_steps) == shape), None)
            if spare is not None:
                # Rows of a board are never given back, so lanes of the same shape are used again.
                self._spare.remove(spare)
                queue, program = spare.queue, spare.program
            else:
                program = self._program(name, num_steps)
                queue = add_queue(self.board, QueueSpec(kind, window=1, capacity=_CAPACITY))
            news = threading.Condition(self._lock)
            state = LaneState(name, kind, queue, program, num_steps, news)
            self._lanes[queue] = state
        return Lane(self, state)

    def _program(self, name: str, num_steps: int) -> int:
        return add_program(
            self.board,
            [
                add_kernel(self.board, Kernel(f"{name}/{index}", blocks=1, contract=c.OPAQUE))
                for index in range(num_steps)
            ],
        )

    def _run_step(self, lane: LaneState, launch: int, step: Step) -> None:
        """Run one launch outside the lock; what it raises ends its task."""
        launches = self.board.launches
        lane.running = launch
        begun_ns = monotonic_ns()
        launches.started_ns[launch] = begun_ns
        launches.state[launch] = c.STARTED
        put(self.board.reports, launch)
        self._lock.release()
        is_whole = False
        try:
            step()
            is_whole = True
        finally:
            self._lock.acquire()
            lane.running = -1
            took_ns = monotonic_ns() - begun_ns
            lane.counts.num_steps += 1
            lane.counts.busy_ns += took_ns
            lane.counts.longest_step_ns = max(lane.counts.longest_step_ns, took_ns)
            self._end(launch, c.WHOLE if is_whole else c.BROKEN)
            self._take_turns()

    def _end(self, launch: int, outcome: int) -> None:
        launches = self.board.launches
        launches.done[launch] = int(outcome == c.WHOLE)
        launches.outcome[launch] = outcome
        launches.ended_ns[launch] = monotonic_ns()
        launches.state[launch] = c.RETIRED
        put(self.board.reports, launch)

    def _await_launch(self, lane: LaneState) -> int:
        """Return the launch of a lane that begins now; waits until there is one."""
        since_ns = monotonic_ns()
        while not self._is_closed:
            if lane.pending and self._may_begin(lane, since_ns):
                return lane.pending.popleft()
            lane.is_waiting = True
            lane.news.wait(self._wait_s(lane))
            lane.is_waiting = False
        raise HostError("the device of this instance was closed", is_retryable=True)

    def _may_begin(self, lane: LaneState, since_ns: int) -> bool:
        if lane.kind == c.BE:
            return lane is self._first_best_effort() and self._is_idle()
        if not self._runs(c.BE):
            return True
        is_patient = monotonic_ns() - since_ns < self._patience_s * 1e9
        self._num_overruns += not is_patient
        return not is_patient

    def _wait_s(self, lane: LaneState) -> float | None:
        """Only real-time work that could begin, but for a best-effort step, looks at the time."""
        return self._patience_s if lane.kind == c.RT and lane.pending else None

    def _first_best_effort(self) -> LaneState | None:
        serial = self.board.launches.serial
        ready = [each for each in self._lanes.values() if each.kind == c.BE and each.pending]
        return min(ready, key=lambda each: int(serial[each.pending[0]]), default=None)

    def _runs(self, kind: int) -> bool:
        return any(each.running >= 0 and each.kind == kind for each in self._lanes.values())

    def _is_idle(self) -> bool:
        return all(each.running < 0 for each in self._lanes.values())

    def _take_turns(self) -> None:
        """Take turns until the policy has nothing more to say, then wake who may begin."""
        while turn(self.board, monotonic_ns()) > 0:
            for _ in range(int(waiting(self.board.orders))):
                order, subject, _reason = take_order(self.board.orders)
                if order == c.LAUNCH:
                    launch = int(subject)
                    self._lanes[int(self.board.launches.queue[launch])].pending.append(launch)
                elif order == c.EVICT:
                    self._drop(self._lanes[int(subject)])
        for _ in range(int(waiting(self.board.outbox))):
            take(self.board.outbox)
        self._wake()

    def _drop(self, lane: LaneState) -> None:
        """Let what has not begun leave; it is launched again from where the task stands."""
        while lane.pending:
            self._end(lane.pending.popleft(), c.LEFT)

    def _wake(self) -> None:
        is_busy = self._runs(c.BE)
        first = self._first_best_effort() if self._is_idle() else None
        for lane in self._lanes.values():
            may_begin = not is_busy if lane.kind == c.RT else lane is first
            if lane.is_waiting and lane.pending and may_begin:
                lane.news.notify()
