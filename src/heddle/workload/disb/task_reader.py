"""The current DISB format: ``tasks``, each with an id, a load and a free-form client.

``files`` calls it. What the client says to other servers (addresses, batch sizes) is passed over.
"""

from __future__ import annotations

from collections.abc import Callable

from heddle.cluster.json_object import JsonObject
from heddle.workload.disb.workload import (
    Continuous,
    Dependent,
    DisbClient,
    Load,
    Periodic,
    Poisson,
    Trace,
)

MAX_RATE_RPS = 1e6
MAX_TIME_MS = 86_400_000.0
_LOWEST_PRIORITY = 1000
_SUFFIX = "_rt"
_PRIORITIES = {"rt": True, "be": False}


def read_tasks(tasks: list[JsonObject]) -> tuple[DisbClient, ...]:
    """Return the clients of the members of ``tasks``.

    Raises
    ------
    InputError
        A key is missing or wrong, or an id stands twice.
    """
    clients: list[DisbClient] = []
    for index, task in enumerate(tasks):
        client = _client(task, f"tasks[{index}]")
        if any(client.id == other.id for other in clients):
            task.fail("id", f"id {client.id!r} stands twice")
        clients.append(client)
    return tuple(clients)


def times_ms(member: JsonObject, key: str) -> tuple[float, ...]:
    """Return a list of times in milliseconds, sorted.

    Raises
    ------
    InputError
        One of them is negative or beyond a day.
    """
    found = member.numbers(key)
    for index, at_ms in enumerate(found):
        if not 0 <= at_ms <= MAX_TIME_MS:
            member.fail(
                f"{key}[{index}]", f"expected a time from 0 to {MAX_TIME_MS:g} ms, found {at_ms:g}"
            )
    return tuple(sorted(found))


def _client(task: JsonObject, path: str) -> DisbClient:
    task.allow(frozenset(("id", "load", "client")))
    name = task.text("id")
    load = _load(task.member("load"))
    if "client" not in task:
        return DisbClient(name, "", name.endswith(_SUFFIX), load, f"{path}.client")
    client = task.member("client")
    network = client.text("model_name") if "model_name" in client else ""
    place = f"{path}.client.model_name"
    return DisbClient(name, network, _is_real_time(name, client), load, place)


def _is_real_time(name: str, client: JsonObject) -> bool:
    if "priority" in client:
        return _PRIORITIES[client.choice("priority", tuple(_PRIORITIES))]
    return name.endswith(_SUFFIX) or client.text("name", name).endswith(_SUFFIX)


def _load(load: JsonObject) -> Load:
    return _READERS[load.choice("type", tuple(_READERS))](load)


def _continuous(load: JsonObject) -> Load:
    load.allow(frozenset(("type",)))
    return Continuous()


def _periodic(load: JsonObject) -> Load:
    load.allow(frozenset(("type", "frequency", "priority")))
    priority = load.integer("priority", 0, _LOWEST_PRIORITY) if "priority" in load else 0
    return Periodic(load.positive("frequency", MAX_RATE_RPS), priority)


def _poisson(load: JsonObject) -> Load:
    load.allow(frozenset(("type", "frequency")))
    return Poisson(load.positive("frequency", MAX_RATE_RPS))


def _trace(load: JsonObject) -> Load:
    load.allow(frozenset(("type", "trace")))
    return Trace(times_ms(load, "trace"))


def _dependent(load: JsonObject) -> Load:
    load.allow(frozenset(("type", "prev_task_ids")))
    previous = load.words("prev_task_ids")
    if not previous:
        load.fail("prev_task_ids", "expected the ids of the tasks to wait for, found none")
    return Dependent(previous)


_READERS: dict[str, Callable[[JsonObject], Load]] = {
    "continuous": _continuous,
    "periodic": _periodic,
    "poisson": _poisson,
    "trace": _trace,
    "dependent": _dependent,
}
