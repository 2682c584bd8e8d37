"""A certificate in one sentence that a manager understands, and the saving in another.

Printed under the tables of ``plan_text`` and drawn in the header of ``plan``.
"""

from __future__ import annotations

from heddle.cluster.certificate import BoundBasis, Certificate
from heddle.drawing.figures import objective_text, percent_text, price_text
from heddle.units import plural

_TOLERANCE = 1e-9
_FITTED_NOTE = "Some operating points come from a fitted model and were never measured."


def certificate_sentence(certificate: Certificate) -> str:
    """Return what the certificate claims and what the claim rests on.

    Examples: ``15 GPUs; no plan with 14 exists.`` or ``Price 41.60 per hour, at most
    2.10 (5.3 %) above the best possible (bound 39.50).``
    """
    basis = _basis(certificate)
    if not certificate.is_proved_optimal:
        return _unproved(certificate, basis)
    claim = _proved(certificate)
    return f"{claim} ({basis})." if basis else f"{claim}."


def certificate_notes(certificate: Certificate) -> tuple[str, ...]:
    """Return the sentences that limit the claim, fitted points included."""
    is_said = any("fitted" in note for note in certificate.notes)
    fitted = (_FITTED_NOTE,) if certificate.has_fitted_points and not is_said else ()
    return (*certificate.notes, *fitted)


def saving_sentence(objective: float, whole: float, objective_kind: str = "gpus") -> str:
    """Return how a plan compares with whole GPUs, which serve the same services uncut.

    ``4 GPUs (21.1 %) fewer than the 19 whole GPUs that the same services need.``
    """
    difference = whole - objective
    if abs(difference) <= _TOLERANCE * max(1.0, abs(whole)):
        return f"No saving against the {_whole_text(whole, objective_kind)}."
    part = f" ({percent_text(abs(difference) / whole)})" if whole > 0 else ""
    return (
        f"{_amount_text(abs(difference), objective_kind)}{part} "
        f"{_comparative(difference, objective_kind)} than the {_whole_text(whole, objective_kind)}."
    )


def gap_text(certificate: Certificate) -> str:
    """Return the gap with its part of the bound: ``2 (15.4 %)``."""
    gap = objective_text(certificate.gap, certificate.objective_kind)
    if certificate.gap == 0 or certificate.lower_bound <= 0:
        return gap
    return f"{gap} ({percent_text(certificate.gap / certificate.lower_bound)})"


def _proved(certificate: Certificate) -> str:
    if certificate.objective_kind == "price":
        return f"Price {price_text(certificate.objective)} per hour; no plan is cheaper"
    needed = round(certificate.objective)
    if needed <= 1:
        return f"{plural(needed, 'GPU')}; no plan needs less"
    return f"{plural(needed, 'GPU')}; no plan with {needed - 1:,} exists"


def _unproved(certificate: Certificate, basis: str) -> str:
    kind = certificate.objective_kind
    start = _amount_text(certificate.objective, kind)
    if kind == "price":
        start = f"Price {start}"
    bound = f"bound {objective_text(certificate.lower_bound, kind)}"
    inner = f"{bound}; {basis}" if basis else bound
    return f"{start}, at most {gap_text(certificate)} above the best possible ({inner})."


def _basis(certificate: Certificate) -> str:
    if certificate.basis is BoundBasis.SPREAD:
        return "the bound is the number of GPUs over which one service must be spread"
    if certificate.basis is BoundBasis.SEARCH:
        return _search_basis(certificate)
    return ""


def _search_basis(certificate: Certificate) -> str:
    beyond = certificate.lower_bound - certificate.price_bound
    if beyond <= _TOLERANCE * max(1.0, abs(certificate.lower_bound)):
        return ""
    proved = objective_text(certificate.price_bound, certificate.objective_kind)
    if certificate.objective_kind == "price":
        return f"the prices alone prove {proved}; the rest of the bound rests on complete search"
    count = round(beyond)
    if count <= 1:
        return "the last GPU of the bound rests on complete search"
    return f"the last {count:,} GPUs of the bound rest on complete search"


def _amount_text(amount: float, objective_kind: str) -> str:
    if objective_kind == "price":
        return f"{price_text(amount)} per hour"
    return f"{objective_text(amount, 'gpus')} {'GPU' if amount == 1 else 'GPUs'}"


def _comparative(difference: float, objective_kind: str) -> str:
    if objective_kind == "price":
        return "cheaper" if difference > 0 else "dearer"
    return "fewer" if difference > 0 else "more"


def _whole_text(whole: float, objective_kind: str) -> str:
    if objective_kind == "price":
        return f"{price_text(whole)} per hour of whole GPUs for the same services"
    if round(whole) == 1:
        return "1 whole GPU that the same services need"
    return f"{objective_text(whole, 'gpus')} whole GPUs that the same services need"
