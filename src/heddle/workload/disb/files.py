"""Reading a DISB workload, in either of its two published formats.

The current one has ``tasks``, each with a load and a client; the one of REEF's artifact has ``rt``
and ``be``, lists of networks with a frequency. Called by ``heddle run`` and the benchmarks; every
objection names the file and the path in it.
"""

from __future__ import annotations

from pathlib import Path

from heddle.cluster.json_object import JsonObject, load_json
from heddle.errors import listed
from heddle.workload.disb.artifact_reader import read_artifact
from heddle.workload.disb.task_reader import read_tasks
from heddle.workload.disb.workload import Dependent, DisbClient, DisbWorkload

MAX_MIB = 64
MAX_DURATION_S = 86_400.0
#: A device has a queue for each client; more would be a mistake.
MAX_CLIENTS = 24


def load_disb(path: Path) -> DisbWorkload:
    """Return the workload in a file; its name is the file's, without the ending.

    Raises
    ------
    InputError
        The file cannot be read, is not JSON, or breaks a rule of the format; with the place.
    """
    root = load_json(path, MAX_MIB)
    duration_s = root.positive("time", MAX_DURATION_S)
    clients = _clients(root)
    key = "tasks" if "tasks" in root else "rt"
    if not clients:
        root.fail(key, "expected at least one client, found none")
    if len(clients) > MAX_CLIENTS:
        root.fail(key, f"expected at most {MAX_CLIENTS} clients, found {len(clients)}")
    return DisbWorkload(path.stem, duration_s, clients, path)


def _clients(root: JsonObject) -> tuple[DisbClient, ...]:
    if "tasks" in root:
        root.allow(frozenset(("time", "tasks")))
        clients = read_tasks(root.members("tasks"))
        _require_known(root, clients)
        return clients
    if "rt" not in root and "be" not in root:
        root.fail("tasks", "missing key 'tasks' (or 'rt' and 'be'); it says who asks")
    root.allow(frozenset(("time", "rt", "be")))
    return read_artifact(root)


def _require_known(root: JsonObject, clients: tuple[DisbClient, ...]) -> None:
    """Refuse dependences on what is not there, and circles of them."""
    waits = {c.id: c.load.previous for c in clients if isinstance(c.load, Dependent)}
    known = [client.id for client in clients]
    for number, name in enumerate(known):
        place = f"tasks[{number}].load.prev_task_ids"
        for index, other in enumerate(waits.get(name, ())):
            if other not in known:
                root.fail(f"{place}[{index}]", f"no task {other!r}; there are {listed(known)}")
        if _leads_back(name, waits):
            root.fail(place, f"task {name!r} waits for itself")


def _leads_back(start: str, waits: dict[str, tuple[str, ...]]) -> bool:
    seen: set[str] = set()
    ahead = list(waits.get(start, ()))
    while ahead:
        one = ahead.pop()
        if one == start:
            return True
        if one not in seen:
            seen.add(one)
            ahead.extend(waits.get(one, ()))
    return False
