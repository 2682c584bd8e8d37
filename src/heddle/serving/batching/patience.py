"""How long a batch may wait for more requests. Pure; ``batcher`` tells it what happens.

While workers are busy, batches fill by themselves, and nothing here matters. When one is
idle, a request could go at once; waiting is worth it only

- if another request is to be expected in that time, going by the recent ones,
- for no longer than a batch takes: idling longer costs more than a batch of its own saves,
- and as long as the SLO permits. A request that just missed a batch waits for it, then for
  company, then runs itself: twice the planned latency of a batch and the patience
  together must stay below the SLO, less a part for the way to here and back.
"""

from __future__ import annotations

#: Of the SLO, for router and network.
_WAY_PART = 0.05
#: How much the newest one counts in the averages.
_WEIGHT = 0.2


class Patience:
    """Averages of one instance.

    Parameters
    ----------
    slo_ms
        What a request may take.
    batch_ms
        What a batch is planned to take.
    """

    def __init__(self, slo_ms: float, batch_ms: float) -> None:
        self.limit_s = max(0.0, (1.0 - _WAY_PART) * slo_ms - 2.0 * batch_ms) / 1e3
        self._last_s: float | None = None
        self._gap_s: float | None = None
        self._run_s: float | None = None

    def note_arrival(self, now_s: float) -> None:
        """A request arrived."""
        if self._last_s is not None:
            self._gap_s = _average(self._gap_s, now_s - self._last_s)
        self._last_s = now_s

    def note_run(self, duration_s: float) -> None:
        """A batch took so long."""
        self._run_s = _average(self._run_s, duration_s)

    def wait_s(self) -> float:
        """Return how long the oldest request may wait for company, seconds."""
        if self._gap_s is None or self._run_s is None:
            return 0.0
        allowed_s = min(self.limit_s, self._run_s)
        return allowed_s if self._gap_s < allowed_s else 0.0


def _average(before: float | None, newest: float) -> float:
    return newest if before is None else before + _WEIGHT * (newest - before)
