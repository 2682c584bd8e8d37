"""The numba-cuda kernels of the corpus.

numba passes an array as seven values: parent and owner (zero here), the number of elements, the
bytes of one, the address, then shape and strides.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from heddle.runtime.rewriter.corpus.arrays import normal, zeros
from heddle.runtime.rewriter.corpus.kernel import Case, CorpusKernel
from heddle.runtime.rewriter.corpus.numba_source import NumbaSource

F32 = np.float32
_VECTOR, _TABLE = "float32[::1]", "float32[:,::1]"


def _array(name: str, *shape: int) -> tuple[Any, ...]:
    count = int(np.prod(shape))
    strides = [4 * int(np.prod(shape[axis + 1 :])) for axis in range(len(shape))]
    return (0, 0, count, 4, name, *shape, *strides)


NUMBA = (
    CorpusKernel(
        name="grid_saxpy",
        kind="memory",
        likeness="numba's manual",
        source=NumbaSource("grid_saxpy", f"void({_VECTOR}, {_VECTOR}, float32)"),
        case=lambda random: Case(
            (6, 1, 1),
            {"x": normal(random, 350), "y": normal(random, 350)},
            (*_array("x", 350), *_array("y", 350), F32(0.75)),
        ),
    ),
    CorpusKernel(
        name="grid_loop",
        kind="memory",
        likeness="numba's manual",
        source=NumbaSource("grid_loop", f"void({_VECTOR})"),
        case=lambda random: Case((5, 1, 1), {"x": normal(random, 700)}, _array("x", 700)),
    ),
    CorpusKernel(
        name="block_sum",
        kind="reduction",
        likeness="numba's manual",
        source=NumbaSource("block_sum", f"void({_VECTOR}, {_VECTOR})"),
        case=lambda random: Case(
            (6, 1, 1),
            {"x": normal(random, 350), "out": normal(random, 6)},
            (*_array("x", 350), *_array("out", 6)),
        ),
    ),
    CorpusKernel(
        name="fast_product",
        kind="matmul",
        likeness="numba's manual",
        source=NumbaSource("fast_product", f"void({_TABLE}, {_TABLE}, {_TABLE})", (8, 8, 1)),
        case=lambda random: Case(
            (2, 3, 1),
            {"a": normal(random, 16, 16), "b": normal(random, 16, 24), "c": zeros(F32, 16, 24)},
            (*_array("a", 16, 16), *_array("b", 16, 24), *_array("c", 16, 24)),
        ),
    ),
)
