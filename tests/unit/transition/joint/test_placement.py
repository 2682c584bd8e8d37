"""Which GPU carries what: small cases by hand."""

import pytest

from heddle.cluster.catalogue import builtin_catalogue
from heddle.cluster.deployment import Configuration, Deployment, PlannedInstance, ServedService
from heddle.cluster.gpu import Gpu
from heddle.cluster.partition import Placement
from heddle.errors import InputError, NoPlanError
from heddle.transition.action_times import find_times
from heddle.transition.joint.placed import PlacedTarget
from heddle.transition.joint.placement import place_target
from heddle.transition.request import TransitionRequest

A100 = "A100-80GB"


def on(profile: str, start: int, service: str, batch: int = 1) -> PlannedInstance:
    return PlannedInstance(profile, start, service, batch, 1, 100.0, 20.0)


def deployment(*gpus: tuple[PlannedInstance, ...], per_node: int = 8) -> Deployment:
    names = sorted({instance.service for gpu in gpus for instance in gpu})
    return Deployment(
        {name: ServedService(name, 50.0, 100.0) for name in names},
        tuple(
            Configuration(f"gpu-{i}", f"node-{i // per_node}", A100, instances)
            for i, instances in enumerate(gpus)
        ),
    )


def request(origin: Deployment, wanted: Deployment, **options: object) -> TransitionRequest:
    times = find_times("direct")
    return TransitionRequest(origin, wanted, builtin_catalogue().get, times, **options)  # type: ignore[arg-type]  # a test passes what it wants


def carried(placed: PlacedTarget) -> dict[str, tuple[PlannedInstance, ...]]:
    return {gpu.gpu.id: gpu.after for gpu in placed.gpus}


SMALL = (on("3g.40gb", 0, "a"), on("3g.40gb", 4, "b"))
LARGE = (on("7g.80gb", 0, "c"),)


def test_the_names_of_the_wanted_gpus_are_labels_only() -> None:
    placed = place_target(request(deployment(SMALL, LARGE), deployment(LARGE, SMALL)))
    assert carried(placed) == {"gpu-0": SMALL, "gpu-1": LARGE}
    assert placed.num_untouched == 3


def test_services_are_dealt_to_the_placements_where_they_run() -> None:
    swapped = (on("3g.40gb", 0, "b"), on("3g.40gb", 4, "a"))
    assert place_target(request(deployment(SMALL), deployment(swapped))).num_untouched == 2


def test_starts_are_chosen_so_that_instances_stay() -> None:
    running = (on("2g.20gb", 4, "a"),)
    wanted = (on("2g.20gb", 0, "a"), on("1g.10gb", 2, "b"))
    placed = place_target(request(deployment(running), deployment(wanted)))
    assert placed.num_untouched == 1


def test_another_batch_keeps_the_instance_and_not_the_server() -> None:
    placed = place_target(
        request(deployment((on("7g.80gb", 0, "c", 1),)), deployment((on("7g.80gb", 0, "c", 8),)))
    )
    assert (placed.num_untouched, placed.num_reused) == (0, 1)


def test_an_untouched_instance_counts_more_than_many_reused_ones() -> None:
    seven = tuple(on("1g.10gb", start, "a") for start in range(7))
    one = (on("1g.10gb", 0, "b"), *(on("1g.10gb", s, "c") for s in (1,)))
    target = (on("1g.10gb", 3, "b"), *(on("1g.10gb", s, "d") for s in (0, 1, 2, 4, 5, 6)))
    placed = place_target(request(deployment(seven, one), deployment(target)))
    assert carried(placed)["gpu-1"] != ()


def test_what_keeps_nothing_goes_to_new_gpus_and_then_to_spares() -> None:
    origin, wanted = deployment(LARGE, LARGE), deployment(SMALL, SMALL, LARGE)
    placed = place_target(request(origin, wanted))
    assert [g.gpu.id for g in placed.gpus] == ["gpu-0", "gpu-1", "gpu-2"]
    placed = place_target(request(origin, wanted), num_spares=5)
    assert placed.num_spares == 1
    assert len(placed.gpus) == 4


def test_a_gpu_that_may_not_be_used_keeps_only_what_it_has() -> None:
    placed = place_target(
        request(deployment(LARGE), deployment(SMALL), cordoned=frozenset({"gpu-0"}))
    )
    assert carried(placed) == {"gpu-0": (), "gpu-1": SMALL}
    placed = place_target(
        request(deployment(LARGE), deployment(LARGE), cordoned=frozenset({"gpu-0"}))
    )
    assert placed.num_untouched == 1


def test_an_inventory_that_is_too_small_is_named() -> None:
    inventory = (Gpu("gpu-0", "node-0", A100),)
    with pytest.raises(InputError, match="needs 2 GPUs of type A100-80GB; 1 exist"):
        place_target(request(deployment(LARGE), deployment(LARGE, SMALL), inventory=inventory))


def test_instances_without_a_service_are_reused() -> None:
    placed = place_target(
        request(
            deployment(LARGE),
            deployment(LARGE, SMALL),
            inventory=(Gpu("gpu-0", "node-0", A100), Gpu("gpu-9", "node-1", A100)),
            unserved={"gpu-9": (Placement(0, "3g.40gb"),)},
        )
    )
    assert carried(placed)["gpu-9"] == SMALL
    assert placed.num_reused == 2


def test_services_that_must_be_spread_over_nodes_stay_so() -> None:
    left, right = (on("4g.40gb", 0, "a"),), (on("3g.40gb", 0, "a"), on("3g.40gb", 4, "b"))
    # Matched freely, both keep most on node-0.
    origin = deployment(left, right, LARGE, LARGE, per_node=2)
    wanted = deployment(left, LARGE, right, LARGE, per_node=2)
    placed = place_target(request(origin, wanted, node_spread=frozenset({"a"})))
    nodes = [g.gpu.node for g in placed.gpus for i in g.after if i.service == "a"]
    assert sorted(nodes) == ["node-0", "node-1"]


def test_a_new_gpu_is_taken_on_a_node_that_keeps_services_spread() -> None:
    left, right = (on("4g.40gb", 0, "a"),), (on("3g.40gb", 0, "a"),)
    inventory = tuple(Gpu(f"gpu-{i}", f"node-{i // 2}", A100) for i in range(3))
    origin, wanted = deployment(left), deployment(left, right, per_node=1)
    placed = place_target(
        request(origin, wanted, inventory=inventory, node_spread=frozenset({"a"}))
    )
    assert {g.gpu.id for g in placed.gpus if g.after} == {"gpu-0", "gpu-2"}
    assert placed.num_untouched == 1


def test_a_spread_that_cannot_be_kept_is_refused() -> None:
    left, right = (on("4g.40gb", 0, "a"),), (on("3g.40gb", 0, "a"),)
    origin, wanted = deployment(left, right), deployment(left, right, per_node=1)
    inventory = tuple(Gpu(f"gpu-{i}", "node-0", A100) for i in range(2))
    asked = request(origin, wanted, inventory=inventory, node_spread=frozenset({"a"}))
    with pytest.raises(NoPlanError, match="services a must be spread over nodes"):
        place_target(asked)
    assert place_target(request(origin, wanted)).num_untouched == 2
