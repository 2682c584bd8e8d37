"""A run that the user watches and may stop.

Progress goes to stderr: in place on a terminal, as an occasional line elsewhere.
Ctrl-C asks the solver for the best plan so far; a second one ends the program.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from heddle.clock import Clock, WallClock
from heddle.optimizer.solver import Progress, Run
from heddle.settings import Settings, load_settings

#: Seconds of quiet before progress is shown in place, and between its updates.
_QUIET_S = 0.8
_REDRAW_EVERY_S = 0.1
#: Seconds before and between lines where progress is not shown in place.
_LINE_EVERY_S = 5.0
_DEFAULT_TIME_LIMIT_S = 60.0


def add_run_arguments(parser: argparse.ArgumentParser) -> None:
    """Add ``--time-limit`` and ``--seed``."""
    parser.add_argument(
        "--time-limit",
        type=positive_number,
        default=_DEFAULT_TIME_LIMIT_S,
        metavar="S",
        help="seconds to plan; the best plan and bound until then are printed (default: 60)",
    )
    parser.add_argument(
        "--seed", type=natural_number, default=0, metavar="N", help="of every random choice"
    )


def positive_number(word: str) -> float:
    """Read a finite number above 0; argparse turns the error into a message."""
    try:
        number = float(word)
    except ValueError:
        number = -1.0
    if not 0 < number <= 1e12:
        raise argparse.ArgumentTypeError(f"expected a number above 0, found {word!r}")
    return number


def natural_number(word: str) -> int:
    """Read a whole number of at least 0."""
    if not (word.isascii() and word.isdigit()) or len(word) > 15:
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 0, found {word!r}")
    return int(word)


def counting_number(word: str) -> int:
    """Read a whole number of at least 1."""
    number = natural_number(word)
    if number < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1, found {word!r}")
    return number


@contextmanager
def watched_run(time_limit_s: float | None, seed: int, label: str = "") -> Iterator[Run]:
    """Yield a run whose progress is shown and that Ctrl-C stops."""
    stop = StopSignal()
    screen = Screen(load_settings(), WallClock(), label)

    def should_stop() -> bool:
        screen.refresh()
        return stop.poll()

    previous = signal.signal(signal.SIGINT, stop.receive)
    try:
        yield Run(
            seed=seed,
            time_limit_s=time_limit_s,
            should_stop=should_stop,
            on_progress=screen.show,
        )
    finally:
        signal.signal(signal.SIGINT, previous)
        screen.clear()


class StopSignal:
    """Remembers the first Ctrl-C, and says so when polled; the second raises.

    Nothing is written while the signal is received: that may be in the middle of
    writing something else.
    """

    def __init__(self) -> None:
        self._is_received = False
        self._is_announced = False

    def poll(self) -> bool:
        """Whether it was received."""
        if self._is_received and not self._is_announced:
            self._is_announced = True
            print("\nheddle: stopping with the best plan so far", file=sys.stderr)
        return self._is_received

    def receive(self, _number: int, _frame: FrameType | None) -> None:
        """Take note; KeyboardInterrupt the second time."""
        if self._is_received:
            raise KeyboardInterrupt
        self._is_received = True


class Screen:
    """Shows progress without ever getting in the way of the output.

    What a solver said last is shown again, with the time, whenever it polls for a stop:
    a phase that takes long does not look like a hang.
    """

    def __init__(self, settings: Settings, clock: Clock, label: str = "") -> None:
        self._settings = settings
        self._clock = clock
        self._label = f"{label}: " if label else ""
        self._started_s = clock.now_s()
        self._due_s = self._started_s + self._wait_s(_QUIET_S)
        self._width = 0
        self._progress: Progress | None = None

    def show(self, progress: Progress) -> None:
        """Take note of the progress, and show it when that is due."""
        self._progress = progress
        self.refresh()

    def refresh(self) -> None:
        """Show the last progress again when that is due."""
        now_s = self._clock.now_s()
        if self._progress is None or now_s < self._due_s:
            return
        self._due_s = now_s + self._wait_s(_REDRAW_EVERY_S)
        line = self._label + _line(self._progress, now_s - self._started_s)
        if self._settings.is_interactive:
            sys.stderr.write("\r" + line.ljust(self._width))
            self._width = len(line)
        else:
            sys.stderr.write(f"heddle: {line}\n")
        sys.stderr.flush()

    def clear(self) -> None:
        """Wipe what is shown in place."""
        if self._width:
            sys.stderr.write("\r" + " " * self._width + "\r")
            sys.stderr.flush()

    def _wait_s(self, interactive_s: float) -> float:
        return interactive_s if self._settings.is_interactive else _LINE_EVERY_S


def _line(progress: Progress, elapsed_s: float) -> str:
    parts = [f"{elapsed_s:5.1f} s", progress.phase]
    if progress.best is not None:
        parts.append(f"best {progress.best:,.6g}")
    if progress.bound is not None:
        parts.append(f"bound {progress.bound:,.6g}")
    return ", ".join(parts)
