"""A network that is ready to run: its kernels, the arrays they share, what it should compute.

``topology`` makes it. A device registers ``kernels`` as one program and must hold on to the network
as long as it may run; two clients of one network need two of it, since its buffers are its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from heddle.runtime.core.kernel import Kernel
from heddle.runtime.library.bound_kernel import BoundKernel, Floats
from heddle.runtime.library.reference import Doubles


@dataclass(frozen=True)
class BoundNetwork:
    """A network with its arrays.

    Parameters
    ----------
    name
        For people.
    input, output
        What one request reads and writes; no kernel writes the input.
    bound_kernels
        In their order. Kernels that are far apart share buffers, so that a block that runs late, or
        twice, shows in the output.
    tolerance
        How far the output may be from ``reference``, as a part of its greatest number.
    """

    name: str
    input: npt.NDArray[Any]
    output: Floats
    bound_kernels: tuple[BoundKernel, ...]
    tolerance: float
    _reference: Callable[[npt.NDArray[Any]], Doubles] = field(repr=False)

    @property
    def kernels(self) -> tuple[Kernel, ...]:
        """What a device registers, in order."""
        return tuple(bound.kernel for bound in self.bound_kernels)

    @property
    def num_blocks(self) -> int:
        """Blocks of one request."""
        return sum(kernel.blocks for kernel in self.kernels)

    def run_here(self) -> Floats:
        """Runs one request in this thread, block by block, and returns a copy of the output."""
        for bound in self.bound_kernels:
            bound.run()
        return self.output.copy()

    def reference(self) -> Doubles:
        """What the output should be for the present input, in float64."""
        return self._reference(self.input)

    def error(self) -> float:
        """How far the output is from the reference, as a part of its greatest number."""
        expected = self.reference()
        greatest = max(float(np.max(np.abs(expected))), 1e-30)
        return float(np.max(np.abs(self.output - expected))) / greatest
