"""The corpus: what it holds, and that the rewriter says of each kernel what is expected."""

from __future__ import annotations

import pytest

from heddle.errors import InputError
from heddle.runtime.rewriter.corpus.catalogue import CORPUS, corpus_kernel
from heddle.runtime.rewriter.ptx_reader import read_ptx
from heddle.runtime.rewriter.verdict import judge
from rewriter_cases import compiled

EVERY = [(kernel.name, target) for kernel in CORPUS for target in kernel.targets]


@pytest.mark.parametrize(("name", "target"), EVERY)
def test_the_verdict_is_the_expected_one(name: str, target: int) -> None:
    made = compiled(name, target)
    expected = corpus_kernel(name).expectation(target)
    verdict = judge(read_ptx(made.ptx), made.entry)
    assert verdict.form.value == expected.form, [str(reason) for reason in verdict.reasons]
    if expected.reason:
        assert expected.reason in {hindrance.value for hindrance in verdict.hindrances}


def test_there_are_at_least_thirty_kernels_and_a_third_is_shaped_like_public_ones() -> None:
    runnable = [kernel for kernel in CORPUS if kernel.case is not None]
    assert len(runnable) >= 30
    assert sum(bool(kernel.likeness) for kernel in runnable) * 3 >= len(runnable)
    assert len({kernel.name for kernel in CORPUS}) == len(CORPUS)


def test_every_compiler_and_every_class_of_work_is_there() -> None:
    assert {kernel.source.origin for kernel in CORPUS} == {"triton", "nvrtc", "numba", "ptx"}
    assert {kernel.kind for kernel in CORPUS} >= {
        "memory", "matmul", "attention", "reduction", "atomics", "scan", "sort", "convolution",
        "control", "refused",
    }  # fmt: skip


def test_an_unknown_kernel_is_answered_with_the_nearest() -> None:
    with pytest.raises(InputError, match="vector_add"):
        corpus_kernel("vector_ad")
