"""Why a kernel cannot be made to stop, or what to know about one that can: one name each.

The numbers in the sentences' comments are those of the pitfalls in docs/rewriter.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from heddle.runtime.rewriter.rewritten import Form


class Hindrance(Enum):
    """What stands in the way, with the sentence for people."""

    EARLY_RETURN = "a thread may return before a barrier at which others of its block wait"  # 2
    PARTED_BARRIER = "a barrier lies where threads of a block may go different ways"  # 1, 2
    MBARRIER = "an mbarrier object would be initialised again by the next logical block"  # 3
    UNWAITED = "asynchronous work may still use shared memory when a logical block ends"  # 3
    CLUSTER = "blocks of a cluster depend on one another"  # 5
    GRID_REGISTER = "it reads a register that describes the physical grid or processor"  # 5
    INDEX_FORM = "it reads the block index in a form that cannot be replaced"  # 5
    COOPERATIVE = "it is written for a cooperative launch"  # 5
    DEPENDENT_LAUNCH = "it takes part in programmatic dependent launch"  # 5
    GRID_WAIT = "it waits for other blocks at a place that all blocks share"  # 5, 6
    CALL = "it calls code that cannot be seen or that needs the block index itself"
    INDIRECT_BRANCH = "it jumps to places that are not written in the kernel"
    CHILD_KERNELS = "it launches kernels of its own"
    WARP_SPECIALISED = "its warps play different parts and meet at barriers of their own"  # 3
    TENSOR_MEMORY = "it allocates tensor memory, which cannot be had twice"  # 3
    OLD_TARGET = "its target is older than sm_70, which cannot order the accesses needed"
    PARAMETERS = "two more parameters do not fit"
    NOT_DEFINED = "its body is not in the module"


class Remark(Enum):
    """What is worth knowing of a kernel and stops nothing."""

    EARLY_EXIT = (
        "threads may return early; no barrier lies behind, so they wait for their block"  # 2
    )
    ORDERED_WAIT = (
        "a block waits for others at a place of its own; tickets in order keep it safe"  # 6
    )
    LOCK = "blocks take a lock; who holds one runs to the end of its block"  # 6
    NOT_REPLAYABLE = "it has atomics: it may be resumed but never run again"  # 7
    TEXTURES = "it reads textures or surfaces, which rewriting leaves alone"  # 12


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
        return f"{place}{self.kind.value}" + (f" ({self.found})" if self.found else "")


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
