"""Transitions for tests: small ones at random, and what to build others of.

None of them is made by a planner. ``random_transition`` is safe by construction: steps
of a slot stand in a chain, creates wait for what is in their way, and what the services
require is set afterwards to what the graph keeps.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
from hypothesis import strategies as st

from heddle.cluster.catalogue import builtin_catalogue
from heddle.cluster.command import Action
from heddle.cluster.deployment import Configuration, Deployment, PlannedInstance, ServedService
from heddle.cluster.gpu import Gpu
from heddle.cluster.gpu_type import GpuType
from heddle.cluster.partition import Partition, Placement, empty_partition
from heddle.cluster.profile import Profile
from heddle.transition.invariant.proof import prove
from heddle.transition.step import Step
from heddle.transition.transition import Transition
from heddle.units import MICRO
from transition_states import MAX_STEPS, least_rates_by_force

#: Four units with every kind of rule: a count below what fits, an engine, an excluded pair.
QUARTERS = GpuType(
    name="Quarters",
    profiles=(
        Profile("one", 1, 1, (0, 1, 2, 3), 3),
        Profile("one+x", 1, 1, (0, 1, 2, 3), 4, uses=MappingProxyType({"x": 1})),
        Profile("two", 2, 2, (0, 1, 2), 2),
        Profile("two+x", 2, 2, (0, 2), 2, uses=MappingProxyType({"x": 2})),
        Profile("four", 4, 4, (0,), 1),
    ),
    compute_slices=4,
    memory_units=4,
    memory_gb=16,
    engines=MappingProxyType({"x": 2}),
    excludes=(("one+x", "two"),),
)
CATALOGUE = builtin_catalogue().with_types([QUARTERS])
type_of = CATALOGUE.get

_SERVICES = ("ant", "bee", "cow", "dog")
_TYPES = ("Quarters", "A30-24GB", "A100-40GB")


def instance(
    profile: str, start: int, service: str, rate_rps: float = 100.0, batch: int = 1
) -> PlannedInstance:
    """Return an instance whose other members do not matter."""
    return PlannedInstance(profile, start, service, batch, 1, rate_rps, 10.0)


def deployment(
    required_rps: Mapping[str, float],
    gpus: Mapping[str, Sequence[PlannedInstance]],
    gpu_type: str = "A100-40GB",
    node: str = "node-0",
) -> Deployment:
    """Return a deployment of GPUs of one type."""
    services = {
        name: ServedService(name, rate, 50.0, required_rps=rate)
        for name, rate in required_rps.items()
    }
    return Deployment(
        services,
        tuple(Configuration(gpu, node, gpu_type, tuple(on)) for gpu, on in gpus.items()),
    )


class StepList:
    """Steps written down in their order; what they wait for by number."""

    def __init__(self) -> None:
        self.steps: list[Step] = []

    def create(self, gpu: str, on: PlannedInstance | Placement, after: Iterable[int] = ()) -> int:
        """Add a create and return its number."""
        return self.add(Action.CREATE, gpu, on, after)

    def destroy(self, gpu: str, on: PlannedInstance | Placement, after: Iterable[int] = ()) -> int:
        """Add a destroy and return its number."""
        return self.add(Action.DESTROY, gpu, on, after)

    def start(self, gpu: str, on: PlannedInstance, after: Iterable[int] = ()) -> int:
        """Add a start and return its number."""
        return self.add(Action.START, gpu, on, after)

    def stop(self, gpu: str, on: PlannedInstance, after: Iterable[int] = ()) -> int:
        """Add a stop and return its number."""
        return self.add(Action.STOP, gpu, on, after)

    def add(
        self, action: Action, gpu: str, on: PlannedInstance | Placement, after: Iterable[int]
    ) -> int:
        """Add a step and return its number."""
        serving = None
        if isinstance(on, PlannedInstance):
            serving = on if action in (Action.START, Action.STOP) else None
            on = Placement(on.start, on.profile)
        step = Step(len(self.steps), action, gpu, on, serving, 1.0, tuple(sorted(set(after))))
        self.steps.append(step)
        return step.id


def transition_of(
    origin: Deployment,
    target: Deployment,
    steps: Iterable[Step],
    borrowed: Iterable[Gpu] = (),
    unserved: Mapping[str, tuple[Placement, ...]] | None = None,
) -> Transition:
    """Return a transition that says of itself what its steps say."""
    steps = tuple(steps)
    draft = Transition(origin, target, steps, 0.0, 0, {}, tuple(borrowed), unserved=unserved or {})
    return with_claims(draft)


def with_claims(transition: Transition) -> Transition:
    """Return it with the makespan and the number of spare GPUs that its steps give."""
    done: list[float] = []
    for step in transition.steps:
        done.append(max((done[other] for other in step.after), default=0.0) + step.estimate_s)
    gpus = transition.gpus
    sides = [
        {c.gpu for c in side.configurations} for side in (transition.origin, transition.target)
    ]
    used = {step.gpu for step in transition.steps} | sides[0] | sides[1]
    spare_gpus = 0
    for name in {gpu.gpu_type for gpu in gpus.values()}:
        of_type = {gpu.id for gpu in gpus.values() if gpu.gpu_type == name}
        spare_gpus += len(used & of_type) - max(len(side & of_type) for side in sides)
    return replace(transition, makespan_s=max(done, default=0.0), spare_gpus=spare_gpus)


def random_transition(rng: np.random.Generator, max_steps: int = MAX_STEPS) -> Transition:
    """Return a small transition that keeps every floor, some of them just so.

    It has one to three GPUs of mixed types, restarts in place, instances without a
    service at the beginning, services of one side only, bridges on a borrowed GPU, and
    edges that nobody needs.
    """
    while True:
        case = _Case(rng)
        if len(case.drafts) <= max_steps:
            return _with_requirements(rng, case.transition())


def transitions(max_steps: int = MAX_STEPS) -> st.SearchStrategy[Transition]:
    """Return the strategy of :func:`random_transition`."""
    seeds = st.integers(0, 2**32 - 1)
    return seeds.map(lambda seed: random_transition(np.random.default_rng(seed), max_steps))


@dataclass
class _DraftStep:
    action: Action
    gpu: Gpu
    placement: Placement
    serving: PlannedInstance | None
    after: set[int]


class _Case:
    """A random pair of deployments and steps between them."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._names = _SERVICES[: int(rng.integers(1, len(_SERVICES) + 1))]
        self.drafts: list[_DraftStep] = []
        self.before: list[Configuration] = []
        self.after: list[Configuration] = []
        self.unserved: dict[str, tuple[Placement, ...]] = {}
        for number in range(int(rng.integers(1, 4))):
            gpu_type = _TYPES[int(rng.integers(len(_TYPES)))]
            self._add_gpu(Gpu(f"gpu-{number}", f"node-{number % 2}", gpu_type))
        if rng.random() < 0.5:
            self._add_bridge(Gpu("gpu-9", "node-9", "Quarters"))
        self._add_edges()

    def transition(self) -> Transition:
        """Return it, with services that require nothing yet."""
        steps = self._in_order()
        origin, target = self._side(self.before), self._side(self.after)
        named = {c.gpu for c in (*origin.configurations, *target.configurations)}
        borrowed = sorted({d.gpu for d in self.drafts if d.gpu.id not in named})
        return transition_of(origin, target, steps, borrowed, self.unserved)

    def _side(self, configurations: list[Configuration]) -> Deployment:
        shown = [c for c in configurations if c.instances]
        served = {i.service for c in shown for i in c.instances}
        names = [n for n in self._names if n in served or self._rng.random() < 0.1]
        services = {name: ServedService(name, 0.0, 50.0, required_rps=0.0) for name in names}
        return Deployment(services, tuple(shown))

    def _add_gpu(self, gpu: Gpu) -> None:
        rng = self._rng
        gpu_type = type_of(gpu.gpu_type)
        old = self._filled(empty_partition(gpu_type), 0.3)
        kept = empty_partition(gpu_type)
        for placement in old.placements:
            if rng.random() < 0.5 and placement.start in kept.free_starts(placement.profile):
                kept = kept.with_placement(placement)
        new = self._filled(kept, 0.3)
        before = {p: self._serving(p) for p in old.placements if rng.random() < 0.9}
        after = {
            p: before[p] if p in before and rng.random() < 0.4 else self._serving(p)
            for p in new.placements
        }
        idle = tuple(p for p in old.placements if p not in before)
        if idle:
            self.unserved[gpu.id] = idle
        self.before.append(self._configuration(gpu, before.values()))
        self.after.append(self._configuration(gpu, after.values()))
        for placement in (*old.placements, *(p for p in new.placements if p not in old.placements)):
            was_there = placement in old.placements
            is_there = placement in new.placements
            self._add_slot(
                gpu, placement, (was_there, before.get(placement)), (is_there, after.get(placement))
            )

    def _configuration(self, gpu: Gpu, instances: Iterable[PlannedInstance]) -> Configuration:
        ordered = tuple(sorted(instances, key=lambda i: i.start))
        return Configuration(gpu.id, gpu.node, gpu.gpu_type, ordered)

    def _filled(self, partition: Partition, stop_chance: float) -> Partition:
        rng = self._rng
        while rng.random() > stop_chance:
            places = [
                Placement(start, name)
                for name in partition.gpu_type.profile_names
                for start in partition.free_starts(name)
            ]
            if not places:
                break
            partition = partition.with_placement(places[int(rng.integers(len(places)))])
        return partition

    def _serving(self, placement: Placement) -> PlannedInstance:
        rng = self._rng
        service = self._names[int(rng.integers(len(self._names)))]
        rate_rps = float(rng.integers(1, 30)) / 10
        batch = int(rng.integers(1, 3))
        return instance(placement.profile, placement.start, service, rate_rps, batch)

    def _add_slot(
        self,
        gpu: Gpu,
        placement: Placement,
        old: tuple[bool, PlannedInstance | None],
        new: tuple[bool, PlannedInstance | None],
    ) -> None:
        """Add the chain of steps of one slot."""
        (was_there, before), (is_there, after) = old, new
        is_remade = was_there and is_there and self._rng.random() < 0.15
        if before == after and was_there == is_there and not is_remade:
            return
        chain: list[tuple[Action, PlannedInstance | None]] = []
        if before is not None:
            chain.append((Action.STOP, before))
        if was_there and (is_remade or not is_there):
            chain.append((Action.DESTROY, None))
        if is_there and (is_remade or not was_there):
            chain.append((Action.CREATE, None))
        if after is not None:
            chain.append((Action.START, after))
        self._add_chain(gpu, placement, chain)

    def _add_bridge(self, gpu: Gpu) -> None:
        served = sorted({i.service for c in (*self.before, *self.after) for i in c.instances})
        if not served:
            return
        placement = Placement(int(self._rng.integers(0, 3)), "two")
        service = served[int(self._rng.integers(len(served)))]
        serving = self._serving(placement)._replace(service=service)
        chain = [
            (Action.CREATE, None),
            (Action.START, serving),
            (Action.STOP, serving),
            (Action.DESTROY, None),
        ]
        self._add_chain(gpu, placement, chain)

    def _add_chain(
        self, gpu: Gpu, placement: Placement, chain: Iterable[tuple[Action, PlannedInstance | None]]
    ) -> None:
        after: set[int] = set()
        for action, serving in chain:
            self.drafts.append(_DraftStep(action, gpu, placement, serving, after))
            after = {len(self.drafts) - 1}

    def _add_edges(self) -> None:
        """Let creates wait for what is in their way, and some steps for no good reason."""
        for number, draft in enumerate(self.drafts):
            if draft.action is Action.CREATE:
                draft.after.update(
                    other
                    for other, earlier in enumerate(self.drafts)
                    if earlier.action is Action.DESTROY
                    and earlier.gpu == draft.gpu
                    and (other < number or earlier.placement != draft.placement)
                    and _is_in_the_way(draft, earlier)
                )
        rank = {number: position for position, number in enumerate(self._topological())}
        density = self._rng.choice([0.0, 0.1, 0.3])
        for number, draft in enumerate(self.drafts):
            for other, earlier in enumerate(self.drafts):
                is_cover = earlier.action is Action.START and draft.action is Action.STOP
                chance = 0.7 if is_cover else density
                if rank[other] < rank[number] and self._rng.random() < chance:
                    draft.after.add(other)

    def _topological(self) -> list[int]:
        """Return a random order in which nothing stands before what it waits for."""
        order: list[int] = []
        left = set(range(len(self.drafts)))
        while left:
            ready = [n for n in sorted(left) if not self.drafts[n].after & left]
            order.append(ready[int(self._rng.integers(len(ready)))])
            left.remove(order[-1])
        return order

    def _in_order(self) -> Iterator[Step]:
        order = self._topological()
        new_id = {number: position for position, number in enumerate(order)}
        for number in order:
            draft = self.drafts[number]
            yield Step(
                id=new_id[number],
                action=draft.action,
                gpu=draft.gpu.id,
                placement=draft.placement,
                serving=draft.serving,
                estimate_s=float(self._rng.integers(1, 100)) / 10,
                after=tuple(sorted(new_id[other] for other in draft.after)),
            )


def _is_in_the_way(later: _DraftStep, earlier: _DraftStep) -> bool:
    """Whether an instance might have to go before another is made; rather yes than no."""
    gpu_type = type_of(later.gpu.gpu_type)
    new, old = (gpu_type.profile(d.placement.profile) for d in (later, earlier))
    overlap = new.occupies(later.placement.start) & old.occupies(earlier.placement.start)
    is_excluded = any({new.name, old.name} == set(pair) for pair in gpu_type.excludes)
    return bool(overlap) or is_excluded or new.name == old.name or bool({*new.uses} & {*old.uses})


def _with_requirements(rng: np.random.Generator, transition: Transition) -> Transition:
    """Let every service that both sides have require what the graph keeps, or less."""
    if len(transition.steps) <= MAX_STEPS:
        least = least_rates_by_force(transition)
    else:
        floors = prove(transition, type_of).floors
        least = {name: round(floor.least_rps * MICRO) for name, floor in floors.items()}
    before, after = dict(transition.origin.services), dict(transition.target.services)
    for name, least_micro in least.items():
        kept_rps = max(0, least_micro) / MICRO
        floor_rps = kept_rps if rng.random() < 0.7 else round(kept_rps / 2, 3)
        other_rps = floor_rps + float(rng.integers(0, 3))
        rates = [floor_rps, other_rps] if rng.random() < 0.5 else [other_rps, floor_rps]
        for side, rate_rps in zip((before, after), rates, strict=True):
            if name in side:
                # A service that only one side has may require anything.
                wanted = rate_rps if name in before and name in after else 1000.0
                side[name] = ServedService(name, wanted, 50.0, required_rps=wanted)
    return replace(
        transition,
        origin=replace(transition.origin, services=before),
        target=replace(transition.target, services=after),
    )
