"""The strategy as a whole: budgets, refusals, cordons and what is left over."""

import re

import numpy as np
import pytest

from heddle.benchmarks.random_pairs import Sizes, random_pair
from heddle.cluster.catalogue import builtin_catalogue
from heddle.cluster.command import Action
from heddle.cluster.deployment import Configuration, Deployment
from heddle.cluster.gpu import Gpu
from heddle.cluster.partition import Placement
from heddle.errors import InputError, NoPlanError
from heddle.transition.action_times import find_times
from heddle.transition.plan import plan_transition
from heddle.transition.request import TransitionRequest
from heddle.transition.transition import Transition
from heddle.transition.transition_file import transition_text
from transition_cases import deployment, instance

TYPE = "A100-40GB"
WHOLE = [instance("7g.40gb", 0, "ant")]
HALVES = [instance("3g.20gb", 0, "ant"), instance("3g.20gb", 4, "bee")]
SEVENTHS = [instance("1g.5gb", start, "ant", 15.0) for start in range(7)]


def planned(origin: Deployment, wanted: Deployment, **options: object) -> Transition:
    catalogue, times = builtin_catalogue(), find_times("direct")
    request = TransitionRequest(origin, wanted, catalogue.get, times, **options)  # type: ignore[arg-type]  # a test passes what it wants
    return plan_transition(request, "exchange_compact")


def test_equal_sides_need_no_steps_whatever_the_names() -> None:
    origin = deployment({"ant": 100.0, "bee": 1.0}, {"a": WHOLE, "b": HALVES})
    wanted = deployment({"ant": 100.0, "bee": 1.0}, {"x": HALVES, "y": WHOLE})
    transition = planned(origin, wanted)
    assert transition.steps == ()
    assert [entry.gpu for entry in transition.target.configurations] == ["a", "b"]


def test_other_starts_alone_need_no_steps() -> None:
    origin = deployment({"ant": 1.0}, {"a": [instance("1g.5gb", 6, "ant")]})
    assert (
        planned(origin, deployment({"ant": 1.0}, {"a": [instance("1g.5gb", 0, "ant")]})).steps == ()
    )


def test_within_too_few_spare_gpus_the_service_is_named_and_a_number_that_does() -> None:
    origin = deployment({"ant": 100.0}, {"a": WHOLE})
    wanted = deployment({"ant": 100.0}, {"a": SEVENTHS})
    with pytest.raises(NoPlanError, match=r"service 'ant' blocks.*--spare-gpus 1\)") as refused:
        planned(origin, wanted, spare_gpus=0)
    number = re.search(r"--spare-gpus (\d+)", str(refused.value))
    assert number
    assert planned(origin, wanted, spare_gpus=int(number[1])).spare_gpus == 1


def test_rounds_need_fewer_spare_gpus_than_all_services_at_once() -> None:
    names = ("ant", "bee", "cow", "dog")
    required = dict.fromkeys(names, 100.0)
    whole = {name: [instance("7g.40gb", 0, name, 200.0)] for name in names}
    sevenths = {name: [instance("1g.5gb", i, name, 20.0) for i in range(7)] for name in names}
    origin, wanted = deployment(required, whole), deployment(required, sevenths)
    assert planned(origin, wanted).spare_gpus == 4
    assert planned(origin, wanted, spare_gpus=1).spare_gpus == 1


def test_with_an_inventory_that_is_too_small_it_says_how_many_more_would_do() -> None:
    origin = deployment({"ant": 100.0}, {"a": WHOLE})
    wanted = deployment({"ant": 100.0}, {"a": SEVENTHS})
    with pytest.raises(NoPlanError, match="no further one; 1 GPU more would do"):
        planned(origin, wanted, inventory=(Gpu("a", "node-0", TYPE),))


def test_a_target_that_needs_gpus_that_are_not_there_is_bad_input() -> None:
    wanted = deployment({"ant": 100.0}, {"a": WHOLE, "b": WHOLE})
    with pytest.raises(InputError, match="needs 2 GPUs of type A100-40GB; 1 exist"):
        planned(
            deployment({"ant": 100.0}, {"a": WHOLE}), wanted, inventory=(Gpu("a", "node-0", TYPE),)
        )


def test_a_cordoned_gpu_is_emptied_and_nothing_is_put_there() -> None:
    origin = deployment({"ant": 100.0, "bee": 1.0}, {"a": [HALVES[0]], "b": [HALVES[1]]})
    wanted = deployment({"ant": 100.0, "bee": 1.0}, {"x": HALVES})
    transition = planned(origin, wanted, cordoned=frozenset({"a"}))
    assert [entry.gpu for entry in transition.target.configurations] == ["b"]
    on_it = {step.action for step in transition.steps if step.gpu == "a"}
    assert on_it == {Action.STOP, Action.DESTROY}


def test_a_cordoned_gpu_that_is_as_wanted_stays() -> None:
    origin = deployment({"ant": 100.0}, {"a": WHOLE})
    assert planned(origin, origin, cordoned=frozenset({"a"})).steps == ()


def test_unserved_instances_are_used_or_destroyed() -> None:
    origin = deployment({"ant": 100.0}, {"a": [HALVES[0]]})
    wanted = deployment({"ant": 100.0, "bee": 50.0}, {"a": HALVES})
    left = {"a": (Placement(4, "3g.20gb"),), "b": (Placement(0, "1g.5gb"),)}
    inventory = (Gpu("a", "node-0", TYPE), Gpu("b", "node-0", TYPE))
    transition = planned(origin, wanted, unserved=left, inventory=inventory)
    assert [(step.action, step.gpu) for step in transition.steps] == [
        (Action.START, "a"),
        (Action.DESTROY, "b"),
    ]


def test_a_service_that_must_be_spread_over_nodes_is_never_put_on_one_twice() -> None:
    def gpus(*nodes: str) -> tuple[Configuration, ...]:
        return tuple(Configuration(f"g{i}", n, TYPE, (HALVES[0],)) for i, n in enumerate(nodes))

    services = deployment({"ant": 100.0, "bee": 1.0}, {}).services
    wanted = Deployment(services, gpus("n0", "n1"))
    origin = Deployment(services, (*gpus("n0"), Configuration("h", "n0", TYPE, (HALVES[1],))))
    with pytest.raises(NoPlanError, match=r"'ant' must be spread over nodes.*--strategy joint"):
        planned(origin, wanted, node_spread=frozenset({"ant"}))


def test_the_same_request_gives_the_same_bytes() -> None:
    pair = random_pair(np.random.default_rng(11), Sizes(12, 12, 6, 6))
    texts = {transition_text(planned(pair.origin, pair.wanted)) for _ in range(3)}
    assert len(texts) == 1
