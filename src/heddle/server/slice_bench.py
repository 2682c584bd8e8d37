"""One device of this machine as a bench: it cuts slices and runs an instance in them.

``profiling`` opens it. Where processor time is a quota, a process is loaded outside its
slice and then moved in, and goes on to the next profile by moving again: loading is not
what is measured, and in a small slice it would take longer than measuring.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from heddle.cluster.gpu_type import GpuType
from heddle.cluster.partition import Placement, legal_partition
from heddle.errors import InputError
from heddle.runtime.device import Binding, Device, Isolation
from heddle.runtime.process import ProcessId, is_alive, kill_all, spawn, wait_gone
from heddle.server.launcher import EngineLauncher
from heddle.server.profiled_instance import (
    GONE_WITHIN_S,
    ProfiledInstance,
    enter,
    kill,
    order_of,
    until_ready,
)
from heddle.serving.load.connection import Address
from heddle.serving.profiler.bench import CannotServeError, Case
from heddle.serving.profiler.metadata import require_point
from heddle.settings import child_environment

#: Works without a pause, in the processor and in its caches.
_NEIGHBOUR = "block = bytearray(1 << 20)\nwhile True:\n    block[:] = bytes(block)[::-1]\n"
_ON_CPU = (Isolation.QUOTA, Isolation.AFFINITY)


class SliceBench:
    """A :class:`heddle.serving.profiler.bench.Bench` on one device.

    Parameters
    ----------
    device
        To be cut; what others cut there stays.
    folder
        For logs and specifications; exists.
    """

    def __init__(self, device: Device, folder: Path) -> None:
        self.device = device
        self._folder = folder
        self._launcher = EngineLauncher()
        self._running: ProfiledInstance | None = None
        self._made: set[Placement] = set()
        self._neighbours: list[ProcessId] = []
        self._neighbour_places: list[Placement] = []
        self._num_starts = 0

    async def start(self, case: Case) -> ProfiledInstance:
        """Return a ready instance at a point; errors as the protocol has them."""
        if self._running is not None and self._running.case == case:
            return self._running
        moved = self._moved(case)
        if moved is None:
            self._end_running()
            moved = await self._started(case)
        self._running = moved
        await require_point(moved.address, moved.service, case, is_on_cpu=moved.is_on_cpu)
        return moved

    def occupy_rest(self) -> bool:
        """Fill the units beside the instance with processes that never pause."""
        if self.device.isolation not in _ON_CPU:
            return False
        while (placement := self._room(_largest_first(self.device.gpu_type))) is not None:
            try:
                self._create(placement)
            except InputError:
                break  # too small where instances are bound to whole cores
            self._neighbour_places.append(placement)
            binding = self.device.binding(placement)
            for _ in range(binding.num_threads):
                self._neighbours.append(self._spawn_neighbour(binding))
        return bool(self._neighbours)

    def release_rest(self) -> None:
        """End the neighbours and remove their slices."""
        for process in self._neighbours:
            kill(process)
        self._neighbours.clear()
        while self._neighbour_places:
            self._destroy(self._neighbour_places.pop())

    def close(self) -> None:
        """End all processes and remove all slices that were made here."""
        self.release_rest()
        self._end_running()
        for placement in list(self._made):
            self._destroy(placement)
        self.device.close()

    def _moved(self, case: Case) -> ProfiledInstance | None:
        """Carry the running instance into a slice of another profile; None where it cannot be."""
        running = self._running
        if running is None or self.device.isolation is not Isolation.QUOTA:
            return None
        kept = (running.case.network, running.case.batch, running.case.processes)
        if kept != (case.network, case.batch, case.processes):
            return None
        placement = self._room([case.profile])
        if placement is None or not is_alive(running.process):
            return None
        binding = self._bound(placement)
        if binding.num_threads != running.num_threads:
            self._destroy(placement)
            return None
        enter(running.process, binding)
        self._destroy(running.placement)
        return ProfiledInstance(
            running.process, placement, case, running.num_threads, running.address, is_on_cpu=True
        )

    async def _started(self, case: Case) -> ProfiledInstance:
        placement = self._room([case.profile])
        if placement is None:
            raise CannotServeError(
                f"{self.device.gpu.id} has no room for {case.profile} beside the instances that "
                "others made there"
            )
        binding = self._bound(placement)
        try:
            return await self._loaded(case, placement, binding)
        except BaseException:
            self._destroy(placement)
            raise

    async def _loaded(self, case: Case, placement: Placement, binding: Binding) -> ProfiledInstance:
        self._num_starts += 1
        folder = self._folder / str(self._num_starts)
        folder.mkdir(parents=True, exist_ok=True)
        log = folder / "log"
        order = order_of(case, placement, binding, folder)
        command = self._launcher.command(order)
        is_moved = self.device.isolation is Isolation.QUOTA
        environment = child_environment({**command.environment, **binding.environment})
        process = spawn(command.arguments, environment, log, folder, None if is_moved else binding)
        try:
            await until_ready(process, order, command.ready_path, log)
            if is_moved:
                enter(process, binding)
        except BaseException:
            kill(process)
            raise
        is_on_cpu = self.device.isolation in _ON_CPU
        address = Address("127.0.0.1", order.port)
        return ProfiledInstance(process, placement, case, binding.num_threads, address, is_on_cpu)

    def _bound(self, placement: Placement) -> Binding:
        try:
            self._create(placement)
        except InputError as error:
            raise CannotServeError(str(error)) from error
        return self.device.binding(placement)

    def _create(self, placement: Placement) -> None:
        self.device.create(placement)
        self._made.add(placement)

    def _destroy(self, placement: Placement) -> None:
        if placement not in self._made:
            return
        pids = self.device.processes(placement)
        kill_all(pids)
        wait_gone(pids, GONE_WITHIN_S)
        self.device.destroy(placement)
        self._made.discard(placement)

    def _room(self, profiles: list[str]) -> Placement | None:
        """Return the first placement of these profiles that is legal beside what exists."""
        if self.device.isolation is Isolation.WHOLE:
            return Placement(0, profiles[0])
        gpu_type = self.device.gpu_type
        existing = legal_partition(gpu_type, [each.placement for each in self.device.slices()])
        places = (Placement(s, name) for name in profiles for s in existing.free_starts(name))
        return next(places, None)

    def _end_running(self) -> None:
        running, self._running = self._running, None
        if running is not None:
            kill(running.process)
            self._destroy(running.placement)

    def _spawn_neighbour(self, binding: Binding) -> ProcessId:
        program = [sys.executable, "-I", "-S", "-c", _NEIGHBOUR]
        return spawn(program, child_environment({}), Path(os.devnull), binding=binding)


def _largest_first(gpu_type: GpuType) -> list[str]:
    profiles = sorted(gpu_type.profiles, key=lambda profile: -(profile.size or 0))
    return [profile.name for profile in profiles]
