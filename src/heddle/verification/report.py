"""What ``verify`` found, and how it reads.

``heddle verify`` prints it and returns 0 when the deployment is accepted, 1 when not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from heddle.cluster.certificate import Certificate
from heddle.units import plural
from heddle.verification.bound import PriceProof, SpreadProof
from heddle.verification.certificate_check import exceeds
from heddle.verification.findings import Finding, FindingKind

#: Findings of one kind that are spelled out.
_SHOWN = 8


@dataclass(frozen=True, slots=True)
class VerificationReport:
    """The outcome of checking one deployment.

    Attributes
    ----------
    findings
        What is wrong; empty for a deployment that is accepted.
    num_gpus, num_instances
        Counted again.
    price_per_hour
        Of all its GPUs, or None when one is of no known type.
    certificate
        As the deployment has it, or None.
    price_proof, spread_proof
        What was worked out again from the certificate; None without one, or when its
        prices are no prices.
    notes
        Sentences about what limits the claims.
    """

    findings: tuple[Finding, ...]
    num_gpus: int
    num_instances: int
    price_per_hour: Fraction | None
    certificate: Certificate | None
    price_proof: PriceProof | None
    spread_proof: SpreadProof | None
    notes: tuple[str, ...]

    @property
    def is_accepted(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings

    @property
    def proved_bound(self) -> Fraction | None:
        """The lower bound that follows without trusting any search, objective units."""
        if self.price_proof is None:
            return None
        spread = self.spread_proof.bound if self.spread_proof else Fraction(0)
        return max(self.price_proof.bound, spread)

    @property
    def rests_on_search(self) -> bool:
        """Whether the certificate's lower bound exceeds what could be proved again."""
        proved = self.proved_bound
        return (
            self.certificate is not None
            and proved is not None
            and exceeds(self.certificate.lower_bound, proved)
        )


def report_text(report: VerificationReport) -> str:
    """Return the report as lines for a terminal, without a final line break."""
    return "\n".join(
        [
            _verdict(report),
            *_spelled(report.findings),
            *_recomputed(report),
            *(f"note: {note}" for note in report.notes),
        ]
    )


def _verdict(report: VerificationReport) -> str:
    if report.is_accepted:
        return "accepted: every check passed"
    return f"rejected: {plural(len(report.findings), 'finding')}"


def _spelled(findings: tuple[Finding, ...]) -> Iterator[str]:
    by_kind: dict[FindingKind, list[Finding]] = {}
    for finding in findings:
        by_kind.setdefault(finding.kind, []).append(finding)
    for kind, members in by_kind.items():
        yield from (f"  {kind.value}: {finding.sentence}" for finding in members[:_SHOWN])
        if len(members) > _SHOWN:
            yield f"  {kind.value}: {len(members) - _SHOWN:,} more"


def _recomputed(report: VerificationReport) -> Iterator[str]:
    price = (
        "" if report.price_per_hour is None else f", {float(report.price_per_hour):,.10g} per hour"
    )
    yield (
        f"counted: {plural(report.num_gpus, 'GPU')}, "
        f"{plural(report.num_instances, 'instance')}{price}"
    )
    if report.certificate is None:
        yield "bound: none, the deployment has no certificate"
    elif report.price_proof is None:
        yield "bound: none, the certificate's prices prove nothing"
    else:
        yield _proved(report.certificate, report.price_proof)
        yield _rests(report, report.certificate)


def _proved(certificate: Certificate, proof: PriceProof) -> str:
    """Say what the prices prove: the exact sum and the plan value it rounds up to."""
    least = _amount(proof.bound, certificate)
    verb = "takes fewer than" if certificate.objective_kind == "gpus" else "costs less than"
    return f"bound: the prices prove {float(proof.total):.9f}, so no plan {verb} {least}"


def _rests(report: VerificationReport, certificate: Certificate) -> str:
    claim = f"the lower bound {_amount(certificate.lower_bound, certificate)}"
    proof, spread = report.price_proof, report.spread_proof
    if proof is None or not exceeds(certificate.lower_bound, proof.bound):
        return f"proof: {claim} is proved by prices alone"
    if spread is not None and not exceeds(certificate.lower_bound, spread.bound):
        gpus = plural(spread.num_gpus, "GPU")
        return f"proof: {claim} is proved: service {spread.service!r} must be on {gpus}"
    proved = _amount(report.proved_bound or Fraction(0), certificate)
    return f"proof: {claim} rests on search above {proved}, and that part was not repeated"


def _amount(value: float | Fraction, certificate: Certificate) -> str:
    if certificate.objective_kind == "gpus":
        return plural(int(value), "GPU") if value == int(value) else f"{float(value):g} GPUs"
    return f"{float(value):,.10g} per hour"
