"""What becomes of a request whose instance did not answer."""

import pytest

from heddle.serving.router.verdict import AttemptEnd, Next, after_attempt, without_instance
from heddle.workload.serving_spec import Retry

NOT_EXECUTED = [
    AttemptEnd.UNREACHABLE,
    AttemptEnd.UNDELIVERED,
    AttemptEnd.FULL,
    AttemptEnd.LEAVING,
]


@pytest.mark.parametrize("retry", list(Retry))
@pytest.mark.parametrize("end", NOT_EXECUTED)
def test_what_was_certainly_not_executed_is_sent_again_always(
    end: AttemptEnd, retry: Retry
) -> None:
    assert after_attempt(end, retry, num_deaths=0) is Next.SEND_AGAIN
    assert after_attempt(end, retry, num_deaths=1) is Next.SEND_AGAIN


def test_a_death_is_retried_once_unless_that_is_forbidden() -> None:
    assert after_attempt(AttemptEnd.DIED, Retry.ONCE, num_deaths=1) is Next.SEND_AGAIN
    assert after_attempt(AttemptEnd.DIED, Retry.ONCE, num_deaths=2) is Next.SAY_DIED
    assert after_attempt(AttemptEnd.DIED, Retry.NEVER, num_deaths=1) is Next.SAY_DIED


def test_silence_is_said_and_not_retried() -> None:
    assert after_attempt(AttemptEnd.SILENT, Retry.ONCE, num_deaths=0) is Next.SAY_SILENT


def test_a_request_that_only_full_instances_could_take_is_refused_at_once() -> None:
    assert without_instance([True, True]) is Next.SAY_FULL
    assert without_instance([True, False]) is Next.SAY_FULL
    assert without_instance([False, False]) is Next.WAIT
    assert without_instance([]) is Next.WAIT
