"""The body of a kernel, compiled when its address is first asked for.

Every family module decorates its bodies with ``block_body``. A body takes the number of a block and
the kernel's argument words; it writes only what belongs to its block (or adds atomically), so that
the result does not depend on the order of the blocks nor on pauses between them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

from heddle.runtime.compiled import block_kernel

Function = Callable[[int, Any], None]


class BlockBody:
    """A C function ``void(int64 block, int64 *arguments)`` that is compiled on first use."""

    def __init__(self, function: Function) -> None:
        self.name = function.__name__.removesuffix("_block").replace("_", " ")
        self._function = function

    @cached_property
    def _compiled(self) -> Any:
        return block_kernel(self._function)

    @property
    def address(self) -> int:
        """Where its machine code stands; valid as long as the body lives.

        Raises
        ------
        HostError
            numba is not installed; trying again does not help.
        """
        return int(self._compiled.address)


def block_body(function: Function) -> BlockBody:
    """Marks a function as the body of a kernel; nothing is compiled yet."""
    return BlockBody(function)
