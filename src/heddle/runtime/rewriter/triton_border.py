"""The border to Triton: where its assembler lies and how its compiler is listened to.

Triton brings the ptxas that the rewriter needs, for every architecture and without a toolkit. Only
this module imports it; ``assemble`` and ``hook`` go through here.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from heddle.errors import HostError

#: The last PTX version that the ptxas of CUDA 12.9 reads, which Triton keeps for sm_80.
_LAST_OLD_PTX = (8, 8)
_FIRST_NEW_TARGET = 90

StagesHook = Callable[..., Any]


def triton_version() -> str:
    """Return the version of Triton.

    Raises
    ------
    HostError
        Triton is not installed; trying again does not help.
    """
    try:
        return version("triton")
    except PackageNotFoundError:
        raise _missing() from None


def assembler(ptx_version: str, target: int) -> Path:
    """Return the ptxas for a PTX version and a compute capability.

    Raises
    ------
    HostError
        Triton is not installed or came without an assembler; trying again does not help.
    """
    spec = find_spec("triton")
    if spec is None or not spec.submodule_search_locations:
        raise _missing()
    folder = Path(spec.submodule_search_locations[0]) / "backends" / "nvidia" / "bin"
    major, _, minor = ptx_version.partition(".")
    is_new = target >= _FIRST_NEW_TARGET or (int(major), int(minor or 0)) > _LAST_OLD_PTX
    names = ("ptxas-blackwell", "ptxas") if is_new else ("ptxas", "ptxas-blackwell")
    for name in names:
        if (folder / name).is_file():
            return folder / name
    raise HostError(f"the installed Triton has no ptxas in {folder}; reinstall it")


def set_stages_hook(hook: StagesHook | None) -> StagesHook | None:
    """Put a hook that Triton calls with the stages of every compilation; return the one before.

    Raises
    ------
    HostError
        Triton is not installed, or too old to have this hook; trying again does not help.
    """
    try:
        from triton import knobs  # noqa: PLC0415 - optional, and slow to import
    except ImportError:
        raise _missing() from None
    if not hasattr(knobs.runtime, "add_stages_inspection_hook"):
        raise HostError(f"Triton {triton_version()} cannot be hooked into: it needs 3.5 or later")
    before: StagesHook | None = knobs.runtime.add_stages_inspection_hook
    knobs.runtime.add_stages_inspection_hook = hook
    return before


def _missing() -> HostError:
    return HostError(
        "assembling PTX needs Triton, which is not installed: pip install 'heddle-gpu[rewriter]'"
    )
