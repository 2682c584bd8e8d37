from __future__ import annotations

import numpy as np
import pytest

from heddle.runtime.rewriter.interpreter.faults import KernelFaultError
from heddle.runtime.rewriter.interpreter.grid import Schedule
from small_ptx import launch

#: Thread 0 of each warp of 64 writes to shared memory, the other warp reads it.
HAND_OVER = """
	shl.b32 %r1, %r0, 2;
	mov.u32 %r2, dynamic;
	add.u32 %r1, %r1, %r2;
	st.shared.u32 [%r1], %r7;
	BARRIER
	xor.b32 %r3, %r0, 32;
	shl.b32 %r3, %r3, 2;
	add.u32 %r3, %r3, %r2;
	ld.shared.u32 %r4, [%r3];
	st.global.u32 [%rd8], %r4;
"""


def _handed_over(barrier: str, seed: int) -> bool:
    memory = launch(HAND_OVER.replace("BARRIER", barrier), {}, 64, 5, Schedule(seed=seed))
    place = np.arange(320)
    return bool((memory.get("result") == (place ^ 32)).all())


def test_a_barrier_makes_a_hand_over_safe_under_every_schedule() -> None:
    assert all(_handed_over("bar.sync 0;", seed) for seed in range(20))


def test_a_missing_barrier_is_found() -> None:
    assert sum(_handed_over("", seed) for seed in range(20)) < 10


def test_a_barrier_some_threads_wait_at_for_ever_is_a_fault() -> None:
    body = """
	setp.lt.u32 %p1, %r0, 40;
	@%p1 bar.sync 0;
	bar.sync 1;
"""
    with pytest.raises(KernelFaultError, match="barrier"):
        launch(body, {}, 64)


def test_threads_that_have_ended_are_not_waited_for() -> None:
    body = """
	setp.lt.u32 %p1, %r0, 40;
	@%p1 ret;
	bar.sync 0;
	st.global.u32 [%rd8], 1;
"""
    assert launch(body, {}, 64).get("result").sum() == 24


def test_a_barrier_may_count_the_threads_it_waits_for() -> None:
    body = """
	setp.ge.u32 %p1, %r0, 64;
	@%p1 bra $L_end;
	bar.sync 3, 64;
	st.global.u32 [%rd8], 1;
$L_end:
	bar.sync 0;
"""
    assert launch(body, {}, 96).get("result").sum() == 64


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("bar.red.popc.u32 %r4, 0, %p1;", 20),
        ("barrier.cta.red.or.pred %p2, 0, %p1;\n\tselp.u32 %r4, 1, 0, %p2;", 1),
        ("bar.red.and.pred %p2, 0, !%p1;\n\tselp.u32 %r4, 1, 0, %p2;", 0),
    ],
)
def test_a_barrier_can_reduce_predicates(line: str, expected: int) -> None:
    body = f"\tsetp.lt.u32 %p1, %r0, 20;\n\t{line}\n\tst.global.u32 [%rd8], %r4;\n"
    assert set(launch(body, {}, 64).get("result").tolist()) == {expected}


def test_lanes_that_part_meet_again() -> None:
    body = """
	mov.u32 %r1, 0;
	and.b32 %r2, %r0, 3;
$L_loop:
	setp.ge.u32 %p1, %r1, %r2;
	@%p1 bra $L_out;
	add.u32 %r1, %r1, 1;
	bra.uni $L_loop;
$L_out:
	activemask.b32 %r4;
	st.global.u32 [%rd8], %r4;
"""
    assert set(launch(body, {}).get("result").tolist()) == {0xFFFFFFFF}


def test_a_launch_without_end_is_a_fault() -> None:
    with pytest.raises(KernelFaultError, match="did not end"):
        launch("$L_loop:\n\tbra.uni $L_loop;\n", {}, schedule=Schedule(limit=1000))


def test_names_in_a_scope_hide_outer_ones() -> None:
    body = """
	mov.u32 %r1, 5;
	{
	.reg .b32 %r1;
	.reg .pred p;
	mov.u32 %r1, 9;
	setp.eq.u32 p, %r1, 9;
	@p bra inside;
	mov.u32 %r1, 1;
	inside:
	mov.u32 %r2, %r1;
	}
	{
	.reg .pred p;
	setp.eq.u32 p, %r1, 5;
	@p bra inside;
	mov.u32 %r2, 0;
	inside:
	}
	add.u32 %r4, %r1, %r2;
	st.global.u32 [%rd8], %r4;
"""
    assert set(launch(body, {}).get("result").tolist()) == {14}


COPY = """
	shl.b32 %r1, %r0, 2;
	mov.u32 %r2, dynamic;
	add.u32 %r1, %r1, %r2;
	st.shared.u32 [%r1], 7;
	cp.async.ca.shared.global [%r1], [%rd5], 4;
	cp.async.commit_group;
	WAIT
	ld.shared.u32 %r4, [%r1];
	st.global.u32 [%rd8], %r4;
"""


@pytest.mark.parametrize(
    ("wait", "is_early", "expected"),
    [
        ("cp.async.wait_group 0;", False, 42),
        ("cp.async.wait_all;", False, 42),
        ("cp.async.wait_group 1;", False, 7),
        ("", False, 7),
        ("", True, 42),
    ],
)
def test_an_asynchronous_copy_is_delivered_when_it_is_waited_for(
    wait: str,
    is_early: bool,  # noqa: FBT001 - a row of the table
    expected: int,
) -> None:
    first = np.full(32, 42, dtype=np.uint32)
    schedule = Schedule(has_early_copies=is_early)
    memory = launch(COPY.replace("WAIT", wait), {"first": first}, schedule=schedule)
    assert set(memory.get("result").tolist()) == {expected}


def test_a_copy_fills_with_zeros_what_it_was_told_not_to_read() -> None:
    body = COPY.replace("[%rd5], 4;", "[%rd5], 4, 0;").replace("WAIT", "cp.async.wait_all;")
    memory = launch(body, {"first": np.full(32, 42, dtype=np.uint32)})
    assert set(memory.get("result").tolist()) == {0}


def test_shared_memory_begins_with_a_pattern() -> None:
    body = "\tld.shared.u32 %r4, [dynamic];\n\tst.global.u32 [%rd8], %r4;\n"
    assert set(launch(body, {}).get("result").tolist()) == {0xCBCBCBCB}


@pytest.mark.parametrize(
    ("line", "total"),
    [
        ("red.global.add.u32 [%rd4], 3;", 960),
        ("atom.global.add.u32 %r4, [%rd4], 3;", 960),
        ("atom.global.max.u32 %r4, [%rd4], %r7;", 319),
        ("atom.global.inc.u32 %r4, [%rd4], 9;", 0),
        ("atom.global.or.b32 %r4, [%rd4], 6;", 6),
        ("atom.global.exch.b32 %r4, [%rd4], 8;", 8),
        ("atom.global.cas.b32 %r4, [%rd4], 0, 5;", 5),
    ],
)
def test_atomic_operations_lose_nothing(line: str, total: int) -> None:
    memory = launch(f"\t{line}\n", {}, 64, 5)
    assert memory.get("result")[0] == total


def test_the_same_seed_gives_the_same_run() -> None:
    body = "\tatom.global.add.u32 %r4, [%rd1], 1;\n\tst.global.u32 [%rd8], %r4;\n"
    runs = [launch(body, {}, 64, 5, Schedule(seed=4)).get("result") for _ in range(2)]
    assert (runs[0] == runs[1]).all()
    other = launch(body, {}, 64, 5, Schedule(seed=5)).get("result")
    assert (runs[0] != other).any()
    assert sorted(other.tolist()) == list(range(320))


def test_a_warp_may_have_fewer_lanes() -> None:
    assert launch("\tst.global.u32 [%rd8], 1;\n", {}, 40).get("result").sum() == 40
