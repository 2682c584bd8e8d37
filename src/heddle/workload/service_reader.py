"""Reads the services of a workload file, with the defaults that they override.

Called by ``files``. What one service says is checked here; what services say of each
other and of the fleet is checked once all are known, by :func:`require_consistent`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from heddle.cluster.catalogue import Catalogue
from heddle.documents import Value
from heddle.errors import InputError, listed, nearest
from heddle.units import MAX_RATE_RPS, MICRO
from heddle.workload.fleet import GpuPool
from heddle.workload.service import Priority, Service, Spread
from heddle.workload.serving_spec_reader import read_serving
from heddle.workload.workload import runs_a_command

#: What speaks of a service's own instances.
_OF_INSTANCES = (
    "min_replicas", "max_share_per_gpu", "spread", "profiles", "gpu_types", "keep_apart",
)  # fmt: skip
#: The largest number of replicas that a service may ask for.
MAX_REPLICAS = 10_000
#: A share with more digits would need sums beyond 64 bits.
SHARE_DECIMALS = 4
#: Rates are whole micro-requests/s downstream.
RATE_DECIMALS = 6
#: A day; a longer latency is a wrong unit.
MAX_LATENCY_MS = 86_400_000.0


def _headroom(value: Value) -> float:
    return value.number(least=0.0, most=1000.0, decimals=RATE_DECIMALS)


def _latency_fraction(value: Value) -> float:
    return value.number(above=0.0, most=1.0)


def _percentile(value: Value) -> float:
    return value.number(above=0.0, most=100.0)


def _min_replicas(value: Value) -> int:
    return value.integer(least=1, most=MAX_REPLICAS)


def _max_share_per_gpu(value: Value) -> float | None:
    return None if value.is_null else value.number(above=0.0, most=1.0, decimals=SHARE_DECIMALS)


def _spread(value: Value) -> Spread | None:
    return None if value.is_null else Spread(value.choice([spread.value for spread in Spread]))


def _words(value: Value, noun: str) -> tuple[str, ...]:
    """Return a list of words without repetition."""
    words: dict[str, None] = {}
    for item in value.items(noun):
        word = item.text()
        if word in words:
            item.fail(f"{word!r} stands twice in this list")
        words[word] = None
    return tuple(words)


_OPTION_READERS: Mapping[str, Callable[[Value], Any]] = MappingProxyType(
    {
        "headroom": _headroom,
        "latency_fraction": _latency_fraction,
        "percentile": _percentile,
        "min_replicas": _min_replicas,
        "max_share_per_gpu": _max_share_per_gpu,
    }
)
#: What ``defaults`` may hold; a service may override each.
DEFAULTS_KEYS = tuple(_OPTION_READERS)
REQUIRED_SERVICE_KEYS = ("name", "model", "rate_rps", "latency_ms")
SERVICE_KEYS = (
    *REQUIRED_SERVICE_KEYS,
    *DEFAULTS_KEYS,
    "spread",
    "profiles",
    "gpu_types",
    "keep_apart",
    "serve",
    "priority",
    "beside",
)


def read_defaults(value: Value | None) -> Mapping[str, Any]:
    """Return the options that ``defaults`` sets; those it leaves out are ``Service``'s own."""
    if value is None or value.is_null:
        return {}
    return _options(value.mapping(DEFAULTS_KEYS))


def read_services(
    value: Value, defaults: Mapping[str, Any], catalogue: Catalogue
) -> tuple[tuple[Service, ...], tuple[Value, ...]]:
    """Return the services in their order, and the values they were read from.

    Raises
    ------
    InputError
        A key is unknown or missing, a number is out of its range, a name stands twice.
    """
    entries = tuple(value.items("services"))
    services = tuple(_service(entry, defaults, catalogue) for entry in entries)
    first: dict[str, Service] = {}
    for service, entry in zip(services, entries, strict=True):
        earlier = first.setdefault(service.name, service)
        if earlier is not service:
            entry.raw["name"].fail(
                f"service {service.name!r} stands already at line {earlier.location.line}; "
                "each service needs a name of its own"
            )
    return services, entries


def require_consistent(
    services: Sequence[Service],
    entries: Sequence[Value],
    fleet: Sequence[GpuPool],
    models: Sequence[str],
) -> None:
    """Refuse services that name a service, model, profile or GPU type that is not there."""
    names = {service.name for service in services}
    offered = {pool.gpu_type.name: pool.gpu_type.profile_names for pool in fleet}
    profiles = {profile for names in offered.values() for profile in names}
    measured = set(models)
    require_hosts(services, entries)
    for service, entry in zip(services, entries, strict=True):
        if service.model not in measured:
            entry.raw["model"].fail(
                f"model {service.model!r} is in no performance table"
                f"{nearest(service.model, models)}; measured: {listed(models, 40)}"
            )
        if service.keep_apart:
            _require_others(service, entry.raw["keep_apart"], names)
        if service.profiles is not None:
            _require_known(entry.raw["profiles"], service.profiles, profiles, "profile")
        if service.gpu_types is not None:
            _require_known(entry.raw["gpu_types"], service.gpu_types, set(offered), "GPU type")


def require_hosts(services: Sequence[Service], entries: Sequence[Value]) -> None:
    """Refuse best-effort services that no service can host, and wishes that contradict it."""
    hosts = {s.name: s for s in services if s.priority is Priority.RT}
    guests = {s.name for s in services if s.priority is Priority.BE}
    able = [name for name, service in hosts.items() if not runs_a_command(service)]
    for service, entry in zip(services, entries, strict=True):
        if service.name in guests:
            _require_guest(service, entry, hosts, able)
            continue
        for name in service.keep_apart:
            if name in guests:
                entry.raw["keep_apart"].fail(
                    f"service {name!r} is best-effort and has no GPU of its own; "
                    f"say with its beside that it is not a guest of {service.name!r}"
                )


def _require_guest(
    guest: Service, entry: Value, hosts: Mapping[str, Service], able: Sequence[str]
) -> None:
    if runs_a_command(guest):
        entry.raw["serve"].fail(
            "a best-effort service runs inside instances of others, which a command cannot; "
            "use engine onnx"
        )
    if not able:
        entry.fail(
            f"service {guest.name!r} is best-effort, and no real-time service that heddle runs "
            "itself (engine onnx) is there to host it"
        )
    for index, name in enumerate(guest.beside or ()):
        value = entry.raw["beside"].raw[index]
        if name not in hosts:
            value.fail(f"there is no real-time service {name!r}{nearest(name, hosts)}")
        if name not in able:
            value.fail(f"service {name!r} runs a command, which takes no guests")


def _service(entry: Value, defaults: Mapping[str, Any], catalogue: Catalogue) -> Service:
    keys = entry.mapping(SERVICE_KEYS, required=REQUIRED_SERVICE_KEYS)
    priority = _priority(keys)
    service = Service(
        name=keys["name"].text(),
        model=keys["model"].text(),
        rate_rps=_rate_rps(keys["rate_rps"]),
        latency_ms=keys["latency_ms"].number(above=0.0, most=MAX_LATENCY_MS),
        serving=read_serving(keys["serve"]) if "serve" in keys else None,
        priority=priority,
        beside=_words(keys["beside"], "services") if "beside" in keys else None,
        location=entry.location,
        **{**defaults, **_options(keys), **_placement(keys, catalogue)},
    )
    if service.required_rps > MAX_RATE_RPS:
        entry.fail(
            f"rate_rps {service.rate_rps:g} with headroom {service.headroom:g} is above "
            f"{MAX_RATE_RPS:g} requests/s; split the service"
        )
    return service


def _priority(keys: Mapping[str, Value]) -> Priority:
    """Return the priority; refuse the keys that belong to the other one."""
    word = keys["priority"].choice([one.value for one in Priority]) if "priority" in keys else "rt"
    priority = Priority(word)
    if priority is Priority.RT and "beside" in keys:
        keys["beside"].fail(
            "only a best-effort service is beside others; say priority: be, or leave it out"
        )
    for key in _OF_INSTANCES if priority is Priority.BE else ():
        if key in keys:
            keys[key].fail(
                f"a best-effort service has no instances of its own, so no {key}; leave it out, "
                "or say with beside whose instances it may share"
            )
    return priority


def _options(keys: Mapping[str, Value]) -> dict[str, Any]:
    return {name: read(keys[name]) for name, read in _OPTION_READERS.items() if name in keys}


def _placement(keys: Mapping[str, Value], catalogue: Catalogue) -> dict[str, Any]:
    options: dict[str, Any] = {}
    if "spread" in keys:
        options["spread"] = _spread(keys["spread"])
    if "profiles" in keys:
        options["profiles"] = _words(keys["profiles"], "profiles")
    if "gpu_types" in keys:
        options["gpu_types"] = _gpu_types(keys["gpu_types"], catalogue)
    if "keep_apart" in keys:
        options["keep_apart"] = _words(keys["keep_apart"], "services")
    return options


def _gpu_types(value: Value, catalogue: Catalogue) -> tuple[str, ...]:
    """Return catalogue names; a name and its alias count as one."""
    names: dict[str, None] = {}
    for item in value.items("GPU types"):
        try:
            name = catalogue.get(item.text()).name
        except InputError as error:
            item.fail(error.message)
        if name in names:
            item.fail(f"GPU type {name!r} stands twice in this list")
        names[name] = None
    return tuple(names)


def _rate_rps(value: Value) -> float:
    rate_rps = value.number(above=0.0, most=MAX_RATE_RPS)
    if rate_rps < 1 / MICRO:
        value.fail(f"expected at least a millionth of a request/s, found {rate_rps:g}")
    return rate_rps


def _require_others(service: Service, value: Value, names: Collection[str]) -> None:
    for item, other in zip(value.raw, service.keep_apart, strict=True):
        if other == service.name:
            item.fail(f"service {other!r} cannot be kept apart from itself; see spread")
        if other not in names:
            item.fail(f"there is no service {other!r}{nearest(other, names)}")


def _require_known(value: Value, words: Sequence[str], offered: Collection[str], noun: str) -> None:
    for item, word in zip(value.raw, words, strict=True):
        if word not in offered:
            item.fail(
                f"the fleet has no {noun} {word!r}{nearest(word, offered)}; "
                f"it has {listed(sorted(offered), 30)}"
            )
