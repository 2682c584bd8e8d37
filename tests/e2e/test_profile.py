"""``heddle profile`` and ``heddle zoo`` with real slices and real instance processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest

from command_line import Heddle, heddle_process
from heddle.cluster.catalogue import builtin_catalogue
from heddle.runtime.cpu.discovery import installation_name
from heddle.workload.performance_file import load_performance

QUICK = ("--seconds", "0.4", "--within", "0.5", "--no-neighbour")
DEADLINE_S = 60.0


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the profiler's folder, which this test has for itself."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state" / "heddle" / "profile"


def leftovers(state: Path) -> list[str]:
    """Return processes and control groups that belong to a state folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes()
        except OSError:
            continue
        if os.fsencode(state) in words:
            found.append(str(path))
    name = installation_name(state)
    return found + [str(path) for path in Path("/sys/fs/cgroup").glob(f"**/{name}")]


def wait_until(is_so: Callable[[], bool]) -> None:
    until_s = time.monotonic() + DEADLINE_S
    while not is_so():
        assert time.monotonic() < until_s, "waited in vain"
        os.sched_yield()


def test_a_profile_is_a_table_that_plans_read(state: Path, tmp_path: Path) -> None:
    table = tmp_path / "perf.csv"
    ended = heddle_process(
        "profile", "zoo:resnet8-32", "second=zoo:resnet8-32", "--profiles", "8c",
        "--batches", "1,2", *QUICK, "-o", table,
    )  # fmt: skip
    assert ended.exit_code == 0, ended.err
    points = load_performance(table, builtin_catalogue())
    assert [(point.model, point.batch) for point in points] == [
        ("resnet8-32", 1), ("resnet8-32", 2), ("second", 1), ("second", 2),
    ]  # fmt: skip
    assert all(point.percentile == 99 and point.gpu == "CPU-8" for point in points)
    assert all(point.memory_mib is not None and point.memory_mib > 10 for point in points)
    text = table.read_text(encoding="utf-8")
    assert "# machine: " in text
    assert "onnxruntime" in text
    assert "cores a unit" in ended.out
    assert leftovers(state) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_profile_leaves_and_writes_nothing(
    state: Path, tmp_path: Path, number: signal.Signals
) -> None:
    table = tmp_path / "perf.csv"
    words = [
        "profile",
        "zoo:resnet8-32",
        "--profiles",
        "8c",
        "--seconds",
        "60",
        "--within",
        "0.0001",
    ]
    with subprocess.Popen(
        [sys.executable, "-m", "heddle", *words, "-o", str(table)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as running:  # fmt: skip
        log = state / "starts" / "1" / "log"
        wait_until(lambda: log.is_file() and "ready" in log.read_text(encoding="utf-8"))
        running.send_signal(number)
        _, err = running.communicate(timeout=DEADLINE_S)
    assert running.returncode == 130
    assert "Traceback" not in err
    assert not table.exists()
    assert leftovers(state) == []


def test_a_file_that_is_no_network_is_refused_with_its_path(
    heddle: Heddle, state: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.onnx"
    broken.write_text("not a network", encoding="utf-8")
    ended = heddle("profile", broken, "--profiles", "8c", *QUICK, "-o", tmp_path / "perf.csv")
    assert ended.exit_code == 2
    assert "broken.onnx: expected an ONNX file" in ended.err
    assert not (tmp_path / "perf.csv").exists()
    assert leftovers(state) == []


def test_a_gpu_that_is_not_there_is_an_error_of_the_input(heddle: Heddle, state: Path) -> None:
    ended = heddle("profile", "zoo:resnet8-32", "--device", "cuda:99")
    assert ended.exit_code == 2
    assert "there is no cuda:99 here" in ended.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("missing.onnx",), "no such file"),
        (("bert-tiny",), "did you mean zoo:bert-tiny"),
        (("zoo:bert-tny",), "did you mean 'bert-tiny'"),
        (("zoo:bert-tiny", "zoo:bert-tiny"), "two networks are called 'bert-tiny'"),
        (("zoo:bert-tiny", "--device", "tpu"), "unknown device 'tpu'"),
        (("zoo:bert-tiny", "--profiles", "3c"), "has no profile '3c'"),
        (("zoo:bert-tiny", "--batches", "0"), "at least 1"),
        (("zoo:bert-tiny", "--confidence", "1"), "between 0 and 1"),
    ],
)
def test_bad_words_are_refused_before_anything_is_measured(
    heddle: Heddle, state: Path, words: tuple[str, ...], message: str
) -> None:
    ended = heddle("profile", *words)
    assert ended.exit_code == 2
    assert message in ended.err


def test_a_network_of_the_zoo_is_written_as_a_valid_file(heddle: Heddle, tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    ended = heddle("zoo", "resnet8-32", "-o", path)
    assert ended.exit_code == 0
    onnx.checker.check_model(str(path), full_check=True)


def test_the_zoo_lists_and_describes_its_networks(heddle: Heddle) -> None:
    assert "mobilenet-tiny" in heddle("zoo").out
    assert "tokens int64 128" in heddle("zoo", "bert-tiny").out
    assert heddle("zoo", "bert-tny").exit_code == 2
