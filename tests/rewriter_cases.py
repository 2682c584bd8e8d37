"""Corpus kernels compiled and run in one go, once per test run."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from heddle.runtime.rewriter.corpus.catalogue import CORPUS, corpus_kernel
from heddle.runtime.rewriter.corpus.kernel import Compiled, CorpusKernel
from heddle.runtime.rewriter.corpus.proof import Original, run_original
from heddle.runtime.rewriter.corpus.unavailable import SourceUnavailableError
from heddle.runtime.rewriter.entry_check import to_entry_check
from heddle.runtime.rewriter.persistent import to_persistent
from heddle.runtime.rewriter.rewritten import Form, Rewritten

RUNNABLE = tuple(kernel.name for kernel in CORPUS if kernel.case is not None)
#: What the interpreter runs: the target without instructions of later architectures.
TARGET = 80


@cache
def compiled_or_reason(name: str, target: int) -> Compiled | str:
    """Return a kernel for a target, or why it cannot be compiled here."""
    try:
        return corpus_kernel(name).source.compile(target)
    except SourceUnavailableError as error:
        return str(error)


def compiled(name: str, target: int = TARGET) -> Compiled:
    """Return a kernel for a target; the test is skipped where its compiler is missing."""
    found = compiled_or_reason(name, target)
    if isinstance(found, str):
        pytest.skip(found)
    return found


def case_of(kernel: CorpusKernel) -> np.random.Generator:
    """Return the generator for the arguments of a kernel: the same in every test."""
    return np.random.default_rng(len(kernel.name))


@cache
def _original(name: str) -> Original:
    kernel = corpus_kernel(name)
    assert kernel.case is not None
    return run_original(compiled(name), kernel.case(case_of(kernel)))


def original(name: str) -> Original:
    """Return a kernel that has run in one go."""
    compiled(name)
    return _original(name)


@cache
def _rewritten(name: str, form: Form) -> Rewritten:
    rewrite = to_persistent if form is Form.PERSISTENT else to_entry_check
    yardstick = original(name)
    return rewrite(yardstick.module, yardstick.compiled.entry)


def rewritten(name: str, form: Form = Form.PERSISTENT) -> Rewritten:
    """Return a kernel in one of its rewritten forms."""
    compiled(name)
    return _rewritten(name, form)
