"""The numbers of the CUDA driver interface that we use, each under its name.

They are part of the driver's binary interface (cuda.h of CUDA 12.4) and never change. Compiled code
needs them as plain integers.
"""

from __future__ import annotations

from typing import Final

OLDEST_DRIVER: Final = 12040  # CUDA 12.4: green contexts, cuStreamWriteValue32 always on

# CUresult
SUCCESS: Final = 0
INVALID_VALUE: Final = 1
OUT_OF_MEMORY: Final = 2
NO_DEVICE: Final = 100
INVALID_DEVICE: Final = 101
INVALID_IMAGE: Final = 200
INVALID_PTX: Final = 218
INVALID_HANDLE: Final = 400
NOT_FOUND: Final = 500
NOT_READY: Final = 600
ILLEGAL_ADDRESS: Final = 700
LAUNCH_OUT_OF_RESOURCES: Final = 701
LAUNCH_FAILED: Final = 719
NOT_PERMITTED: Final = 800
NOT_SUPPORTED: Final = 801
INVALID_RESOURCE_CONFIGURATION: Final = 914
UNKNOWN: Final = 999

# CUresult of a launch that harms that launch only; after any other the context is lost
HARMLESS: Final = (INVALID_VALUE, OUT_OF_MEMORY, INVALID_HANDLE, NOT_FOUND, LAUNCH_OUT_OF_RESOURCES)

# CUdevice_attribute
THREADS_PER_BLOCK: Final = 1
MULTIPROCESSORS: Final = 16
THREADS_PER_MULTIPROCESSOR: Final = 39
MAJOR: Final = 75
MINOR: Final = 76
SHARED_PER_MULTIPROCESSOR: Final = 81
REGISTERS_PER_MULTIPROCESSOR: Final = 82
SHARED_PER_BLOCK_OPTIN: Final = 97
BLOCKS_PER_MULTIPROCESSOR: Final = 106

# CUfunction_attribute
FUNCTION_SHARED: Final = 1
FUNCTION_LOCAL: Final = 3
FUNCTION_REGISTERS: Final = 4
FUNCTION_MAX_DYNAMIC_SHARED: Final = 8

# flags
STREAM_NON_BLOCKING: Final = 1
EVENT_NO_TIMING: Final = 2
HOST_PORTABLE_MAPPED: Final = 3
CAPTURE_THREAD_LOCAL: Final = 1
GREEN_DEFAULT_STREAM: Final = 1
RESOURCE_SM: Final = 1
RESOURCE_BYTES: Final = 144  # CUdevResource
RESOURCE_SM_COUNT_AT: Final = 96
LAUNCH_COMPLETION_EVENT: Final = 12  # CUlaunchAttributeID
ATTRIBUTE_WORDS: Final = 9  # CUlaunchAttribute: id, then a union of 64 bytes
CONFIG_WORDS: Final = 7  # CUlaunchConfig

# The record of a launch in device memory, in 32-bit words (what rewritten kernels expect).
TICKET: Final = 0
END: Final = 1
EPOCH: Final = 2
FIRST_BLOCK: Final = 3
GRID: Final = 4  # x, y, z
DONE: Final = 7
DECISION: Final = 8
BROADCAST: Final = 16  # one word a physical block
DECIDED_TO_LEAVE: Final = 2
