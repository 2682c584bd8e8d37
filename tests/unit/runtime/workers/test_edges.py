"""One thread steps through what workers and the dispatcher do at kernel edges."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from heddle.runtime.compiled import HAS_COMPILER
from heddle.runtime.core import constants as c
from heddle.runtime.core.board import Device, Sizes, new_board
from heddle.runtime.core.kernel import Kernel, QueueSpec
from heddle.runtime.core.policies import limits_of
from heddle.runtime.core.registration import add_kernel, add_queue
from heddle.runtime.core.rings import take, waiting
from heddle.runtime.workers.edges import go_on
from heddle.runtime.workers.streams import join_stream, look_at_streams
from heddle.runtime.workers.wires import Wires
from heddle.runtime.workers.worker import give_up
from heddle.runtime.workers.workshop import (
    INSIDE,
    LINE,
    TICKET,
    USUAL_PATIENCE,
    new_workshop,
)

if not HAS_COMPILER:
    pytest.skip("needs numba: pip install 'heddle-gpu[runtime]'", allow_module_level=True)

_SIZES = Sizes(
    kernels=8,
    program_kernels=8,
    programs=2,
    queues=2,
    tasks=4,
    queue_capacity=4,
    window=8,
    launches=16,
    preemptions=4,
)
_DEVICE = Device(3, 0, 1, 1, 1, 1, 1)


class Steps:
    """A board and a workshop without threads; launches of two blocks unless said."""

    def __init__(self) -> None:
        self.wires = Wires(1)
        self.board = new_board(_DEVICE, limits_of("block-edge", _DEVICE), _SIZES)
        self.shop = new_workshop(_SIZES, 1, self.wires.calls, USUAL_PATIENCE, 0)
        self.queue = add_queue(self.board, QueueSpec(c.BE))
        self.kernel = add_kernel(self.board, Kernel("k", 2, handle=1))
        self.bodiless = add_kernel(self.board, Kernel("none", 2))
        self.num = 0

    def join(self, *, blocks: int = 2, gate: int = -1, kernel: int = 0) -> int:
        row, launches = self.num, self.board.launches
        self.num += 1
        launches.blocks[row], launches.kernel[row], launches.gate[row] = blocks, kernel, gate
        launches.queue[row], launches.form[row] = self.queue, c.PERSISTENT
        launches.state[row] = c.LAUNCHED
        join_stream(self.board, self.shop, row)
        return row

    def look(self) -> list[int]:
        """The dispatcher looks; the launches whose end it reports."""
        look_at_streams(self.board, self.shop)
        rows = [int(take(self.board.reports)) for _ in range(waiting(self.board.reports))]
        ended = [row for row in rows if self.board.launches.state[row] == c.RETIRED]
        return list(dict.fromkeys(ended))  # the start may be told together with the end

    def run(self, launch: int) -> None:
        """All its blocks are claimed and done."""
        self.shop.launches[launch * LINE + TICKET] = self.board.launches.blocks[launch]
        self.board.launches.started_ns[launch] = 1

    def leave(self) -> None:
        """The last worker leaves."""
        go_on(self.board.kernels, self.board.launches, self.shop, self.queue)

    @property
    def front(self) -> int:
        return int(self.shop.fronts[self.queue * LINE])

    def outcomes(self, *launches: int) -> list[int]:
        return [int(self.board.launches.outcome[launch]) for launch in launches]


@pytest.fixture
def steps() -> Iterator[Steps]:
    made = Steps()
    yield made
    made.wires.close()


def test_the_last_worker_out_opens_the_next_launch_and_the_dispatcher_reports_both(
    steps: Steps,
) -> None:
    first, second, third = (steps.join() for _ in range(3))
    assert steps.look() == []
    assert steps.front == first
    steps.run(first)
    steps.leave()
    assert steps.front == second
    steps.run(second)
    steps.leave()
    assert steps.front == third
    assert steps.look() == [first, second]
    assert steps.outcomes(first, second) == [c.WHOLE, c.WHOLE]
    assert list(steps.board.launches.done[[first, second]]) == [2, 2]


def test_a_launch_is_not_passed_while_a_worker_is_inside_or_blocks_are_left(steps: Steps) -> None:
    first, second = steps.join(), steps.join()
    steps.look()
    steps.leave()
    assert steps.front == first
    steps.run(first)
    steps.shop.launches[first * LINE + INSIDE] = 1
    steps.leave()
    assert steps.front == first
    assert steps.look() == []
    steps.shop.launches[first * LINE + INSIDE] = 0
    assert steps.look() == [first]
    assert steps.front == second


def test_what_must_leave_is_left_to_the_dispatcher(steps: Steps) -> None:
    first, second, third = (steps.join() for _ in range(3))
    steps.look()
    steps.run(first)
    steps.shop.flags[steps.queue * LINE] = 1
    steps.leave()
    assert steps.front != second
    assert steps.look() == [first, second, third]
    assert steps.outcomes(first, second, third) == [c.WHOLE, c.LEFT, c.LEFT]
    assert list(steps.board.launches.done[[second, third]]) == [0, 0]


def test_behind_a_kernel_that_failed_nothing_is_opened_by_a_worker(steps: Steps) -> None:
    first, second = steps.join(), steps.join()
    steps.look()
    steps.run(first)
    give_up(steps.shop, first)
    steps.leave()
    assert steps.front == first
    assert steps.look() == [first, second]
    assert steps.outcomes(first, second) == [c.BROKEN, c.LEFT]


def test_launches_without_blocks_or_without_a_body_are_passed_by_the_dispatcher(
    steps: Steps,
) -> None:
    first, empty, second = steps.join(), steps.join(blocks=0), steps.join()
    nothing = steps.join(kernel=steps.bodiless)
    steps.look()
    steps.run(first)
    steps.leave()
    assert steps.front == first
    assert steps.look() == [first, empty]
    assert steps.front == second
    steps.run(second)
    steps.leave()
    assert steps.look() == [second, nothing]
    assert steps.outcomes(empty, second, nothing) == [c.WHOLE, c.WHOLE, c.BROKEN]


def test_a_gate_that_is_closed_stops_the_stream_until_its_launch_begins(steps: Steps) -> None:
    beside = 15
    first, gated = steps.join(), steps.join(gate=beside)
    steps.look()
    steps.run(first)
    steps.leave()
    assert steps.front != gated
    assert steps.look() == [first]
    steps.board.launches.started_ns[beside] = 1
    steps.look()
    assert steps.front == gated


def test_a_place_is_opened_once_however_often_anyone_looks(steps: Steps) -> None:
    first = steps.join()
    for _ in range(3):
        steps.leave()
        steps.look()
    assert np.count_nonzero(steps.shop.launches[TICKET::LINE] < 2) == 1
    assert steps.front == first
