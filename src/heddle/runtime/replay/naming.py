"""Which network of a device each client of a workload runs.

The runner and ``standalone`` ask; ``workload.disb.names`` knows what networks are called elsewhere.
"""

from __future__ import annotations

from heddle.errors import InputError, Location, listed, nearest
from heddle.workload.disb.names import network_of
from heddle.workload.disb.workload import DisbClient, DisbWorkload


def networks_of(
    workload: DisbWorkload, networks: tuple[str, ...], default: str = ""
) -> tuple[dict[str, str], list[str]]:
    """The network of each client by id, and a remark on each client that the file gives none.

    Raises
    ------
    InputError
        The device has no network of that name; with the place in the file.
    """
    stand_in = _known(default, networks) if default else networks[0]
    found: dict[str, str] = {}
    remarks: list[str] = []
    for client in workload.clients:
        found[client.id] = _network(client, workload, networks) or stand_in
        if not client.network:
            remarks.append(f"{client.id} names no network; it ran {stand_in}")
    return found, remarks


def _network(client: DisbClient, workload: DisbWorkload, networks: tuple[str, ...]) -> str:
    if not client.network:
        return ""
    network = network_of(client.network, networks)
    if not network:
        place = Location(workload.file, None, client.path)
        raise InputError(_unknown(client.network, networks), place)
    return network


def _known(name: str, networks: tuple[str, ...]) -> str:
    network = network_of(name, networks)
    if not network:
        raise InputError(_unknown(name, networks))
    return network


def _unknown(name: str, networks: tuple[str, ...]) -> str:
    return (
        f"this device has no network {name!r}{nearest(name, networks)}; it has {listed(networks)}"
    )
