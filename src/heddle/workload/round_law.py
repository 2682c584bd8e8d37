"""Laws for the time of one round of an instance, and how they are fitted.

In one *round* every process of an instance answers one batch: a round of ``w``
processes with batch ``b`` takes ``1000 b w / rate`` ms. A law predicts it from the
instance's share of the GPU. ``fit`` chooses among the laws by their error on rows
that were held out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from heddle.workload.least_squares import nonnegative_least_squares

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Shapes:
    """Instances and how they are driven, one entry per row; float arrays of one length.

    Attributes
    ----------
    compute
        What the instance computes with: SMs, or compute slices.
    memory
        Its memory slices, which carry bandwidth and cache.
    batch, processes
        Requests in a batch, and MPS processes.
    """

    compute: Floats
    memory: Floats
    batch: Floats
    processes: Floats

    @property
    def requests(self) -> Floats:
        """Requests answered in one round."""
        return self.batch * self.processes

    def rows(self, chosen: NDArray[np.bool_] | NDArray[np.intp]) -> Shapes:
        """Return the chosen rows."""
        return Shapes(
            self.compute[chosen], self.memory[chosen], self.batch[chosen], self.processes[chosen]
        )


class RoundLaw(Protocol):
    """Predicts rounds; never longer on an instance with more compute and memory."""

    def round_ms(self, shapes: Shapes) -> Floats:
        """Return the time of one round per row, ms."""
        ...


#: Fits a law to rows with these times of a round, ms.
LawFitter = Callable[[Shapes, Floats], RoundLaw]


@dataclass(frozen=True, slots=True)
class Roofline:
    """A round takes the p-norm of its possible bottlenecks.

    ``round^p = sum_i (a_i f_i)^p`` over the terms of :func:`_bottlenecks`, all
    ``a_i >= 0``. With ``p = 1`` bottlenecks add up (Amdahl's law); the larger ``p``,
    the more the worst one alone decides (the roofline model of Williams, Waterman and
    Patterson, CACM 52(4), 2009).

    Attributes
    ----------
    sharpness
        p, at least 1.
    weights
        ``a_i^p``, one per bottleneck.
    """

    sharpness: float
    weights: Floats

    def round_ms(self, shapes: Shapes) -> Floats:
        """Return the time of one round per row, ms."""
        powers: Floats = _bottlenecks(shapes) ** self.sharpness @ self.weights
        return powers ** (1.0 / self.sharpness)


def _bottlenecks(shapes: Shapes) -> Floats:
    """Return what may bound a round, float (rows, 7).

    Launching (once, or once per process); serial work per request; computing per
    process and per request; memory traffic per process (weights) and per request.
    """
    processes, requests = shapes.processes, shapes.requests
    return np.stack(
        [
            np.ones_like(requests),
            processes,
            requests,
            processes / shapes.compute,
            requests / shapes.compute,
            processes / shapes.memory,
            requests / shapes.memory,
        ],
        axis=1,
    )


def roofline_fitter(sharpness: float) -> LawFitter:
    """Return a fitter of :class:`Roofline` that minimises relative errors of ``round^p``."""

    def fit_roofline(shapes: Shapes, round_ms: Floats) -> RoundLaw:
        matrix = (_bottlenecks(shapes) / round_ms[:, None]) ** sharpness
        weights = nonnegative_least_squares(matrix, np.ones(len(round_ms)))
        return Roofline(sharpness, weights)

    return fit_roofline


@dataclass(frozen=True, slots=True)
class PowerLaw:
    """``round = scale * batch^a * processes^b / compute^c`` with a, b, c >= 0."""

    scale_ms: float
    exponents: Floats

    def round_ms(self, shapes: Shapes) -> Floats:
        """Return the time of one round per row, ms."""
        round_ms: Floats = self.scale_ms * np.exp(_logarithms(shapes) @ self.exponents)
        return round_ms


def fit_power_law(shapes: Shapes, round_ms: Floats) -> RoundLaw:
    """Return the power law that minimises squared errors of the logarithm."""
    logarithms = _logarithms(shapes)
    middle = logarithms.mean(axis=0)
    level = float(np.log(round_ms).mean())
    exponents = nonnegative_least_squares(logarithms - middle, np.log(round_ms) - level)
    return PowerLaw(float(np.exp(level - middle @ exponents)), exponents)


def _logarithms(shapes: Shapes) -> Floats:
    return np.stack(
        [np.log(shapes.batch), np.log(shapes.processes), -np.log(shapes.compute)], axis=1
    )


@dataclass(frozen=True)
class AnchoredLaw:
    """A law that is corrected by what was measured at the same batch and processes.

    Between two measured instances the law says how far along the asked one is, and
    the measured rounds say between what; beyond the outermost one the law's ratio
    holds. Where nothing was measured at that batch and processes the law stands alone.
    As long as the law is monotone in the instance, so is the result: where a larger
    instance was measured slower than a smaller one, both count as slow.

    Attributes
    ----------
    law
        The law underneath.
    anchors
        By (batch, processes): logarithms of the law's and of the measured rounds,
        longest rounds first, both never rising.
    """

    law: RoundLaw
    anchors: dict[tuple[float, float], tuple[Floats, Floats]]

    def round_ms(self, shapes: Shapes) -> Floats:
        """Return the time of one round per row, ms."""
        plain = np.log(self.law.round_ms(shapes))
        cells = zip(shapes.batch.tolist(), shapes.processes.tolist(), strict=True)
        corrected = [self._correct(cell, value) for cell, value in zip(cells, plain, strict=True)]
        round_ms: Floats = np.exp(np.array(corrected))
        return round_ms

    def _correct(self, cell: tuple[float, float], value: float) -> float:
        if cell not in self.anchors:
            return value
        expected, measured = self.anchors[cell]
        if value >= expected[0]:
            return float(measured[0] + value - expected[0])
        if value <= expected[-1]:
            return float(measured[-1] + value - expected[-1])
        return float(np.interp(-value, -expected, measured))


def anchored(fitter: LawFitter) -> LawFitter:
    """Return a fitter that adds the measured anchors to the law of another one."""

    def fit_anchored(shapes: Shapes, round_ms: Floats) -> RoundLaw:
        law = fitter(shapes, round_ms)
        return AnchoredLaw(law, _anchors(shapes, np.log(law.round_ms(shapes)), np.log(round_ms)))

    return fit_anchored


def _anchors(
    shapes: Shapes, expected: Floats, measured: Floats
) -> dict[tuple[float, float], tuple[Floats, Floats]]:
    cells: dict[tuple[float, float], list[tuple[float, float]]] = {}
    for batch, processes, law, seen in zip(
        shapes.batch.tolist(), shapes.processes.tolist(), expected, measured, strict=True
    ):
        cells.setdefault((batch, processes), []).append((float(law), float(seen)))
    anchors = {}
    for cell, pairs in cells.items():
        ordered = np.array(sorted(pairs, reverse=True))
        never_rising = np.maximum.accumulate(ordered[::-1, 1])[::-1]
        anchors[cell] = (ordered[:, 0], never_rising)
    return anchors
