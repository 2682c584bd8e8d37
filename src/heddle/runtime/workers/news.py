"""Waking threads of the cpu device that sleep, and sleeping, from compiled code."""

from __future__ import annotations

from typing import Any

from heddle.runtime.atomics import atomic_add, atomic_load, atomic_store, call_clock, call_system
from heddle.runtime.compiled import compiled
from heddle.runtime.workers.workshop import (
    IS_SOMEBODY_WAITING,
    LINE,
    NUM_ENTERED,
    ONE,
    POLLED,
    READ,
    SLEEPS,
    Workshop,
)

_MS = 1_000_000


@compiled
def dispatcher_line(shop: Workshop) -> int:
    """The address of the dispatcher's line of scratch words."""
    return shop.calls.scratch + shop.wakers.shape[0] * LINE * 8


@compiled
def ring(shop: Workshop, descriptor: int) -> None:
    """Adds one to an event descriptor."""
    call_system(shop.calls.write, descriptor, dispatcher_line(shop) + ONE * 8, 8)


@compiled
def make_news(shop: Workshop) -> None:
    """Lets every worker look again, also those that sleep."""
    atomic_add(shop.news, 0, 1)
    for worker in range(shop.wakers.shape[0]):
        if atomic_load(shop.events, worker * LINE + SLEEPS) == 1:
            ring(shop, shop.wakers[worker])


@compiled
def tell_clients(shop: Workshop) -> None:
    """Wakes whoever waits for the end of a task."""
    if atomic_load(shop.state, IS_SOMEBODY_WAITING) == 1:
        atomic_store(shop.state, IS_SOMEBODY_WAITING, 0)
        ring(shop, shop.calls.client_event)


@compiled
def say_entered(shop: Workshop) -> None:
    """Tells who opens the device that a thread is in its loop."""
    atomic_add(shop.state, NUM_ENTERED, 1)
    ring(shop, shop.calls.client_event)


@compiled
def nap(shop: Workshop, sleep_ns: int) -> None:
    """The dispatcher sleeps for ``sleep_ns`` at most, or until rung; to wake early is harmless."""
    calls = shop.calls
    line = dispatcher_line(shop)
    if call_system(calls.poll, line + POLLED * 8, 1, max(0, sleep_ns // _MS)) > 0:
        call_system(calls.read, calls.dispatcher_event, line + READ * 8, 8)


@compiled
def read_word(words: Any, index: int) -> int:
    """A shared word, for callers that are not compiled."""
    return atomic_load(words, index)


@compiled
def write_word(words: Any, index: int, value: int) -> None:
    """Writes a shared word, for callers that are not compiled."""
    atomic_store(words, index, value)


@compiled
def read_clock(shop: Workshop) -> int:
    """The machine's monotonic clock, ns, for callers that are not compiled."""
    return call_clock(shop.calls.clock)
