"""Triton kernels compiled to PTX without a GPU.

The kernels stand in ``triton_kernels``; they are imported only when one is compiled, so that the
corpus can be listed without Triton.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from heddle.runtime.rewriter.corpus.kernel import Compiled
from heddle.runtime.rewriter.corpus.unavailable import SourceUnavailableError

_PACKAGE = "heddle.runtime.rewriter.corpus.triton_kernels"


@dataclass(frozen=True, slots=True)
class TritonSource:
    """A Triton kernel with its signature.

    Attributes
    ----------
    module, function
        Where it stands in ``triton_kernels``.
    signature
        Types of the arguments in order, constants left out: ``"*fp32 *fp32 i32"``.
    constants
        Compile-time constants by name.
    warps, stages
        As Triton's ``num_warps`` and ``num_stages``.
    divisible
        Positions of arguments that are multiples of 16.
    options
        Further options of the compiler.
    """

    module: str
    function: str
    signature: str
    constants: Mapping[str, Any]
    warps: int = 2
    stages: int = 1
    divisible: tuple[int, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def origin(self) -> str:
        """``"triton"``."""
        return "triton"

    def compile(self, target: int) -> Compiled:
        """Return the PTX for a compute capability."""
        try:
            import triton  # noqa: PLC0415 - optional, and slow to import
            from triton.backends.compiler import GPUTarget  # noqa: PLC0415
            from triton.compiler import ASTSource  # noqa: PLC0415
        except ImportError:
            raise SourceUnavailableError(
                "triton is not installed: pip install 'heddle-gpu[rewriter]'"
            ) from None
        kernel = getattr(importlib.import_module(f"{_PACKAGE}.{self.module}"), self.function)
        kinds = self.signature.split()
        names = [name for name in kernel.arg_names if name not in self.constants]
        signature = dict(zip(names, kinds, strict=True))
        constants = dict.fromkeys(self.constants, "constexpr")
        ordered = {name: {**signature, **constants}[name] for name in kernel.arg_names}
        aligned = {(place,): [["tt.divisibility", 16]] for place in self.divisible}
        made = triton.compile(
            ASTSource(kernel, ordered, dict(self.constants), aligned),
            target=GPUTarget("cuda", target, 32),
            options={
                "num_warps": self.warps,
                "num_stages": self.stages,
                "enable_fp_fusion": True,
                **self.options,
            },
        )
        threads = (made.metadata.num_warps * 32, 1, 1)
        return Compiled(made.asm["ptx"], made.metadata.name, threads, made.metadata.shared)
