"""One line on stderr that says how far something is.

In place on a terminal, as an occasional line elsewhere. For verbs that wait for the
daemon or its services; solvers report through ``running``.
"""

from __future__ import annotations

import sys

from heddle.clock import Clock
from heddle.settings import Settings

_REDRAW_EVERY_S = 0.2
_LINE_EVERY_S = 5.0


class ProgressLine:
    """The line; nothing is shown at once, so that what is quick stays quiet."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._is_interactive = settings.is_interactive
        self._clock = clock
        self._shown_s = clock.now_s()
        self._width = 0

    def show(self, line: str) -> None:
        """Show a line, if it is due."""
        now_s = self._clock.now_s()
        if now_s - self._shown_s < (_REDRAW_EVERY_S if self._is_interactive else _LINE_EVERY_S):
            return
        self._shown_s = now_s
        if self._is_interactive:
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
