"""One way through the whole transition, and which ways there are.

``planner`` tries one after the other; ``refusal`` says why none of them will do.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from heddle.cluster.deployment import Configuration, Deployment
from heddle.cluster.gpu import Gpu
from heddle.transition.draft import Draft
from heddle.transition.exchange_compact.compact import Compact
from heddle.transition.exchange_compact.difference import difference_of, settle_equal
from heddle.transition.exchange_compact.exchange import Exchange
from heddle.transition.exchange_compact.replica import Kind
from heddle.transition.exchange_compact.rooms import NoRoomError, Rooms
from heddle.transition.exchange_compact.script import Script
from heddle.transition.exchange_compact.wanted import Wanted
from heddle.transition.request import TransitionRequest

#: Services that are exchanged together, round by round.
Rounds = Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """Where a way led.

    Attributes
    ----------
    draft
        Incomplete when ``lacking`` is set.
    makespan_s
        Of the draft, seconds.
    gpus
        All that were used.
    borrowers
        What needed the spare GPUs among them, in turn.
    lacking
        What found no place when the inventory was used up.
    """

    draft: Draft
    makespan_s: float
    gpus: tuple[Gpu, ...]
    borrowers: tuple[Kind, ...]
    lacking: Kind | None = None

    def is_within(self, spare_gpus: int | None) -> bool:
        """Whether it is complete and borrows no more than may be."""
        is_few = spare_gpus is None or len(self.borrowers) <= spare_gpus
        return self.lacking is None and is_few


class _Sides:
    """What runs, what is wanted, and the difference."""

    def __init__(self, request: TransitionRequest, num_eager: int = 0) -> None:
        self.rooms = Rooms(request, num_eager)
        self.wanted = Wanted(request.wanted.configurations)
        settle_equal(self.rooms, self.wanted)
        self.difference = difference_of(self.rooms, self.wanted)


def ways(request: TransitionRequest) -> Iterator[Rounds]:
    """Yield ways to go in rounds, from one round of all services to one service a round.

    What one round deletes is room for the next, so services that give room come first.
    The paper goes in rounds when spare GPUs are few; whoever calls this takes the first
    way that does.
    """
    difference = _Sides(request).difference

    def size(kind: Kind) -> int:
        return request.type_of(kind.gpu_type).profile(kind.point.profile).size or 0

    def growth(service: str) -> int:
        new = sum(size(kind) for kind in difference.new.get(service, ()))
        return new - sum(size(replica.kind) for replica in difference.unneeded.get(service, ()))

    yield [difference.services]
    order = sorted(difference.services, key=lambda service: (growth(service), service))
    width = len(order)
    while width > 1:
        width = (width + 1) // 2
        yield [order[first : first + width] for first in range(0, len(order), width)]


def attempt(request: TransitionRequest, rounds: Rounds, num_eager: int = 0) -> Outcome:
    """Return where one way leads.

    Parameters
    ----------
    num_eager
        So many spare GPUs are borrowed not only of need, but also to be quicker.
    """
    sides = _Sides(request, num_eager)
    script = Script(request)
    lacking = None
    try:
        _run(sides, script, rounds)
    except NoRoomError as error:
        lacking = error.kind
    else:
        script.draft.target = _target(request, sides.rooms)
    gpus = tuple(room.gpu for room in sides.rooms.all)
    borrowers = tuple(sides.rooms.borrowers)
    return Outcome(script.draft, script.makespan_s, gpus, borrowers, lacking)


def _run(sides: _Sides, script: Script, rounds: Rounds) -> None:
    rooms, wanted = sides.rooms, sides.wanted
    exchange = Exchange(rooms, script, sides.difference, wanted)
    for number, services in enumerate(rounds, 1):
        # 1. Exchange: the right replicas of these services.
        exchange.run(services)
        # 2. Compact: before the last round as far as it needs no room.
        compact = Compact(rooms, script, wanted, exchange.last)
        if number < len(rounds):
            compact.run_easy()
        else:
            compact.run()
    # 3. Destroy what nothing runs on.
    for room in rooms.all:
        script.clear(room)


def _target(request: TransitionRequest, rooms: Rooms) -> Deployment:
    configurations = []
    for room in rooms.all:
        if room.carries is not None:
            instances = tuple(replica.kind.at(replica.placement) for replica in room.replicas())
            gpu = room.gpu
            configurations.append(
                Configuration(gpu.id, gpu.node, gpu.gpu_type, instances, room.carries.reason)
            )
    return replace(request.wanted, configurations=tuple(configurations))
