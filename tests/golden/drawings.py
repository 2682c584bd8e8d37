"""The drawings that are kept byte for byte, and how to make them again.

After a wanted change, look at the new pictures and keep them: ``scripts/regenerate-golden``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from drawing_cases import CATALOGUE, Case, certificate, deployment
from gantt_cases import GanttCase, chart_of
from heddle.cluster.certificate import BoundBasis
from heddle.drawing.compare import CompareRow, compare_svg
from heddle.drawing.gantt import gantt_svg
from heddle.drawing.gpu_type import gpu_type_svg
from heddle.drawing.gpu_type_text import gpu_type_text
from heddle.drawing.plan import plan_svg
from heddle.drawing.plan_text import plan_text
from heddle.drawing.scaling import ScalingPanel, ScalingPoint, scaling_svg

FOLDER = Path(__file__).with_name("drawings")


def _plan() -> str:
    plan = deployment(Case(5, 4, name="chat"))
    claim = replace(certificate(5, 5, BoundBasis.SEARCH, 4), notes=("Latencies are means.",))
    return plan_svg(replace(plan, certificate=claim), CATALOGUE.get, "Five GPUs", whole=7.0)


def _large_plan() -> str:
    plan = deployment(Case(140, 40, ("A100-80GB", "T4-16GB"), num_distinct=70))
    return plan_svg(plan, CATALOGUE.get, "A mixed fleet")


def _plan_table() -> str:
    return plan_text(deployment(Case(20, 6, ("A100-80GB", "A30-24GB"))), whole=27.0) + "\n"


def _comparison() -> str:
    rows = [
        CompareRow("exact", 139, 139, 0, 0.42),
        CompareRow("greedy", 146, None, None, 2.3),
        CompareRow("cms-scheme", None, None, None, None, "refused: it has no keep_apart"),
    ]
    return compare_svg(rows, "Solvers compared")


def _scaling() -> str:
    points = tuple(ScalingPoint(s, 100.0 * s**0.8, is_fitted=s == 4) for s in (1, 2, 3, 4, 7))
    curve = tuple((s / 4, 100.0 * (s / 4) ** 0.8) for s in range(4, 29))
    return scaling_svg([ScalingPanel("bert, batch 8", points, curve, "sub-linear")], "Scaling")


def _gantt() -> str:
    return gantt_svg(chart_of(GanttCase(7, 4, num_idle=2, num_spares=1, num_moves=2)))


def _large_gantt() -> str:
    return gantt_svg(chart_of(GanttCase(60, 30, num_idle=20)))


DRAWINGS: dict[str, Callable[[], str]] = {
    "transition-of-7.svg": _gantt,
    "transition-of-60.svg": _large_gantt,
    "plan-of-5.svg": _plan,
    "plan-of-140.svg": _large_plan,
    "plan-of-20.txt": _plan_table,
    "a100-80gb.svg": lambda: gpu_type_svg(CATALOGUE.get("A100-80GB")),
    "a100-80gb.txt": lambda: gpu_type_text(CATALOGUE.get("A100-80GB")) + "\n",
    "comparison.svg": _comparison,
    "scaling.svg": _scaling,
}
