"""Reads and writes ``deployment.json``, version 1.

``heddle plan`` writes it, ``heddle verify`` reads it, and a transition will read two.
The text has one line per service, per GPU and per member of the certificate, so that
two deployments can be compared line by line; ``deployment.schema.json`` describes it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from operator import attrgetter
from pathlib import Path
from typing import Any

from heddle.atomic_file import write_text
from heddle.cluster.certificate import BoundBasis, Certificate
from heddle.cluster.deployment import (
    Configuration,
    Deployment,
    PlannedGuest,
    PlannedInstance,
    ServedService,
)
from heddle.cluster.guest import lodging_members, lodging_of
from heddle.cluster.json_object import JsonObject, load_json
from heddle.cluster.json_text import encode, lines, number
from heddle.units import MAX_RATE_RPS

VERSION = 1
#: A deployment of a million instances has some 150 MiB; anything larger is some other file.
MAX_MIB = 256
_MAX_COUNT = 1_000_000_000
_MAX_LATENCY_MS = 1e9
_MAX_REQUIRED_RPS = 1000 * MAX_RATE_RPS
_MAX_SEED = 2**64

_FILE_KEYS = frozenset({"version", "services", "gpus", "certificate", "guests"})
_GUEST_KEYS = frozenset({"service", "hosts", "points", "left_rps"})
_SERVICE_KEYS = frozenset(
    {"model", "rate_rps", "latency_ms", "required_rps", "batch_latency_limit_ms"}
)
_GPU_KEYS = frozenset({"id", "node", "type", "instances", "reason"})
_INSTANCE_KEYS = frozenset(PlannedInstance._fields)
_CERTIFICATE_KEYS = frozenset(
    {
        "objective",
        "lower_bound",
        "gap",
        "is_proved_optimal",
        "solver",
        "seed",
        "wall_s",
        "objective_kind",
        "basis",
        "price_bound",
        "prices",
        "stock_prices",
        "service_prices",
        "notes",
        "has_fitted_points",
    }
)

_by_start = attrgetter("start")


def write_deployment(path: Path, deployment: Deployment) -> None:
    """Replace ``path`` by the deployment's text, whole or not at all.

    Raises
    ------
    InputError
        The folder does not exist or may not be written to; the old file stands.
    """
    write_text(path, deployment_text(deployment))


def deployment_text(deployment: Deployment) -> str:
    """Return the deployment as JSON text; equal deployments give equal bytes.

    Raises
    ------
    ValueError
        A number is NaN or infinite, which no planner may produce.
    """
    services = [
        f"{encode(name)}:{encode(service_members(service))}"
        for name, service in deployment.services.items()
    ]
    encoded = cache(_instance_text)
    gpus = [_gpu_text(gpu, encoded) for gpu in deployment.configurations]
    parts = [
        f'"version":{VERSION}',
        f'"services":{{{lines(services)}}}',
        f'"gpus":[{lines(gpus)}]',
    ]
    if deployment.certificate is not None:
        members = _certificate_members(deployment.certificate).items()
        entries = [f"{encode(key)}:{encode(value)}" for key, value in members]
        parts.append(f'"certificate":{{{lines(entries)}}}')
    if deployment.guests:
        guests = [
            f"{encode(name)}:{encode(_guest_members(guest))}"
            for name, guest in deployment.guests.items()
        ]
        parts.append(f'"guests":{{{lines(guests)}}}')
    return "{" + ",\n".join(parts) + "}\n"


def read_deployment(path: Path) -> Deployment:
    """Return the deployment that a file holds; the certificate may be absent.

    Whether it is legal is the question of ``verification``: here only its form is.

    Raises
    ------
    InputError
        With the file and the path in it: not JSON, larger than 256 MiB, a key that
        is unknown, missing or repeated, or a value of the wrong type or range.
    """
    return deployment_of(load_json(path, MAX_MIB))


def deployment_of(document: JsonObject) -> Deployment:
    """Return the deployment that a JSON object holds, such as a member of a larger file.

    Raises
    ------
    InputError
        As :func:`read_deployment` does.
    """
    document.allow(_FILE_KEYS)
    document.integer("version", VERSION, VERSION)
    services = document.member("services")
    guests = document.member("guests") if "guests" in document else None
    return Deployment(
        services={name: service_of(services.member(name)) for name in services},
        configurations=tuple(_configuration(gpu) for gpu in document.members("gpus")),
        certificate=(
            _certificate(document.member("certificate")) if "certificate" in document else None
        ),
        guests={name: _guest(guests.member(name)) for name in guests} if guests else {},
    )


def service_members(service: ServedService) -> dict[str, Any]:
    """Return a service as JSON values; :func:`service_of` reads them."""
    members: dict[str, Any] = {
        "model": service.model,
        "rate_rps": number(service.rate_rps),
        "latency_ms": number(service.latency_ms),
    }
    if service.required_rps is not None:
        members["required_rps"] = number(service.required_rps)
    if service.batch_latency_limit_ms is not None:
        members["batch_latency_limit_ms"] = number(service.batch_latency_limit_ms)
    return members


def _gpu_text(gpu: Configuration, encoded: Callable[[PlannedInstance], str]) -> str:
    """Return a GPU as one line; equal instances, of which there are many, are encoded once."""
    instances = ",".join(map(encoded, gpu.instances))
    members = [
        f'"id":{encode(gpu.gpu)}',
        f'"node":{encode(gpu.node)}',
        f'"type":{encode(gpu.gpu_type)}',
        f'"instances":[{instances}]',
    ]
    if gpu.reason:
        members.append(f'"reason":{encode(gpu.reason)}')
    return "{" + ",".join(members) + "}"


def _instance_text(instance: PlannedInstance) -> str:
    return encode(instance_members(instance))


def instance_members(instance: PlannedInstance) -> dict[str, Any]:
    """Return an instance as JSON values; :func:`instance_of` reads them."""
    members: dict[str, Any] = {
        "profile": instance.profile,
        "start": instance.start,
        "service": instance.service,
        "batch": instance.batch,
        "processes": instance.processes,
        "rate_rps": number(instance.rate_rps),
        "latency_ms": number(instance.latency_ms),
    }
    if instance.is_fitted:
        members["is_fitted"] = True
    return members


def _certificate_members(certificate: Certificate) -> dict[str, Any]:
    return {
        "objective": number(certificate.objective),
        "lower_bound": number(certificate.lower_bound),
        "gap": number(certificate.gap),
        "is_proved_optimal": certificate.is_proved_optimal,
        "solver": certificate.solver,
        "seed": certificate.seed,
        "wall_s": number(certificate.wall_s),
        "objective_kind": certificate.objective_kind,
        "basis": certificate.basis.value,
        "price_bound": number(certificate.price_bound),
        "prices": {gpu_type: dict(prices) for gpu_type, prices in certificate.prices.items()},
        "stock_prices": dict(certificate.stock_prices),
        "service_prices": {
            name: number(price) for name, price in certificate.service_prices.items()
        },
        "notes": list(certificate.notes),
        "has_fitted_points": certificate.has_fitted_points,
    }


def service_of(entry: JsonObject) -> ServedService:
    """Return the service that an object holds; InputError as ``JsonObject`` has it."""
    entry.allow(_SERVICE_KEYS)
    return ServedService(
        model=entry.text("model"),
        rate_rps=entry.positive("rate_rps", MAX_RATE_RPS),
        latency_ms=entry.positive("latency_ms", _MAX_LATENCY_MS),
        required_rps=_optional_positive(entry, "required_rps", _MAX_REQUIRED_RPS),
        batch_latency_limit_ms=_optional_positive(entry, "batch_latency_limit_ms", _MAX_LATENCY_MS),
    )


def _guest_members(guest: PlannedGuest) -> dict[str, Any]:
    return {
        "service": service_members(guest.service),
        **lodging_members(guest.lodging),
        "left_rps": number(guest.left_rps),
    }


def _guest(entry: JsonObject) -> PlannedGuest:
    entry.allow(_GUEST_KEYS)
    left_rps = entry.number("left_rps")
    if left_rps < 0.0:
        entry.fail("left_rps", f"expected a rate of at least 0, found {left_rps:g}")
    return PlannedGuest(service_of(entry.member("service")), lodging_of(entry), left_rps)


def _optional_positive(entry: JsonObject, key: str, most: float) -> float | None:
    return entry.positive(key, most) if key in entry else None


def _configuration(entry: JsonObject) -> Configuration:
    entry.allow(_GPU_KEYS)
    instances = [_instance(instance) for instance in entry.members("instances")]
    return Configuration(
        gpu=entry.text("id"),
        node=entry.text("node"),
        gpu_type=entry.text("type"),
        instances=tuple(sorted(instances, key=_by_start)),
        reason=entry.sentence("reason"),
    )


def _instance(entry: JsonObject) -> PlannedInstance:
    entry.allow(_INSTANCE_KEYS)
    return instance_of(entry)


def instance_of(entry: JsonObject) -> PlannedInstance:
    """Return the instance that a JSON object holds, which may hold more than it.

    Raises
    ------
    InputError
        A member is missing, or of the wrong type or range.
    """
    return PlannedInstance(
        profile=entry.text("profile"),
        start=entry.integer("start", 0, _MAX_COUNT),
        service=entry.text("service"),
        batch=entry.integer("batch", 1, _MAX_COUNT),
        processes=entry.integer("processes", 1, _MAX_COUNT),
        rate_rps=entry.positive("rate_rps", MAX_RATE_RPS),
        latency_ms=entry.positive("latency_ms", _MAX_LATENCY_MS),
        is_fitted=entry.boolean("is_fitted", default=False),
    )


def _certificate(entry: JsonObject) -> Certificate:
    """Read a certificate; one that says no more than its bound rests on a search."""
    entry.allow(_CERTIFICATE_KEYS)
    bases = [basis.value for basis in BoundBasis]
    return Certificate(
        objective_kind=entry.choice("objective_kind", ("gpus", "price"), "gpus"),
        objective=entry.number("objective"),
        lower_bound=entry.number("lower_bound"),
        gap=entry.number("gap"),
        is_proved_optimal=entry.boolean("is_proved_optimal"),
        basis=BoundBasis(entry.choice("basis", bases, BoundBasis.SEARCH.value)),
        price_bound=entry.number("price_bound", 0.0),
        solver=entry.text("solver"),
        seed=entry.integer("seed", 0, _MAX_SEED),
        wall_s=entry.number("wall_s"),
        prices=_prices(entry),
        stock_prices=_texts(entry, "stock_prices"),
        service_prices=dict(_numbers(entry, "service_prices")),
        notes=entry.words("notes"),
        has_fitted_points=entry.boolean("has_fitted_points", default=False),
    )


def _prices(entry: JsonObject) -> Mapping[str, Mapping[str, str]]:
    if "prices" not in entry:
        return {}
    prices = entry.member("prices")
    return {gpu_type: _texts(prices, gpu_type) for gpu_type in prices}


def _texts(entry: JsonObject, key: str) -> Mapping[str, str]:
    if key not in entry:
        return {}
    member = entry.member(key)
    return {name: member.text(name) for name in member}


def _numbers(entry: JsonObject, key: str) -> Iterator[tuple[str, float]]:
    if key in entry:
        member = entry.member(key)
        for name in member:
            yield name, member.number(name)
