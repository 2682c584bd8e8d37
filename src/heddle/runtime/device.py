"""What the node agent needs of a device: to cut it, to see how it is cut, to bind processes.

``cpu`` and ``nvidia`` provide devices; ``agent`` uses them, knowing nothing else of
the hardware. The contract suite in ``tests/contract`` holds every one of them to this
text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple, Protocol, runtime_checkable

from heddle.cluster.gpu import Gpu
from heddle.cluster.gpu_type import GpuType
from heddle.cluster.partition import Placement


class Isolation(Enum):
    """How well an instance is kept to its share, from best to none.

    ``MIG``: by the hardware. ``QUOTA``: by a quota of processor time. ``AFFINITY``: to
    whole cores, with caches and memory shared. ``WHOLE``: the GPU is not cut.
    """

    MIG = "mig"
    QUOTA = "quota"
    AFFINITY = "affinity"
    WHOLE = "whole"


class Slice(NamedTuple):
    """An instance of a device that exists: its placement and the device's name for it."""

    placement: Placement
    uuid: str


@dataclass(frozen=True, slots=True)
class Binding:
    """What a process needs to run on an instance and nowhere else.

    Attributes
    ----------
    environment
        Variables to set, such as ``CUDA_VISIBLE_DEVICES`` and thread counts.
    entry_files
        Files into which the process writes its own id before it begins; cgroups.
    cores
        Processors to which it is bound; empty for all.
    num_threads
        How many threads can work at a time, at least 1.
    """

    environment: Mapping[str, str]
    entry_files: tuple[str, ...] = ()
    cores: tuple[int, ...] = ()
    num_threads: int = 1


class Device(Protocol):
    """One GPU of the node, or what stands for one."""

    @property
    def gpu(self) -> Gpu:
        """Its id, node and type name."""
        ...

    @property
    def gpu_type(self) -> GpuType:
        """What it can be cut into."""
        ...

    @property
    def isolation(self) -> Isolation:
        """What keeps instances to their shares."""
        ...

    @property
    def description(self) -> str:
        """One sentence for people: the hardware, the isolation, and what limits both."""
        ...

    def slices(self) -> Sequence[Slice]:
        """Return the instances that exist, ordered by start; HostError when it is gone."""
        ...

    def create(self, placement: Placement) -> Slice:
        """Make an instance, or return the one that is there.

        Raises
        ------
        InputError
            The placement is not legal beside what exists, or is not possible under this
            isolation; nothing was changed.
        HostError
            The device failed; ``is_retryable`` says whether trying again may help.
        """
        ...

    def destroy(self, placement: Placement) -> None:
        """Remove an instance; nothing happens when there is none.

        Raises
        ------
        HostError
            Processes still use it (retryable), or the device failed.
        """
        ...

    def binding(self, placement: Placement) -> Binding:
        """Return how processes are bound to an instance; InputError when there is none."""
        ...

    def processes(self, placement: Placement) -> Sequence[int]:
        """Return the ids of the processes that are on an instance now, children included."""
        ...

    def close(self) -> None:
        """Remove what the device keeps in the system when no instance is left."""
        ...


@runtime_checkable
class LooseningDevice(Protocol):
    """A device that can let an instance load faster than its share, at nobody's cost.

    An optional power: a service that loads its network serves nobody yet. A device that
    is opened again holds every instance tightly.
    """

    def loosen(self, placement: Placement) -> None:
        """Let what is on an instance use what nobody else wants; HostError when it fails."""
        ...

    def tighten(self, placement: Placement) -> None:
        """Hold an instance to its share again; HostError when it fails."""
        ...
