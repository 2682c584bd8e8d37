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
#: The target most tests take.
TARGET = 80
#: What the interpreter does not know: ``tcgen05`` of sm_100, which is not made persistent either.
NOT_INTERPRETED = {("matmul_wide", 100), ("attention_wide", 100)}


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


def random_of(kernel: CorpusKernel) -> np.random.Generator:
    """Return the generator for the arguments of a kernel: the same in every test."""
    return np.random.default_rng(len(kernel.name))


@cache
def _original(name: str, target: int) -> Original:
    kernel = corpus_kernel(name)
    assert kernel.case is not None
    return run_original(compiled(name, target), kernel.case(random_of(kernel)))


def original(name: str, target: int = TARGET) -> Original:
    """Return a kernel that has run in one go."""
    compiled(name, target)
    return _original(name, target)


@cache
def _rewritten(name: str, form: Form, target: int) -> Rewritten:
    rewrite = to_persistent if form is Form.PERSISTENT else to_entry_check
    yardstick = original(name, target)
    return rewrite(yardstick.module, yardstick.compiled.entry)


def rewritten(name: str, form: Form = Form.PERSISTENT, target: int = TARGET) -> Rewritten:
    """Return a kernel in one of its rewritten forms."""
    compiled(name, target)
    return _rewritten(name, form, target)
