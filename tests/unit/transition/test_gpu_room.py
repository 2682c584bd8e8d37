"""Names for idle GPUs."""

from heddle.cluster.catalogue import builtin_catalogue
from heddle.cluster.deployment import Deployment
from heddle.cluster.gpu import Gpu
from heddle.transition.action_times import find_times
from heddle.transition.gpu_room import IdleGpus
from heddle.transition.request import TransitionRequest
from transition_cases import deployment, instance

TYPE = "A100-40GB"
ON = [instance("7g.40gb", 0, "ant")]


def gpus(*names: str) -> Deployment:
    return deployment({"ant": 1.0}, dict.fromkeys(names, ON))


def request(origin: Deployment, wanted: Deployment, **options: object) -> TransitionRequest:
    times = find_times("direct")
    return TransitionRequest(origin, wanted, builtin_catalogue().get, times, **options)  # type: ignore[arg-type]  # a test passes what it wants


def test_new_gpus_have_the_names_that_the_target_gives_them_and_then_free_ones() -> None:
    idle = IdleGpus(request(gpus("gpu-0", "gpu-1"), gpus("gpu-1", "gpu-7")))
    taken = [idle.take(TYPE) for _ in range(3)]
    assert [gpu.id for gpu in taken if gpu] == ["gpu-7", "gpu-3", "gpu-4"]
    assert len(set(taken)) == 3


def test_made_up_gpus_are_on_nodes_of_their_own() -> None:
    idle = IdleGpus(request(gpus("gpu-0"), gpus("gpu-0")))
    taken = [gpu for gpu in (idle.take(TYPE) for _ in range(9)) if gpu]
    assert [gpu.node for gpu in taken] == ["node-1"] * 8 + ["node-2"]


def test_an_inventory_gives_what_it_has_and_no_more() -> None:
    inventory = (
        Gpu("gpu-0", "node-0", TYPE),
        Gpu("spare-1", "node-0", "T4-16GB"),
        Gpu("spare-2", "node-0", TYPE),
        Gpu("spare-3", "node-0", TYPE),
    )
    idle = IdleGpus(
        request(
            gpus("gpu-0"),
            gpus("gpu-0"),
            inventory=inventory,
            cordoned=frozenset({"spare-2"}),
        )
    )
    assert idle.take(TYPE) == inventory[3]
    assert idle.take(TYPE) is None
