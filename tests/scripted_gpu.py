"""A device without time: it starts, ends and evicts launches in the order that a script draws.

It keeps a count of how often every block of every task ran, and in which order.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np

from heddle.runtime.core import constants as c
from heddle.runtime.core.board import Board, Device, Sizes, new_board
from heddle.runtime.core.policies import limits_of
from heddle.runtime.core.rings import put, take_order, waiting
from heddle.runtime.core.turn import turn

GPU = Device(3, 1, 4, 8, 1024, 65536, 65536)
SIZES = Sizes(
    kernels=64,
    program_kernels=256,
    programs=32,
    queues=8,
    tasks=256,
    queue_capacity=256,
    window=64,
    launches=256,
    preemptions=64,
)


def board_for(policy: str, device: Device = GPU) -> Board:
    """A small board under a policy."""
    return new_board(device, limits_of(policy, device), SIZES)


@dataclass
class ScriptedGpu:
    """Carries out orders on a board; ``step`` does one thing that a real device might do next."""

    board: Board
    seed: int = 0
    now_ns: int = 0
    ran: dict[tuple[int, int], list[int]] = field(default_factory=lambda: defaultdict(list))
    lost_blocks: int = 0
    broken: frozenset[int] = frozenset()  # rows of kernels that fail
    most_queues_in_flight: int = 0

    def __post_init__(self) -> None:
        self.generator = np.random.default_rng(self.seed)
        self.streams: dict[int, list[int]] = defaultdict(list)
        self.killed: set[int] = set()

    def turn(self) -> None:
        """Takes turns until there is nothing more to say."""
        while turn(self.board, self.now_ns) > 0:
            self._obey()
        self._obey()

    def run(self, most_steps: int = 100_000) -> None:
        """Turns and steps until nothing is in flight and nothing wants to be."""
        for _ in range(most_steps):
            self.turn()
            if not self.step():
                return
        raise AssertionError(f"still at work after {most_steps} steps")

    def step(self) -> bool:
        """One launch starts or ends; False when none is there."""
        busy = [queue for queue, stream in self.streams.items() if stream]
        self.most_queues_in_flight = max(self.most_queues_in_flight, len(busy))
        if not busy:
            return False
        self.now_ns += int(self.generator.integers(1, 100))
        ready = [queue for queue in busy if self._may_begin(self.streams[queue][0])]
        queue = int(self.generator.choice(ready))
        launch = self.streams[queue][0]
        if self.board.launches.state[launch] == c.LAUNCHED and not self._is_dropped(launch):
            self._start(launch)
        else:
            self._end(queue, launch)
        return True

    def _obey(self) -> None:
        while waiting(self.board.orders):
            order, subject, _ = take_order(self.board.orders)
            if order == c.LAUNCH:
                self.streams[int(self.board.launches.queue[subject])].append(int(subject))
            elif order == c.KILL:
                self.killed.update(self.streams[int(subject)])

    def _may_begin(self, launch: int) -> bool:
        launches = self.board.launches
        gate = launches.gate[launch]
        if gate < 0 or launches.serial[gate] != launches.gate_serial[launch]:
            return True
        return bool(launches.started_ns[gate] > 0 or launches.state[gate] == c.RETIRED)

    def _is_stale(self, launch: int) -> bool:
        launches = self.board.launches
        return bool(launches.epoch[launch] < self.board.queues.epoch[launches.queue[launch]])

    def _is_dropped(self, launch: int) -> bool:
        return launch in self.killed or (self._is_stale(launch) and self.board.device.level > 1)

    def _start(self, launch: int) -> None:
        self.board.launches.started_ns[launch] = self.now_ns
        self.board.launches.state[launch] = c.STARTED
        put(self.board.reports, launch)

    def _end(self, queue: int, launch: int) -> None:
        launches = self.board.launches
        self.streams[queue].pop(0)
        blocks = int(launches.blocks[launch])
        has_begun = launches.state[launch] == c.STARTED
        done, outcome, lost = blocks, c.WHOLE, 0
        if launch in self.killed:
            self.killed.discard(launch)
            lost = int(self.generator.integers(0, blocks + 1)) if has_begun else 0
            done, outcome = 0, c.KILLED
        elif not has_begun:
            # a device need not look at the epoch for a launch without blocks
            is_whole = blocks == 0 and bool(self.generator.integers(2))
            done, outcome = 0, c.WHOLE if is_whole else c.LEFT
        elif int(launches.kernel[launch]) in self.broken:
            done, outcome = 0, c.BROKEN
        elif self._is_stale(launch) and launches.form[launch] == c.PERSISTENT:
            done = int(self.generator.integers(0, blocks + 1))
            outcome = c.WHOLE if done == blocks else c.LEFT
        self._record(launch, done)
        self.lost_blocks += lost
        launches.done[launch], launches.lost[launch] = done, lost
        launches.outcome[launch], launches.ended_ns[launch] = outcome, self.now_ns
        launches.state[launch] = c.RETIRED
        put(self.board.reports, launch)

    def _record(self, launch: int, done: int) -> None:
        launches = self.board.launches
        first = int(launches.first_block[launch])
        key = (int(launches.task[launch]), int(launches.index[launch]))
        self.ran[key].extend(range(first, first + done))
