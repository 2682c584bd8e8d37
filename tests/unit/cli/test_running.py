"""A run that is watched: when progress is shown, and what Ctrl-C does."""

from __future__ import annotations

import os
import signal

import pytest

from heddle.cli.running import Screen, StopSignal, watched_run
from heddle.clock import ManualClock
from heddle.optimizer.solver import Progress
from heddle.settings import Settings

TERMINAL = Settings(is_interactive=True)
PIPE = Settings(is_interactive=False)


def test_a_quick_run_shows_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    clock = ManualClock()
    screen = Screen(TERMINAL, clock)
    screen.show(Progress("first answer", best=9.0))
    clock.advance(0.7)
    screen.show(Progress("rounding", best=8.0, bound=7.0))
    screen.clear()
    assert capsys.readouterr().err == ""


def test_on_a_terminal_progress_is_drawn_in_place_and_wiped(
    capsys: pytest.CaptureFixture[str],
) -> None:
    clock = ManualClock()
    screen = Screen(TERMINAL, clock)
    clock.advance(1.0)
    screen.show(Progress("searching", best=1234.0, bound=7.5))
    screen.show(Progress("too soon"))
    clock.advance(0.2)
    screen.show(Progress("done"))
    screen.clear()
    drawn, shorter, blank, end = capsys.readouterr().err.split("\r")[1:]
    assert drawn == "  1.0 s, searching, best 1,234, bound 7.5"
    assert shorter.rstrip() == "  1.2 s, done"
    assert len(shorter) == len(drawn), "the rest of the longer line is wiped"
    assert not blank.strip()
    assert end == ""


def test_a_long_phase_is_shown_again_whenever_the_solver_polls(
    capsys: pytest.CaptureFixture[str],
) -> None:
    clock = ManualClock()
    screen = Screen(TERMINAL, clock)
    screen.show(Progress("searching"))
    for _ in range(3):
        clock.advance(1.0)
        screen.refresh()
    lines = [line.strip() for line in capsys.readouterr().err.split("\r")[1:]]
    assert lines == ["1.0 s, searching", "2.0 s, searching", "3.0 s, searching"]


def test_elsewhere_progress_is_an_occasional_line(capsys: pytest.CaptureFixture[str]) -> None:
    clock = ManualClock()
    screen = Screen(PIPE, clock, "exact")
    for _ in range(120):
        clock.advance(0.1)
        screen.show(Progress("searching"))
    screen.clear()
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(" s, ")[1] for line in lines] == ["searching"] * 2
    assert lines[0].startswith("heddle: exact:   5.")


def test_before_any_progress_there_is_nothing_to_show_again(
    capsys: pytest.CaptureFixture[str],
) -> None:
    clock = ManualClock()
    screen = Screen(TERMINAL, clock)
    clock.advance(10.0)
    screen.refresh()
    assert capsys.readouterr().err == ""


def test_the_first_ctrl_c_is_remembered_and_said_once_and_the_second_raises(
    capsys: pytest.CaptureFixture[str],
) -> None:
    stop = StopSignal()
    assert not stop.poll()
    stop.receive(signal.SIGINT, None)
    assert capsys.readouterr().err == "", "nothing is written while a signal is received"
    assert stop.poll()
    assert stop.poll()
    assert capsys.readouterr().err.count("stopping with the best plan so far") == 1
    with pytest.raises(KeyboardInterrupt):
        stop.receive(signal.SIGINT, None)


def test_a_watched_run_is_stopped_by_the_signal_and_puts_back_what_was_there() -> None:
    before = signal.getsignal(signal.SIGINT)
    with watched_run(None, seed=3) as run:
        assert run.seed == 3
        assert run.remaining_s() is None
        assert not run.is_over()
        os.kill(os.getpid(), signal.SIGINT)
        assert run.is_over()
        assert run.was_stopped()
    assert signal.getsignal(signal.SIGINT) is before
