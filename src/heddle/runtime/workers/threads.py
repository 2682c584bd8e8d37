"""The pinned threads of the cpu device, and where other threads of the process run meanwhile.

Each worker has a core of its own and the dispatcher another; the other threads of the process are
kept off the workers' cores while the device is open. Other processes may still be put there.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass

from heddle.errors import HostError

_JOIN_S = 2.0  # longer than any block of a healthy kernel


@dataclass(frozen=True)
class Places:
    """Which core each thread has; ``rest`` is where everything else of the process goes."""

    dispatcher: int
    workers: tuple[int, ...]

    @property
    def rest(self) -> frozenset[int]:
        """The cores without a worker."""
        return frozenset({self.dispatcher})


def places_on(cores: frozenset[int], num_workers: int = 0) -> Places:
    """The places on these cores: the first is the dispatcher's, the others are the workers'.

    Parameters
    ----------
    cores
        Numbers of the cores that this process may use.
    num_workers
        How many workers; 0 for one on each core but one.

    Raises
    ------
    HostError
        There are fewer than two cores, or not as many as workers and one more.
    """
    ordered = sorted(cores)
    wanted = num_workers or len(ordered) - 1
    if wanted < 1 or wanted >= len(ordered):
        raise HostError(
            f"the cpu device needs a core for each of {max(1, wanted)} workers and one for its "
            f"dispatcher; this process may use {len(ordered)}"
        )
    return Places(ordered[0], tuple(ordered[-wanted:]))


class Crew:
    """Threads that each run one function on one core until they are told to end.

    Parameters
    ----------
    dispatch
        What the dispatcher runs.
    work
        What worker ``number`` runs.
    places
        Where.
    """

    def __init__(
        self, dispatch: Callable[[], None], work: Callable[[int], None], places: Places
    ) -> None:
        self._affinities = _kept_off(frozenset(places.workers))
        self._threads = [_pinned("heddle-dispatcher", places.dispatcher, dispatch)]
        for number, core in enumerate(places.workers):
            self._threads.append(_pinned(f"heddle-worker-{number}", core, _bound(work, number)))
        for thread in self._threads:
            thread.start()

    def join(self) -> int:
        """Waits for the threads, which were told to end; how many did not.

        One that is stuck in a block is left behind: it ends with the process.
        """
        for thread in self._threads:
            thread.join(_JOIN_S)
        for number, cores in self._affinities.items():
            with contextlib.suppress(OSError):  # it has ended
                os.sched_setaffinity(number, cores)
        self._affinities = {}
        return sum(thread.is_alive() for thread in self._threads)


def _bound(work: Callable[[int], None], number: int) -> Callable[[], None]:
    return lambda: work(number)


def _pinned(name: str, core: int, run: Callable[[], None]) -> threading.Thread:
    def run_there() -> None:
        with contextlib.suppress(OSError):  # a core that went away: anywhere is better than nowhere
            os.sched_setaffinity(0, {core})
        run()

    return threading.Thread(target=run_there, name=name, daemon=True)


def _kept_off(cores: frozenset[int]) -> dict[int, set[int]]:
    """Moves the threads of this process off some cores; where each was allowed before."""
    before: dict[int, set[int]] = {}
    for name in os.listdir("/proc/self/task"):  # noqa: PTH208 (numbers, no paths needed)
        with contextlib.suppress(OSError):  # it has ended meanwhile
            thread = int(name)
            allowed = os.sched_getaffinity(thread)
            if allowed - cores and allowed & cores:
                os.sched_setaffinity(thread, allowed - cores)
                before[thread] = allowed
    return before
