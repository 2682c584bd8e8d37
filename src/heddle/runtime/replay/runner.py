"""The runner: plays a DISB workload on a device, as its file says.

Requests of schedules are submitted ahead with their due times, so that nothing here stands on the
path of real-time work; closed loops and dependent clients get their next request when one is over.
Called by ``heddle run`` and the benchmarks with a device that ``backends`` opened; ``results`` says
what came out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np

from heddle.errors import HostError
from heddle.runtime.core import rings
from heddle.runtime.core.backend import Backend
from heddle.runtime.core.board import Board
from heddle.runtime.core.constants import HEALTHY, STUCK
from heddle.runtime.replay.naming import networks_of
from heddle.runtime.replay.players import Player
from heddle.runtime.replay.results import (
    Blocks,
    ClientResult,
    Preemptions,
    RunResult,
)
from heddle.runtime.replay.sources import Source, source_of
from heddle.runtime.replay.window import Window
from heddle.workload.disb.arrivals import due_times, phase_shifts
from heddle.workload.disb.workload import DisbWorkload

_NS = 1_000_000_000
#: Schedules are submitted so far ahead, and progress is told so often, of the device's time.
_AHEAD_NS = 500_000_000
_STEP_NS = 100_000_000
#: A device with a real clock gets this long to take in what is due at once.
_LEAD_NS = 20_000_000


def _never() -> bool:
    return False


def _quiet(now_s: float, num_answered: int) -> None:
    del now_s, num_answered


@dataclass(frozen=True)
class Play:
    """How a workload is played.

    Parameters
    ----------
    seconds
        How long; None for as long as the file says.
    seed
        Draws Poisson arrivals.
    policy
        For the record: the device was opened with it.
    is_late_skipped
        DISB's rule: a client that is late takes the newest request that is due and gives up those
        before it. Otherwise every request of a schedule waits its turn.
    default_network
        For clients that name no network; empty: the first that the device has.
    alone_ms
        Latency alone on the device by client, from ``standalone``; shifts periodic clients.
    window
        What to record, where the device does so on its own clock (:class:`Recording`).
    should_stop, on_progress
        Asked, and told the device's time and the number of answers, every now and then.
    """

    seconds: float | None = None
    seed: int = 0
    policy: str = ""
    is_late_skipped: bool = False
    default_network: str = ""
    alone_ms: Mapping[str, float] = field(default_factory=dict)
    window: Window | None = None
    should_stop: Callable[[], bool] = _never
    on_progress: Callable[[float, int], None] = _quiet


@runtime_checkable
class Recording(Protocol):
    """A device that is told only when the run begins what to record, on its own clock."""

    def record(self, from_ns: int, until_ns: int) -> None:
        """Records spans between these times."""


class _Seat(NamedTuple):
    """One client: who plays it, where its requests come from, what it runs."""

    player: Player
    source: Source
    network: str


def play(backend: Backend, workload: DisbWorkload, how: Play) -> RunResult:
    """Plays it and returns what it showed.

    Raises
    ------
    InputError
        The device has no network of a name in the file, or no room for so many clients.
    HostError
        The device was lost, or a kernel on it never ends.
    """
    duration_s = how.seconds or workload.duration_s
    # 1. Every client gets a queue, a program and a source of requests.
    seats, remarks = _seats(backend, workload, how, duration_s)
    start_ns = backend.now_ns() + (_LEAD_NS if backend.label == "measured" else 0)
    end_ns = now_ns = round(duration_s * _NS)
    if how.window is not None and isinstance(backend, Recording):
        backend.record(start_ns + how.window.from_ns, start_ns + how.window.until_ns)
    by_queue = {seat.player.queue: seat for seat in seats}
    num_answered = 0
    while (now_ns := max(0, backend.now_ns() - start_ns)) < end_ns and not how.should_stop():
        # 2. What is due soon is submitted.
        horizon_ns = min(end_ns, now_ns + _AHEAD_NS)
        for seat in seats:
            seat.player.submit(seat.source, start_ns, now_ns, horizon_ns)
        # 3. The device works until a request is over, or for a short while.
        backend.advance(start_ns + min(end_ns, now_ns + _STEP_NS))
        # 4. What is over is taken back; sources that waited for it hear of it.
        num_answered += _take_back(backend.board, by_queue, start_ns, end_ns)
        _require_health(backend, seats)
        how.on_progress(now_ns / _NS, num_answered)
    # 5. The figures.
    return _result(backend, workload, how, (seats, remarks, start_ns, min(now_ns, end_ns)))


def _seats(
    backend: Backend, workload: DisbWorkload, how: Play, duration_s: float
) -> tuple[list[_Seat], list[str]]:
    networks, remarks = networks_of(workload, backend.networks(), how.default_network)
    alone_ns = {client: round(alone * 1e6) for client, alone in how.alone_ms.items()}
    shifts = phase_shifts(workload, alone_ns)
    room = len(backend.board.tasks) // max(1, len(workload.clients)) - 1
    seats = []
    for client in workload.clients:
        program = backend.add_network(networks[client.id])
        times = due_times(client, duration_s, how.seed, shifts.get(client.id, 0))
        source = source_of(client, times, is_late_skipped=how.is_late_skipped)
        player = Player(backend.board, client, program, room)
        seats.append(_Seat(player, source, networks[client.id]))
    return seats, remarks


def _take_back(board: Board, by_queue: dict[int, _Seat], start_ns: int, end_ns: int) -> int:
    """Return how many requests were answered."""
    num_answered = 0
    while rings.waiting(board.outbox) > 0:
        row = int(rings.take(board.outbox))
        player = by_queue[int(board.tasks.queue[row])].player
        serial = player.take(row, start_ns, end_ns)
        if serial is None:
            continue
        num_answered += 1
        for seat in by_queue.values():
            seat.source.ended(player.client.id, serial)
    return num_answered


def _require_health(backend: Backend, seats: list[_Seat]) -> None:
    board = backend.board
    state = int(board.counts.device_state[0])
    if state == HEALTHY:
        return
    if state == STUCK:
        launch = int(board.counts.stuck_launch[0])
        raise HostError(f"{backend.name} is stuck: {_culprit(board, seats, launch)} does not end")
    raise HostError(f"{backend.name} was lost while the workload ran; open it again")


def _culprit(board: Board, seats: list[_Seat], launch: int) -> str:
    if launch < 0:
        return "a kernel"
    queue, kernel = int(board.launches.queue[launch]), int(board.launches.kernel[launch])
    owners = [seat for seat in seats if seat.player.queue == queue]
    owner = f" of {owners[0].player.client.id!r} ({owners[0].network})" if owners else ""
    return f"kernel {kernel}{owner}"


def _result(
    backend: Backend,
    workload: DisbWorkload,
    how: Play,
    played: tuple[list[_Seat], list[str], int, int],
) -> RunResult:
    seats, remarks, start_ns, now_ns = played
    counts = backend.board.counts
    clients = tuple(_client(seat, how, now_ns) for seat in seats)
    return RunResult(
        device=backend.name,
        label=backend.label,
        policy=how.policy,
        workload=workload.name,
        seconds=now_ns / _NS,
        seed=how.seed,
        clients=clients,
        preemptions=_preemptions(backend.board, start_ns),
        blocks=Blocks(
            int(counts.blocks_run[0]), int(counts.blocks_lost[0]), int(counts.blocks_repeated[0])
        ),
        remarks=tuple(remarks),
        spans=tuple(backend.spans()),
        queues={seat.player.queue: seat.player.client.id for seat in seats},
        start_ns=start_ns,
    )


def _client(seat: _Seat, how: Play, now_ns: int) -> ClientResult:
    alone_ms = how.alone_ms.get(seat.player.client.id)
    return seat.player.result(seat.source, seat.network, alone_ms, now_ns)


def _preemptions(board: Board, start_ns: int) -> Preemptions:
    """Those that are over; the board keeps the latest."""
    rows = board.preemptions
    count = int(board.counts.preemptions[0])
    kept = np.arange(max(0, count - len(rows)), count) % len(rows)
    kept = kept[(kept != board.counts.open_preemption[0]) & (rows.started_ns[kept] > 0)]
    names = ("arrived_ns", "noticed_ns", "flagged_ns", "drained_ns", "started_ns")
    marks_ns = np.stack([rows[name][kept] for name in names], axis=1) - start_ns
    due_ns = rows.due_ns[kept] - start_ns
    return Preemptions(count, rows.task[kept].copy(), due_ns, marks_ns)
