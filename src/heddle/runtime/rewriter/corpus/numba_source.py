"""numba-cuda kernels compiled to PTX without a GPU.

numba-cuda needs NVVM and the CUDA runtime library for that, which come with a CUDA toolkit or with
the wheels nvidia-cuda-nvcc and nvidia-cuda-runtime. Only this module and ``numba_kernels`` import
numba-cuda, and only when a kernel is compiled.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from functools import cache

from heddle.runtime.rewriter.corpus.kernel import Compiled, Triple
from heddle.runtime.rewriter.corpus.unavailable import SourceUnavailableError

_KERNELS = "heddle.runtime.rewriter.corpus.numba_kernels"


@dataclass(frozen=True, slots=True)
class NumbaSource:
    """A function of ``numba_kernels`` with its signature in numba's words.

    Attributes
    ----------
    function
        Its name.
    signature
        ``"void(float32[::1], float32)"``.
    threads
        Of a block.
    """

    function: str
    signature: str
    threads: Triple = (64, 1, 1)

    @property
    def origin(self) -> str:
        """``"numba"``."""
        return "numba"

    def compile(self, target: int) -> Compiled:
        """Return the PTX for a compute capability."""
        missing = _missing()
        if missing:
            raise SourceUnavailableError(missing)
        kernels = importlib.import_module(_KERNELS)
        kernel = getattr(kernels, self.function)
        ptx, _ = kernels.cuda.compile_ptx(kernel, self.signature, cc=divmod(target, 10))
        return Compiled(ptx, _entry_of(ptx), self.threads)


@cache
def _missing() -> str:
    """Why numba-cuda cannot compile here; empty when it can. It is tried once."""
    try:
        kernels = importlib.import_module(_KERNELS)
        kernels.cuda.compile_ptx(kernels.grid_loop, "void(float32[::1])", cc=(8, 0))
    except (ImportError, RuntimeError, OSError) as error:
        first = str(error).partition("\n")[0]
        return (
            f"numba-cuda cannot compile here ({first}); it needs a CUDA toolkit, or: "
            "pip install nvidia-cuda-nvcc-cu12 nvidia-cuda-runtime-cu12, with their lib folders "
            "in LD_LIBRARY_PATH"
        )
    return ""


def _entry_of(ptx: str) -> str:
    return ptx.partition(".visible .entry ")[2].partition("(")[0].strip()
