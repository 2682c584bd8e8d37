"""Why a kernel cannot be made to stop, or what to know about one that can: one name each.

The numbers behind the sentences are those of the pitfalls in docs/rewriter.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Self

from heddle.runtime.rewriter.rewritten import Form


class Hindrance(Enum):
    """What stands in the way; ``sentence`` says it to people."""

    EARLY_RETURN = (
        "early return",
        "a thread may return before a barrier at which others of its block wait",  # 2
    )
    PARTED_BARRIER = (
        "parted barrier",
        "a barrier lies where threads of a block may go different ways",  # 1, 2
    )
    MBARRIER = (
        "mbarrier",
        "an mbarrier object would be initialised again by the next logical block",  # 3
    )
    UNWAITED = (
        "unwaited work",
        "asynchronous work may still use shared memory when a logical block ends",  # 3
    )
    CLUSTER = "cluster", "blocks of a cluster depend on one another"  # 5
    SMID = "smid", "it reads the number of its multiprocessor, which says nothing any more"  # 5
    GRIDID = "gridid", "it reads the number of the grid, which changes when it is resumed"  # 5
    INDEX_FORM = "index form", "it reads the block index in a form that cannot be replaced"  # 5
    COOPERATIVE = "cooperative", "it is written for a cooperative launch"  # 5
    DEPENDENT_LAUNCH = "dependent launch", "it takes part in programmatic dependent launch"  # 5
    GRID_BARRIER = (
        "grid barrier",
        "it waits for other blocks at a place that all blocks share",  # 5, 6
    )
    CALL = "call", "it calls code that cannot be seen or that needs the block index itself"
    INDIRECT_BRANCH = "indirect branch", "it jumps to places that are not written in the kernel"
    CHILD_KERNELS = "child kernels", "it launches kernels of its own"
    WARP_SPECIALISED = (
        "warp specialised",
        "its warps play different parts and meet at barriers of their own",  # 3
    )
    TENSOR_MEMORY = "tensor memory", "it allocates tensor memory, which cannot be had twice"  # 3
    OLD_TARGET = (
        "old target",
        "its target is older than sm_70, which cannot order the accesses needed",
    )
    PARAMETERS = "parameters", "two more parameters do not fit"
    NOT_DEFINED = "not defined", "its body is not in the module"

    sentence: str

    def __new__(cls, word: str, sentence: str) -> Self:
        """Value and sentence of a member."""
        member = object.__new__(cls)
        member._value_ = word
        member.sentence = sentence
        return member


class Remark(Enum):
    """What is worth knowing of a kernel and stops nothing."""

    EARLY_EXIT = (
        "early exit",
        "threads may return early; no barrier lies behind, so they wait for their block",  # 2
    )
    ORDERED_WAIT = (
        "ordered wait",
        "a block waits for others at a place of its own; tickets in order keep it safe",  # 6
    )
    LOCK = (
        "lock",
        "it repeats a compare-and-swap; who holds a lock runs to the end of its block",  # 6
    )
    NOT_REPLAYABLE = "not replayable", "it has atomics: it may be resumed, never run again"  # 7
    TEXTURES = "textures", "it reads textures or surfaces, which rewriting leaves alone"  # 12

    sentence: str

    def __new__(cls, word: str, sentence: str) -> Self:
        """Value and sentence of a member."""
        member = object.__new__(cls)
        member._value_ = word
        member.sentence = sentence
        return member


#: What nothing at all can be added to, and so not the check at the entry either.
BARS_EVERYTHING = {Hindrance.DEPENDENT_LAUNCH, Hindrance.PARAMETERS, Hindrance.NOT_DEFINED,
                   Hindrance.OLD_TARGET}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing found in a kernel.

    Attributes
    ----------
    kind
        What it is.
    line
        Where, in the text read; 0 when it is nowhere in particular.
    found
        The word that gave it away, such as an opcode or a register.
    """

    kind: Hindrance | Remark
    line: int = 0
    found: str = ""

    def __str__(self) -> str:
        place = f"line {self.line}: " if self.line else ""
        return f"{place}{self.kind.sentence}" + (f" ({self.found})" if self.found else "")


_KINDS: dict[str, Hindrance | Remark] = {kind.value: kind for kind in (*Hindrance, *Remark)}


def reason_of(word: str, line: int, found: str) -> Reason:
    """Return the reason whose kind has that value; KeyError when none has."""
    return Reason(_KINDS[word], line, found)


@dataclass(frozen=True, slots=True)
class Verdict:
    """How far a kernel can be stopped, and why not further.

    Attributes
    ----------
    form
        The strongest form that is safe.
    reasons
        What stands in the way of a stronger one, in the order of the text; empty for PERSISTENT.
    remarks
        What is worth knowing besides.
    """

    form: Form
    reasons: tuple[Reason, ...]
    remarks: tuple[Reason, ...] = ()

    @property
    def hindrances(self) -> frozenset[Hindrance]:
        """The kinds of the reasons."""
        return frozenset(
            reason.kind for reason in self.reasons if isinstance(reason.kind, Hindrance)
        )
