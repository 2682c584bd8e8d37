"""The slot lemma: from fractions of blocks to whole blocks, for half of what was served.

Lemma (after Shmoys and Tardos' rounding for the generalised assignment problem). Let
the capacities B_i be whole numbers and x ≥ 0 with Σ_j x_ij ≤ B_i for every type i. If x
serves every job twice its demand, counting no block for more than the demand, then
whole blocks within the same capacities serve every job its demand.

Proof. Sort job j's blocks by falling f(j,i) and pour x_j into slots of size one; the
last slot may stay partly empty and is dropped. A full slot holds parts of blocks that
add up to one, and a type's parts add up to at most B_i over all slots: that is a
fractional matching of slots to types, so there is a whole one in which slot s gets a
block of a type of which it holds a part. That block serves at least the least f in slot
s, which is at least every f in slot s+1 and so at least what slot s+1 holds. Summed over
the full slots, the blocks serve at least what all slots but the first hold; the first
holds at most d_j, since no f exceeds d_j. What remains is at least 2 d_j − d_j. ∎

``constant`` calls it. Amounts poured are whole multiples of ``UNIT``, so everything here
is exact; slots inside one type need no matching, and each job has less than k others.
"""

from __future__ import annotations

from collections.abc import Sequence

from heddle.optimizer.cms.matching import match_items
from heddle.optimizer.cms.problem import Floats

#: One block, in the units in which fractions are poured.
UNIT = 2**40


def in_units(blocks: Floats, scale: float) -> list[list[int]]:
    """Return ``scale`` times fractional blocks as whole multiples of one ``UNIT``-th block."""
    return [[round(part * scale * UNIT) for part in row] for row in blocks.tolist()]


def round_slots(
    counted: Sequence[Sequence[int]], capacities: Sequence[int], poured: Sequence[Sequence[int]]
) -> list[list[int]]:
    """Return whole blocks by job and type, within the capacities.

    Parameters
    ----------
    counted
        By job and type: what one block serves, at most the demand.
    capacities
        By type, whole blocks.
    poured
        By job and type: blocks in units of 1/``UNIT``.

    Raises
    ------
    ValueError
        The capacities are too small for what is poured.
    """
    blocks: list[list[int]] = []
    shared: list[tuple[int, list[int]]] = []
    for job, (amounts, row) in enumerate(zip(counted, poured, strict=True)):
        whole, slots = _fill_slots(amounts, row)
        blocks.append(whole)
        shared.extend((job, slot) for slot in slots)
    room = [
        have - sum(used) for have, used in zip(capacities, zip(*blocks, strict=True), strict=True)
    ]
    if min(room) < 0:
        raise ValueError("more whole blocks are poured than the capacities have")
    kinds = match_items([slot for _, slot in shared], room)
    for (job, _), kind in zip(shared, kinds, strict=True):
        blocks[job][kind] += 1
    return blocks


def _fill_slots(amounts: Sequence[int], row: Sequence[int]) -> tuple[list[int], list[list[int]]]:
    """Return the full slots of one job: counts of those inside one type, types of the others."""
    whole = [0] * len(row)
    shared: list[list[int]] = []
    slot: list[int] = []
    filled = 0
    for kind in sorted(range(len(row)), key=lambda i: (-amounts[i], i)):
        left = row[kind] if amounts[kind] else 0
        if filled and left:
            part = min(left, UNIT - filled)
            slot.append(kind)
            filled, left = filled + part, left - part
            if filled == UNIT:
                shared.append(slot)
                slot, filled = [], 0
        full, rest = divmod(left, UNIT)
        whole[kind] += full
        if rest:
            slot, filled = [kind], rest
    return whole, shared
