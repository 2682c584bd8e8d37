"""What every error code of NVML means for us: what happened, what to do, whether to try again.

``binding`` and ``fake`` raise :class:`NvmlError`; devices add what they were about.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

from heddle.errors import HostError


class NvmlCode(IntEnum):
    """The error codes of ``nvml.h`` (``nvmlReturn_t``), version 13.3."""

    UNINITIALIZED = 1
    INVALID_ARGUMENT = 2
    NOT_SUPPORTED = 3
    NO_PERMISSION = 4
    ALREADY_INITIALIZED = 5
    NOT_FOUND = 6
    INSUFFICIENT_SIZE = 7
    INSUFFICIENT_POWER = 8
    DRIVER_NOT_LOADED = 9
    TIMEOUT = 10
    IRQ_ISSUE = 11
    LIBRARY_NOT_FOUND = 12
    FUNCTION_NOT_FOUND = 13
    CORRUPTED_INFOROM = 14
    GPU_IS_LOST = 15
    RESET_REQUIRED = 16
    OPERATING_SYSTEM = 17
    LIB_RM_VERSION_MISMATCH = 18
    IN_USE = 19
    MEMORY = 20
    NO_DATA = 21
    VGPU_ECC_NOT_SUPPORTED = 22
    INSUFFICIENT_RESOURCES = 23
    FREQ_NOT_SUPPORTED = 24
    ARGUMENT_VERSION_MISMATCH = 25
    DEPRECATED = 26
    NOT_READY = 27
    GPU_NOT_FOUND = 28
    INVALID_STATE = 29
    RESET_TYPE_NOT_SUPPORTED = 30
    UNKNOWN = 999


class Meaning(NamedTuple):
    """A code in words: what was found, and what to do."""

    found: str
    advice: str


_RESET = "stop what runs on it, then reset it (nvidia-smi --gpu-reset) or restart the machine"
_REPORT = "this is a fault of heddle or of the driver; please report it with the driver's version"
_UPDATE = "install a newer NVIDIA driver"
_DRIVER = "install or restart the NVIDIA driver; nvidia-smi shows whether it works"

#: Every code, so that no error of the library reaches anybody as a bare number.
MEANINGS: dict[NvmlCode, Meaning] = {
    NvmlCode.UNINITIALIZED: Meaning("the library was closed, or never opened", _REPORT),
    NvmlCode.INVALID_ARGUMENT: Meaning(
        "the driver does not accept what was asked, or it is gone by now", _REPORT
    ),
    NvmlCode.NOT_SUPPORTED: Meaning(
        "this GPU or its present mode does not support it",
        "see whether MIG is on (nvidia-smi -q -d MIG)",
    ),
    NvmlCode.NO_PERMISSION: Meaning(
        "this user may not do that",
        "run as root, or give the right to /proc/driver/nvidia/capabilities/mig/config",
    ),
    NvmlCode.ALREADY_INITIALIZED: Meaning("the library was open already", _REPORT),
    NvmlCode.NOT_FOUND: Meaning(
        "what was asked for is not there; it may just have been removed", "look again"
    ),
    NvmlCode.INSUFFICIENT_SIZE: Meaning(
        "there was more to return than there was room for", "look again"
    ),
    NvmlCode.INSUFFICIENT_POWER: Meaning(
        "the GPU's power cables are not attached properly", "attach them"
    ),
    NvmlCode.DRIVER_NOT_LOADED: Meaning("the NVIDIA driver is not loaded", _DRIVER),
    NvmlCode.TIMEOUT: Meaning("the driver did not answer in time", "try again"),
    NvmlCode.IRQ_ISSUE: Meaning("the GPU has an interrupt fault", _RESET),
    NvmlCode.LIBRARY_NOT_FOUND: Meaning("libnvidia-ml.so.1 was not found", _DRIVER),
    NvmlCode.FUNCTION_NOT_FOUND: Meaning("the driver is too old to know this call", _UPDATE),
    NvmlCode.CORRUPTED_INFOROM: Meaning(
        "the GPU's infoROM is corrupted", "the board needs service"
    ),
    NvmlCode.GPU_IS_LOST: Meaning("the GPU has fallen off the bus", _RESET),
    NvmlCode.RESET_REQUIRED: Meaning("the GPU needs a reset before it can be used", _RESET),
    NvmlCode.OPERATING_SYSTEM: Meaning(
        "the operating system or a cgroup bars the way to the GPU",
        "let this process use /dev/nvidia*",
    ),
    NvmlCode.LIB_RM_VERSION_MISMATCH: Meaning(
        "library and kernel module of the driver are of different versions",
        "restart the machine, or load the new module",
    ),
    NvmlCode.IN_USE: Meaning(
        "a process still uses it, or a monitor such as DCGM holds it open",
        "it will be free when they end",
    ),
    NvmlCode.MEMORY: Meaning("the driver is out of memory", "try again"),
    NvmlCode.NO_DATA: Meaning("the driver has no data for it", "try again"),
    NvmlCode.VGPU_ECC_NOT_SUPPORTED: Meaning("not possible with ECC on", "see nvidia-smi -e"),
    NvmlCode.INSUFFICIENT_RESOURCES: Meaning(
        "it does not fit beside what exists on the GPU",
        "somebody else may have cut it (nvidia-smi mig -lgi); it fits when they let go",
    ),
    NvmlCode.FREQ_NOT_SUPPORTED: Meaning("the clock is not one that the GPU offers", _REPORT),
    NvmlCode.ARGUMENT_VERSION_MISMATCH: Meaning(
        "the driver does not know this version of the call", _UPDATE
    ),
    NvmlCode.DEPRECATED: Meaning("the driver no longer has this call", _REPORT),
    NvmlCode.NOT_READY: Meaning("the driver is not ready yet", "try again"),
    NvmlCode.GPU_NOT_FOUND: Meaning("there is no GPU", _DRIVER),
    NvmlCode.INVALID_STATE: Meaning("the GPU is in a state that does not allow it", "try again"),
    NvmlCode.RESET_TYPE_NOT_SUPPORTED: Meaning("this kind of reset is not possible", _RESET),
    NvmlCode.UNKNOWN: Meaning("an error inside the driver", "see the kernel's log (dmesg)"),
}

#: The codes after which the same call may succeed later without anybody's doing.
RETRYABLE = frozenset(
    {
        NvmlCode.NOT_FOUND,
        NvmlCode.INSUFFICIENT_SIZE,
        NvmlCode.TIMEOUT,
        NvmlCode.IN_USE,
        NvmlCode.MEMORY,
        NvmlCode.NO_DATA,
        NvmlCode.INSUFFICIENT_RESOURCES,
        NvmlCode.NOT_READY,
        NvmlCode.INVALID_STATE,
    }
)


class NvmlError(HostError):
    """A call of NVML ended with an error.

    Attributes
    ----------
    call
        The documented name of the call.
    code
        What NVML returned; ``UNKNOWN`` for a number that ``nvml.h`` 13.3 does not have.
    """

    def __init__(self, call: str, code: NvmlCode, about: str = "") -> None:
        self.call = call
        self.code = code
        meaning = MEANINGS[code]
        subject = f"{about}: " if about else ""
        super().__init__(
            f"{subject}{meaning.found} ({call}: NVML_ERROR_{code.name}); {meaning.advice}",
            is_retryable=code in RETRYABLE,
        )

    def about(self, subject: str) -> NvmlError:
        """Return the same error with words in front that say what it is about."""
        return NvmlError(self.call, self.code, subject)


def code_of(number: int) -> NvmlCode:
    """Return the code of a number; ``UNKNOWN`` where a later library has one more."""
    try:
        return NvmlCode(number)
    except ValueError:
        return NvmlCode.UNKNOWN
