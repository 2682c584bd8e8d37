"""The ParvaGPU artefact's files become a table and one workload a scenario."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from heddle.cluster.catalogue import builtin_catalogue
from heddle.errors import InputError
from heddle.workload.files import load_workload
from heddle.workload.importers.parvagpu import (
    CITATION,
    import_parvagpu,
    write_parvagpu,
)
from heddle.workload.performance import OperatingPoint
from heddle.workload.performance_file import load_performance
from heddle.workload.service import Service
from heddle.workload.tables import PARVAGPU_A100_80GB
from heddle.workload.workload_writer import performance_csv

ROOT = Path(__file__).parents[3]
ARTEFACT = Path(os.environ.get("HEDDLE_DATA", ROOT.parent / "shared" / "data")) / "parvagpu-sc24"
needs_artefact = pytest.mark.skipif(
    not ARTEFACT.exists(),
    reason="no parvagpu-sc24: set HEDDLE_DATA to the folder of public data",
)

HEADER = "Mig instance,Batch size,Workload Number,Throughput,Latency"
FILES = {
    "prof_data/bert.csv": f"{HEADER}\r\n1,1,2,52.42,0.019\r\n1,1,1,74.408,0.013\r\n1,2,1,0,0\r\n",
    "prof_data/vgg16.csv": f"{HEADER}\r\n7,4,3,0.1,0.0035\r\n",
    "SLO/SLO_latency.csv": "100,N/A\r\n418.5,60",
    "SLO/SLO_req_rate.csv": "19,N/A\r\n46,353\r\n",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(text.encode())
    return tmp_path


def test_rates_are_of_all_processes_and_latencies_in_milliseconds_exactly(folder: Path) -> None:
    table = import_parvagpu(folder).table
    assert table.points == (
        OperatingPoint("A100-80GB", "1g.10gb", "bert", 1, 2, 104.84, 19.0),
        OperatingPoint("A100-80GB", "1g.10gb", "bert", 1, 1, 74.408, 13.0),
        OperatingPoint("A100-80GB", "7g.80gb", "vgg16", 4, 3, 0.3, 3.5),
    )
    assert table.summary == "4 rows read, 3 points kept; 1 row of zeros left out (not measured)"


def test_a_scenario_has_the_services_that_are_not_absent(folder: Path) -> None:
    first, second = import_parvagpu(folder).scenarios
    assert (first.name, second.name) == ("s1", "s2")
    assert first.services == (Service("bert", "bert", 19.0, 100.0),)
    assert second.services == (
        Service("bert", "bert", 46.0, 418.5),
        Service("vgg16", "vgg16", 353.0, 60.0),
    )


def test_the_slo_folder_is_found_in_small_letters_too(folder: Path) -> None:
    expected = import_parvagpu(folder)
    (folder / "SLO").rename(folder / "slo")
    assert import_parvagpu(folder) == expected


def test_what_is_written_reads_back_as_it_was(folder: Path, tmp_path: Path) -> None:
    imported = import_parvagpu(folder)
    out = tmp_path / "out"
    out.mkdir()
    written = write_parvagpu(imported, out)
    assert [path.name for path in written] == ["a100-80gb.csv", "s1.yaml", "s2.yaml"]
    for path, scenario in zip(written[1:], imported.scenarios, strict=True):
        workload = load_workload(path)
        assert workload.services == scenario.services
        assert tuple(workload.performance) == imported.table.points
        assert [pool.gpu_type.name for pool in workload.fleet] == ["A100-80GB"]
        assert {service.latency_fraction for service in workload.services} == {0.5}


def rewrite(name: str, old: str, new: str) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        text = (folder / name).read_bytes().decode()
        assert old in text
        (folder / name).write_bytes(text.replace(old, new, 1).encode())

    return edit


def remove(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


BERT = "prof_data/bert.csv"
RATES = "SLO/SLO_req_rate.csv"
BAD = [
    (rewrite(BERT, "Latency", "Latencies"), BERT, 1, "unknown column 'Latencies' (did you mean"),
    (rewrite(BERT, ",Latency", ""), BERT, 1, "missing column 'Latency'"),
    (rewrite(BERT, "1,1,2", "5,1,2"), BERT, 2, "expected one of 1, 2, 3, 4, 7 compute slices"),
    (rewrite(BERT, "52.42", "nan"), BERT, 2, "expected a finite number, found 'nan'"),
    (rewrite(BERT, "52.42", "0"), BERT, 2, "expected a number above 0"),
    (rewrite(BERT, "0.019", "-1"), BERT, 2, "expected a number above 0"),
    (rewrite(BERT, "1,1,2,", "1,1,1,"), BERT, 3, "was measured already at"),
    (rewrite(RATES, "19,N/A", "19,20"), RATES, 1, "N/A stands in only one of"),
    (rewrite(RATES, "19,N/A", "19"), RATES, 1, "expected 2 cells, one per file of prof_data"),
    (rewrite(RATES, "19,N/A\r\n", ""), RATES, None, "1 scenarios, but SLO_latency.csv has 2"),
    (rewrite(RATES, "46,", "zero,"), RATES, 2, "expected a finite number, found 'zero'"),
    (rewrite(RATES, "19,N/A\r\n46,353\r\n", ""), RATES, None, "the table is empty"),
    (remove("SLO/SLO_latency.csv"), "SLO/SLO_latency.csv", None, "there is no such file"),
    (lambda f: (f / "SLO").rename(f / "other"), "", None, "expected a folder 'slo' in it"),
    (lambda f: (f / "prof_data").rename(f / "data"), "", None, "expected a folder 'prof_data'"),
]


@pytest.mark.parametrize(("edit", "name", "line", "message"), BAD)
def test_a_folder_in_another_layout_is_refused(
    folder: Path, edit: Callable[[Path], object], name: str, line: int | None, message: str
) -> None:
    edit(folder)
    with pytest.raises(InputError) as caught:
        import_parvagpu(folder)
    assert message in caught.value.message
    assert (caught.value.location.file, caught.value.location.line) == (folder / name, line)


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read this folder: no such file"):
        import_parvagpu(tmp_path / "nowhere")


def test_no_model_at_all_is_refused(folder: Path) -> None:
    for path in (folder / "prof_data").iterdir():
        path.unlink()
    with pytest.raises(InputError, match="expected one CSV file per model"):
        import_parvagpu(folder)


def test_a_scenario_without_services_is_refused(folder: Path) -> None:
    for path in (folder / "SLO").iterdir():
        path.write_text("N/A,N/A\n")
    with pytest.raises(InputError, match="the scenario has no service"):
        import_parvagpu(folder)


@needs_artefact
def test_the_packaged_table_is_what_the_importer_makes_of_the_artefact() -> None:
    imported = import_parvagpu(ARTEFACT)
    assert imported.table.num_rows == 11 * 225
    assert len(imported.table.points) == 11 * 225 - 728
    assert PARVAGPU_A100_80GB.read_text() == performance_csv(imported.table.points, CITATION)
    assert load_performance(PARVAGPU_A100_80GB, builtin_catalogue()) == imported.table.points


@needs_artefact
def test_the_example_scenarios_are_what_the_importer_makes_of_the_artefact(tmp_path: Path) -> None:
    (tmp_path / "performance").mkdir()
    (tmp_path / "01-parvagpu").mkdir()
    written = write_parvagpu(
        import_parvagpu(ARTEFACT),
        tmp_path / "01-parvagpu",
        "../performance/a100-80gb.csv",
        CITATION,
    )
    assert len(written) == 7
    for path in written:
        relative = path.resolve().relative_to(tmp_path.resolve())
        assert path.read_text() == (ROOT / "examples" / relative).read_text()
