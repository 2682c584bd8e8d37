"""A Triton kernel for the tests of the hook; imported only where Triton is."""

from __future__ import annotations

from typing import Any

import triton
import triton.language as tl
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource


@triton.jit  # type: ignore[untyped-decorator]
def double(x, n, WIDTH: tl.constexpr):  # type: ignore[no-untyped-def] # noqa: N803
    """Twice every element; a block has WIDTH of them."""
    at = tl.program_id(0) * WIDTH + tl.arange(0, WIDTH)
    tl.store(x + at, 2 * tl.load(x + at, mask=at < n), mask=at < n)


def compile_double(target: int, **options: Any) -> Any:
    """Compile it for a compute capability; no GPU is needed."""
    signature = {"x": "*fp32", "n": "i32", "WIDTH": "constexpr"}
    source = ASTSource(fn=double, signature=signature, constexprs={"WIDTH": 256})
    return triton.compile(
        source, target=GPUTarget("cuda", target, 32), options={"enable_fp_fusion": True, **options}
    )
