"""What a kernel of the corpus is: how it is made, how it is launched, what is expected."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Triple = tuple[int, int, int]
Array = NDArray[Any]

#: Compute capabilities the corpus is compiled for: A100, H100 and H200, B200.
TARGETS = (80, 90, 100)


@dataclass(frozen=True, slots=True)
class Compiled:
    """PTX of one kernel.

    Attributes
    ----------
    ptx
        The text.
    entry
        The kernel's symbol.
    threads
        Threads of a block, x y z.
    shared_bytes
        Dynamic shared memory a launch must give.
    """

    ptx: str
    entry: str
    threads: Triple
    shared_bytes: int = 0


class Source(Protocol):
    """Something that can be compiled to PTX offline."""

    @property
    def origin(self) -> str:
        """``"triton"``, ``"nvrtc"``, ``"numba"`` or ``"ptx"``."""
        ...

    def compile(self, target: int) -> Compiled:
        """Return the kernel for a compute capability.

        Raises
        ------
        SourceUnavailableError
            The compiler is not installed, or does not know the target; says what would help.
        """
        ...


@dataclass(frozen=True, slots=True)
class Case:
    """A launch small enough for the interpreter.

    Attributes
    ----------
    grid
        Blocks x y z.
    buffers
        Arrays in global memory by name.
    arguments
        In order: the name of a buffer, a whole number, or a numpy scalar with its own width.
    """

    grid: Triple
    buffers: Mapping[str, Array]
    arguments: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Expected:
    """What the rewriter must say: ``form`` is the name of a verdict's form, ``reason`` the value
    of a reason when the kernel is refused, otherwise empty.
    """

    form: str = "persistent"
    reason: str = ""


@dataclass(frozen=True, slots=True)
class CorpusKernel:
    """A kernel of the corpus.

    Attributes
    ----------
    name
        Unique.
    kind
        What class of work it is: ``memory``, ``matmul``, ``attention``, ``reduction``,
        ``atomics``, ``scan``, ``sort``, ``convolution``, ``control``, ``refused``.
    likeness
        The public library or tutorial whose kernel it is shaped like; empty for our own.
    source
        How it is compiled.
    case
        Makes a launch from a random generator; None when the kernel is only judged.
    expected
        By target; targets not named expect ``otherwise``.
    targets
        What it can be compiled for.
    """

    name: str
    kind: str
    source: Source
    case: Callable[[np.random.Generator], Case] | None
    likeness: str = ""
    expected: Mapping[int, Expected] = field(default_factory=dict)
    otherwise: Expected = Expected()
    targets: tuple[int, ...] = TARGETS

    def expectation(self, target: int) -> Expected:
        """Return what is expected for a target."""
        return self.expected.get(target, self.otherwise)


@dataclass(frozen=True, slots=True)
class PtxSource:
    """PTX as text, for what no compiler here writes; ``{target}`` stands for the target."""

    text: str
    entry: str
    threads: Triple = (64, 1, 1)

    @property
    def origin(self) -> str:
        """``"ptx"``."""
        return "ptx"

    def compile(self, target: int) -> Compiled:
        """Return the text with the target filled in."""
        suffix = "a" if target >= 90 else ""
        return Compiled(
            self.text.replace("{target}", f"sm_{target}{suffix}"), self.entry, self.threads
        )
