"""What looking at the epoch costs: the worker's own loop over the same blocks, with and without.

No threads: one row of launches on a board of its own, entered by this thread as a worker would. A
persistent launch looks at the epoch between blocks, a plain one does not; both take tickets.
"""

from __future__ import annotations

import statistics
from typing import Any

import numpy as np

from heddle.runtime.atomics import word_array
from heddle.runtime.compiled import compiled
from heddle.runtime.core.board import Board, Device, Sizes, new_board
from heddle.runtime.core.constants import PERSISTENT, PLAIN
from heddle.runtime.core.kernel import Kernel
from heddle.runtime.core.policies import limits_of
from heddle.runtime.core.registration import add_kernel
from heddle.runtime.library.body import block_body
from heddle.runtime.workers.news import read_clock
from heddle.runtime.workers.wires import Wires
from heddle.runtime.workers.worker import run_blocks
from heddle.runtime.workers.workshop import TICKET, USUAL_PATIENCE, Workshop, new_workshop

_SIZES = Sizes(4, 4, 4, 4, 16, 16, 16, 16, 16)
_DEVICE = Device(3, 0, 1, 1, 1, 1, 1)
_ITERATIONS_A_US = 6000  # about; the real length is measured
_FACTOR, _STEP = 6364136223846793005, 1442695040888963407


@block_body
def arithmetic_block(block: int, words: Any) -> None:
    """Some arithmetic that cannot be left out; its length is the second word."""
    number = block
    for _ in range(words[1]):
        number = number * _FACTOR + _STEP
    word_array(words[0], 1)[0] = number


def check_overhead_percent(block_us: float, pairs: int, blocks: int) -> tuple[float, float]:
    """The median over pairs of what the check adds, percent, and the real length of a block, µs.

    Each pair runs ``blocks`` blocks in both forms, one after the other; which first alternates.
    """
    wires = Wires(1)
    try:
        board = new_board(_DEVICE, limits_of("block-edge", _DEVICE), _SIZES)
        shop = new_workshop(_SIZES, 1, wires.calls, USUAL_PATIENCE, 0)
        result = np.zeros(1, dtype=np.int64)
        words = np.array([result.ctypes.data, round(block_us * _ITERATIONS_A_US)], dtype=np.int64)
        kernel = Kernel(
            "arithmetic", blocks, handle=arithmetic_block.address, arguments=words.ctypes.data
        )
        add_kernel(board, kernel)
        board.launches.blocks[0] = blocks
        times = [_pair_ns(board, shop, number) for number in range(pairs + 1)][1:]
    finally:
        wires.close()
    ratios = [checked / plain for plain, checked in times]
    plain_us = statistics.median(plain for plain, _ in times) / blocks / 1e3
    return 100 * (statistics.median(ratios) - 1), plain_us


def _pair_ns(board: Board, shop: Workshop, number: int) -> tuple[int, int]:
    if number % 2:
        return _run_ns(board, shop, PLAIN), _run_ns(board, shop, PERSISTENT)
    checked = _run_ns(board, shop, PERSISTENT)
    return _run_ns(board, shop, PLAIN), checked


def _run_ns(board: Board, shop: Workshop, form: int) -> int:
    board.launches.form[0] = form
    shop.launches[TICKET] = 0
    return int(_timed(board, shop))


@compiled
def _timed(board: Board, shop: Workshop) -> int:
    begun_ns = read_clock(shop)
    run_blocks(board.kernels, board.launches, shop, 0, 0, 0)
    return read_clock(shop) - begun_ns
