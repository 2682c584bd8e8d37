"""Does every instance run at an operating point that was measured and is allowed?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from heddle.cluster.deployment import Deployment, PlannedInstance
from heddle.cluster.profile import Profile
from heddle.units import plural
from heddle.verification.findings import Finding, FindingKind
from heddle.verification.offers import (
    Requirement,
    exact_latency,
    fits_memory,
    is_allowed,
    micro_rate,
    says_enough,
)
from heddle.workload.performance import OperatingPoint
from heddle.workload.workload import Workload


class _Claim(NamedTuple):
    """An operating point as a deployment states it; ``start`` does not matter to it."""

    gpu_type: str
    instance: PlannedInstance


@dataclass(slots=True)
class _Holders:
    """Who makes a claim: the first GPU, and how many instances in all."""

    first_gpu: str
    count: int = 0


@dataclass(frozen=True, slots=True)
class PointCheck:
    """What the operating points showed.

    Attributes
    ----------
    findings
        One per distinct operating point and promise.
    num_means, num_fitted
        Instances whose latency is a mean, and whose point comes from a fitted model.
    """

    findings: tuple[Finding, ...]
    num_means: int
    num_fitted: int


def check_points(
    workload: Workload, deployment: Deployment, requirements: Mapping[str, Requirement]
) -> PointCheck:
    """Return what is wrong with operating points, and how many rest on means or on fits."""
    judge = _Judge(workload, deployment, requirements)
    findings: list[Finding] = []
    num_means = num_fitted = 0
    for claim, holders in _claims(deployment).items():
        verdict = judge.verdict(claim, holders)
        findings.extend(verdict.findings)
        num_means += holders.count * verdict.is_mean
        num_fitted += holders.count * claim.instance.is_fitted
    return PointCheck(tuple(findings), num_means, num_fitted)


def _claims(deployment: Deployment) -> dict[_Claim, _Holders]:
    claims: dict[_Claim, _Holders] = {}
    for gpu, instance in deployment.instances():
        claim = _Claim(gpu.gpu_type, instance._replace(start=0))
        holders = claims.get(claim)
        if holders is None:
            holders = claims[claim] = _Holders(gpu.gpu)
        holders.count += 1
    return claims


class _Verdict(NamedTuple):
    findings: tuple[Finding, ...]
    is_mean: bool


class _Judge:
    """Holds claims against the performance table and the services' wishes."""

    def __init__(
        self, workload: Workload, deployment: Deployment, requirements: Mapping[str, Requirement]
    ) -> None:
        self._performance = workload.performance
        self._requirements = requirements
        self._profiles: dict[tuple[str, str], Profile] = {
            (pool.gpu_type.name, profile.name): profile
            for pool in workload.fleet
            for profile in pool.gpu_type.profiles
        }
        certificate = deployment.certificate
        self._may_be_fitted = certificate is None or certificate.has_fitted_points

    def verdict(self, claim: _Claim, holders: _Holders) -> _Verdict:
        """Return the findings for one claim; what other checks refuse is passed over."""
        asked = self._requirements.get(claim.instance.service)
        profile = self._profiles.get((claim.gpu_type, claim.instance.profile))
        if asked is None or profile is None:
            return _Verdict((), is_mean=False)
        points = self._matching(claim, asked)
        found = (
            *self._mismatches(claim, asked, points),
            *_inadmissible(points, asked, profile),
            *_forbidden(claim, asked),
        )
        place = _place(claim, holders)
        is_mean = bool(points) and all(point.percentile is None for point in points)
        return _Verdict(tuple(finding.at(place) for finding in found), is_mean)

    def _rows(self, claim: _Claim, asked: Requirement) -> list[OperatingPoint]:
        instance = claim.instance
        return [
            point
            for point in self._performance.points(
                claim.gpu_type, instance.profile, asked.service.model
            )
            if point.batch == instance.batch and point.processes == instance.processes
        ]

    def _matching(self, claim: _Claim, asked: Requirement) -> list[OperatingPoint]:
        """Return the rows that say exactly what the instance says."""
        instance = claim.instance
        return [
            point
            for point in self._rows(claim, asked)
            if micro_rate(point.rate_rps) == micro_rate(instance.rate_rps)
            and point.latency_ms == instance.latency_ms
        ]

    def _mismatches(
        self, claim: _Claim, asked: Requirement, matching: Sequence[OperatingPoint]
    ) -> Iterator[Finding]:
        instance = claim.instance
        if not matching:
            yield _what_differs(instance, asked, self._rows(claim, asked))
        elif all(point.is_fitted != instance.is_fitted for point in matching):
            truth = "comes from a fitted model" if matching[0].is_fitted else "was measured"
            mark = "" if instance.is_fitted else "not "
            yield Finding(
                FindingKind.UNMARKED_FIT, f"the point {truth} and is {mark}marked is_fitted"
            )
        elif instance.is_fitted and not self._may_be_fitted:
            yield Finding(
                FindingKind.UNMARKED_FIT,
                "the point comes from a fitted model, of which the certificate says nothing",
            )


def _place(claim: _Claim, holders: _Holders) -> str:
    instance = claim.instance
    others = holders.count - 1
    more = f" and {plural(others, 'instance')} more" if others else ""
    return f"GPU {holders.first_gpu!r}: {instance.service!r} on {instance.profile}{more}"


def _what_differs(
    instance: PlannedInstance, asked: Requirement, rows: Sequence[OperatingPoint]
) -> Finding:
    setting = f"batch {instance.batch} and processes {instance.processes}"
    if not rows:
        return Finding(
            FindingKind.UNKNOWN_POINT,
            f"{asked.service.model!r} was not measured there with {setting}",
        )
    same_rate = [p for p in rows if micro_rate(p.rate_rps) == micro_rate(instance.rate_rps)]
    if not same_rate:
        return Finding(
            FindingKind.ALTERED_RATE,
            f"claims {instance.rate_rps} requests/s with {setting}; "
            f"{rows[0].rate_rps} were measured",
        )
    return Finding(
        FindingKind.ALTERED_LATENCY,
        f"claims {instance.latency_ms} ms with {setting}; "
        f"{same_rate[0].latency_ms} ms were measured",
    )


def _inadmissible(
    points: Sequence[OperatingPoint], asked: Requirement, profile: Profile
) -> list[Finding]:
    """Return why none of the rows may serve the service: one that may is enough."""
    reasons = [list(_reasons(point, asked, profile)) for point in points]
    return reasons[0] if reasons and all(reasons) else []


def _reasons(point: OperatingPoint, asked: Requirement, profile: Profile) -> Iterator[Finding]:
    if exact_latency(point.latency_ms) > asked.latency_limit_ms:
        limit_ms = float(asked.latency_limit_ms)
        yield Finding(
            FindingKind.TOO_SLOW, f"a batch takes {point.latency_ms} ms; {limit_ms:g} are allowed"
        )
    if not says_enough(point, asked.service.percentile):
        yield Finding(
            FindingKind.PERCENTILE_TOO_LOW,
            f"its latency holds at percentile {point.percentile}; the service asks for "
            f"{asked.service.percentile}",
        )
    if not fits_memory(point, profile):
        yield Finding(
            FindingKind.OUT_OF_MEMORY,
            f"takes {point.memory_mib} MiB; the profile has {profile.memory_mib}",
        )


def _forbidden(claim: _Claim, asked: Requirement) -> Iterator[Finding]:
    if not is_allowed(asked.service, (claim.gpu_type, claim.instance.profile)):
        yield Finding(
            FindingKind.NOT_ALLOWED,
            f"the service does not list {claim.instance.profile} of {claim.gpu_type} among the "
            "profiles and GPU types that it may use",
        )
