"""The kernels of the corpus that must be refused, and why."""

from __future__ import annotations

from heddle.runtime.rewriter.corpus import refused_kernels
from heddle.runtime.rewriter.corpus.kernel import TARGETS, CorpusKernel, Expected, PtxSource, Source
from heddle.runtime.rewriter.corpus.nvrtc_source import NvrtcSource
from heddle.runtime.rewriter.corpus.triton_source import TritonSource


def _refused(
    name: str, reason: str, source: Source, targets: tuple[int, ...] = TARGETS, likeness: str = ""
) -> CorpusKernel:
    return CorpusKernel(
        name=name,
        kind="refused",
        source=source,
        case=None,
        likeness=likeness,
        otherwise=Expected("opaque" if reason == "dependent launch" else "entry_check", reason),
        targets=targets,
    )


REFUSED = (
    _refused(
        "early_return_barrier", "early return",
        NvrtcSource(refused_kernels.EARLY_RETURN_BARRIER, "early_return_barrier"),
    ),
    _refused("cluster", "cluster", NvrtcSource(refused_kernels.CLUSTER, "cluster"), (90, 100)),
    _refused("smid", "smid", NvrtcSource(refused_kernels.SMID, "smid")),
    _refused(
        "dependent", "dependent launch", NvrtcSource(refused_kernels.DEPENDENT, "dependent"),
        (90, 100),
    ),
    _refused("mbarrier", "mbarrier", NvrtcSource(refused_kernels.MBARRIER, "mbarrier")),
    _refused(
        "indirect_call", "call",
        NvrtcSource(refused_kernels.INDIRECT_CALL, "indirect_call"),
    ),
    _refused(
        "grid_barrier", "grid barrier", NvrtcSource(refused_kernels.GRID_BARRIER, "grid_barrier")
    ),
    _refused(
        "cooperative", "cooperative", PtxSource(refused_kernels.COOPERATIVE, "cooperative"),
        likeness="cooperative groups",
    ),
    _refused(
        "dynamic_parallelism", "child kernels",
        PtxSource(refused_kernels.DYNAMIC_PARALLELISM, "dynamic_parallelism"),
    ),
    _refused(
        "indirect_branch", "early return",
        PtxSource(refused_kernels.INDIRECT_BRANCH, "indirect_branch"),
    ),
    _refused("gridid", "gridid", PtxSource(refused_kernels.GRIDID, "gridid")),
    _refused(
        "matmul_descriptor", "mbarrier",
        TritonSource(
            "matrices", "matmul_descriptor", "*fp16 *fp16 *fp32 i32 i32 i32",
            {"tile": 64, "deep": 32}, warps=4, stages=3, divisible=(0, 1, 2, 3, 4, 5),
        ),
        (90, 100),
        "Triton tutorial 9",
    ),
    _refused(
        "matmul_cluster", "cluster",
        TritonSource(
            "matrices", "matmul", "*fp16 *fp16 *fp32 i32 i32",
            {"tile": 64, "deep": 32}, warps=4, stages=2, divisible=(0, 1, 2, 3, 4),
            options={"num_ctas": 2},
        ),
        (90,),
    ),
)  # fmt: skip
