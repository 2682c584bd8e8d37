"""A kernel made persistent: resident blocks run logical blocks one after another, by ticket.

After Tally (ASPLOS '25) and the persistent threads of Gupta et al. (InPar '12), with epochs in the
place of flags, so that nothing has to be reset. A physical block does this until there is no ticket
left or the queue's epoch is newer than its own:

1. wait until all its threads are done with the logical block before (asynchronous copies too);
2. the leader counts that block, looks at the epoch, takes a ticket and writes the logical index
   to the block's word of the launch record (global, so that no shared memory is added and no
   address in it moves);
3. all threads read that word behind a barrier: the decision is the same for all of them;
4. they run the old body with the logical index where it reads ``%ctaid`` and the logical grid
   where it reads ``%nctaid``; a ``ret`` leads back to 1.

A ticket is taken after the look at the epoch, so every ticket taken is a block that is run to its
end: the blocks done are the first ones, none lost, none twice. The physical grid has one dimension.
Call it for kernels that ``verdict`` allows; ``assemble`` comes next.
"""

from __future__ import annotations

import re
from dataclasses import replace

from heddle.runtime.rewriter.ptx import Entry, Instruction, Module, Registers, Statement
from heddle.runtime.rewriter.ptx_reader import read_statements
from heddle.runtime.rewriter.rewritten import (
    BROADCAST,
    CONTROL_PARAMETER,
    DONE,
    END,
    EPOCH,
    FIRST,
    FLAG_PARAMETER,
    GRID_X,
    GRID_Y,
    GRID_Z,
    NO_BLOCK,
    TICKET,
    Form,
    Rewritten,
    as_rewritten,
    falls_through,
    with_record,
)

NEXT, TAKE, TOLD, KNOWN, LEAVE_LABEL = (
    f"$heddle_{word}" for word in ("next", "take", "told", "known", "leave")
)
_INDEX = re.compile(r"%(n?)ctaid\.([xyz])\b")
_REGISTERS = (
    Registers("pred", "%heddle_p", 4),
    Registers("b32", "%heddle_t", 10),
    Registers("b64", "%heddle_a", 4),
    *(Registers("b32", f"%heddle_{kind}{axis}") for kind in ("block_", "grid_") for axis in "xyz"),
)
_LEADER = """
    mov.u32 %heddle_t0, %tid.x;
    mov.u32 %heddle_t1, %tid.y;
    mov.u32 %heddle_t2, %tid.z;
    or.b32 %heddle_t0, %heddle_t0, %heddle_t1;
    or.b32 %heddle_t0, %heddle_t0, %heddle_t2;
    setp.ne.u32 %heddle_p0, %heddle_t0, 0;
    ld.param.u64 %heddle_a0, [{control}];
    cvta.to.global.u64 %heddle_a0, %heddle_a0;
"""
_COUNT = """
    bra.uni {take};
{next}:
    {drain}
    bar.sync 0;
    {leader}
    @!%heddle_p0 red.relaxed.gpu.global.add.u32 [%heddle_a0+{done}], 1;
"""
_TAKE = """
{take}:
    {leader}
    mov.u32 %heddle_t3, %ctaid.x;
    mul.wide.u32 %heddle_a1, %heddle_t3, 4;
    add.u64 %heddle_a1, %heddle_a0, %heddle_a1;
    @%heddle_p0 bra {told};
    ld.param.u64 %heddle_a2, [{flag}];
    cvta.to.global.u64 %heddle_a2, %heddle_a2;
    ld.relaxed.sys.global.u32 %heddle_t4, [%heddle_a2];
    ld.relaxed.sys.global.u32 %heddle_t5, [%heddle_a0+{epoch}];
    ld.relaxed.sys.global.u32 %heddle_t6, [%heddle_a0+{end}];
    ld.relaxed.sys.global.u32 %heddle_t7, [%heddle_a0+{first}];
    setp.gt.u32 %heddle_p1, %heddle_t4, %heddle_t5;
    mov.u32 %heddle_t8, {no_block};
    @!%heddle_p1 atom.relaxed.gpu.global.add.u32 %heddle_t8, [%heddle_a0+{ticket}], 1;
    @!%heddle_p1 add.u32 %heddle_t8, %heddle_t8, %heddle_t7;
    setp.ge.u32 %heddle_p2, %heddle_t8, %heddle_t6;
    selp.b32 %heddle_t8, {no_block}, %heddle_t8, %heddle_p2;
    st.relaxed.gpu.global.u32 [%heddle_a1+{broadcast}], %heddle_t8;
{told}:
    bar.sync 0;
    ld.relaxed.gpu.global.u32 %heddle_t9, [%heddle_a1+{broadcast}];
    setp.eq.u32 %heddle_p3, %heddle_t9, {no_block};
    @%heddle_p3 bra {leave};
"""
_DECODE = """
    ld.relaxed.gpu.global.u32 %heddle_grid_x, [%heddle_a0+{grid_x}];
    ld.relaxed.gpu.global.u32 %heddle_grid_y, [%heddle_a0+{grid_y}];
    ld.relaxed.gpu.global.u32 %heddle_grid_z, [%heddle_a0+{grid_z}];
    mov.u32 %heddle_block_x, %heddle_t9;
    mov.u32 %heddle_block_y, 0;
    mov.u32 %heddle_block_z, 0;
    setp.lt.u32 %heddle_p3, %heddle_t9, %heddle_grid_x;
    @%heddle_p3 bra {known};
    div.u32 %heddle_t8, %heddle_t9, %heddle_grid_x;
    rem.u32 %heddle_block_x, %heddle_t9, %heddle_grid_x;
    rem.u32 %heddle_block_y, %heddle_t8, %heddle_grid_y;
    div.u32 %heddle_block_z, %heddle_t8, %heddle_grid_y;
{known}:
"""
_WORDS = {
    "control": CONTROL_PARAMETER, "flag": FLAG_PARAMETER, "ticket": 4 * TICKET, "end": 4 * END,
    "epoch": 4 * EPOCH, "first": 4 * FIRST, "grid_x": 4 * GRID_X, "grid_y": 4 * GRID_Y,
    "grid_z": 4 * GRID_Z, "done": 4 * DONE, "broadcast": 4 * BROADCAST, "no_block": NO_BLOCK,
    "next": NEXT, "take": TAKE, "told": TOLD, "known": KNOWN, "leave": LEAVE_LABEL,
}  # fmt: skip


def to_persistent(module: Module, entry_name: str | None = None) -> Rewritten:
    """Return the module with one kernel in its persistent form, under its old name.

    The kernel has two more parameters, see ``Rewritten``. It is launched with a one-dimensional
    grid of as many blocks as may be resident, and the block shape of the original.

    Parameters
    ----------
    entry_name
        Which kernel; the only one when None.

    Raises
    ------
    InputError
        There is no such kernel.
    """
    entry = module.entry(entry_name)
    index_reads = "".join(operand for step in entry.instructions for operand in step.operands)
    head = _COUNT + _TAKE + (_DECODE if _INDEX.search(index_reads) else "")
    words = {**_WORDS, "drain": _drain(entry), "leader": _LEADER.format(**_WORDS)}
    tail = f"bra.uni {NEXT};\n" if falls_through(entry.body) else ""
    body = (
        *read_statements(head.format(**words)),
        *(_logical(statement) for statement in entry.body),
        *read_statements(f"{tail}{LEAVE_LABEL}:\nret;\n"),
    )
    registers = (*entry.registers, *_REGISTERS)
    changed = replace(with_record(entry, body), registers=registers)
    return as_rewritten(module, changed, Form.PERSISTENT)


def _drain(entry: Entry) -> str:
    """What waits for asynchronous copies, when the kernel makes any."""
    copies = [step for step in entry.instructions if "async" in step.suffixes[:2]]
    is_bulk = any("bulk_group" in step.suffixes for step in copies)
    is_plain = any(step.name == "cp" and "bulk" not in step.suffixes for step in copies)
    waits = {"cp.async.bulk.wait_group 0;": is_bulk, "cp.async.wait_all;": is_plain}
    return "\n".join(wait for wait, is_needed in waits.items() if is_needed)


def _logical(statement: Statement) -> Statement:
    """The statement as it stands in a logical block."""
    if not isinstance(statement, Instruction):
        return statement
    if statement.name in {"ret", "exit"}:
        return replace(statement, opcode="bra", operands=(NEXT,))
    operands = tuple(_INDEX.sub(_index_register, operand) for operand in statement.operands)
    if operands == statement.operands:
        return statement
    opcode = "cvt.u16.u32" if statement.opcode in {"mov.u16", "mov.b16"} else statement.opcode
    return replace(statement, opcode=opcode, operands=operands)


def _index_register(found: re.Match[str]) -> str:
    return f"%heddle_{'grid_' if found[1] else 'block_'}{found[2]}"
