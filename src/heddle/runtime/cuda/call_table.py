"""The functions of the driver by address: what the real driver and the fake one both are.

``bindings`` fills a table from the installed driver, ``fake_driver`` from callbacks. ``Driver``
makes calls from Python by these addresses, the dispatcher loop from compiled code: one path for
both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

FUNCTIONS: Final = (
    "cuCtxGetStreamPriorityRange", "cuCtxSetCurrent", "cuCtxSynchronize", "cuDeviceGet",
    "cuDeviceGetAttribute", "cuDeviceGetCount", "cuDeviceGetName", "cuDevicePrimaryCtxRelease",
    "cuDevicePrimaryCtxRetain", "cuDriverGetVersion", "cuEventCreate", "cuEventDestroy",
    "cuEventQuery", "cuEventRecord", "cuFuncGetAttribute", "cuFuncSetAttribute", "cuGetErrorName",
    "cuGetErrorString", "cuGraphDestroy", "cuGraphExecDestroy", "cuGraphInstantiateWithFlags",
    "cuGraphLaunch", "cuInit", "cuLaunchKernelEx", "cuMemAlloc", "cuMemFree", "cuMemFreeHost",
    "cuMemHostAlloc", "cuMemHostGetDevicePointer", "cuMemcpyDtoH", "cuMemcpyDtoHAsync",
    "cuMemcpyHtoD", "cuMemcpyHtoDAsync", "cuModuleGetFunction", "cuModuleLoadData",
    "cuModuleUnload", "cuOccupancyMaxActiveBlocksPerMultiprocessor", "cuStreamBeginCapture",
    "cuStreamCreateWithPriority", "cuStreamDestroy", "cuStreamEndCapture", "cuStreamSynchronize",
    "cuStreamWaitEvent", "cuStreamWriteValue32",
)  # fmt: skip

OPTIONAL_FUNCTIONS: Final = (
    "cuDeviceGetDevResource", "cuDevSmResourceSplitByCount", "cuDevResourceGenerateDesc",
    "cuGreenCtxCreate", "cuGreenCtxDestroy", "cuGreenCtxStreamCreate",
)  # fmt: skip


@dataclass(frozen=True)
class CallTable:
    """Addresses by the names of ``cuda.h``, without the suffixes of its versions.

    Attributes
    ----------
    addresses
        All of ``FUNCTIONS``; of ``OPTIONAL_FUNCTIONS`` those that the driver has.
    origin
        For messages: ``the NVIDIA driver`` or ``a fake driver``.
    takes_machine_code
        Whether modules are cubins; else they are the text of their PTX.
    keep
        What must live as long as the addresses do.
    """

    addresses: Mapping[str, int]
    origin: str
    takes_machine_code: bool = True
    keep: object = None
