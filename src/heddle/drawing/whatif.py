"""Plans side by side: what changes when a limit, a rate or a fleet does.

Printed by ``heddle whatif``; the first column is what the others are compared with.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from heddle.cluster.certificate import Certificate
from heddle.cluster.deployment import Deployment
from heddle.drawing.certificate_text import gap_text
from heddle.drawing.figures import objective_text, price_text
from heddle.drawing.service_figures import service_figures, shape_text
from heddle.drawing.table import Align, Column, table_text
from heddle.units import plural

_COLUMN_CELLS = 56
_NONE = "–"

#: How many instances of each shape, by its text.
_Shapes = Counter[str]


@dataclass(frozen=True, slots=True)
class PlanColumn:
    """One plan of a comparison.

    Attributes
    ----------
    name
        What was changed, as the user wrote it.
    deployment
        None when there is no plan; ``note`` then says why.
    price_per_hour
        Of all its GPUs; None when not known.
    """

    name: str
    deployment: Deployment | None
    price_per_hour: float | None = None
    note: str = ""


def whatif_text(columns: Sequence[PlanColumn], max_rows: int = 40) -> str:
    """Return the plans side by side: totals, GPUs by type, and services that change.

    At most ``max_rows`` services are shown.
    """
    changed, num_equal = _changed_services(columns)
    headings = [
        Column(""),
        *(Column(column.name, Align.RIGHT, _COLUMN_CELLS) for column in columns),
    ]
    totals = table_text(headings, [*_totals(columns), *_gpus_by_type(columns)])
    parts = [totals]
    if changed:
        sides = [Column("service", max_width=32)]
        sides.extend(Column(column.name, max_width=_COLUMN_CELLS) for column in columns)
        parts.append(table_text(sides, changed, max_rows))
    if num_equal and len(columns) > 1:
        parts.append(f"{plural(num_equal, 'service')} with the same instances in every plan.")
    notes = [f"{column.name}: {column.note}" for column in columns if column.note]
    if notes:
        parts.append("\n".join(notes))
    return "\n\n".join(parts)


def _totals(columns: Sequence[PlanColumn]) -> list[tuple[str, ...]]:
    return [
        ("GPUs", *_compared([_num_gpus(column) for column in columns], _gpus_text)),
        (
            "price per hour",
            *_compared([column.price_per_hour for column in columns], price_text),
        ),
        ("lower bound", *(_of_certificate(column, _bound_text) for column in columns)),
        ("gap", *(_of_certificate(column, gap_text) for column in columns)),
        ("proved optimal", *(_of_certificate(column, _proved_text) for column in columns)),
    ]


def _gpus_by_type(columns: Sequence[PlanColumn]) -> list[tuple[str, ...]]:
    """Return one row per GPU type when there are several."""
    counts = [
        Counter(c.gpu_type for c in column.deployment.configurations) if column.deployment else None
        for column in columns
    ]
    names = sorted({name for count in counts if count for name in count})
    if len(names) < 2:
        return []
    return [
        (
            f"of these {name}",
            *_compared([None if c is None else float(c[name]) for c in counts], _gpus_text),
        )
        for name in names
    ]


def _changed_services(columns: Sequence[PlanColumn]) -> tuple[list[tuple[str, ...]], int]:
    """Return a row per service whose instances differ, and how many services do not.

    The first plan that exists is spelled out, the others by their difference from it.
    """
    plans = [_shapes_by_service(column) for column in columns]
    names = list(dict.fromkeys(name for plan in plans if plan is not None for name in plan))
    base = next((i for i, plan in enumerate(plans) if plan is not None), 0)
    rows = []
    for name in names:
        shapes = [None if plan is None else plan.get(name, Counter()) for plan in plans]
        if any(other is not None and other != shapes[base] for other in shapes):
            cells = [
                _shapes_cell(other, shapes[base], is_base=i == base)
                for i, other in enumerate(shapes)
            ]
            rows.append((name, *cells))
    return rows, len(names) - len(rows)


def _shapes_by_service(column: PlanColumn) -> dict[str, _Shapes] | None:
    if column.deployment is None:
        return None
    has_types = len({c.gpu_type for c in column.deployment.configurations}) > 1
    return {
        figures.name: Counter(
            {
                f"{shape.gpu_type} " * has_types + shape_text(shape): count
                for shape, count in figures.shapes
            }
        )
        for figures in service_figures(column.deployment)
    }


def _shapes_cell(shapes: _Shapes | None, base: _Shapes | None, *, is_base: bool) -> str:
    if shapes is None or base is None:
        return _NONE
    if is_base:
        return ", ".join(f"{count}×{text}" for text, count in shapes.most_common()) or _NONE
    if shapes == base:
        return "="
    more, fewer = shapes - base, base - shapes
    return ", ".join(
        [f"+{count}×{text}" for text, count in more.most_common()]
        + [f"−{count}×{text}" for text, count in fewer.most_common()]
    )


def _compared(values: Sequence[float | None], text_of: Callable[[float], str]) -> list[str]:
    """Return the values as text, those after the first with the difference from it."""
    first = values[0] if values else None
    texts = []
    for value in values:
        text = _NONE if value is None else text_of(value)
        if value is not None and first is not None and value != first:
            sign = "+" if value > first else "−"
            text += f" ({sign}{text_of(abs(value - first))})"
        texts.append(text)
    return texts


def _num_gpus(column: PlanColumn) -> float | None:
    return None if column.deployment is None else float(column.deployment.num_gpus)


def _gpus_text(count: float) -> str:
    return f"{count:,.0f}"


def _of_certificate(column: PlanColumn, text_of: Callable[[Certificate], str]) -> str:
    certificate = column.deployment.certificate if column.deployment else None
    return _NONE if certificate is None else text_of(certificate)


def _bound_text(certificate: Certificate) -> str:
    return objective_text(certificate.lower_bound, certificate.objective_kind)


def _proved_text(certificate: Certificate) -> str:
    return "yes" if certificate.is_proved_optimal else "no"
