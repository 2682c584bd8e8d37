"""Measures one point: the rate of the whole instance, the latency of one batch, memory."""

from __future__ import annotations

from dataclasses import dataclass

from heddle.serving.load.inference import inference_requests
from heddle.serving.profiler.bench import CannotServeError, Case, RunningInstance
from heddle.serving.profiler.closed_loop import drive
from heddle.serving.profiler.estimate import Rate, quantile
from heddle.serving.profiler.samples import Precision, Samples

#: Different inputs of one measurement.
_NUM_INPUTS = 8
#: Below this the point is not the one that was asked for.
_LEAST_FULL_PART = 0.5
#: Of the latency that the table states.
PERCENTILE = 99.0


@dataclass(frozen=True, slots=True)
class Measurement:
    """What a point delivers.

    Attributes
    ----------
    case
        The point.
    rate_rps, half_width
        Of the whole instance; the interval to each side, as a part of the rate.
    engine_ms
        Median of one full batch in the engine.
    p50_ms, p99_ms
        Of one batch of a worker, from one to the next: with everything that it waits for.
    memory_mib
        Of the whole instance; None where that cannot be seen.
    num_batches
        Full batches that were counted.
    is_precise
        Whether the interval became as narrow as wanted before the time was over.
    """

    case: Case
    rate_rps: float
    half_width: float
    engine_ms: float
    p50_ms: float
    p99_ms: float
    memory_mib: float | None
    num_batches: int
    is_precise: bool


async def measure(
    instance: RunningInstance, case: Case, precision: Precision, seed: int
) -> Measurement:
    """Return what a running instance delivers at its point.

    Raises
    ------
    CannotServeError
        It fails requests, does not fill batches, or gave too few answers in the time.
    HostError
        It does not say which inputs it takes.
    """
    samples = await _sampled(instance, case, precision, seed)
    rate = _require_rate(samples, precision)
    if samples.full_part < _LEAST_FULL_PART:
        raise CannotServeError(
            f"only {samples.full_part:.0%} of the requests ran in batches of {case.batch}"
        )
    batch_ms = samples.batch_ms()
    return Measurement(
        case=case,
        rate_rps=rate.rate_rps,
        half_width=rate.half_width,
        engine_ms=quantile(samples.engine_ms, 0.5),
        p50_ms=quantile(batch_ms, 0.5),
        p99_ms=quantile(batch_ms, PERCENTILE / 100),
        memory_mib=instance.memory_mib(),
        num_batches=samples.num_batches,
        is_precise=rate.half_width <= precision.within,
    )


async def measure_rate(
    instance: RunningInstance, case: Case, precision: Precision, seed: int
) -> Rate:
    """Return the rate alone; errors as :func:`measure`."""
    return _require_rate(await _sampled(instance, case, precision, seed), precision)


async def _sampled(
    instance: RunningInstance, case: Case, precision: Precision, seed: int
) -> Samples:
    requests = await inference_requests(instance.address, instance.service, _NUM_INPUTS, seed)
    together = case.batch * case.processes
    # As many run and as many wait; two more are on their way.
    num_in_flight = 2 * together + 2
    samples = Samples(precision, num_in_flight, case.batch, case.processes)
    await drive(instance.address, requests, num_in_flight, samples.add, samples.is_enough)
    return samples


def _require_rate(samples: Samples, precision: Precision) -> Rate:
    rate = samples.rate()
    if rate is None:
        raise CannotServeError(
            f"too few answers in {precision.most_s:g} s for a rate; allow more seconds"
        )
    return rate
