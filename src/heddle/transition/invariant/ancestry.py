"""Which steps are always done before which, whatever the timing.

A step is *before* another when a chain of waiting leads from the second to the first:
then, and only then, no execution issues the second while the first is not done. Asked
by ``coexistence``, ``rates`` and ``proof``; answered with bit masks that are carried
along the steps in their order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import chain
from typing import NamedTuple

from heddle.transition.step import Step

#: Bits carried at once: more need fewer sweeps over the steps and more memory.
_SWEEP_BITS = 4096


class Pair(NamedTuple):
    """Two steps of which the first must be before the second."""

    earlier: int
    later: int


class Question(NamedTuple):
    """For each of ``later``: which of ``earlier`` are before it? No step is in both."""

    earlier: Sequence[int]
    later: Sequence[int]


#: For each later step a mask; bit ``k`` says that ``earlier[k]`` is before it.
Masks = list[int]


class Ancestry:
    """The relation *before* of steps in a topological order."""

    def __init__(self, steps: Sequence[Step]) -> None:
        self._after = [step.after for step in steps]
        self._gpus = [step.gpu for step in steps]

    def masks(self, questions: Iterable[Question]) -> list[Masks]:
        """Answer questions, in their order."""
        return list(chain.from_iterable(map(self._sweep, _batches(questions))))

    def near_masks(self, question: Question) -> Masks:
        """Answer in part: by the chains that do not leave a step's own GPU.

        All steps asked about must be on one GPU. Quick, and mostly all there is.
        """
        rank, near = self._near
        return [
            sum(
                1 << bit
                for bit, earlier in enumerate(question.earlier)
                if near[later] >> rank[earlier] & 1
            )
            for later in question.later
        ]

    def unordered(self, pairs: Iterable[Pair]) -> list[Pair]:
        """Return the pairs whose first step is not before the second; each on one GPU."""
        rank, near = self._near
        rest = [pair for pair in pairs if not near[pair.later] >> rank[pair.earlier] & 1]
        answers = self.masks(Question((pair.earlier,), (pair.later,)) for pair in rest)
        return [pair for pair, (mask,) in zip(rest, answers, strict=True) if not mask]

    @cached_property
    def _near(self) -> tuple[list[int], list[int]]:
        """By step: its number on its GPU, and a mask of those before it there."""
        count: Counter[str] = Counter()
        rank: list[int] = []
        near: list[int] = []
        for gpu, after in zip(self._gpus, self._after, strict=True):
            mask = 0
            for other in after:
                if self._gpus[other] == gpu:
                    mask |= near[other] | 1 << rank[other]
            rank.append(count[gpu])
            near.append(mask)
            count[gpu] += 1
        return rank, near

    def _sweep(self, batch: Sequence[Question]) -> list[Masks]:
        """Carry a bit for every earlier step of some questions through the graph."""
        own: dict[int, int] = {}
        offsets = []
        num_bits = 0
        for question in batch:
            offsets.append(num_bits)
            for step in question.earlier:
                own[step] = own.get(step, 0) | 1 << num_bits
                num_bits += 1
        end = max((step for question in batch for step in question.later), default=-1) + 1
        carried = self._carried(own, end)
        return [
            [carried[step] >> offset & (1 << len(question.earlier)) - 1 for step in question.later]
            for question, offset in zip(batch, offsets, strict=True)
        ]

    def _carried(self, own: dict[int, int], end: int) -> Masks:
        """Return for every step below ``end`` the bits of itself and of all before it."""
        first = min(own, default=end)
        carried = [0] * first
        for step in range(first, end):
            mask = own.get(step, 0)
            for other in self._after[step]:
                mask |= carried[other]
            carried.append(mask)
        return carried


def _batches(questions: Iterable[Question]) -> Iterator[list[Question]]:
    """Put questions together so that a sweep carries enough bits, and not too many."""
    batch: list[Question] = []
    num_bits = 0
    for question in questions:
        if batch and num_bits + len(question.earlier) > _SWEEP_BITS:
            yield batch
            batch, num_bits = [], 0
        batch.append(question)
        num_bits += len(question.earlier)
    if batch:
        yield batch
