"""Following demand: what each service will need next, by what came in.

``daemon`` feeds it the router's arrivals at the workload's interval, plans for
:meth:`Following.rates_rps`, and moves when ``transition.hysteresis`` says that it pays.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from heddle.transition.forecast import Forecast

#: A service that nobody asks keeps this part of its stated rate, and so an instance.
_LEAST_PART = 0.01
#: For so many intervals a forecast is taken to hold when a saving is weighed.
HOLDS_FOR = 10


class Following:
    """The forecasts of all services."""

    def __init__(self) -> None:
        self._forecasts: dict[str, Forecast] = {}
        self._arrived: dict[str, int] = {}
        self._at_s = 0.0

    def learn(self, arrived: Mapping[str, int], at_s: float) -> None:
        """Take in the requests that came until now.

        Parameters
        ----------
        arrived
            By service, counted since the router began; less than before after a restart.
        at_s
            When they were counted, seconds on any clock; later than the last time.
        """
        over_s, self._at_s = at_s - self._at_s, at_s
        for service, count in arrived.items():
            before = self._arrived.get(service)
            if before is not None:
                new = count - before if count >= before else count
                self._forecasts.setdefault(service, Forecast()).learn(new / over_s)
        self._arrived = dict(arrived)

    def rates_rps(
        self, stated_rps: Mapping[str, float], suspended: Collection[str]
    ) -> dict[str, float]:
        """Return the rates to plan for, requests/s, before headroom.

        ``stated_rps`` are those of the workload: what holds before there is a forecast.
        """
        return {
            name: 0.0 if name in suspended else self._rate_rps(name, stated)
            for name, stated in stated_rps.items()
        }

    def members(self) -> dict[str, dict[str, Any]]:
        """Return forecast and error by service, for the status."""
        return {
            name: {"forecast_rps": one.next_rps, "forecast_error": one.error}
            for name, one in self._forecasts.items()
        }

    def sentence(self) -> str:
        """Return the forecasts and how wrong they were, for events."""
        parts = []
        for name, one in sorted(self._forecasts.items()):
            if one.next_rps is not None:
                error = "" if one.error is None else f" (off by {100 * one.error:.0f} %)"
                parts.append(f"{name} {one.next_rps:.3g}/s{error}")
        return ", ".join(parts)

    def _rate_rps(self, name: str, stated_rps: float) -> float:
        forecast = self._forecasts.get(name)
        expected = None if forecast is None else forecast.next_rps
        if expected is None:
            return stated_rps
        # A rate is a whole number of micro-requests/s downstream.
        return round(max(expected, _LEAST_PART * stated_rps), 6)
