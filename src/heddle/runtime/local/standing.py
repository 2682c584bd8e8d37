"""The standing of a device and its clients as JSON values: who waits, who holds it, figures."""

from __future__ import annotations

from typing import Any

import numpy as np

from heddle.runtime.core import constants
from heddle.runtime.core.board import Board
from heddle.runtime.local.clients import Client
from heddle.runtime.local.desk import Desk
from heddle.runtime.replay.results import Preemptions, figures

_MARKS = ("arrived_ns", "noticed_ns", "flagged_ns", "drained_ns", "started_ns")


def standing_of(desk: Desk) -> dict[str, Any]:
    """What ``status`` answers."""
    backend = desk.backend
    board = backend.board
    counts = board.counts
    return {
        "device": backend.name,
        "times": backend.label,
        "policy": desk.policy,
        "level": int(board.device.level),
        "state": desk.health.state,
        "stuck_kernel": desk.health.kernel,
        "networks": list(backend.networks()),
        "held_by": _held_by(desk),
        "clients": [_client(desk, each) for each in desk.clients.values()],
        "num_tasks": len(desk.tasks),
        "preemption_us": _preemption(board),
        "blocks": {
            "run": int(counts.blocks_run[0]),
            "lost": int(counts.blocks_lost[0]),
            "repeated": int(counts.blocks_repeated[0]),
        },
    }


def preemptions_of(board: Board) -> Preemptions:
    """The latest preemptions that are over, and how many there were."""
    rows = board.preemptions
    count = int(board.counts.preemptions[0])
    kept = np.arange(max(0, count - len(rows)), count) % len(rows)
    kept = kept[(kept != board.counts.open_preemption[0]) & (rows.started_ns[kept] > 0)]
    marks_ns = np.stack([rows[name][kept] for name in _MARKS], axis=1)
    return Preemptions(count, rows.task[kept].copy(), rows.due_ns[kept].copy(), marks_ns)


def _preemption(board: Board) -> dict[str, Any]:
    found = preemptions_of(board)
    parts = {name: figures(part, ("p50", "p99"), 1e3) for name, part in found.parts_ns().items()}
    return {"count": found.count, **figures(found.total_ns, ("p50", "p99"), 1e3), "parts": parts}


def _client(desk: Desk, client: Client) -> dict[str, Any]:
    seat, board = client.seat, desk.backend.board
    num_at_work = int(_num_in_flight(board, seat.queue) > 0)
    return {
        "client": client.number,
        "network": seat.network,
        "priority": seat.kind,
        "waiting": max(0, len(client.alive) - num_at_work),
        "at_work": num_at_work,
        "standalone_ms": desk.alone_ms(client),
        "is_gone": client.is_gone,
        **client.counts,
    }


def _held_by(desk: Desk) -> list[int]:
    """Clients with something on the device: real-time ones before best-effort ones."""
    board = desk.backend.board
    holding = [each for each in desk.clients.values() if _num_in_flight(board, each.seat.queue) > 0]
    holding.sort(key=lambda each: (board.queues.kind[each.seat.queue] != constants.RT, each.number))
    return [each.number for each in holding]


def _num_in_flight(board: Board, queue: int) -> int:
    return int(board.queues.flight_tail[queue] - board.queues.flight_head[queue])
