"""What a rewriting adds to a logical block, estimated from its text.

An estimate for tables, made without a GPU: instructions that a thread runs, each loop counted as if
it ran ``TRIPS`` times. It leaves out what instructions wait for, above all two dependent accesses
to the second-level cache for the ticket. Times are measured by ``benchmarks/gpu_runtime.sh``.
"""

from __future__ import annotations

from heddle.runtime.rewriter.entry_check import DECIDED
from heddle.runtime.rewriter.flow import Flow, flow_of
from heddle.runtime.rewriter.persistent import KNOWN, TOLD
from heddle.runtime.rewriter.ptx import Instruction, Label, Routine

#: How often a loop is taken to run when nothing is known.
TRIPS = 16
_WARP_THREADS = 32


def weighted_instructions(routine: Routine) -> int:
    """Return the instructions a thread runs, loops counted ``TRIPS`` times for each depth."""
    flow = flow_of(routine)
    every = set(range(flow.end))
    depths = dict.fromkeys(every, 0)
    _deepen(flow, every, depths)
    return sum(len(stretch) * TRIPS ** depths[at] for at, stretch in enumerate(flow.stretches))


def overhead(rewritten: Routine, original: Routine, threads: int) -> float:
    """Return the share of instructions that a rewriting adds to a block, 0.1 for 10 %.

    Counted as a scheduler sees it, by warps: what only the leader does counts for one of them, and
    the division of the index is left out, since grids of one dimension jump over it.

    Parameters
    ----------
    rewritten
        As the rewriting returned it, not read again: what was added has no line.
    threads
        Of a block.
    """
    warps = -(-threads // _WARP_THREADS)
    weights = {TOLD: 1 / warps, DECIDED: 1 / warps, KNOWN: 0.0}
    added, aside = 0.0, ""
    for statement in rewritten.body:
        if isinstance(statement, Label) and statement.name == aside:
            aside = ""
        if isinstance(statement, Instruction) and statement.line == 0:
            added += weights.get(aside, 1.0)
            is_aside = statement.predicate is not None and statement.name == "bra"
            aside = statement.operands[0] if is_aside and not aside else aside
    return added / max(weighted_instructions(original), 1)


def _deepen(flow: Flow, stretches: set[int], depths: dict[int, int]) -> None:
    """Count one for every loop among some stretches, then look inside it without its head."""
    left = set(stretches)
    while left:
        head = min(left)
        loop = {at for at in _after(flow, head, left) if head in _after(flow, at, left)}
        for at in loop:
            depths[at] += 1
        if loop:
            _deepen(flow, loop - {head}, depths)
        left -= loop | {head}


def _after(flow: Flow, start: int, among: set[int]) -> set[int]:
    """What can run after a stretch without leaving some stretches."""
    found: set[int] = set()
    todo = [to for to in flow.ways[start] if to in among]
    while todo:
        at = todo.pop()
        if at not in found:
            found.add(at)
            todo += [to for to in flow.ways[at] if to in among]
    return found
