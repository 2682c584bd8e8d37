"""The format of REEF's artifact: ``rt`` and ``be``, lists of networks with a frequency or a trace.

``files`` calls it. The file has no ids: they are made of the network and the kind.
"""

from __future__ import annotations

from heddle.cluster.json_object import JsonObject
from heddle.workload.disb.task_reader import MAX_RATE_RPS, times_ms
from heddle.workload.disb.workload import DisbClient, Load, Periodic, Trace

#: The artifact lets clients of one frequency collide: no phase shift (that is for priority 0).
_NO_TURNS = 1
_KEYS = frozenset(("name", "frequency", "trace"))


def read_artifact(root: JsonObject) -> tuple[DisbClient, ...]:
    """Return the clients of ``rt`` and ``be``, ids such as ``vgg_rt`` and ``densenet_be_2``.

    Raises
    ------
    InputError
        A key is missing or wrong.
    """
    clients: list[DisbClient] = []
    for kind in ("rt", "be"):
        members = root.members(kind) if kind in root else []
        for index, member in enumerate(members):
            member.allow(_KEYS)
            network = member.text("name")
            name = _free_id(f"{network}_{kind}", clients)
            place = f"{kind}[{index}].name"
            clients.append(DisbClient(name, network, kind == "rt", _load(member), place))
    return tuple(clients)


def _load(member: JsonObject) -> Load:
    """Return the trace where there is one: its frequency only describes it."""
    if "trace" in member:
        return Trace(times_ms(member, "trace"))
    return Periodic(member.positive("frequency", MAX_RATE_RPS), _NO_TURNS)


def _free_id(wanted: str, clients: list[DisbClient]) -> str:
    taken = {client.id for client in clients}
    number = 2
    name = wanted
    while name in taken:
        name, number = f"{wanted}_{number}", number + 1
    return name
