"""What an engine is: something that answers a batch of inputs with a batch of outputs.

``onnx`` and ``sleep`` are the two there are; ``opening`` makes the one that a service
names. ``batching.worker`` calls them from a thread of its own, ``server`` for references.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from numpy.typing import NDArray

#: By name. Axis 0 counts the rows of a batch where the signature says so.
Tensors = Mapping[str, NDArray[Any]]

#: An axis whose size is the request's own choice.
OPEN = -1


class TensorSpec(NamedTuple):
    """One input or output: its name, its type in the protocol's words, and its shape.

    ``OPEN`` stands for an axis of any size.
    """

    name: str
    datatype: str
    shape: tuple[int, ...]


class Signature(NamedTuple):
    """What an engine takes and gives.

    ``is_batched`` says whether axis 0 of every tensor counts rows that do not depend on
    each other, so that requests may be joined along it. ``platform`` and ``notes`` are for
    people.
    """

    platform: str
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    is_batched: bool
    notes: tuple[str, ...] = ()

    def output_names(self) -> tuple[str, ...]:
        """Return the names of all outputs."""
        return tuple(output.name for output in self.outputs)


class InferenceEngine(Protocol):
    """One network, loaded, on one worker."""

    @property
    def signature(self) -> Signature:
        """What it takes and gives."""
        ...

    @property
    def is_instant(self) -> bool:
        """Whether a run costs less than giving it to another thread would."""
        ...

    def run(self, inputs: Tensors, outputs: Sequence[str]) -> Tensors:
        """Return the named outputs for inputs that fit the signature; blocks.

        Raises
        ------
        InputError
            The network refuses these inputs.
        HostError
            The network failed on these inputs.
        """
        ...
