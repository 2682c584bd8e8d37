"""The desk: clients that come and go, on a simulated device and on a scripted one."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from heddle.errors import HostError, InputError
from heddle.runtime.core.backend import BackendOptions
from heddle.runtime.core.constants import LOST, STUCK
from heddle.runtime.core.registration import QueueFullError
from heddle.runtime.local.clients import Client
from heddle.runtime.local.desk import Desk, Opening, RefusedDeadlineError
from heddle.runtime.local.outcome import Outcome
from heddle.runtime.local.standing import standing_of
from heddle.runtime.simulated.gpu import SimulatedGpu
from scripted_backend import ScriptedBackend

MS = 1_000_000


def scripted() -> Desk:
    return Desk(ScriptedBackend({"fast": MS, "slow": 10 * MS}, start_ns=1))


def simulated(policy: str = "block-edge") -> Desk:
    return Desk(SimulatedGpu("MI50", BackendOptions(policy=policy)))


def advanced(desk: Desk, is_enough: Callable[[], bool], most: int = 2000) -> None:
    """Let the device go on until a condition holds."""
    for _ in range(most):
        if is_enough():
            return
        desk.backend.advance(desk.backend.now_ns() + MS)
        desk.collect()
        desk.look()
    raise AssertionError("it never came to that")


def ended(desk: Desk, client: Client, number: int) -> Outcome:
    found: list[Outcome] = []
    desk.when_over(client, number, found.append)
    advanced(desk, lambda: bool(found))
    return found[0]


def measured(desk: Desk, opening: Opening) -> Client:
    client = desk.open(opening)
    if not desk.is_measured(client):
        found: list[Outcome] = []
        desk.measure(client, 2, found.append)
        advanced(desk, lambda: bool(found))
    return client


def test_a_task_is_told_with_its_times() -> None:
    desk = scripted()
    client = desk.open(Opening(1, "slow", "rt"))
    assert desk.submit(client, 2, None) == [1, 2]
    second = ended(desk, client, 2)
    assert (second.state, second.latency_ms, second.queued_ms, second.run_ms) == (
        "finished", 20.0, 10.0, 10.0,
    )  # fmt: skip
    assert second.has_met_deadline is None
    assert ended(desk, client, 1).latency_ms == 10.0


def test_a_strange_network_is_told_with_those_there_are() -> None:
    with pytest.raises(InputError, match=r"unknown network 'fats' \(did you mean 'fast'\?\)"):
        scripted().open(Opening(1, "fats", "rt"))


def test_a_full_queue_refuses_all_or_nothing() -> None:
    desk = scripted()
    client = desk.open(Opening(1, "fast", "be", capacity=3))
    desk.submit(client, 2, None)
    with pytest.raises(QueueFullError, match="2 more were submitted, and there is room for 1"):
        desk.submit(client, 2, None)
    assert len(desk.tasks) == 2


def test_a_queue_larger_than_the_device_is_refused() -> None:
    with pytest.raises(InputError, match="tasks; 1 to"):
        scripted().open(Opening(1, "fast", "be", capacity=1_000_000))


def test_a_client_belongs_to_its_connection() -> None:
    desk = scripted()
    client = desk.open(Opening(1, "fast", "rt"))
    assert desk.client(1, client.number) is client
    with pytest.raises(InputError, match="no client 1 was opened on this connection"):
        desk.client(2, client.number)


def test_a_strange_task_is_refused() -> None:
    desk = scripted()
    client = desk.open(Opening(1, "fast", "rt"))
    with pytest.raises(InputError, match="client 1 has no task 9"):
        desk.when_over(client, 9, lambda _: None)


def test_a_deadline_is_admitted_once_the_network_is_measured() -> None:
    desk = scripted()
    client = desk.open(Opening(1, "slow", "rt"))
    with pytest.raises(RefusedDeadlineError, match="run it once without a deadline"):
        desk.submit(client, 1, 1000.0)
    assert desk.alone_ms(client) is None
    found: list[Outcome] = []
    desk.measure(client, 2, found.append)
    advanced(desk, lambda: bool(found))
    assert desk.alone_ms(client) == 10.0
    [admitted] = desk.submit(client, 1, 12.0)
    with pytest.raises(RefusedDeadlineError, match="10 ms of real-time work before it"):
        desk.submit(client, 1, 12.0)
    assert ended(desk, client, admitted).has_met_deadline is True


def test_best_effort_tasks_have_no_deadlines() -> None:
    desk = scripted()
    client = desk.open(Opening(1, "fast", "be"))
    with pytest.raises(InputError, match="open a client of priority 'rt'"):
        desk.submit(client, 1, 5.0)


def test_a_cancelled_task_leaves_and_others_go_on() -> None:
    desk = simulated()
    client = desk.open(Opening(1, "resnet152", "be"))
    desk.submit(client, 3, None)
    desk.backend.advance(desk.backend.now_ns() + MS)
    desk.cancel(client, [1, 2])
    assert [ended(desk, client, each).state for each in (1, 2, 3)] == [
        "cancelled", "cancelled", "finished",
    ]  # fmt: skip


def test_the_end_of_a_connection_leaves_nothing_of_its_clients() -> None:
    desk = simulated()
    dead = desk.open(Opening(1, "resnet152", "be"))
    alive = desk.open(Opening(2, "vgg", "be"))
    desk.submit(dead, 5, None)
    [task] = desk.submit(alive, 1, None)
    desk.backend.advance(desk.backend.now_ns() + MS)
    desk.leave(1)
    advanced(desk, lambda: dead.number not in desk.clients)
    assert dead.counts["cancelled"] == 5
    assert ended(desk, alive, task).state == "finished"
    queues = desk.backend.board.queues
    assert int(queues.flight_head[dead.seat.queue]) == int(queues.flight_tail[dead.seat.queue])


def test_seats_are_used_again() -> None:
    desk = scripted()
    for session in range(200):
        client = desk.open(Opening(session, "fast", "rt", capacity=session % 7 + 1))
        desk.submit(client, 1, None)
        desk.leave(session)
        advanced(desk, lambda: not desk.clients)
    assert int(desk.backend.board.counts.queues[0]) == 1
    assert int(desk.backend.board.counts.programs[0]) == 1


def test_a_device_without_room_for_a_client_says_so() -> None:
    desk = scripted()
    for session in range(32):
        desk.open(Opening(session, "fast", "rt"))
    with pytest.raises(InputError, match="the board has room for 32 queues"):
        desk.open(Opening(32, "fast", "rt"))


def test_a_task_that_fails_names_its_kernel() -> None:
    backend = ScriptedBackend({"broken": MS})
    backend.fails = {"broken"}
    desk = Desk(backend)
    client = desk.open(Opening(1, "broken", "rt"))
    desk.submit(client, 1, None)
    outcome = ended(desk, client, 1)
    assert (outcome.state, outcome.reason) == ("failed", "a kernel of broken failed or did not end")


@pytest.mark.parametrize(("state", "word"), [(STUCK, "stuck"), (LOST, "lost")])
def test_a_device_that_is_stuck_or_lost_fails_every_task_and_takes_no_more(
    state: int, word: str
) -> None:
    desk = scripted()
    client = desk.open(Opening(1, "slow", "rt"))
    desk.submit(client, 3, None)
    desk.backend.board.counts.device_state[0] = state
    desk.look()
    outcome = ended(desk, client, 3)
    assert outcome.state == "failed"
    assert word in outcome.reason
    with pytest.raises(HostError, match=word):
        desk.submit(client, 1, None)
    with pytest.raises(HostError, match=word):
        desk.open(Opening(1, "slow", "rt"))
    assert standing_of(desk)["state"] == word


def test_ten_thousand_tasks_wait_and_all_are_over() -> None:
    desk = simulated()
    client = desk.open(Opening(1, "alexnet", "be"))
    desk.submit(client, 10_000, None)
    assert len(desk.tasks) == 10_000
    desk.leave(1)
    advanced(desk, lambda: not desk.clients)
    assert sum(client.counts.values()) == 10_000


def test_the_standing_says_who_holds_the_device_and_what_preemption_cost() -> None:
    desk = simulated()
    best_effort = measured(desk, Opening(1, "resnet152", "be"))
    real_time = measured(desk, Opening(2, "vgg", "rt"))
    desk.submit(best_effort, 4, None)
    desk.backend.advance(desk.backend.now_ns() + MS)
    assert standing_of(desk)["held_by"] == [best_effort.number]
    [task] = desk.submit(real_time, 1, None)
    assert ended(desk, real_time, task).state == "finished"
    standing = standing_of(desk)
    assert standing["preemption_us"]["count"] == 1
    assert standing["preemption_us"]["p99"] > 0
    assert set(standing["preemption_us"]["parts"]) == {"notice", "flag", "drain", "launch"}
    first, second = standing["clients"]
    assert (first["network"], first["priority"], first["finished"]) == ("resnet152", "be", 0)
    assert first["waiting"] + first["at_work"] == 4
    assert (second["network"], second["priority"], second["finished"]) == ("vgg", "rt", 1)
    assert (standing["device"], standing["policy"], standing["level"]) == (
        "sim:MI50", "block-edge", 3,
    )  # fmt: skip
