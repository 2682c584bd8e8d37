"""What perf_analyzer and Model Analyzer write becomes operating points."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from heddle.cluster.catalogue import builtin_catalogue
from heddle.errors import InputError
from heddle.workload.importers.imported import ImportedTable, write_table
from heddle.workload.importers.triton import TritonSettings, import_triton
from heddle.workload.performance import OperatingPoint
from heddle.workload.performance_file import load_performance

SETTINGS = TritonSettings("A100-PCIE-80GB", "1g.10gb", "inception")

# Headers as the programs write them; the rows are in order of throughput.
PERF = """\
Concurrency,Inferences/Second,Client Send,Network+Server Send/Recv,Server Queue,\
Server Compute Input,Server Compute Infer,Server Compute Output,Client Recv,\
p50 latency,p90 latency,p95 latency,p99 latency
1,69.2,225,2148,64,206,11781,19,0,13891,18795,19753,21018
3,84.2,237,1768,21673,209,11742,17,0,35398,43984,47085,51701
4,84.2,279,1604,33669,233,11731,18,1,47045,56545,59225,64886
2,87.2,235,1973,9151,190,11346,17,0,21874,28557,29768,34766
"""
VERBOSE = """\
Request Rate,Inferences/Second,Client Send,Client Recv,p50 latency,p90 latency,p95 latency,\
p99 latency,Avg latency,request/response,response wait,Avg GPU Utilization,\
Avg GPU Power Usage,Max GPU Memory Usage,Total GPU Memory
100,99.5,1,1,8000,9000,9500,9900,8100,2,8098,GPU-1a:0.5;,GPU-1a:70;,GPU-1a:1.57286e+09;,GPU-1a:8e+10;
"""
MODEL_ANALYZER = """\
Model,Batch,Concurrency,Model Config Path,Instance Group,Max Batch Size,Satisfies Constraints,\
Throughput (infer/sec),p99 Latency (ms)
resnet,8,16,resnet_config_1,2:GPU,8,Yes,195.0,80.5
resnet,8,8,resnet_config_1,2:GPU,8,Yes,164.0,48.1
resnet,1,2,resnet_config_0,1:GPU,8,No,90.0,11.0
bert,1,1,bert_config_0,1:GPU + 1:CPU,0,Yes,40.0,25.0

"""

Import = Callable[..., ImportedTable]


@pytest.fixture
def load(tmp_path: Path) -> Import:
    def write_and_import(text: str, settings: TritonSettings = SETTINGS) -> ImportedTable:
        (tmp_path / "measured.csv").write_text(text)
        return import_triton(tmp_path / "measured.csv", settings)

    return write_and_import


def test_the_row_of_highest_throughput_is_kept(load: Import) -> None:
    table = load(PERF)
    assert table.points == (
        OperatingPoint("A100-80GB", "1g.10gb", "inception", 1, 1, 87.2, 34.766, percentile=99.0),
    )
    assert table.points[0].location.line == 5
    assert table.summary == (
        "4 rows read, 1 point kept; 3 rows at another load, with less throughput"
    )


def test_a_latency_limit_leaves_out_rows_that_mostly_queue(load: Import) -> None:
    table = load(PERF, replace(SETTINGS, latency_limit_ms=34.0))
    assert [(p.rate_rps, p.latency_ms) for p in table.points] == [(69.2, 21.018)]
    assert table.notes == ("3 rows above 34 ms",)
    with pytest.raises(InputError, match="within 20 ms; line 2 comes closest with 21"):
        load(PERF, replace(SETTINGS, latency_limit_ms=20.0))


def test_of_equal_throughput_the_lower_latency_is_kept(load: Import) -> None:
    assert load("\n".join(PERF.splitlines()[:4])).points[0].latency_ms == 51.701


def test_batch_processes_and_percentile_are_as_stated(load: Import) -> None:
    settings = replace(SETTINGS, batch=4, processes=3, percentile=50.0)
    (point,) = load(PERF, settings).points
    assert (point.batch, point.processes, point.percentile) == (4, 3, 50.0)
    assert (point.rate_rps, point.latency_ms) == (87.2, 21.874)


def test_the_mean_and_the_memory_of_a_verbose_file_are_read(load: Import) -> None:
    (point,) = load(VERBOSE, replace(SETTINGS, percentile=None)).points
    assert (point.percentile, point.latency_ms) == (None, 8.1)
    assert point.memory_mib == pytest.approx(1500, abs=0.01)


def test_memory_of_several_gpus_is_left_out_and_too_much_is_refused(load: Import) -> None:
    one = "GPU-1a:1.57286e+09;"
    (point,) = load(VERBOSE.replace(one, one + "GPU-2b:5e+09;")).points
    assert point.memory_mib is None
    with pytest.raises(InputError, match="57,220 MiB do not fit 1g"):
        load(VERBOSE.replace(one, "GPU-1a:6e+10;"))


def test_model_analyzer_rows_say_their_batch_and_instances(load: Import) -> None:
    table = load(MODEL_ANALYZER, replace(SETTINGS, model="resnet", batch=99, processes=99))
    assert [(p.batch, p.processes, p.rate_rps, p.latency_ms) for p in table.points] == [
        (1, 1, 90.0, 11.0),
        (8, 2, 195.0, 80.5),
    ]
    assert table.num_rows == 3
    assert {p.model for p in table.points} == {"resnet"}


def test_the_instances_on_a_gpu_count(load: Import) -> None:
    (point,) = load(MODEL_ANALYZER, replace(SETTINGS, model="bert")).points
    assert (point.processes, point.rate_rps) == (1, 40.0)
    older = MODEL_ANALYZER.replace("2:GPU", "3/GPU")
    assert load(older, replace(SETTINGS, model="resnet")).points[-1].processes == 3
    with pytest.raises(
        InputError, match="expected instances on a GPU such as 2:GPU, found '1:CPU'"
    ):
        load(MODEL_ANALYZER.replace("1:GPU + 1:CPU", "1:CPU"), replace(SETTINGS, model="bert"))


def test_the_only_model_of_a_file_may_go_by_another_name(load: Import) -> None:
    only = "".join(line for line in MODEL_ANALYZER.splitlines(keepends=True) if "bert" not in line)
    assert {point.model for point in load(only).points} == {"inception"}
    with pytest.raises(InputError, match=r"no row has model 'resne' \(did you mean 'resnet'\?\)"):
        load(MODEL_ANALYZER, replace(SETTINGS, model="resne"))


@pytest.mark.parametrize("column", ["Max GPU Memory Usage (MB)", "GPU Memory Usage (MB)"])
def test_memory_of_model_analyzer_is_read_where_it_is(load: Import, column: str) -> None:
    lines = [line for line in MODEL_ANALYZER.splitlines() if line]
    text = "\n".join([f"{lines[0]},{column}", *(f"{line},1099.0" for line in lines[1:])])
    assert load(text, replace(SETTINGS, model="bert")).points[0].memory_mib == 1099.0


def test_a_row_that_served_nothing_is_left_out(load: Import) -> None:
    table = load(PERF.replace("87.2", "0"))
    assert table.points[0].rate_rps == 84.2
    assert "1 row served nothing" in table.notes
    lines = PERF.splitlines()
    with pytest.raises(InputError, match="no row served anything"):
        load("\n".join([lines[0], lines[1].replace("69.2", "0")]))


BAD = [
    (PERF.replace("99 latency", "98 latency"), 1, "missing column 'p99 latency' (found 'p98 lat"),
    (PERF.replace("Inferences/Second", "Inference/Second"), 1, "'Inference/Second' comes closest"),
    ("Model,GPU ID,GPU Memory Usage (MB)\nx,0,1\n", 1, "metrics-model-inference.csv"),
    (PERF.splitlines()[0], 1, "no rows below its header"),
    (PERF.replace("69.2", "nan"), 2, "expected a finite number, found 'nan'"),
    (PERF.replace("69.2", "-1"), 2, "expected a number above 0"),
    (PERF.replace("21018", "0"), 2, "expected a number above 0"),
    (PERF.replace("21018", ""), 2, "expected a finite number, found an empty cell"),
    ("", None, "the table is empty"),
]


@pytest.mark.parametrize(("text", "line", "message"), BAD)
def test_a_file_of_another_kind_is_refused(
    load: Import, tmp_path: Path, text: str, line: int | None, message: str
) -> None:
    with pytest.raises(InputError) as caught:
        load(text)
    assert message in caught.value.message
    assert caught.value.location.file == tmp_path / "measured.csv"
    assert caught.value.location.line == line


def test_several_models_in_one_measurement_are_refused(load: Import) -> None:
    text = MODEL_ANALYZER.replace("bert,1,1,", '"bert,x","1,1","1,1",')
    with pytest.raises(InputError, match="expected a whole number, found '1,1'"):
        load(text, replace(SETTINGS, model="bert,x"))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (replace(SETTINGS, gpu="A100"), "unknown GPU type 'A100'"),
        (replace(SETTINGS, profile="1g.5gb"), "A100-80GB has no profile '1g.5gb'"),
        (replace(SETTINGS, batch=0), "batch and processes are whole numbers of at least 1"),
        (replace(SETTINGS, processes=0), "batch and processes are whole numbers of at least 1"),
        (replace(SETTINGS, percentile=101.0), "expected a percentile above 0 and at most 100"),
        (replace(SETTINGS, percentile=95.0, latency_limit_ms=0.0), "a latency limit above 0 ms"),
        (replace(SETTINGS, latency_limit_ms=float("nan")), "a latency limit above 0 ms"),
    ],
)
def test_settings_that_make_no_sense_are_refused(
    load: Import, settings: TritonSettings, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        load(PERF, settings)


def test_what_is_written_reads_back_as_it_was(load: Import, tmp_path: Path) -> None:
    table = load(MODEL_ANALYZER, replace(SETTINGS, model="resnet"))
    write_table(table, tmp_path / "out.csv", ["measured with Model Analyzer"])
    assert load_performance(tmp_path / "out.csv", builtin_catalogue()) == table.points
    with pytest.raises(InputError, match="cannot write this file"):
        write_table(table, tmp_path / "nowhere" / "out.csv")
