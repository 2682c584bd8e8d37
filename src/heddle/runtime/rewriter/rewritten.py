"""What a rewriting returns, and the words of the record through which host and kernel talk.

The record lies in device memory, one for each launch. ``persistent`` and ``entry_check`` write code
that reads it, the cuda backend fills it, the interpreter's tests do likewise.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from heddle.runtime.rewriter.ptx import (
    TYPE_BYTES,
    Directive,
    Entry,
    Instruction,
    Module,
    Parameter,
    Statement,
)
from heddle.runtime.rewriter.ptx_writer import write_ptx

#: Words (4 bytes each) of a launch record; the kernel's own code uses the same numbers.
TICKET, END, EPOCH, FIRST, GRID_X, GRID_Y, GRID_Z, DONE, DECISION = range(9)
#: From here on one word for each physical block: what its leader tells the other threads.
BROADCAST = 16
#: What a leader tells its block when there is no further block to run.
NO_BLOCK = 0xFFFFFFFF
#: Values of the word DECISION.
UNDECIDED, RUN, LEAVE = range(3)

CONTROL_PARAMETER, FLAG_PARAMETER = "heddle_control", "heddle_flag"


class Form(Enum):
    """How far a kernel can be stopped."""

    PERSISTENT = "persistent"  # between its blocks, exactly
    ENTRY_CHECK = "entry_check"  # before it begins
    OPAQUE = "opaque"  # not at all


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A module with one kernel rewritten.

    Attributes
    ----------
    module, text
        The whole module, as records and as PTX.
    entry_name
        The kernel, under its old name.
    form
        What it was made into.
    extra_parameters
        Appended to the kernel's own, in this order, both u64: the address of the launch record
        and the address of the queue's epoch word.
    """

    module: Module
    text: str
    entry_name: str
    form: Form
    extra_parameters: tuple[str, ...] = (CONTROL_PARAMETER, FLAG_PARAMETER)


def record_bytes(physical_blocks: int) -> int:
    """Return the bytes of a launch record for a grid of that many physical blocks."""
    return 4 * (BROADCAST + physical_blocks)


def with_record(entry: Entry, body: tuple[Statement, ...]) -> Entry:
    """The kernel with another body and the two parameters behind its own."""
    extra = tuple(
        Parameter("u64", name, TYPE_BYTES["u64"], TYPE_BYTES["u64"], f".param .u64 {name}")
        for name in (CONTROL_PARAMETER, FLAG_PARAMETER)
    )
    return replace(entry, parameters=(*entry.parameters, *extra), body=body)


def as_rewritten(module: Module, entry: Entry, form: Form) -> Rewritten:
    """The result: the module with ``entry`` in the place of the kernel of that name."""
    changed = module.with_entry(entry.name, entry)
    return Rewritten(changed, write_ptx(changed), entry.name, form)


def falls_through(body: tuple[Statement, ...]) -> bool:
    """Whether the end of a body can be reached: its last instruction does not always jump."""
    steps = [step for step in body if not isinstance(step, Directive) or step.text in {"{", "}"}]
    last = steps[-1] if steps else None
    is_jump = isinstance(last, Instruction) and last.name in {"ret", "exit", "bra", "brx", "trap"}
    return not (is_jump and isinstance(last, Instruction) and last.predicate is None)
