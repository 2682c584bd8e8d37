"""What runs, and how it differs from what should."""

from heddle.cluster.gpu import Gpu
from heddle.cluster.partition import Placement
from heddle.cluster.snapshot import GpuState, LiveInstance, Snapshot, differences
from transition_cases import deployment, instance

ANT = instance("3g.20gb", 0, "ant", 100.0)
WANTED = deployment({"ant": 90.0}, {"gpu-0": [ANT]})
GPU = Gpu("gpu-0", "node-0", "A100-40GB")
LIVE = LiveInstance(Placement(0, "3g.20gb"), "uuid-1", ANT, is_ready=True)
IDLE = GpuState(Gpu("gpu-1", "node-0", "A100-40GB"))


def snapshot(*instances: LiveInstance) -> Snapshot:
    return Snapshot((GpuState(GPU, instances), IDLE))


def test_what_runs_as_it_should_differs_in_nothing() -> None:
    assert differences(WANTED, snapshot(LIVE)) == []
    assert snapshot(LIVE).ready_rps() == {"ant": 100.0}
    assert snapshot(LIVE).deployment(WANTED.services) == WANTED


def test_an_instance_without_traffic_does_not_count() -> None:
    draining = snapshot(LIVE._replace(is_ready=False))
    assert draining.ready_rps() == {}
    assert draining.deployment(WANTED.services).configurations == ()
    assert draining.unserved() == ((GPU, LIVE._replace(is_ready=False)),)
    assert "without traffic" in differences(WANTED, draining)[0]


def test_differences_say_what_runs_and_what_should() -> None:
    bee = LIVE._replace(serving=instance("3g.20gb", 0, "bee"))
    assert differences(WANTED, snapshot(bee)) == [
        (
            "gpu-0 at 0: runs 3g.20gb with bee (batch 1, 1 processes), "
            "should run 3g.20gb with ant (batch 1, 1 processes)"
        )
    ]
    assert (
        "should run nothing"
        in differences(
            WANTED, snapshot(LIVE, LIVE._replace(placement=Placement(4, "3g.20gb"), serving=None))
        )[0]
    )


def test_a_gpu_that_is_missing_or_of_another_type_is_named() -> None:
    assert differences(WANTED, Snapshot((IDLE,))) == ["gpu-0: no node has this GPU"]
    away = Snapshot((IDLE,), unreachable=frozenset({"node-0"}))
    assert differences(WANTED, away) == ["gpu-0: on node-0, which does not answer"]
    other = Snapshot((GpuState(replace_type(GPU), (LIVE,)),))
    assert "a A30-24GB, where A100-40GB was said" in differences(WANTED, other)[0]


def replace_type(gpu: Gpu) -> Gpu:
    return gpu._replace(gpu_type="A30-24GB")
