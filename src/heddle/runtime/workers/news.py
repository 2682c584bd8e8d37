"""Waking threads of the cpu device that sleep, and sleeping, from compiled code."""

from __future__ import annotations

from heddle.runtime.atomics import atomic_add, atomic_load, atomic_store, call_system
from heddle.runtime.compiled import compiled
from heddle.runtime.workers.workshop import (
    IS_DISPATCHER_ASLEEP,
    IS_SOMEBODY_WAITING,
    LINE,
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
def nap(shop: Workshop, until_ns: int) -> None:
    """The dispatcher sleeps, ``until_ns`` at most, or until it is rung; spurious wakes are harmless."""
    calls = shop.calls
    line = dispatcher_line(shop)
    if call_system(calls.poll, line + POLLED * 8, 1, max(0, until_ns // _MS)) > 0:
        call_system(calls.read, calls.dispatcher_event, line + READ * 8, 8)
