"""An instance process that is measured: how it is ordered, awaited, moved and ended.

``slice_bench`` gives it a slice. It is started as the node agent starts instances, by the
same launcher.
"""

from __future__ import annotations

import asyncio
import signal
from dataclasses import dataclass
from pathlib import Path

from heddle.cluster.deployment import PlannedInstance, ServedService
from heddle.cluster.partition import Placement
from heddle.errors import HostError, InputError
from heddle.runtime.agent.logs import last_lines
from heddle.runtime.agent.ports import free_port
from heddle.runtime.agent.readiness import ask
from heddle.runtime.device import Binding
from heddle.runtime.launching import LaunchOrder
from heddle.runtime.process import ProcessId, is_alive, members, terminate, wait_end, wait_gone
from heddle.serving.load.connection import Address
from heddle.serving.profiler.bench import CannotServeError, Case
from heddle.workload.service_spec import ServiceSpec
from heddle.workload.serving_spec import Engine, ServingSpec

#: In the paths of the protocol; the name of the network may hold anything.
_SERVICE = "profiled"
_READY_WITHIN_S = 120.0
_POLL_S = 0.02
#: How long killed processes may take to go.
GONE_WITHIN_S = 5.0
_NUM_LOG_LINES = 6
#: Requests never wait for company longer than a batch takes, whatever this is.
_SLO_MS = 60_000.0
_EXIT_BAD_INPUT = 2
_KIB_PER_MIB = 1024


@dataclass(frozen=True, slots=True)
class ProfiledInstance:
    """A :class:`heddle.serving.profiler.bench.RunningInstance` in a slice."""

    process: ProcessId
    placement: Placement
    case: Case
    num_threads: int
    address: Address
    is_on_cpu: bool
    service: str = _SERVICE

    def memory_mib(self) -> float | None:
        """Return the resident memory of its processes; None on a GPU, whose memory counts."""
        if not self.is_on_cpu:
            return None
        return sum(_resident_mib(pid) for pid in members(self.process))


def order_of(case: Case, placement: Placement, binding: Binding, folder: Path) -> LaunchOrder:
    """Return what is to be started at a point, in an empty folder of its own."""
    num_waiting = 4 * (case.batch * case.processes + 1)
    serving = ServingSpec(Engine.ONNX, path=case.network.path, max_queue=max(256, num_waiting))
    service = ServedService(case.network.name, rate_rps=1.0, latency_ms=_SLO_MS)
    port = free_port(())
    return LaunchOrder(
        instance=f"profile-{folder.name}",
        service=ServiceSpec(_SERVICE, service, serving, port),
        planned=PlannedInstance(
            placement.profile, placement.start, _SERVICE, case.batch, case.processes, 1.0, 1.0
        ),
        port=port,
        num_threads=binding.num_threads,
        folder=str(folder),
    )


async def until_ready(process: ProcessId, order: LaunchOrder, path: str, log: Path) -> None:
    """Wait for a process to be ready; InputError or CannotServeError when it ends or is late."""
    try:
        async with asyncio.timeout(_READY_WITHIN_S):
            while not (await ask(order.port, path)).is_yes(order.instance):
                if not is_alive(process):
                    _raise_ended(await wait_end(process), log)
                await asyncio.sleep(_POLL_S)
    except TimeoutError as error:
        raise CannotServeError(
            f"the instance was not ready within {_READY_WITHIN_S:g} s{_said(log)}"
        ) from error


def _raise_ended(exit_code: int | None, log: Path) -> None:
    lines = last_lines(log, _NUM_LOG_LINES)
    if exit_code == _EXIT_BAD_INPUT and lines:
        raise InputError(lines[-1].removeprefix("heddle: "))
    raise CannotServeError(f"the instance ended with exit code {exit_code}{_said(log)}")


def _said(log: Path) -> str:
    lines = last_lines(log, _NUM_LOG_LINES)
    return "; its log ends: " + " | ".join(lines) if lines else "; its log is empty"


def enter(process: ProcessId, binding: Binding) -> None:
    """Move a process that runs, with its children, into a slice."""
    for pid in members(process):
        for entry_file in binding.entry_files:
            try:
                Path(entry_file).write_text(str(pid), encoding="ascii")
            except OSError as error:
                raise HostError(
                    f"process {pid} cannot enter {entry_file}: {error.strerror}"
                ) from error


def kill(process: ProcessId) -> None:
    """End a process and its children at once; nothing is lost."""
    pids = members(process)
    terminate(process, signal.SIGKILL)
    wait_gone(pids, GONE_WITHIN_S)
    is_alive(process)  # takes its exit code


def _resident_mib(pid: int) -> float:
    try:
        text = Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return 0.0
    for line in text.splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / _KIB_PER_MIB
    return 0.0
