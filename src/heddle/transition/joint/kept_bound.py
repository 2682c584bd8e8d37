"""How many instances can run on untouched at most, wherever they are placed."""

from __future__ import annotations

from collections import Counter

from heddle.cluster.deployment import Deployment
from heddle.transition.joint.similarity import Server, server_of


def untouched_bound(origin: Deployment, wanted: Deployment) -> int:
    """Return a bound that no placement beats: the servers that both sides have.

    A server is a service at an operating point on a profile of a GPU type; which of
    them share a GPU is left out of account, so the bound may be above what is possible.
    """
    return (_servers(origin) & _servers(wanted)).total()


def _servers(deployment: Deployment) -> Counter[tuple[str, Server]]:
    return Counter((gpu.gpu_type, server_of(i)) for gpu, i in deployment.instances())
