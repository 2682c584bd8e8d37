"""A performance table is read row by row, or refused with its line and column."""

from collections.abc import Callable
from pathlib import Path

import pytest

from heddle.cluster.catalogue import builtin_catalogue
from heddle.documents import MIB
from heddle.errors import InputError
from heddle.workload.performance import OperatingPoint
from heddle.workload.performance_file import load_performance

HEADER = "gpu,profile,model,batch,processes,rate_rps,latency_ms"
ROW = "A100-80GB,1g.10gb,bert,1,2,104.84,19"

Load = Callable[[str], tuple[OperatingPoint, ...]]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return tmp_path / "table.csv"


@pytest.fixture
def load(table: Path) -> Load:
    def write_and_load(text: str) -> tuple[OperatingPoint, ...]:
        table.write_bytes(text.encode())
        return load_performance(table, builtin_catalogue())

    return write_and_load


def refusal(load: Load, text: str) -> InputError:
    with pytest.raises(InputError) as caught:
        load(text)
    return caught.value


def test_a_row_becomes_an_operating_point(load: Load, table: Path) -> None:
    (point,) = load(f"{HEADER}\n{ROW}\n")
    assert point == OperatingPoint("A100-80GB", "1g.10gb", "bert", 1, 2, 104.84, 19.0)
    assert (point.location.file, point.location.line) == (table, 2)


def test_columns_may_stand_in_any_order(load: Load) -> None:
    (point,) = load(
        "memory_mib,latency_ms,rate_rps,percentile,processes,batch,model,profile,gpu\n"
        "5000,19,104.84,99.9,2,1,bert,1g.10gb,A100-PCIE-80GB\n"
    )
    assert point == OperatingPoint(
        "A100-80GB", "1g.10gb", "bert", 1, 2, 104.84, 19.0, percentile=99.9, memory_mib=5000.0
    )


def test_an_empty_optional_cell_means_not_measured(load: Load) -> None:
    (point,) = load(f"{HEADER},percentile,memory_mib\n{ROW},,\n")
    assert (point.percentile, point.memory_mib) == (None, None)


def test_comments_blank_lines_and_other_line_ends_are_accepted_and_counted(load: Load) -> None:
    text = f"\ufeff# source\r\n\r\n{HEADER}\r\n# one, two\r\n , ,,,,,\r\n {ROW} \r\n"
    assert [point.location.line for point in load(text)] == [6]
    assert load(f"{HEADER}\r{ROW}\r")[0].location.line == 2


@pytest.mark.parametrize(
    ("rate", "read"),
    [
        ("104.8400009", 104.84),
        ("0.0000019", 1e-6),
        ("1e3", 1000.0),
        ("  7.5 ", 7.5),
        (".5", 0.5),
        ("99999999.9999999", 99999999.999999),
    ],
)
def test_a_rate_is_read_to_a_millionth_rounded_down(load: Load, rate: str, read: float) -> None:
    assert load(f"{HEADER}\nA100-80GB,1g.10gb,bert,1,1,{rate},13\n")[0].rate_rps == read


BAD_CELLS = [
    ("gpu", "A100-80", "unknown GPU type 'A100-80' (did you mean 'A100-80GB'?)"),
    ("gpu", "", "found an empty cell"),
    ("profile", "1g.10g", "A100-80GB has no profile '1g.10g' (did you mean '1g.10gb'?)"),
    ("profile", "1g.5gb", "A100-80GB has no profile '1g.5gb'"),
    ("profile", "whole", "A100-80GB has no profile 'whole'"),
    ("model", "", "found an empty cell"),
    ("model", '"be\nrt"', "expected a word on one line"),
    ("batch", "0", "expected a whole number of at least 1, found 0"),
    ("batch", "-1", "expected a whole number of at least 1"),
    ("batch", "1.5", "expected a whole number, found '1.5'"),
    ("batch", "", "expected a whole number, found an empty cell"),
    ("processes", "0", "expected a whole number of at least 1"),
    ("processes", "two", "expected a whole number, found 'two'"),
    ("rate_rps", "0", "expected a number above 0"),
    ("rate_rps", "-1", "expected a number above 0"),
    ("rate_rps", "nan", "expected a finite number, found 'nan'"),
    ("rate_rps", "inf", "expected a finite number, found 'inf'"),
    ("rate_rps", "-Infinity", "expected a finite number"),
    ("rate_rps", "1_000", "expected a finite number, found '1_000'"),
    ("rate_rps", '"1,000"', "expected a finite number, found '1,000'"),
    ("rate_rps", "1e400", "of at most 1e+08"),
    ("rate_rps", "1e10", "of at most 1e+08"),
    ("rate_rps", "0.0000009", "expected at least a millionth of a request/s"),
    ("rate_rps", "9" * 100 + "x", "..."),
    ("latency_ms", "0", "expected a number above 0"),
    ("latency_ms", "nan", "expected a finite number"),
    ("latency_ms", "1e-400", "expected a number above 0"),
    ("latency_ms", "1e300", "of at most"),
    ("percentile", "0", "expected a number above 0"),
    ("percentile", "101", "of at most 100"),
    ("memory_mib", "-5", "expected a number above 0"),
    ("memory_mib", "11039", "11,039 MiB do not fit 1g.10gb of A100-80GB: 1g.10gb has 9,856 MiB"),
]


@pytest.mark.parametrize(("column", "cell", "message"), BAD_CELLS)
def test_a_bad_cell_is_refused_with_its_line_and_column(
    load: Load, table: Path, column: str, cell: str, message: str
) -> None:
    columns = [*HEADER.split(","), "percentile", "memory_mib"]
    cells = dict(zip(columns, [*ROW.split(","), "99", "9000"], strict=True)) | {column: cell}
    error = refusal(load, f"{','.join(columns)}\n\n{','.join(cells.values())}\n")
    assert message in error.message
    assert (error.location.file, error.location.key) == (table, column)
    assert error.location.line == (4 if "\n" in cell else 3)


def test_memory_may_exceed_the_listed_one_by_what_drivers_differ(load: Load) -> None:
    assert load(f"{HEADER},memory_mib\n{ROW},11038\n")[0].memory_mib == 11038.0
    with pytest.raises(InputError, match="do not fit 1g"):
        load(f"{HEADER},memory_mib\n{ROW},11039\n")


def test_memory_is_held_against_the_whole_gpu_where_the_profiles_is_not_known(load: Load) -> None:
    row = "T4,whole,bert,1,1,60,17"
    assert load(f"{HEADER},memory_mib\n{row},16000\n")[0].memory_mib == 16000.0
    error = refusal(load, f"{HEADER},memory_mib\n{row},20000\n")
    assert "do not fit whole of T4-16GB: the whole T4-16GB has 16,384 MiB" in error.message


BAD_HEADERS = [
    (HEADER.replace("latency_ms", "latency_s"), "unknown column 'latency_s' (did you mean"),
    (HEADER.replace(",batch", ""), "missing column 'batch'; needed: gpu, profile"),
    (HEADER + ",batch", "column 'batch' stands twice"),
    (HEADER + ",memory_gb", "unknown column 'memory_gb' (did you mean 'memory_mib'?)"),
    (HEADER + ",note", "unknown column 'note'; allowed: gpu"),
    (HEADER.upper(), "unknown column 'GPU' (did you mean 'gpu'?)"),
    (HEADER.replace(",", ";"), "unknown column"),
]


@pytest.mark.parametrize(("header", "message"), BAD_HEADERS)
def test_a_bad_header_is_refused(load: Load, header: str, message: str) -> None:
    error = refusal(load, f"# comment\n{header}\n{ROW}\n")
    assert message in error.message
    assert (error.location.line, error.location.key) == (2, "header")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (ROW + ",7", "expected 7 cells, as the header has, found 8"),
        (ROW.removesuffix(",19"), "expected 7 cells, as the header has, found 6"),
        (ROW.replace("bert", 'be"rt"').replace("be", '"be'), "not valid CSV"),
        (ROW.replace("bert", '"bert'), "not valid CSV: unexpected end of data"),
    ],
)
def test_a_row_of_another_shape_is_refused(load: Load, row: str, message: str) -> None:
    error = refusal(load, f"{HEADER}\n{row}\n")
    assert message in error.message
    assert error.location.line == 2


@pytest.mark.parametrize("second", [ROW, ROW.replace("104.84", "105"), ROW.replace(",19", ",18")])
def test_the_same_point_twice_is_refused_whatever_its_numbers(
    load: Load, table: Path, second: str
) -> None:
    alias = second.replace("A100-80GB", "A100-SXM4-80GB")
    error = refusal(load, f"{HEADER}\n{ROW}\n# between\n{alias}\n")
    assert f"was measured already at {table}:2" in error.message
    assert ("the same numbers" in error.message) == (second == ROW)
    assert error.location.line == 4


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the table is empty: it has no header"),
        ("# only a comment\n\n", "the table is empty: it has no header"),
        (f"{HEADER}\n", "the table has no rows below its header"),
    ],
)
def test_an_empty_table_is_refused(load: Load, table: Path, text: str, message: str) -> None:
    error = refusal(load, text)
    assert message in error.message
    assert error.location.file == table


def test_what_is_not_a_text_file_of_sane_size_is_refused(table: Path, tmp_path: Path) -> None:
    def refused(path: Path) -> str:
        with pytest.raises(InputError) as caught:
            load_performance(path, builtin_catalogue())
        assert caught.value.location.file == path
        return caught.value.message

    assert "there is no such file" in refused(tmp_path / "nowhere.csv")
    assert "is a directory" in refused(tmp_path)
    table.write_bytes(b"PK\x03\x04")
    assert "not a text file" in refused(table)
    with table.open("wb") as stream:
        stream.truncate(100 * MIB)
    assert "100 MiB; at most 64 MiB are read" in refused(table)
    table.write_text(f"{HEADER}\n{'x' * 200_000}\n")
    assert "not valid CSV: field larger than field limit" in refused(table)
