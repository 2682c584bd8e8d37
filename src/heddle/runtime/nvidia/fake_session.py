"""What every call of the imitated NVML does first: scripted failures, handles, permission.

``fake`` asks here for what a handle stands for; the answer is it, or the documented error.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from heddle.runtime.nvidia.fake_card import (
    FakeCard,
    FakeComputeInstance,
    FakeGpuInstance,
    MigHandle,
    OfferedProfile,
)
from heddle.runtime.nvidia.nvml import Handle
from heddle.runtime.nvidia.nvml_error import NvmlCode, NvmlError


@dataclass(frozen=True, slots=True)
class CallFault:
    """A call that fails.

    Attributes
    ----------
    call
        The documented name: ``nvmlGpuInstanceCreateComputeInstance``.
    code
        What it returns.
    num_before
        How many calls succeed first.
    num_times
        How many calls fail then; None for all of them.
    """

    call: str
    code: NvmlCode
    num_before: int = 0
    num_times: int | None = 1


class FakeSession:
    """An open session over cards, and the faults that are still to come."""

    def __init__(self, cards: Sequence[FakeCard], faults: Iterable[CallFault]) -> None:
        self.cards = tuple(cards)
        self._faults = list(faults)
        self._is_open = True

    def close(self) -> None:
        """Let every later call end with ``UNINITIALIZED``."""
        self._is_open = False

    def begin(self, call: str) -> None:
        """Begin a call, which fails when the script says so."""
        if not self._is_open:
            raise NvmlError(call, NvmlCode.UNINITIALIZED)
        for index, fault in enumerate(self._faults):
            if fault.call != call or fault.num_times == 0:
                continue
            if fault.num_before:
                self._faults[index] = replace(fault, num_before=fault.num_before - 1)
                continue
            if fault.num_times is not None:
                self._faults[index] = replace(fault, num_times=fault.num_times - 1)
            raise NvmlError(call, fault.code)

    def card(self, call: str, device: Handle) -> FakeCard:
        """Begin a call about a card, which must be there."""
        self.begin(call)
        for card in self.cards:
            if device is card:
                return _present(call, card)
        raise NvmlError(call, NvmlCode.INVALID_ARGUMENT)

    def privileged_card(self, call: str, device: Handle) -> FakeCard:
        """Begin a call that needs permission."""
        return _permitted(call, self.card(call, device))

    def card_to_cut(self, call: str, device: Handle) -> FakeCard:
        """Begin a call that needs permission and MIG."""
        card = self.privileged_card(call, device)
        if not card.mode.is_on:
            raise NvmlError(call, NvmlCode.NOT_SUPPORTED)
        return card

    def instance(
        self, call: str, gpu_instance: Handle, *, is_privileged: bool = True
    ) -> FakeGpuInstance:
        """Begin a call about a GPU instance; the handle of one that is gone is invalid."""
        self.begin(call)
        for card in self.cards:
            for instance in card.instances:
                if instance is gpu_instance:
                    _present(call, card)
                    if is_privileged:
                        _permitted(call, card)
                    return instance
        raise NvmlError(call, NvmlCode.INVALID_ARGUMENT)

    def compute_instance(
        self, call: str, handle: Handle
    ) -> tuple[FakeGpuInstance, FakeComputeInstance]:
        """Begin a privileged call about a compute instance; return it behind its owner."""
        self.begin(call)
        for card in self.cards:
            for instance in card.instances:
                for made in instance.compute_instances:
                    if handle is made:
                        _permitted(call, _present(call, card))
                        return instance, made
        raise NvmlError(call, NvmlCode.INVALID_ARGUMENT)

    def mig_handle(self, call: str, mig_device: Handle) -> MigHandle:
        """Begin a call about a MIG device; ``NOT_FOUND`` when it is gone."""
        self.begin(call)
        if not isinstance(mig_device, MigHandle):
            raise NvmlError(call, NvmlCode.INVALID_ARGUMENT)
        card = _present(call, mig_device.instance.card)
        if mig_device not in card.mig_handles:
            raise NvmlError(call, NvmlCode.NOT_FOUND)
        return mig_device


def profile_of(call: str, card: FakeCard, profile_id: int) -> OfferedProfile:
    """Return a card's profile by its id."""
    for offered in card.offered.values():
        if offered.record.id == profile_id:
            return offered
    raise NvmlError(call, NvmlCode.INVALID_ARGUMENT)


def _present(call: str, card: FakeCard) -> FakeCard:
    if card.is_lost:
        raise NvmlError(call, NvmlCode.GPU_IS_LOST)
    return card


def _permitted(call: str, card: FakeCard) -> FakeCard:
    if not card.is_permitted:
        raise NvmlError(call, NvmlCode.NO_PERMISSION)
    return card
