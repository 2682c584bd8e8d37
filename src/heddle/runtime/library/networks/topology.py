"""A network as a drawing: layers and what they read, before any array exists.

The builders (``resnet``, ``bert``, ...) draw layers through ``layers``; ``bind`` then gives every
layer its arrays in order, recycling those that nobody reads any more, and keeps the float64 twin of
each layer for the reference.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from heddle.runtime.library.bound_kernel import BoundKernel, Floats, zeros
from heddle.runtime.library.networks.bound_network import BoundNetwork
from heddle.runtime.library.networks.buffers import Buffers
from heddle.runtime.library.reference import Doubles

Arrays = Sequence[npt.NDArray[Any]]
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Value:
    """What a layer makes: its number in the drawing and its shape."""

    number: int
    shape: Shape


@dataclass(frozen=True)
class Layer:
    """One layer: one kernel, and the same in float64.

    ``bind`` makes the kernel from the arrays of the inputs and of the output; ``is_in_place`` says
    that the output may take the first input's array when nobody else reads it.
    """

    inputs: tuple[Value, ...]
    shape: Shape
    bind: Callable[[Arrays, Floats], BoundKernel]
    reference: Callable[[Arrays], Doubles]
    is_in_place: bool = False


class Topology:
    """A network that is being drawn.

    Parameters
    ----------
    shape
        Of the input.
    rng
        Draws the weights, in the order of the layers.
    """

    def __init__(self, shape: Shape, rng: np.random.Generator) -> None:
        self.rng = rng
        self.input = Value(0, shape)
        self._layers: list[Layer] = []

    def weights(self, *shape: int, fan_in: int) -> Floats:
        """Normal weights with a variance of 2 / fan-in (He et al. 2015)."""
        drawn = self.rng.standard_normal(shape) * np.sqrt(2.0 / fan_in)
        return np.ascontiguousarray(drawn, np.float32)

    def add(self, layer: Layer) -> Value:
        """Draws one layer and returns what it makes."""
        self._layers.append(layer)
        return Value(len(self._layers), layer.shape)

    def bind(self, name: str, example: npt.NDArray[Any], tolerance: float) -> BoundNetwork:
        """The network with all its arrays; the last layer makes the output.

        ``example`` becomes the input: the caller may write another one into it between requests.
        """
        arrays: dict[int, npt.NDArray[Any]] = {0: example}
        buffers = Buffers()
        last_use = self._last_use()
        bound = []
        for number, layer in enumerate(self._layers, start=1):
            out, kept = self._place(layer, number, arrays, buffers)
            bound.append(layer.bind([arrays[value.number] for value in layer.inputs], out))
            arrays[number] = out
            for used in {value.number for value in layer.inputs} - {0, kept}:
                if last_use[used] == number:
                    buffers.give_back(arrays[used])
        output = arrays[len(self._layers)]
        return BoundNetwork(name, example, output, tuple(bound), tolerance, self._reference)

    def _place(
        self, layer: Layer, number: int, arrays: dict[int, npt.NDArray[Any]], buffers: Buffers
    ) -> tuple[Floats, int]:
        """A layer's output array, and the number of the value that it took it from (or 0)."""
        if number == len(self._layers):
            return zeros(*layer.shape), 0
        first = layer.inputs[0].number
        uses = [value.number for value in layer.inputs].count(first)
        is_free = self._last_use()[first] == number and uses == 1 and first != 0
        if layer.is_in_place and is_free:
            return arrays[first].reshape(layer.shape), first
        return buffers.take(layer.shape), 0

    def _last_use(self) -> dict[int, int]:
        """The number of the last layer that reads each value."""
        return {
            value.number: number
            for number, layer in enumerate(self._layers, start=1)
            for value in layer.inputs
        }

    def _reference(self, example: npt.NDArray[Any]) -> Doubles:
        values: list[npt.NDArray[Any]] = [example]
        for layer in self._layers:
            values.append(layer.reference([values[value.number] for value in layer.inputs]))
        return values[-1]
