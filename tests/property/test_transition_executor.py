"""Laws of the executor: whatever fails, whenever it dies, it ends well, nothing done twice."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from executions import (
    HELPLESS,
    REPLANNER,
    Cluster,
    Setting,
    carried_out,
    planned_transition,
    writable,
)
from heddle.cluster.event import Outcome
from heddle.simulator.faults import (
    CommandFault,
    Delivery,
    EventFault,
    FaultScript,
    Loss,
    NodeFault,
    Which,
)
from heddle.transition.execution.journal_state import ExecutionOutcome
from heddle.transition.execution.limits import ExecutionLimits
from heddle.transition.executor import Executor
from heddle.transition.transition import Transition
from transition_cases import random_transition

few = settings(deadline=None, max_examples=40)
many = settings(deadline=None, max_examples=120)

SEEDS = st.integers(0, 2**32 - 1)
#: Dies before or after some write, or after every one.
DEATHS = st.lists(st.integers(-6, 12), max_size=8) | st.just([1] * 200)
#: More commands at a time than any transition here has steps.
UNLIMITED = ExecutionLimits(commands_per_node=1000)


@dataclass(frozen=True)
class Trouble:
    """What goes wrong in one execution."""

    script: FaultScript
    deaths: tuple[int, ...]
    abort_in_life: int | None

    @property
    def loses_servers(self) -> bool:
        return any(fault.loses is not Loss.NOTHING for fault in self.script.nodes)


def small(seed: int) -> Transition:
    """Return a random transition in which node-0 has a part."""
    generator = np.random.default_rng(seed)
    while True:
        transition = writable(random_transition(generator, max_steps=30))
        if any(gpu.node == "node-0" for gpu in transition.gpus.values()):
            return transition


@st.composite
def harmless_scripts(draw: st.DrawFn) -> FaultScript:
    """Draw what an executor has to get over: retries, lost events, nodes away for a while."""
    commands = st.builds(
        CommandFault,
        st.builds(Which, command=st.integers(1, 40)),
        st.sampled_from([Outcome.FAILED, Outcome.REFUSED]),
        retry_after_s=st.sampled_from([None, 3.0, 40.0]),
    )
    nodes = st.builds(
        NodeFault,
        st.sampled_from(["node-0"]),
        st.floats(0.001, 60.0),
        st.floats(0.001, 100.0),
    )
    return FaultScript(
        tuple(draw(st.lists(commands, max_size=4))),
        tuple(draw(st.lists(event_faults(), max_size=8))),
        tuple(draw(st.lists(nodes, max_size=1))),
    )


def event_faults() -> st.SearchStrategy[EventFault]:
    which = st.builds(Which, event=st.integers(1, 60))
    return st.builds(EventFault, which, st.sampled_from(list(Delivery)), st.floats(0.0, 400.0))


@st.composite
def troubles(draw: st.DrawFn, transition: Transition) -> Trouble:
    """Draw anything that a script can hold, for good or for a while."""
    steps = st.builds(Which, step=st.integers(0, max(0, len(transition.steps) - 1)))
    commands = st.builds(
        CommandFault,
        steps,
        st.sampled_from([Outcome.FAILED, Outcome.REFUSED]),
        st.sampled_from([1, 2, None]),
        is_retryable=st.booleans(),
    )
    nodes = st.builds(
        NodeFault,
        st.sampled_from(sorted({gpu.node for gpu in transition.gpus.values()})),
        st.floats(0.001, 80.0),
        st.sampled_from([5.0, 100.0, 350.0, 1e6]),
        st.sampled_from(list(Loss)),
    )
    script = FaultScript(
        tuple(draw(st.lists(commands, max_size=3))),
        tuple(draw(st.lists(event_faults(), max_size=6))),
        tuple(draw(st.lists(nodes, max_size=2))),
    )
    deaths = tuple(draw(DEATHS))
    return Trouble(script, deaths, draw(st.none() | st.integers(0, 6)))


@many
@given(SEEDS)
def test_without_faults_it_takes_the_longest_path(seed: int) -> None:
    transition = small(seed)
    times = replace(
        HELPLESS.times,
        default=dict.fromkeys(HELPLESS.times.default, 7.0),
    )
    steps = tuple(replace(step, estimate_s=7.0) for step in transition.steps)
    depth: list[int] = []
    for step in steps:
        depth.append(1 + max((depth[other] for other in step.after), default=0))
    transition = replace(transition, steps=steps, makespan_s=7.0 * max(depth, default=0))
    ended = carried_out(transition, Cluster(times=times), (), Setting(HELPLESS, UNLIMITED))
    assert ended.result.outcome is ExecutionOutcome.DONE
    assert ended.result.elapsed_s == pytest.approx(transition.makespan_s)
    assert ended.wrongs() == []


@many
@given(SEEDS, harmless_scripts(), DEATHS, st.sampled_from([1, 2, 8]))
def test_it_gets_over_what_passes_and_does_nothing_twice(
    seed: int, script: FaultScript, deaths: list[int], commands_per_node: int
) -> None:
    transition = small(seed)
    limits = ExecutionLimits(commands_per_node=commands_per_node)
    cluster = Cluster(script, variation=0.3, seed=seed % 1000)
    ended = carried_out(transition, cluster, deaths, Setting(HELPLESS, limits))
    assert ended.result.outcome is ExecutionOutcome.DONE
    assert ended.result.deployment == transition.target
    assert ended.result.num_done == len(transition.steps)
    assert ended.wrongs() == []
    assert all(rate.is_kept for rate in ended.result.least)


@few
@given(SEEDS, st.data())
def test_without_another_plan_it_ends_in_the_target_or_stops_where_nothing_is_leaked(
    seed: int, data: st.DataObject
) -> None:
    transition = small(seed)
    trouble = data.draw(troubles(transition))
    script = replace(trouble.script, nodes=())
    ended = carried_out(transition, Cluster(script), trouble.deaths, Setting(HELPLESS))
    assert ended.result.outcome in (ExecutionOutcome.DONE, ExecutionOutcome.STOPPED)
    assert ended.wrongs() == []


@few
@given(st.sampled_from([0, 1, 5]), st.sampled_from([0, 4]), st.data())
def test_whatever_happens_it_ends_in_a_legal_deployment_at_its_floors(
    seed: int, num_extra_gpus: int, data: st.DataObject
) -> None:
    transition = planned_transition(seed)
    trouble = data.draw(troubles(transition))

    def act(executor: Executor, life: int) -> None:
        if trouble.abort_in_life is not None and life >= trouble.abort_in_life:
            executor.abort()

    cluster = Cluster(trouble.script, num_extra_gpus, variation=0.2)
    ended = carried_out(transition, cluster, trouble.deaths, Setting(REPLANNER), act)
    assert ended.wrongs(keeps_floors=not trouble.loses_servers) == []


@few
@given(SEEDS, st.data())
def test_the_same_faults_and_deaths_give_the_same_journal(seed: int, data: st.DataObject) -> None:
    transition = small(seed)
    trouble = data.draw(troubles(transition))
    cluster = Cluster(trouble.script, variation=0.2)
    first, second = (
        carried_out(transition, cluster, trouble.deaths, Setting(HELPLESS)) for _ in range(2)
    )
    assert list(first.ledger.entries()) == list(second.ledger.entries())
    assert first.driver.history() == second.driver.history()
    assert first.result == second.result
