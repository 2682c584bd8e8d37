"""The joint planner on cases by hand: what it does, what it refuses, and how it says so."""

import dataclasses

import pytest

from heddle.cluster.command import Action
from heddle.cluster.deployment import Deployment
from heddle.cluster.gpu import Gpu
from heddle.cluster.partition import Placement
from heddle.errors import InputError, NoPlanError
from heddle.transition.joint.planner import Joint
from heddle.transition.plan import plan_transition
from heddle.transition.transition import Transition
from heddle.transition.transition_file import transition_text
from tight_pairs import request_of, side

WHOLE = side([("7g.80gb", 0, "a", 100.0)], [("7g.80gb", 0, "b", 100.0)])
HALVES = side(*[[("3g.40gb", 0, "a", 50.0), ("3g.40gb", 4, "b", 50.0)]] * 2)


def plan(origin: Deployment, wanted: Deployment, spare_gpus: int | None = None) -> Transition:
    return plan_transition(request_of(origin, wanted, spare_gpus=spare_gpus))


def kinds(transition: Transition) -> list[str]:
    return [step.action.value for step in transition.steps]


def test_the_planner_is_called_joint() -> None:
    assert Joint().name == "joint"


def test_from_a_deployment_to_itself_nothing_is_done() -> None:
    transition = plan(HALVES, HALVES)
    assert transition.steps == ()
    assert transition.makespan_s == 0
    assert transition.target == HALVES


def test_only_idle_slots_are_cut_anew_while_the_rest_of_the_gpu_runs() -> None:
    origin = side([("3g.40gb", 0, "a", 50.0), ("3g.40gb", 4, "b", 50.0)])
    wanted = side([("3g.40gb", 0, "a", 50.0), ("2g.20gb", 4, "c", 20.0)])
    transition = plan(origin, wanted)
    assert kinds(transition) == ["stop", "destroy", "create", "start"]
    assert {step.placement.start for step in transition.steps} == {4}


def test_a_changed_batch_restarts_the_server_and_not_the_instance() -> None:
    origin = side([("3g.40gb", 0, "a", 50.0), ("3g.40gb", 4, "a", 50.0)])
    one, other = origin.configurations[0].instances
    configuration = dataclasses.replace(
        origin.configurations[0], instances=(one, other._replace(batch=16))
    )
    services = {"a": origin.services["a"]._replace(required_rps=50.0)}
    wanted = dataclasses.replace(origin, configurations=(configuration,), services=services)
    assert kinds(plan(origin, wanted)) == ["stop", "start"]


def test_services_of_one_side_only_come_and_go_without_waiting() -> None:
    transition = plan(side([("3g.40gb", 4, "a", 50.0)]), side([("3g.40gb", 0, "b", 50.0)]))
    after = {step.action: step.after for step in transition.steps if step.serving}
    assert after[Action.STOP] == ()


def test_growth_starts_before_it_stops() -> None:
    origin = side([("7g.80gb", 0, "a", 100.0)])
    wanted = side(*[[("3g.40gb", 0, "a", 60.0), ("3g.40gb", 4, "a", 60.0)]] * 2)
    transition = plan(origin, wanted)
    assert transition.spare_gpus == 0
    assert transition.floors["a"].least_rps >= 100.0


def test_shrinking_uses_no_gpu_more() -> None:
    origin = side(*[[("3g.40gb", 0, "a", 60.0), ("3g.40gb", 4, "a", 60.0)]] * 2)
    transition = plan(origin, side([("7g.80gb", 0, "a", 100.0)]))
    assert transition.spare_gpus == 0
    assert transition.borrowed == ()


def test_a_replacement_elsewhere_is_a_move() -> None:
    # The first half of the GPU must be free for b, and what it holds is wanted on a new one.
    origin = side([("3g.40gb", 0, "a", 50.0), ("3g.40gb", 4, "c", 50.0)])
    wanted = side(
        [("4g.40gb", 0, "b", 70.0), ("3g.40gb", 4, "c", 50.0)], [("3g.40gb", 0, "a", 50.0)]
    )
    transition = plan(origin, wanted)
    assert transition.num_moves == 1
    move = [step for step in transition.steps if step.move is not None]
    assert [step.action.value for step in move] == ["create", "start", "stop", "destroy"]
    start, stop = move[1], move[2]
    assert stop.after == (start.id,)


def test_whole_gpus_without_mig_change_hands() -> None:
    origin = side([("whole", 0, "a", 10.0)], [("whole", 0, "b", 10.0)], gpu_type="T4-16GB")
    wanted = side([("whole", 0, "a", 10.0)], [("whole", 0, "a", 10.0)], gpu_type="T4-16GB")
    assert kinds(plan(origin, wanted)) == ["stop", "start"]


def test_the_one_engine_of_a_gpu_is_free_before_it_is_taken_again() -> None:
    origin = side([("1g.10gb+me", 0, "a", 5.0), ("3g.40gb", 4, "b", 50.0)])
    wanted = side([("1g.10gb", 0, "c", 5.0), ("1g.10gb+me", 1, "a", 5.0)])
    transition = plan(origin, wanted)
    creates = {s.placement: s for s in transition.steps if s.action is Action.CREATE}
    destroys = {s.placement: s.id for s in transition.steps if s.action is Action.DESTROY}
    for start in (0, 1):
        placement = Placement(start, "1g.10gb+me")
        if placement in creates:
            (gone,) = (d for p, d in destroys.items() if p.profile == "1g.10gb+me")
            assert gone in creates[placement].after


@pytest.mark.parametrize(("origin", "wanted"), [(WHOLE, HALVES), (HALVES, WHOLE)])
def test_full_gpus_at_the_floor_need_a_spare_one_and_say_so(
    origin: Deployment, wanted: Deployment
) -> None:
    with pytest.raises(NoPlanError, match=r"service 'a' blocks.*1 spare GPU would do") as refused:
        plan(origin, wanted, spare_gpus=0)
    assert "--spare-gpus 1" in str(refused.value)
    assert "floor of 100" in str(refused.value)
    assert plan(origin, wanted, spare_gpus=1).spare_gpus == 1
    assert plan(origin, wanted).spare_gpus == 1


def test_spare_gpus_that_may_be_used_shorten_the_transition() -> None:
    assert plan(WHOLE, HALVES, spare_gpus=2).makespan_s < plan(WHOLE, HALVES).makespan_s


def test_spare_gpus_that_do_not_help_are_not_used() -> None:
    origin = side([("3g.40gb", 0, "a", 50.0)])
    wanted = side([("3g.40gb", 0, "a", 50.0), ("2g.20gb", 4, "b", 20.0)])
    assert plan(origin, wanted, spare_gpus=5).spare_gpus == 0


def test_no_spare_gpu_is_promised_that_is_not_there() -> None:
    gpus = tuple(Gpu(f"gpu-{number}", "node-0", "A100-80GB") for number in range(2))
    request = dataclasses.replace(request_of(WHOLE, HALVES), inventory=gpus)
    with pytest.raises(NoPlanError, match="no number of spare GPUs that the cluster has would do"):
        plan_transition(request)


def test_spare_gpus_come_from_the_inventory() -> None:
    gpus = tuple(Gpu(f"gpu-{number}", "node-0", "A100-80GB") for number in (0, 1, 7))
    transition = plan_transition(dataclasses.replace(request_of(WHOLE, HALVES), inventory=gpus))
    assert "gpu-7" in transition.gpus


def test_bridges_are_gone_in_the_end() -> None:
    transition = plan(WHOLE, HALVES, spare_gpus=1)
    bridged = {gpu.id for gpu in transition.borrowed}
    assert bridged
    on_bridges = [step for step in transition.steps if step.gpu in bridged]
    counts = {action: sum(s.action is action for s in on_bridges) for action in Action}
    assert len(set(counts.values())) == 1


def test_instances_without_a_service_are_reused_or_destroyed() -> None:
    origin, wanted = (
        side([("3g.40gb", 0, "a", 50.0)]),
        side([("3g.40gb", 0, "a", 50.0), ("2g.20gb", 4, "b", 20.0)]),
    )
    left = (Placement(4, "2g.20gb"), Placement(6, "1g.10gb"))
    request = dataclasses.replace(request_of(origin, wanted), unserved={"gpu-0": left})
    transition = plan_transition(request)
    assert sorted(kinds(transition)) == ["destroy", "start"]


def test_a_gpu_type_that_nobody_knows_is_refused() -> None:
    strange = side([("3g.40gb", 0, "a", 50.0)], gpu_type="Abacus")
    with pytest.raises(InputError, match="Abacus"):
        plan(strange, side([("3g.40gb", 4, "a", 50.0)], gpu_type="Abacus"))


def test_the_target_keeps_the_reasons_of_its_configurations() -> None:
    wanted = dataclasses.replace(
        HALVES,
        configurations=tuple(
            dataclasses.replace(c, reason=f"because {n}")
            for n, c in enumerate(HALVES.configurations)
        ),
    )
    target = plan(WHOLE, wanted).target
    assert sorted(c.reason for c in target.configurations) == ["because 0", "because 1"]


def test_the_same_request_gives_the_same_bytes() -> None:
    texts = {transition_text(plan(WHOLE, HALVES)) for _ in range(2)}
    assert len(texts) == 1
