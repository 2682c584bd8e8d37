"""A rewritten kernel leaves the memory that the original leaves, however it is preempted."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heddle.runtime.rewriter.corpus.proof import run_original, run_rewritten
from heddle.runtime.rewriter.interpreter.program import Program
from heddle.runtime.rewriter.rewritten import Form
from heddle.runtime.rewriter.verdict import judge
from rewriter_cases import NOT_INTERPRETED, RUNNABLE, compiled, original, rewritten

SEEDS = st.integers(min_value=0, max_value=2**31 - 1)


@pytest.mark.parametrize("name", RUNNABLE)
def test_a_persistent_kernel_under_preemption_leaves_equal_memory(name: str) -> None:
    compiled(name)

    @settings(max_examples=4, deadline=None, database=None)
    @given(seed=SEEDS)
    def holds(seed: int) -> None:
        yardstick = original(name)
        assert judge(yardstick.module, yardstick.compiled.entry).form is Form.PERSISTENT
        run_rewritten(yardstick, rewritten(name).module, Form.PERSISTENT, seed)

    holds()


@pytest.mark.parametrize("target", [90, 100])
@pytest.mark.parametrize("name", RUNNABLE)
def test_it_does_so_for_later_targets_too(name: str, target: int) -> None:
    if (name, target) in NOT_INTERPRETED:
        pytest.skip(f"the interpreter does not know the matrix instructions of sm_{target}")
    compiled(name, target)
    yardstick = original(name, target)
    module = rewritten(name, target=target).module
    run_rewritten(yardstick, module, Form.PERSISTENT, seed=target)


@pytest.mark.parametrize("name", RUNNABLE)
def test_an_entry_check_lets_a_kernel_run_whole_or_not_at_all(name: str) -> None:
    compiled(name)

    @settings(max_examples=2, deadline=None, database=None)
    @given(seed=SEEDS)
    def holds(seed: int) -> None:
        module = rewritten(name, Form.ENTRY_CHECK).module
        run_rewritten(original(name), module, Form.ENTRY_CHECK, seed)

    holds()


@pytest.mark.parametrize("name", RUNNABLE)
def test_an_original_does_not_depend_on_the_schedule(name: str) -> None:
    first = original(name)
    second = run_original(first.compiled, first.case, seed=9)
    assert first.memory.differing(second.memory) == ()


def test_preemption_is_really_tried() -> None:
    runs = [
        run_rewritten(original(name), rewritten(name).module, Form.PERSISTENT, seed)
        for name in ("scale_in_place", "matmul_staged", "rms_norm")
        for seed in range(8)
    ]
    assert sum(run.evictions for run in runs) > 24
    assert sum(run.launches for run in runs) > 48


def test_one_seed_gives_one_run() -> None:
    module = rewritten("histogram").module
    runs = {run_rewritten(original("histogram"), module, Form.PERSISTENT, 5) for _ in range(2)}
    assert len(runs) == 1


@pytest.mark.parametrize("name", ["scale_in_place", "matmul_staged", "attention"])
def test_a_rewritten_kernel_can_be_read_again(name: str) -> None:
    text = rewritten(name).text
    assert "heddle_control" in text
    assert Program(rewritten(name).module, compiled(name).entry).operations
