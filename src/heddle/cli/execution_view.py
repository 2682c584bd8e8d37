"""The live view of ``heddle apply``: steps done, and every service against its floor.

On a terminal it is drawn in place; elsewhere there is a line now and then, and one for
everything that goes otherwise than planned. It goes to stderr, out of the way of the
result.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence

from heddle.clock import Clock
from heddle.drawing.table import capped, cell_width
from heddle.settings import Settings
from heddle.transition.execution.decision import Reason
from heddle.transition.execution.leg import Purpose
from heddle.transition.progress import ExecutionProgress, ServiceRate
from heddle.units import plural

#: Seconds of quiet before anything is shown in place, and between two drawings.
_QUIET_S = 0.4
_REDRAW_EVERY_S = 0.1
#: Seconds between lines where nothing is drawn in place.
_LINE_EVERY_S = 5.0
#: Services with a bar of their own, and the cells of a bar.
_MAX_BARS = 12
_BAR_CELLS = 30
_PARTS = " ▏▎▍▌▋▊▉█"
_FLOOR = "│"

_WHERE = {
    Purpose.FORWARD: "to the target",
    Purpose.BACK: "back to the deployment before",
    Purpose.SETTLE: "stopping servers without traffic",
    Purpose.TIDY: "clearing away what serves nobody",
}
#: What is worth a line of its own where nothing is drawn in place.
_WEIGHTY = frozenset(
    {
        Reason.STEP_FAILED,
        Reason.NODE_GONE,
        Reason.CAPACITY_LOST,
        Reason.DRIFT,
        Reason.ABORT_ASKED,
        Reason.REPLANNED,
        Reason.NO_PLAN,
    }
)


class ExecutionView:
    """Shows progress as it comes.

    Parameters
    ----------
    settings
        Whether stderr is a terminal.
    clock
        Real time.
    """

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._due_s = clock.now_s() + (_QUIET_S if settings.is_interactive else _LINE_EVERY_S)
        self._num_lines = 0
        self._progress: ExecutionProgress | None = None
        self._scales: dict[str, float] = {}

    def show(self, progress: ExecutionProgress) -> None:
        """Take note of the progress, and show it when that is due."""
        self._progress = progress
        for rate in progress.services:
            most = max(rate.rate_rps, 1.25 * rate.floor_rps, self._scales.get(rate.service, 0.0))
            self._scales[rate.service] = most
        last = progress.last
        if last is not None and last.reason in _WEIGHTY and not self._settings.is_interactive:
            self._say(f"{progress.elapsed_s:.1f} s: {last}")
        self.refresh()

    def refresh(self) -> None:
        """Show the last progress again when that is due."""
        now_s = self._clock.now_s()
        if self._progress is None or now_s < self._due_s:
            return
        if self._settings.is_interactive:
            self._due_s = now_s + _REDRAW_EVERY_S
            self._draw(self._lines(self._progress))
        else:
            self._due_s = now_s + _LINE_EVERY_S
            self._say(steps_text(self._progress) + closest_text(self._progress.services))

    def clear(self) -> None:
        """Wipe what is drawn in place."""
        self._draw([])

    def tell(self, sentence: str) -> None:
        """Say something now, above what is drawn in place."""
        self.clear()
        self._say(sentence)

    def _say(self, sentence: str) -> None:
        sys.stderr.write(f"heddle: {sentence}\n")
        sys.stderr.flush()

    def _draw(self, lines: list[str]) -> None:
        """Replace what is drawn: up to its first line, wipe to the end, write."""
        wiped = f"\x1b[{self._num_lines}F\x1b[J" if self._num_lines else ""
        text = wiped + "".join(f"{line}\n" for line in lines)
        if text:
            sys.stderr.write(text)
            sys.stderr.flush()
        self._num_lines = len(lines)

    def _lines(self, progress: ExecutionProgress) -> list[str]:
        size = shutil.get_terminal_size()
        shown = progress.services[: max(1, min(_MAX_BARS, size.lines - 4))]
        widest = max((cell_width(rate.service) for rate in shown), default=0)
        name_cells = min(24, widest)
        lines = [steps_text(progress)]
        lines.extend(f"  {self._bar_line(rate, name_cells)}" for rate in shown)
        if hidden := progress.services[len(shown) :]:
            lines.append(f"  … and {plural(len(hidden), 'more service')}{closest_text(hidden)}")
        if progress.last is not None:
            lines.append(f"  {progress.last}")
        return [capped(line, max(20, size.columns - 1)) for line in lines]

    def _bar_line(self, rate: ServiceRate, name_cells: int) -> str:
        name = capped(rate.service, name_cells)
        padding = " " * (name_cells - cell_width(name))
        bar = rate_bar(rate, self._scales.get(rate.service, 0.0))
        figures = f"{rate.rate_rps:,.6g} of {rate.floor_rps:,.6g} requests/s"
        return f"{name}{padding}  {bar}  {figures}{'' if rate.is_kept else '  BELOW'}"


def steps_text(progress: ExecutionProgress) -> str:
    """Return the time, where it leads and how many steps are done."""
    return (
        f"{progress.elapsed_s:.1f} s, {_WHERE[progress.purpose]}: {progress.num_done} of "
        f"{plural(progress.num_steps, 'step')} done, {progress.num_running} under way"
    )


def closest_text(services: Sequence[ServiceRate]) -> str:
    """Return which service is closest to its floor; nothing when none has one."""
    promised = [rate for rate in services if rate.floor_rps > 0]
    if not promised:
        return ""
    closest = min(promised, key=lambda rate: (rate.rate_rps / rate.floor_rps, rate.service))
    share = closest.rate_rps / closest.floor_rps
    return f"; closest to its floor: {closest.service}, {share:.0%} of it"


def rate_bar(rate: ServiceRate, scale_rps: float) -> str:
    """Return a bar of fixed width; a stroke marks the floor."""
    if scale_rps <= 0:
        return " " * _BAR_CELLS
    eighths = round(min(1.0, rate.rate_rps / scale_rps) * _BAR_CELLS * 8)
    cells = [_PARTS[max(0, min(8, eighths - 8 * cell))] for cell in range(_BAR_CELLS)]
    if rate.floor_rps > 0:
        cells[min(_BAR_CELLS - 1, int(rate.floor_rps / scale_rps * _BAR_CELLS))] = _FLOOR
    return "".join(cells)
