"""What has to be stopped, destroyed, created and started, and how long that takes."""

from heddle.cluster.gpu import Gpu
from heddle.cluster.partition import Placement
from heddle.transition.joint.changes import NS, Changes, changes_of
from heddle.transition.joint.credit_network import Link
from heddle.transition.joint.placed import PlacedGpu, PlacedTarget
from heddle.transition.joint.setting import Setting
from tight_pairs import request_of, side
from transition_cases import instance

GPU = Gpu("gpu-0", "node-0", "A100-80GB")
STOP, DESTROY, CREATE, START = (round(s * NS) for s in (37.9, 0.109, 49.691, 47.4))
SETTING = Setting(request_of(side([("1g.10gb", 0, "a", 5.0)]), side([("1g.10gb", 0, "a", 5.0)])))


def changes(placed: PlacedGpu) -> Changes:
    return changes_of(SETTING, PlacedTarget((placed,)))


def test_an_instance_in_the_way_is_stopped_and_destroyed_before() -> None:
    old, new = instance("7g.80gb", 0, "a"), instance("3g.40gb", 4, "a")
    network = changes(PlacedGpu(GPU, (old,), (new,))).network
    assert network.unlocks == ((Link(0, STOP + DESTROY + CREATE + START),),)
    assert network.takers[0].own_ns == STOP + DESTROY
    assert network.givers[0].own_ns == CREATE + START


def test_an_instance_that_stays_under_another_service_is_only_restarted() -> None:
    old, new = instance("3g.40gb", 0, "a"), instance("3g.40gb", 0, "a", batch=4)
    found = changes(PlacedGpu(GPU, (old,), (new,)))
    assert not found.leaving[0].is_destroyed
    assert not found.arriving[0].is_created
    assert found.network.unlocks == ((Link(0, STOP + START),),)
    assert found.network.takers[0].own_ns == STOP


def test_what_runs_on_untouched_is_no_change() -> None:
    kept = instance("3g.40gb", 0, "a")
    found = changes(PlacedGpu(GPU, (kept,), (kept, instance("3g.40gb", 4, "b", 1.0))))
    assert found.leaving == ()
    assert [arriving.blockers for arriving in found.arriving] == [()]


def test_instances_without_a_service_are_reused_or_destroyed_at_once() -> None:
    unserved = (Placement(0, "3g.40gb"), Placement(4, "3g.40gb"))
    new = (instance("3g.40gb", 0, "a"), instance("1g.10gb", 5, "a"))
    found = changes(PlacedGpu(GPU, (), new, unserved))
    assert [cleared.placement for cleared in found.cleared] == [Placement(4, "3g.40gb")]
    assert [arriving.is_created for arriving in found.arriving] == [False, True]
    assert [arriving.cleared for arriving in found.arriving] == [(), (0,)]
    assert [giver.own_ns for giver in found.network.givers] == [START, DESTROY + CREATE + START]


def test_bridges_come_from_the_beginning_and_go_after_they_came() -> None:
    old, new = instance("7g.80gb", 0, "a"), instance("3g.40gb", 4, "a")
    plain = changes(PlacedGpu(GPU, (old,), (new,)))
    bridge = plain.arriving[0]._replace(gpu=GPU._replace(id="gpu-9"), blockers=())
    network = plain.with_bridges([bridge]).network
    assert network.givers[1].own_ns == CREATE + START
    assert network.releases == ((), (1,))
    assert network.holders == ((), (1,))
    assert network.takers[1].own_ns == STOP + DESTROY


def test_a_bridge_in_room_that_is_left_waits_for_who_leaves_it() -> None:
    old, new = instance("7g.80gb", 0, "a"), instance("3g.40gb", 4, "a")
    plain = changes(PlacedGpu(GPU, (old,), (new,)))
    bridge = plain.arriving[0]._replace(blockers=(0,))
    network = plain.with_bridges([bridge]).network
    assert network.unlocks[0] == (plain.network.unlocks[0][0], Link(1, network.leads_ns[1]))


def test_a_service_has_to_spare_what_it_serves_beyond_the_smaller_requirement() -> None:
    large, small = [("7g.80gb", 0, "a", 100.0)], [("3g.40gb", 0, "a", 40.0)]
    setting = Setting(request_of(side(large), side(small)))
    assert setting.slack_micro == {"a": 60_000_000}
    assert Setting(request_of(side(small), side(large))).slack_micro == {"a": 0}
    only_one_has_it = Setting(request_of(side(large), side([("3g.40gb", 0, "b", 40.0)])))
    assert only_one_has_it.slack_micro == {"a": 100_000_000, "b": 0}
