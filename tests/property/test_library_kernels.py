"""Laws of the kernel library: any order of blocks, any pause and any thread give the same bits."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heddle.runtime.core.constants import EXACT_RESUME, REPLAY_SAFE
from library_cases import CASES, Case, case

pytest.importorskip("numba", reason="needs numba: pip install 'heddle-gpu[runtime]'")

names = st.sampled_from(sorted(CASES))
seeds = st.integers(0, 10_000)
sizes = st.integers(8, 24)
few = settings(max_examples=60, deadline=None)


def bits(found: Case) -> bytes:
    return bytes(found.out.tobytes())


def in_order(name: str, seed: int, size: int) -> Case:
    found = case(name, seed, size)
    found.bound.run()
    return found


@few
@given(names, seeds, sizes)
def test_a_kernel_agrees_with_its_float64_reference(name: str, seed: int, size: int) -> None:
    found = in_order(name, seed, size)
    assert found.error() <= found.tolerance


@few
@given(names, seeds, sizes)
def test_the_order_of_blocks_does_not_show_in_the_bits(name: str, seed: int, size: int) -> None:
    found = case(name, seed, size)
    for block in np.random.default_rng(seed).permutation(found.bound.kernel.blocks):
        found.bound.run(int(block), int(block) + 1)
    assert bits(found) == bits(in_order(name, seed, size))


@few
@given(names, seeds, sizes)
def test_two_threads_and_a_pause_do_not_show_in_the_bits(name: str, seed: int, size: int) -> None:
    found = case(name, seed, size)
    blocks = found.bound.kernel.blocks
    cuts = sorted(int(n) for n in np.random.default_rng(seed).integers(0, blocks + 1, 2))
    pieces = [(0, cuts[0]), (cuts[0], cuts[1]), (cuts[1], blocks)]
    threads = [threading.Thread(target=found.bound.run, args=piece) for piece in pieces[:2]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found.bound.run(*pieces[2])
    assert bits(found) == bits(in_order(name, seed, size))


@few
@given(names, seeds, sizes)
def test_a_replay_safe_kernel_may_run_again_from_its_start(name: str, seed: int, size: int) -> None:
    found = case(name, seed, size)
    if found.bound.kernel.contract != REPLAY_SAFE:
        return
    found.bound.run(0, found.bound.kernel.blocks // 2)
    found.bound.run()
    assert bits(found) == bits(in_order(name, seed, size))


@pytest.mark.parametrize("name", ["add in place", "scale in place", "histogram"])
def test_a_block_that_runs_twice_shows_where_the_contract_says_exact_resume(name: str) -> None:
    found = case(name, 1, 16)
    assert found.bound.kernel.contract == EXACT_RESUME
    found.bound.run()
    found.bound.run(0, 1)
    assert bits(found) != bits(in_order(name, 1, 16))
