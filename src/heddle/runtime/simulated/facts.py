"""The facts of the simulated device: its types and networks, as they stand in shipped files.

``gpu`` makes boards of them. The networks are REEF's schedules of nine networks as measured on an
MI50 (NOTICE); other types run the same grids with block times that ``profiles`` scales.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType

from heddle.documents import Value, load_yaml, read_text
from heddle.errors import InputError, listed, nearest

_FOLDER = Path(__file__).parent
TYPES_FILE = _FOLDER / "device_types.yaml"
_WHOLE_NUMBERS = (
    "multiprocessors",
    "blocks_per_multiprocessor",
    "threads_per_multiprocessor",
    "registers_per_multiprocessor",
    "shared_bytes_per_multiprocessor",
    "level",
    "profile_overhead_ns",
    "shortest_block_ns",
    "turn_ns",
    "launch_ns",
    "pad_ns",
    "flag_ns",
    "flag_delay_ns",
    "clear_ns",
    "kill_ns",
    "notice_ns",
    "gap_ns",
    "ticket_ns",
    "interference_permille",
)
_KEYS = (
    "name",
    "label",
    *_WHOLE_NUMBERS,
    "peak_tflops",
    "bandwidth_gb_s",
    "can_kill",
    "sources",
)
#: What DISB and people call networks that these schedules stand in for.
STAND_INS: Mapping[str, str] = MappingProxyType(
    {
        "vgg19": "vgg",
        "densenet201": "densenet",
        "inceptionv3": "inception",
        "inception_v3": "inception",
        "distilbert": "bert",
    }
)


@dataclass(frozen=True, slots=True)
class DeviceType:
    """A type of GPU as the simulator sees it; times in ns, sizes of one multiprocessor."""

    name: str
    label: str
    multiprocessors: int
    blocks_per_multiprocessor: int
    threads_per_multiprocessor: int
    registers_per_multiprocessor: int
    shared_bytes_per_multiprocessor: int
    level: int
    profile_overhead_ns: int
    shortest_block_ns: int
    turn_ns: int
    launch_ns: int
    pad_ns: int
    flag_ns: int
    flag_delay_ns: int
    clear_ns: int
    kill_ns: int
    notice_ns: int
    gap_ns: int
    ticket_ns: int
    interference_permille: int
    peak_tflops: float
    bandwidth_gb_s: float
    can_kill: bool
    sources: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class KernelFacts:
    """A kernel of a network as REEF profiled it on the MI50."""

    name: str
    bound: str
    blocks: int
    threads: int
    registers: int
    shared_bytes: int
    duration_us: int
    waves_us: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Network:
    """Distinct kernels, and the order in which a request launches them."""

    name: str
    kernels: tuple[KernelFacts, ...]
    program: tuple[int, ...]


@cache
def device_types() -> Mapping[str, DeviceType]:
    """The device types by name."""
    items = load_yaml(TYPES_FILE).mapping(("version", "device_types"))["device_types"]
    types = [_device_type(item) for item in items.items("device types")]
    return MappingProxyType({one.name: one for one in types})


def device_type(name: str) -> DeviceType:
    """The device type of a name; InputError names those there are."""
    types = {known.casefold(): one for known, one in device_types().items()}
    found = types.get(name.casefold())
    if found is None:
        names = tuple(device_types())
        raise InputError(
            f"no simulated device {name!r}{nearest(name, names)}; there are {listed(names)}"
        )
    return found


def _device_type(item: Value) -> DeviceType:
    found = item.mapping(_KEYS, _KEYS)
    numbers = {key: found[key].integer(least=0) for key in _WHOLE_NUMBERS}
    sources = found["sources"].raw
    return DeviceType(
        name=found["name"].text(),
        label=found["label"].choice(("simulated", "extrapolated")),
        peak_tflops=found["peak_tflops"].number(above=0),
        bandwidth_gb_s=found["bandwidth_gb_s"].number(above=0),
        can_kill=found["can_kill"].boolean(),
        sources=MappingProxyType({key: value.text() for key, value in sources.items()}),
        **numbers,
    )


@cache
def networks() -> Mapping[str, Network]:
    """The networks by name."""
    kernels: dict[str, list[KernelFacts]] = {}
    for row in _csv_rows("kernels.csv"):
        kernels.setdefault(row["network"], []).append(_kernel(row))
    return MappingProxyType(
        {
            row["network"]: Network(
                row["network"],
                tuple(kernels[row["network"]]),
                tuple(int(word) for word in row["kernels"].split()),
            )
            for row in _csv_rows("programs.csv")
        }
    )


def network(name: str) -> Network:
    """The network of a name, or the one that stands in for it (``distilbert-imagenet``: bert).

    Raises
    ------
    InputError
        There is none.
    """
    word = name.casefold().removesuffix("_rt").removesuffix("_be")
    word = word.partition("-")[0]
    found = networks().get(STAND_INS.get(word, word))
    if found is None:
        words = (*networks(), *STAND_INS)
        raise InputError(
            f"the simulated device has no network {name!r}{nearest(word, words)}; "
            f"there are {listed(words, 20)}"
        )
    return found


def _csv_rows(name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(read_text(_FOLDER / name, 1).splitlines()))


def _kernel(row: Mapping[str, str]) -> KernelFacts:
    return KernelFacts(
        name=row["kernel"],
        bound=row["bound"],
        blocks=int(row["blocks"]),
        threads=int(row["threads"]),
        registers=int(row["registers"]),
        shared_bytes=int(row["shared_bytes"]),
        duration_us=int(row["duration_us"]),
        waves_us=tuple(int(word) for word in row["waves_us"].split()),
    )
