"""How measured performance scales with the instance.

MIG-serving sorts networks by whether a whole GPU delivers less, as much, or more than
its slices would alone (arXiv 2109.11067, section 2.2 and appendix B), since that
decides whether a service wants small or large instances. ``heddle study`` prints the
result; ``study_sheets`` turns it into rows of text.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction

from heddle.cluster.catalogue import Catalogue
from heddle.cluster.gpu_type import GpuType
from heddle.cluster.profile import Profile
from heddle.units import exact
from heddle.workload.performance import OperatingPoint, PerformanceTable

#: The paper calls 6.5 to 7.5 linear where a GPU has 7 slices; others in proportion.
LINEAR_TOLERANCE = Fraction(1, 14)


class Scaling(Enum):
    """How the rate grows with the instance, at one batch size."""

    SUB_LINEAR = "sub-linear"
    LINEAR = "linear"
    SUPER_LINEAR = "super-linear"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class ProfileRate:
    """What a profile delivers: the operating point, and the profile it was taken on."""

    profile: Profile
    point: OperatingPoint

    @property
    def rate_rps(self) -> float:
        """Requests/s of the instance."""
        return self.point.rate_rps

    @property
    def rate_per_slice_rps(self) -> Fraction:
        """Requests/s per compute slice, exactly."""
        return exact(self.point.rate_rps) / self.profile.compute_slices

    @property
    def rate_per_memory_unit_rps(self) -> Fraction | None:
        """Requests/s per memory unit, exactly; None where the size is not published."""
        return exact(self.point.rate_rps) / self.profile.size if self.profile.size else None


@dataclass(frozen=True, slots=True)
class ScalingRow:
    """One network at one batch size on one GPU type.

    Attributes
    ----------
    gpu, model, batch
        What was measured.
    processes
        MPS processes that the class and ``rates`` hold for.
    scaling, reason
        The class, and a sentence why.
    ratio
        Rate of the largest profile over the rate per slice of the smallest one;
        None when the class is unknown.
    rates
        By profile, smallest first, with that many processes.
    num_points
        Measured rows of this network and batch, all profiles and processes.
    best_per_slice, best_per_memory_unit
        The most rate per compute slice and per memory unit over all processes; the
        latter None where no size is published.
    """

    gpu: str
    model: str
    batch: int
    processes: int
    scaling: Scaling
    reason: str
    ratio: Fraction | None
    rates: tuple[ProfileRate, ...]
    num_points: int
    best_per_slice: ProfileRate
    best_per_memory_unit: ProfileRate | None


@dataclass(frozen=True, slots=True)
class ScalingCount:
    """How many networks fall into each class at one batch size on one GPU type."""

    gpu: str
    batch: int
    by_class: Mapping[Scaling, int]


@dataclass(frozen=True, slots=True)
class BestProfile:
    """The most rate of one network on one GPU type, over all batches and processes.

    Attributes
    ----------
    per_slice, per_memory_unit
        As in :class:`ScalingRow`.
    num_points
        Measured rows.
    """

    gpu: str
    model: str
    per_slice: ProfileRate
    per_memory_unit: ProfileRate | None
    num_points: int


@dataclass(frozen=True, slots=True)
class Study:
    """What a performance table says about scaling.

    Attributes
    ----------
    rows
        By GPU type, model and batch.
    counts
        By GPU type and batch.
    best
        By GPU type and model.
    """

    rows: tuple[ScalingRow, ...]
    counts: tuple[ScalingCount, ...]
    best: tuple[BestProfile, ...]


def study(table: PerformanceTable, catalogue: Catalogue, processes: int = 1) -> Study:
    """Return how the networks of a table scale.

    Parameters
    ----------
    processes
        The class holds for this many MPS processes in an instance; the paper has one.

    Raises
    ------
    InputError
        A GPU type or a profile of the table is not in the catalogue.
    """
    measured = [point for point in table if not point.is_fitted]
    rows = tuple(
        _row(catalogue.get(gpu), members, processes)
        for (gpu, _, _), members in _grouped(measured, by_batch=True)
    )
    best = tuple(
        _best(catalogue.get(gpu), members)
        for (gpu, _, _), members in _grouped(measured, by_batch=False)
    )
    return Study(rows, tuple(_counts(rows)), best)


def _grouped(
    points: Iterable[OperatingPoint], *, by_batch: bool
) -> Iterator[tuple[tuple[str, str, int], list[OperatingPoint]]]:
    groups: dict[tuple[str, str, int], list[OperatingPoint]] = {}
    for point in points:
        key = (point.gpu, point.model, point.batch if by_batch else 0)
        groups.setdefault(key, []).append(point)
    yield from sorted(groups.items(), key=lambda item: item[0])


def _row(gpu_type: GpuType, points: Sequence[OperatingPoint], processes: int) -> ScalingRow:
    every = [ProfileRate(gpu_type.profile(p.profile), p) for p in points]
    rates = _best_by_profile(rate for rate in every if rate.point.processes == processes)
    scaling, ratio, reason = _classify(gpu_type, rates, processes)
    return ScalingRow(
        gpu=gpu_type.name,
        model=points[0].model,
        batch=points[0].batch,
        processes=processes,
        scaling=scaling,
        reason=reason,
        ratio=ratio,
        rates=rates,
        num_points=len(points),
        best_per_slice=_best_per_slice(every),
        best_per_memory_unit=_best_per_memory_unit(every),
    )


def _best(gpu_type: GpuType, points: Sequence[OperatingPoint]) -> BestProfile:
    every = [ProfileRate(gpu_type.profile(p.profile), p) for p in points]
    return BestProfile(
        gpu=gpu_type.name,
        model=points[0].model,
        per_slice=_best_per_slice(every),
        per_memory_unit=_best_per_memory_unit(every),
        num_points=len(points),
    )


def _classify(
    gpu_type: GpuType, rates: Sequence[ProfileRate], processes: int
) -> tuple[Scaling, Fraction | None, str]:
    """Return class, ratio and reason by MIG-serving's rule; rates are smallest first."""
    largest = gpu_type.largest
    if not gpu_type.has_mig:
        return Scaling.UNKNOWN, None, f"{gpu_type.name} cannot be cut"
    if not rates:
        return Scaling.UNKNOWN, None, f"not measured with processes {processes}"
    smallest, top = rates[0], rates[-1]
    if top.profile.name != largest.name:
        return Scaling.UNKNOWN, None, f"not measured on {largest.name}, the largest profile"
    if smallest.profile.name == largest.name:
        return Scaling.UNKNOWN, None, f"measured on {largest.name} only: nothing to compare with"
    ratio = exact(top.rate_rps) / smallest.rate_per_slice_rps
    least, most = (largest.compute_slices * (1 + sign * LINEAR_TOLERANCE) for sign in (-1, 1))
    reason = (
        f"{largest.name} serves as much as {float(ratio):.2f} slices of {smallest.profile.name}; "
        f"linear is {float(least):.3g} to {float(most):.3g}"
    )
    return scaling_class(ratio, largest.compute_slices), ratio, reason


def scaling_class(ratio: Fraction, num_slices: int) -> Scaling:
    """Return the class of a ratio of rates where the largest profile has that many slices.

    Linear from ``13/14`` to ``15/14`` of the slices, both included: 6.5 to 7.5 for 7.
    """
    if ratio < num_slices * (1 - LINEAR_TOLERANCE):
        return Scaling.SUB_LINEAR
    if ratio > num_slices * (1 + LINEAR_TOLERANCE):
        return Scaling.SUPER_LINEAR
    return Scaling.LINEAR


def _best_by_profile(rates: Iterable[ProfileRate]) -> tuple[ProfileRate, ...]:
    """Return the highest rate of each profile, the profiles smallest first."""
    best: dict[str, ProfileRate] = {}
    for rate in rates:
        name = rate.profile.name
        if name not in best or rate.rate_rps > best[name].rate_rps:
            best[name] = rate
    return tuple(sorted(best.values(), key=lambda rate: _size_order(rate.profile)))


def _size_order(profile: Profile) -> tuple[int, int, int, str]:
    return (*profile.value, len(profile.uses), profile.name)


def _order(rate: ProfileRate) -> tuple[tuple[int, int, int, str], int, int]:
    """Which of equally good ones is named: smallest profile, fewest requests at a time."""
    return _size_order(rate.profile), rate.point.batch, rate.point.processes


def _best_per_slice(rates: Iterable[ProfileRate]) -> ProfileRate:
    return min(rates, key=lambda rate: (-rate.rate_per_slice_rps, _order(rate)))


def _best_per_memory_unit(rates: Iterable[ProfileRate]) -> ProfileRate | None:
    known = [(per, rate) for rate in rates if (per := rate.rate_per_memory_unit_rps) is not None]
    return min(known, key=lambda pair: (-pair[0], _order(pair[1])))[1] if known else None


def _counts(rows: Sequence[ScalingRow]) -> Iterator[ScalingCount]:
    for gpu, batch in sorted({(row.gpu, row.batch) for row in rows}):
        members = [row.scaling for row in rows if (row.gpu, row.batch) == (gpu, batch)]
        yield ScalingCount(gpu, batch, {scaling: members.count(scaling) for scaling in Scaling})
