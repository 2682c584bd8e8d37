"""The best order of a small network, by complete search.

At each moment when credit arrives the search decides which givers get all their
takers, in every combination that can lead anywhere:

- credit spent on a part of what a giver waits for could as well be spent when the rest
  is, so givers are served whole;
- a giver that is passed over although there is credit for it is not served before
  that credit was used otherwise: serving it at once would have been as good;
- of givers that are alike the first comes first;
- a branch ends when its bound (credit that is not used up, as in ``network_bound``)
  reaches the best makespan found, or when the same takers took before in a way that
  is nowhere later.

Takers that nobody waits for come last, as in ``ordering``. Called by ``improvement``.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Hashable, Sequence
from typing import NamedTuple

from heddle.transition.joint.credit_network import CreditNetwork
from heddle.transition.joint.network_bound import (
    NEVER,
    Bound,
    Supply,
    Want,
    first_given,
    latest_of,
)
from heddle.transition.joint.ordering import order_of_rest
from heddle.transition.joint.simulation import Queues, simulate


class _State(NamedTuple):
    """A moment of decision.

    Attributes
    ----------
    now_ns, credit
        When, and the credit by service.
    order
        Takers in the order in which they took.
    taken, served, passed
        Bit masks: of takers; of givers all of whose takers took; of givers passed over.
    running
        When which giver gives, of those that are served, in order.
    least_ns
        What is decided already makes the makespan at least this.
    """

    now_ns: int
    credit: tuple[int, ...]
    order: tuple[int, ...]
    taken: int
    served: int
    passed: int
    running: tuple[tuple[int, int], ...]
    least_ns: int


class _Outlook(NamedTuple):
    """What matters for all that follows, besides who took: the less the better.

    ``gives_ns`` says of every giver that is served when its credit can be used.
    """

    least_ns: int
    passed: int
    gives_ns: tuple[int, ...]

    def is_as_good_as(self, other: _Outlook) -> bool:
        """Whether whatever can follow from the other can follow from this, nowhere later."""
        return (
            self.least_ns <= other.least_ns
            and not self.passed & ~other.passed
            and all(a <= b for a, b in zip(self.gives_ns, other.gives_ns, strict=True))
        )


class BranchAndBound:
    """A complete search that gives up after a number of states.

    Attributes
    ----------
    is_complete
        Whether the search looked at everything: then nothing is better than what it
        returned, or, if that is None, than what it was to beat.
    """

    def __init__(self, network: CreditNetwork, limits: Bound, max_states: int) -> None:
        self._network = network
        self._limits = limits
        self._states_left = max_states
        self._best_ns = NEVER
        self._best: Queues | None = None
        self._ranked = sorted(
            (giver for giver, blockers in enumerate(network.blockers) if blockers),
            key=lambda giver: (-max(limits.tails_ns[t] for t in network.blockers[giver]), giver),
        )
        self._twins = _earlier_twins(network, self._ranked)
        #: What was looked at to the end, by the takers that had taken.
        self._finished: dict[int, list[_Outlook]] = {}

    @property
    def is_complete(self) -> bool:
        """Whether the search looked at everything."""
        return self._states_left > 0

    def search(self, below_ns: int) -> Queues | None:
        """Return queues with the least makespan below a limit, or None."""
        self._best_ns = below_ns
        self._visit(self._settled(self._root()))
        return self._best

    def _root(self) -> _State:
        network = self._network
        running = sorted(
            (actor.own_ns, giver)
            for giver, actor in enumerate(network.givers)
            if not network.blockers[giver]
        )
        served = sum(1 << giver for _, giver in running)
        least_ns = self._limits.makespan_ns
        return _State(0, network.slack_micro, (), 0, served, 0, tuple(running), least_ns)

    def _visit(self, state: _State) -> None:
        """Look at all that can follow from a new moment."""
        if self._states_left <= 0 or self._best_ns <= self._limits.makespan_ns:
            return
        outlook = self._outlook(state)
        known = self._finished.setdefault(state.taken, [])
        if not any(other.is_as_good_as(outlook) for other in known):
            self._decide(state, 0)
            known.append(outlook)

    def _decide(self, state: _State, first: int) -> None:
        """Serve givers of rank ``first`` and on in every combination, then go on in time."""
        self._states_left -= 1
        waiting = [giver for giver in self._ranked if not state.served >> giver & 1]
        if not waiting:
            self._keep(state)
            return
        if self._states_left <= 0 or self._least_ns(state, waiting) >= self._best_ns:
            return
        for position in range(first, len(self._ranked)):
            giver = self._ranked[position]
            is_out = (state.served | state.passed) >> giver & 1
            if is_out or self._twins[giver] & ~state.served or not self._can_serve(state, giver):
                continue
            self._decide(self._settled(self._serve(state, giver)), position + 1)
        if state.running:
            self._visit(self._settled(self._advance(state, waiting)))

    def _outlook(self, state: _State) -> _Outlook:
        known_ns = {giver: at_ns for at_ns, giver in state.running}
        served = (g for g in range(len(self._network.givers)) if state.served >> g & 1)
        gives_ns = tuple(known_ns.get(giver, state.now_ns) for giver in served)
        return _Outlook(state.least_ns, state.passed, gives_ns)

    def _keep(self, state: _State) -> None:
        """Remember the order of a state in which all is decided, if it is the best."""
        rest = [t for t in range(len(self._network.takers)) if not state.taken >> t & 1]
        queues: list[list[int]] = [[] for _ in state.credit]
        for taker in (*state.order, *order_of_rest(self._network, rest)):
            queues[self._network.takers[taker].service].append(taker)
        times = simulate(self._network, queues)
        if times is not None and times.makespan_ns < self._best_ns:
            self._best_ns, self._best = times.makespan_ns, queues

    def _missing(self, state: _State, giver: int) -> list[int]:
        return [t for t in self._network.blockers[giver] if not state.taken >> t & 1]

    def _can_serve(self, state: _State, giver: int) -> bool:
        needs = self._network.needs(self._missing(state, giver))
        return all(need <= state.credit[service] for service, need in needs.items())

    def _serve(self, state: _State, giver: int) -> _State:
        """Let all takers take that a giver waits for."""
        credit = list(state.credit)
        taken, least_ns = state.taken, state.least_ns
        missing = self._missing(state, giver)
        for taker in missing:
            actor = self._network.takers[taker]
            credit[actor.service] -= actor.rate_micro
            taken |= 1 << taker
            least_ns = max(least_ns, state.now_ns + self._limits.tails_ns[taker])
        order = (*state.order, *missing)
        return state._replace(credit=tuple(credit), order=order, taken=taken, least_ns=least_ns)

    def _settled(self, state: _State) -> _State:
        """Serve all givers that need nothing scarce, and note who now runs, who is passed over."""
        is_scarce = self._network.is_scarce
        for giver in self._ranked:
            if state.served >> giver & 1:
                continue
            needs = self._network.needs(self._missing(state, giver))
            if needs and not any(is_scarce[service] for service in needs):
                state = self._serve(state, giver)
        running, served, passed = list(state.running), state.served, 0
        for giver in self._ranked:
            if served >> giver & 1:
                continue
            if not self._missing(state, giver):
                served |= 1 << giver
                insort(running, (self._gives_ns(state, giver), giver))
            elif state.passed >> giver & 1 and self._can_serve(state, giver):
                passed |= 1 << giver
        return state._replace(served=served, passed=passed, running=tuple(running))

    def _gives_ns(self, state: _State, giver: int) -> int:
        """When a giver gives whose last taker takes now."""
        own_ns = self._network.givers[giver].own_ns
        return max(own_ns, state.now_ns + self._network.leads_ns[giver])

    def _advance(self, state: _State, waiting: Sequence[int]) -> _State:
        """Go to the next moment when credit arrives, passing over whom it would suffice for."""
        now_ns = state.running[0][0]
        credit = list(state.credit)
        due = [giver for at_ns, giver in state.running if at_ns == now_ns]
        for giver in due:
            actor = self._network.givers[giver]
            credit[actor.service] += actor.rate_micro
        passed = state.passed
        for giver in waiting:
            if self._can_serve(state, giver):
                passed |= 1 << giver
        running = state.running[len(due) :]
        return state._replace(now_ns=now_ns, credit=tuple(credit), passed=passed, running=running)

    def _least_ns(self, state: _State, waiting: Sequence[int]) -> int:
        """Return a bound on every schedule that goes on from a state."""
        network = self._network
        wants = [
            Want(
                giver,
                network.needs(self._missing(state, giver)),
                self._gives_ns(state, giver) - state.now_ns,
            )
            for giver in waiting
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
                rest = [taker for taker in takers if not state.taken >> taker & 1]
                supply = Supply(state.credit[service], given[service], state.now_ns)
                least_ns = max(least_ns, latest_of(network, rest, self._limits.tails_ns, supply))
        return least_ns


def _earlier_twins(network: CreditNetwork, ranked: Sequence[int]) -> list[int]:
    """Return by giver, as a bit mask, one before it in rank that is like it, if there is one.

    Alike are givers whose takers nobody else waits for and that differ in no number.
    """
    twins = [0] * len(network.givers)
    last: dict[Hashable, int] = {}
    for giver in ranked:
        blockers = network.blockers[giver]
        if any(len(network.unlocks[taker]) > 1 for taker in blockers):
            continue
        takers = sorted((network.takers[t], network.unlocks[t][0].lead_ns) for t in blockers)
        key = (network.givers[giver], tuple(takers))
        if key in last:
            twins[giver] = 1 << last[key]
        last[key] = giver
    return twins
