"""Numbers as people read them, the same in every table and picture."""

from __future__ import annotations

import math


def rate_text(rate_rps: float) -> str:
    """Return requests/s: whole from 1,000, one decimal from 10, else two digits or so."""
    return _graded(rate_rps, 1000.0)


def latency_text(latency_ms: float) -> str:
    """Return milliseconds with about three digits."""
    return _graded(latency_ms, 100.0)


def price_text(price: float) -> str:
    """Return a price with two decimals; a small one with three digits."""
    if price and abs(price) < 1:
        return f"{price:.3g}"
    return f"{price:,.2f}"


def objective_text(objective: float, objective_kind: str) -> str:
    """Return a number of GPUs or a price, as the objective wants it."""
    if objective_kind == "price":
        return price_text(objective)
    return f"{objective:,.0f}" if objective == round(objective) else f"{objective:,.2f}"


def percent_text(part: float) -> str:
    """Return a part of one as ``21.1 %``; ``0 %`` for nothing."""
    return "0 %" if part == 0 else f"{100 * part:.1f} %"


def duration_text(wall_s: float) -> str:
    """Return a time span: ``0.8 ms``, ``420 ms``, ``3.2 s``, ``2 min 05 s``, ``3 h 07 min``."""
    if wall_s < 0.9995:
        return f"{1000 * wall_s:.1f} ms" if wall_s < 0.00995 else f"{1000 * wall_s:.0f} ms"
    if wall_s < 99.95:
        return f"{wall_s:.1f} s"
    seconds = round(wall_s)
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60:02d} s"
    minutes = round(wall_s / 60)
    return f"{minutes // 60} h {minutes % 60:02d} min"


def _graded(value: float, whole_from: float) -> str:
    if not math.isfinite(value):
        return str(value)
    if abs(value) >= whole_from:
        return f"{value:,.0f}"
    text = f"{value:.1f}" if abs(value) >= 10 else f"{value:.3g}"
    return text.removesuffix(".0")
