"""Exchange and compact on small cases: which steps there are, and what waits for what."""

from collections.abc import Sequence

from heddle.cluster.catalogue import builtin_catalogue
from heddle.cluster.command import Action
from heddle.cluster.deployment import Deployment, PlannedInstance
from heddle.transition.action_times import find_times
from heddle.transition.plan import plan_transition
from heddle.transition.request import TransitionRequest
from heddle.transition.step import Step
from heddle.transition.transition import Transition
from transition_cases import deployment, instance
from transition_states import faults_by_force

Gpus = dict[str, Sequence[PlannedInstance]]


def side(required: dict[str, float], **gpus: Sequence[PlannedInstance]) -> Deployment:
    return deployment(required, gpus)


def planned(origin: Deployment, wanted: Deployment, **options: object) -> Transition:
    catalogue, times = builtin_catalogue(), find_times("kubernetes")
    request = TransitionRequest(origin, wanted, catalogue.get, times, **options)  # type: ignore[arg-type]  # a test passes what it wants
    return plan_transition(request, "exchange_compact")


def steps_of(transition: Transition, action: Action, service: str) -> list[Step]:
    return [
        step
        for step in transition.steps
        if step.action is action and step.serving and step.serving.service == service
    ]


def waits_for(transition: Transition, later: Step, earlier: Step) -> bool:
    """Whether a chain of waiting leads from one step to the other."""
    open_ones, seen = [later.id], {later.id}
    while open_ones:
        for other in transition.steps[open_ones.pop()].after:
            if other not in seen:
                seen.add(other)
                open_ones.append(other)
    return earlier.id in seen


def test_an_unneeded_replica_is_stopped_when_its_pair_runs() -> None:
    origin = side({"ant": 100.0}, a=[instance("3g.20gb", 0, "ant", 110.0)])
    wanted = side({"ant": 100.0}, a=[instance("4g.20gb", 0, "ant", 150.0)])
    transition = planned(origin, wanted)
    (start,) = steps_of(transition, Action.START, "ant")
    (stop,) = steps_of(transition, Action.STOP, "ant")
    assert waits_for(transition, stop, start)
    assert faults_by_force(transition, builtin_catalogue().get) == set()


def test_unpaired_replicas_are_deleted_when_everything_new_of_their_service_runs() -> None:
    origin = side({"ant": 100.0}, a=[instance("7g.40gb", 0, "ant", 200.0)])
    small = [instance("1g.5gb", start, "ant", 60.0) for start in (0, 1)]
    transition = planned(origin, side({"ant": 100.0}, a=small))
    starts = [s for s in steps_of(transition, Action.START, "ant") if s.move is None]
    (stop,) = (s for s in steps_of(transition, Action.STOP, "ant") if s.move is None)
    assert len(starts) == 2
    assert all(waits_for(transition, stop, start) for start in starts)
    assert faults_by_force(transition, builtin_catalogue().get) == set()


def test_services_do_not_wait_for_each_other() -> None:
    required = {"ant": 100.0, "bee": 100.0}
    small = {name: [instance("1g.5gb", 0, name, 110.0)] for name in required}
    large = {name: [instance("2g.10gb", 0, name, 150.0)] for name in required}
    transition = planned(side(required, **small), side(required, **large))
    for one, other in (("ant", "bee"), ("bee", "ant")):
        (stop,) = (s for s in steps_of(transition, Action.STOP, one) if s.move is None)
        (start,) = (s for s in steps_of(transition, Action.START, other) if s.move is None)
        assert not waits_for(transition, stop, start)


def test_a_stopped_instance_is_used_again_instead_of_being_cut_anew() -> None:
    required = {"ant": 100.0, "bee": 100.0}
    before = {name: [instance("7g.40gb", 0, name)] for name in required}
    after = {name: [instance("7g.40gb", 0, name, batch=2)] for name in required}
    transition = planned(side(required, **before), side(required, **after))
    made = [step.gpu for step in transition.steps if step.action is Action.CREATE]
    assert made == [gpu.id for gpu in transition.gpus.values() if gpu.id not in before]
    assert {entry.gpu for entry in transition.target.configurations} == {"ant", *made}
    assert transition.num_moves == 0


def test_a_further_gpu_is_cut_after_a_configuration_of_the_target() -> None:
    origin = side({"ant": 100.0}, a=[instance("7g.40gb", 0, "ant", 100.0)])
    new = [
        instance("3g.20gb", 0, "bee"),
        instance("2g.10gb", 4, "cow"),
        instance("1g.5gb", 6, "bee"),
    ]
    wanted = side(
        {"ant": 100.0, "bee": 1.0, "cow": 1.0}, x=[instance("7g.40gb", 0, "ant", 100.0)], y=new
    )
    transition = planned(origin, wanted)
    assert transition.num_moves == 0
    assert [len(entry.instances) for entry in transition.target.configurations] == [1, 3]


def test_a_replica_that_must_make_way_is_moved_and_keeps_its_rate() -> None:
    origin = side(
        {"ant": 100.0, "bee": 100.0},
        a=[instance("3g.20gb", 0, "ant", 100.0)],
        b=[instance("3g.20gb", 4, "bee", 100.0)],
    )
    together = [instance("3g.20gb", 0, "ant", 100.0), instance("3g.20gb", 4, "bee", 100.0)]
    transition = planned(origin, side({"ant": 100.0, "bee": 100.0}, x=together))
    assert transition.num_moves == 1
    (move,) = {step.move for step in transition.steps if step.move is not None}
    actions = [step.action for step in transition.steps if step.move == move]
    assert actions == [Action.CREATE, Action.START, Action.STOP, Action.DESTROY]
    assert transition.spare_gpus == 0
    assert faults_by_force(transition, builtin_catalogue().get) == set()


def test_the_gpu_with_most_of_a_configuration_carries_it() -> None:
    ants = [instance("1g.5gb", start, "ant") for start in (0, 1, 2)]
    origin = side({"ant": 100.0, "bee": 100.0}, a=[instance("1g.5gb", 5, "bee")], b=ants)
    wanted = side({"ant": 100.0, "bee": 100.0}, x=[*ants, instance("1g.5gb", 5, "bee")])
    transition = planned(origin, wanted)
    assert [entry.gpu for entry in transition.target.configurations] == ["b"]
    assert transition.num_moves == 1


def test_a_replica_on_the_same_gpu_is_moved_in_before_one_elsewhere() -> None:
    origin = side(
        {"ant": 100.0, "bee": 100.0},
        a=[instance("2g.10gb", 0, "ant"), instance("1g.5gb", 2, "bee")],
        b=[instance("1g.5gb", 0, "bee")],
    )
    wanted = side(
        {"ant": 100.0, "bee": 100.0},
        x=[
            instance("2g.10gb", 0, "ant"),
            instance("2g.10gb", 2, "ant"),
            instance("1g.5gb", 4, "bee"),
        ],
        y=[instance("1g.5gb", 0, "bee")],
    )
    transition = planned(origin, wanted)
    moved = [s for s in transition.steps if s.move is not None and s.action is Action.START]
    assert {step.gpu for step in moved} <= {"a"}


def test_moves_wait_for_the_exchange_of_their_service() -> None:
    origin = side(
        {"ant": 300.0, "bee": 1.0},
        a=[instance("1g.5gb", 0, "ant", 100.0), instance("2g.10gb", 2, "ant", 200.0)],
        b=[instance("1g.5gb", 0, "ant", 100.0), instance("3g.20gb", 4, "bee", 1.0)],
    )
    wanted = side(
        {"ant": 300.0},
        x=[
            instance("1g.5gb", 0, "ant", 100.0),
            instance("1g.5gb", 1, "ant", 100.0),
            instance("3g.20gb", 4, "ant", 250.0),
        ],
    )
    transition = planned(origin, wanted)
    exchanged = [s for s in steps_of(transition, Action.STOP, "ant") if s.move is None]
    moves = [s for s in steps_of(transition, Action.START, "ant") if s.move is not None]
    assert exchanged
    assert moves
    assert all(waits_for(transition, move, stop) for move in moves for stop in exchanged)
