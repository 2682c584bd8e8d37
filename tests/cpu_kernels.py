"""Block kernels for tests of real devices: some count, some fail, none may run twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from heddle.runtime.atomics import atomic_add, atomic_load, pause, word_array
from heddle.runtime.core.constants import EXACT_RESUME
from heddle.runtime.core.kernel import Kernel
from heddle.runtime.library.body import BlockBody, block_body

PRIME = 1_000_003


@block_body
def count_block(block: int, words: Any) -> None:
    """Adds one to the block's counter, after some spinning."""
    for _ in range(words[1]):
        pause()
    atomic_add(word_array(words[0], block + 1), block, 1)


@block_body
def update_in_place(block: int, words: Any) -> None:
    """Replaces the block's number by one made of it: not what it was, also when done twice."""
    for _ in range(words[1]):
        pause()
    numbers = word_array(words[0], block + 1)
    numbers[block] = (numbers[block] * 31 + block + 1) % PRIME


@block_body
def move_on(block: int, words: Any) -> None:
    """Reads what the kernel before left for all blocks: wrong as soon as one of them is missing."""
    source = word_array(words[0], words[2])
    total = 0
    for place in range(words[2]):
        total += source[place]
    word_array(words[1], words[2])[block] = (total * 17 + source[block] + block) % PRIME


@block_body
def log_block(block: int, words: Any) -> None:
    """Writes its mark at the next place of a log."""
    log = word_array(words[0], 1)
    place = atomic_add(log, 0, 1)
    word_array(words[0], place + 2)[place + 1] = words[1] * PRIME + block


@block_body
def fail_block(block: int, words: Any) -> None:
    """Says that it failed, in one of its blocks."""
    if block == words[1]:
        word_array(words[0], 1)[0] = 1


@block_body
def hold_block(block: int, words: Any) -> None:
    """Says that it runs, and does not end until it is told to."""
    gate = word_array(words[0], 2)
    atomic_add(gate, 1, 1)
    while atomic_load(gate, 0) == 0:
        pause()


@dataclass
class Bodies:
    """Makes kernels and holds on to what they point to."""

    held: list[Any] = field(default_factory=list)

    def kernel(self, body: BlockBody, blocks: int, operands: Sequence[Any], **more: Any) -> Kernel:
        words = np.array(
            [each.ctypes.data if isinstance(each, np.ndarray) else each for each in operands],
            dtype=np.int64,
        )
        self.held += [words, *operands]
        chosen = {"contract": EXACT_RESUME, **more}
        return Kernel(body.name, blocks, handle=body.address, arguments=words.ctypes.data, **chosen)

    def counted(self, blocks: int, spins: int = 20, **more: Any) -> tuple[Kernel, np.ndarray]:
        """A kernel that counts how often each of its blocks ran, and the counters."""
        counters = np.zeros(max(1, blocks), dtype=np.int64)
        return self.kernel(count_block, blocks, [counters, spins], **more), counters
