"""Does a certificate claim more than it proves?"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from heddle.cluster.certificate import BoundBasis, Certificate
from heddle.errors import listed, nearest
from heddle.units import exact
from heddle.verification.bound import (
    PriceProof,
    Prices,
    SpreadProof,
    gpu_cost,
    prove_by_prices,
    prove_by_spread,
)
from heddle.verification.findings import Finding, FindingKind
from heddle.verification.geometry import priciest_layout
from heddle.verification.offers import Kind, Requirement
from heddle.workload.fleet import GpuPool
from heddle.workload.workload import Workload

#: Certificates state floats; beyond this relative difference a claim is another number.
_TOLERANCE = Fraction(1, 10**9)
_DECIMAL = re.compile(r"-?[0-9]{1,40}(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,2})?")


@dataclass(frozen=True, slots=True)
class CertificateCheck:
    """What a certificate is worth.

    Attributes
    ----------
    findings
        Where it is wrong.
    price_proof
        What its prices prove, or None when they prove nothing.
    spread_proof
        What spreading one service proves, or None.
    """

    findings: tuple[Finding, ...]
    price_proof: PriceProof | None
    spread_proof: SpreadProof | None


def check_certificate(
    workload: Workload,
    asked: Sequence[Requirement],
    certificate: Certificate,
    cost: Fraction | None,
) -> CertificateCheck:
    """Return what a certificate is worth.

    Parameters
    ----------
    cost
        What the deployment really costs, in units of the certificate's objective;
        None when a GPU is of no known type.
    """
    reader = _PriceReader(workload, certificate)
    bad_prices = [
        *reader.findings,
        *_overpriced(workload.fleet, reader.prices, certificate.objective_kind),
    ]
    findings = [*_wrong_numbers(certificate, cost), *bad_prices]
    if bad_prices:
        return CertificateCheck(tuple(findings), None, None)
    proof = prove_by_prices(workload, asked, reader.prices, certificate.objective_kind)
    spread = prove_by_spread(workload, asked, certificate.objective_kind)
    findings.extend(_unproved(certificate, proof, spread))
    findings.extend(_wrong_service_prices(certificate, proof))
    return CertificateCheck(tuple(findings), proof, spread)


def exceeds(claimed: float | Fraction, proved: Fraction) -> bool:
    """Whether a claim is above what was proved, beyond the rounding of floats."""
    claim = claimed if isinstance(claimed, Fraction) else exact(claimed)
    return claim - proved > _TOLERANCE * max(Fraction(1), abs(proved))


def _differs(claimed: float, wanted: Fraction) -> bool:
    return exceeds(claimed, wanted) or exceeds(wanted, exact(claimed))


def _wrong_numbers(certificate: Certificate, cost: Fraction | None) -> Iterator[Finding]:
    objective, bound = exact(certificate.objective), exact(certificate.lower_bound)
    if cost is not None and _differs(certificate.objective, cost):
        yield Finding(
            FindingKind.WRONG_OBJECTIVE,
            f"the certificate states an objective of {certificate.objective:g} "
            f"{certificate.objective_kind}; the deployment has {float(cost):g}",
        )
    if _differs(certificate.gap, objective - bound):
        yield Finding(
            FindingKind.WRONG_GAP,
            f"the certificate states a gap of {certificate.gap:g}; objective less lower bound "
            f"is {float(objective - bound):g}",
        )
    if exceeds(certificate.lower_bound, objective):
        yield Finding(
            FindingKind.BOUND_ABOVE_OBJECTIVE,
            f"the lower bound {certificate.lower_bound:g} is above the objective "
            f"{certificate.objective:g}",
        )
    is_optimal = not exceeds(certificate.objective, bound)
    if certificate.is_proved_optimal is not is_optimal:
        claim = "optimal" if certificate.is_proved_optimal else "not proved optimal"
        yield Finding(
            FindingKind.WRONG_OPTIMALITY,
            f"the certificate calls the plan {claim}, with objective {certificate.objective:g} "
            f"and lower bound {certificate.lower_bound:g}",
        )


@dataclass
class _PriceReader:
    """Reads the certificate's decimal prices, with what is wrong about them."""

    workload: Workload
    certificate: Certificate
    findings: list[Finding] = field(default_factory=list)
    prices: Prices = field(init=False)

    def __post_init__(self) -> None:
        self.prices = Prices(self._kinds(), self._stock())

    def _kinds(self) -> dict[Kind, Fraction]:
        known: dict[Kind, Fraction] = {}
        for type_name, members in self.certificate.prices.items():
            pool = self._pool(type_name)
            names = pool.gpu_type.profile_names if pool else ()
            for profile, text in members.items():
                place = f"the price of {profile} of {type_name}"
                if pool and profile not in names:
                    self._find(
                        FindingKind.UNKNOWN_PRICE,
                        f"{type_name} has no profile {profile!r}{nearest(profile, names)}",
                    )
                else:
                    known[type_name, profile] = self._decimal(text, place)
        return known

    def _stock(self) -> dict[str, Fraction]:
        known = {}
        for type_name, text in self.certificate.stock_prices.items():
            pool = self._pool(type_name)
            known[type_name] = self._decimal(text, f"the stock price of {type_name}")
            if pool and pool.count is None and known[type_name] > 0:
                self._find(
                    FindingKind.STOCK_PRICE_WITHOUT_LIMIT,
                    f"{type_name} has a stock price of {text}, but no count limits its stock",
                )
        return known

    def _pool(self, type_name: str) -> GpuPool | None:
        pool = self.workload.pool_of(type_name)
        if pool is None:
            names = [known.gpu_type.name for known in self.workload.fleet]
            self._find(
                FindingKind.UNKNOWN_PRICE,
                f"the certificate prices {type_name!r}, which is not in the fleet; "
                f"it has {listed(names)}",
            )
        return pool

    def _decimal(self, text: str, place: str) -> Fraction:
        if not _DECIMAL.fullmatch(text):
            self._find(FindingKind.MALFORMED_PRICE, f"{place} is {text!r}, not a decimal number")
            return Fraction(0)
        price = Fraction(text)
        if price < 0:
            self._find(FindingKind.NEGATIVE_PRICE, f"{place} is {text}, below 0")
            return Fraction(0)
        return price

    def _find(self, kind: FindingKind, sentence: str) -> None:
        self.findings.append(Finding(kind, sentence))


def _overpriced(fleet: Sequence[GpuPool], prices: Prices, objective_kind: str) -> Iterator[Finding]:
    for pool in fleet:
        name = pool.gpu_type.name
        own = {profile: price for (owner, profile), price in prices.kinds.items() if owner == name}
        priciest = priciest_layout(pool.gpu_type, own)
        allowed = gpu_cost(pool, objective_kind) + prices.stock.get(name, Fraction(0))
        if priciest.price > allowed:
            yield Finding(
                FindingKind.OVERPRICED_LAYOUT,
                f"the prices value {priciest} of {name} at {float(priciest.price):.12g}, more "
                f"than the {float(allowed):.12g} that such a GPU may be worth",
            )


def _unproved(
    certificate: Certificate, proof: PriceProof, spread: SpreadProof | None
) -> Iterator[Finding]:
    if exceeds(certificate.price_bound, proof.bound):
        yield _refusal(
            FindingKind.UNPROVED_PRICE_BOUND,
            f"the certificate says that its prices prove {certificate.price_bound:g}",
            proof,
        )
    bound = proof.bound
    if certificate.basis is BoundBasis.SPREAD and spread is not None:
        bound = max(bound, spread.bound)
    if certificate.basis is not BoundBasis.SEARCH and exceeds(certificate.lower_bound, bound):
        also = f", spreading one service {float(spread.bound):g}" if spread else ""
        yield _refusal(
            FindingKind.UNPROVED_LOWER_BOUND,
            f"the certificate claims {certificate.lower_bound:g} by {certificate.basis.value}",
            proof,
            also if certificate.basis is BoundBasis.SPREAD else "",
        )


def _refusal(kind: FindingKind, claim: str, proof: PriceProof, also: str = "") -> Finding:
    """Refuse a claim; say so if it might be true but was not decided."""
    proved = f"{claim}; they prove {float(proof.bound):g} ({float(proof.total):.9f}){also}"
    if not proof.undecided:
        return Finding(kind, proved)
    return Finding(
        FindingKind.UNDECIDED_BOUND,
        f"{proved} at least, but the cheapest cover of {listed(proof.undecided)} was not found "
        "within the limit of the search",
    )


def _wrong_service_prices(certificate: Certificate, proof: PriceProof) -> Iterator[Finding]:
    """Yield services that the certificate says cost more than their cheapest cover."""
    for name, price in certificate.service_prices.items():
        if name not in proof.covers:
            yield Finding(
                FindingKind.UNKNOWN_PRICE,
                f"the certificate prices the service {name!r}{nearest(name, proof.covers)}",
            )
        elif name not in proof.undecided and exceeds(price, proof.covers[name]):
            yield Finding(
                FindingKind.WRONG_SERVICE_PRICE,
                f"the certificate says that service {name!r} costs {price:.9g} at its prices; "
                f"its cheapest cover costs {float(proof.covers[name]):.9g}",
            )
