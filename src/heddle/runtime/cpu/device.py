"""A CPU device: a part of the machine's cores that is cut as a GPU is.

``agent`` sees only the protocol of ``runtime.device``; ``discovery`` makes these.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence

from heddle.cluster.gpu import Gpu
from heddle.cluster.gpu_type import GpuType
from heddle.cluster.partition import Placement, legal_partition
from heddle.errors import HostError, InputError
from heddle.runtime.cpu.cores import CoreShare, Lot
from heddle.runtime.cpu.enclosure import Enclosures
from heddle.runtime.device import Binding, Isolation, Slice

#: The variable that says on which instance a process is: its UUID.
SLICE_VARIABLE = "HEDDLE_SLICE"

_NAME = re.compile(r"(?P<start>\d+)-(?P<profile>[0-9a-z]+)-(?P<key>[0-9a-f]{16})")
_THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "RAYON_NUM_THREADS",
)


class CpuDevice:
    """One device of the type ``CPU-8``.

    What exists is what the enclosures say, so a new object finds the instances of an old
    one; it gives them their lots again, since a creation may have been cut off half-way.

    Parameters
    ----------
    gpu, gpu_type
        Its id, node and type.
    share
        Its part of the machine.
    enclosures
        What keeps processes to their lots.

    Raises
    ------
    HostError
        What an earlier process left cannot be taken over.
    """

    def __init__(
        self, gpu: Gpu, gpu_type: GpuType, share: CoreShare, enclosures: Enclosures
    ) -> None:
        self._gpu = gpu
        self._gpu_type = gpu_type
        self._share = share
        self._enclosures = enclosures
        for each in self.slices():
            enclosures.set(_name(each), self._lot(each.placement))

    @property
    def gpu(self) -> Gpu:
        """Its id, node and type name."""
        return self._gpu

    @property
    def gpu_type(self) -> GpuType:
        """``CPU-8``."""
        return self._gpu_type

    @property
    def isolation(self) -> Isolation:
        """``QUOTA`` or ``AFFINITY``."""
        return self._enclosures.isolation

    @property
    def description(self) -> str:
        """One sentence: the cores, the reserve, and what limits instances."""
        share = self._share
        return (
            f"{share.cores_per_unit:.4g} cores a unit, from {share.machine_cores:.4g} cores less "
            f"{share.reserve_cores:.4g} for everything else; {self._enclosures.description}; "
            "caches and memory bandwidth are shared"
        )

    def slices(self) -> Sequence[Slice]:
        """Return the instances that exist, ordered by start."""
        matches = map(_NAME.fullmatch, self._enclosures.names())
        found = [
            Slice(Placement(int(match["start"]), match["profile"]), _uuid(match["key"]))
            for match in matches
            if match and match["profile"] in self._gpu_type.profile_names
        ]
        return sorted(found)

    def create(self, placement: Placement) -> Slice:
        """Make an instance, or return the one that is there.

        Raises
        ------
        InputError
            The placement is not legal beside what exists, or has less than a core where
            instances are bound to whole ones.
        HostError
            The system refused; retryable.
        """
        existing = self.slices()
        for each in existing:
            if each.placement == placement:
                return each
        legal_partition(self._gpu_type, (each.placement for each in existing)).with_placement(
            placement
        )
        lot = self._lot(placement)
        reason = self._enclosures.refusal(lot)
        if reason:
            raise InputError(f"{placement.profile} on {self._gpu.id}: {reason}")
        made = Slice(placement, _uuid(secrets.token_hex(8)))
        self._enclosures.set(_name(made), lot)
        return made

    def destroy(self, placement: Placement) -> None:
        """Remove an instance; HostError, retryable, while processes are on it."""
        found = self._find(placement)
        if found is None:
            return
        inside = self._enclosures.processes(_name(found))
        if inside:
            raise HostError(
                f"{placement.profile} at {placement.start} on {self._gpu.id} is used by "
                f"{_spell(inside)}; end them first",
                is_retryable=True,
            )
        self._enclosures.remove(_name(found))

    def binding(self, placement: Placement) -> Binding:
        """Return how processes are bound to an instance; InputError when there is none."""
        found = self._find(placement)
        if found is None:
            raise InputError(
                f"{self._gpu.id} has no {placement.profile} at {placement.start}; create it first"
            )
        lot = self._lot(placement)
        bound = self._enclosures.binding(_name(found), lot)
        threads = dict.fromkeys(_THREAD_VARIABLES, str(bound.num_threads))
        environment = {
            **threads,
            "CUDA_VISIBLE_DEVICES": "",
            SLICE_VARIABLE: found.uuid,
            **bound.environment,
        }
        return Binding(environment, bound.entry_files, bound.cores, bound.num_threads)

    def loosen(self, placement: Placement) -> None:
        """Let what is on an instance use what nobody else wants, until it is tightened."""
        found = self._find(placement)
        if found is not None:
            self._enclosures.loosen(_name(found))

    def tighten(self, placement: Placement) -> None:
        """Hold an instance to its share."""
        found = self._find(placement)
        if found is not None:
            self._enclosures.set(_name(found), self._lot(placement))

    def processes(self, placement: Placement) -> Sequence[int]:
        """Return the ids of the processes on an instance, children included."""
        found = self._find(placement)
        return self._enclosures.processes(_name(found)) if found else ()

    def kill(self, placement: Placement) -> None:
        """Kill all processes on an instance; they are gone a moment later."""
        found = self._find(placement)
        if found is not None:
            self._enclosures.kill(_name(found))

    def cores(self, placement: Placement) -> float:
        """Return what an instance of this placement is worth, in cores."""
        return self._lot(placement).cores

    def close(self) -> None:
        """Remove what is left in the system when no instance is."""
        self._enclosures.close()

    def _find(self, placement: Placement) -> Slice | None:
        return next((each for each in self.slices() if each.placement == placement), None)

    def _lot(self, placement: Placement) -> Lot:
        return self._share.lot(placement.start, self._gpu_type.profile(placement.profile).size or 1)


def _name(found: Slice) -> str:
    return f"{found.placement.start}-{found.placement.profile}-{found.uuid.removeprefix('CPU-')}"


def _uuid(key: str) -> str:
    return f"CPU-{key}"


def _spell(pids: Sequence[int]) -> str:
    shown = ", ".join(map(str, pids[:8]))
    noun = "process" if len(pids) == 1 else "processes"
    return f"{noun} {shown}" + (f" and {len(pids) - 8} more" if len(pids) > 8 else "")
