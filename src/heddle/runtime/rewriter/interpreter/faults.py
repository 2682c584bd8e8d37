"""What can go wrong when PTX is interpreted: the text is not understood, or the run is faulty."""

from __future__ import annotations

from heddle.errors import HeddleError, InputError, Location


class UnsupportedPtxError(InputError):
    """The interpreter does not know an instruction, an operand or a special register."""

    def __init__(self, message: str, line: int = 0) -> None:
        super().__init__(f"PTX interpreter: {message}", Location(line=line or None))


class KernelFaultError(HeddleError):
    """The kernel did what would be an error or a hang on a GPU: an access outside every buffer,
    a barrier that not every thread reaches, a run without an end.
    """
