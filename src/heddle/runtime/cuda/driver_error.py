"""What a failed call of the CUDA driver becomes: one of our errors, with the name of the call."""

from __future__ import annotations

from typing import Final

from heddle.errors import HostError
from heddle.runtime.cuda import codes

_ADVICE: Final = {
    codes.OUT_OF_MEMORY: "the GPU has too little free memory: stop what uses it, or use less",
    codes.NO_DEVICE: "the driver sees no GPU: look at nvidia-smi and CUDA_VISIBLE_DEVICES",
    codes.INVALID_IMAGE: "the code is not for this GPU, or no code",
    codes.INVALID_PTX: "the driver cannot compile this PTX: it may be newer than the driver",
    codes.NOT_PERMITTED: "the GPU is in a mode that forbids it",
    codes.NOT_SUPPORTED: "this GPU or driver does not have it",
    codes.LAUNCH_OUT_OF_RESOURCES: "the kernel needs more registers or shared memory than exist",
}
_RETRYABLE: Final = frozenset({codes.OUT_OF_MEMORY})
_LOST: Final = "the context is lost: open the device again"


class DriverError(HostError):
    """A call of the driver failed; ``code`` is its CUresult, ``call`` the name of the call."""

    def __init__(self, call: str, code: int, name: str) -> None:
        self.call = call
        self.code = code
        advice = _ADVICE.get(code, _LOST if is_lost(code) else "see the driver's log (dmesg)")
        super().__init__(
            f"{call} failed with {name or 'an unknown error'} ({code}): {advice}",
            is_retryable=code in _RETRYABLE,
        )


def is_lost(code: int) -> bool:
    """Whether nothing works in the context any more after this CUresult."""
    return ILLEGAL_FROM <= code <= ILLEGAL_TO and code not in codes.HARMLESS


ILLEGAL_FROM: Final = codes.ILLEGAL_ADDRESS
ILLEGAL_TO: Final = codes.LAUNCH_FAILED
