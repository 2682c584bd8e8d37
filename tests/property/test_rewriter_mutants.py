"""Every wrong rewriter is found by the semantic test on some kernel of the corpus."""

from __future__ import annotations

import pytest

from heddle.runtime.rewriter.corpus.proof import first_fault
from heddle.runtime.rewriter.ptx_reader import read_ptx
from heddle.runtime.rewriter.rewritten import Form
from rewriter_cases import compiled, original, rewritten
from rewriter_mutants import ENTRY_MUTANTS, MUTANTS, Mutant

SEEDS = range(40)


def _is_caught(mutant: Mutant, form: Form) -> bool:
    for name in mutant.kernels:
        compiled(name)
        module = read_ptx(mutant.change(rewritten(name, form).text))
        if first_fault(original(name), module, form, SEEDS):
            return True
    return False


@pytest.mark.parametrize("mutant", MUTANTS, ids=str)
def test_a_wrong_persistent_form_is_found(mutant: Mutant) -> None:
    assert _is_caught(mutant, Form.PERSISTENT)


@pytest.mark.parametrize("mutant", ENTRY_MUTANTS, ids=str)
def test_a_wrong_entry_check_is_found(mutant: Mutant) -> None:
    assert _is_caught(mutant, Form.ENTRY_CHECK)


def test_the_unchanged_rewriter_passes_on_the_kernels_of_the_mutants() -> None:
    for name in sorted({name for mutant in MUTANTS for name in mutant.kernels}):
        compiled(name)
        fault = first_fault(original(name), rewritten(name).module, Form.PERSISTENT, range(6))
        assert fault is None, f"{name}: {fault}"
