"""Ctrl-C in the middle of a run: the best plan and its bound are still printed, exit 130.

The commands run as processes with a terminal on stderr, where progress is shown in
place; the signal is sent once progress is seen.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from command_line import Answer, Heddle, heddle_process

pytestmark = pytest.mark.skipif(not hasattr(os, "openpty"), reason="needs a pseudo-terminal")


class Terminal:
    """A pseudo-terminal: a process writes into one end, the test reads the other."""

    def __init__(self) -> None:
        self._reading, self.writing = os.openpty()
        self.seen = b""

    def wait_for(self, words: bytes) -> None:
        """Read until the words have appeared; fail when the process ends first."""
        while words not in self.seen:
            piece = self._read()
            assert piece, f"ended before {words!r}: {self.seen!r}"
            self.seen += piece

    def read_to_the_end(self) -> None:
        while piece := self._read():
            self.seen += piece

    def close(self) -> None:
        os.close(self._reading)

    def _read(self) -> bytes:
        try:
            return os.read(self._reading, 4096)
        except OSError:  # what Linux says when the other end is closed
            return b""


@contextlib.contextmanager
def process_on(
    terminal: Terminal, *words: object
) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """Start a command line; its output goes into a file, so that it never waits for a reader."""
    with tempfile.NamedTemporaryFile() as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "heddle", *map(str, words)],
            stdout=out,
            stderr=terminal.writing,
            env={**os.environ, "PYTHONIOENCODING": "utf-8", "TERM": "xterm"},
        )
        os.close(terminal.writing)
        try:
            yield process, Path(out.name)
        finally:
            process.kill()
            process.wait()
            terminal.close()


def interrupted(*words: object) -> Answer:
    """Run a command line, interrupt it when progress is shown, and return how it ended."""
    terminal = Terminal()
    with process_on(terminal, *words) as (process, out):
        terminal.wait_for(b" s, ")
        process.send_signal(signal.SIGINT)
        terminal.read_to_the_end()
        exit_code = process.wait()
        return Answer(exit_code, out.read_text(encoding="utf-8"), terminal.seen.decode())


@pytest.fixture
def workload(tmp_path: Path, heddle: Heddle) -> Path:
    """A workload that ``genetic`` works on for much longer than it takes to see progress."""
    folder = tmp_path / "large"
    assert heddle("generate", "--services", 60, "--gpus", 400, "-o", folder).exit_code == 0
    return folder / "workload.yaml"


def test_an_interrupted_plan_is_printed_written_and_legal(workload: Path, tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    answer = interrupted("plan", workload, "--solver", "genetic", "-o", plan)
    assert answer.exit_code == 130, answer.err
    assert "heddle: stopping with the best plan so far" in answer.err
    assert "Traceback" not in answer.err
    assert "GPUs, at most " in answer.out
    assert "(bound " in answer.out
    certificate = json.loads(plan.read_text(encoding="utf-8"))["certificate"]
    assert certificate["lower_bound"] < certificate["objective"]
    assert heddle_process("verify", workload, plan).exit_code == 0


def test_an_interrupted_comparison_prints_what_it_has(workload: Path) -> None:
    answer = interrupted("compare", workload, "--solvers", "exact,genetic,whole")
    assert answer.exit_code == 130, answer.err
    solvers = [line.split()[0] for line in answer.out.partition("\n\n")[0].splitlines()[2:]]
    assert solvers == ["exact", "genetic"]


def test_an_interrupted_whatif_prints_the_plans_it_has(workload: Path) -> None:
    words = ["--solver", "genetic", "--forbid", "1g.10gb"]
    answer = interrupted("whatif", workload, *words)
    assert answer.exit_code == 130, answer.err
    assert "as it is" in answer.out
    assert "without 1g.10gb" not in answer.out


def test_a_second_interruption_ends_the_program(workload: Path) -> None:
    terminal = Terminal()
    with process_on(terminal, "plan", workload, "--solver", "genetic") as (process, out):
        terminal.wait_for(b" s, ")
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGINT)
        terminal.read_to_the_end()
        assert process.wait() == 130
        assert b"Traceback" not in terminal.seen
        assert out.exists()


def test_a_reader_that_goes_away_is_no_error(workload: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "heddle", "plan", str(workload), "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait() == 0
