"""Whether a deployment could exist: its GPUs, partitions and services.

Files are checked for their form when they are read; this is what a transition needs
beyond that. ``verification`` checks a deployment against its workload on its own.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from heddle.cluster.deployment import Configuration, Deployment
from heddle.cluster.gpu_type import GpuType
from heddle.cluster.partition import Placement, legal_partition
from heddle.errors import InputError, Location, listed, nearest


def require_possible(
    deployment: Deployment, type_of: Callable[[str], GpuType], file: Path | None = None
) -> None:
    """Raise InputError, with the place in the file, for what no cluster can run.

    A GPU stands twice, its type is unknown, its instances are no legal partition, or a
    service is not listed.
    """
    seen: set[str] = set()
    for index, entry in enumerate(deployment.configurations):
        try:
            _require_new(entry.gpu, seen)
            _require_legal(entry, type_of(entry.gpu_type))
            _require_services(entry, deployment)
        except InputError as error:
            raise InputError(error.message, Location(file, None, f"gpus[{index}]")) from error
        seen.add(entry.gpu)


def _require_new(gpu: str, seen: set[str]) -> None:
    if gpu in seen:
        raise InputError(f"GPU {gpu!r} stands twice; every GPU is listed once")


def _require_legal(entry: Configuration, gpu_type: GpuType) -> None:
    gpu_type.require_plannable()
    for instance in entry.instances:
        gpu_type.profile(instance.profile)
    legal_partition(gpu_type, (Placement(i.start, i.profile) for i in entry.instances))


def _require_services(entry: Configuration, deployment: Deployment) -> None:
    for instance in entry.instances:
        if instance.service not in deployment.services:
            known = deployment.services
            raise InputError(
                f"{entry.gpu} runs service {instance.service!r}, which is not listed"
                f"{nearest(instance.service, known)}; listed: {listed(known)}"
            )
