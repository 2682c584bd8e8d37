"""A case of the corpus put into the interpreter's memory, ready to launch."""

from __future__ import annotations

from typing import Any

import numpy as np

from heddle.errors import InputError
from heddle.runtime.rewriter.corpus.kernel import Case, Compiled
from heddle.runtime.rewriter.interpreter.grid import Launch
from heddle.runtime.rewriter.interpreter.memory import Memory
from heddle.runtime.rewriter.ptx import Entry


def memory_of(case: Case) -> Memory:
    """Return memory with a copy of every buffer of a case."""
    memory = Memory()
    for name, content in case.buffers.items():
        memory.add(name, content)
    return memory


def launch_of(case: Case, compiled: Compiled, entry: Entry, memory: Memory) -> Launch:
    """Return the launch of a case; parameters that a case does not name are zero, as the scratch
    pointers that Triton appends are.
    """
    arguments = packed(entry, case.arguments, memory)
    return Launch(case.grid, compiled.threads, arguments, compiled.shared_bytes)


def packed(entry: Entry, values: tuple[Any, ...], memory: Memory) -> bytes:
    """Return the argument buffer of a kernel.

    Raises
    ------
    InputError
        There are more values than parameters.
    """
    if len(values) > len(entry.parameters):
        raise InputError(
            f"{entry.name} has {len(entry.parameters)} parameters; {len(values)} values were given"
        )
    offsets = entry.offsets()
    last = entry.parameters[-1] if entry.parameters else None
    buffer = bytearray(offsets[last.name] + last.bytes if last else 0)
    for parameter, value in zip(entry.parameters, values, strict=False):
        start = offsets[parameter.name]
        buffer[start : start + parameter.bytes] = _bytes(value, parameter.bytes, memory)
    return bytes(buffer)


def _bytes(value: Any, size: int, memory: Memory) -> bytes:
    if isinstance(value, str):
        return memory.address(value).to_bytes(size, "little")
    if isinstance(value, np.generic):
        return value.tobytes()
    return int(value).to_bytes(size, "little", signed=value < 0)
