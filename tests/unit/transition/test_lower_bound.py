"""Lower bounds on the makespan: by hand, and never above a plan."""

import dataclasses
import math

import numpy as np
import pytest

from credit_networks import random_network
from heddle.benchmarks.random_pairs import Sizes, random_pair
from heddle.cluster.deployment import Deployment
from heddle.cluster.partition import Placement
from heddle.transition.joint.network_bound import NEVER, bound
from heddle.transition.joint.placement import place_target
from heddle.transition.lower_bound import bound_beside_s, makespan_bound_s, placed_by
from heddle.transition.plan import plan_transition
from tight_pairs import (
    MIXED_TYPES,
    Tightness,
    every_order,
    least_makespan_ns,
    request_of,
    side,
    tight_pair,
)

STOP, DESTROY, CREATE, START = 37.9, 0.109, 49.691, 47.4
IN_PLACE = STOP + DESTROY + CREATE + START


def bounds(origin: Deployment, wanted: Deployment) -> tuple[float, float, float]:
    """For any placement, for the nearest one, and for that without bridges."""
    request = request_of(origin, wanted)
    placed = place_target(request)
    return (
        makespan_bound_s(request),
        makespan_bound_s(request, placed),
        makespan_bound_s(request, placed, may_bridge=False),
    )


A = [("7g.80gb", 0, "a", 100.0)]
B = [("7g.80gb", 0, "b", 100.0)]


def test_nothing_to_do_takes_no_time() -> None:
    assert bounds(side(A, B), side(B, A)) == (0.0, 0.0, 0.0)


def test_what_is_new_is_created_and_started() -> None:
    found = bounds(side(A), side(A, B))
    assert found == pytest.approx([CREATE + START] * 3)


def test_what_is_left_over_is_stopped_and_destroyed() -> None:
    assert bounds(side(A, B), side(A)) == pytest.approx([STOP + DESTROY] * 3)


def test_what_is_in_the_way_goes_first() -> None:
    found = bounds(side([("3g.40gb", 0, "b", 9.0)]), side(A))
    assert found == pytest.approx([CREATE + START, IN_PLACE, IN_PLACE])


def test_a_stop_without_slack_waits_for_a_start() -> None:
    # The floor of a is all that it has: its half on the first GPU goes after it came elsewhere.
    halves = [("3g.40gb", 0, "a", 50.0), ("3g.40gb", 4, "b", 50.0)]
    wanted = side(
        [("4g.40gb", 0, "c", 60.0), ("3g.40gb", 4, "b", 50.0)], [("2g.20gb", 0, "a", 50.0)]
    )
    pair, bridged, plain = bounds(side(halves), wanted)
    assert pair == pytest.approx(CREATE + START)
    assert bridged == plain == pytest.approx(CREATE + START + IN_PLACE)


def test_without_bridges_there_may_be_no_order() -> None:
    _, bridged, plain = bounds(side(A), side([("3g.40gb", 0, "a", 100.0)]))
    assert plain == math.inf
    assert bridged == pytest.approx(CREATE + START + IN_PLACE + STOP + DESTROY)


def test_instances_without_a_service_are_destroyed_at_least() -> None:
    request = dataclasses.replace(
        request_of(side([("3g.40gb", 0, "a", 9.0)]), side([("3g.40gb", 0, "a", 9.0)])),
        unserved={"gpu-0": (Placement(4, "3g.40gb"),)},
    )
    assert makespan_bound_s(request) == pytest.approx(DESTROY)
    assert makespan_bound_s(request, place_target(request)) == pytest.approx(DESTROY)


def test_a_bridge_comes_later_where_no_gpu_has_room_for_it() -> None:
    request = request_of(side(A), side([("3g.40gb", 0, "a", 100.0)]), spare_gpus=0)
    least_s = makespan_bound_s(request, place_target(request))
    assert least_s == pytest.approx(2 * IN_PLACE + STOP + DESTROY)


@pytest.mark.parametrize("seed", range(25))
@pytest.mark.parametrize("required", [1.0, 0.8])
def test_no_plan_is_shorter_than_its_bounds(seed: int, required: float) -> None:
    tightness = Tightness(most_gpus=6, required=required, gpu_types=MIXED_TYPES)
    request = request_of(*tight_pair(seed, tightness), "kubernetes", None if seed % 2 else 9)
    transition = plan_transition(request)
    least_s = makespan_bound_s(request, placed_by(transition))
    assert makespan_bound_s(request) <= least_s + 1e-6
    assert least_s <= bound_beside_s(request, transition) + 1e-6
    assert bound_beside_s(request, transition) <= transition.makespan_s + 1e-6


def test_no_order_is_shorter_than_the_bound_of_its_network() -> None:
    for seed in range(200):
        network = random_network(np.random.default_rng(seed), most=5)
        orders = every_order(network, 2_000)
        assert orders is not None
        optimum = least_makespan_ns(network, orders)
        least_ns = bound(network).makespan_ns
        assert least_ns <= (NEVER if optimum is None else optimum)
        num_services = len(network.slack_micro)
        assert bound(network, ([10] * num_services, [3] * num_services)).makespan_ns <= least_ns


def test_most_random_pairs_are_planned_within_a_quarter_of_their_bound() -> None:
    ratios = []
    for seed in range(12):
        pair = random_pair(np.random.default_rng(seed), Sizes(5, 20, 3, 10))
        request = request_of(pair.origin, pair.wanted, "direct")
        transition = plan_transition(request)
        ratios.append(transition.makespan_s / bound_beside_s(request, transition))
    assert sorted(ratios)[-2] <= 1.25
