"""A kernel that leaves before it begins when its queue's epoch is newer than its own.

For kernels too short to be worth tickets and for those that cannot be made persistent. The first
leader to come decides for the whole grid with one compare-and-swap, so either every block runs or
none does: nothing has to be replayed and the kernel may be anything, clusters and grid-wide
barriers included.
"""

from __future__ import annotations

from dataclasses import replace

from heddle.runtime.rewriter.ptx import Module, Registers
from heddle.runtime.rewriter.ptx_reader import read_statements
from heddle.runtime.rewriter.rewritten import (
    CONTROL_PARAMETER,
    DECISION,
    EPOCH,
    FLAG_PARAMETER,
    LEAVE,
    RUN,
    UNDECIDED,
    Form,
    Rewritten,
    as_rewritten,
    with_record,
)

DECIDED = "$heddle_decided"
_REGISTERS = (
    Registers("pred", "%heddle_p", 3),
    Registers("b32", "%heddle_t", 7),
    Registers("b64", "%heddle_a", 2),
)
_CHECK = f"""
    mov.u32 %heddle_t0, %tid.x;
    mov.u32 %heddle_t1, %tid.y;
    mov.u32 %heddle_t2, %tid.z;
    or.b32 %heddle_t0, %heddle_t0, %heddle_t1;
    or.b32 %heddle_t0, %heddle_t0, %heddle_t2;
    setp.ne.u32 %heddle_p0, %heddle_t0, 0;
    ld.param.u64 %heddle_a0, [{CONTROL_PARAMETER}];
    cvta.to.global.u64 %heddle_a0, %heddle_a0;
    @%heddle_p0 bra {DECIDED};
    ld.param.u64 %heddle_a1, [{FLAG_PARAMETER}];
    cvta.to.global.u64 %heddle_a1, %heddle_a1;
    ld.relaxed.sys.global.u32 %heddle_t3, [%heddle_a1];
    ld.relaxed.sys.global.u32 %heddle_t4, [%heddle_a0+{4 * EPOCH}];
    setp.gt.u32 %heddle_p1, %heddle_t3, %heddle_t4;
    selp.b32 %heddle_t5, {LEAVE}, {RUN}, %heddle_p1;
    atom.relaxed.gpu.global.cas.b32 %heddle_t6, [%heddle_a0+{4 * DECISION}], {UNDECIDED}, \
%heddle_t5;
{DECIDED}:
    bar.sync 0;
    ld.relaxed.gpu.global.u32 %heddle_t6, [%heddle_a0+{4 * DECISION}];
    setp.eq.u32 %heddle_p2, %heddle_t6, {LEAVE};
    @%heddle_p2 ret;
"""


def to_entry_check(module: Module, entry_name: str | None = None) -> Rewritten:
    """Return the module with the check at the entry of one kernel, under its old name.

    The kernel has two more parameters, see ``Rewritten``; it is launched with its own grid.

    Raises
    ------
    InputError
        There is no such kernel.
    """
    entry = module.entry(entry_name)
    body = (*read_statements(_CHECK), *entry.body)
    changed = replace(with_record(entry, body), registers=(*entry.registers, *_REGISTERS))
    return as_rewritten(module, changed, Form.ENTRY_CHECK)
