"""Why a command cannot be carried out now; pure, so that a refusal changes nothing.

The simulated cluster refuses the same for the same reasons; the contract suite of node
drivers holds both to it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from heddle.cluster.command import Action, Command
from heddle.cluster.gpu import Gpu
from heddle.cluster.gpu_type import GpuType
from heddle.cluster.partition import Placement, legal_partition
from heddle.errors import InputError
from heddle.runtime.agent.book import BookState
from heddle.runtime.agent.tenancy import Place, place_of


class Refusal(NamedTuple):
    """Why not, and whether it may be possible later."""

    message: str
    is_retryable: bool = False


class Hardware(NamedTuple):
    """A GPU of this node, and the instances that exist on it."""

    gpu: Gpu
    gpu_type: GpuType
    placements: frozenset[Placement]


def misfit(command: Command) -> Refusal | None:
    """Return what is wrong with a command in itself, or None."""
    serving = command.serving
    if command.action in (Action.CREATE, Action.DESTROY):
        return Refusal(f"a {command.action.value} takes no service") if serving else None
    if serving is None:
        return Refusal(f"a {command.action.value} needs a service")
    if (serving.start, serving.profile) != command.placement:
        return Refusal(f"{serving.service} is planned for another placement")
    return None


def objection(command: Command, hardware: Hardware, state: BookState) -> Refusal | None:
    """Return why a command for a GPU of this node cannot be begun, or None."""
    refusal = misfit(command)
    if refusal is not None:
        return refusal
    if command.action is Action.CREATE:
        return _creation_objection(command, hardware, state)
    place = place_of(command)
    busy = state.busy(place)
    if busy is not None:
        message = f"{place} is in use: a {busy.action.value} is under way"
        return Refusal(message, is_retryable=True)
    if command.placement not in hardware.placements:
        return Refusal(f"there is no {place}")
    return _use_objection(command, place, state)


def _use_objection(command: Command, place: Place, state: BookState) -> Refusal | None:
    """Return why what an instance serves, or does not serve, stands in the way."""
    tenancy = state.tenancies.get(place)
    found = tenancy.planned.service if tenancy else "nothing"
    if command.action is Action.DESTROY and tenancy is not None:
        return Refusal(f"{place} is in use: {found} runs on it", is_retryable=True)
    if command.action is Action.START:
        return _start_objection(command, place, state)
    if command.action is Action.STOP and (tenancy is None or tenancy.planned != command.serving):
        return Refusal(f"{place} does not serve what is to be stopped, but {found}")
    return None


def _start_objection(command: Command, place: Place, state: BookState) -> Refusal | None:
    tenancy = state.tenancies.get(place)
    if tenancy is not None:
        return Refusal(f"{place} serves already: {tenancy.planned.service} runs on it")
    if command.serving is not None and command.serving.service not in state.services:
        message = f"no service {command.serving.service!r} was listed; list services first"
        return Refusal(message, is_retryable=True)
    return None


def _creation_objection(command: Command, hardware: Hardware, state: BookState) -> Refusal | None:
    """Return why an instance cannot be made; that one is just leaving passes by."""
    here = [each for each in state.open_commands.values() if each.gpu == command.gpu]
    leaving = {each.placement for each in here if each.action is Action.DESTROY}
    coming = {each.placement for each in here if each.action is Action.CREATE}
    taken = hardware.placements | coming
    if command.placement in taken:
        is_leaving = command.placement in leaving
        return Refusal(f"{place_of(command)} exists already", is_leaving)
    message = _misplaced(hardware.gpu_type, taken, command.placement)
    if message is None:
        return None
    rest = taken - leaving
    return Refusal(message, _misplaced(hardware.gpu_type, rest, command.placement) is None)


def _misplaced(gpu_type: GpuType, taken: Iterable[Placement], placement: Placement) -> str | None:
    """Return why a placement is not legal beside others, or None."""
    try:
        legal_partition(gpu_type, taken).with_placement(placement)
    except InputError as error:
        return error.message
    return None
