"""A workload file is read whole, or refused with file, line, key and a remedy."""

from collections.abc import Callable
from pathlib import Path

import pytest

from heddle.documents import MIB
from heddle.errors import InputError
from heddle.units import MAX_RATE_RPS
from heddle.workload.files import load_workload
from heddle.workload.service import Service, Spread

Write = Callable[..., Path]
Edit = Callable[[str], str]


def replaced(old: str, new: str) -> Edit:
    def edit(text: str) -> str:
        assert old in text
        return text.replace(old, new, 1)

    return edit


def option(text: str) -> Edit:
    """Add an option to the service ``search``, on line 8."""
    return replaced("latency_ms: 60}", f"latency_ms: 60, {text}}}")


def refusal(path: Path) -> InputError:
    with pytest.raises(InputError) as caught:
        load_workload(path)
    assert caught.value.exit_code == 2
    return caught.value


def test_a_workload_is_read_whole(write: Write) -> None:
    path = write()
    workload = load_workload(path)
    assert workload.path == path
    assert [
        (pool.gpu_type.name, pool.count, pool.per_node, pool.price_per_hour)
        for pool in workload.fleet
    ] == [("A100-80GB", 4, 2, 3.2), ("T4-16GB", None, 8, 1.0)]
    assert workload.services == (
        Service("search", "bert", 100.0, 60.0, headroom=0.1),
        Service("photos", "resnet50", 500.5, 40.0, headroom=0.1),
    )
    assert len(workload.performance) == 4
    assert [service.location.line for service in workload.services] == [8, 9]
    assert [pool.location.line for pool in workload.fleet] == [3, 4]


def test_every_option_of_a_service_is_read(write: Write, workload_text: str) -> None:
    every = (
        "headroom: 0.25, latency_fraction: 0.75, percentile: 99.9, min_replicas: 3, "
        "max_share_per_gpu: 0.3333, spread: node, profiles: [1g.10gb, whole], "
        "gpu_types: [A100-SXM4-80GB, t4], keep_apart: [photos]"
    )
    search = load_workload(write(option(every)(workload_text))).services[0]
    assert search == Service(
        "search",
        "bert",
        100.0,
        60.0,
        headroom=0.25,
        latency_fraction=0.75,
        percentile=99.9,
        min_replicas=3,
        max_share_per_gpu=0.3333,
        spread=Spread.NODE,
        profiles=("1g.10gb", "whole"),
        gpu_types=("A100-80GB", "T4-16GB"),
        keep_apart=("photos",),
    )


def test_a_service_overrides_the_defaults(write: Write, workload_text: str) -> None:
    text = replaced("{headroom: 0.1}", "{headroom: 0.1, max_share_per_gpu: 0.5, percentile: 90}")(
        option("max_share_per_gpu: null, headroom: 0")(workload_text)
    )
    search, photos = load_workload(write(text)).services
    assert (search.max_share_per_gpu, search.headroom, search.percentile) == (None, 0.0, 90.0)
    assert (photos.max_share_per_gpu, photos.headroom, photos.percentile) == (0.5, 0.1, 90.0)


def test_without_defaults_the_documented_ones_hold(write: Write, workload_text: str) -> None:
    for text in ("", "defaults:\n"):
        edited = replaced("defaults: {headroom: 0.1}\n", text)(workload_text)
        assert load_workload(write(edited)).services[0] == Service("search", "bert", 100, 60)


def test_values_on_the_edge_of_their_range_are_accepted(write: Write, workload_text: str) -> None:
    edges = (
        "headroom: 0.000001, latency_fraction: 1, percentile: 100, min_replicas: 10000, "
        "max_share_per_gpu: 0.0001"
    )
    text = replaced("rate_rps: 100,", "rate_rps: 0.000001,")(option(edges)(workload_text))
    search = load_workload(write(text)).services[0]
    assert (search.rate_rps, search.percentile, search.max_share_per_gpu) == (1e-6, 100.0, 1e-4)


def test_gpu_types_of_the_users_own_are_found_beside_the_workload(
    write: Write, workload_text: str, table_text: str, tmp_path: Path
) -> None:
    (tmp_path / "own.yaml").write_text(
        "version: 1\ngpu_types:\n  - name: X1\n    memory_gb: 8\n    memory_units: 1\n"
        "    profiles: [{name: all, size: 1, starts: [0]}]\n"
    )
    text = replaced("gpus:", "gpu_types: [own.yaml]\ngpus:\n  - {type: x1}")(workload_text)
    path = write(text, table_text + "X1,all,bert,1,1,5,10\n")
    workload = load_workload(path)
    assert workload.fleet[0].gpu_type.name == "X1"
    assert len(workload.performance.points("X1", "all", "bert")) == 1
    (tmp_path / "own.yaml").write_text((tmp_path / "own.yaml").read_text().replace("X1", "L4"))
    error = refusal(path)
    assert "GPU type 'L4' exists already" in error.message
    assert str(error.location) == f"{path}:2: gpu_types[0]"


def test_paths_are_relative_to_the_workload(
    write: Write, workload_text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(workload_text)
    (tmp_path / "inner").mkdir()
    inner = tmp_path / "inner" / "workload.yaml"
    inner.write_text(replaced("[table.csv]", "[../table.csv]")(workload_text))
    monkeypatch.chdir("/")
    assert len(load_workload(inner).performance) == 4


ZERO = "expected a number above 0, found"
FINITE = "expected a finite number"
BAD_VALUES = [
    (replaced("rate_rps: 100,", "rate_rps: 0,"), 8, "services[0].rate_rps", ZERO),
    (replaced("rate_rps: 100,", "rate_rps: -3,"), 8, "services[0].rate_rps", ZERO),
    (replaced("rate_rps: 100,", "rate_rps: .nan,"), 8, "services[0].rate_rps", FINITE),
    (replaced("rate_rps: 100,", "rate_rps: .inf,"), 8, "services[0].rate_rps", FINITE),
    (replaced("rate_rps: 100,", "rate_rps: NaN,"), 8, "services[0].rate_rps", "found 'NaN'"),
    (replaced("rate_rps: 100,", "rate_rps: '9',"), 8, "services[0].rate_rps", "found '9'"),
    (replaced("rate_rps: 100,", "rate_rps: ,"), 8, "services[0].rate_rps", "found nothing"),
    (
        replaced("rate_rps: 100,", "rate_rps: 0.0000009,"),
        8,
        "services[0].rate_rps",
        "a millionth",
    ),
    (
        replaced("rate_rps: 100,", f"rate_rps: {2 * MAX_RATE_RPS:.0f},"),
        8,
        "services[0].rate_rps",
        "of at most 100,000,000",
    ),
    (
        replaced("rate_rps: 100,", f"rate_rps: {MAX_RATE_RPS:.0f},"),
        8,
        "services[0]",
        "with headroom 0.1 is above 1e+08",
    ),
    (replaced("latency_ms: 60", "latency_ms: 0"), 8, "services[0].latency_ms", ZERO),
    (replaced("latency_ms: 60", "latency_ms: .inf"), 8, "services[0].latency_ms", FINITE),
    (replaced("name: search", "name: no"), 8, "services[0].name", "found False; put it in quotes"),
    (replaced("name: search", "name: 12"), 8, "services[0].name", "put it in quotes"),
    (replaced("name: search", "name: ''"), 8, "services[0].name", "expected a name"),
    (option("headroom: -0.1"), 8, "services[0].headroom", "found -0.1"),
    (option("headroom: 0.0000001"), 8, "services[0].headroom", "at most 6 decimals"),
    (option("latency_fraction: 0"), 8, "services[0].latency_fraction", ZERO),
    (option("latency_fraction: 1.01"), 8, "services[0].latency_fraction", "of at most 1"),
    (option("percentile: 0"), 8, "services[0].percentile", ZERO),
    (option("percentile: 100.5"), 8, "services[0].percentile", "of at most 100"),
    (option("min_replicas: 0"), 8, "services[0].min_replicas", "from 1 to 10,000"),
    (option("min_replicas: 1.5"), 8, "services[0].min_replicas", "whole number"),
    (option("max_share_per_gpu: 0"), 8, "services[0].max_share_per_gpu", ZERO),
    (option("max_share_per_gpu: 1.1"), 8, "services[0].max_share_per_gpu", "of at most 1"),
    (
        option("max_share_per_gpu: 0.33333"),
        8,
        "services[0].max_share_per_gpu",
        "at most 4 decimals, found 0.33333",
    ),
    (option("spread: rack"), 8, "services[0].spread", "allowed: gpu, node"),
    (option("profiles: []"), 8, "services[0].profiles", "found an empty list"),
    (option("profiles: 1g.10gb"), 8, "services[0].profiles", "expected a list of profiles"),
    (
        option("profiles: [1g.10gb, 1g.10gb]"),
        8,
        "services[0].profiles[1]",
        "'1g.10gb' stands twice in this list",
    ),
    (replaced("{headroom: 0.1}", "{headroom: x}"), 6, "defaults.headroom", "found 'x'"),
    (replaced("count: 4", "count: 0"), 3, "gpus[0].count", "from 1 to 1,000,000"),
    (replaced("per_node: 2", "per_node: 0"), 3, "gpus[0].per_node", "from 1 to 1,000"),
    (replaced("hour: 3.2", "hour: 0"), 3, "gpus[0].price_per_hour", ZERO),
    (replaced("hour: 3.2", "hour: 1.0000001"), 3, "gpus[0].price_per_hour", "6 decimals"),
    (replaced("version: 1", "version: 2"), 1, "version", "reads version 1, found 2"),
    (replaced("version: 1", "version: yes"), 1, "version", "reads version 1, found True"),
]


@pytest.mark.parametrize(("edit", "line", "key", "message"), BAD_VALUES)
def test_a_value_out_of_its_range_is_refused(
    write: Write, workload_text: str, edit: Edit, line: int, key: str, message: str
) -> None:
    path = write(edit(workload_text))
    error = refusal(path)
    assert message in error.message
    assert (error.location.file, error.location.line, error.location.key) == (path, line, key)


UNKNOWN_WORDS = [
    (replaced("gpus:", "gpu:"), 2, "gpu", "unknown key 'gpu' (did you mean 'gpus'?)"),
    (option("headrom: 1"), 8, "services[0].headrom", "(did you mean 'headroom'?)"),
    (replaced("{headroom: 0.1}", "{rate_rps: 1}"), 6, "defaults.rate_rps", "unknown key"),
    (replaced("count: 4", "cnt: 4"), 3, "gpus[0].cnt", "(did you mean 'count'?)"),
    (replaced("A100-80GB", "A100-80G"), 3, "gpus[0].type", "(did you mean 'A100-80GB'?)"),
    (replaced("A100-80GB", "RTX-PRO-5000-Blackwell-48GB"), 3, "gpus[0].type", "cannot be planned"),
    (replaced("model: bert", "model: brt"), 8, "services[0].model", "(did you mean 'bert'?)"),
    (
        replaced("model: bert", "model: zzz"),
        8,
        "services[0].model",
        "in no performance table; measured: bert, resnet50",
    ),
    (option("profiles: [1g.10g]"), 8, "services[0].profiles[0]", "(did you mean '1g.10gb'?)"),
    (option("gpu_types: [A100]"), 8, "services[0].gpu_types[0]", "unknown GPU type 'A100'"),
    (
        option("gpu_types: [T4, H100-80GB]"),
        8,
        "services[0].gpu_types[1]",
        "the fleet has no GPU type 'H100-80GB' (did you mean 'A100-80GB'?); it has A100-80GB, T4",
    ),
    (option("keep_apart: [foto]"), 8, "services[0].keep_apart[0]", "(did you mean 'photos'?)"),
    (option("keep_apart: [search]"), 8, "services[0].keep_apart[0]", "apart from itself"),
]


@pytest.mark.parametrize(("edit", "line", "key", "message"), UNKNOWN_WORDS)
def test_an_unknown_word_is_refused_with_the_nearest_one(
    write: Write, workload_text: str, edit: Edit, line: int, key: str, message: str
) -> None:
    path = write(edit(workload_text))
    error = refusal(path)
    assert message in error.message
    assert (error.location.file, error.location.line, error.location.key) == (path, line, key)


TWICE_AND_MISSING = [
    (replaced("name: photos", "name: search"), 9, "services[1].name", "already at line 8"),
    (replaced("type: T4", "type: A100-SXM4-80GB"), 4, "gpus[1].type", "already at line 3"),
    (replaced("[table.csv]", "[table.csv, ./table.csv]"), 5, "performance[1]", "is named twice"),
    (replaced("[table.csv]", "[nowhere.csv]"), 5, "performance[0]", "there is no file"),
    (replaced("[table.csv]", "[]"), 5, "performance", "found an empty list"),
    (replaced("[table.csv]", "table.csv"), 5, "performance", "expected a list of performance"),
    (replaced("performance: [table.csv]\n", ""), 1, "", "missing key 'performance'"),
    (replaced(", latency_ms: 60", ""), 8, "services[0]", "missing key 'latency_ms'"),
    (replaced("type: T4", ""), 4, "gpus[1]", "missing key 'type'"),
    (lambda t: t[: t.index("services:")] + "services: []\n", 7, "services", "empty list"),
    (lambda t: t[: t.index("services:")] + "services: {}\n", 7, "services", "expected a list"),
    (lambda t: t[: t.index("services:")] + "services: [x]\n", 7, "services[0]", "found 'x'"),
    (lambda _: "version: 1\nversion: 1\n", 2, "", "key 'version' stands twice"),
    (lambda _: "just words\n", 1, "", "expected keys and values, found 'just words'"),
    (lambda t: t + "---\nversion: 1\n", 10, "", "a second document"),
    (lambda _: "version: [1\n", 2, "", "not valid YAML"),
    (lambda _: "services: " + "[" * 60 + "]" * 60, 1, "services" + "[0]" * 49, "too deeply"),
    (
        lambda t: (
            t[: t.index("services:")]
            + "services:\n  - &s {name: a, model: bert, rate_rps: 1, latency_ms: 60}\n  - *s\n"
        ),
        8,
        "services[0].name",
        "service 'a' stands already at line 8",
    ),
]


@pytest.mark.parametrize(("edit", "line", "key", "message"), TWICE_AND_MISSING)
def test_what_stands_twice_or_is_missing_is_refused(
    write: Write, workload_text: str, edit: Edit, line: int, key: str, message: str
) -> None:
    path = write(edit(workload_text))
    error = refusal(path)
    assert message in error.message
    assert (error.location.file, error.location.line, error.location.key) == (path, line, key)


def test_aliases_that_multiply_each_other_are_refused_at_once(
    write: Write, workload_text: str
) -> None:
    bomb = "a0: &a0 [x]\n" + "".join(
        f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 20)
    )
    assert "unknown key 'a0'" in refusal(write(bomb + workload_text)).message
    nested = workload_text.replace("latency_ms: 60}", "latency_ms: 60, profiles: *a19}")
    services = nested[nested.index("services:") :]
    assert "unknown key 'a0'" in refusal(write(bomb + services)).message


def test_a_point_measured_in_two_tables_is_refused(
    write: Write, workload_text: str, table_text: str, tmp_path: Path
) -> None:
    header, first, *_ = table_text.splitlines()
    (tmp_path / "more.csv").write_text(f"{header}\n{first}\n")
    error = refusal(write(replaced("[table.csv]", "[table.csv, more.csv]")(workload_text)))
    assert "was measured already at" in error.message
    assert "table.csv:2" in error.message
    assert (error.location.file, error.location.line) == (tmp_path / "more.csv", 2)


def test_an_error_in_a_table_names_the_table(write: Write, table_text: str, tmp_path: Path) -> None:
    error = refusal(write(table=table_text.replace("74.408", "nan")))
    assert str(error) == (
        f"{tmp_path / 'table.csv'}:2: rate_rps: expected a finite number, found 'nan'"
    )


def test_a_file_that_is_not_there_or_a_folder_or_too_large_is_refused(tmp_path: Path) -> None:
    assert "there is no such file" in refusal(tmp_path / "nowhere.yaml").message
    assert "is a directory" in refusal(tmp_path).message
    large = tmp_path / "large.yaml"
    with large.open("wb") as stream:
        stream.truncate(100 * MIB)
    assert "100 MiB; at most 16 MiB" in refusal(large).message


def test_a_binary_file_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "workload.yaml"
    path.write_bytes(b"\x7fELF\x02\x01\x01\x00")
    error = refusal(path)
    assert "not a text file" in error.message
    assert error.location.line == 1


def test_five_thousand_services_are_read_with_their_lines(write: Write, workload_text: str) -> None:
    head = workload_text[: workload_text.index("services:")]
    lines = (
        f"  - {{name: s{i}, model: bert, rate_rps: {i + 0.5}, latency_ms: 60}}\n"
        for i in range(5000)
    )
    services = load_workload(write(head + "services:\n" + "".join(lines))).services
    assert len(services) == 5000
    assert services[-1].location.line == 5007
