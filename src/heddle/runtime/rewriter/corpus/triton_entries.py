"""The Triton kernels of the corpus, without communication or with shared memory."""

from __future__ import annotations

import numpy as np

from heddle.runtime.rewriter.corpus.arrays import below, halves, normal, whole_floats, zeros
from heddle.runtime.rewriter.corpus.kernel import Case, CorpusKernel
from heddle.runtime.rewriter.corpus.triton_source import TritonSource

F32 = np.float32

ELEMENTWISE = (
    CorpusKernel(
        name="vector_add",
        kind="memory",
        likeness="Triton tutorial 1",
        source=TritonSource("elementwise", "vector_add", "*fp32 *fp32 *fp32 i32", {"block": 128}),
        case=lambda random: Case(
            (7, 1, 1),
            {"x": normal(random, 850), "y": normal(random, 850), "out": zeros(F32, 850)},
            ("x", "y", "out", 850),
        ),
    ),
    CorpusKernel(
        name="scale_in_place",
        kind="memory",
        source=TritonSource("elementwise", "scale_in_place", "*fp32 i32 fp32", {"block": 64}),
        case=lambda random: Case((11, 1, 1), {"x": normal(random, 690)}, ("x", 690, F32(1.5))),
    ),
    CorpusKernel(
        name="swiglu",
        kind="memory",
        likeness="Liger",
        source=TritonSource("elementwise", "swiglu", "*fp16 *fp16 *fp16 i32", {"block": 128}),
        case=lambda random: Case(
            (9, 1, 1),
            {"gate": halves(random, 9, 100), "up": halves(random, 9, 100),
             "out": zeros(np.float16, 9, 100)},
            ("gate", "up", "out", 100),
        ),
    ),
    CorpusKernel(
        name="dropout",
        kind="memory",
        likeness="Triton tutorial 4",
        source=TritonSource("elementwise", "dropout", "*fp32 *fp32 i32 fp32 i32", {"block": 64}),
        case=lambda random: Case(
            (6, 1, 1),
            {"x": normal(random, 370), "out": zeros(F32, 370)},
            ("x", "out", 370, F32(0.3), 1234),
        ),
    ),
    CorpusKernel(
        name="gelu",
        kind="memory",
        source=TritonSource(
            "elementwise", "gelu", "*fp16 *fp16 i32", {"block": 256}, divisible=(0, 1)
        ),
        case=lambda random: Case(
            (5, 1, 1),
            {"x": halves(random, 1111), "out": zeros(np.float16, 1111)},
            ("x", "out", 1111),
        ),
    ),
    CorpusKernel(
        name="grid_stride",
        kind="memory",
        likeness="Triton tutorial 2",
        source=TritonSource("elementwise", "grid_stride", "*fp32 i32", {"block": 64}),
        case=lambda random: Case((5, 1, 1), {"x": normal(random, 900)}, ("x", 900)),
    ),
    CorpusKernel(
        name="adam",
        kind="memory",
        likeness="fused optimisers (apex, bitsandbytes)",
        source=TritonSource(
            "elementwise", "adam", "*fp32 *fp32 *fp32 *fp32 i32 fp32", {"block": 64}
        ),
        case=lambda random: Case(
            (7, 1, 1),
            {"weight": normal(random, 430), "gradient": normal(random, 430),
             "mean": normal(random, 430), "square": normal(random, 430) ** 2},
            ("weight", "gradient", "mean", "square", 430, F32(0.01)),
        ),
    ),
    CorpusKernel(
        name="rotary",
        kind="memory",
        likeness="Liger",
        source=TritonSource("elementwise", "rotary", "*fp32 *fp32 *fp32 i32", {"half": 64}),
        case=lambda random: Case(
            (5, 3, 1),
            {"query": normal(random, 5, 3, 128), "cosine": normal(random, 5, 64),
             "sine": normal(random, 5, 64)},
            ("query", "cosine", "sine", 3),
        ),
    ),
    CorpusKernel(
        name="bias_volume",
        kind="memory",
        source=TritonSource("elementwise", "bias_volume", "*fp32 *fp32 i32 i32", {"block": 64}),
        case=lambda random: Case(
            (2, 3, 4),
            {"x": whole_floats(random, 4, 3, 100), "bias": whole_floats(random, 4)},
            ("x", "bias", 100, 3),
        ),
    ),
    CorpusKernel(
        name="conditional_return",
        kind="control",
        source=TritonSource("elementwise", "conditional_return", "*fp32 i32", {"block": 64}),
        case=lambda random: Case((10, 1, 1), {"x": normal(random, 640)}, ("x", 1)),
    ),
    CorpusKernel(
        name="quantise_rows",
        kind="reduction",
        likeness="xFormers",
        source=TritonSource("elementwise", "quantise_rows", "*fp32 *i8 *fp32 i32", {"block": 128}),
        case=lambda random: Case(
            (7, 1, 1),
            {"x": normal(random, 7, 90), "out": zeros(np.int8, 7, 90), "scale": zeros(F32, 7)},
            ("x", "out", "scale", 90),
        ),
    ),
)  # fmt: skip

REDUCTIONS = (
    CorpusKernel(
        name="row_sum",
        kind="reduction",
        source=TritonSource("reductions", "row_sum", "*fp32 *fp32 i32", {"block": 256}),
        case=lambda random: Case(
            (9, 1, 1), {"x": normal(random, 9, 200), "out": normal(random, 9)}, ("x", "out", 200)
        ),
    ),
    CorpusKernel(
        name="softmax",
        kind="reduction",
        likeness="Triton tutorial 2",
        source=TritonSource("reductions", "softmax", "*fp32 *fp32 i32 i32", {"block": 128}),
        case=lambda random: Case(
            (5, 1, 1),
            {"x": normal(random, 11, 100), "out": zeros(F32, 11, 100)},
            ("x", "out", 11, 100),
        ),
    ),
    CorpusKernel(
        name="layer_norm",
        kind="reduction",
        likeness="Triton tutorial 5",
        source=TritonSource(
            "reductions", "layer_norm", "*fp32 *fp32 *fp32 *fp32 *fp32 *fp32 i32", {"block": 64}
        ),
        case=lambda random: Case(
            (6, 1, 1),
            {"x": normal(random, 6, 150), "out": zeros(F32, 6, 150), "weight": normal(random, 150),
             "bias": normal(random, 150), "mean": zeros(F32, 6), "scale": zeros(F32, 6)},
            ("x", "out", "weight", "bias", "mean", "scale", 150),
        ),
    ),
    CorpusKernel(
        name="rms_norm",
        kind="reduction",
        likeness="Liger",
        source=TritonSource("reductions", "rms_norm", "*fp16 *fp16 i32", {"block": 128}),
        case=lambda random: Case(
            (8, 1, 1),
            {"x": halves(random, 8, 110), "weight": halves(random, 110)},
            ("x", "weight", 110),
        ),
    ),
    CorpusKernel(
        name="cross_entropy",
        kind="reduction",
        likeness="Liger",
        source=TritonSource(
            "reductions", "cross_entropy", "*fp32 *i32 *fp32 i32", {"block": 64}
        ),
        case=lambda random: Case(
            (6, 1, 1),
            {"logits": normal(random, 6, 130), "labels": below(random, 130, 6),
             "loss": zeros(F32, 6)},
            ("logits", "labels", "loss", 130),
        ),
    ),
    CorpusKernel(
        name="running_sum",
        kind="scan",
        source=TritonSource("reductions", "running_sum", "*i32 *i32 i32", {"block": 128}),
        case=lambda random: Case(
            (7, 1, 1),
            {"x": below(random, 99, 7, 120), "out": zeros(np.int32, 7, 120)},
            ("x", "out", 120),
        ),
    ),
    CorpusKernel(
        name="top_k",
        kind="sort",
        likeness="routers of experts (vLLM)",
        source=TritonSource(
            "reductions", "top_k", "*fp32 *fp32 *i32 i32", {"count": 3, "block": 64}
        ),
        case=lambda random: Case(
            (7, 1, 1),
            {"x": normal(random, 7, 50), "values": zeros(F32, 7, 3),
             "places": zeros(np.int32, 7, 3)},
            ("x", "values", "places", 50),
        ),
    ),
    CorpusKernel(
        name="sort_rows",
        kind="sort",
        source=TritonSource("reductions", "sort_rows", "*i32", {"columns": 64}),
        case=lambda random: Case((5, 1, 1), {"x": below(random, 1000, 5, 64)}, ("x",)),
    ),
    CorpusKernel(
        name="transpose",
        kind="memory",
        source=TritonSource("reductions", "transpose", "*fp32 *fp32 i32 i32", {"tile": 16}),
        case=lambda random: Case(
            (3, 3, 1),
            {"x": normal(random, 40, 35), "out": zeros(F32, 35, 40)},
            ("x", "out", 40, 35),
        ),
    ),
    CorpusKernel(
        name="embedding",
        kind="memory",
        likeness="Liger",
        source=TritonSource("reductions", "embedding", "*fp32 *i32 *fp32 i32", {"block": 64}),
        case=lambda random: Case(
            (13, 1, 1),
            {"table": normal(random, 20, 50), "places": below(random, 20, 13),
             "out": zeros(F32, 13, 50)},
            ("table", "places", "out", 50),
        ),
    ),
    CorpusKernel(
        name="embedding_gradient",
        kind="atomics",
        likeness="Liger",
        source=TritonSource(
            "reductions", "embedding_gradient", "*fp32 *i32 *fp32 i32", {"block": 64}
        ),
        case=lambda random: Case(
            (13, 1, 1),
            {"gradient": whole_floats(random, 13, 50), "places": below(random, 4, 13),
             "table": zeros(F32, 4, 50)},
            ("gradient", "places", "table", 50),
        ),
    ),
    CorpusKernel(
        name="histogram",
        kind="atomics",
        source=TritonSource("reductions", "histogram", "*i32 *i32 i32", {"block": 64}),
        case=lambda random: Case(
            (9, 1, 1),
            {"x": below(random, 16, 550), "bins": zeros(np.int32, 16)},
            ("x", "bins", 550),
        ),
    ),
    CorpusKernel(
        name="histogram_shared",
        kind="atomics",
        source=TritonSource(
            "reductions", "histogram_shared", "*i32 *i32 i32", {"count": 32, "block": 128}
        ),
        case=lambda random: Case(
            (5, 1, 1),
            {"x": below(random, 32, 600), "bins": zeros(np.int32, 32)},
            ("x", "bins", 600),
        ),
    ),
)  # fmt: skip
