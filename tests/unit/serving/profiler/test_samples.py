"""When a measurement has enough answers, and what it says of a batch."""

import pytest

from heddle.serving.profiler.samples import Precision, Sample, Samples

PRECISION = Precision(least_s=0.5, most_s=2.0, warm_up_s=0.1, within=0.05)


def fed(samples: Samples, instants_s: list[float], size: int = 1) -> Samples:
    for instant_s in instants_s:
        samples.add(Sample(instant_s, 1.0, size))
    return samples


def test_the_warm_up_is_not_counted() -> None:
    samples = fed(Samples(PRECISION, 4, 1, 1), [0.0, 0.05, 0.09, 0.2, 0.3, 0.4])
    assert samples.num_batches == 2


def test_a_warm_up_has_as_many_answers_as_were_under_way() -> None:
    samples = fed(Samples(PRECISION, 4, 1, 1), [0.0, 0.5, 1.0, 1.5, 2.0])
    assert samples.num_batches == 1


def test_a_steady_rate_is_enough_after_the_least_time() -> None:
    samples = Samples(PRECISION, 1, 1, 1)
    fed(samples, [0.01 * number for number in range(50)])
    assert not samples.is_enough()
    fed(samples, [0.01 * number for number in range(50, 70)])
    assert samples.is_enough()


def test_an_unsteady_rate_ends_at_the_most_time() -> None:
    samples = Samples(PRECISION, 1, 1, 1)
    instants_s = [0.02 * number**1.5 for number in range(22)]
    fed(samples, [instant_s for instant_s in instants_s if instant_s < 2.0])
    assert not samples.is_enough()
    fed(samples, [2.2, 2.3])
    assert samples.is_enough()


def test_slow_batches_are_waited_for_until_there_is_an_interval() -> None:
    samples = Samples(PRECISION, 1, 1, 1)
    fed(samples, [0.0, 1.0, 3.0, 5.0])
    assert not samples.is_enough()
    fed(samples, [7.0])
    assert samples.is_enough()


def test_a_batch_lasts_from_one_to_the_next_of_its_worker() -> None:
    samples = Samples(PRECISION, 1, 2, 1)
    fed(samples, [0.0, 0.2], 2)
    fed(samples, [0.300, 0.301, 0.310, 0.311, 0.340, 0.341], 2)
    assert samples.batch_ms() == pytest.approx([10.0, 30.0])


def test_two_workers_take_turns() -> None:
    samples = Samples(PRECISION, 1, 1, 2)
    fed(samples, [0.0, 0.2, 0.300, 0.305, 0.310, 0.325])
    assert samples.batch_ms() == pytest.approx([10.0, 20.0])


def test_answers_of_smaller_batches_are_not_full() -> None:
    samples = fed(Samples(PRECISION, 1, 4, 1), [0.0, 0.2, 0.3, 0.4], 1)
    assert samples.full_part == 0.0
