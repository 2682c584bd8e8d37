"""``verify``: holds a deployment against the workload that asked for it.

Called by ``heddle verify`` and by the tests of every solver. One check a file:
``fleet_check``, ``service_check``, ``point_check``, ``certificate_check``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from fractions import Fraction

from heddle.cluster.deployment import Deployment
from heddle.errors import listed
from heddle.units import plural
from heddle.verification.bound import gpu_cost
from heddle.verification.certificate_check import CertificateCheck, check_certificate
from heddle.verification.fleet_check import check_fleet, check_partitions
from heddle.verification.guest_check import check_guests
from heddle.verification.offers import requirement
from heddle.verification.point_check import PointCheck, check_points
from heddle.verification.report import VerificationReport
from heddle.verification.service_check import check_company, check_listing, check_service_levels
from heddle.workload.workload import Workload


def verify(workload: Workload, deployment: Deployment) -> VerificationReport:
    """Return what is wrong with a deployment, and what its certificate really proves.

    Parameters
    ----------
    workload
        What was asked for. For a deployment that was planned with fitted points, its
        performance table must hold them.
    deployment
        With or without a certificate.
    """
    requirements = {service.name: requirement(service) for service in workload.services}
    # 1. The GPUs, and how they are cut.
    findings = [*check_fleet(workload, deployment), *check_partitions(workload, deployment)]
    # 2. What runs on them.
    findings.extend(check_listing(workload, deployment))
    points = check_points(workload, deployment, requirements)
    findings.extend(points.findings)
    findings.extend(check_service_levels(deployment, requirements))
    findings.extend(check_company(workload, deployment))
    findings.extend(check_guests(workload, deployment))
    # 3. What is claimed of the whole.
    claim = CertificateCheck((), None, None)
    certificate = deployment.certificate
    if certificate is not None:
        cost = total_cost(workload, deployment, certificate.objective_kind)
        claim = check_certificate(workload, tuple(requirements.values()), certificate, cost)
    return VerificationReport(
        findings=(*findings, *claim.findings),
        num_gpus=deployment.num_gpus,
        num_instances=sum(len(gpu.instances) for gpu in deployment.configurations),
        price_per_hour=total_cost(workload, deployment, "price"),
        certificate=certificate,
        price_proof=claim.price_proof,
        spread_proof=claim.spread_proof,
        notes=tuple(_notes(deployment, points, claim)),
    )


def total_cost(workload: Workload, deployment: Deployment, objective_kind: str) -> Fraction | None:
    """Return what the deployment costs exactly; None when a price is not known."""
    if objective_kind == "gpus":
        return Fraction(deployment.num_gpus)
    costs = {pool.gpu_type.name: gpu_cost(pool, "price") for pool in workload.fleet}
    counts = Counter(gpu.gpu_type for gpu in deployment.configurations)
    if not counts.keys() <= costs.keys():
        return None
    return sum((costs[name] * count for name, count in counts.items()), Fraction(0))


def _notes(deployment: Deployment, points: PointCheck, claim: CertificateCheck) -> Iterator[str]:
    if points.num_means:
        yield (
            f"the latencies of {plural(points.num_means, 'instance')} are means: "
            "the table states no percentile"
        )
    if points.num_fitted:
        count = plural(points.num_fitted, "instance")
        yield f"{count} run at points of a fitted model that were never measured"
    for name, guest in deployment.guests.items():
        wish = guest.service.required_rps or guest.service.rate_rps
        if not guest.is_met:
            yield (
                f"best-effort service {name!r} wishes for {wish:g} requests/s; "
                f"{guest.left_rps:g} are expected to be left"
            )
    if claim.price_proof is not None and claim.price_proof.undecided:
        names = listed(claim.price_proof.undecided)
        yield f"a lower bound stands for the cheapest cover of {names}: the search was too long"
