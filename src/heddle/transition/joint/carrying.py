"""Carrying a configuration on a spare GPU instead of the one that it was placed on.

The configuration can start at once and gives its credit early; the GPU that it leaves
comes free whole. That is done only where nothing would have stayed untouched, so it
costs no instance that could have run on. Called by ``spares`` where no order exists,
and by ``shortcuts`` to shorten one.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from heddle.cluster.gpu import Gpu
from heddle.transition.gpu_room import IdleGpus
from heddle.transition.joint.changes import Changes
from heddle.transition.joint.ordering import Stuck
from heddle.transition.joint.placed import PlacedGpu, PlacedTarget
from heddle.transition.joint.setting import Setting


class Carrier:
    """Moves configurations of one placed target to spare GPUs."""

    def __init__(self, setting: Setting, placed: PlacedTarget) -> None:
        self._setting = setting
        self._placed = placed
        self._movable = {
            gpu.gpu.id: position
            for position, gpu in enumerate(placed.gpus)
            if gpu.before and gpu.after and not gpu.untouched
        }

    def carried(self, gpu: str, reserved: frozenset[str] = frozenset()) -> PlacedTarget | None:
        """Return the target with the configuration of a GPU on a spare one.

        None when something would have stayed untouched, when there is no spare GPU, or
        when services that have to be spread over nodes are on its node already. GPUs
        that are ``reserved`` are not taken.
        """
        if gpu not in self._movable:
            return None
        moved = self._placed.gpus[self._movable[gpu]]
        spare = self._spare(moved.gpu.gpu_type, reserved)
        if spare is None or not self._may_be_on(moved, spare):
            return None
        gpus = list(self._placed.gpus)
        gpus[self._movable[gpu]] = replace(moved, after=())
        gpus.append(PlacedGpu(spare, (), moved.after))
        return PlacedTarget(tuple(gpus), self._placed.num_spares + 1)

    def most_useful(self, changes: Changes, stuck: Stuck) -> list[str]:
        """Return the GPUs whose configurations would help where an order is stuck, best first.

        What a configuration gives counts as far as the starts that wait lack it.
        """
        network = changes.network
        lacking: Counter[int] = Counter()
        for giver in stuck.waiting:
            rest = [taker for taker in network.blockers[giver] if taker not in stuck.taken]
            for service, need in network.needs(rest).items():
                lacking[service] += max(0, need - stuck.credit_micro[service])
        gives: Counter[str] = Counter()
        for giver in stuck.waiting:
            arriving = changes.arriving[giver]
            actor = network.givers[giver]
            if lacking[actor.service] and arriving.gpu.id in self._movable:
                share = actor.rate_micro * 1_000_000 // lacking[actor.service]
                gives[arriving.gpu.id] += share
        return sorted(gives, key=lambda gpu: (-gives[gpu], self._movable[gpu]))

    def _spare(self, gpu_type: str, reserved: frozenset[str]) -> Gpu | None:
        used = {gpu.gpu.id for gpu in self._placed.gpus} | reserved
        idle = IdleGpus(self._setting.request)
        while True:
            spare = idle.take(gpu_type)
            if spare is None or spare.id not in used:
                return spare

    def _may_be_on(self, moved: PlacedGpu, spare: Gpu) -> bool:
        """Whether spread services of a configuration are on no other GPU of a node."""
        services = {i.service for i in moved.after} & self._setting.spread
        return not any(
            instance.service in services
            for gpu in self._placed.gpus
            if gpu is not moved and gpu.gpu.node == spare.node
            for instance in gpu.after
        )
