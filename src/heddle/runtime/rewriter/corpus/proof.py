"""The proof that a rewritten kernel does what the original does.

The original runs in one go; the rewritten one is preempted at random instants and resumed until
all its blocks have run. Afterwards memory must be equal to the bit. A kernel that updates in place
or counts shows a block that was lost or run twice. Tests and ``heddle bench rewriter`` call it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from heddle.runtime.rewriter.corpus.kernel import Case, Compiled
from heddle.runtime.rewriter.corpus.launching import launch_of, memory_of
from heddle.runtime.rewriter.interpreter.faults import KernelFaultError
from heddle.runtime.rewriter.interpreter.grid import Schedule, run_grid
from heddle.runtime.rewriter.interpreter.memory import Memory
from heddle.runtime.rewriter.interpreter.preemption import (
    Preempted,
    run_checked,
    run_preempted,
)
from heddle.runtime.rewriter.interpreter.program import Program
from heddle.runtime.rewriter.ptx import Module
from heddle.runtime.rewriter.ptx_reader import read_ptx
from heddle.runtime.rewriter.rewritten import Form


@dataclass(frozen=True, slots=True)
class Original:
    """A kernel that has run in one go: the yardstick.

    Attributes
    ----------
    case, compiled
        What was launched.
    module
        Its PTX, read.
    memory
        What it left.
    steps
        Instructions it took, counted per warp.
    """

    case: Case
    compiled: Compiled
    module: Module
    memory: Memory
    steps: int


def run_original(compiled: Compiled, case: Case, seed: int = 0) -> Original:
    """Run a kernel as it was compiled, in one go.

    Raises
    ------
    KernelFaultError
        The kernel is faulty itself.
    UnsupportedPtxError
        The interpreter does not know an instruction.
    """
    module = read_ptx(compiled.ptx)
    program = Program(module, compiled.entry)
    memory = memory_of(case)
    launch = launch_of(case, compiled, program.entry, memory)
    outcome = run_grid(program, launch, memory, Schedule(seed=seed))
    return Original(case, compiled, module, memory, outcome.steps)


def run_rewritten(original: Original, module: Module, form: Form, seed: int) -> Preempted:
    """Run a rewritten kernel under random preemption and compare.

    Raises
    ------
    KernelFaultError
        It is faulty, breaks the protocol, or leaves other memory than the original; names the
        buffers.
    """
    program = Program(module, original.compiled.entry)
    memory = memory_of(original.case)
    entry = original.module.entry(original.compiled.entry)
    launch = launch_of(original.case, original.compiled, entry, memory)
    run = run_preempted if form is Form.PERSISTENT else run_checked
    preempted = run(program, launch, memory, seed, original.steps)
    differing = original.memory.differing(memory)
    if differing:
        raise KernelFaultError(f"other memory than the original: {', '.join(differing)}")
    return preempted


def first_fault(
    original: Original, module: Module, form: Form, seeds: Iterable[int]
) -> KernelFaultError | None:
    """Return what goes wrong with the first seed that shows something; None when nothing does."""
    for seed in seeds:
        try:
            run_rewritten(original, module, form, seed)
        except KernelFaultError as fault:
            return fault
    return None
