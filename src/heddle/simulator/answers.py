"""Answers a controller's requests on behalf of a simulated cluster, line by line.

``listener`` brings the lines. A request that cannot be understood is answered with an
error and changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from heddle.cluster.event_json import event_members
from heddle.cluster.json_object import JsonObject
from heddle.cluster.node_wire import (
    VERSION,
    command_of,
    line_of,
    object_of,
    snapshot_members,
)
from heddle.errors import InputError
from heddle.simulator.driver import SimulatedDriver
from heddle.simulator.history_wire import entry_members

#: Entries of history in one reply.
PAGE = 5_000
#: Some thirty thousand years: waiting for longer is a mistake.
MAX_UNTIL_S = 1e12
_MAX_ENTRIES = 1_000_000_000

Answer = Callable[[SimulatedDriver, JsonObject], Mapping[str, Any]]


class Answers:
    """Holds the cluster, and knows when it was asked to end."""

    def __init__(self, driver: SimulatedDriver) -> None:
        self._driver = driver
        self._is_ending = False

    @property
    def is_ending(self) -> bool:
        """Whether a controller asked for the end."""
        return self._is_ending

    def reply(self, line: bytes) -> bytes:
        """Return the answer to one request, as a line."""
        try:
            request = object_of(line, "request")
            ask = request.choice("ask", (*_ANSWERS, "shutdown"))
            if ask == "shutdown":
                self._is_ending = True
                return self._said({})
            return self._said(_ANSWERS[ask](self._driver, request))
        except InputError as error:
            return self.refusal(str(error))

    def refusal(self, message: str) -> bytes:
        """Return an answer that says what is wrong, as a line."""
        return self._said({"error": message})

    def _said(self, members: Mapping[str, Any]) -> bytes:
        return line_of({"now_s": self._driver.clock.now_s(), **members})


def _hello(driver: SimulatedDriver, request: JsonObject) -> Mapping[str, Any]:
    del driver
    request.allow(frozenset({"ask", "version"}))
    return {"version": request.integer("version", VERSION, VERSION)}


def _observe(driver: SimulatedDriver, request: JsonObject) -> Mapping[str, Any]:
    request.allow(frozenset({"ask"}))
    return {"snapshot": snapshot_members(driver.observe())}


def _submit(driver: SimulatedDriver, request: JsonObject) -> Mapping[str, Any]:
    request.allow(frozenset({"ask", "command"}))
    driver.submit(command_of(request.member("command")))
    return {}


def _wait(driver: SimulatedDriver, request: JsonObject) -> Mapping[str, Any]:
    request.allow(frozenset({"ask", "until_s"}))
    until_s = request.number("until_s")
    if abs(until_s) > MAX_UNTIL_S:
        request.fail("until_s", f"expected at most {MAX_UNTIL_S:g} s, found {until_s:g}")
    return {"events": [event_members(event) for event in driver.wait(until_s)]}


def _history(driver: SimulatedDriver, request: JsonObject) -> Mapping[str, Any]:
    request.allow(frozenset({"ask", "from"}))
    first = request.integer("from", 0, _MAX_ENTRIES)
    entries = driver.history().entries
    page = entries[first : first + PAGE]
    return {"num_entries": len(entries), "entries": [entry_members(entry) for entry in page]}


def _rates(driver: SimulatedDriver, request: JsonObject) -> Mapping[str, Any]:
    request.allow(frozenset({"ask"}))
    rates = driver.history().rates
    return {
        "rates": {
            service: [point._asdict() for point in points] for service, points in rates.items()
        }
    }


_ANSWERS: Mapping[str, Answer] = {
    "hello": _hello,
    "observe": _observe,
    "submit": _submit,
    "wait": _wait,
    "history": _history,
    "rates": _rates,
}
