"""Which values may differ between the threads of a block, and so where the threads may part.

A register is *varying* when something written to it comes from the thread's own index, from an
atomic, from memory at a varying address, or is written where only some threads come by. What all
threads load from one address is taken as equal: where it is not, the original kernel has a race.
Registers are taken by name, without following versions: that errs towards varying, and so towards
refusing. After Karrenberg and Hack, "Whole-function vectorization" (CGO '11), section 4.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from heddle.runtime.rewriter.flow import Flow
from heddle.runtime.rewriter.ptx import Instruction

_REGISTER = re.compile(r"%[\w.@$]+|\b[A-Za-z_$][\w$]*(?:@\d+)?")
_THREAD = re.compile(r"%(?:tid|laneid|warpid|lanemask_\w+|clock\w*|globaltimer\w*)\b")
#: Instructions without a register to write to; what they name is read.
_WRITES_NOTHING = {
    "st", "red", "bra", "brx", "ret", "exit", "trap", "membar", "fence", "prefetch", "stmatrix",
    "cp", "prefetchu", "nanosleep", "discard", "applypriority", "sust", "sured", "pmevent",
    "griddepcontrol", "setmaxnreg", "brkpt",
}  # fmt: skip
#: Their results differ between threads whatever goes in.
_VARIES = {"atom", "shfl", "vote", "match", "activemask", "elect", "ldmatrix", "movmatrix", "mma",
           "wmma", "wgmma", "redux", "call"}  # fmt: skip


def written(step: Instruction) -> set[str]:
    """Return the registers that an instruction writes, and the names that take a call's results."""
    if not step.operands or step.name in _WRITES_NOTHING:
        return set()
    if step.name == "call" and not step.operands[0].startswith("("):
        return set()
    if step.name in {"bar", "barrier"} and "red" not in step.suffixes:
        return set()
    return set(_REGISTER.findall(step.operands[0]))


def read(step: Instruction) -> set[str]:
    """Return the registers, symbols and special registers that an instruction reads."""
    first = 1 if written(step) else 0
    words = " ".join((*step.operands[first:], step.predicate or ""))
    return set(_REGISTER.findall(words))


def varying(flow: Flow) -> set[str]:
    """Return the registers whose value may differ between the threads of a block."""
    found: set[str] = set()
    partial: set[int] = set()
    is_growing = True
    while is_growing:
        size = len(found), len(partial)
        _spread(flow, found, partial)
        for branch in parting(flow, found):
            partial |= flow.between(branch)
        is_growing = size != (len(found), len(partial))
    return found


def parting(flow: Flow, differing: Iterable[str]) -> list[int]:
    """Return the branches at which threads of one block may go different ways."""
    differing = set(differing)
    return [at for at in flow.branches() if read(flow.condition(at)) & differing]


def _spread(flow: Flow, found: set[str], partial: set[int]) -> None:
    """Carry what varies along the instructions until nothing new is found."""
    is_growing = True
    while is_growing:
        size = len(found)
        for at, stretch in enumerate(flow.stretches):
            for step in (flow.steps[number] for number in stretch):
                if at in partial or _is_varying(step, found):
                    found |= written(step)
        is_growing = size != len(found)


def _is_varying(step: Instruction, found: set[str]) -> bool:
    if step.name in _VARIES or (step.name == "ld" and "local" in step.suffixes):
        return True
    if step.name in {"barrier", "bar"}:
        return False
    inputs = read(step)
    return not inputs.isdisjoint(found) or any(_THREAD.match(word) for word in inputs)
