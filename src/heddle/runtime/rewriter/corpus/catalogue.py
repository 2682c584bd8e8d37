"""The list of the corpus."""

from __future__ import annotations

from heddle.errors import InputError, nearest
from heddle.runtime.rewriter.corpus.cuda_entries import CUDA
from heddle.runtime.rewriter.corpus.kernel import CorpusKernel
from heddle.runtime.rewriter.corpus.matrix_entries import MATRICES
from heddle.runtime.rewriter.corpus.numba_entries import NUMBA
from heddle.runtime.rewriter.corpus.refused_entries import REFUSED
from heddle.runtime.rewriter.corpus.triton_entries import ELEMENTWISE, REDUCTIONS

#: Every kernel of the corpus, those that must be refused last.
CORPUS: tuple[CorpusKernel, ...] = (*ELEMENTWISE, *REDUCTIONS, *MATRICES, *CUDA, *NUMBA, *REFUSED)


def corpus_kernel(name: str) -> CorpusKernel:
    """Return the kernel of that name.

    Raises
    ------
    InputError
        There is none; names the nearest.
    """
    for kernel in CORPUS:
        if kernel.name == name:
            return kernel
    hint = nearest(name, [kernel.name for kernel in CORPUS])
    raise InputError(f"the corpus has no kernel {name!r}{hint}")
