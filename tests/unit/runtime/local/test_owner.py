"""The thread that owns a device: calls in their order, results by futures, ends told."""

from __future__ import annotations

import threading
from concurrent.futures import Future

import pytest

from heddle.errors import HostError, InputError
from heddle.runtime.core.backend import Backend
from heddle.runtime.local.desk import Desk, Opening
from heddle.runtime.local.outcome import Outcome
from heddle.runtime.local.owner import Owner
from scripted_backend import ScriptedBackend

MS = 1_000_000
_WITHIN_S = 30.0


def scripted() -> ScriptedBackend:
    return ScriptedBackend({"fast": MS})


class Interrupted(ScriptedBackend):
    """A device with a real clock: ``advance`` waits until it is interrupted."""

    label = "measured"

    def __init__(self) -> None:
        super().__init__({"fast": MS})
        self.is_waiting = threading.Event()
        self._called = threading.Event()

    def advance(self, until_ns: int) -> None:
        del until_ns
        self.is_waiting.set()
        assert self._called.wait(_WITHIN_S)
        self._called.clear()

    def interrupt(self) -> None:
        self._called.set()


def test_a_task_is_told_to_whoever_waits_in_another_thread() -> None:
    owner = Owner(scripted)
    client = owner.call(lambda desk: desk.open(Opening(1, "fast", "rt"))).result(_WITHIN_S)
    assert owner.call(lambda desk: desk.submit(client, 2, None)).result(_WITHIN_S) == [1, 2]
    over: Future[Outcome] = Future()
    owner.call(lambda desk: desk.when_over(client, 2, over.set_result)).result(_WITHIN_S)
    assert over.result(_WITHIN_S).state == "finished"
    owner.close()


def test_a_refusal_is_raised_where_the_call_came_from() -> None:
    owner = Owner(scripted)
    refused = owner.call(lambda desk: desk.open(Opening(1, "slow", "rt")))
    with pytest.raises(InputError, match="unknown network"):
        refused.result(_WITHIN_S)
    assert owner.call(lambda desk: len(desk.clients)).result(_WITHIN_S) == 0
    owner.close()


def test_a_call_interrupts_a_device_that_can_be_interrupted() -> None:
    backend = Interrupted()
    owner = Owner(lambda: backend)
    client = owner.call(lambda desk: desk.open(Opening(1, "fast", "rt"))).result(_WITHIN_S)
    owner.call(lambda desk: desk.submit(client, 1, None)).result(_WITHIN_S)
    assert backend.is_waiting.wait(_WITHIN_S)
    assert owner.call(lambda desk: len(desk.tasks)).result(_WITHIN_S) == 1
    owner.close()
    assert backend.num_closed == 1


def test_closing_ends_the_device_and_refuses_what_comes_later() -> None:
    backend = scripted()
    owner = Owner(lambda: backend)
    owner.close()
    owner.close()
    assert backend.num_closed == 1
    assert owner.is_ended.result(_WITHIN_S) is None
    with pytest.raises(HostError, match="the runtime is ending"):
        owner.call(lambda desk: desk.policy).result(_WITHIN_S)


def test_a_device_that_cannot_be_opened_is_told_and_nobody_waits_for_it() -> None:
    may_fail = threading.Event()

    def fail() -> Backend:
        assert may_fail.wait(_WITHIN_S)
        raise HostError("no such card")

    owner = Owner(fail)
    early = owner.call(lambda desk: desk.policy)
    may_fail.set()
    with pytest.raises(HostError, match="the runtime is ending"):
        early.result(_WITHIN_S)
    with pytest.raises(HostError, match="no such card"):
        owner.is_ended.result(_WITHIN_S)
    assert not owner.is_open.is_set()


def test_a_mistake_of_ours_ends_the_thread_and_is_told() -> None:
    backend = scripted()
    owner = Owner(lambda: backend)

    def blunder(desk: Desk) -> None:
        raise ZeroDivisionError(desk.policy)

    with pytest.raises(ZeroDivisionError):
        owner.call(blunder).result(_WITHIN_S)
    with pytest.raises(ZeroDivisionError):
        owner.is_ended.result(_WITHIN_S)
    assert backend.num_closed == 1
