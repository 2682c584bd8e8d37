"""PTX assembled into machine code, offline, with the ptxas that ships with Triton.

``choice`` assembles an original and its rewritten form and compares what they use.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from heddle.errors import HostError
from heddle.runtime.process import run_to_end
from heddle.runtime.rewriter.ptx import Module
from heddle.runtime.rewriter.ptx_writer import write_ptx
from heddle.runtime.rewriter.triton_border import assembler
from heddle.settings import child_environment

_LIMIT_S = 120.0
_OPTIONS = ("-v", "-lineinfo")
_ENTRY = re.compile(r"Compiling entry function '([^']+)'")
_SPILLS = re.compile(r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads")
_REGISTERS = re.compile(r"Used (\d+) registers")
_SHARED = re.compile(r"(\d+) bytes smem")


@dataclass(frozen=True, slots=True)
class Usage:
    """What a kernel needs, as ptxas reports it.

    Attributes
    ----------
    registers
        Of a thread.
    spill_bytes
        Stores and loads of spilled registers, of a thread.
    stack_bytes
        Local memory of a thread.
    shared_bytes
        Static shared memory of a block.
    """

    registers: int
    spill_bytes: int
    stack_bytes: int
    shared_bytes: int


@dataclass(frozen=True, slots=True)
class Assembled:
    """Machine code of a module, and what its kernels need, by name."""

    cubin: bytes
    usages: dict[str, Usage]


def target_number(architecture: str) -> int:
    """Return 90 for ``"sm_90a"``.

    Raises
    ------
    HostError
        It is not the name of an architecture.
    """
    found = re.fullmatch(r"sm_(\d+)[a-z]?", architecture)
    if not found:
        raise HostError(f"{architecture!r} is not an architecture such as 'sm_90a'")
    return int(found[1])


def assemble(
    module: Module, architecture: str | None = None, options: tuple[str, ...] = ()
) -> Assembled:
    """Return the machine code of a module.

    Parameters
    ----------
    architecture
        ``"sm_90a"``; the module's own target when None.
    options
        More options of ptxas, such as ``--fmad=false``.

    Raises
    ------
    HostError
        Triton is missing, or ptxas refused the text; trying again does not help.
    """
    name = architecture or module.architecture
    program = assembler(module.version, target_number(name))
    with TemporaryDirectory(prefix="heddle-") as folder:
        source, result = Path(folder) / "kernel.ptx", Path(folder) / "kernel.cubin"
        source.write_text(write_ptx(module), encoding="utf-8")
        ended = run_to_end(
            [
                str(program),
                *_OPTIONS,
                *options,
                f"--gpu-name={name}",
                str(source),
                "-o",
                str(result),
            ],
            child_environment({}),
            limit_s=_LIMIT_S,
        )
        said = (ended.stderr + ended.stdout).decode("utf-8", "replace")
        if ended.exit_code != 0:
            told = _complaint(said.replace(f"{source.parent}/", ""))
            raise HostError(f"ptxas refused the kernel for {name}: {told}")
        return Assembled(result.read_bytes(), usages(said))


def usages(said: str) -> dict[str, Usage]:
    """Return what ``ptxas -v`` says of each kernel."""
    pieces = _ENTRY.split(said)[1:]
    return {name: _usage(text) for name, text in zip(pieces[::2], pieces[1::2], strict=True)}


def _usage(text: str) -> Usage:
    own = text.partition("Compiling")[0]
    registers, spills, shared = (pattern.search(own) for pattern in (_REGISTERS, _SPILLS, _SHARED))
    if not registers:
        raise HostError(f"ptxas did not say how many registers a kernel has: {own.strip()[:200]!r}")
    return Usage(
        registers=int(registers[1]),
        spill_bytes=int(spills[2]) + int(spills[3]) if spills else 0,
        stack_bytes=int(spills[1]) if spills else 0,
        shared_bytes=int(shared[1]) if shared else 0,
    )


def _complaint(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if "rror" in line or "fatal" in line]
    return "; ".join(lines[:3]) or said.strip()[:300] or "it said nothing"
