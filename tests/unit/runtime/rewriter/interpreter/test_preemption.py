from __future__ import annotations

import numpy as np
import pytest

from heddle.errors import InputError
from heddle.runtime.rewriter.corpus.kernel import Case
from heddle.runtime.rewriter.corpus.launching import launch_of, memory_of, packed
from heddle.runtime.rewriter.corpus.proof import first_fault, run_rewritten
from heddle.runtime.rewriter.interpreter.faults import KernelFaultError
from heddle.runtime.rewriter.interpreter.preemption import run_preempted
from heddle.runtime.rewriter.interpreter.program import Program
from heddle.runtime.rewriter.ptx_reader import read_ptx
from heddle.runtime.rewriter.rewritten import Form
from rewriter_cases import compiled, original, rewritten


def test_a_kernel_is_resumed_until_its_blocks_have_run() -> None:
    run = run_rewritten(original("saxpy"), rewritten("saxpy").module, Form.PERSISTENT, seed=1)
    assert run.launches >= run.evictions
    assert run.steps > 0


def test_a_kernel_with_another_result_is_named_with_the_buffer() -> None:
    adding = read_ptx(rewritten("saxpy").text.replace("st.global.f32", "red.global.add.f32"))
    fault = first_fault(original("saxpy"), adding, Form.PERSISTENT, [1])
    assert fault is not None
    assert "y" in str(fault)


def test_a_kernel_that_makes_no_progress_is_a_fault() -> None:
    text = rewritten("saxpy").text.replace("setp.gt.u32 %heddle_p1", "setp.ge.u32 %heddle_p1")
    yardstick = original("saxpy")
    memory = memory_of(yardstick.case)
    entry = yardstick.module.entry("saxpy")
    launch = launch_of(yardstick.case, yardstick.compiled, entry, memory)
    with pytest.raises(KernelFaultError, match="nothing stopped the launch"):
        run_preempted(Program(read_ptx(text)), launch, memory, 3, yardstick.steps)


def test_arguments_are_packed_at_the_offsets_of_the_parameters() -> None:
    entry = original("saxpy").module.entry("saxpy")
    case = Case((1, 1, 1), {"x": np.zeros(2), "y": np.zeros(2)}, ())
    memory = memory_of(case)
    buffer = packed(entry, (7, np.float32(1.0), "x", "y"), memory)
    assert buffer[:4] == (7).to_bytes(4, "little")
    assert buffer[4:8] == np.float32(1.0).tobytes()
    assert int.from_bytes(buffer[16:24], "little") == memory.address("y")


def test_too_many_arguments_are_refused() -> None:
    entry = read_ptx(compiled("saxpy").ptx).entry("saxpy")
    with pytest.raises(InputError, match="4 parameters; 5 values"):
        packed(entry, (1, 2, 3, 4, 5), memory_of(Case((1, 1, 1), {}, ())))
