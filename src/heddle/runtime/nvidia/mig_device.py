"""A GPU with MIG on: instances are made and removed by placement, beside those in use.

A MIG instance is two things in NVML: a GPU instance, which is memory and compute slices,
and on it a compute instance, which is what a process can use and what has a UUID. Both are
made together and removed in reverse. MIG mode itself is never changed here, and nothing
that has a process on it is touched.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Mapping, Sequence

from heddle.cluster.gpu import Gpu
from heddle.cluster.gpu_type import GpuType
from heddle.cluster.partition import Placement, legal_partition
from heddle.errors import HostError, InputError, listed
from heddle.runtime.device import Binding, Isolation, Slice
from heddle.runtime.nvidia.card import Card, bound_processes
from heddle.runtime.nvidia.in_use import refuse_in_use
from heddle.runtime.nvidia.live_instances import (
    LiveGpuInstance,
    destroy_compute_instances,
    full_compute_profile,
    live_gpu_instances,
)
from heddle.runtime.nvidia.nvml import Span
from heddle.runtime.nvidia.nvml_error import NvmlError
from heddle.runtime.nvidia.profiles import CardProfile, contradictions, matched


class MigDevice:
    """A :class:`heddle.runtime.device.Device` cut by the hardware.

    May be used by several threads: one at a time makes or removes, since what a create
    finds half-made must not be another create under way.

    Parameters
    ----------
    card
        The GPU; MIG is on, and this user may cut it.
    gpu_type
        What the catalogue says of it.
    offered
        What the card offers, from :func:`heddle.runtime.nvidia.profiles.card_profiles`.
    """

    isolation = Isolation.MIG

    def __init__(self, card: Card, gpu_type: GpuType, offered: Sequence[CardProfile]) -> None:
        self._card = card
        self.gpu_type = gpu_type
        self.gpu = Gpu(card.id, card.node, gpu_type.name)
        self._offered = tuple(offered)
        self._profiles: Mapping[str, CardProfile] = matched(gpu_type, offered)
        self._lock = threading.Lock()
        self._names = {found.record.id: name for name, found in self._profiles.items()}

    @property
    def description(self) -> str:
        """The hardware, that MIG is on, and where the card is not as the catalogue says."""
        differences = contradictions(self.gpu_type, self._profiles)
        but = f", but {listed(differences)}" if differences else ""
        remark = f"; {self._card.remark}" if self._card.remark else ""
        return f"{self._card.described}, cut by MIG{but}{remark}"

    def slices(self) -> Sequence[Slice]:
        """Return the instances with a UUID, whoever made them; HostError when it is gone."""
        return [
            Slice(placement, instance.uuid)
            for instance in self._live()
            if instance.is_finished and (placement := self._placement(instance))
        ]

    def create(self, placement: Placement) -> Slice:
        """Make an instance, or return the one that is there."""
        with self._lock:
            return self._create(placement)

    def _create(self, placement: Placement) -> Slice:
        live = self._live()
        there = self._find(live, placement)
        if there is not None and there.is_finished:
            return Slice(placement, there.uuid)
        profile, span = self._offer(placement)
        self._require_room(live, placement, span)
        with self._about(placement):
            for unfinished in live:
                # What a kill between the two halves of a create left behind: without a
                # compute instance no process can be on it.
                if not unfinished.is_finished and unfinished.span.overlaps(span):
                    self._card.nvml.destroy_gpu_instance(unfinished.handle)
            self._make(profile, span)
        return self._require_made(placement)

    def destroy(self, placement: Placement) -> None:
        """Remove an instance that no process is on; nothing happens when there is none."""
        with self._lock:
            self._destroy(placement)

    def _destroy(self, placement: Placement) -> None:
        there = self._find(self._live(), placement)
        if there is None:
            return
        users = {*self._users(there), *(bound_processes(there.uuid) if there.uuid else ())}
        refuse_in_use(self.gpu.id, placement, sorted(users), "removed")
        with self._about(placement):
            destroy_compute_instances(self._card.nvml, there.handle)
            self._card.nvml.destroy_gpu_instance(there.handle)

    def binding(self, placement: Placement) -> Binding:
        """Return the UUID that the instance has now: after another create it is another."""
        there = self._find(self._live(), placement)
        if there is None or not there.is_finished:
            raise InputError(
                f"{self.gpu.id} has no instance {placement.profile} at {placement.start}; "
                "create it first"
            )
        units = self.gpu_type.memory_units or there.span.size
        return self._card.binding(there.uuid, there.span.size / units)

    def processes(self, placement: Placement) -> Sequence[int]:
        """Return the processes that were bound to the instance, ascending."""
        there = self._find(self._live(), placement)
        return bound_processes(there.uuid) if there and there.uuid else []

    def close(self) -> None:
        """Do nothing: instances are all that is kept, and they are in the hardware."""

    def _live(self) -> Sequence[LiveGpuInstance]:
        self._card.require_present()
        records = [profile.record for profile in self._offered]
        try:
            return live_gpu_instances(self._card.nvml, self._card.handle, records)
        except NvmlError as error:
            raise error.about(self.gpu.id) from error

    def _placement(self, instance: LiveGpuInstance) -> Placement | None:
        """Return what the catalogue calls an instance; None for a shape it does not have."""
        name = self._names.get(instance.profile_id)
        return Placement(instance.span.start, name) if name else None

    def _find(
        self, live: Sequence[LiveGpuInstance], placement: Placement
    ) -> LiveGpuInstance | None:
        return next((one for one in live if self._placement(one) == placement), None)

    def _users(self, instance: LiveGpuInstance) -> set[int]:
        """Return the processes that NVML sees on an instance, whoever started them."""
        processes = self._card.compute_processes()
        return {p.pid for p in processes if p.gpu_instance_id == instance.id}

    def _offer(self, placement: Placement) -> tuple[CardProfile, Span]:
        self.gpu_type.profile(placement.profile)
        profile = self._profiles.get(placement.profile)
        span = profile.span_at(placement.start) if profile else None
        if profile is None or span is None:
            starts = ", ".join(str(span.start) for span in profile.spans) if profile else "nowhere"
            raise InputError(
                f"{placement.profile} at {placement.start} of {self.gpu.id}: "
                f"this card's driver lets it start at: {starts}"
            )
        return profile, span

    def _require_room(
        self, live: Sequence[LiveGpuInstance], placement: Placement, span: Span
    ) -> None:
        """Raise InputError when the placement is not legal beside what is finished."""
        finished = [instance for instance in live if instance.is_finished]
        for instance in finished:
            if instance.span.overlaps(span):
                taken = self._placement(instance)
                raise InputError(
                    f"{placement.profile} at {placement.start} of {self.gpu.id}: "
                    f"{taken.profile if taken else 'an instance of another shape'} is at "
                    f"{instance.span.start}, over {instance.span.size} units"
                )
        beside = [found for instance in finished if (found := self._placement(instance))]
        legal_partition(self.gpu_type, [*beside, placement])

    def _make(self, profile: CardProfile, span: Span) -> None:
        """Make both halves, or none."""
        nvml = self._card.nvml
        instance = nvml.create_gpu_instance(self._card.handle, profile.record.id, span)
        try:
            nvml.create_compute_instance(instance, full_compute_profile(nvml, instance).id)
        except BaseException:
            with contextlib.suppress(NvmlError):
                nvml.destroy_gpu_instance(instance)
            raise

    def _require_made(self, placement: Placement) -> Slice:
        made = self._find(self._live(), placement)
        if made is None or not made.is_finished:
            raise HostError(
                f"{placement.profile} at {placement.start} of {self.gpu.id} was made and is not "
                "listed; somebody else may be cutting this GPU",
                is_retryable=True,
            )
        return Slice(placement, made.uuid)

    @contextlib.contextmanager
    def _about(self, placement: Placement) -> Iterator[None]:
        try:
            yield
        except NvmlError as error:
            subject = f"{placement.profile} at {placement.start} of {self.gpu.id}"
            raise error.about(subject) from error
