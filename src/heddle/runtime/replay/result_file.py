"""A result as JSON, as ``heddle run --json`` writes it.

The keys up to ``blocks`` are fixed; those after them say more.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from heddle.atomic_file import write_text
from heddle.cluster.json_text import encode
from heddle.runtime.replay.results import (
    ClientResult,
    Preemptions,
    RunResult,
    figures,
    phases_of,
)

_PERCENTILES = ("p50", "p99")


def write_result(path: Path, result: RunResult) -> None:
    """Writes it, whole or not at all.

    Raises
    ------
    InputError
        The file cannot be written.
    """
    write_text(path, encode(result_members(result)) + "\n")


def result_members(result: RunResult) -> dict[str, Any]:
    """The members of the JSON object; times that nobody saw are null."""
    blocks = result.blocks
    return {
        "device": result.device,
        "policy": result.policy,
        "workload": result.workload,
        "clients": {client.id: _client(result, client) for client in result.clients},
        "preemption_us": preemption_members(result.preemptions),
        "blocks": {"run": blocks.run, "lost": blocks.lost, "repeated": blocks.repeated},
        "device_label": result.label,
        "seconds": result.seconds,
        "seed": result.seed,
        "reasons": list(result.remarks),
        "phases": {client.id: phases_of(client, result.preemptions) for client in result.clients},
    }


def preemption_members(preemptions: Preemptions) -> dict[str, Any]:
    """How many preemptions there were, and how long they took, microseconds."""
    parts = preemptions.parts_ns()
    return {
        "count": preemptions.count,
        **figures(preemptions.total_ns, _PERCENTILES, 1e3),
        "parts": {name: figures(part_ns, _PERCENTILES, 1e3) for name, part_ns in parts.items()},
    }


def _client(result: RunResult, client: ClientResult) -> dict[str, Any]:
    return {
        "kind": "rt" if client.is_real_time else "be",
        "completed": client.num_completed,
        "latency_ms": client.latency_ms(),
        "standalone_ms": client.alone_ms,
        "throughput_rps": result.rate_rps(client),
        "network": client.network,
        "unfinished": client.num_unfinished,
        "failed": client.num_failed,
        "skipped": client.num_skipped,
        "increase": {
            "over_standalone": client.over_alone(),
            "over_shared": client.over_shared(),
        },
    }
