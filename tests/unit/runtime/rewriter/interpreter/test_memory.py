from __future__ import annotations

import numpy as np
import pytest

from heddle.runtime.rewriter.interpreter.faults import KernelFaultError
from heddle.runtime.rewriter.interpreter.memory import GLOBAL_BASE, Memory, Space


def addresses(*values: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.array(values, dtype=np.int64)


def test_a_buffer_comes_back_in_type_and_shape() -> None:
    memory = Memory()
    content = np.arange(6, dtype=np.float32).reshape(2, 3)
    memory.add("x", content)
    assert (memory.get("x") == content).all()
    assert memory.get("x").shape == (2, 3)


def test_memory_grows_and_keeps_what_it_holds() -> None:
    memory = Memory()
    first = memory.add("first", np.arange(10, dtype=np.uint32))
    memory.add("large", np.zeros(100_000, dtype=np.uint8))
    assert memory.load(addresses(first + 36), 4)[0].tolist() == [9]
    memory.store(addresses(first), 4, [np.array([77], dtype=np.uint32)])
    assert memory.get("first")[0] == 77


def test_an_access_behind_a_buffer_names_it() -> None:
    memory = Memory()
    start = memory.add("bins", np.zeros(5, dtype=np.uint32))
    memory.add("other", np.zeros(5, dtype=np.uint32))
    with pytest.raises(KernelFaultError, match=r"offset 20 of buffer 'bins', which has 20 bytes"):
        memory.load(addresses(start, start + 20), 4)


def test_an_access_before_a_buffer_names_it() -> None:
    memory = Memory()
    start = memory.add("bins", np.zeros(5, dtype=np.uint32))
    with pytest.raises(KernelFaultError, match="offset -4 of buffer 'bins'"):
        memory.store(addresses(start - 4), 4, [np.zeros(1, dtype=np.uint32)])


def test_a_null_address_is_a_fault() -> None:
    memory = Memory()
    memory.add("bins", np.zeros(5, dtype=np.uint32))
    with pytest.raises(KernelFaultError):
        memory.load(addresses(0), 4)


def test_memory_without_buffers_says_so() -> None:
    with pytest.raises(KernelFaultError, match="there are no buffers"):
        Memory().load(addresses(GLOBAL_BASE + 512), 4)


def test_a_misaligned_access_is_a_fault() -> None:
    memory = Memory()
    start = memory.add("x", np.zeros(8, dtype=np.uint32))
    with pytest.raises(KernelFaultError, match="not aligned"):
        memory.load(addresses(start + 4), 4, count=2)


def test_shared_memory_has_its_size() -> None:
    space = Space("shared memory", np.zeros(64, dtype=np.uint8))
    with pytest.raises(KernelFaultError, match="shared memory, which has 64 bytes"):
        space.load(addresses(64), 4)


def test_memories_differ_by_the_names_of_buffers() -> None:
    one, two = Memory(), Memory()
    for memory in (one, two):
        memory.add("x", np.zeros(4, dtype=np.uint32))
        memory.add("y", np.zeros(4, dtype=np.uint32))
    two.store(addresses(two.address("y")), 4, [np.ones(1, dtype=np.uint32)])
    assert one.differing(two) == ("y",)
