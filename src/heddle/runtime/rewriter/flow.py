"""Which instruction may follow which: the control flow of a body, its scopes resolved.

``verdict``, ``uniformity`` and ``overhead`` ask where threads may part, where they meet again, what
lies between and what lies in a loop. Straight pieces of a body are *stretches*, numbered as they
come; the number behind the last one is the end of the kernel.
"""

from __future__ import annotations

import re
from collections.abc import Container, Sequence
from dataclasses import dataclass, replace

from heddle.runtime.rewriter.ptx import Directive, Instruction, Label, Routine
from heddle.runtime.rewriter.ptx_reader import read_registers

_NAME = re.compile(r"[%$\w]+")
_ENDS = {"ret", "exit", "trap"}
_JUMPS = {"bra", "brx", *_ENDS}


@dataclass(frozen=True, slots=True)
class Flow:
    """The flow of one body.

    Attributes
    ----------
    steps
        Its instructions; a register declared in a nested scope has the number of the scope behind
        its name (``p@3``), so that equal names in different scopes are different registers.
    stretches
        Ranges of ``steps`` that run from first to last; jumps stand at their ends.
    ways
        For each stretch the ones that may come next.
    num_unknown
        Jumps whose targets are not written in the body.
    behind
        For each stretch, as bits, the ones that every way from it to the end comes by.
    """

    steps: tuple[Instruction, ...]
    stretches: tuple[range, ...]
    ways: tuple[tuple[int, ...], ...]
    num_unknown: int
    behind: tuple[int, ...]

    @property
    def end(self) -> int:
        """The number that stands for the end of the kernel."""
        return len(self.stretches)

    def branches(self) -> list[int]:
        """Stretches at whose end threads may part."""
        return [at for at, ways in enumerate(self.ways) if len(set(ways)) > 1]

    def condition(self, branch: int) -> Instruction:
        """The jump at the end of a stretch."""
        return self.steps[self.stretches[branch][-1]]

    def reachable(self, starts: Sequence[int], without: int = -1) -> set[int]:
        """The stretches that can run from ``starts`` on, they included, not passing ``without``."""
        found: set[int] = set()
        left = [start for start in starts if start != without]
        while left:
            at = left.pop()
            if at not in found:
                found.add(at)
                left += [] if at == self.end else [to for to in self.ways[at] if to != without]
        return found

    def meeting(self, branch: int) -> int:
        """Where all the ways from a branch meet first; the end at the latest."""
        common = self.behind[branch] & ~(1 << branch)
        candidates = [at for at in range(self.end) if common >> at & 1]
        return max(candidates, key=lambda at: self.behind[at].bit_count(), default=self.end)

    def between(self, branch: int) -> set[int]:
        """The stretches after a branch and before its ways have met again."""
        return self.reachable(self.ways[branch], without=self.meeting(branch)) - {self.end}

    def loop(self, branch: int) -> set[int]:
        """The stretches on a way from a stretch back to itself; empty when there is none."""
        after = self.reachable(self.ways[branch]) - {self.end}
        if branch not in after:
            return set()
        return {at for at in after if branch in self.reachable(self.ways[at])}

    def inside(self, stretches: set[int]) -> list[Instruction]:
        """The instructions of some stretches, in order."""
        return [self.steps[step] for at in sorted(stretches) for step in self.stretches[at]]


def flow_of(routine: Routine) -> Flow:
    """Return the flow of a routine's body."""
    scoped = _Scoped(routine)
    cuts = {0, *scoped.labels.values()}
    cuts |= {at + 1 for at, step in enumerate(scoped.steps) if step.name in _JUMPS}
    starts = sorted(cut for cut in cuts if cut < len(scoped.steps))
    stretches = [
        range(start, stop)
        for start, stop in zip(starts, [*starts[1:], len(scoped.steps)], strict=True)
    ]
    number = {stretch.start: at for at, stretch in enumerate(stretches)}
    ways, num_unknown = [], 0
    for at, stretch in enumerate(stretches):
        targets = scoped.targets(stretch[-1])
        num_unknown += targets is None
        numbers = [number.get(target, len(stretches)) for target in targets or ()]
        step = scoped.steps[stretch[-1]]
        falls = step.name not in _JUMPS or step.predicate is not None
        ways.append((*numbers, *([at + 1] if falls else [])))
    return Flow(
        tuple(scoped.steps), tuple(stretches), tuple(ways), num_unknown, _post_dominators(ways)
    )


class _Scoped:
    """The instructions of a body, with registers and labels made unique by scope."""

    def __init__(self, routine: Routine) -> None:
        self.steps: list[Instruction] = []
        self.labels: dict[str, int] = {}
        self._tables: dict[str, tuple[str, ...]] = {}
        self._path: list[int] = []
        self._num_scopes = 0
        self._declared: dict[int, set[str]] = {}
        self._where: list[tuple[int, ...]] = []
        for statement in routine.body:
            if isinstance(statement, Directive):
                self._directive(statement.text)
            elif isinstance(statement, Label):
                self._label = self._scoped(statement.name)
                self.labels[self._label] = len(self.steps)
            else:
                self._step(statement)

    def targets(self, step: int) -> list[int] | None:
        """Where the step may jump to; None when the body does not say."""
        jump = self.steps[step]
        if jump.name in _ENDS:
            return [len(self.steps)] if jump.name != "trap" else []
        if jump.name not in _JUMPS:
            return []
        names = jump.operands[:1]
        if jump.name == "brx":
            table = self._found(jump.operands[-1], self._where[step], self._tables)
            names = self._tables.get(table or "", ())
        places = [self._found(name, self._where[step], self.labels) for name in names]
        found = [self.labels[place] for place in places if place is not None]
        return found if found and len(found) == len(names) else None

    def _directive(self, text: str) -> None:
        if text == "{":
            self._num_scopes += 1
            self._path.append(self._num_scopes)
        elif text == "}":
            self._path.pop()
        elif text.startswith(".reg") and self._path:
            names = {name for group in read_registers(text) for name in group.names}
            self._declared.setdefault(self._path[-1], set()).update(names)
        elif text.startswith(".branchtargets"):
            words = text.removeprefix(".branchtargets").split(",")
            self._tables[self._label] = tuple(word.strip() for word in words)

    def _step(self, step: Instruction) -> None:
        self._where.append(tuple(self._path))
        if any(scope in self._declared for scope in self._path):
            operands = tuple(_NAME.sub(self._renamed, operand) for operand in step.operands)
            guard = _NAME.sub(self._renamed, step.predicate) if step.predicate else None
            step = replace(step, operands=operands, predicate=guard)
        self.steps.append(step)

    def _renamed(self, name: re.Match[str]) -> str:
        for scope in reversed(self._path):
            if name[0] in self._declared.get(scope, ()):
                return f"{name[0]}@{scope}"
        return name[0]

    def _scoped(self, label: str) -> str:
        return f"{label}@{self._path[-1]}" if self._path else label

    @staticmethod
    def _found(name: str, path: tuple[int, ...], table: Container[str]) -> str | None:
        """The label as seen from a scope: the innermost one of that name."""
        places = (*(f"{name}@{scope}" for scope in reversed(path)), name)
        return next((place for place in places if place in table), None)


def _post_dominators(ways: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    every = (1 << len(ways)) - 1
    behind = [every] * len(ways)
    is_changing = True
    while is_changing:
        is_changing = False
        for at in reversed(range(len(ways))):
            common = every  # stays so behind a trap: who ends there meets nobody
            for to in ways[at]:
                common &= behind[to] if to < len(ways) else 0
            common |= 1 << at
            is_changing |= common != behind[at]
            behind[at] = common
    return tuple(behind)
