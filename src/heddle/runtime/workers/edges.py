"""Kernel edges of the cpu device: how the next launch of a queue is opened, by whoever is there.

Launches of a queue stand in its stream in the order given; their places are counted from 0. One
word, which only grows, says where a stream is, ``4 * place + step``: at ``WAITING`` the launch at
that place has not been opened, at ``OPENING`` one thread is doing so, at ``OPEN`` its blocks can be
claimed.

- Whoever wants to open a launch replaces ``WAITING`` by ``OPENING``; only one thread can. It writes
  the launch's words and the stream's front, then ``OPEN``.
- A launch is over when no block is left to claim and then no worker is inside. Whoever sees that
  replaces ``OPEN`` by ``WAITING`` of the next place; only one thread can. What was seen of a row of
  launches holds if that succeeds: the word had not moved, so the row was not given away meanwhile.

The last worker out does both, so that kernels follow each other without the dispatcher; it passes
launches that ran whole and opens such as need no decision. The dispatcher does the same for all
others: those that were closed or failed, have no blocks, or must leave. Only the dispatcher
reports: it walks behind each stream up to the place where it is, so reports come in the order of
the stream, and a row is free only after that. A worker that moved a stream raises its count of
events, after which the dispatcher looks: an order to leave that a worker did not see while it
opened a launch is carried out then.
"""

from __future__ import annotations

from typing import Any

from heddle.runtime.atomics import atomic_add, atomic_load, atomic_replace, atomic_store
from heddle.runtime.compiled import compiled
from heddle.runtime.core.constants import RETIRED
from heddle.runtime.workers.news import make_news
from heddle.runtime.workers.workshop import (
    CLOSED,
    EDGE,
    HAS_FAILED,
    INSIDE,
    LINE,
    OPEN,
    OPENED,
    OPENING,
    STEPS,
    TAIL,
    TICKET,
    TURN,
    WAITING,
    Workshop,
)


@compiled
def go_on(kernels: Any, launches: Any, shop: Workshop, queue: int) -> None:
    """Passes the front of a stream if it ran whole, and opens the next if that may simply run."""
    line = queue * LINE
    edge = atomic_load(shop.fronts, line + EDGE)
    if edge % STEPS == OPEN:
        launch = launch_at(shop, queue, edge // STEPS)
        has_run_whole = (
            launches.blocks[launch] <= atomic_load(shop.launches, launch * LINE + TICKET) < CLOSED
        )
        if not has_run_whole or not pass_launch(shop, queue, edge, launch):
            return
        edge += STEPS - OPEN
    if edge % STEPS != WAITING or edge // STEPS >= atomic_load(shop.fronts, line + TAIL):
        return
    launch = launch_at(shop, queue, edge // STEPS)
    may_open = (
        is_runnable(kernels, launches, launch)
        and not is_told_to_leave(launches, shop, launch)
        and is_gate_open(launches, launch)
    )
    if may_open and open_launch(shop, queue, edge, launch) and shop.wakers.shape[0] > 1:
        make_news(shop)


@compiled
def launch_at(shop: Workshop, queue: int, place: int) -> int:
    """The launch at a place of a stream."""
    return shop.streams[queue, place % shop.streams.shape[1]]


@compiled
def pass_launch(shop: Workshop, queue: int, edge: int, launch: int) -> bool:
    """Moves on from a launch of which no block can be claimed, if nobody is inside any more."""
    if atomic_load(shop.launches, launch * LINE + INSIDE) > 0:
        return False
    return atomic_replace(shop.fronts, queue * LINE + EDGE, edge, edge + STEPS - OPEN)


@compiled
def open_launch(shop: Workshop, queue: int, edge: int, launch: int) -> bool:
    """Lets blocks of a launch be claimed, unless another thread was first."""
    own, line = launch * LINE, queue * LINE
    if not atomic_replace(shop.fronts, line + EDGE, edge, edge + OPENING):
        return False
    shop.launches[own + HAS_FAILED] = 0
    shop.launches[own + TURN] = atomic_add(shop.state, OPENED, 1)
    atomic_store(shop.launches, own + TICKET, 0)
    atomic_store(shop.fronts, line, launch)
    atomic_store(shop.fronts, line + EDGE, edge + OPEN)
    return True


@compiled
def is_runnable(kernels: Any, launches: Any, launch: int) -> bool:
    """Whether it has blocks and its kernel a body."""
    return launches.blocks[launch] > 0 and kernels.handle[launches.kernel[launch]] != 0


@compiled
def is_gate_open(launches: Any, launch: int) -> bool:
    """Whether the launch beside which it may run has begun, or is over.

    Also asked by workers while the row of that launch is given to another: its serial number has
    changed then, or its start is gone and the gate seems closed until the dispatcher looks.
    """
    gate = launches.gate[launch]
    if gate < 0 or launches.serial[gate] != launches.gate_serial[launch]:
        return True
    return launches.started_ns[gate] > 0 or launches.state[gate] == RETIRED


@compiled
def is_told_to_leave(launches: Any, shop: Workshop, launch: int) -> bool:
    """Whether the epoch of its queue is newer than its own."""
    flag = atomic_load(shop.flags, launches.queue[launch] * LINE)
    return flag > launches.epoch[launch]
