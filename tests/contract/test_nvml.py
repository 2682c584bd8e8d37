"""What every provider of NVML promises: the imitation, the binding, and the driver itself.

The parts that only read run on a driver where there is one. The parts that cut run on
imitated cards only: nobody's GPU is cut by a test.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import pairwise

import pytest

from heddle.runtime.nvidia.binding import PynvmlBinding
from heddle.runtime.nvidia.fake import FakeNvml
from heddle.runtime.nvidia.fake_card import FakeCard, fake_card
from heddle.runtime.nvidia.live_instances import full_compute_profile
from heddle.runtime.nvidia.nvml import Handle, MigMode, Nvml, Span
from heddle.runtime.nvidia.nvml_error import NvmlCode, NvmlError
from heddle.runtime.nvidia.profiles import CardProfile, card_profiles
from nvml_library import binding_over

Maker = Callable[[Sequence[FakeCard], pytest.MonkeyPatch], Nvml]


def on_fake(cards: Sequence[FakeCard], monkeypatch: pytest.MonkeyPatch) -> Nvml:
    return FakeNvml(cards)


IMITATED: dict[str, Maker] = {"fake": on_fake, "binding": binding_over}


def machine() -> list[FakeCard]:
    """Return one card cut, one whole, one without MIG."""
    cut, whole = (
        fake_card("A100-40GB", "NVIDIA A100-SXM4-40GB"),
        fake_card("A30-24GB", "NVIDIA A30"),
    )
    whole.mode = MigMode(is_on=False, is_pending_on=True)
    whole.pids = {4711, 4712}
    return [cut, whole, fake_card("L4-24GB", "NVIDIA L4")]


def driver() -> Nvml:
    try:
        return PynvmlBinding()
    except NvmlError as error:
        pytest.skip(
            f"needs an NVIDIA driver ({error}); on such a machine: benchmarks/gpu_serving.sh"
        )


@pytest.fixture(params=[*IMITATED, "real_driver"])
def nvml(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Nvml]:
    """Return a session in which nothing may be changed."""
    provider: str = request.param
    made = driver() if provider == "real_driver" else IMITATED[provider](machine(), monkeypatch)
    with contextlib.closing(made):
        yield made


@pytest.fixture(params=list(IMITATED))
def maker(request: pytest.FixtureRequest) -> Maker:
    return IMITATED[request.param]


@pytest.fixture
def card() -> FakeCard:
    return fake_card("A100-40GB", "NVIDIA A100-SXM4-40GB")


@pytest.fixture
def session(maker: Maker, card: FakeCard, monkeypatch: pytest.MonkeyPatch) -> Iterator[Nvml]:
    """Return a session with one card, with MIG on, that may be cut."""
    with contextlib.closing(maker([card], monkeypatch)) as made:
        yield made


def code_of_failure(call: Callable[[], object]) -> NvmlCode:
    with pytest.raises(NvmlError) as caught:
        call()
    return caught.value.code


def profile_of(nvml: Nvml, device: Handle, slices: int) -> CardProfile:
    return next(p for p in card_profiles(nvml, device) if p.record.slice_count == slices)


def is_cut(nvml: Nvml, device: Handle) -> bool:
    try:
        return nvml.mig_mode(device).is_on
    except NvmlError as error:
        if error.code is not NvmlCode.NOT_SUPPORTED:
            raise
        return False


def readable_profiles(nvml: Nvml, device: Handle) -> Sequence[CardProfile]:
    """Return what a GPU with MIG on offers; nothing where that may not even be read."""
    if not is_cut(nvml, device):
        return []
    try:
        return card_profiles(nvml, device)
    except NvmlError as error:
        if error.code is not NvmlCode.NO_PERMISSION:
            raise
        return []


# What only reads.


def test_a_session_knows_the_version_of_its_driver(nvml: Nvml) -> None:
    assert nvml.driver_version()[0].isdigit()


def test_every_gpu_has_a_name_and_a_uuid_of_its_own(nvml: Nvml) -> None:
    devices = nvml.devices()
    uuids = [nvml.uuid(device) for device in devices]
    assert len(set(uuids)) == len(devices) > 0
    assert all(uuid.startswith("GPU-") for uuid in uuids)
    assert all(nvml.name(device) for device in devices)


def test_memory_is_said_in_mib(nvml: Nvml) -> None:
    for device in nvml.devices():
        with contextlib.suppress(NvmlError):
            assert 1_000 < nvml.memory_mib(device) < 1_000_000


def test_a_gpu_says_its_mig_mode_or_that_it_has_none(nvml: Nvml) -> None:
    for device in nvml.devices():
        is_cut(nvml, device)


def test_the_numbers_of_profiles_come_to_an_end(nvml: Nvml) -> None:
    for device in nvml.devices():
        assert all(profile.number < 9_999 for profile in readable_profiles(nvml, device))


def test_profile_ids_are_of_one_profile_each(nvml: Nvml) -> None:
    for device in nvml.devices():
        ids = [profile.record.id for profile in readable_profiles(nvml, device)]
        assert len(set(ids)) == len(ids)


def test_the_placements_of_a_profile_are_of_one_size(nvml: Nvml) -> None:
    for device in nvml.devices():
        for profile in readable_profiles(nvml, device):
            assert len({span.size for span in profile.spans}) <= 1
            assert profile.record.slice_count >= 1


def test_instances_that_exist_stand_where_their_profile_may_and_not_on_each_other(
    nvml: Nvml,
) -> None:
    for device in nvml.devices():
        spans = []
        for profile in readable_profiles(nvml, device):
            for handle in nvml.gpu_instances(device, profile.record):
                record = nvml.gpu_instance_record(handle)
                assert record.profile_id == profile.record.id
                assert record.span in profile.spans
                spans.append(record.span)
        spans.sort()
        assert not any(one.overlaps(next_) for one, next_ in pairwise(spans))


def test_a_gpu_that_is_not_cut_has_no_mig_devices(nvml: Nvml) -> None:
    for device in nvml.devices():
        if not is_cut(nvml, device):
            assert list(nvml.mig_devices(device)) == []


def test_processes_have_ids_and_an_instance_only_where_the_gpu_is_cut(nvml: Nvml) -> None:
    for device in nvml.devices():
        for process in nvml.compute_processes(device):
            assert process.pid > 0
            assert (process.gpu_instance_id is not None) == is_cut(nvml, device)


def test_a_profile_number_that_no_gpu_has_is_an_invalid_argument_or_unsupported(
    nvml: Nvml,
) -> None:
    for device in nvml.devices():
        code = code_of_failure(partial(nvml.gpu_instance_profile, device, 9_999))
        assert code in (NvmlCode.INVALID_ARGUMENT, NvmlCode.NOT_SUPPORTED)


# What cuts: on imitated cards.


def test_after_close_the_library_is_not_initialised(
    maker: Maker, card: FakeCard, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = maker([card], monkeypatch)
    made.close()
    assert code_of_failure(made.driver_version) is NvmlCode.UNINITIALIZED


def test_an_instance_is_made_where_it_was_asked_for(session: Nvml) -> None:
    [device] = session.devices()
    profile = profile_of(session, device, 2)
    handle = session.create_gpu_instance(device, profile.record.id, Span(4, 2))
    assert session.gpu_instance_record(handle).span == Span(4, 2)
    assert len(session.gpu_instances(device, profile.record)) == 1


def test_overlap_is_insufficient_resources(session: Nvml) -> None:
    [device] = session.devices()
    session.create_gpu_instance(device, profile_of(session, device, 4).record.id, Span(0, 4))
    small = profile_of(session, device, 2).record.id
    code = code_of_failure(lambda: session.create_gpu_instance(device, small, Span(2, 2)))
    assert code is NvmlCode.INSUFFICIENT_RESOURCES


def test_a_placement_that_no_profile_has_is_an_invalid_argument(session: Nvml) -> None:
    [device] = session.devices()
    small = profile_of(session, device, 2).record.id
    code = code_of_failure(lambda: session.create_gpu_instance(device, small, Span(1, 2)))
    assert code is NvmlCode.INVALID_ARGUMENT


def test_one_media_engine_is_enough_for_one_instance(session: Nvml) -> None:
    [device] = session.devices()
    media = next(p for p in card_profiles(session, device) if p.number == 7)
    session.create_gpu_instance(device, media.record.id, Span(0, 1))
    create = session.create_gpu_instance
    code = code_of_failure(lambda: create(device, media.record.id, Span(1, 1)))
    assert code is NvmlCode.INSUFFICIENT_RESOURCES


def test_a_mig_device_appears_with_the_compute_instance(session: Nvml) -> None:
    [device] = session.devices()
    gpu_instance = session.create_gpu_instance(
        device, profile_of(session, device, 3).record.id, Span(0, 4)
    )
    assert list(session.mig_devices(device)) == []
    profile = full_compute_profile(session, gpu_instance)
    assert profile.slice_count == 3
    session.create_compute_instance(gpu_instance, profile.id)
    [mig] = session.mig_devices(device)
    assert session.gpu_instance_id(mig) == session.gpu_instance_record(gpu_instance).id
    assert session.uuid(mig).startswith("MIG-")
    assert len(session.compute_instances(gpu_instance, profile)) == 1


def test_a_full_instance_has_no_room_for_another_compute_instance(session: Nvml) -> None:
    [device] = session.devices()
    gpu_instance = session.create_gpu_instance(
        device, profile_of(session, device, 2).record.id, Span(0, 2)
    )
    profile = full_compute_profile(session, gpu_instance)
    session.create_compute_instance(gpu_instance, profile.id)
    code = code_of_failure(lambda: session.create_compute_instance(gpu_instance, profile.id))
    assert code is NvmlCode.INSUFFICIENT_RESOURCES


def made_instance(session: Nvml, device: Handle) -> tuple[Handle, Handle]:
    gpu_instance = session.create_gpu_instance(
        device, profile_of(session, device, 2).record.id, Span(0, 2)
    )
    profile = full_compute_profile(session, gpu_instance)
    return gpu_instance, session.create_compute_instance(gpu_instance, profile.id)


def test_a_gpu_instance_is_in_use_until_its_compute_instance_is_gone(session: Nvml) -> None:
    [device] = session.devices()
    gpu_instance, compute_instance = made_instance(session, device)
    code = code_of_failure(lambda: session.destroy_gpu_instance(gpu_instance))
    assert code is NvmlCode.IN_USE
    session.destroy_compute_instance(compute_instance)
    session.destroy_gpu_instance(gpu_instance)
    assert list(session.mig_devices(device)) == []


def test_a_compute_instance_is_in_use_while_a_process_is_on_it(
    session: Nvml, card: FakeCard
) -> None:
    [device] = session.devices()
    _, compute_instance = made_instance(session, device)
    card.instance_at(0).pids = {77}
    code = code_of_failure(lambda: session.destroy_compute_instance(compute_instance))
    assert code is NvmlCode.IN_USE
    [process] = session.compute_processes(device)
    assert process == (77, card.instance_at(0).id)


def test_the_handle_of_what_was_destroyed_is_invalid(session: Nvml) -> None:
    [device] = session.devices()
    gpu_instance, compute_instance = made_instance(session, device)
    session.destroy_compute_instance(compute_instance)
    session.destroy_gpu_instance(gpu_instance)
    for call in (
        lambda: session.destroy_gpu_instance(gpu_instance),
        lambda: session.destroy_compute_instance(compute_instance),
        lambda: session.gpu_instance_record(gpu_instance),
    ):
        assert code_of_failure(call) is NvmlCode.INVALID_ARGUMENT


def test_a_mig_device_that_the_driver_still_lists_is_not_found(
    session: Nvml, card: FakeCard
) -> None:
    [device] = session.devices()
    gpu_instance, compute_instance = made_instance(session, device)
    card.stale = list(card.mig_handles)
    session.destroy_compute_instance(compute_instance)
    session.destroy_gpu_instance(gpu_instance)
    [stale] = session.mig_devices(device)
    assert code_of_failure(lambda: session.gpu_instance_id(stale)) is NvmlCode.NOT_FOUND


def test_uuids_are_new_and_ids_are_used_again(session: Nvml, card: FakeCard) -> None:
    [device] = session.devices()
    seen = []
    for _ in range(2):
        gpu_instance, compute_instance = made_instance(session, device)
        [mig] = session.mig_devices(device)
        seen.append((session.gpu_instance_id(mig), session.uuid(mig)))
        session.destroy_compute_instance(compute_instance)
        session.destroy_gpu_instance(gpu_instance)
    (first_id, first_uuid), (second_id, second_uuid) = seen
    assert first_id == second_id
    assert first_uuid != second_uuid


def test_what_needs_privileges_is_refused_without_them(session: Nvml, card: FakeCard) -> None:
    [device] = session.devices()
    number_of_profile = session.gpu_instance_profile(device, 0).id
    card.is_permitted = False
    for call in (
        lambda: session.possible_placements(device, number_of_profile),
        lambda: session.create_gpu_instance(device, number_of_profile, Span(0, 1)),
        lambda: session.compute_processes(device),
        lambda: session.memory_mib(device),
    ):
        assert code_of_failure(call) is NvmlCode.NO_PERMISSION


def test_nothing_is_cut_with_mig_off(session: Nvml, card: FakeCard) -> None:
    [device] = session.devices()
    profile = session.gpu_instance_profile(device, 0)
    card.mode = MigMode(is_on=False, is_pending_on=False)
    for call in (
        lambda: session.gpu_instance_profile(device, 0),
        lambda: session.gpu_instances(device, profile),
        lambda: session.create_gpu_instance(device, profile.id, Span(0, 1)),
    ):
        assert code_of_failure(call) is NvmlCode.NOT_SUPPORTED


def test_every_call_about_a_lost_gpu_says_so(session: Nvml, card: FakeCard) -> None:
    [device] = session.devices()
    card.is_lost = True
    for call in (
        lambda: session.uuid(device),
        lambda: session.mig_mode(device),
        lambda: session.mig_devices(device),
        lambda: session.compute_processes(device),
    ):
        assert code_of_failure(call) is NvmlCode.GPU_IS_LOST


def test_another_session_finds_what_the_first_one_made(
    maker: Maker, card: FakeCard, monkeypatch: pytest.MonkeyPatch
) -> None:
    with contextlib.closing(maker([card], monkeypatch)) as first:
        [device] = first.devices()
        made_instance(first, device)
        [mig] = first.mig_devices(device)
        uuid = first.uuid(mig)
    with contextlib.closing(maker([card], monkeypatch)) as second:
        [mig] = second.mig_devices(second.devices()[0])
        assert second.uuid(mig) == uuid


def test_a_reset_removes_the_instances_and_brings_the_pending_mode(
    session: Nvml, card: FakeCard
) -> None:
    [device] = session.devices()
    made_instance(session, device)
    card.mode = MigMode(is_on=True, is_pending_on=False)
    card.reset()
    assert session.mig_mode(device) == MigMode(is_on=False, is_pending_on=False)
    assert list(session.mig_devices(device)) == []
