"""Laws of the proof of a transition: it says what looking at every state says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from heddle.transition.invariant.proof import Proof, prove
from heddle.transition.transition import Transition
from heddle.units import MICRO
from transition_cases import random_transition, transitions, type_of
from transition_states import faults_by_force, least_rates_by_force
from transition_tampering import tampered, without_edge

SEEDS = st.integers(0, 2**32 - 1)


def least_micro(proof: Proof) -> dict[str, int]:
    return {name: round(floor.least_rps * MICRO) for name, floor in proof.floors.items()}


@given(transitions())
@settings(max_examples=200, deadline=None)
def test_the_least_rates_are_those_of_the_worst_of_all_states(transition: Transition) -> None:
    proof = prove(transition, type_of)
    assert proof.violations == ()
    assert least_micro(proof) == least_rates_by_force(transition)


@given(SEEDS)
@settings(max_examples=400, deadline=None)
def test_a_tampered_transition_is_refused_just_when_some_state_is_bad(seed: int) -> None:
    rng = np.random.default_rng(seed)
    transition = tampered(rng, random_transition(rng))
    proof = prove(transition, type_of)
    faults = faults_by_force(transition, type_of)
    assert bool(proof.violations) == bool(faults), faults
    assert least_micro(proof) == least_rates_by_force(transition)


@given(SEEDS)
@settings(max_examples=200, deadline=None)
def test_every_kind_of_fault_is_called_what_it_is(seed: int) -> None:
    rng = np.random.default_rng(seed)
    transition = tampered(rng, random_transition(rng))
    faults = faults_by_force(transition, type_of)
    said = " ".join(str(violation) for violation in prove(transition, type_of).violations)
    assert ("below its floor" in said) == ("rate" in faults)
    if faults == {"partition"}:
        assert "at once" in said


@given(SEEDS)
@settings(max_examples=100, deadline=None)
def test_waiting_less_never_raises_a_least_rate(seed: int) -> None:
    rng = np.random.default_rng(seed)
    transition = random_transition(rng)
    edges = [(step.id, other) for step in transition.steps for other in step.after]
    assume(edges)
    later, earlier = edges[int(rng.integers(len(edges)))]
    before = least_micro(prove(transition, type_of))
    after = least_micro(prove(without_edge(transition, later, earlier), type_of))
    assert all(after[name] <= rate for name, rate in before.items())


@given(SEEDS)
@settings(max_examples=100, deadline=None)
def test_what_is_proved_can_be_claimed_and_nothing_more(seed: int) -> None:
    rng = np.random.default_rng(seed)
    transition = random_transition(rng)
    floors = prove(transition, type_of).floors
    assume(floors)
    assert prove(replace(transition, floors=floors), type_of).violations == ()
    name = sorted(floors)[int(rng.integers(len(floors)))]
    more = floors[name]._replace(least_rps=floors[name].least_rps + 1 / MICRO)
    (violation,) = prove(replace(transition, floors={**floors, name: more}), type_of).violations
    assert violation.service == name


@given(SEEDS)
@settings(max_examples=50, deadline=None)
def test_the_same_transition_has_the_same_proof(seed: int) -> None:
    made = [tampered(rng, random_transition(rng)) for rng in map(np.random.default_rng, [seed] * 2)]
    assert made[0] == made[1]
    assert prove(made[0], type_of) == prove(made[1], type_of)
