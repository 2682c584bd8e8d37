"""One GPU as NVML shows it: what the MIG device and the whole device have in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from heddle.errors import HostError
from heddle.runtime.cpu.device import SLICE_VARIABLE
from heddle.runtime.device import Binding
from heddle.runtime.nvidia.nvml import ComputeProcess, Handle, Nvml
from heddle.runtime.nvidia.nvml_error import NvmlError
from heddle.runtime.process import with_variable


@dataclass(frozen=True, slots=True)
class Card:
    """A GPU of this machine.

    Attributes
    ----------
    nvml, handle
        The open session, and the GPU in it.
    id, node
        What heddle calls the GPU and the machine.
    product, uuid
        As NVML says them.
    num_cores
        Processors of the host that may work for this GPU, at least 1.
    remark
        Why it is cut as it is, for people.
    """

    nvml: Nvml
    handle: Handle
    id: str
    node: str
    product: str
    uuid: str
    num_cores: int = 1
    remark: str = ""

    @property
    def described(self) -> str:
        """The product and its UUID."""
        return f"{self.product} ({self.uuid})"

    def require_present(self) -> str:
        """Return the UUID, asked for now; HostError when the GPU is gone or another one."""
        try:
            uuid = self.nvml.uuid(self.handle)
        except NvmlError as error:
            raise error.about(self.id) from error
        if uuid != self.uuid:
            raise HostError(f"{self.id} was {self.uuid} and is {uuid} now; restart the node agent")
        return uuid

    def compute_processes(self) -> Sequence[ComputeProcess]:
        """Return the processes on the GPU, whoever started them.

        For saying that something is in use, not for ending anything: the ids can be a
        stranger's, and in a container those of the host.
        """
        try:
            return self.nvml.compute_processes(self.handle)
        except NvmlError as error:
            raise error.about(self.id) from error

    def binding(self, uuid: str, part: float) -> Binding:
        """Return how a process is bound to the GPU or the MIG device of a UUID.

        ``part`` of the GPU, above 0, gives as much of the host's processors, at least one
        thread.
        """
        threads = max(1, int(self.num_cores * part))
        environment = {"CUDA_VISIBLE_DEVICES": uuid, SLICE_VARIABLE: uuid}
        return Binding(environment, num_threads=threads)


def bound_processes(uuid: str) -> Sequence[int]:
    """Return the processes that were bound to a UUID, and their children, ascending.

    Known by their environment, not by NVML: a process is bound before it opens the GPU,
    and one that somebody else put there is not ours to end.
    """
    return with_variable(SLICE_VARIABLE, uuid)
