"""Rings of whole numbers between two threads, one that puts and one that takes, without a lock.

A ring is one array: a word that counts what was taken, a word that counts what was put, each on a
cache line of its own, and the places behind them.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from heddle.runtime.atomics import atomic_load, atomic_store
from heddle.runtime.compiled import compiled

TAKEN: Final = 0
PUT: Final = 8
FIRST: Final = 16
ORDER_WORDS: Final = 3  # an order is: what, of which launch or queue, why


def new_ring(places: int, words: int = 1) -> Any:
    """An empty ring for as many items of as many words."""
    return np.zeros(FIRST + places * words, dtype=np.int64)


@compiled
def waiting(ring: Any) -> int:
    """How many items can be taken."""
    return atomic_load(ring, PUT) - atomic_load(ring, TAKEN)


@compiled
def is_full(ring: Any) -> bool:
    """Whether no single number more fits."""
    return waiting(ring) >= ring.shape[0] - FIRST


@compiled
def put(ring: Any, value: int) -> None:
    """Puts one number; the caller knows that there is room."""
    count = ring[PUT]
    ring[FIRST + count % (ring.shape[0] - FIRST)] = value
    atomic_store(ring, PUT, count + 1)


@compiled
def take(ring: Any) -> int:
    """The oldest number; the caller knows that there is one."""
    count = ring[TAKEN]
    value = ring[FIRST + count % (ring.shape[0] - FIRST)]
    atomic_store(ring, TAKEN, count + 1)
    return value


@compiled
def put_order(ring: Any, order: int, subject: int, reason: int) -> None:
    """Puts one order."""
    count = ring[PUT]
    place = FIRST + count % ((ring.shape[0] - FIRST) // ORDER_WORDS) * ORDER_WORDS
    ring[place] = order
    ring[place + 1] = subject
    ring[place + 2] = reason
    atomic_store(ring, PUT, count + 1)


@compiled
def take_order(ring: Any) -> tuple[int, int, int]:
    """The oldest order: what, of which launch or queue, and why."""
    count = ring[TAKEN]
    place = FIRST + count % ((ring.shape[0] - FIRST) // ORDER_WORDS) * ORDER_WORDS
    order = (ring[place], ring[place + 1], ring[place + 2])
    atomic_store(ring, TAKEN, count + 1)
    return order
