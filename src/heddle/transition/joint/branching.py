"""The best order of a small network, by complete search.

At each moment when credit arrives the search decides which givers get all their
takers, in every combination that can lead anywhere:

- credit spent on a part of what a giver waits for could as well be spent when the rest
  is, so givers are served whole;
- a giver that is passed over although there is credit for it is not served before
  that credit was used otherwise: serving it at once would have been as good;
- of givers that are alike the first comes first;
- a branch ends when its bound (credit that is not used up, as in ``network_bound``)
  reaches the best makespan found.

Takers that nobody waits for come last, as in ``ordering``.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from heddle.transition.joint.credit_network import CreditNetwork, Times
from heddle.transition.joint.network_bound import NEVER, Bound, Supply, Want, first_given, latest_of, needs_of
from heddle.transition.joint.ordering import order_of_rest
from heddle.transition.joint.simulation import Queues, simulate


@dataclass(frozen=True, slots=True)
class _State:
    """A moment of decision.

    Attributes
    ----------
    now_ns, credit
        When, and the credit by service.
    order
        Takers in the order in which they took.
    taken, funded, passed
        Bit masks: of takers; of givers whose takers all took; of givers passed over.
    running
        Givers that will give, by time.
    least_ns
        The makespan is at least this.
    """

    now_ns: int
    credit: tuple[int, ...]
    order: tuple[int, ...]
    taken: int
    funded: int
    passed: int
    running: tuple[tuple[int, int], ...]
    least_ns: int


class BranchAndBound:
    """A search that may be given up after a number of states.

    Attributes
    ----------
    is_complete
        Whether the last search looked at everything: then nothing is better than what
        it returned, or than what it was to beat.
    """

    def __init__(self, network: CreditNetwork, bound: Bound, max_states: int) -> None:
        self._network = network
        self._bound = bound
        self._max_states = max_states
        self._states = 0
        self._best_ns = NEVER
        self._best: Queues | None = None
        self._ranked = sorted(
            (g for g, blockers in enumerate(network.blockers) if blockers), key=self._rank
        )
        self._twins = self._earlier_twins()

    @property
    def is_complete(self) -> bool:
        return self._states <= self._max_states

    def search(self, below_ns: int) -> Queues | None:
        """Return queues with the least makespan below a limit, or None."""
        self._best_ns = below_ns
        self._visit(self._fund_free(self._root()), 0)
        return self._best

    def _rank(self, giver: int) -> tuple[int, int]:
        tails = self._bound.tails_ns
        return (-max(tails[taker] for taker in self._network.blockers[giver]), giver)

    def _root(self) -> _State:
        network = self._network
        running = sorted(
            (actor.own_ns, giver)
            for giver, actor in enumerate(network.givers)
            if not network.blockers[giver]
        )
        funded = sum(1 << giver for _, giver in running)
        slack = network.slack_micro
        return _State(0, slack, (), 0, funded, 0, tuple(running), self._bound.makespan_ns)

    def _visit(self, state: _State, first: int) -> None:
        """Look at everything that can follow; only ranks from ``first`` on are served now."""
        self._states += 1
        if self._states > self._max_states or self._best_ns <= self._bound.makespan_ns:
            return
        waiting = [giver for giver in self._ranked if not state.funded >> giver & 1]
        if not waiting:
            self._keep(state)
            return
        if self._least_ns(state, waiting) >= self._best_ns:
            return
        passed = state.passed
        for position in range(first, len(self._ranked)):
            giver = self._ranked[position]
            if state.funded >> giver & 1 or passed >> giver & 1:
                continue
            if self._twins[giver] & ~state.funded or not self._can_fund(state, giver):
                continue
            self._visit(self._fund_free(self._fund(state, giver)), position + 1)
        later = self._advance(state, waiting)
        if later is not None:
            self._visit(self._fund_free(later), 0)

    def _keep(self, state: _State) -> None:
        queues: list[list[int]] = [[] for _ in state.credit]
        takers = self._network.takers
        for taker in state.order:
            queues[takers[taker].service].append(taker)
        rest = [taker for taker in range(len(takers)) if not state.taken >> taker & 1]
        rest.sort(key=lambda t: (-takers[t].own_ns, takers[t].rate_micro, t))
        for taker in rest:
            queues[takers[taker].service].append(taker)
        times = simulate(self._network, queues)
        if times is not None and times.makespan_ns < self._best_ns:
            self._best_ns, self._best = times.makespan_ns, queues

    def _missing(self, state: _State, giver: int) -> Iterator[int]:
        return (t for t in self._network.blockers[giver] if not state.taken >> t & 1)

    def _needs(self, state: _State, giver: int) -> dict[int, int]:
        return needs_of(self._network, self._missing(state, giver))

    def _can_fund(self, state: _State, giver: int) -> bool:
        return all(need <= state.credit[s] for s, need in self._needs(state, giver).items())

    def _fund(self, state: _State, giver: int) -> _State:
        """Let all takers take that a giver waits for; others may come free by that."""
        network = self._network
        credit = list(state.credit)
        taken, order, least_ns = state.taken, list(state.order), state.least_ns
        for taker in self._missing(state, giver):
            actor = network.takers[taker]
            credit[actor.service] -= actor.rate_micro
            taken |= 1 << taker
            order.append(taker)
            least_ns = max(least_ns, state.now_ns + self._bound.tails_ns[taker])
        state = _State(
            state.now_ns,
            tuple(credit),
            tuple(order),
            taken,
            state.funded,
            state.passed,
            state.running,
            least_ns,
        )
        return state

    def _fund_free(self, state: _State) -> _State:
        """Serve all givers whose takers take nothing scarce, and note who now runs."""
        network = self._network
        while True:
            running = list(state.running)
            funded = state.funded
            for giver in self._ranked:
                if funded >> giver & 1:
                    continue
                if any(True for _ in self._missing(state, giver)):
                    continue
                funded |= 1 << giver
                insort(running, (self._gives_ns(state, giver), giver))
            passed = 0
            for giver in self._ranked:
                if state.passed >> giver & 1 and self._can_fund(state, giver):
                    passed |= 1 << giver
            state = _State(
                state.now_ns,
                state.credit,
                state.order,
                state.taken,
                funded,
                passed & ~funded,
                tuple(running),
                state.least_ns,
            )
            free = next(
                (
                    giver
                    for giver in self._ranked
                    if not funded >> giver & 1
                    and not any(network.is_scarce[s] for s in self._needs(state, giver))
                ),
                None,
            )
            if free is None:
                return state
            state = self._fund(state, free)

    def _gives_ns(self, state: _State, giver: int) -> int:
        """When a giver gives whose last taker takes now."""
        network = self._network
        lead_ns = max(
            link.lead_ns
            for taker in network.blockers[giver]
            for link in network.unlocks[taker]
            if link.giver == giver
        )
        return max(network.givers[giver].own_ns, state.now_ns + lead_ns)

    def _advance(self, state: _State, waiting: Sequence[int]) -> _State | None:
        """Go to the next moment when credit arrives."""
        if not state.running:
            return None
        now_ns = state.running[0][0]
        credit = list(state.credit)
        position = 0
        while position < len(state.running) and state.running[position][0] == now_ns:
            actor = self._network.givers[state.running[position][1]]
            credit[actor.service] += actor.rate_micro
            position += 1
        passed = state.passed
        for giver in waiting:
            if self._can_fund(state, giver):
                passed |= 1 << giver
        return _State(
            now_ns,
            tuple(credit),
            state.order,
            state.taken,
            state.funded,
            passed,
            state.running[position:],
            state.least_ns,
        )

    def _least_ns(self, state: _State, waiting: Sequence[int]) -> int:
        """Return a bound on every schedule that goes on from here."""
        network, tails = self._network, self._bound.tails_ns
        wants = [
            Want(g, self._needs(state, g), self._gives_ns(state, g) - state.now_ns)
            for g in waiting
        ]
        found = first_given(network, state.credit, state.running, wants, state.now_ns)
        if len(found) < len(state.running) + len(wants):
            return NEVER
        given: list[list[tuple[int, int]]] = [[] for _ in state.credit]
        for at_ns, giver in found:
            actor = network.givers[giver]
            given[actor.service].append((at_ns, actor.rate_micro))
        least_ns = state.least_ns
        for service, takers in enumerate(network.takers_of):
            if network.is_scarce[service]:
                rest = [t for t in takers if not state.taken >> t & 1]
                supply = Supply(state.credit[service], given[service], state.now_ns)
                least_ns = max(least_ns, latest_of(network, rest, tails, supply))
        return least_ns

    def _earlier_twins(self) -> list[int]:
        """Return by giver the givers before it in rank that are like it, as a mask."""
        network = self._network
        twins = [0] * len(network.givers)
        last: dict[object, int] = {}
        for giver in self._ranked:
            blockers = network.blockers[giver]
            if any(len(network.unlocks[taker]) > 1 for taker in blockers):
                continue
            key = (
                network.givers[giver],
                tuple(
                    sorted(
                        (network.takers[taker], network.unlocks[taker][0].lead_ns)
                        for taker in blockers
                    )
                ),
            )
            if key in last:
                twins[giver] = 1 << last[key]
            last[key] = giver
        return twins

