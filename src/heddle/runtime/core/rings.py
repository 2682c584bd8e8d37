"""Putting into and taking from the rings of a board, from either side, without a lock."""

from __future__ import annotations

from heddle.runtime.atomics import atomic_load, atomic_store
from heddle.runtime.compiled import compiled
from heddle.runtime.core.board import Ring


@compiled
def waiting(ring: Ring) -> int:
    """How many numbers can be taken."""
    return atomic_load(ring.tail, 0) - atomic_load(ring.head, 0)


@compiled
def is_full(ring: Ring) -> bool:
    """Whether nothing more fits."""
    return waiting(ring) >= ring.rows.shape[0]


@compiled
def put(ring: Ring, value: int) -> None:
    """Puts one number; the caller knows that there is room."""
    tail = ring.tail[0]
    ring.rows[tail % ring.rows.shape[0]] = value
    atomic_store(ring.tail, 0, tail + 1)


@compiled
def take(ring: Ring) -> int:
    """The oldest number; the caller knows that there is one."""
    head = ring.head[0]
    value = ring.rows[head % ring.rows.shape[0]]
    atomic_store(ring.head, 0, head + 1)
    return value


@compiled
def put_order(ring: Ring, order: int, subject: int, reason: int) -> None:
    """Puts one order: what, of which launch or queue, and why."""
    tail = ring.tail[0]
    place = tail % ring.rows.shape[0]
    ring.rows[place, 0] = order
    ring.rows[place, 1] = subject
    ring.rows[place, 2] = reason
    atomic_store(ring.tail, 0, tail + 1)
