"""A load on the cuda device: real-time clients at a rate or in a closed loop, best-effort clients.

The sections that hold policies against each other use it. Real-time tasks are submitted ahead with
the time at which they are due, so that no Python stands on their path.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from heddle.errors import HostError
from heddle.runtime.core import rings
from heddle.runtime.core.constants import BE, FINISHED, RT
from heddle.runtime.core.kernel import QueueSpec
from heddle.runtime.core.registration import add_queue, release, submit
from heddle.runtime.cuda.backend import CudaBackend
from heddle.runtime.cuda.device_kernel import DeviceKernel

_AHEAD_NS: Final = 50_000_000
_LOOK_NS: Final = 2_000_000
_QUEUED: Final = 2  # tasks of a best-effort client, so that one always waits
_GRACE_NS: Final = 2_000_000_000


@dataclass(frozen=True)
class Client:
    """Who submits a network: at a rate, by chance where so said, or in a closed loop (rate 0)."""

    network: str
    kind: int
    rate_rps: float = 0.0
    is_poisson: bool = False


@dataclass
class Played:
    """What came out: latencies of each client, ns, and how long it was watched, s."""

    seconds: float
    latencies_ns: list[list[int]]
    preemptions_ns: dict[str, np.ndarray] = field(default_factory=dict)
    device_error: str = ""

    def of(self, clients: Sequence[Client], kind: int) -> np.ndarray:
        """All latencies of the clients of a kind."""
        chosen = [
            times
            for client, times in zip(clients, self.latencies_ns, strict=True)
            if client.kind == kind
        ]
        return np.array([each for times in chosen for each in times], dtype=np.float64)


class Play:
    """One run of clients on an open device.

    Parameters
    ----------
    device
        Fresh; the play adds queues and programs.
    clients
        Who submits.
    seed
        For arrivals by chance.
    own
        Kernels of networks that the device has not by name.
    """

    def __init__(
        self,
        device: CudaBackend,
        clients: Sequence[Client],
        seed: int = 0,
        own: Mapping[str, Sequence[DeviceKernel]] | None = None,
    ) -> None:
        self._device = device
        self._clients = tuple(clients)
        self._random = np.random.default_rng(seed)
        self._queues = [
            add_queue(device.board, QueueSpec(client.kind, capacity=256)) for client in clients
        ]
        made = own or {}
        self._programs = [
            device.add_program_of(made[client.network])
            if client.network in made
            else device.add_network(client.network)
            for client in clients
        ]
        self._due_ns = [0] * len(self._clients)
        self._owners: dict[int, int] = {}
        self._num_ended = [0] * len(self._clients)
        self._latencies_ns: list[list[int]] = [[] for _ in clients]

    def run(self, seconds: float) -> Played:
        """Runs for some seconds; tasks that end later do not count."""
        device = self._device
        begun_ns = device.now_ns() + _LOOK_NS
        end_ns = begun_ns + int(seconds * 1e9)
        self._due_ns = [
            begun_ns + index * 1_000_000 // max(1, len(self._clients))
            for index in range(len(self._clients))
        ]
        for index, client in enumerate(self._clients):
            if client.rate_rps == 0:
                for _ in range(1 if client.kind == RT else _QUEUED):
                    self._submit(index, begun_ns)
        error = ""
        try:
            while device.now_ns() < end_ns:
                self._submit_ahead(end_ns)
                device.advance(min(end_ns, device.now_ns() + _LOOK_NS))
                self._take(end_ns)
        except HostError as trouble:
            error = str(trouble)
        return Played(seconds, self._latencies_ns, _preemptions(device), error)

    def finish(self, index: int) -> int:
        """Waits for what a client still has queued; how many of its tasks were run in all."""
        limit_ns = self._device.now_ns() + _GRACE_NS
        while index in self._owners.values() and self._device.now_ns() < limit_ns:
            self._device.advance(self._device.now_ns() + _LOOK_NS)
            self._take(0)
        return self._num_ended[index]

    def _submit_ahead(self, end_ns: int) -> None:
        horizon_ns = min(end_ns, self._device.now_ns() + _AHEAD_NS)
        for index, client in enumerate(self._clients):
            while client.rate_rps and self._due_ns[index] < horizon_ns:
                self._submit(index, self._due_ns[index])
                gap_s = 1 / client.rate_rps
                if client.is_poisson:
                    gap_s = float(self._random.exponential(gap_s))
                self._due_ns[index] += max(1, int(gap_s * 1e9))

    def _submit(self, index: int, due_ns: int) -> None:
        board = self._device.board
        task = submit(board, self._queues[index], self._programs[index], due_ns)
        self._owners[task] = index

    def _take(self, end_ns: int) -> None:
        board = self._device.board
        while rings.waiting(board.outbox):
            task = rings.take(board.outbox)
            index = self._owners.pop(task)
            self._num_ended[index] += int(board.tasks.state[task] == FINISHED)
            ended_ns = int(board.tasks.ended_ns[task])
            is_counted = board.tasks.state[task] == FINISHED and ended_ns < end_ns
            if is_counted:
                self._latencies_ns[index].append(ended_ns - int(board.tasks.due_ns[task]))
            release(board, task)
            if self._clients[index].rate_rps == 0 and ended_ns < end_ns:
                self._submit(index, self._device.now_ns())


def alone_ns(device: CudaBackend, network: str, times: int) -> float:
    """The median latency of a network that has the device to itself, ns."""
    queue = add_queue(device.board, QueueSpec(RT))
    program = device.add_network(network)
    latencies_ns = []
    for _ in range(times):
        task = submit(device.board, queue, program, device.now_ns())
        device.advance(device.now_ns() + _GRACE_NS)
        if not rings.waiting(device.board.outbox):
            raise HostError(f"{network} did not end within {_GRACE_NS / 1e9:g} s")
        rings.take(device.board.outbox)
        row = device.board.tasks[task]
        latencies_ns.append(int(row.ended_ns) - int(row.due_ns))
        release(device.board, task)
    return float(np.median(latencies_ns[len(latencies_ns) // 5 :]))


def _preemptions(device: CudaBackend) -> dict[str, np.ndarray]:
    """Times of the parts of every closed preemption, ns."""
    board = device.board
    count = min(int(board.counts.preemptions[0]), len(board.preemptions))
    rows = board.preemptions[:count]
    rows = rows[(rows.started_ns > 0) & (rows.drained_ns > 0)]
    return {
        "whole": rows.started_ns - rows.arrived_ns,
        "notice": rows.noticed_ns - rows.arrived_ns,
        "flag": rows.flagged_ns - rows.noticed_ns,
        "drain": np.maximum(rows.drained_ns - rows.flagged_ns, 0),
        "launch": rows.started_ns - rows.noticed_ns,
    }


BEST_EFFORT: Final = BE
REAL_TIME: Final = RT
