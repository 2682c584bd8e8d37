"""The arrays of activations that a network's layers take turns with.

A buffer goes back when the last layer that reads it has been bound, and the next layer gets it. So
the memory is small, as on a GPU; and a block that ran out of its order would read what another
layer left.
"""

from __future__ import annotations

import math

from heddle.runtime.library.bound_kernel import Floats, zeros


class Buffers:
    """Arrays that are lent and given back; the smallest that is large enough goes first."""

    def __init__(self) -> None:
        self._idle: list[Floats] = []
        self._lent: dict[int, Floats] = {}

    def take(self, shape: tuple[int, ...]) -> Floats:
        """An array of this shape; what it holds is left over from whoever had it before."""
        size = math.prod(shape)
        fitting = [place for place, buffer in enumerate(self._idle) if buffer.size >= size]
        if fitting:
            buffer = self._idle.pop(min(fitting, key=lambda place: self._idle[place].size))
        else:
            buffer = zeros(size)
        view = buffer[:size].reshape(shape)
        self._lent[view.ctypes.data] = buffer
        return view

    def give_back(self, view: Floats) -> None:
        """Takes an array back that ``take`` lent."""
        self._idle.append(self._lent.pop(view.ctypes.data))
