"""Machines with imitated NVIDIA GPUs, and their devices."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterable, Iterator
from pathlib import Path

from heddle.cluster.catalogue import builtin_catalogue
from heddle.cluster.partition import Placement
from heddle.runtime.device import Device
from heddle.runtime.nvidia.discovery import Discovery, Surroundings, find_devices
from heddle.runtime.nvidia.fake import FakeNvml
from heddle.runtime.nvidia.fake_card import FakeCard, fake_card
from heddle.runtime.nvidia.fake_session import CallFault
from heddle.runtime.nvidia.mig_device import MigDevice
from heddle.runtime.nvidia.nvml import MigMode
from heddle.runtime.nvidia.whole_device import WholeDevice
from heddle.runtime.process import spawn, terminate, wait_gone

MIG_OFF = MigMode(is_on=False, is_pending_on=False)
#: What NVML calls a card of each type; from nvidia-smi listings.
PRODUCTS = {
    "A30-24GB": "NVIDIA A30",
    "A100-40GB": "NVIDIA A100-SXM4-40GB",
    "A100-80GB": "NVIDIA A100 80GB PCIe",
    "H100-80GB": "NVIDIA H100 80GB HBM3",
    "H200-141GB": "NVIDIA H200",
    "L4-24GB": "NVIDIA L4",
    "RTX-PRO-6000-Blackwell-96GB": "NVIDIA RTX PRO 6000 Blackwell Server Edition",
}


def a_card(type_name: str = "A100-40GB", number: int = 0) -> FakeCard:
    return fake_card(type_name, PRODUCTS[type_name], number)


def a_whole_card(type_name: str = "H200-141GB") -> FakeCard:
    card = a_card(type_name)
    card.mode = MIG_OFF
    return card


def found(folder: Path, cards: Iterable[FakeCard], faults: Iterable[CallFault] = ()) -> Discovery:
    """Return what a new agent finds; ``folder`` is its state, which outlives it."""
    surroundings = Surroundings("local", builtin_catalogue(), folder, num_cores=16)
    return find_devices(FakeNvml(list(cards), faults), surroundings)


def mig_device(folder: Path, card: FakeCard, *faults: CallFault) -> MigDevice:
    [device] = found(folder, [card], faults).devices
    assert isinstance(device, MigDevice)
    return device


def whole_device(folder: Path, card: FakeCard, *faults: CallFault) -> WholeDevice:
    [device] = found(folder, [card], faults).devices
    assert isinstance(device, WholeDevice)
    return device


@contextlib.contextmanager
def bound(device: Device, placement: Placement, folder: Path) -> Iterator[int]:
    """Run a process that is bound to an instance and idle; yield its id."""
    environment = {"PATH": os.defpath, **device.binding(placement).environment}
    log = folder / "idle.log"
    process = spawn(["sleep", "60"], environment, log, binding=device.binding(placement))
    try:
        yield process.pid
    finally:
        terminate(process, signal.SIGKILL)
        wait_gone([process.pid], 10.0)
        log.unlink()
