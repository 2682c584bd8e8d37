"""The border to cuda.bindings: only here is the installed driver found and its functions looked up.

Everything else calls the driver through the addresses that come from here (``call_table``).
"""

from __future__ import annotations

from typing import Any

from heddle.errors import HostError
from heddle.runtime.cuda.call_table import FUNCTIONS, OPTIONAL_FUNCTIONS, CallTable
from heddle.runtime.cuda.codes import OLDEST_DRIVER

try:
    from cuda.bindings import driver as _cuda
except ImportError:  # the extra "cuda" is not installed
    _cuda = None

_SUCCESS = 0


def installed_driver() -> CallTable:
    """The functions of the NVIDIA driver of this machine.

    Raises
    ------
    HostError
        cuda-bindings or the driver is missing, or the driver is older than CUDA 12.4; says what was
        looked for and found. Trying again does not help.
    """
    if _cuda is None:
        raise _absent("cuda-bindings is not installed: pip install 'heddle-gpu[cuda]'")
    version = _probe_version()
    if version < OLDEST_DRIVER:
        raise _absent(f"the driver speaks CUDA {_dotted(version)}; 12.4 or later is needed")
    addresses = {name: _address(name) for name in FUNCTIONS}
    missing = [name for name, address in addresses.items() if not address]
    if missing:
        raise _absent(f"the driver (CUDA {_dotted(version)}) has no {', '.join(missing)}")
    extra = {name: _address(name) for name in OPTIONAL_FUNCTIONS}
    found = {name: address for name, address in extra.items() if address}
    return CallTable(addresses | found, "the NVIDIA driver", keep=_cuda)


def _probe_version() -> int:
    try:
        code, version = _cuda.cuDriverGetVersion()
    except Exception as error:  # the bindings raise types of their own where libcuda is missing
        raise _absent(f"no NVIDIA driver was found: {_first_line(error)}") from error
    if int(code) != _SUCCESS:
        raise _absent(f"cuDriverGetVersion failed with error {int(code)}")
    return int(version)


def _address(name: str) -> int:
    flags: Any = _cuda.CUdriverProcAddress_flags.CU_GET_PROC_ADDRESS_DEFAULT
    answer = _cuda.cuGetProcAddress(name.encode(), OLDEST_DRIVER, int(flags))
    return int(answer[1]) if int(answer[0]) == _SUCCESS and answer[1] else 0


def _dotted(version: int) -> str:
    return f"{version // 1000}.{version % 1000 // 10}"


def _first_line(error: Exception) -> str:
    lines = str(error).splitlines()
    return lines[0] if lines else type(error).__name__


def _absent(found: str) -> HostError:
    return HostError(
        f"device cuda cannot be used: {found}; cpu and sim:H200 need no GPU", is_retryable=False
    )
