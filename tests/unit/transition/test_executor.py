"""The executor on a small transition: what it sends, hears, tries again and gives up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from executions import (
    HELPLESS,
    LEFT,
    ORIGIN,
    RIGHT,
    TARGET,
    TIMES,
    Cluster,
    Ended,
    Setting,
    carried_out,
    executor_of,
    small_transition,
)
from heddle.cluster.deployment import Deployment
from heddle.cluster.event import Outcome
from heddle.cluster.gpu import Gpu
from heddle.cluster.memory_ledger import MemoryLedger
from heddle.cluster.snapshot import Snapshot
from heddle.errors import InputError
from heddle.simulator.driver import SimulatedDriver
from heddle.simulator.faults import (
    CommandFault,
    Delivery,
    EventFault,
    FaultScript,
    Loss,
    NodeFault,
    Which,
)
from heddle.simulator.history import Kind
from heddle.simulator.world import World
from heddle.transition.execution.decision import Reason
from heddle.transition.execution.journal_state import ExecutionOutcome
from heddle.transition.execution.limits import ExecutionLimits
from heddle.transition.executor import Executor, Host
from heddle.transition.journal import Journal
from heddle.transition.progress import ExecutionProgress
from heddle.transition.request import TransitionRequest
from heddle.transition.transition import Floor, Transition
from transition_cases import transition_of

#: Without a planner: what fails for good stops here.
SETTING = Setting(HELPLESS)


def run(*faults: CommandFault | EventFault | NodeFault, **members: object) -> Ended:
    """Carry the small transition out, with exact durations and these faults."""
    script = FaultScript(
        tuple(f for f in faults if isinstance(f, CommandFault)),
        tuple(f for f in faults if isinstance(f, EventFault)),
        tuple(f for f in faults if isinstance(f, NodeFault)),
    )
    setting = SETTING._replace(**members)  # type: ignore[arg-type]  # by name, for brevity
    return carried_out(small_transition(), Cluster(script, times=TIMES), setting=setting)


def failing(step: int, **members: object) -> CommandFault:
    return CommandFault(Which(step=step), **members)  # type: ignore[arg-type]


def started() -> tuple[SimulatedDriver, MemoryLedger]:
    return Cluster(times=TIMES).started(small_transition()), MemoryLedger("night.journal")


def test_a_transition_is_carried_out_as_parallel_as_it_may_be() -> None:
    ended = run()
    assert ended.result.outcome is ExecutionOutcome.DONE
    assert ended.result.deployment == TARGET
    assert ended.result.elapsed_s == 1.0 + 30.0 + 4.0 + 2.0 == small_transition().makespan_s
    assert (ended.result.num_done, ended.result.num_retries, ended.result.num_replans) == (6, 0, 0)
    assert ended.wrongs() == []


def test_a_transition_without_steps_is_done_at_once() -> None:
    same = transition_of(ORIGIN, ORIGIN, [])
    ended = carried_out(same, Cluster(times=TIMES), setting=SETTING)
    assert ended.result.outcome is ExecutionOutcome.DONE
    assert [entry.kind for entry in ended.ledger.entries()] == [
        "transition.begun",
        "transition.ended",
    ]


def test_the_least_rate_of_every_service_stands_beside_its_floor() -> None:
    ended = run()
    assert [tuple(rate) for rate in ended.result.least] == [
        ("chat", 200.0, 150.0),
        ("vision", 0.0, 0.0),
    ]
    assert all(rate.is_kept for rate in ended.result.least)


def test_every_intention_is_written_before_its_command_and_every_event_after() -> None:
    driver, ledger = started()

    sent: list[str] = []
    submit = driver.submit

    class Witness:
        """Holds every command against the ledger."""

        clock = driver.clock
        observe = staticmethod(driver.observe)
        wait = staticmethod(driver.wait)

        @staticmethod
        def submit(command: object) -> None:
            name = command.id  # type: ignore[attr-defined]
            last = ledger.entries()[-1]
            assert (last.kind, last.members["command"]) == ("step.intended", name)
            sent.append(name)
            submit(command)  # type: ignore[arg-type]

    executor = executor_of(small_transition(), Witness(), ledger, SETTING)  # type: ignore[arg-type]
    assert executor.run().outcome is ExecutionOutcome.DONE
    kinds = [entry.kind for entry in ledger.entries()]
    assert kinds[0] == "transition.begun"
    assert kinds[-1] == "transition.ended"
    assert kinds.count("step.intended") == kinds.count("step.ended") == len(sent) == 6


def test_progress_is_told_with_rates_and_reasons() -> None:
    told: list[ExecutionProgress] = []
    run(on_progress=told.append)
    assert [progress.num_done for progress in told] == sorted(p.num_done for p in told)
    assert {progress.num_steps for progress in told} == {6}
    assert all(progress.last is not None for progress in told)
    assert all(rate.is_kept for progress in told for rate in progress.services)
    assert told[0].last is not None
    assert told[0].last.reason is Reason.PREDECESSORS_DONE
    assert told[-1].last is not None
    assert told[-1].last.reason is Reason.TARGET_REACHED
    stopped = next(p for p in told if p.last and "(stop chat" in p.last.sentence)
    assert {rate.service: rate.rate_rps for rate in stopped.services}["chat"] == 200.0


def test_a_step_that_failed_is_tried_again_after_a_while() -> None:
    ended = run(failing(0, num_times=2, message="no room yet"))
    assert ended.result.outcome is ExecutionOutcome.DONE
    assert ended.result.num_retries == 2
    # Three attempts of 1 s, with 1 s and 2 s between them.
    assert ended.result.elapsed_s == 3 * 1.0 + 1.0 + 2.0 + 30.0 + 4.0 + 2.0
    assert (
        ended.sentences[:2] == ["step 0 (create on 3g.40gb at 4 of gpu-1) failed: no room yet"] * 2
    )
    assert ended.wrongs() == []


def test_a_step_is_not_tried_again_before_the_node_says_so() -> None:
    ended = run(failing(0, outcome=Outcome.REFUSED, retry_after_s=20.0))
    assert ended.result.elapsed_s == 20.0 + 37.0


def test_a_step_that_fails_for_good_stops_the_rest_where_the_floor_holds() -> None:
    ended = run(failing(1, is_retryable=False, message="image not found"))
    assert ended.result.outcome is ExecutionOutcome.STOPPED
    assert ended.sentences == [
        "step 1 (start chat on 3g.40gb at 4 of gpu-1) failed: image not found",
        f"{ended.transition.steps[1]} was tried once and is given up: image not found",
        "no way to the target: there is no other way",
        "stopped where every floor holds: no way to the target: there is no other way",
    ]
    assert ended.wrongs() == []
    # What was under way ended, nothing more was begun, and what served nobody is gone.
    issued = [command.action.value for command in ended.driver.history().commands(Kind.ISSUED)]
    assert sorted(issued) == ["create", "create", "destroy", "start", "start"]


def test_what_cannot_be_cleared_away_is_named() -> None:
    worn = CommandFault(Which(command=5), Outcome.FAILED, 1, "stuck", is_retryable=False)
    again = CommandFault(Which(command=6), Outcome.FAILED, 1, "stuck", is_retryable=False)
    ended = run(failing(1, is_retryable=False), worn, again)
    assert ended.result.outcome is ExecutionOutcome.STOPPED
    assert ended.sentences[-1].endswith("left over without traffic: 3g.40gb at 4 of gpu-1")


def test_a_step_that_always_fails_is_tried_a_limited_number_of_times() -> None:
    limits = ExecutionLimits(max_attempts=3)
    ended = run(failing(4, num_times=None), limits=limits)
    assert ended.result.outcome is ExecutionOutcome.STOPPED
    assert ended.result.num_retries == 2
    assert "was tried 3 times and is given up" in " ".join(ended.sentences)
    assert ended.wrongs() == []


@pytest.mark.parametrize("step", range(6))
@pytest.mark.parametrize("delivery", list(Delivery))
def test_an_event_may_be_lost_late_or_doubled(step: int, delivery: Delivery) -> None:
    ended = run(EventFault(Which(step=step), delivery, late_s=500.0))
    assert ended.result.outcome is ExecutionOutcome.DONE
    assert ended.result.num_retries == 0
    assert ended.wrongs() == []
    if delivery is Delivery.TWICE:
        assert ended.result.elapsed_s == 37.0


def test_a_step_whose_event_is_lost_is_seen_to_be_done() -> None:
    ended = run(EventFault(Which(step=1), Delivery.LOST))
    # Looked for after three times its estimate and 10 s of grace.
    assert ended.result.elapsed_s == 1.0 + (3 * 30.0 + 10.0) + 4.0 + 2.0
    assert ended.driver.history().commands(Kind.REPEATED) == []


def test_a_failure_whose_event_is_lost_is_heard_of_when_the_command_is_sent_again() -> None:
    ended = run(failing(1), EventFault(Which(step=1), Delivery.LOST))
    assert ended.result.outcome is ExecutionOutcome.DONE
    assert ended.result.num_retries == 1
    assert len(ended.driver.history().commands(Kind.REPEATED)) == 1
    assert ended.wrongs() == []


def test_a_command_that_takes_long_is_waited_for_and_not_repeated() -> None:
    slow = replace(TIMES, default={**TIMES.default, **dict.fromkeys(TIMES.default, 400.0)})
    ended = carried_out(small_transition(), Cluster(times=slow), setting=SETTING)
    assert ended.result.outcome is ExecutionOutcome.DONE
    assert ended.result.elapsed_s == 4 * 400.0
    assert ended.driver.history().commands(Kind.REPEATED) == []


def test_a_command_that_leaves_no_trace_is_sent_again_a_limited_number_of_times() -> None:
    driver, ledger = started()

    class Deaf:
        """A node that takes no notice of one step."""

        clock = driver.clock
        observe = staticmethod(driver.observe)
        wait = staticmethod(driver.wait)
        num_ignored = 0

        def submit(self, command: object) -> None:
            if command.id.split("/")[1] == "4":  # type: ignore[attr-defined]
                self.num_ignored += 1
            else:
                driver.submit(command)  # type: ignore[arg-type]

    deaf = Deaf()
    setting = SETTING._replace(limits=ExecutionLimits(max_attempts=3))
    executor = executor_of(small_transition(), deaf, ledger, setting)  # type: ignore[arg-type]
    result = executor.run()
    assert result.outcome is ExecutionOutcome.STOPPED
    assert deaf.num_ignored == 4
    assert any("node-0 answers, but not to this" in d.sentence for d in result.decisions)


def test_a_node_that_is_away_for_a_while_is_waited_for() -> None:
    ended = run(NodeFault("node-1", 5.0, 100.0))
    assert ended.result.outcome is ExecutionOutcome.DONE
    assert (ended.result.num_retries, ended.result.num_replans) == (0, 0)
    assert ended.wrongs() == []


def test_work_goes_on_elsewhere_while_a_node_is_away() -> None:
    ended = run(NodeFault("node-1", 0.5, 200.0))
    done = {c.gpu: e.at_s for e in ended.driver.history().entries if (c := e.command)}
    assert done["gpu-0"] > 200.0
    starts = [
        entry.at_s
        for entry in ended.driver.history().entries
        if entry.kind is Kind.DONE and entry.command and entry.command.gpu == "gpu-0"
    ]
    assert starts[:2] == [1.0, 31.0]


def test_a_node_that_stays_away_is_given_up_after_a_while() -> None:
    ended = run(NodeFault("node-1", 5.0, 1e6), limits=ExecutionLimits(silent_s=60.0))
    assert ended.result.outcome is ExecutionOutcome.STOPPED
    assert "node-1 has not answered for 60 s" in ended.sentences
    assert "what runs on node-1 is not known" in ended.sentences[-1]
    assert [c.gpu for c in ended.result.deployment.configurations] == ["gpu-0"]


def test_a_stop_is_held_back_when_a_node_has_lost_its_servers() -> None:
    ended = run(NodeFault("node-1", 20.0, 0.1, Loss.SERVERS))
    assert ended.result.outcome is ExecutionOutcome.STOPPED
    issued = ended.driver.history().commands(Kind.ISSUED)
    assert all(command.action.value != "stop" for command in issued)
    assert ended.driver.observe().ready_rps()["chat"] == 200.0
    assert ended.result.decisions[-3].reason is Reason.CAPACITY_LOST
    assert "would have 100, and needs 150" in ended.sentences[-3]


def test_a_pause_lets_end_what_is_under_way_and_another_run_goes_on() -> None:
    driver, ledger = started()
    executor = executor_of(small_transition(), driver, ledger, SETTING)
    executor.pause()
    first = executor.run()
    assert first.outcome is ExecutionOutcome.PAUSED
    assert first.num_done == 0
    told: list[ExecutionProgress] = []

    def pause_at_a_start(progress: ExecutionProgress) -> None:
        told.append(progress)
        if progress.last and "(start chat" in progress.last.sentence:
            second.pause()

    setting = SETTING._replace(on_progress=pause_at_a_start)
    second = executor_of(small_transition(), driver, ledger, setting)
    paused = second.run()
    assert paused.outcome is ExecutionOutcome.PAUSED
    assert driver.observe().in_progress == frozenset()
    assert driver.clock.now_s() == 31.0
    assert (RIGHT in served(paused.deployment), LEFT in served(paused.deployment)) == (True, True)
    last = executor_of(small_transition(), driver, ledger, SETTING).run()
    assert last.outcome is ExecutionOutcome.DONE
    kinds = [entry.kind for entry in ledger.entries()]
    assert [kinds.count(f"transition.{word}") for word in ("paused", "resumed")] == [2, 2]


def served(deployment: Deployment) -> list[object]:
    return [instance for _, instance in deployment.instances()]


def test_an_abort_before_anything_was_begun_is_over_at_once() -> None:
    driver, ledger = started()
    executor = executor_of(small_transition(), driver, ledger, SETTING)
    executor.abort()
    result = executor.run()
    assert result.outcome is ExecutionOutcome.ABORTED
    assert result.num_done == 0
    assert driver.history().entries == ()


def test_an_abort_without_a_way_back_stops_where_the_floor_holds() -> None:
    driver, ledger = started()

    def abort_at_a_start(progress: ExecutionProgress) -> None:
        if progress.last and "(start chat" in progress.last.sentence:
            executor.abort()

    setting = SETTING._replace(on_progress=abort_at_a_start)
    executor = executor_of(small_transition(), driver, ledger, setting)
    result = executor.run()
    assert result.outcome is ExecutionOutcome.STOPPED
    sentence = result.decisions[-1].sentence
    assert "no way to the deployment before: there is no other way" in sentence
    assert driver.observe().unserved() == ()


def test_what_has_ended_is_told_again_and_nothing_is_changed() -> None:
    driver, ledger = started()
    first = executor_of(small_transition(), driver, ledger, SETTING).run()
    num_entries = len(ledger.entries())
    clocked = driver.clock.now_s()
    again = executor_of(small_transition(), driver, ledger, SETTING).run()
    assert again == first
    assert (len(ledger.entries()), driver.clock.now_s()) == (num_entries, clocked)


# Bad input


def refusal(transition: Transition, world: World | None = None) -> str:
    """Return why a transition is refused; nothing was written, sent or changed."""
    driver = SimulatedDriver(world or World.of(small_transition()))
    before: Snapshot = driver.observe()
    ledger = MemoryLedger()
    with pytest.raises(InputError) as caught:
        executor_of(transition, driver, ledger, SETTING).run()
    assert ledger.entries() == []
    assert driver.history().entries == ()
    assert driver.observe() == before
    return str(caught.value)


def test_a_transition_that_breaks_the_invariant_is_refused_with_step_and_service() -> None:
    steps = list(small_transition().steps)
    steps[2] = replace(steps[2], after=())
    message = refusal(replace(small_transition(), steps=tuple(steps)))
    assert message.startswith("this transition is not safe: ")
    assert "step 2" in message
    assert "chat" in message


def test_a_transition_that_overstates_its_floors_is_refused() -> None:
    floors = {"chat": Floor(200.0, 200.0), "vision": Floor(0.0, 0.0)}
    message = refusal(replace(small_transition(), floors=floors))
    assert "a floor of 200 requests/s is stated; the two deployments give 150" in message


def test_a_beginning_that_does_not_run_is_refused_with_the_differences() -> None:
    world = World.running(replace(small_transition().origin, configurations=()), extra_of_small())
    message = refusal(small_transition(), world)
    assert "gpu-0 at 0: runs nothing, should run 3g.40gb with chat" in message
    assert "Nothing was changed" in message


def extra_of_small() -> Sequence[Gpu]:
    return tuple(small_transition().gpus.values())


def test_what_runs_beside_the_beginning_is_a_difference_too() -> None:
    configurations = list(small_transition().origin.configurations)
    configurations[1] = replace(configurations[1], instances=(LEFT, RIGHT))
    origin = replace(small_transition().origin, configurations=tuple(configurations))
    message = refusal(small_transition(), World.running(origin))
    assert "gpu-1 at 4: runs 3g.40gb with chat" in message


def test_a_gpu_that_is_not_there_is_refused() -> None:
    moved = [replace(s, gpu="gpu-7") if s.gpu == "gpu-1" else s for s in small_transition().steps]
    target = replace(
        TARGET,
        configurations=(
            TARGET.configurations[0],
            replace(TARGET.configurations[1], instances=(LEFT,)),
            replace(TARGET.configurations[1], gpu="gpu-7", instances=(RIGHT,)),
        ),
    )
    missing = replace(small_transition(), steps=tuple(moved), target=target, spare_gpus=0)
    assert "gpu-7 (A100-80GB in node-1) is needed: no node has this GPU" in refusal(missing)


def test_a_node_that_does_not_answer_at_the_beginning_is_a_reason_to_wait_oneself() -> None:
    script = FaultScript(nodes=(NodeFault("node-1", 0.0, 10.0),))
    driver = Cluster(script, times=TIMES).started(small_transition())
    with pytest.raises(InputError, match="what runs: node-1 does not answer;"):
        executor_of(small_transition(), driver, MemoryLedger(), SETTING).run()


def test_a_journal_of_another_transition_changes_nothing() -> None:
    driver, ledger = started()
    executor_of(small_transition(), driver, ledger, SETTING).run()
    other = replace(small_transition(), times="others")
    num_entries = len(ledger.entries())
    with pytest.raises(InputError, match=r"night\.journal: this journal belongs to another"):
        executor_of(other, driver, ledger, SETTING).run()
    assert len(ledger.entries()) == num_entries


# Planning anew


def test_a_new_plan_avoids_the_gpu_that_failed_and_keeps_what_was_promised() -> None:
    requests: list[TransitionRequest] = []

    def plan(request: TransitionRequest) -> Transition:
        requests.append(request)
        return HELPLESS.plan(request)

    ended = run(failing(1, is_retryable=False), replanner=replace(HELPLESS, plan=plan))
    [request] = requests
    assert request.cordoned == {"gpu-1"}
    assert request.wanted == TARGET
    assert {gpu.id for gpu in request.inventory or ()} == {"gpu-0", "gpu-1"}
    assert request.unserved == {"gpu-1": ((4, "3g.40gb"),)}
    # Between two requirements the smaller one is owed.
    assert request.origin.services["chat"].required_rps == 150.0
    assert [i.service for _, i in request.origin.instances()] == ["chat", "vision", "chat"]
    assert ended.result.num_replans == 0


def test_a_journal_that_can_be_written_no_more_ends_the_run_before_the_command() -> None:
    driver, ledger = started()

    class Full:
        """A ledger on a disk with room for three entries."""

        name = "full"
        entries = staticmethod(ledger.entries)
        close = staticmethod(ledger.close)

        @staticmethod
        def append(kind: str, members: dict[str, object]) -> object:
            if len(ledger.entries()) == 3:
                raise InputError("cannot write this ledger: the disk is full")
            return ledger.append(kind, members)

    journal = Journal(Full(), driver.clock)  # type: ignore[arg-type]
    executor = Executor(small_transition(), Host(driver, driver.clock), journal, HELPLESS)
    with pytest.raises(InputError, match="the disk is full"):
        executor.run()
    assert len(driver.history().commands(Kind.ISSUED)) == 2
    assert executor_of(small_transition(), driver, ledger, SETTING).run().num_done == 6
