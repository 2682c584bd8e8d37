"""Small PTX kernels around a few instructions, for tests of the interpreter."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from heddle.runtime.rewriter.interpreter.grid import Launch, Schedule, run_grid
from heddle.runtime.rewriter.interpreter.memory import Memory
from heddle.runtime.rewriter.interpreter.program import Program
from heddle.runtime.rewriter.ptx_reader import read_ptx

Array = NDArray[Any]

_TEXT = """
.version 8.4
.target sm_80
.address_size 64
.extern .shared .align 16 .b8 dynamic[];
.visible .entry small(.param .u64 first, .param .u64 second, .param .u64 third, .param .u64 result)
{
	.reg .pred %p<8>;
	.reg .b16 %h<16>;
	.reg .b32 %r<40>;
	.reg .b64 %rd<40>;
	mov.u32 %r0, %tid.x;
	mov.u32 %r9, %ctaid.x;
	mov.u32 %r8, %ntid.x;
	mad.lo.u32 %r7, %r9, %r8, %r0;
	cvt.u64.u32 %rd0, %r7;
	ld.param.u64 %rd1, [first];
	ld.param.u64 %rd2, [second];
	ld.param.u64 %rd3, [third];
	ld.param.u64 %rd4, [result];
	mad.wide.u32 %rd5, %r7, 4, %rd1;
	mad.wide.u32 %rd6, %r7, 4, %rd2;
	mad.wide.u32 %rd7, %r7, 4, %rd3;
	mad.wide.u32 %rd8, %r7, 4, %rd4;
	mad.wide.u32 %rd9, %r7, 8, %rd4;
BODY
	ret;
}
"""
_LOADS = """
	ld.global.b32 %r1, [%rd5];
	ld.global.b32 %r2, [%rd6];
	ld.global.b32 %r3, [%rd7];
"""


def launch(
    body: str,
    buffers: dict[str, Array],
    threads: int = 32,
    blocks: int = 1,
    schedule: Schedule | None = None,
) -> Memory:
    """Run a kernel made of ``body``; ``%rd5`` to ``%rd8`` are this thread's words of the four
    buffers ``first``, ``second``, ``third`` and ``result``.
    """
    memory = Memory()
    for name in ("first", "second", "third", "result"):
        memory.add(name, buffers.get(name, np.zeros(threads * blocks, dtype=np.uint32)))
    names = ("first", "second", "third", "result")
    arguments = b"".join(memory.address(name).to_bytes(8, "little") for name in names)
    program = Program(read_ptx(_TEXT.replace("BODY", body)))
    shape = Launch((blocks, 1, 1), (threads, 1, 1), arguments, 1024)
    run_grid(program, shape, memory, schedule or Schedule())
    return memory


def compute(line: str, *inputs: Array, kind: Any = np.uint32) -> Array:
    """Return ``%r4`` (or ``%rd10``, for 64 bits) after one instruction on ``%r1``, ``%r2``, ``%r3``
    with 32 lanes.
    """
    is_wide = np.dtype(kind).itemsize == 8
    store = "st.global.b64 [%rd9], %rd10;" if is_wide else "st.global.b32 [%rd8], %r4;"
    names = ("first", "second", "third")
    buffers: dict[str, Array] = dict(zip(names, inputs, strict=False))
    buffers["result"] = np.zeros(32, dtype=kind)
    return launch(f"{_LOADS}\t{line}\n\t{store}\n", buffers).get("result")
