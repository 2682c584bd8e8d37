"""Reads a workload file, version 1, and everything it names.

Called by the CLI for every verb that plans. The fleet and the lists of files are read
here, services by ``service_reader``, tables by ``performance_file``; the result goes
to ``optimizer.problem``. ``workload.schema.json`` beside this file describes the same
format for editors and other programs.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from heddle.cluster.catalogue import Catalogue, builtin_catalogue, load_gpu_types
from heddle.cluster.gpu_type import GpuType
from heddle.documents import Value, load_yaml
from heddle.errors import InputError
from heddle.workload.change import Change
from heddle.workload.fleet import DEFAULT_PER_NODE, DEFAULT_PRICE_PER_HOUR, GpuPool
from heddle.workload.performance import OperatingPoint, PerformanceTable
from heddle.workload.performance_file import load_performance, require_distinct
from heddle.workload.service import Priority
from heddle.workload.service_reader import read_defaults, read_services, require_consistent
from heddle.workload.serving_spec_reader import read_replan_every_s
from heddle.workload.workload import Workload

VERSION = 1
REQUIRED_KEYS = ("version", "gpus", "performance", "services")
KEYS = (*REQUIRED_KEYS, "defaults", "gpu_types", "replan")
POOL_KEYS = ("type", "count", "per_node", "price_per_hour")
REQUIRED_POOL_KEYS = ("type",)

#: The JSON schema of the format.
SCHEMA_PATH = Path(__file__).with_name("workload.schema.json")

MAX_COUNT = 1_000_000
MAX_PER_NODE = 1_000
MAX_PRICE_PER_HOUR = 1_000_000.0
#: Prices are whole nano-units downstream.
PRICE_DECIMALS = 6


def load_workload(path: Path, changes: Sequence[Change] = ()) -> Workload:
    """Return the workload of a file, with its performance tables and GPU types.

    ``changes`` are made to the file's values, in order, before these are read.

    Raises
    ------
    InputError
        A file is missing or not what it should be, a key or a name is unknown, a
        number is out of its range, something stands twice, or a list is empty; with
        file, line, key, what is allowed, and the nearest valid name.
    """
    keys = load_yaml(path).mapping(KEYS, required=REQUIRED_KEYS)
    for change in changes:
        keys = change.apply(keys)
    _require_version(keys["version"])
    catalogue = _catalogue(keys.get("gpu_types"))
    fleet = _fleet(keys["gpus"], catalogue)
    performance = _performance(keys["performance"], catalogue)
    defaults = read_defaults(keys.get("defaults"))
    services, entries = read_services(keys["services"], defaults, catalogue)
    require_consistent(services, entries, fleet, performance.models)
    replan = keys.get("replan")
    every_s = read_replan_every_s(replan) if replan else None
    return Workload(
        fleet=fleet,
        services=tuple(s for s in services if s.priority is Priority.RT),
        performance=performance,
        path=path,
        replan_every_s=every_s,
        guests=tuple(s for s in services if s.priority is Priority.BE),
    )


def _require_version(value: Value) -> None:
    if value.raw != VERSION or isinstance(value.raw, bool):
        value.fail(f"this heddle reads version {VERSION}, found {value.described}")


def _catalogue(value: Value | None) -> Catalogue:
    """Return the built-in GPU types and those of the files named."""
    catalogue = builtin_catalogue()
    for item, path in _files(value, "GPU type files") if value else ():
        gpu_types = load_gpu_types(path)
        try:
            catalogue = catalogue.with_types(gpu_types)
        except InputError as error:
            item.fail(error.message)
    return catalogue


def _performance(value: Value, catalogue: Catalogue) -> PerformanceTable:
    points: list[OperatingPoint] = []
    files = _files(value, "performance tables")
    for _, path in files:
        points += load_performance(path, catalogue)
    if len(files) > 1:
        require_distinct(points)
    return PerformanceTable(points)


def _files(value: Value, noun: str) -> list[tuple[Value, Path]]:
    """Return the files named, relative to the file that names them, each once."""
    files: dict[Path, tuple[Value, Path]] = {}
    for item in value.items(noun):
        path = item.file_beside()
        if files.setdefault(path.resolve(), (item, path))[0] is not item:
            item.fail(f"file {item.raw!r} is named twice")
    return list(files.values())


def _fleet(value: Value, catalogue: Catalogue) -> tuple[GpuPool, ...]:
    pools: dict[str, GpuPool] = {}
    for entry in value.items("GPU types"):
        pool = _pool(entry, catalogue)
        earlier = pools.setdefault(pool.gpu_type.name, pool)
        if earlier is not pool:
            entry.raw["type"].fail(
                f"GPU type {pool.gpu_type.name} stands already at line {earlier.location.line}; "
                "add the counts in one entry"
            )
    return tuple(pools.values())


def _pool(entry: Value, catalogue: Catalogue) -> GpuPool:
    keys = entry.mapping(POOL_KEYS, required=REQUIRED_POOL_KEYS)
    count = keys.get("count")
    per_node = keys.get("per_node")
    price = keys.get("price_per_hour")
    return GpuPool(
        gpu_type=_gpu_type(keys["type"], catalogue),
        count=None if count is None or count.is_null else count.integer(least=1, most=MAX_COUNT),
        per_node=per_node.integer(least=1, most=MAX_PER_NODE) if per_node else DEFAULT_PER_NODE,
        price_per_hour=_price_per_hour(price) if price else DEFAULT_PRICE_PER_HOUR,
        location=entry.location,
    )


def _gpu_type(value: Value, catalogue: Catalogue) -> GpuType:
    word = value.text()
    try:
        gpu_type = catalogue.get(word)
        gpu_type.require_plannable()
    except InputError as error:
        value.fail(error.message)
    return gpu_type


def _price_per_hour(value: Value) -> float:
    return value.number(above=0.0, most=MAX_PRICE_PER_HOUR, decimals=PRICE_DECIMALS)
