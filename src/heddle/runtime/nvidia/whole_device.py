"""A GPU that is not cut: MIG is off, is not to be had, or the product has none.

Its one instance is the GPU. Nothing in the hardware says whether that instance was made,
so a small file does; it survives the agent as MIG instances do.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from heddle.atomic_file import write_text
from heddle.cluster.gpu import Gpu
from heddle.cluster.gpu_type import GpuType
from heddle.cluster.partition import Placement, legal_partition
from heddle.cluster.profile import WHOLE
from heddle.errors import HostError, InputError
from heddle.runtime.device import Binding, Isolation, Slice
from heddle.runtime.nvidia.card import Card, bound_processes
from heddle.runtime.nvidia.in_use import refuse_in_use


class WholeDevice:
    """A :class:`heddle.runtime.device.Device` of one instance.

    Parameters
    ----------
    card
        The GPU.
    gpu_type
        A type with the single profile ``whole``.
    folder
        Exists; where the file ``<gpu id>.json`` says that the instance was made.
    """

    isolation = Isolation.WHOLE

    def __init__(self, card: Card, gpu_type: GpuType, folder: Path) -> None:
        self._card = card
        self.gpu_type = gpu_type
        self.gpu = Gpu(card.id, card.node, gpu_type.name)
        self._mark = folder / f"{card.id}.json"

    @property
    def description(self) -> str:
        """The hardware, and that it is not cut."""
        return f"{self._card.described}, whole: {self._card.remark}"

    def slices(self) -> Sequence[Slice]:
        """Return the instance when it was made; HostError when the GPU is gone."""
        uuid = self._card.require_present()
        return [Slice(Placement(0, WHOLE), uuid)] if self._was_made() else []

    def create(self, placement: Placement) -> Slice:
        """Note that the instance is made; a retryable HostError while others use the GPU."""
        legal_partition(self.gpu_type, [placement])
        uuid = self._card.require_present()
        if not self._was_made():
            pids = {process.pid for process in self._card.compute_processes()}
            refuse_in_use(self.gpu.id, placement, sorted(pids), "taken")
            self._write_mark(uuid)
        return Slice(placement, uuid)

    def destroy(self, placement: Placement) -> None:
        """Forget the instance; a retryable HostError while processes are bound to it.

        What others run on the GPU does not matter: nothing is done to it.
        """
        if placement != Placement(0, WHOLE) or not self._was_made():
            return
        refuse_in_use(self.gpu.id, placement, self.processes(placement), "removed")
        self._mark.unlink(missing_ok=True)

    def binding(self, placement: Placement) -> Binding:
        """Return the GPU by its UUID, and all the threads that belong to it."""
        if placement not in [made.placement for made in self.slices()]:
            raise InputError(f"{self.gpu.id} has no instance {placement.profile}; create it first")
        return self._card.binding(self._card.uuid, 1.0)

    def processes(self, placement: Placement) -> Sequence[int]:
        """Return the processes that were bound to the GPU, ascending."""
        if placement != Placement(0, WHOLE) or not self._was_made():
            return []
        return bound_processes(self._card.require_present())

    def close(self) -> None:
        """Do nothing: the file is gone with the instance."""

    def _write_mark(self, uuid: str) -> None:
        try:
            write_text(self._mark, json.dumps({"uuid": uuid}) + "\n")
        except InputError as error:
            raise HostError(f"{self.gpu.id}: {error}", is_retryable=True) from error

    def _was_made(self) -> bool:
        # A file that names another GPU is from before the cards were changed.
        try:
            return bool(json.loads(self._mark.read_text("utf-8"))["uuid"] == self._card.uuid)
        except (FileNotFoundError, ValueError, TypeError, KeyError):
            return False
