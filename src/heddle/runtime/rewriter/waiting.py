"""Loops in which a block waits for other blocks: locks, look-back scans, barriers of the grid.

A loop waits when it goes on or ends by what it loads, again and again from one address, with a
load that other blocks are meant to be seen by (volatile, acquire, relaxed, an atomic). Who waits at
a place that follows from its block index waits for certain other blocks, by custom those before
it: safe, since tickets are handed out in order and every block taken is finished. Who waits at a
place common to all blocks may wait for blocks that are never resident: refused. A
compare-and-swap that changes the value is a lock, and its holder runs on.
"""

from __future__ import annotations

from heddle.runtime.rewriter.flow import Flow
from heddle.runtime.rewriter.ptx import Instruction
from heddle.runtime.rewriter.reasons import Hindrance, Reason, Remark
from heddle.runtime.rewriter.uniformity import read, written

_SEEN = {"volatile", "acquire", "relaxed", "mmio", "cv"}
_OWN = {"shared", "shared::cta", "local", "param", "const"}
#: Shared memory as if it were one register: a leader polls and tells the others through it.
_SHARED = "shared memory"


def waits(flow: Flow) -> list[Reason]:
    """Return what the waiting loops of a kernel are, one reason for each polled place."""
    found = []
    for branch in flow.branches():
        loop = flow.loop(branch)
        if not loop or loop.issuperset(flow.ways[branch]):
            continue
        inside = flow.inside(loop)
        told = _behind(inside, read(flow.condition(branch)))
        polls = [step for step in inside if _is_poll(step) and _results(step) & told]
        fixed = {word for step in inside for word in _results(step)}
        found += [_reason(flow, poll) for poll in polls if not _address(poll) & fixed]
    return list(dict.fromkeys(found))


def _reason(flow: Flow, poll: Instruction) -> Reason:
    if _is_lock(poll):
        return Reason(Remark.LOCK, poll.line, poll.opcode)
    origin = _behind(flow.steps, _address(poll))
    is_own = any(word.startswith("%ctaid") for word in origin)
    kind: Hindrance | Remark = Remark.ORDERED_WAIT if is_own else Hindrance.GRID_BARRIER
    return Reason(kind, poll.line, poll.opcode)


def _is_poll(step: Instruction) -> bool:
    if not _OWN.isdisjoint(step.suffixes):
        return False
    return step.name == "atom" or (step.name == "ld" and not _SEEN.isdisjoint(step.suffixes))


def _is_lock(step: Instruction) -> bool:
    if step.name != "atom":
        return False
    is_swap = "cas" in step.suffixes and step.operands[-1] != step.operands[-2]
    return is_swap or "exch" in step.suffixes


def _address(step: Instruction) -> set[str]:
    """The registers in the brackets of a load or an atomic."""
    return read(Instruction(None, "st", step.operands[1:2]))


def _results(step: Instruction) -> set[str]:
    is_shared_store = step.name == "st" and "shared" in step.opcode
    return {_SHARED} if is_shared_store else written(step)


def _behind(steps: tuple[Instruction, ...] | list[Instruction], words: set[str]) -> set[str]:
    """Everything that the values of ``words`` come from within some instructions."""
    found = set(words)
    is_growing = True
    while is_growing:
        size = len(found)
        for step in steps:
            if _results(step) & found:
                found |= read(step)
                found |= {_SHARED} if step.name == "ld" and "shared" in step.opcode else set()
        is_growing = size != len(found)
    return found
