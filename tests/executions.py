"""Executions for tests: a small transition, clusters with faults, controllers that die.

A controller dies by losing its executor before or after some write to its journal; what
is left are the ledger and the cluster, as after a SIGKILL.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from heddle.benchmarks.random_pairs import Sizes, random_pair
from heddle.cluster.catalogue import builtin_catalogue
from heddle.cluster.command import Action
from heddle.cluster.deployment import Configuration, Deployment, PlannedInstance, ServedService
from heddle.cluster.ledger import Entry, Ledger
from heddle.cluster.memory_ledger import MemoryLedger
from heddle.cluster.snapshot import differences
from heddle.errors import NoPlanError
from heddle.simulator.driver import SimulatedDriver
from heddle.simulator.durations import Durations, distribution_of
from heddle.simulator.extra_gpus import extra_gpus
from heddle.simulator.faults import FaultScript
from heddle.simulator.history import Kind
from heddle.simulator.world import World
from heddle.transition.action_times import ActionTimes, builtin_times
from heddle.transition.execution.limits import ExecutionLimits
from heddle.transition.execution.turning import Replanner
from heddle.transition.executor import Executor, Host
from heddle.transition.journal import Journal
from heddle.transition.plan import plan_transition
from heddle.transition.progress import ExecutionProgress, ExecutionResult
from heddle.transition.request import TransitionRequest
from heddle.transition.transition import Transition
from transition_cases import CATALOGUE, StepList, transition_of

type_of = CATALOGUE.get
DIRECT = builtin_times()["direct"]
#: Round, and all different.
TIMES = ActionTimes(
    "tests",
    {Action.CREATE: 1.0, Action.DESTROY: 2.0, Action.START: 30.0, Action.STOP: 4.0},
)
REPLANNER = Replanner(plan_transition, type_of, DIRECT)


def no_plan(_: TransitionRequest) -> Transition:
    """Stand in for a planner that finds nothing."""
    raise NoPlanError("there is no other way")


HELPLESS = Replanner(no_plan, type_of, TIMES)

LEFT = PlannedInstance("3g.40gb", 0, "chat", 8, 1, 100.0, 10.0)
RIGHT = LEFT._replace(start=4)
VISION = PlannedInstance("1g.10gb", 6, "vision", 4, 1, 40.0, 10.0)


def _services(**required_rps: float) -> dict[str, ServedService]:
    return {n: ServedService(n, rate, 50.0, required_rps=rate) for n, rate in required_rps.items()}


def _gpu(number: int, *instances: PlannedInstance) -> Configuration:
    return Configuration(f"gpu-{number}", f"node-{number}", "A100-80GB", instances)


#: chat has 200 requests/s; it needs 200 before, 150 after and so 150 on the way.
ORIGIN = Deployment(_services(chat=200.0), (_gpu(0, LEFT), _gpu(1, LEFT)))
TARGET = Deployment(_services(chat=150.0, vision=30.0), (_gpu(0, VISION), _gpu(1, LEFT, RIGHT)))


@cache
def small_transition() -> Transition:
    """Return a transition of six steps on two nodes: chat moves to gpu-1, vision comes."""
    steps = StepList()
    made = steps.create("gpu-1", RIGHT)
    started = steps.start("gpu-1", RIGHT, [made])
    stopped = steps.stop("gpu-0", LEFT, [started])
    steps.destroy("gpu-0", LEFT, [stopped])
    room = steps.create("gpu-0", VISION)
    steps.start("gpu-0", VISION, [room])
    times = [replace(s, estimate_s=TIMES.default[s.action]) for s in steps.steps]
    return transition_of(ORIGIN, TARGET, times)


@cache
def planned_transition(seed: int, num_gpus: int = 8) -> Transition:
    """Return a transition between two random deployments of at most so many GPUs."""
    pair = random_pair(np.random.default_rng(seed), Sizes(5, num_gpus, 3, 6))
    types = builtin_catalogue().get
    return plan_transition(TransitionRequest(pair.origin, pair.wanted, types, DIRECT))


@cache
def sixty_steps() -> Transition:
    """Return a planned transition of about sixty steps, on nodes of three GPUs each."""
    pair = random_pair(np.random.default_rng(39), Sizes(5, 8, 3, 6))
    sides = [_on_nodes_of_three(side) for side in (pair.origin, pair.wanted)]
    transition = plan_transition(TransitionRequest(sides[0], sides[1], type_of, DIRECT))
    assert 50 <= len(transition.steps) <= 80, "take another seed"
    return transition


def _on_nodes_of_three(deployment: Deployment) -> Deployment:
    configurations = tuple(
        replace(configuration, node=f"node-{number // 3}")
        for number, configuration in enumerate(deployment.configurations)
    )
    return replace(deployment, configurations=configurations)


def writable(transition: Transition) -> Transition:
    """Return a transition that a file can hold: every service requires something."""
    before, after = dict(transition.origin.services), dict(transition.target.services)
    for name in before.keys() & after.keys():
        if 0.0 in (before[name].rate_rps, after[name].rate_rps):
            del after[name]
    for side in (before, after):
        for name, service in side.items():
            if service.rate_rps == 0.0:
                side[name] = service._replace(rate_rps=1.0, required_rps=1.0)
    return replace(
        transition,
        origin=replace(transition.origin, services=before),
        target=replace(transition.target, services=after),
    )


class Cluster(NamedTuple):
    """How to make a simulated cluster, again and again the same."""

    script: FaultScript = FaultScript()
    num_extra_gpus: int = 0
    variation: float = 0.0
    seed: int = 0
    times: ActionTimes = DIRECT

    def started(self, transition: Transition) -> SimulatedDriver:
        """Return the cluster in which a transition begins."""
        extra = extra_gpus(list(transition.gpus.values()), self.num_extra_gpus)
        world = World.of(transition, extra, type_of, self.seed)
        durations = Durations(self.times, distribution_of(self.variation), self.seed)
        return SimulatedDriver(world, durations, self.script)


PLAIN = Cluster()


class Died(BaseException):
    """The controller is gone; nothing of it may be used any more."""


class Mortal:
    """A ledger whose owner dies at a write: before it when ``at`` is negative, else after."""

    def __init__(self, ledger: Ledger, at: int) -> None:
        self._ledger = ledger
        self._num_left = abs(at)
        self._is_before = at < 0

    @property
    def name(self) -> str:
        return self._ledger.name

    def append(self, kind: str, members: Mapping[str, Any]) -> Entry:
        self._num_left -= 1
        if self._num_left == 0 and self._is_before:
            raise Died
        entry = self._ledger.append(kind, members)
        if self._num_left == 0:
            raise Died
        return entry

    def entries(self, after: int = 0) -> Sequence[Entry]:
        return self._ledger.entries(after)

    def close(self) -> None:
        """Leave the ledger to the next controller."""


class Ended(NamedTuple):
    """An execution that came to its end, and what it left."""

    transition: Transition
    result: ExecutionResult
    driver: SimulatedDriver
    ledger: Ledger
    num_lives: int

    @property
    def sentences(self) -> list[str]:
        return [decision.sentence for decision in self.result.decisions]

    def wrongs(self, *, keeps_floors: bool = True) -> list[str]:
        """Return what the world holds against it; nothing if all laws were kept."""
        history, snapshot = self.driver.history(), self.driver.observe()
        found = differences(self.result.deployment, snapshot)
        for gpu, instance in snapshot.unserved():
            found.append(f"leaked: {instance.placement} of {gpu.id}")
        found.extend(f"still in progress: {command}" for command in snapshot.in_progress)
        done = [command.id.rpartition("/")[0] for command in history.commands(Kind.DONE)]
        found.extend(
            f"done twice: {step}" for step in sorted({s for s in done if done.count(s) > 1})
        )
        if keeps_floors:
            floors = {n: floor.floor_rps for n, floor in self.transition.floors.items()}
            found.extend(history.below(floors))
        return found


Act = Callable[[Executor, int], None]


class Setting(NamedTuple):
    """With what an executor works."""

    replanner: Replanner = REPLANNER
    limits: ExecutionLimits | None = None
    on_progress: Callable[[ExecutionProgress], None] = lambda _: None


USUAL = Setting()


def executor_of(
    transition: Transition, driver: SimulatedDriver, ledger: Ledger, setting: Setting = USUAL
) -> Executor:
    """Return an executor that reads its journal now."""
    return Executor(
        transition,
        Host(driver, driver.clock),
        Journal(ledger, driver.clock),
        setting.replanner,
        setting.limits,
        setting.on_progress,
    )


def carried_out(
    transition: Transition,
    cluster: Cluster = PLAIN,
    deaths: Sequence[int] = (),
    setting: Setting = USUAL,
    act: Act = lambda *_: None,
) -> Ended:
    """Carry a transition out to its end, by as many controllers as it takes.

    Parameters
    ----------
    deaths
        At which of its writes each controller dies, as for :class:`Mortal`; 0 is never.
        After the last, controllers live on.
    act
        Called with each executor and the number of its life, from 0, before it runs.
    """
    driver, ledger = cluster.started(transition), MemoryLedger()
    for life in range(10_000):
        at = deaths[life] if life < len(deaths) else 0
        try:
            executor = executor_of(
                transition, driver, Mortal(ledger, at) if at else ledger, setting
            )
            act(executor, life)
            result = executor.run()
        except Died:
            continue
        if result.outcome.value != "paused":
            return Ended(transition, result, driver, ledger, life + 1)
    raise AssertionError("it never ends")
