"""The JSON schema and the loader agree on what a workload file is."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from heddle.documents import load_yaml
from heddle.errors import InputError
from heddle.workload.files import (
    KEYS,
    POOL_KEYS,
    REQUIRED_KEYS,
    REQUIRED_POOL_KEYS,
    SCHEMA_PATH,
    load_workload,
)
from heddle.workload.fleet import GpuPool
from heddle.workload.service import Service
from heddle.workload.service_reader import (
    DEFAULTS_KEYS,
    REQUIRED_SERVICE_KEYS,
    SERVICE_KEYS,
)
from heddle.workload.serving_spec import Engine, ServingSpec
from heddle.workload.serving_spec_reader import REPLAN_KEYS, SERVE_KEYS

SCHEMA: dict[str, Any] = json.loads(SCHEMA_PATH.read_text())
ROOT = Path(__file__).parents[3]

Write = Callable[..., Path]


def document(**changes: object) -> dict[str, Any]:
    whole = {
        "version": 1,
        "gpus": [{"type": "A100-80GB"}],
        "performance": ["table.csv"],
        "defaults": {"headroom": 0.1},
        "services": [service(), service(name="photos", model="resnet50")],
    } | changes
    return {key: value for key, value in whole.items() if value is not ...}


def service(**changes: object) -> dict[str, Any]:
    whole = {"name": "search", "model": "bert", "rate_rps": 10, "latency_ms": 60} | changes
    return {key: value for key, value in whole.items() if value is not ...}


def with_service(**changes: object) -> dict[str, Any]:
    return document(services=[service(**changes), service(name="photos")])


def with_pool(**changes: object) -> dict[str, Any]:
    return document(gpus=[{"type": "A100-80GB"} | changes])


GOOD = [
    document(),
    document(defaults=...),
    document(defaults=None),
    document(defaults={}),
    document(defaults={"max_share_per_gpu": None, "percentile": 99, "min_replicas": 2}),
    with_pool(count=64, per_node=8, price_per_hour=3.2),
    with_pool(count=None),
    with_pool(count=1_000_000, per_node=1, price_per_hour=0.01),
    with_service(rate_rps=0.000001),
    with_service(headroom=0, latency_fraction=1, percentile=100),
    with_service(min_replicas=10_000, max_share_per_gpu=1),
    with_service(max_share_per_gpu=None, spread=None),
    with_service(spread="gpu"),
    with_service(spread="node", keep_apart=["photos"], profiles=["1g.10gb"]),
    with_service(gpu_types=["A100-80GB"]),
    with_service(serve={"engine": "onnx", "path": "zoo:resnet18"}),
    with_service(serve={"engine": "sleep", "sleep_ms": 2.5, "retry": "never", "port": 8001}),
    with_service(serve={"engine": "sleep", "ready_within": "2m", "drain_within": "500ms"}),
    with_service(
        serve={"engine": "command", "command": ["server", "-p", "{port}"], "ready_path": "/health"}
    ),
    document(replan={"every": "60s"}),
    document(replan={"every": "1.5 h"}),
]

BAD = [
    [],
    {},
    document(version=2),
    document(version="1"),
    document(version=True),
    document(version=...),
    document(gpus=...),
    document(gpus=[]),
    document(gpus="A100-80GB"),
    document(gpus=["A100-80GB"]),
    document(gpus=[{}]),
    document(performance=...),
    document(performance=[]),
    document(performance=[""]),
    document(performance=[7]),
    document(performance="table.csv"),
    document(performance=["table.csv", "table.csv"]),
    document(gpu_types=[]),
    document(services=...),
    document(services=[]),
    document(services={}),
    document(defaults={"rate_rps": 1}),
    document(defaults={"spread": "gpu"}),
    document(defaults=[]),
    document(comment="x"),
    with_pool(cost=1),
    with_pool(count=0),
    with_pool(count=1.5),
    with_pool(count="4"),
    with_pool(count=1_000_001),
    with_pool(per_node=0),
    with_pool(per_node=None),
    with_pool(per_node=1001),
    with_pool(price_per_hour=0),
    with_pool(price_per_hour=-1),
    with_pool(price_per_hour=1_000_001),
    with_pool(type=""),
    with_service(name=...),
    with_service(name=""),
    with_service(name="  "),
    with_service(name="a\nb"),
    with_service(name=12),
    with_service(name=False),
    with_service(model=...),
    with_service(rate_rps=...),
    with_service(rate_rps=0),
    with_service(rate_rps=-1),
    with_service(rate_rps="10"),
    with_service(rate_rps=True),
    with_service(rate_rps=0.0000009),
    with_service(rate_rps=1_000_000_001),
    with_service(latency_ms=...),
    with_service(latency_ms=0),
    with_service(latency_ms=86_400_001),
    with_service(headroom=-0.1),
    with_service(headroom=None),
    with_service(headroom=1001),
    with_service(latency_fraction=0),
    with_service(latency_fraction=1.5),
    with_service(percentile=0),
    with_service(percentile=101),
    with_service(min_replicas=0),
    with_service(min_replicas=1.5),
    with_service(min_replicas=10_001),
    with_service(max_share_per_gpu=0),
    with_service(max_share_per_gpu=1.1),
    with_service(max_share_per_gpu="half"),
    with_service(spread="rack"),
    with_service(spread=True),
    with_service(profiles=[]),
    with_service(profiles="1g.10gb"),
    with_service(profiles=["1g.10gb", "1g.10gb"]),
    with_service(gpu_types=[]),
    with_service(keep_apart=[]),
    with_service(keep_apart=["photos", "photos"]),
    with_service(keep_apart=[None]),
    with_service(tier="premium"),
    with_service(serve={}),
    with_service(serve=None),
    with_service(serve={"engine": "tensorrt"}),
    with_service(serve={"engine": "onnx"}),
    with_service(serve={"engine": "onnx", "path": ""}),
    with_service(serve={"engine": "onnx", "path": "zoo:a", "command": ["a"]}),
    with_service(serve={"engine": "onnx", "path": "zoo:a", "ready_path": "/health"}),
    with_service(serve={"engine": "command"}),
    with_service(serve={"engine": "command", "command": []}),
    with_service(serve={"engine": "command", "command": "server --port 1"}),
    with_service(serve={"engine": "command", "command": ["a"], "ready_path": "health"}),
    with_service(serve={"engine": "command", "command": ["a"], "sleep_ms": 1}),
    with_service(serve={"engine": "sleep", "sleep_ms": -1}),
    with_service(serve={"engine": "sleep", "path": "zoo:a"}),
    with_service(serve={"engine": "sleep", "retry": "always"}),
    with_service(serve={"engine": "sleep", "max_queue": 0}),
    with_service(serve={"engine": "sleep", "port": 0}),
    with_service(serve={"engine": "sleep", "port": 65_536}),
    with_service(serve={"engine": "sleep", "ready_within": 60}),
    with_service(serve={"engine": "sleep", "ready_within": "60"}),
    with_service(serve={"engine": "sleep", "threads": 2}),
    document(replan={}),
    document(replan="60s"),
    document(replan={"every": 60}),
    document(replan={"every": "1 day"}),
]


def is_valid(instance: object) -> bool:
    return bool(Draft202012Validator(SCHEMA).is_valid(instance))


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("instance", GOOD)
def test_schema_and_loader_accept_the_same(instance: object, write: Write) -> None:
    assert is_valid(instance)
    load_workload(write(json.dumps(instance)))


@pytest.mark.parametrize("instance", BAD)
def test_schema_and_loader_refuse_the_same(instance: object, write: Write) -> None:
    assert not is_valid(instance)
    with pytest.raises(InputError):
        load_workload(write(json.dumps(instance)))


@pytest.mark.parametrize(
    ("part", "keys", "required"),
    [
        (SCHEMA, KEYS, REQUIRED_KEYS),
        (SCHEMA["$defs"]["pool"], POOL_KEYS, REQUIRED_POOL_KEYS),
        (SCHEMA["properties"]["defaults"], DEFAULTS_KEYS, ()),
        (SCHEMA["$defs"]["service"], SERVICE_KEYS, REQUIRED_SERVICE_KEYS),
        (SCHEMA["$defs"]["serve"], SERVE_KEYS, ("engine",)),
        (SCHEMA["properties"]["replan"], REPLAN_KEYS, REPLAN_KEYS),
    ],
)
def test_schema_and_loader_know_the_same_keys(
    part: dict[str, Any], keys: tuple[str, ...], required: tuple[str, ...]
) -> None:
    assert set(part["properties"]) == set(keys)
    assert part.get("required", []) == list(required)
    assert part["additionalProperties"] is False


def test_the_schemas_defaults_are_those_that_hold() -> None:
    service_defaults = Service("name", "model", 1.0, 1.0)
    for option in DEFAULTS_KEYS:
        assert SCHEMA["$defs"][option]["default"] == getattr(service_defaults, option)
    serving = ServingSpec(Engine.SLEEP)
    for option in ("sleep_ms", "ready_path", "max_queue"):
        default = SCHEMA["$defs"]["serve"]["properties"][option]["default"]
        assert default == getattr(serving, option)
    for option in ("per_node", "price_per_hour"):
        field = GpuPool.__dataclass_fields__[option]
        assert SCHEMA["$defs"]["pool"]["properties"][option]["default"] == field.default


@pytest.mark.parametrize(
    "path", sorted((ROOT / "examples").glob("*/*.yaml")), ids=lambda path: f"{path.parent.name}"
)
def test_every_example_workload_is_valid(path: Path) -> None:
    document = load_yaml(path)
    if "services" in document.raw:
        assert is_valid(_plain(document.raw))


def _plain(raw: Any) -> Any:
    if isinstance(raw, dict):
        return {key: _plain(value.raw) for key, value in raw.items()}
    if isinstance(raw, list):
        return [_plain(value.raw) for value in raw]
    return raw
