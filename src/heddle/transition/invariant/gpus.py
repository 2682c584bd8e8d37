"""Whether every GPU that a transition speaks of is one GPU, of a type that exists."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from heddle.cluster.deployment import Deployment
from heddle.cluster.gpu import Gpu
from heddle.cluster.gpu_type import GpuType
from heddle.errors import InputError
from heddle.transition.invariant.violation import Violation
from heddle.transition.transition import Transition


@dataclass
class GpuCheck:
    """The GPUs of a transition.

    Attributes
    ----------
    types
        By GPU id; a GPU of no known type is not in it.
    violations
        What is wrong about the GPUs themselves.
    """

    types: dict[str, GpuType] = field(default_factory=dict)
    violations: list[Violation] = field(default_factory=list)


def check_gpus(transition: Transition, type_of: Callable[[str], GpuType]) -> GpuCheck:
    """Look at every GPU once; its type is asked of ``type_of`` once by name."""
    gpus = transition.gpus
    check = GpuCheck()
    known: dict[str, GpuType | str] = {}
    for gpu in gpus.values():
        if gpu.gpu_type not in known:
            known[gpu.gpu_type] = _find(gpu.gpu_type, type_of)
        found = known[gpu.gpu_type]
        if isinstance(found, GpuType):
            check.types[gpu.id] = found
        else:
            check.violations.append(Violation(f"{gpu.id}: {found}"))
    check.violations.extend(_disagreements(transition, gpus))
    check.violations.extend(_strangers(transition, gpus))
    return check


def _find(name: str, type_of: Callable[[str], GpuType]) -> GpuType | str:
    try:
        return type_of(name)
    except InputError as error:
        return str(error)


def _disagreements(transition: Transition, gpus: Mapping[str, Gpu]) -> Iterator[Violation]:
    sides: tuple[tuple[str, Deployment], ...] = (
        ("from", transition.origin),
        ("to", transition.target),
    )
    for side, deployment in sides:
        seen: set[str] = set()
        for entry in deployment.configurations:
            if entry.gpu in seen:
                yield Violation(f"{side}: {entry.gpu} is there twice")
            seen.add(entry.gpu)
            gpu = gpus[entry.gpu]
            if (entry.node, entry.gpu_type) != (gpu.node, gpu.gpu_type):
                yield Violation(
                    f"{side}: {entry.gpu} is of type {entry.gpu_type} in {entry.node}; "
                    f"elsewhere it is of type {gpu.gpu_type} in {gpu.node}"
                )


def _strangers(transition: Transition, gpus: Mapping[str, Gpu]) -> Iterator[Violation]:
    for step in transition.steps:
        if step.gpu not in gpus:
            yield Violation(f"{step}: neither deployment has this GPU, nor is it borrowed", step.id)
    for name in transition.unserved:
        if name not in gpus:
            yield Violation(
                f"unserved: neither deployment has {name}, nor is it borrowed; "
                "its instances would be left"
            )
