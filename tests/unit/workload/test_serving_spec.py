"""The ``serve`` and ``replan`` parts of a workload file, and how they travel."""

from pathlib import Path

import pytest

from heddle.cluster.deployment import ServedService
from heddle.cluster.json_object import parse_json
from heddle.cluster.json_text import encode
from heddle.documents import parse_yaml
from heddle.errors import InputError, Location
from heddle.workload.service_spec import ServiceSpec, service_spec_of
from heddle.workload.serving_spec import Engine, Retry, ServingSpec, serving_spec_of
from heddle.workload.serving_spec_reader import read_replan_every_s, read_serving


def serving(text: str, folder: Path = Path()) -> ServingSpec:
    return read_serving(parse_yaml(text, Location(folder / "workload.yaml")))


def objection(text: str, folder: Path = Path()) -> str:
    with pytest.raises(InputError) as caught:
        serving(text, folder)
    return str(caught.value)


def test_what_is_left_out_has_the_stated_default() -> None:
    assert serving("engine: sleep") == ServingSpec(Engine.SLEEP)


def test_every_key_is_read_with_its_unit() -> None:
    spec = serving(
        "{engine: command, command: [server, --port, '{port}'], ready_path: /health, "
        "retry: never, max_queue: 8, ready_within: 2m, drain_within: 500ms, port: 8001}"
    )
    assert spec.command == ("server", "--port", "{port}")
    assert (spec.ready_path, spec.retry, spec.max_queue) == ("/health", Retry.NEVER, 8)
    assert (spec.ready_within_s, spec.drain_within_s, spec.port) == (120.0, 0.5, 8001)


def test_the_path_of_a_network_is_taken_relative_to_the_file(tmp_path: Path) -> None:
    (tmp_path / "net.onnx").touch()
    found = serving("{engine: onnx, path: net.onnx}", tmp_path).path
    assert found == str((tmp_path / "net.onnx").resolve())


def test_a_network_of_the_zoo_is_named() -> None:
    assert serving("{engine: onnx, path: 'zoo:resnet18'}").path == "zoo:resnet18"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{engine: onnx}", "engine onnx needs the key 'path'"),
        ("{engine: onnx, path: absent.onnx}", "there is no file 'absent.onnx'"),
        ("{engine: onix}", "did you mean 'onnx'?"),
        ("{engine: sleep, path: 'zoo:a'}", "engine sleep has no path; it belongs to onnx"),
        ("{engine: command, command: run me}", "no shell reads it"),
        ("{engine: sleep, ready_within: 60}", "expected a duration such as 60s"),
        ("{engine: sleep, ready_within: 0s}", "above 0 and at most 24h"),
        ("{engine: sleep, drain_within: 25h}", "above 0 and at most 24h"),
    ],
)
def test_an_objection_says_what_is_needed(text: str, said: str) -> None:
    assert said in objection(text)


def test_demand_is_followed_at_a_stated_interval() -> None:
    assert read_replan_every_s(parse_yaml("{every: 60s}", Location())) == 60.0
    with pytest.raises(InputError, match="at least 1 s"):
        read_replan_every_s(parse_yaml("{every: 10ms}", Location()))


@pytest.mark.parametrize(
    "spec",
    [
        ServingSpec(Engine.SLEEP),
        ServingSpec(Engine.ONNX, path="/models/a b.onnx", port=1),
        ServingSpec(Engine.COMMAND, command=("a", "{port}"), retry=Retry.NEVER, max_queue=1),
    ],
)
def test_a_specification_travels_unchanged(spec: ServingSpec) -> None:
    said = parse_json(encode(spec.members()), Path("said"))
    assert serving_spec_of(said) == spec
    service = ServiceSpec("vision", ServedService("net", 1.5, 20.0), spec, 8100)
    assert service_spec_of(parse_json(encode(service.members()), Path("said"))) == service
