"""The form a kernel really gets: judged, rewritten, assembled, compared with its original.

``choose`` is the whole way from PTX text to machine code; ``store`` keeps its results, ``hook`` and
the cuda backend call it. A rewritten kernel that would fill a multiprocessor much less than the
original, or spill registers where it did not, is given the next weaker form instead.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum

from heddle.errors import HostError
from heddle.runtime.rewriter.assemble import Assembled, Usage, assemble, target_number
from heddle.runtime.rewriter.entry_check import to_entry_check
from heddle.runtime.rewriter.occupancy import registers_for, resident_blocks
from heddle.runtime.rewriter.persistent import to_persistent
from heddle.runtime.rewriter.ptx import Entry, Module
from heddle.runtime.rewriter.ptx_reader import read_ptx
from heddle.runtime.rewriter.ptx_writer import write_ptx
from heddle.runtime.rewriter.reasons import Verdict
from heddle.runtime.rewriter.rewritten import Form, Rewritten
from heddle.runtime.rewriter.verdict import judge

_REWRITINGS = {Form.PERSISTENT: to_persistent, Form.ENTRY_CHECK: to_entry_check}
_THREADS = re.compile(r"\.(?:reqntid|maxntid)\s+([\d\s,]+)")
_DEFAULT_THREADS = 256


class Fallback(Enum):
    """Why a form that is safe was not taken."""

    OCCUPANCY = "occupancy"
    SPILLS = "spills"
    ASSEMBLER = "assembler"


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be rewritten, and how much it may cost.

    Attributes
    ----------
    entry_name
        Which kernel; the only one when None.
    architecture
        ``"sm_90a"``; the module's own target when None.
    threads
        Of a block; what the kernel declares when None, else 256.
    shared_bytes
        Dynamic shared memory of a launch.
    strongest
        The form to begin with when the verdict allows it.
    min_occupancy_share
        At least this share of the original's resident blocks, 0 to 1.
    max_spill_growth
        Spilled bytes at most this many times the original's; a kernel without spills gets none.
    options
        More options of ptxas.
    """

    entry_name: str | None = None
    architecture: str | None = None
    threads: int | None = None
    shared_bytes: int = 0
    strongest: Form = Form.PERSISTENT
    min_occupancy_share: float = 0.75
    max_spill_growth: float = 1.5
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Built:
    """One form of a kernel as machine code.

    Attributes
    ----------
    form
        Which; OPAQUE is the original.
    text, cubin
        The module as PTX and as machine code.
    usage
        What the kernel needs.
    blocks
        How many of its blocks fit on one multiprocessor.
    """

    form: Form
    text: str
    cubin: bytes
    usage: Usage
    blocks: int


@dataclass(frozen=True, slots=True)
class Choice:
    """The form chosen.

    Attributes
    ----------
    entry_name, threads
        The kernel and the size of its blocks.
    verdict
        What would have been safe.
    original, chosen
        Before and after; the same when the kernel stays as it is.
    fallbacks
        For each safe form that was not taken: the form, why, and the figures.
    """

    entry_name: str
    threads: int
    verdict: Verdict
    original: Built
    chosen: Built
    fallbacks: tuple[tuple[Form, Fallback, str], ...] = ()


def choose(text: str, wish: Wish | None = None) -> Choice:
    """Return the strongest form of a kernel that is safe and cheap enough.

    Raises
    ------
    UnreadablePtxError
        The text is not PTX.
    InputError
        There is no such kernel, or the limits of the architecture are not known.
    HostError
        Triton is missing, or ptxas refused even the original.
    """
    wish = wish or Wish()
    module = read_ptx(text)
    entry = module.entry(wish.entry_name)
    maker = _Maker(module, entry, wish)
    verdict = judge(module, entry.name)
    original = maker.built(module, Form.OPAQUE, text)
    fallbacks: list[tuple[Form, Fallback, str]] = []
    for form in _forms(verdict.form, wish.strongest):
        found = maker.attempt(form, original)
        if isinstance(found, Built):
            return Choice(entry.name, maker.threads, verdict, original, found, tuple(fallbacks))
        fallbacks.append((form, *found))
    return Choice(entry.name, maker.threads, verdict, original, original, tuple(fallbacks))


def rewrite(module: Module, entry_name: str, form: Form) -> Rewritten:
    """Return a module with one kernel in the form asked for, PERSISTENT or ENTRY_CHECK."""
    return _REWRITINGS[form](module, entry_name)


def declared_threads(entry: Entry) -> int | None:
    """Return the threads of a block as the kernel declares them, exact or at most."""
    for directive in entry.directives:
        if found := _THREADS.match(directive):
            threads = 1
            for size in found[1].split(","):
                threads *= int(size)
            return threads
    return None


def _forms(allowed: Form, strongest: Form) -> Iterator[Form]:
    order = [Form.PERSISTENT, Form.ENTRY_CHECK, Form.OPAQUE]
    start = max(order.index(allowed), order.index(strongest))
    return iter(order[start:-1])


class _Maker:
    """Builds forms of one kernel and holds them against the original."""

    def __init__(self, module: Module, entry: Entry, wish: Wish) -> None:
        self._module = module
        self._name = entry.name
        self._wish = wish
        self._target = target_number(wish.architecture or module.architecture)
        self.threads = wish.threads or declared_threads(entry) or _DEFAULT_THREADS

    def built(self, module: Module, form: Form, text: str) -> Built:
        made: Assembled = assemble(module, self._wish.architecture, self._wish.options)
        usage = made.usages[self._name]
        shared = usage.shared_bytes + self._wish.shared_bytes
        blocks = resident_blocks(self._target, self.threads, usage.registers, shared)
        return Built(form, text, made.cubin, usage, blocks)

    def attempt(self, form: Form, original: Built) -> Built | tuple[Fallback, str]:
        """The form when it is cheap enough, else why it is not.

        When it fills the multiprocessor less than the original it is tried once more with no more
        registers than the original's blocks leave it.
        """
        rewritten = rewrite(self._module, self._name, form)
        try:
            free = self.built(rewritten.module, form, rewritten.text)
        except HostError as error:
            return Fallback.ASSEMBLER, str(error)
        capped = self._capped(rewritten, original) if free.blocks < original.blocks else None
        if capped and self._objection(capped, original) is None:
            return capped
        return self._objection(free, original) or free

    def _capped(self, rewritten: Rewritten, original: Built) -> Built | None:
        limit = registers_for(self._target, self.threads, original.blocks)
        entry = rewritten.module.entry(self._name)
        own = tuple(word for word in entry.directives if not word.startswith(".maxnreg"))
        changed = replace(entry, directives=(*own, f".maxnreg {limit}"))
        module = rewritten.module.with_entry(self._name, changed)
        try:
            return self.built(module, rewritten.form, write_ptx(module))
        except HostError:  # ptxas cannot do with so few, or has another limit already
            return None

    def _objection(self, built: Built, original: Built) -> tuple[Fallback, str] | None:
        if built.blocks < self._wish.min_occupancy_share * original.blocks:
            return Fallback.OCCUPANCY, f"{built.blocks} resident blocks, were {original.blocks}"
        before, after = original.usage.spill_bytes, built.usage.spill_bytes
        if after > self._wish.max_spill_growth * before:
            return Fallback.SPILLS, f"{after} bytes spilled, were {before}"
        return None
