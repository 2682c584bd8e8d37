"""Finds what this machine permits and makes its CPU devices.

The node agent calls :func:`cpu_devices` when it starts, ``heddle profile`` with a folder
of its own. Control groups are tried where the kernel shows them, by really putting a
process into one; where none works, instances are bound to whole cores.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import sys
from collections.abc import Sequence
from pathlib import Path

from heddle.cluster.catalogue import builtin_catalogue
from heddle.cluster.gpu import Gpu
from heddle.errors import HeddleError
from heddle.runtime.cpu.affinity import Affinity
from heddle.runtime.cpu.control_groups import DEFAULT_PERIOD_US, ControlGroups, Ground
from heddle.runtime.cpu.cores import Lot, divided
from heddle.runtime.cpu.device import CpuDevice
from heddle.runtime.cpu.enclosure import Enclosures, clear
from heddle.runtime.cpu.group_version import VersionOne, VersionTwo
from heddle.runtime.cpu.hierarchy import Hierarchy, find_hierarchies
from heddle.runtime.process import spawn, wait_gone

#: The GPU type of CPU devices.
CPU_TYPE = "CPU-8"

_PROBE_WITHIN_S = 10.0


def cpu_devices(
    state_folder: Path,
    num_devices: int = 1,
    node: str = "local",
    *,
    period_us: int = DEFAULT_PERIOD_US,
) -> list[CpuDevice]:
    """Return the machine's cores as devices ``cpu-0``, ``cpu-1``, ….

    What an earlier process of the same state folder left is found again; what it left on
    devices that are no more is killed and removed.

    Parameters
    ----------
    state_folder
        Who asks: two folders never see each other's instances.
    num_devices
        Equal parts of the machine, at least 1.
    node
        Name of the node.
    period_us
        Of the quota, microseconds; longer where a unit would get less than the least quota.

    Raises
    ------
    InputError
        The machine is too small for so many devices.
    HostError
        What was left cannot be taken over or removed.
    """
    hierarchies = machine_hierarchies()
    limit_cores = min((each.limit_cores() for each in hierarchies), default=float("inf"))
    processors = tuple(sorted(os.sched_getaffinity(0)))
    shares = divided(processors, limit_cores, num_devices)
    ids = [f"cpu-{index}" for index in range(num_devices)]
    usable_cores = shares[0].machine_cores - shares[0].reserve_cores
    ground, reason = find_ground(hierarchies, installation_name(state_folder), usable_cores)
    books = state_folder / "devices"
    _clear_others(ground, books, ids)
    gpu_type = builtin_catalogue().get(CPU_TYPE)
    devices = []
    for gpu, share in zip(ids, shares, strict=True):
        enclosures: Enclosures
        if ground is None:
            enclosures = Affinity(books / gpu, reason)
        else:
            enclosures = ControlGroups(ground, gpu, share.period_us(period_us), share.cores)
        devices.append(CpuDevice(Gpu(gpu, node, CPU_TYPE), gpu_type, share, enclosures))
    return devices


def installation_name(state_folder: Path) -> str:
    """Return the name of the group for all that a state folder has."""
    digest = hashlib.blake2s(os.fsencode(state_folder.resolve()), digest_size=6)
    return f"heddle-{digest.hexdigest()}"


def find_ground(
    hierarchies: Sequence[Hierarchy], name: str, cores: float
) -> tuple[Ground | None, str]:
    """Return the first place where control groups work, or None and why there is none.

    Parameters
    ----------
    hierarchies
        Where to look, best first.
    name
        Of the group to make.
    cores
        Of all devices together; its weight.
    """
    reason = "this machine shows no control groups for processors"
    for hierarchy in hierarchies:
        version = VersionOne() if hierarchy.version == 1 else VersionTwo()
        for group in hierarchy.candidates():
            ground = Ground(group / name, version, cores)
            try:
                _probe(ground)
            except HeddleError as error:
                reason = str(error)
            else:
                return ground, ""
    return None, reason


def _probe(ground: Ground) -> None:
    """Put a process into a group with a quota; HostError when that does not work."""
    groups = ControlGroups(ground, f"probe-{secrets.token_hex(4)}", DEFAULT_PERIOD_US, ground.cores)
    try:
        lot = Lot(ground.cores, ())
        groups.set("0", lot)
        program = [sys.executable, "-I", "-S", "-c", ""]
        process = spawn(program, {}, Path(os.devnull), binding=groups.binding("0", lot))
        wait_gone([process.pid], _PROBE_WITHIN_S)
    finally:
        clear(groups)


def _clear_others(ground: Ground | None, books: Path, ids: Sequence[str]) -> None:
    """Kill and remove what an earlier run with other devices, or other rights, left."""
    kept = ids if ground is None else ()
    for folder in _folders(books):
        if folder.name not in kept:
            clear(Affinity(folder, ""))
    if ground is not None:
        for folder in _folders(ground.installation):
            if folder.name not in ids:
                clear(ControlGroups(ground, folder.name, DEFAULT_PERIOD_US, ground.cores))


def _folders(parent: Path) -> list[Path]:
    return sorted(path for path in parent.iterdir() if path.is_dir()) if parent.is_dir() else []


def machine_hierarchies() -> list[Hierarchy]:
    """Return what this machine has; version 1 first: where it has ``cpu``, version 2 cannot."""
    proc = Path("/proc/self")
    try:
        mountinfo = (proc / "mountinfo").read_text(encoding="utf-8", errors="surrogateescape")
        cgroup = (proc / "cgroup").read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return []
    return sorted(find_hierarchies(mountinfo, cgroup), key=lambda each: each.version)
