"""Every kind of device there is, for the contract suite: hardware, and what is put on it.

A :class:`Rig` is hardware that outlives the objects that stand for it. Add a kind to
``RIGS`` and the suite runs on it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from fake_control_groups import FakeVersionTwo, fake_root
from heddle.clock import WallClock, sleep_s
from heddle.cluster.catalogue import builtin_catalogue
from heddle.cluster.gpu import Gpu
from heddle.cluster.partition import Placement
from heddle.runtime.cpu.affinity import Affinity
from heddle.runtime.cpu.control_groups import ControlGroups, Ground
from heddle.runtime.cpu.cores import CoreShare
from heddle.runtime.cpu.device import CpuDevice
from heddle.runtime.cpu.discovery import cpu_devices, installation_name, machine_hierarchies
from heddle.runtime.cpu.enclosure import Enclosures
from heddle.runtime.device import Device
from heddle.runtime.process import ProcessId, members, spawn, terminate, wait_end, wait_gone
from heddle.settings import child_environment
from nvidia_machines import a_card, a_whole_card, mig_device, whole_device

CPU_PLACEMENTS = (Placement(0, "4c"), Placement(4, "4c"))


@dataclass
class Rig:
    """One device's hardware.

    ``open`` returns the device as a new agent sees it. ``placements`` are legal together.
    ``occupy`` puts something that runs on an instance and returns its process ids;
    ``vacate`` ends all of that. ``traces`` is what the system keeps for the device.
    """

    open: Callable[[], Device]
    placements: tuple[Placement, ...]
    occupy: Callable[[Device, Placement], list[int]]
    vacate: Callable[[], None]
    traces: Callable[[], list[str]] = field(default=list)


def cpu_device(enclosures: Enclosures, cores_per_unit: float = 1.0) -> CpuDevice:
    """Return a device of eight units on processors that this machine has, some twice."""
    processors = sorted(os.sched_getaffinity(0)) * 8
    share = CoreShare(cores_per_unit * 8 + 0.5, 0.5, cores_per_unit, tuple(processors[:8]))
    gpu_type = builtin_catalogue().get("CPU-8")
    return CpuDevice(Gpu("cpu-0", "local", "CPU-8"), gpu_type, share, enclosures)


def quota_groups(root: Path, period_us: int = 20_000) -> ControlGroups:
    """Return groups below a fake root."""
    return ControlGroups(Ground(root / "heddle-1", FakeVersionTwo(), 8.0), "cpu-0", period_us, 8.0)


class Crowd:
    """Real processes on instances: a shell and its child."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._leaders: list[ProcessId] = []

    def occupy(self, device: Device, placement: Placement) -> list[int]:
        words = ["sh", "-c", "sleep 600 & wait"]
        binding = device.binding(placement)
        leader = spawn(words, child_environment({}), self._log, binding=binding)
        self._leaders.append(leader)
        wait_until(lambda: len(members(leader)) == 2, "the shell has a child")
        return members(leader)

    def vacate(self) -> None:
        for leader in self._leaders:
            inside = members(leader)
            terminate(leader, signal.SIGKILL)
            asyncio.run(wait_end(leader))
            wait_gone(inside, 10.0)
        self._leaders.clear()


def wait_until(is_true: Callable[[], bool], what: str, within_s: float = 20.0) -> None:
    """Return once a condition holds; fail with its description when it does not in time."""
    until_s = WallClock().now_s() + within_s
    while not is_true():
        assert WallClock().now_s() < until_s, f"not within {within_s:g} s: {what}"
        sleep_s(0.01)


@contextlib.contextmanager
def v1_rig(folder: Path) -> Iterator[Rig]:
    """Return the machine's own control groups."""
    [device] = cpu_devices(folder)
    if "cgroup v1" not in device.description:
        device.close()
        pytest.skip(f"needs root and cgroup v1; here {device.description}")
    top = next(each for each in machine_hierarchies() if each.version == 1).mount
    crowd = Crowd(folder / "log")

    def traces() -> list[str]:
        return [str(path) for path in top.rglob(f"{installation_name(folder)}*") if path.is_dir()]

    rig = Rig(lambda: cpu_devices(folder)[0], CPU_PLACEMENTS, crowd.occupy, crowd.vacate, traces)
    try:
        yield rig
    finally:
        crowd.vacate()
        for each in device.slices():
            device.destroy(each.placement)
        device.close()


@contextlib.contextmanager
def v2_rig(folder: Path) -> Iterator[Rig]:
    """Return control groups of version 2, imitated."""
    root = fake_root(folder / "cgroup")
    crowd = Crowd(folder / "log")

    def traces() -> list[str]:
        return [path.name for path in root.iterdir() if path.is_dir()]

    yield Rig(
        lambda: cpu_device(quota_groups(root)),
        CPU_PLACEMENTS, crowd.occupy, crowd.vacate, traces,
    )  # fmt: skip
    crowd.vacate()


@contextlib.contextmanager
def affinity_rig(folder: Path) -> Iterator[Rig]:
    """Return whole processors."""
    crowd = Crowd(folder / "log")

    def traces() -> list[str]:
        return [path.name for path in folder.glob("devices/*")]

    yield Rig(
        lambda: cpu_device(Affinity(folder / "devices" / "cpu-0", "it is a test")),
        CPU_PLACEMENTS, crowd.occupy, crowd.vacate, traces,
    )  # fmt: skip
    crowd.vacate()


@contextlib.contextmanager
def mig_rig(folder: Path) -> Iterator[Rig]:
    """Return an imitated NVIDIA GPU with MIG on."""
    card = a_card()
    crowd = Crowd(folder / "log")

    def occupy(device: Device, placement: Placement) -> list[int]:
        inside = crowd.occupy(device, placement)
        card.instance_at(placement.start).pids.update(inside)
        return inside

    def vacate() -> None:
        crowd.vacate()
        for instance in card.instances:
            instance.pids.clear()

    placements = (Placement(0, "3g.20gb"), Placement(4, "3g.20gb"))
    yield Rig(lambda: mig_device(folder, card), placements, occupy, vacate)
    vacate()


@contextlib.contextmanager
def whole_rig(folder: Path) -> Iterator[Rig]:
    """Return an imitated NVIDIA GPU with MIG off."""
    card = a_whole_card()
    crowd = Crowd(folder / "log")

    def occupy(device: Device, placement: Placement) -> list[int]:
        inside = crowd.occupy(device, placement)
        card.pids.update(inside)
        return inside

    def vacate() -> None:
        crowd.vacate()
        card.pids.clear()

    yield Rig(lambda: whole_device(folder, card), (Placement(0, "whole"),), occupy, vacate)
    vacate()


RIGS: dict[str, Callable[[Path], AbstractContextManager[Rig]]] = {
    "cgroup v1": v1_rig,
    "cgroup v2, imitated": v2_rig,
    "affinity": affinity_rig,
    "MIG, imitated": mig_rig,
    "whole GPU, imitated": whole_rig,
}
