"""Bad input: one clear line that names the place and the remedy, exit 2, nothing written."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import pytest

from command_line import (
    EXAMPLES,
    TABLE,
    WORKLOAD,
    Answer,
    Heddle,
    heddle_process,
    replaced,
    scenario,
    small_workload,
)

OLD = "what stood here before\n"


class Slip(NamedTuple):
    """A change that makes the workload wrong, and what the message must say."""

    old: str
    new: str
    said: tuple[str, ...]


def slip(old: str, new: str, *said: str) -> Slip:
    return Slip(old, new, said)


def assert_refused(answer: Answer, *said: str) -> None:
    """One line on stderr that says all of it, nothing on stdout, exit code 2."""
    assert answer.exit_code == 2, answer
    assert answer.out == ""
    assert answer.err.startswith("heddle: ")
    assert answer.err.count("\n") == 1, answer.err
    for words in said:
        assert words in answer.err, answer.err


def output_folder(folder: Path) -> Path:
    """Make a folder in which one of the two outputs stands already."""
    outputs = folder / "outputs"
    outputs.mkdir()
    (outputs / "deployment.json").write_text(OLD, encoding="utf-8")
    return outputs


def assert_untouched(outputs: Path) -> None:
    assert [path.name for path in outputs.iterdir()] == ["deployment.json"]
    assert (outputs / "deployment.json").read_text(encoding="utf-8") == OLD


def plan_refused(heddle: Heddle, path: Path, *said: str) -> None:
    """Plan with both outputs asked for, which must be refused and write nothing."""
    outputs = output_folder(path.parent)
    answer = heddle("plan", path, "-o", outputs / "deployment.json", "--svg", outputs / "plan.svg")
    assert_refused(answer, *said)
    assert_untouched(outputs)


CHAT = "rate_rps: 100, latency_ms: 40}"
FLEET = "  - {type: A100-80GB, count: 4, per_node: 2}\n"

WORKLOAD_SLIPS = {
    # Unknown names, each with the nearest one that exists.
    "unknown GPU": slip("A100-80GB", "A100-81GB", ":3: gpus[0].type", "did you mean 'A100-80GB'?"),
    "unknown profile": slip(
        CHAT, f"{CHAT[:-1]}, profiles: [1g.10g]}}", ":7: services[0].profiles[0]", "'1g.10gb'?"
    ),
    "unknown model": slip(
        "model: bert", "model: bart", ":7: services[0].model", "did you mean 'bert'?", "resnet"
    ),
    "unknown key of the file": slip("services:", "servicez:", ":6:", "did you mean 'services'?"),
    "unknown key of the fleet": slip("count: 4", "cuont: 4", ":3: gpus[0]", "'count'?"),
    "unknown key of a service": slip("rate_rps: 100", "rate: 100", ":7: services[0]", "'rate_rps'"),
    "unknown key of the defaults": slip("headroom", "headrom", ":5: defaults", "'headroom'?"),
    "unknown service to keep apart": slip(
        CHAT, f"{CHAT[:-1]}, keep_apart: [visoin]}}", "keep_apart[0]", "did you mean 'vision'?"
    ),
    "unknown GPU type of a service": slip(
        CHAT, f"{CHAT[:-1]}, gpu_types: [H100-80G]}}", "gpu_types[0]", "did you mean 'H100-80GB'?"
    ),
    "a GPU type that the fleet lacks": slip(
        CHAT, f"{CHAT[:-1]}, gpu_types: [H100-80GB]}}", "gpu_types[0]", "it has A100-80GB"
    ),
    "unknown kind of spread": slip(
        CHAT, f"{CHAT[:-1]}, spread: rack}}", "services[0].spread", "allowed: gpu, node"
    ),
    # Services that ask for the impossible.
    "a latency that no profile meets": slip(
        "rate_rps: 100, latency_ms: 40",
        "rate_rps: 100, latency_ms: 20",
        ":7: services[0]",
        "within 10 ms a batch",
        "3g.40gb of A100-80GB comes closest with 12 ms, 2 ms too slow",
    ),
    "profiles on which the model was not measured": slip(
        CHAT, f"{CHAT[:-1]}, profiles: [4g.40gb]}}", "services[0]", "was measured on 1g.10gb"
    ),
    "a GPU on which the model was not measured": slip(
        "A100-80GB, count: 4", "A30-24GB, count: 4", "services[0]", "was not measured"
    ),
    "a percentile that was not measured": slip(
        CHAT, f"{CHAT[:-1]}, percentile: 99.9}}", "services[0]", "percentile 99.9", "at 99 at most"
    ),
    "a service kept apart from itself": slip(
        CHAT, f"{CHAT[:-1]}, keep_apart: [chat]}}", "services[0].keep_apart[0]", "itself"
    ),
    "a GPU type without published starts": slip(
        "A100-80GB", "Thor-iGPU", ":3: gpus[0].type", "Thor-iGPU", "starts", "not published"
    ),
    # Numbers out of their range.
    "a rate of zero": slip("rate_rps: 100", "rate_rps: 0", ":7: services[0].rate_rps", "above 0"),
    "a negative rate": slip("rate_rps: 100", "rate_rps: -1", "services[0].rate_rps", "found -1"),
    "a rate that is no number": slip("rate_rps: 100", "rate_rps: .nan", "rate_rps", "found nan"),
    "an infinite rate": slip("rate_rps: 100", "rate_rps: .inf", "rate_rps", "finite", "found inf"),
    "a rate beyond floats": slip("rate_rps: 100", "rate_rps: 1e400", "rate_rps", "finite"),
    "a rate in words": slip("rate_rps: 100", "rate_rps: fast", "rate_rps", "found 'fast'"),
    "a rate beyond belief": slip("rate_rps: 100", "rate_rps: 1e9", "rate_rps", "at most"),
    "a latency of zero": slip("latency_ms: 40", "latency_ms: 0", "latency_ms", "above 0"),
    "a negative latency": slip("latency_ms: 40", "latency_ms: -4", "latency_ms", "found -4"),
    "a negative headroom": slip("headroom: 0.1", "headroom: -0.1", ":5: defaults.headroom", "0 to"),
    "a fraction above one": slip(
        "headroom: 0.1", "latency_fraction: 1.5", "defaults.latency_fraction", "at most 1"
    ),
    "a percentile above 100": slip("headroom: 0.1", "percentile: 101", "percentile", "at most 100"),
    "no replicas": slip("headroom: 0.1", "min_replicas: 0", "min_replicas", "from 1"),
    "half a replica": slip("headroom: 0.1", "min_replicas: 1.5", "min_replicas", "whole number"),
    "no share of a GPU": slip("headroom: 0.1", "max_share_per_gpu: 0", "max_share_per_gpu"),
    "a count of zero": slip("count: 4", "count: 0", ":3: gpus[0].count", "from 1"),
    "a negative price": slip("count: 4", "price_per_hour: -1", "price_per_hour", "above 0"),
    # What stands twice, or not at all.
    "a service twice": slip("name: vision", "name: chat", ":8: services[1].name", "line 7"),
    "a GPU type twice": slip(FLEET, FLEET + FLEET, ":4: gpus[1].type", "line 3"),
    "a key twice": slip("version: 1", "version: 1\nversion: 1", ":2:", "'version' stands twice"),
    "a table twice": slip("[table.csv]", "[table.csv, ./table.csv]", "performance[1]", "twice"),
    "no version": slip("version: 1\n", "", "missing key 'version'"),
    "another version": slip("version: 1", "version: 2", ":1: version", "version 1, found 2"),
    "no GPUs": slip(f"gpus:\n{FLEET}", "gpus: []\n", ":2: gpus", "empty list"),
    "no tables": slip("[table.csv]", "[]", ":4: performance", "empty list"),
    "no profiles": slip(CHAT, f"{CHAT[:-1]}, profiles: []}}", "services[0].profiles", "empty list"),
    "no services": slip(WORKLOAD[WORKLOAD.index("services:") :], "services: []", ":6:", "empty"),
    # Files that are not there, or not what they should be.
    "a table that is not there": slip("table.csv", "tabel.csv", "performance[0]", "there is no"),
    "a table that is a folder": slip("[table.csv]", "[.]", "is a directory"),
    "a table that is no table": slip("table.csv", "workload.yaml", "header: unknown column"),
    "a GPU type file that is not there": slip(
        "version: 1", "version: 1\ngpu_types: [x1.yaml]", "gpu_types[0]", "x1.yaml"
    ),
    "not YAML": slip("gpus:", "gpus: [", "not valid YAML"),
    "a tab": slip("version: 1", "\tversion: 1", ":1: not valid YAML"),
    "two documents": slip("gpus:", "---\ngpus:", "one file holds one"),
    "a foreign tag": slip("version: 1", "version: !!python/name:os.abort 1", ":1: version"),
    "a tag without a value": slip("rate_rps: 100", "rate_rps: !!int", ":7: services[0].rate_rps"),
    "a tag that does not fit": slip("rate_rps: 100", "rate_rps: !!bool 7", "cannot read the value"),
    "an alias within itself": slip("[table.csv]", "&a [*a]", "alias *a"),
    "a control character": slip("version: 1", "version: 1\0", "control character"),
}

TABLE_SLIPS = {
    "unknown column": slip("memory_mib", "memory_mb", "table.csv:1: header", "'memory_mib'?"),
    "missing column": slip("latency_ms,", "", "table.csv:1: header", "'latency_ms'"),
    "unknown GPU": slip("A100-80GB,1g", "A100-80G,1g", "table.csv:2: gpu", "'A100-80GB'?"),
    "unknown profile": slip("1g.10gb,b", "1g.11gb,b", "table.csv:2: profile", "'1g.10gb'?"),
    "a profile of another GPU": slip(
        "A100-80GB,1g", "A30-24GB,1g", "table.csv:2: profile", "no profile '1g.10gb'", "1g.6gb"
    ),
    "more memory than the profile has": slip(
        "99,4000", "99,12000", "table.csv:2: memory_mib", "12,000 MiB do not fit 1g.10gb"
    ),
    "a row twice": slip("2g.20gb", "1g.10gb", "table.csv:3", "table.csv:2", "keep one row"),
    "a rate of zero": slip(",40,18", ",0,18", "table.csv:2: rate_rps", "above 0"),
    "a negative rate": slip(",40,18", ",-4,18", "table.csv:2: rate_rps", "found -4"),
    "a rate that is no number": slip(",40,18", ",nan,18", "table.csv:2: rate_rps", "'nan'"),
    "an infinite rate": slip(",40,18", ",inf,18", "table.csv:2: rate_rps", "finite"),
    "a latency of zero": slip(",40,18", ",40,0", "table.csv:2: latency_ms", "above 0"),
    "no batch": slip("bert,8,1,40", "bert,0,1,40", "table.csv:2: batch", "at least 1"),
    "a batch beyond belief": slip("8,1,40", "9999999999,1,40", "table.csv:2: batch", "at most"),
    "half a process": slip("8,1,40", "8,1.5,40", "table.csv:2: processes", "whole number"),
    "a cell too few": slip(",40,18", ",40", "table.csv:2", "expected 9 cells", "found 8"),
    "an open quotation": slip(",40,18", ',"40,18', "table.csv", "not valid CSV"),
    "rows left out": slip(TABLE[TABLE.index("\n") + 1 :], "", "table.csv", "no rows"),
    "everything left out": slip(TABLE, "", "table.csv", "empty"),
}


@pytest.mark.parametrize("kind", WORKLOAD_SLIPS)
def test_a_wrong_workload_is_refused_with_its_place_and_a_remedy(
    kind: str, tmp_path: Path, heddle: Heddle
) -> None:
    wrong = WORKLOAD_SLIPS[kind]
    path = small_workload(tmp_path, workload=replaced(WORKLOAD, wrong.old, wrong.new))
    plan_refused(heddle, path, *wrong.said)


@pytest.mark.parametrize("kind", TABLE_SLIPS)
def test_a_wrong_table_is_refused_with_its_place_and_a_remedy(
    kind: str, tmp_path: Path, heddle: Heddle
) -> None:
    wrong = TABLE_SLIPS[kind]
    path = small_workload(tmp_path, table=replaced(TABLE, wrong.old, wrong.new))
    plan_refused(heddle, path, *wrong.said)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "the file is empty"),
        (b"# nothing yet\n", "the file is empty"),
        (b"just words\n", "expected keys and values, found 'just words'"),
        (b"[]\n", "expected keys and values, found a list"),
        (b"[" * 100_000, "nested too deeply"),
        (b"\xff\xfe\x00", "not UTF-8"),
        (b"\x89PNG\r\n", "not UTF-8"),
    ],
)
def test_a_file_that_is_something_else_is_refused(
    content: bytes, said: str, tmp_path: Path, heddle: Heddle
) -> None:
    path = tmp_path / "workload.yaml"
    path.write_bytes(content)
    plan_refused(heddle, path, str(path), said)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path, heddle: Heddle) -> None:
    plan_refused(heddle, tmp_path / "none.yaml", "none.yaml", "there is no such file")


def test_a_folder_is_refused(tmp_path: Path, heddle: Heddle) -> None:
    assert_refused(heddle("plan", tmp_path), str(tmp_path), "is a directory")


@pytest.mark.parametrize("name", ["workload.yaml", "table.csv"])
def test_a_file_of_100_mb_is_refused(name: str, tmp_path: Path, heddle: Heddle) -> None:
    path = small_workload(tmp_path)
    with (tmp_path / name).open("r+b") as stream:
        stream.truncate(100_000_000)
    plan_refused(heddle, path, name, "the file has 96 MiB")


def with_rate(rate_rps: int, count: int) -> str:
    workload = replaced(WORKLOAD, "rate_rps: 300", f"rate_rps: {rate_rps}")
    return replaced(workload, "count: 4", f"count: {count}")


@pytest.mark.parametrize("rate_rps", [3_000, 5_000, 12_345])
def test_the_smallest_stock_that_works_is_said_and_is_the_smallest(
    rate_rps: int, tmp_path: Path, heddle: Heddle
) -> None:
    path = small_workload(tmp_path, workload=with_rate(rate_rps, 2))
    plan_refused(heddle, path, "the stock is too small", "the smallest stock that works is")
    refusal = heddle("plan", path).err
    found = re.search(r"is (\d+) A100-80GB instead of 2\n", refusal)
    assert found, refusal
    smallest = int(found[1])
    small_workload(tmp_path, workload=with_rate(rate_rps, smallest))
    assert heddle("plan", path).exit_code == 0
    small_workload(tmp_path, workload=with_rate(rate_rps, smallest - 1))
    assert_refused(heddle("plan", path), f"{smallest} A100-80GB instead of {smallest - 1}")


def test_a_stock_of_several_types_that_is_too_small_names_each(
    tmp_path: Path, heddle: Heddle
) -> None:
    text = (EXAMPLES / "03-mixed-fleet" / "workload.yaml").read_text(encoding="utf-8")
    text = text.replace("../performance", str(EXAMPLES / "performance"))
    text = text.replace("h100-t4", str(EXAMPLES / "03-mixed-fleet" / "h100-t4"))
    path = tmp_path / "workload.yaml"
    path.write_text(replaced(text, "rate_rps: 220,", "rate_rps: 22000,"), encoding="utf-8")
    assert_refused(heddle("plan", path), "the stock is too small", "H100-80GB instead of 3")


OUTPUTS = {
    "a folder that does not exist": ("none/plan.json", "there is no folder"),
    "a folder": (".", "it is a folder"),
    "a place below a file": ("table.csv/plan.json", "there is no folder"),
    "a name too long for the file system": ("x" * 300, "file name too long"),
    "the workload itself": ("workload.yaml", "it is read; name another"),
}


@pytest.mark.parametrize("option", ["--output", "--svg"])
@pytest.mark.parametrize("kind", OUTPUTS)
def test_an_output_that_cannot_be_written_is_refused_before_planning(
    kind: str, option: str, tmp_path: Path, heddle: Heddle
) -> None:
    name, said = OUTPUTS[kind]
    path = small_workload(tmp_path)
    assert_refused(heddle("plan", path, option, tmp_path / name), said)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["table.csv", "workload.yaml"]
    assert path.read_text(encoding="utf-8") == WORKLOAD


def test_two_outputs_in_one_file_are_refused(tmp_path: Path, heddle: Heddle) -> None:
    path = small_workload(tmp_path)
    both = tmp_path / "plan"
    answer = heddle("plan", path, "-o", both, "--svg", tmp_path / "." / "plan")
    assert_refused(answer, "another output goes there")
    assert not both.exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["plann"], ["unknown verb 'plann'", "did you mean 'plan'?", "compare"]),
        (["plan"], ["WORKLOAD", "heddle plan --help"]),
        (["plan", "W", "--seeds"], ["--seeds"]),
        (["plan", "W", "--solver", "exat"], ["unknown solver 'exat'", "did you mean 'exact'?"]),
        (["plan", "W", "--objective", "cost"], ["'cost'", "'gpus', 'price'"]),
        (["plan", "W", "--seed", "-1"], ["--seed", "at least 0", "'-1'"]),
        (["plan", "W", "--time-limit", "0"], ["--time-limit", "above 0", "'0'"]),
        (["plan", "W", "--time-limit", "nan"], ["--time-limit", "above 0", "'nan'"]),
        (["whatif", "W", "--set", "chat.rate_rps"], ["--set", "service.key=value"]),
        (["whatif", "W", "--set", "chat.rate_rps=0"], ["--set: chat.rate_rps", "above 0"]),
        (["whatif", "W", "--set", "caht.rate_rps=9"], ["--set", "did you mean 'chat'?"]),
        (["whatif", "W", "--set", "chat.rate=9"], ["--set: chat.rate", "'rate_rps'"]),
        (["whatif", "W", "--forbid", "1g.11gb"], ["--forbid", "did you mean '1g.10gb'?"]),
        (["whatif", "W", "--gpus", "H100-80G"], ["did you mean 'H100-80GB'?"]),
        (["whatif", "W", "--gpus", "Thor-iGPU"], ["Thor-iGPU", "not published"]),
        (["whatif", "W", "--gpus", "T4,T4-16GB"], ["T4-16GB stands twice"]),
        (["compare", "W", "--solvers", "exact,cms-schema"], ["did you mean 'cms-scheme'?"]),
        (["compare", "W", "--solvers", ""], ["unknown solver ''"]),
        (["compare", "W", "--svg", "none/chart.svg"], ["there is no folder 'none'"]),
        (["gpus", "A30-23GB"], ["did you mean 'A30-24GB'?"]),
        (["gpus", "--svg", "gpu.svg"], ["--svg draws one type"]),
        (["gpus", "--file", "none.yaml"], ["none.yaml", "no such file"]),
        (["study", "none.csv"], ["none.csv", "no such file"]),
        (["study", "table.csv", "--model", "brt"], ["did you mean 'bert'?"]),
        (["study", "table.csv", "--svg", "table.csv"], ["it is read; name another"]),
        (["generate", "-o", "made"], ["--services N and --gpus M, or --paper"]),
        (["generate", "--paper", "--gpus", "9", "-o", "made"], ["--paper fixes"]),
        (["generate", "--services", "0", "--gpus", "9", "-o", "made"], ["at least 1"]),
        (["generate", "--services", "1" + "0" * 9, "--gpus", "9", "-o", "made"], ["100,000"]),
        (["generate", "--services", "30", "--gpus", "1", "-o", "made"], ["need more than 1 GPU"]),
        (["generate", "--services", "3", "--gpus", "3", "-o", "table.csv"], ["folder"]),
        (
            ["generate", "--services", "3", "--gpus", "3", "--gpu-type", "T4", "-o", "made"],
            ["no rows of T4-16GB"],
        ),
        (["import", "parvagpu", "none", "-o", "made"], ["none", "cannot read this folder"]),
        (["import", "tritn", "x"], ["'tritn'", "'triton'"]),
        (["cms", "none.json", "--algorithm", "log"], ["none.json", "no such file"]),
        (["cms", "table.csv", "--algorithm", "lgo"], ["did you mean 'log'?"]),
        (["cms", "table.csv", "--algorithm", "log"], ["table.csv:1", "not valid JSON"]),
        (["bench", "planer"], ["did you mean 'planner'?"]),
        (["bench", "planner", "--day"], ["of serving, not of planner"]),
        (["verify", "W", "none.json"], ["none.json", "no such file"]),
    ],
    ids=" ".join,
)
def test_a_wrong_command_line_is_refused(
    words: list[str],
    said: list[str],
    tmp_path: Path,
    heddle: Heddle,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    path = small_workload(tmp_path)
    assert_refused(heddle(*[path if word == "W" else word for word in words]), *said)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["table.csv", "workload.yaml"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("A100-80GB has no such file\n", "header: expected a column 'Inferences/Second'"),
        ("Inferences/Second,p98 latency\n1,2\n", "missing column 'p99 latency'"),
        ("Inferences/Second,p99 latency\n0,0\n", "every throughput is 0"),
        ("Inferences/Second,p99 latency\nmany,5\n", "Inferences/Second: expected a finite number"),
    ],
)
def test_a_wrong_triton_file_is_refused(
    text: str, said: str, tmp_path: Path, heddle: Heddle
) -> None:
    path, made = tmp_path / "triton.csv", tmp_path / "made.csv"
    path.write_text(text, encoding="utf-8")
    names = ["--gpu", "A100-80GB", "--profile", "1g.10gb", "--model", "bert"]
    assert_refused(heddle("import", "triton", path, *names, "-o", made), str(path), said)
    assert not made.exists()


DEPLOYMENT_SLIPS = {
    "not JSON": slip('{"version":1', '"version":1', ":1: not valid JSON"),
    "cut short": slip('"has_fitted_points"', '"', "not valid JSON"),
    "a list": slip('{"version":1', '[{"version":1', "not valid JSON"),
    "another version": slip('"version":1', '"version":2', "version", "found 2"),
    "no version": slip('"version":1,', "", "missing key 'version'"),
    "a key twice": slip('"version":1', '"version":1,"version":1', "stands twice"),
    "unknown key": slip('"node"', '"nod"', "gpus[0]", "did you mean 'node'?"),
    "missing key": slip('"start":0,', "", "gpus[0].instances[0]", "missing key 'start'"),
    "a rate in words": slip('"rate_rps":100', '"rate_rps":"100"', "services.chat.rate_rps"),
    "a negative start": slip('"start":0', '"start":-1', "instances[0].start", "found -1"),
    "half a batch": slip('"batch":8', '"batch":8.5', ".batch", "whole number"),
    "no number": slip('"gap":0', '"gap":NaN', "certificate.gap", "finite"),
    "an infinite number": slip('"gap":0', '"gap":1e999', "certificate.gap", "finite"),
    "a number beyond bounds": slip('"gap":0', '"gap":1' + "0" * 400, "certificate.gap", "bounds"),
    "unknown basis": slip('"basis":"prices"', '"basis":"price"', "basis", "'prices'?"),
    "optimal perhaps": slip('"is_proved_optimal":true', '"is_proved_optimal":1', "true or false"),
    "nested beyond reason": slip('"gpus":[', '"gpus":[' + "[" * 99_999, "not valid JSON"),
}


@pytest.mark.parametrize("kind", DEPLOYMENT_SLIPS)
def test_a_malformed_deployment_is_refused(kind: str, tmp_path: Path, heddle: Heddle) -> None:
    wrong = DEPLOYMENT_SLIPS[kind]
    workload, plan = small_workload(tmp_path), tmp_path / "plan.json"
    assert heddle("plan", workload, "-o", plan).exit_code == 0
    text = plan.read_text(encoding="utf-8")
    plan.write_text(replaced(text, wrong.old, wrong.new), encoding="utf-8")
    assert_refused(heddle("verify", workload, plan), str(plan), *wrong.said)


def test_a_deployment_of_300_mib_is_refused(tmp_path: Path, heddle: Heddle) -> None:
    plan = tmp_path / "plan.json"
    with plan.open("wb") as stream:
        stream.truncate(300 * 1024 * 1024)
    assert_refused(heddle("verify", scenario(1), plan), "300 MiB", "at most 256 MiB")


def test_an_option_that_a_solver_lacks_is_refused_by_name(tmp_path: Path, heddle: Heddle) -> None:
    path = small_workload(
        tmp_path, workload=replaced(WORKLOAD, CHAT, f"{CHAT[:-1]}, keep_apart: [vision]}}")
    )
    answer = heddle("plan", path, "--solver", "cms-log")
    assert_refused(answer, "'cms-log'", "keep_apart", "a limited count of GPUs", "exact")


def test_placement_options_that_cannot_be_met_are_an_honest_no(
    tmp_path: Path, heddle: Heddle
) -> None:
    one_gpu = replaced(WORKLOAD, "count: 4", "count: 1")
    path = small_workload(
        tmp_path, workload=replaced(one_gpu, CHAT, f"{CHAT[:-1]}, keep_apart: [vision]}}")
    )
    outputs = output_folder(tmp_path)
    answer = heddle("plan", path, "-o", outputs / "deployment.json")
    assert answer.exit_code == 1
    assert answer.out == ""
    assert "no plan exists" in answer.err
    assert answer.err.count("\n") == 1
    assert_untouched(outputs)


@pytest.mark.parametrize("verb", ["whatif", "compare"])
def test_comparing_without_any_plan_is_an_honest_no(
    verb: str, tmp_path: Path, heddle: Heddle
) -> None:
    one_gpu = replaced(WORKLOAD, "count: 4", "count: 1")
    path = small_workload(
        tmp_path, workload=replaced(one_gpu, CHAT, f"{CHAT[:-1]}, keep_apart: [vision]}}")
    )
    answer = heddle(verb, path)
    assert answer.exit_code == 1
    assert "no plan exists" in answer.out


def test_a_process_ends_with_the_same_message_and_code(tmp_path: Path) -> None:
    path = small_workload(tmp_path, workload=replaced(WORKLOAD, "rate_rps: 100", "rate_rps: .nan"))
    assert_refused(heddle_process("plan", path), ":7: services[0].rate_rps", "found nan")
    assert_refused(heddle_process("plann"), "unknown verb 'plann'")
    assert_refused(heddle_process("plan", path, "--time-limit", "soon"), "--time-limit", "'soon'")


def test_no_verb_prints_the_help_on_stderr(heddle: Heddle) -> None:
    answer = heddle()
    assert answer.exit_code == 2
    assert answer.out == ""
    assert "verbs:" in answer.err
