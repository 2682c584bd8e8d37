"""The simulated cluster as a ``NodeDriver``: nodes, the events on their way, one clock.

An executor, a test or ``cluster_server`` holds one. Time moves only in :meth:`wait`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from operator import attrgetter

from heddle.clock import Clock
from heddle.cluster.command import Command
from heddle.cluster.event import Event, Outcome
from heddle.cluster.snapshot import Snapshot
from heddle.errors import InputError, listed, nearest
from heddle.simulator.durations import Durations
from heddle.simulator.engine import Engine, Rank
from heddle.simulator.faults import Delivery, Faults, FaultScript
from heddle.simulator.history import Entry, History
from heddle.simulator.node import Node, Surroundings
from heddle.simulator.world import World
from heddle.transition.action_times import builtin_times

_by_time = attrgetter("at_s")


class SimulatedDriver:
    """A cluster in this process, in virtual time.

    Parameters
    ----------
    world
        What there is at the beginning; the driver owns it from now on.
    durations
        How long commands take; by default around the table ``direct``.
    script
        What goes wrong.

    Raises
    ------
    InputError
        The script names a node that is not there.
    """

    def __init__(
        self,
        world: World,
        durations: Durations | None = None,
        script: FaultScript | None = None,
    ) -> None:
        self._engine = Engine()
        self._world = world
        self._faults = Faults(script or FaultScript())
        self._arrived: list[Event] = []
        self._entries: list[Entry] = []
        surroundings = Surroundings(
            engine=self._engine,
            world=world,
            durations=durations or Durations(builtin_times()["direct"]),
            faults=self._faults,
            send=self._carry,
            note=self._entries.append,
        )
        self._nodes = {name: Node(name, surroundings) for name in world.nodes}
        self._plan_absences(script or FaultScript())

    @property
    def clock(self) -> Clock:
        """Shows virtual seconds since the beginning."""
        return self._engine

    def observe(self) -> Snapshot:
        """Return what runs now; nodes that do not answer are named in it."""
        here = [node for node in self._nodes.values() if not node.is_away]
        return Snapshot(
            gpus=tuple(self._world.states(frozenset(node.name for node in here))),
            unreachable=frozenset(node.name for node in self._nodes.values() if node.is_away),
            in_progress=frozenset(command for node in here for command in node.running),
        )

    def submit(self, command: Command) -> None:
        """Ask a node for a change; a node that is not there refuses it."""
        node = self._nodes.get(command.node)
        if node is None:
            message = f"there is no node {command.node!r}"
            self._carry(Event(command.id, Outcome.REFUSED, self._engine.now_s(), message))
        else:
            node.receive(command)

    def wait(self, until_s: float) -> Sequence[Event]:
        """Return the events of the next instant that has any, or none at ``until_s``.

        Raises
        ------
        ValueError
            ``until_s`` is not a finite time: an event that is lost would never come.
        """
        if not math.isfinite(until_s):
            raise ValueError(f"wait until a finite time, not {until_s}")
        while not self._arrived and self._engine.next_s <= until_s:
            self._engine.run_instant()
        if not self._arrived:
            self._engine.move_to(until_s)
        events = sorted(self._arrived, key=_by_time)
        self._arrived.clear()
        return events

    def history(self) -> History:
        """Return all that happened until now."""
        return History(tuple(self._entries), self._world.rates.rates())

    def _carry(self, event: Event) -> None:
        """Take an event to the controller, or wherever the script says."""
        fault = self._faults.strike_event(event.command)
        if fault is None:
            self._arrived.append(event)
            return
        if fault.delivery is Delivery.TWICE:
            self._arrived.append(event)
        if fault.delivery is not Delivery.LOST:
            at_s = self._engine.now_s() + fault.late_s
            arrive = partial(self._arrived.append, event)
            self._engine.plan(at_s, Rank.DELIVERY, event.command, arrive)

    def _plan_absences(self, script: FaultScript) -> None:
        for fault in script.nodes:
            node = self._nodes.get(fault.node)
            if node is None:
                hint = nearest(fault.node, self._nodes)
                known = listed(self._nodes)
                raise InputError(f"unknown node {fault.node!r}{hint}; there are: {known}")
            vanish = partial(node.vanish, fault.loses)
            self._engine.plan(fault.vanishes_at_s, Rank.FAULT, fault.node, vanish)
            back_s = fault.vanishes_at_s + fault.for_s
            self._engine.plan(back_s, Rank.FAULT, fault.node, node.come_back)
        if self._engine.next_s <= self._engine.now_s():
            self._engine.run_instant()
