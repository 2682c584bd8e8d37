"""Reading and writing deployment.json."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from heddle.cluster import deployment_file
from heddle.cluster.certificate import BoundBasis, Certificate
from heddle.cluster.deployment import Configuration, Deployment, PlannedInstance, ServedService
from heddle.cluster.deployment_file import deployment_text, read_deployment, write_deployment
from heddle.errors import InputError
from heddle.units import MAX_RATE_RPS

SCHEMA_FILE = Path(deployment_file.__file__).with_name("deployment.schema.json")

SAMPLE = Deployment(
    services={
        "search-embed": ServedService("bert", 1200.0, 60.0),
        "Übersicht": ServedService("resnet50", 33.4, 12.5, 36.74, 6.25),
    },
    configurations=(
        Configuration(
            "gpu-0",
            "node-0",
            "A100-80GB",
            (
                PlannedInstance("4g.40gb", 0, "search-embed", 8, 2, 800.0, 20.125),
                PlannedInstance("3g.40gb", 4, "Übersicht", 4, 1, 0.1, 6.0, is_fitted=True),
            ),
            reason='holds "search-embed"',
        ),
        Configuration("gpu-1", "node-0", "A100-80GB", ()),
    ),
    certificate=Certificate(
        objective_kind="price",
        objective=6.4,
        lower_bound=3.2,
        gap=3.2,
        is_proved_optimal=False,
        basis=BoundBasis.PRICES,
        price_bound=3.2,
        solver="exact",
        seed=7,
        wall_s=0.125,
        prices={"A100-80GB": {"3g.40gb": "0.5", "4g.40gb": "0.25"}},
        stock_prices={"A100-80GB": "0.125"},
        service_prices={"search-embed": 1.5},
        notes=("latencies are means",),
        has_fitted_points=True,
    ),
)


def written(tmp_path: Path, document: object) -> Path:
    path = tmp_path / "deployment.json"
    text = document if isinstance(document, str) else json.dumps(document)
    path.write_text(text, encoding="utf-8")
    return path


def sample_document() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(deployment_text(SAMPLE))
    return document


def test_what_is_written_is_read_back_unchanged(tmp_path: Path) -> None:
    path = tmp_path / "deployment.json"
    write_deployment(path, SAMPLE)
    assert read_deployment(path) == SAMPLE


def test_equal_deployments_have_equal_bytes_and_one_line_per_gpu() -> None:
    text = deployment_text(SAMPLE)
    assert text == deployment_text(replace(SAMPLE))
    lines = [line for line in text.splitlines() if line.startswith('{"id"')]
    assert [json.loads(line.rstrip(","))["id"] for line in lines] == ["gpu-0", "gpu-1"]


def test_the_members_are_those_of_format_version_1() -> None:
    document = sample_document()
    assert document["version"] == 1
    assert document["services"]["search-embed"] == {
        "model": "bert",
        "rate_rps": 1200,
        "latency_ms": 60,
    }
    assert document["gpus"][0]["instances"][0] == {
        "profile": "4g.40gb",
        "start": 0,
        "service": "search-embed",
        "batch": 8,
        "processes": 2,
        "rate_rps": 800,
        "latency_ms": 20.125,
    }
    assert document["gpus"][0]["instances"][1]["is_fitted"] is True
    assert "reason" not in document["gpus"][1]
    assert document["certificate"].keys() >= {
        *("objective", "lower_bound", "gap", "is_proved_optimal", "solver", "seed", "wall_s"),
    }


def test_a_deployment_written_by_hand_needs_no_certificate(tmp_path: Path) -> None:
    document = sample_document()
    del document["certificate"]
    assert read_deployment(written(tmp_path, document)).certificate is None


def test_a_certificate_of_the_seven_stated_members_rests_on_a_search(tmp_path: Path) -> None:
    document = sample_document()
    kept = ("objective", "lower_bound", "gap", "is_proved_optimal", "solver", "seed", "wall_s")
    document["certificate"] = {key: document["certificate"][key] for key in kept}
    certificate = read_deployment(written(tmp_path, document)).certificate
    assert certificate is not None
    assert certificate.basis is BoundBasis.SEARCH
    assert certificate.price_bound == 0.0
    assert certificate.objective_kind == "gpus"


def test_instances_are_ordered_by_start(tmp_path: Path) -> None:
    document = sample_document()
    document["gpus"][0]["instances"].reverse()
    assert read_deployment(written(tmp_path, document)) == SAMPLE


def test_an_infinite_number_is_never_written() -> None:
    assert SAMPLE.certificate is not None
    wrong = replace(SAMPLE, certificate=replace(SAMPLE.certificate, gap=float("inf")))
    with pytest.raises(ValueError, match="JSON compliant"):
        deployment_text(wrong)


def _set(*path: str | int, to: object) -> Callable[[Any], None]:
    def change(document: Any) -> None:
        for step in path[:-1]:
            document = document[step]
        document[path[-1]] = to

    return change


def _drop(*path: str | int) -> Callable[[Any], None]:
    def change(document: Any) -> None:
        for step in path[:-1]:
            document = document[step]
        del document[path[-1]]

    return change


FIRST = ("gpus", 0, "instances", 0)
REFUSED = [
    (_set("version", to=2), "version", "from 1 to 1, found 2"),
    (_set("version", to=True), "version", "whole number, found true"),
    (_drop("services"), "", "missing key 'services'"),
    (_set("gpu", to=[]), "gpu", "unknown key 'gpu' (did you mean 'gpus'?)"),
    (_set("gpus", to={}), "gpus", "expected a list, found an object"),
    (_set("gpus", 0, to=5), "gpus[0]", "expected an object {…}, found 5"),
    (_set("gpus", 1, "nodes", to="x"), "gpus[1].nodes", "did you mean 'node'?"),
    (_set("gpus", 1, "id", to=""), "gpus[1].id", "expected a name"),
    (_set("gpus", 1, "id", to="a\nb"), "gpus[1].id", "without line breaks"),
    (_set("gpus", 1, "id", to="a\x7fb"), "gpus[1].id", "without line breaks"),
    (_set("gpus", 1, "reason", to=1), "gpus[1].reason", "expected text, found 1"),
    (_drop(*FIRST, "start"), "gpus[0].instances[0]", "missing key 'start'"),
    (_set(*FIRST, "start", to=1.5), "gpus[0].instances[0].start", "whole number, found 1.5"),
    (_set(*FIRST, "start", to=-1), "gpus[0].instances[0].start", "found -1"),
    (_set(*FIRST, "start", to=None), "gpus[0].instances[0].start", "found null"),
    (_set(*FIRST, "batch", to=0), "gpus[0].instances[0].batch", "from 1 to"),
    (_set(*FIRST, "rate_rps", to="9"), "gpus[0].instances[0].rate_rps", 'number, found "9"'),
    (_set(*FIRST, "rate_rps", to=0), "gpus[0].instances[0].rate_rps", "above 0"),
    (_set(*FIRST, "rate_rps", to=10**400), "gpus[0].instances[0].rate_rps", "finite number"),
    (_set(*FIRST, "latency_ms", to=[]), "gpus[0].instances[0].latency_ms", "found a list"),
    (_set(*FIRST, "is_fitted", to=1), "gpus[0].instances[0].is_fitted", "true or false"),
    (_set("services", "search-embed", to=[]), "services.search-embed", "found a list"),
    (_drop("services", "search-embed", "model"), "services.search-embed", "missing key 'model'"),
    (_set("certificate", to=None), "certificate", "found null"),
    (_set("certificate", "bound", to=1), "certificate.bound", "unknown key 'bound'"),
    (_set("certificate", "basis", to="price"), "certificate.basis", "did you mean 'prices'?"),
    (_set("certificate", "objective_kind", to="GPUs"), "certificate.objective_kind", "'gpus'?"),
    (_set("certificate", "prices", "A100-80GB", to="1"), "certificate.prices.A100-80GB", "object"),
    (_set("certificate", "stock_prices", "A", to=1), "certificate.stock_prices.A", "text"),
    (_set("certificate", "service_prices", "a", to="1"), "certificate.service_prices.a", "number"),
    (_set("certificate", "notes", 0, to=3), "certificate.notes[0]", "expected text, found 3"),
    (_set("certificate", "notes", to="x"), "certificate.notes", "expected a list"),
    (_set("certificate", "seed", to=-1), "certificate.seed", "found -1"),
    (_drop("certificate", "gap"), "certificate", "missing key 'gap'"),
]


@pytest.mark.parametrize(("change", "key", "message"), REFUSED)
def test_a_wrong_member_is_refused_with_its_path(
    change: Callable[[Any], None], key: str, message: str, tmp_path: Path
) -> None:
    document = sample_document()
    change(document)
    path = written(tmp_path, document)
    with pytest.raises(InputError) as refusal:
        read_deployment(path)
    assert refusal.value.location.file == path
    assert refusal.value.location.key == key
    assert message in str(refusal.value)


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_a_number_that_is_not_finite_is_refused(word: str, tmp_path: Path) -> None:
    text = deployment_text(SAMPLE).replace('"rate_rps":800', f'"rate_rps":{word}')
    with pytest.raises(InputError, match=r"gpus\[0\].instances\[0\].rate_rps: .*finite"):
        read_deployment(written(tmp_path, text))


def test_a_syntax_error_is_refused_with_its_line(tmp_path: Path) -> None:
    text = deployment_text(SAMPLE).replace('"reason":', '"reason"')
    with pytest.raises(InputError, match="not valid JSON") as refusal:
        read_deployment(written(tmp_path, text))
    line = next(i for i, line in enumerate(text.splitlines(), 1) if '"reason"' in line)
    assert refusal.value.location.line == line


@pytest.mark.parametrize(
    ("before", "after", "key"),
    [
        ('"start":0', '"start":0,"start":0', r"gpus\[0\]\.instances\[0\]: key 'start'"),
        ('"version":1', '"version":1,"version":1', "key 'version' stands twice"),
        ('"3g.40gb":"0.5"', '"3g.40gb":"0","3g.40gb":"0.5"', "certificate.prices.A100-80GB: key"),
        ('"search-embed":1.5', '"a":1,"a":1', "certificate.service_prices: key 'a'"),
    ],
)
def test_a_repeated_key_is_refused(before: str, after: str, key: str, tmp_path: Path) -> None:
    text = deployment_text(SAMPLE)
    assert before in text
    with pytest.raises(InputError, match=key):
        read_deployment(written(tmp_path, text.replace(before, after)))


@pytest.mark.parametrize("text", ["", "[]", "3", '"x"', "null", "[" * 100_000, "1" * 5000])
def test_a_file_that_is_no_json_object_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(InputError):
        read_deployment(written(tmp_path, text))


def test_a_missing_file_and_one_that_is_no_text_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_deployment(tmp_path / "absent.json")
    binary = tmp_path / "binary.json"
    binary.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="not UTF-8"):
        read_deployment(binary)


def test_a_file_larger_than_the_limit_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "large.json"
    with path.open("wb") as stream:
        stream.truncate((deployment_file.MAX_MIB + 1) * 1024 * 1024)
    with pytest.raises(InputError, match="at most 256 MiB"):
        read_deployment(path)


def schema() -> Any:
    return json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))


def test_the_schema_is_a_schema_and_accepts_what_is_written() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())
    jsonschema.Draft202012Validator(schema()).validate(sample_document())


def test_the_schema_lists_exactly_the_keys_that_are_read() -> None:
    definitions = schema()["$defs"]
    assert set(definitions["gpu"]["properties"]) == deployment_file._GPU_KEYS
    assert set(definitions["service"]["properties"]) == deployment_file._SERVICE_KEYS
    assert set(definitions["instance"]["properties"]) == deployment_file._INSTANCE_KEYS
    assert set(definitions["certificate"]["properties"]) == deployment_file._CERTIFICATE_KEYS


def test_the_schema_has_the_limits_that_are_read() -> None:
    definitions = schema()["$defs"]
    assert definitions["rate_rps"]["maximum"] == MAX_RATE_RPS
    required = definitions["service"]["properties"]["required_rps"]
    assert required["maximum"] == deployment_file._MAX_REQUIRED_RPS
    assert definitions["latency_ms"]["maximum"] == deployment_file._MAX_LATENCY_MS
    seed = definitions["certificate"]["properties"]["seed"]
    assert seed["maximum"] == deployment_file._MAX_SEED


@pytest.mark.parametrize(("change", "key", "message"), REFUSED)
def test_the_schema_refuses_what_the_reader_refuses(
    change: Callable[[Any], None], key: str, message: str
) -> None:
    document = sample_document()
    change(document)
    assert not jsonschema.Draft202012Validator(schema()).is_valid(document)


NAMES = st.text(
    st.characters(min_codepoint=32, exclude_characters="\x7f", exclude_categories=["Cs"]),
    min_size=1,
    max_size=12,
).filter(str.strip)
SENTENCES = st.text(
    st.characters(exclude_characters="\x7f", exclude_categories=["Cs"]), max_size=12
)
POSITIVE = st.floats(1e-6, MAX_RATE_RPS)
ANY_NUMBER = st.floats(allow_nan=False, allow_infinity=False)
COUNTS = st.integers(1, 10**9)

INSTANCES = st.builds(
    PlannedInstance,
    profile=NAMES,
    start=st.integers(0, 10**9),
    service=NAMES,
    batch=COUNTS,
    processes=COUNTS,
    rate_rps=POSITIVE,
    latency_ms=POSITIVE,
    is_fitted=st.booleans(),
)
CONFIGURATIONS = st.builds(
    Configuration,
    gpu=NAMES,
    node=NAMES,
    gpu_type=NAMES,
    instances=st.lists(INSTANCES, max_size=3).map(
        lambda found: tuple(sorted(found, key=lambda instance: instance.start))
    ),
    reason=SENTENCES,
)
CERTIFICATES = st.builds(
    Certificate,
    objective_kind=st.sampled_from(["gpus", "price"]),
    objective=ANY_NUMBER,
    lower_bound=ANY_NUMBER,
    gap=ANY_NUMBER,
    is_proved_optimal=st.booleans(),
    basis=st.sampled_from(BoundBasis),
    price_bound=ANY_NUMBER,
    solver=NAMES,
    seed=st.integers(0, 2**63),
    wall_s=ANY_NUMBER,
    prices=st.dictionaries(NAMES, st.dictionaries(NAMES, NAMES, max_size=2), max_size=2),
    stock_prices=st.dictionaries(NAMES, NAMES, max_size=2),
    service_prices=st.dictionaries(NAMES, ANY_NUMBER, max_size=2),
    notes=st.lists(SENTENCES).map(tuple),
    has_fitted_points=st.booleans(),
)
SERVED = st.builds(
    ServedService,
    model=NAMES,
    rate_rps=POSITIVE,
    latency_ms=POSITIVE,
    required_rps=st.none() | POSITIVE,
    batch_latency_limit_ms=st.none() | POSITIVE,
)
DEPLOYMENTS = st.builds(
    Deployment,
    services=st.dictionaries(NAMES, SERVED, max_size=3),
    configurations=st.lists(CONFIGURATIONS, max_size=3).map(tuple),
    certificate=st.none() | CERTIFICATES,
)


@given(deployment=DEPLOYMENTS)
def test_any_deployment_survives_being_written_and_read(
    deployment: Deployment, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "any-deployment.json"
    write_deployment(path, deployment)
    again = read_deployment(path)
    assert again == deployment
    assert deployment_text(again) == deployment_text(deployment)
    assert list(again.services) == list(deployment.services)
