"""The CUDA C++ kernels of the corpus that may be rewritten."""

from __future__ import annotations

import numpy as np

from heddle.runtime.rewriter.corpus import cuda_kernels
from heddle.runtime.rewriter.corpus.arrays import below, normal, whole_floats, zeros
from heddle.runtime.rewriter.corpus.kernel import Case, CorpusKernel
from heddle.runtime.rewriter.corpus.nvrtc_source import NvrtcSource

F32 = np.float32

CUDA = (
    CorpusKernel(
        name="saxpy",
        kind="memory",
        likeness="CUDA tutorial",
        source=NvrtcSource(cuda_kernels.SAXPY, "saxpy"),
        case=lambda random: Case(
            (7, 1, 1), {"x": normal(random, 410), "y": normal(random, 410)},
            (410, F32(1.25), "x", "y"),
        ),
    ),
    CorpusKernel(
        name="block_reduce",
        kind="reduction",
        likeness="CUB",
        source=NvrtcSource(cuda_kernels.BLOCK_REDUCE, "block_reduce", (96, 1, 1)),
        case=lambda random: Case(
            (6, 1, 1), {"x": normal(random, 540), "out": normal(random, 6)}, ("x", "out", 540)
        ),
    ),
    CorpusKernel(
        name="block_scan",
        kind="scan",
        likeness="CUB and thrust",
        source=NvrtcSource(cuda_kernels.BLOCK_SCAN, "block_scan"),
        case=lambda random: Case(
            (5, 1, 1),
            {"x": below(random, 50, 300), "out": zeros(np.int32, 300),
             "totals": zeros(np.int32, 5)},
            ("x", "out", "totals", 300),
        ),
    ),
    CorpusKernel(
        name="histogram_privatised",
        kind="atomics",
        likeness="CUB",
        source=NvrtcSource(cuda_kernels.HISTOGRAM, "histogram_privatised"),
        case=lambda random: Case(
            (5, 1, 1),
            {"x": below(random, 256, 700).astype(np.uint8), "bins": zeros(np.uint32, 32)},
            ("x", "bins", 700),
        ),
    ),
    CorpusKernel(
        name="stencil",
        kind="convolution",
        source=NvrtcSource(cuda_kernels.STENCIL, "stencil", (16, 8, 1)),
        case=lambda random: Case(
            (3, 2, 1),
            {"in": normal(random, 13, 40), "out": zeros(F32, 13, 40)},
            ("in", "out", 40, 13),
        ),
    ),
    CorpusKernel(
        name="transpose_padded",
        kind="memory",
        likeness="CUDA samples",
        source=NvrtcSource(cuda_kernels.TRANSPOSE, "transpose_padded", (16, 4, 1)),
        case=lambda random: Case(
            (3, 2, 1),
            {"in": normal(random, 25, 37), "out": zeros(F32, 37, 25)},
            ("in", "out", 37, 25),
        ),
    ),
    CorpusKernel(
        name="dynamic_reduce",
        kind="reduction",
        likeness="CUDA samples",
        source=NvrtcSource(cuda_kernels.DYNAMIC_REDUCE, "dynamic_reduce", (64, 1, 1), 256),
        case=lambda random: Case(
            (6, 1, 1), {"x": normal(random, 350), "out": zeros(F32, 6)}, ("x", "out", 350)
        ),
    ),
    CorpusKernel(
        name="atomic_maximum",
        kind="atomics",
        source=NvrtcSource(cuda_kernels.ATOMIC_MAXIMUM, "atomic_maximum"),
        case=lambda random: Case(
            (5, 1, 1),
            {"x": np.abs(normal(random, 300)), "best": zeros(np.int32, 1),
             "blocks": zeros(np.uint32, 1)},
            ("x", "best", "blocks", 300),
        ),
    ),
    CorpusKernel(
        name="async_tail",
        kind="memory",
        source=NvrtcSource(cuda_kernels.ASYNC_TAIL, "async_tail"),
        case=lambda random: Case(
            (5, 1, 1), {"x": normal(random, 320, 4), "out": zeros(F32, 320, 4)}, ("x", "out")
        ),
    ),
    CorpusKernel(
        name="divergent",
        kind="control",
        source=NvrtcSource(cuda_kernels.DIVERGENT, "divergent", (48, 1, 1)),
        case=lambda random: Case(
            (6, 1, 1),
            {"x": below(random, 30, 280), "out": below(random, 9, 280)},
            ("x", "out", 280),
        ),
    ),
    CorpusKernel(
        name="tiled_product",
        kind="matmul",
        likeness="CUDA programming guide",
        source=NvrtcSource(cuda_kernels.TILED_PRODUCT, "tiled_product", (8, 8, 1)),
        case=lambda random: Case(
            (3, 3, 1),
            {"a": normal(random, 24, 24), "b": normal(random, 24, 24),
             "c": whole_floats(random, 24, 24)},
            ("a", "b", "c", 24),
        ),
    ),
    CorpusKernel(
        name="slow_reader",
        kind="reduction",
        source=NvrtcSource(cuda_kernels.SLOW_READER, "slow_reader", (96, 1, 1)),
        case=lambda random: Case(
            (7, 1, 1),
            {"x": below(random, 90, 640), "out": below(random, 90, 640)},
            ("x", "out", 640),
        ),
    ),
)  # fmt: skip
