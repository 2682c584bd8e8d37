"""Devices by the names that users write: ``sim:MI50``, ``cpu``, ``cuda:0``.

Only the module of the device that was asked for is imported. Called by ``heddle run``, the
benchmarks and the local service.
"""

from __future__ import annotations

import importlib.util
from typing import Any

from heddle.errors import InputError, listed, nearest
from heddle.runtime.compiled import HAS_COMPILER, is_kept
from heddle.runtime.core.backend import Backend, BackendOptions
from heddle.runtime.core.policies import POLICIES

#: By kind of device: the module whose loop is compiled.
_LOOPS = {
    "sim": "heddle.runtime.simulated.engine",
    "cpu": "heddle.runtime.workers.dispatcher",
    "cuda": "heddle.runtime.cuda.loop",
}
#: How a device is called, the module of its kind, and the class in it.
_KINDS = {
    "sim": ("heddle.runtime.simulated.gpu", "SimulatedGpu"),
    "cpu": ("heddle.runtime.workers.backend", "CpuBackend"),
    "cuda": ("heddle.runtime.cuda.backend", "CudaBackend"),
}
_FORMS = "sim:TYPE (such as sim:MI50), cpu, cuda:INDEX"


def open_backend(name: str, options: BackendOptions) -> Backend:
    """Opens a device; the caller closes it.

    Raises
    ------
    InputError
        No device or policy is called so, or the device lacks a power that the policy needs.
    HostError
        This machine has no such device, or lacks a library for it.
    """
    require_policy(options.policy)
    kind, colon, rest = name.partition(":")
    if kind not in _KINDS:
        raise InputError(f"unknown device {name!r}{nearest(kind, _KINDS)}; devices: {_FORMS}")
    backend: Backend
    if kind == "sim":
        if not rest:
            raise InputError(f"device {name!r} lacks its type; devices: {_FORMS}")
        backend = _class_of(kind)(rest, options)
    elif kind == "cpu":
        if colon:
            raise InputError(f"unknown device {name!r}: cpu takes nothing more; devices: {_FORMS}")
        backend = _class_of(kind).open(options)
    else:
        backend = _class_of(kind).open(_index(name, rest), options)
    return backend


def compiles_first(name: str) -> bool:
    """Whether opening a device compiles its loop, which takes long, once for an installation."""
    module = _LOOPS.get(name.partition(":")[0])
    found = importlib.util.find_spec(module) if module else None
    return HAS_COMPILER and found is not None and not is_kept(str(found.origin))


def require_policy(name: str) -> None:
    """InputError where no policy is called so."""
    if name not in POLICIES:
        raise InputError(
            f"unknown policy {name!r}{nearest(name, POLICIES)}; policies: {listed(POLICIES, 20)}"
        )


def _class_of(kind: str) -> Any:
    module, name = _KINDS[kind]
    return getattr(importlib.import_module(module), name)


def _index(name: str, rest: str) -> int:
    if not (rest.isascii() and rest.isdigit()) or len(rest) > 4:
        raise InputError(f"unknown device {name!r}: cuda needs an index; devices: {_FORMS}")
    return int(rest)
