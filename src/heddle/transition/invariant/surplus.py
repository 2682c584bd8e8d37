"""The largest surplus: which gains to take when each forces losses. A maximum flow.

Two questions about a transition have this form. How low can a service's rate fall?
Issuing a stop takes its rate away (a gain, to an adversary) and forces the starts before
it to be done (losses). How many instances can exist at once? Issuing a create adds one,
and forces the destroys before it to be done.

The answer is a maximum closure, known as project selection (J.-C. Picard, Management
Science 22, 1976): all gains less the maximum flow from gains to the losses that they
force. The flow is found in phases of shortest paths (Dinic's algorithm). Which losses a
gain forces is a bit mask, so that the dense middle of the network, where every stop may
wait for every start before it, is never written down edge by edge.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple


class Surplus(NamedTuple):
    """The most that gains can exceed the losses that they force.

    ``chosen`` holds the positions of the gains to take, ascending: the smallest choice
    that is worth as much. ``num_paths`` counts the paths along which flow was sent, the
    measure of the work done.
    """

    value: int
    chosen: tuple[int, ...]
    num_paths: int


def largest_surplus(gains: Sequence[int], losses: Sequence[int], needs: Sequence[int]) -> Surplus:
    """Return the largest sum of chosen gains less the sum of the losses they force.

    Parameters
    ----------
    gains, losses
        Amounts, 0 or more.
    needs
        For each gain a mask: bit ``k`` says that it forces loss ``k``. Whatever several
        chosen gains force is lost once.
    """
    # Gains that force the same losses are taken together or not at all.
    alike: dict[int, list[int]] = {}
    for position, mask in enumerate(needs):
        if gains[position]:
            alike.setdefault(mask, []).append(position)
    # Earliest end first: where masks are nested, or stretches of losses, the first phase
    # then finds all the flow or nearly all.
    masks = sorted(alike, key=lambda mask: (mask.bit_length(), mask.bit_count(), alike[mask][0]))
    flow = _Flow([sum(gains[p] for p in alike[mask]) for mask in masks], losses, masks)
    flow.settle()
    taken = [position for k in flow.unsettled() for position in alike[masks[k]]]
    return Surplus(flow.value, tuple(sorted(taken)), flow.num_paths)


class _Flow:
    """Losses are charged to the gains that force them until nothing more can be charged.

    In the words of networks: gain ``i`` has an edge of capacity ``gains[i]`` from the
    source and endless ones to its losses, loss ``k`` one of ``losses[k]`` to the sink.
    """

    def __init__(self, gains: Sequence[int], losses: Sequence[int], needs: Sequence[int]) -> None:
        self._needs = needs
        self._left = list(gains)
        self._room = list(losses)
        self._open = sum(1 << loss for loss, room in enumerate(losses) if room)
        #: By loss, what each gain is charged with for it.
        self._charged: list[dict[int, int]] = [{} for _ in losses]
        self._depth: list[int] = []
        #: By depth, the losses that gains of that depth may still be charged with.
        self._layers: list[int] = []
        #: By loss, gains one layer deeper that could be charged with others instead.
        self._deeper: dict[int, list[int]] = {}
        self.num_paths = 0

    @property
    def value(self) -> int:
        """What is left of the gains."""
        return sum(self._left)

    def settle(self) -> None:
        """Send as much flow as there can be, shortest paths first."""
        while self._layer():
            for gain, depth in enumerate(self._depth):
                if depth == 0:
                    self._charge(gain)

    def unsettled(self) -> list[int]:
        """Return the gains on the source's side of the smallest minimum cut."""
        return [gain for gain, depth in enumerate(self._depth) if depth >= 0]

    def _layer(self) -> bool:
        """Find the layers of the shortest paths; False when no path is left."""
        self._depth = [0 if left else -1 for left in self._left]
        self._layers, self._deeper = [], {}
        frontier = [gain for gain, left in enumerate(self._left) if left]
        seen = 0
        while frontier:
            reached = 0
            for gain in frontier:
                reached |= self._needs[gain]
            reached &= ~seen
            seen |= reached
            if reached & self._open:
                self._layers.append(reached & self._open)
                return True
            self._layers.append(reached)
            frontier = self._next_frontier(reached)
        return False

    def _next_frontier(self, reached: int) -> list[int]:
        depth = len(self._layers)
        frontier = []
        for loss in _bits(reached):
            self._deeper[loss] = list(self._charged[loss])
            for gain in self._charged[loss]:
                if self._depth[gain] < 0:
                    self._depth[gain] = depth
                    frontier.append(gain)
        return frontier

    def _charge(self, source: int) -> None:
        """Send flow from one gain along paths through the layers until there are no more."""
        gains, losses = [source], [0]
        last = len(self._layers) - 1
        while gains:
            depth = len(gains) - 1
            choice = self._needs[gains[-1]] & self._layers[depth]
            if not choice:
                self._depth[gains.pop()] = -1
                losses.pop()
                continue
            loss = (choice & -choice).bit_length() - 1
            losses[-1] = loss
            if depth == last:
                self._send(gains, losses)
                if not self._left[source]:
                    return
                gains, losses = [source], [0]
                continue
            deeper = self._next_deeper(loss, depth + 1)
            if deeper is None:
                self._layers[depth] &= ~(1 << loss)
            else:
                gains.append(deeper)
                losses.append(0)

    def _next_deeper(self, loss: int, depth: int) -> int | None:
        candidates = self._deeper[loss]
        while candidates:
            gain = candidates[-1]
            if self._depth[gain] == depth and gain in self._charged[loss]:
                return gain
            candidates.pop()
        return None

    def _send(self, gains: Sequence[int], losses: Sequence[int]) -> None:
        """Charge each gain of a path with its loss, in place of the next gain."""
        self.num_paths += 1
        end = losses[-1]
        amount = min(self._left[gains[0]], self._room[end])
        for loss, deeper in zip(losses[:-1], gains[1:], strict=True):
            amount = min(amount, self._charged[loss][deeper])
        for gain, loss in zip(gains, losses, strict=True):
            charged = self._charged[loss]
            charged[gain] = charged.get(gain, 0) + amount
        for loss, deeper in zip(losses[:-1], gains[1:], strict=True):
            charged = self._charged[loss]
            charged[deeper] -= amount
            if not charged[deeper]:
                del charged[deeper]
        self._left[gains[0]] -= amount
        self._room[end] -= amount
        if not self._room[end]:
            self._open &= ~(1 << end)
            self._layers[-1] &= self._open


def _bits(mask: int) -> Iterator[int]:
    """Yield the positions of the ones, ascending."""
    while mask:
        lowest = mask & -mask
        yield lowest.bit_length() - 1
        mask ^= lowest
