"""How long a batch waits for company."""

from __future__ import annotations

import pytest

from heddle.serving.batching.patience import Patience


def patience(slo_ms: float = 100.0, batch_ms: float = 10.0, run_s: float = 0.01) -> Patience:
    """One that sees a request every millisecond."""
    made = Patience(slo_ms, batch_ms)
    for number in range(50):
        made.note_arrival(number * 0.001)
    made.note_run(run_s)
    return made


def test_a_request_that_just_missed_a_batch_still_makes_the_slo() -> None:
    made = patience(slo_ms=100.0, batch_ms=40.0, run_s=0.04)

    assert 2 * 0.040 + made.wait_s() < 0.100
    assert made.wait_s() > 0.0


@pytest.mark.parametrize("batch_ms", [48.0, 50.0, 500.0])
def test_without_room_in_the_slo_nothing_waits(batch_ms: float) -> None:
    assert patience(slo_ms=100.0, batch_ms=batch_ms).wait_s() == 0.0


def test_nothing_waits_longer_than_a_batch_takes() -> None:
    assert patience(slo_ms=1000.0, batch_ms=10.0, run_s=0.004).wait_s() == pytest.approx(0.004)


def test_nothing_waits_when_no_other_request_is_to_be_expected_in_time() -> None:
    made = patience()
    for number in range(20):
        made.note_arrival(10.0 + number)

    assert made.wait_s() == 0.0


def test_nothing_waits_before_anything_is_known() -> None:
    made = Patience(100.0, 10.0)
    assert made.wait_s() == 0.0
    made.note_arrival(0.0)
    made.note_arrival(0.001)
    assert made.wait_s() == 0.0
