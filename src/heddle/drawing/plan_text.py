"""A plan for the terminal: its services, its GPUs, and what is claimed about it.

Printed by ``heddle plan``; ``plan`` draws the same as a picture.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby

from heddle.cluster.certificate import Certificate
from heddle.cluster.deployment import Deployment, PlannedGuest
from heddle.drawing.certificate_text import (
    certificate_notes,
    certificate_sentence,
    saving_sentence,
)
from heddle.drawing.figures import latency_text, rate_text
from heddle.drawing.gpu_groups import GpuGroup, gpu_groups, id_ranges
from heddle.drawing.service_figures import (
    ServiceFigures,
    largest_first,
    service_figures,
    shapes_text,
)
from heddle.drawing.table import Column, more_text, number_column, table_text
from heddle.units import plural

DEFAULT_MAX_ROWS = 40
_NAME_CELLS = 32
_LONG_CELLS = 72


def plan_text(
    deployment: Deployment, whole: float | None = None, max_rows: int = DEFAULT_MAX_ROWS
) -> str:
    """Return the plan as two tables and its certificate.

    Parameters
    ----------
    whole
        What whole GPUs would cost for the same services, in the unit of the
        certificate's objective; None leaves the comparison out.
    max_rows
        Rows of each table; with more services or GPU groups the largest are shown.
    """
    figures = service_figures(deployment)
    is_price = deployment.certificate and deployment.certificate.objective_kind == "price"
    parts = [
        services_table(figures, max_rows, "price/h" if is_price else "GPUs"),
        gpus_table(gpu_groups(deployment), max_rows),
    ]
    if deployment.guests:
        parts.append(guests_table(deployment.guests, max_rows))
    short = [figure.name for figure in figures if not figure.is_met]
    if short:
        parts.append(f"NOT MET: {_first_names(short)}.")
    if deployment.certificate is not None:
        parts.append(_claims(deployment.certificate, whole))
    return "\n\n".join(parts)


def services_table(figures: Sequence[ServiceFigures], max_rows: int, price_noun: str) -> str:
    """Return the table of services: rates, latencies, instances, and what each costs.

    ``price_noun`` is what prices are counted in, such as ``GPUs``.
    """
    has_types = len({shape.gpu_type for figure in figures for shape, _ in figure.shapes}) > 1
    columns = [
        Column("service", max_width=_NAME_CELLS),
        Column("model", max_width=_NAME_CELLS),
        number_column("required/s"),
        number_column("planned/s"),
        number_column("batch ms"),
        number_column("limit ms"),
        number_column(f"≈ {price_noun}"),
        Column("instances", max_width=_LONG_CELLS),
    ]
    rows = [
        (
            figure.name,
            figure.model,
            rate_text(figure.required_rps),
            rate_text(figure.planned_rps),
            latency_text(figure.latency_ms),
            latency_text(figure.limit_ms),
            "–" if figure.price is None else f"{figure.price:.2f}",
            shapes_text(figure, has_types=has_types),
        )
        for figure in largest_first(figures, max_rows)
    ]
    return table_text(columns, rows, max_rows)


def guests_table(guests: Mapping[str, PlannedGuest], max_rows: int) -> str:
    """Return the table of best-effort services: what they wish for, and what is left for them."""
    columns = [
        Column("best-effort service", max_width=_NAME_CELLS),
        Column("model", max_width=_NAME_CELLS),
        number_column("wished/s"),
        number_column("left/s"),
        Column("expected"),
        Column("shares instances of", max_width=_LONG_CELLS),
    ]
    rows = [
        (
            name,
            guest.service.model,
            rate_text(guest.service.required_rps or guest.service.rate_rps),
            rate_text(guest.left_rps),
            "yes" if guest.is_met else "no",
            ", ".join(guest.lodging.hosts),
        )
        for name, guest in guests.items()
    ]
    return table_text(columns, rows, max_rows)


def gpus_table(groups: Sequence[GpuGroup], max_rows: int) -> str:
    """Return the table of GPU groups: how many, which, what is on them and why."""
    columns = [
        number_column("GPUs"),
        Column("ids", max_width=28),
        Column("type", max_width=_NAME_CELLS),
        Column("partition", max_width=_LONG_CELLS),
        Column("reason", max_width=_LONG_CELLS),
    ]
    shown = groups
    if len(groups) > max_rows:
        shown = sorted(groups, key=lambda group: -group.count)[:max_rows]
    rows = [_group_row(group) for group in shown]
    if not any(group.reasons for group in shown):
        columns, rows = columns[:-1], [row[:-1] for row in rows]
    table = table_text(columns, rows)
    if len(shown) == len(groups):
        return table
    num_gpus = sum(group.count for group in groups) - sum(group.count for group in shown)
    return f"{table}\n{more_text(len(groups) - len(shown))} ({plural(num_gpus, 'GPU')})"


def _group_row(group: GpuGroup) -> tuple[str, ...]:
    return (
        f"{group.count:,}",
        id_ranges(group.gpus, 2),
        group.gpu_type,
        partition_text(group),
        "; ".join(group.reasons) or "–",
    )


def partition_text(group: GpuGroup) -> str:
    """Return the instances in the order of their starts: ``3g.40gb@0 chat, 1g.10gb@4,5 rank``."""
    parts = []
    for (profile, service), members in groupby(group.instances, lambda i: (i.profile, i.service)):
        starts = ",".join(str(instance.start) for instance in members)
        parts.append(f"{profile}@{starts} {service}")
    return ", ".join(parts)


def _claims(certificate: Certificate, whole: float | None) -> str:
    lines = [certificate_sentence(certificate)]
    if whole is not None:
        lines.append(saving_sentence(certificate.objective, whole, certificate.objective_kind))
    lines.extend(f"Note: {note}" for note in certificate_notes(certificate))
    return "\n".join(lines)


def _first_names(names: list[str]) -> str:
    if len(names) <= 5:
        return ", ".join(names)
    return f"{', '.join(names[:5])} {more_text(len(names) - 5)}"
