"""A draft: steps written down one after another, and where they lead.

Planners write into one; ``plan`` makes a ``Transition`` of it. Steps may be added in
any order: ``finished`` puts them into a topological order.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable

from heddle.cluster.command import Action
from heddle.cluster.deployment import Deployment, PlannedInstance
from heddle.cluster.gpu import Gpu
from heddle.cluster.partition import Placement
from heddle.transition.action_times import ActionTimes
from heddle.transition.step import Step


class Draft:
    """Steps under construction; numbers given out by the methods name them.

    Parameters
    ----------
    times
        Estimates how long each step takes.

    Attributes
    ----------
    target
        The deployment that the steps lead to, on the GPUs that carry it; set by the
        planner.
    """

    def __init__(self, times: ActionTimes, target: Deployment) -> None:
        self._times = times
        self.target = target
        self._steps: list[tuple[Action, Gpu, Placement, PlannedInstance | None, int | None]] = []
        self._after: list[set[int]] = []

    def __len__(self) -> int:
        return len(self._steps)

    @property
    def gpus(self) -> set[Gpu]:
        """The GPUs that steps touch."""
        return {gpu for _, gpu, _, _, _ in self._steps}

    def create(self, gpu: Gpu, placement: Placement, move: int | None = None) -> int:
        """Add the making of an instance and return its number."""
        return self._add(Action.CREATE, gpu, placement, None, move)

    def destroy(self, gpu: Gpu, placement: Placement, move: int | None = None) -> int:
        """Add the removal of an instance and return its number."""
        return self._add(Action.DESTROY, gpu, placement, None, move)

    def start(self, gpu: Gpu, serving: PlannedInstance, move: int | None = None) -> int:
        """Add the start of a service on an instance and return its number."""
        placement = Placement(serving.start, serving.profile)
        return self._add(Action.START, gpu, placement, serving, move)

    def stop(self, gpu: Gpu, serving: PlannedInstance, move: int | None = None) -> int:
        """Add the stop of a service on an instance and return its number."""
        placement = Placement(serving.start, serving.profile)
        return self._add(Action.STOP, gpu, placement, serving, move)

    def order(self, before: int, after: int) -> None:
        """Let ``after`` wait until ``before`` is done."""
        self._after[after].add(before)

    def order_all(self, before: Iterable[int], after: int) -> None:
        """Let ``after`` wait until all of ``before`` are done."""
        self._after[after].update(before)

    def finished(self) -> tuple[Step, ...]:
        """Return the steps in topological order, numbered anew; ties by number.

        Raises
        ------
        ValueError
            Steps wait for each other in a circle: a planner is wrong.
        """
        followers: list[list[int]] = [[] for _ in self._steps]
        waiting = [len(before) for before in self._after]
        for number, before in enumerate(self._after):
            for other in before:
                followers[other].append(number)
        ready = [number for number, count in enumerate(waiting) if count == 0]
        heapq.heapify(ready)
        new_id: dict[int, int] = {}
        steps: list[Step] = []
        while ready:
            number = heapq.heappop(ready)
            new_id[number] = len(steps)
            steps.append(self._step(number, new_id))
            for follower in followers[number]:
                waiting[follower] -= 1
                if waiting[follower] == 0:
                    heapq.heappush(ready, follower)
        if len(steps) < len(self._steps):
            raise ValueError("steps wait for each other in a circle")
        return tuple(steps)

    def _add(
        self,
        action: Action,
        gpu: Gpu,
        placement: Placement,
        serving: PlannedInstance | None,
        move: int | None,
    ) -> int:
        self._steps.append((action, gpu, placement, serving, move))
        self._after.append(set())
        return len(self._steps) - 1

    def _step(self, number: int, new_id: dict[int, int]) -> Step:
        action, gpu, placement, serving, move = self._steps[number]
        return Step(
            id=new_id[number],
            action=action,
            gpu=gpu.id,
            placement=placement,
            serving=serving,
            estimate_s=self._times.estimate_s(action, gpu),
            after=tuple(sorted(new_id[other] for other in self._after[number])),
            move=move,
        )
