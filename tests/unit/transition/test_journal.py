"""The journal: what is written, what reading it gives, and whose journal it is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from executions import ORIGIN, TARGET, small_transition
from heddle.clock import ManualClock
from heddle.cluster.event import Event, Outcome
from heddle.cluster.memory_ledger import MemoryLedger
from heddle.errors import InputError
from heddle.transition.execution.decision import Decision, Reason
from heddle.transition.execution.journal_state import ExecutionOutcome, JournalState
from heddle.transition.execution.leg import Purpose
from heddle.transition.execution.leg_state import Stage
from heddle.transition.journal import Journal
from heddle.transition.transition import Floor, Transition

FLOORS = {"chat": Floor(150.0, 200.0), "vision": Floor(0.0, 0.0)}
WHY = Decision(Reason.STEP_FAILED, "it broke")


@pytest.fixture
def ledger() -> MemoryLedger:
    return MemoryLedger("night.journal")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(start_s=50.0)


@pytest.fixture
def journal(ledger: MemoryLedger, clock: ManualClock) -> Journal:
    """A journal in which the small transition is begun."""
    made = Journal(ledger, clock)
    made.begin(small_transition(), proved())
    return made


def proved() -> Transition:
    return replace(small_transition(), floors=FLOORS)


def done(journal: Journal, *numbers: int) -> None:
    for number in numbers:
        step = journal.state.leg.leg.steps[number]
        command = journal.intend(step)
        event = Event(command.id, Outcome.DONE, 1.0)
        journal.end(step, event, Decision(Reason.STEP_DONE, f"{step} is done"))


def shown(state: JournalState) -> dict[str, object]:
    """Return all that a state says, to be compared."""
    leg = state.leg
    members = {
        name: value
        for name, value in vars(state).items()
        if name not in {"leg_state", "_name", "decisions"}
    }
    fold = {name: value for name, value in vars(leg).items() if name != "leg"}
    return {**members, **fold, "digest of leg": leg.leg.digest, "decisions": list(state.decisions)}


def test_reading_a_journal_gives_what_its_writer_knew(
    journal: Journal, ledger: MemoryLedger, clock: ManualClock
) -> None:
    done(journal, 0, 1)
    clock.advance(3.0)
    first = journal.state.leg.leg.steps[4]
    command = journal.intend(first)
    event = Event(command.id, Outcome.FAILED, 2.0, "no room", is_retryable=True, retry_after_s=7.5)
    journal.end(first, event, WHY)
    journal.intend(journal.state.leg.leg.steps[2])
    journal.pause()
    journal.resume()
    journal.give_up(WHY, ("gpu-0",), ("node-0",))
    journal.abort()
    for number_of_entries in range(1, len(ledger.entries()) + 1):
        part = MemoryLedger()
        for entry in ledger.entries()[:number_of_entries]:
            part.append(entry.kind, entry.members)
        Journal(part, clock)
    assert shown(Journal(ledger, clock).state) == shown(journal.state)
    state = journal.state
    assert state.leg.stages == [
        Stage.DONE,
        Stage.DONE,
        Stage.OPEN,
        Stage.WAITING,
        Stage.FAILED,
        Stage.WAITING,
    ]
    assert state.leg.failures[4] == ("no room", True, 7.5)
    assert (state.must_turn, state.is_aborting, state.is_paused) == (True, True, False)
    assert (state.cordoned, state.lost) == ({"gpu-0"}, {"node-0"})


def test_rates_count_from_the_end_of_a_start_to_the_intention_of_a_stop(journal: Journal) -> None:
    rates = journal.state.leg.rates_micro
    assert rates["chat"] == 200_000_000
    done(journal, 0)
    journal.intend(journal.state.leg.leg.steps[1])
    assert rates["chat"] == 200_000_000
    journal.end(journal.state.leg.leg.steps[1], Event("x", Outcome.DONE, 0.0), WHY)
    assert rates["chat"] == 300_000_000
    journal.intend(journal.state.leg.leg.steps[2])
    assert rates["chat"] == 200_000_000
    assert journal.state.least_micro == {"chat": 200_000_000, "vision": 0}


def test_a_stop_that_failed_does_not_count_as_serving_again(journal: Journal) -> None:
    done(journal, 0, 1)
    stop = journal.state.leg.leg.steps[2]
    command = journal.intend(stop)
    journal.end(stop, Event(command.id, Outcome.FAILED, 0.0, "x", is_retryable=True), WHY)
    assert journal.state.leg.rates_micro["chat"] == 200_000_000
    journal.intend(stop)
    assert journal.state.leg.rates_micro["chat"] == 200_000_000
    assert journal.state.num_retries == 1


def test_every_attempt_has_a_command_of_its_own(journal: Journal) -> None:
    step = journal.state.leg.leg.steps[0]
    first = journal.intend(step)
    journal.end(step, Event(first.id, Outcome.FAILED, 0.0, "x", is_retryable=True), WHY)
    second = journal.intend(step)
    digest = journal.state.leg.leg.digest
    assert [first.id, second.id] == [f"{digest}/0/1", f"{digest}/0/2"]
    assert journal.state.leg.open_step(first.id) is None
    assert journal.state.leg.open_step(second.id) == step


def test_the_same_transition_has_other_commands_the_second_time() -> None:
    digests = set()
    for start_s in (0.0, 60.0):
        journal = Journal(MemoryLedger(), ManualClock(start_s))
        journal.begin(small_transition(), proved())
        digests.add(journal.state.leg.leg.digest)
    assert len(digests) == 2


def test_another_leg_begins_with_nothing_done(journal: Journal) -> None:
    done(journal, 0, 1)
    journal.give_up(WHY, ("gpu-0",), ("node-0",))
    before = journal.state.leg.leg.digest
    onwards = replace(proved(), origin=TARGET, target=ORIGIN, steps=())
    journal.replan(Purpose.BACK, onwards, Decision(Reason.REPLANNED, "back"))
    state = journal.state
    assert state.leg.leg.purpose is Purpose.BACK
    assert state.leg.leg.digest != before
    assert state.leg.is_complete
    assert (state.must_turn, state.num_done, state.num_replans) == (False, 2, 1)
    assert (state.cordoned, state.lost) == ({"gpu-0"}, set())
    assert state.asked.target == TARGET


def test_the_time_when_nobody_worked_does_not_count(
    journal: Journal, ledger: MemoryLedger, clock: ManualClock
) -> None:
    clock.advance(10.0)
    done(journal, 0)
    clock.advance(1000.0)
    second = Journal(ledger, clock)
    assert second.elapsed_s == 10.0
    clock.advance(5.0)
    assert second.elapsed_s == 15.0
    done(second, 1)
    clock.advance(1.0)
    assert second.elapsed_s == 16.0
    elsewhere = ManualClock(0.0)
    third = Journal(ledger, elsewhere)
    elsewhere.advance(4.0)
    assert third.elapsed_s == 19.0


def test_a_journal_of_another_transition_is_refused_by_name(journal: Journal) -> None:
    journal.require(small_transition())
    other = replace(small_transition(), steps=small_transition().steps[:4])
    with pytest.raises(InputError) as caught:
        journal.require(other)
    assert str(caught.value) == (
        "night.journal: this journal belongs to another transition (from 2 GPUs with 2 instances "
        "to 2 GPUs with 3 instances, 6 steps); this one goes from 2 GPUs with 2 instances to "
        "2 GPUs with 3 instances, 4 steps. Name another file, or carry out the other transition "
        "to its end"
    )


def test_an_empty_journal_is_anybodys(ledger: MemoryLedger, clock: ManualClock) -> None:
    journal = Journal(ledger, clock)
    journal.require(small_transition())
    assert not journal.is_begun
    with pytest.raises(ValueError, match="no transition is begun"):
        _ = journal.state.leg


def test_the_end_is_kept_with_what_is_deployed(journal: Journal, ledger: MemoryLedger) -> None:
    decision = Decision(Reason.TARGET_REACHED, "the target is reached")
    journal.finish(ExecutionOutcome.DONE, decision, TARGET)
    ending = Journal(ledger, ManualClock()).state.ending
    assert ending == (ExecutionOutcome.DONE, TARGET)


def test_entries_of_other_parts_are_passed_over(
    journal: Journal, ledger: MemoryLedger, clock: ManualClock
) -> None:
    ledger.append("server.started", {"whatever": 1})
    done(journal, 0)
    assert Journal(ledger, clock).state.num_done == 1


@pytest.mark.parametrize(
    ("kind", "members", "what"),
    [
        ("step.skipped", {}, "this heddle does not know 'step.skipped'"),
        ("step.intended", {"run": 1, "run_s": 0.0}, "missing key 'step'"),
        ("step.intended", {"run": 1, "run_s": 0.0, "step": 6}, "from 0 to 5, found 6"),
        ("transition.begun", {"run": 1, "run_s": 0.0, "digest": "x"}, "a second transition"),
    ],
)
def test_an_entry_that_cannot_be_understood_is_refused(
    journal: Journal, ledger: MemoryLedger, kind: str, members: dict[str, object], what: str
) -> None:
    ledger.append(kind, members)
    with pytest.raises(InputError, match=r"night\.journal: entry 2") as caught:
        Journal(ledger, ManualClock())
    assert what in str(caught.value)


def test_nothing_can_happen_before_the_beginning() -> None:
    ledger = MemoryLedger("x")
    ledger.append("step.intended", {"run": 1, "run_s": 0.0, "step": 0})
    with pytest.raises(InputError, match="no transition was begun before it"):
        Journal(ledger, ManualClock())
