"""The plan of scenario S1 that is kept byte for byte: its file, its picture, its table.

Planned in virtual time, so that the time that planning took is always 0. After a wanted
change, look at the difference and keep it: ``scripts/regenerate-golden``.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from command_line import scenario
from heddle.clock import ManualClock
from heddle.cluster.catalogue import builtin_catalogue
from heddle.cluster.deployment_file import deployment_text
from heddle.drawing.plan import plan_svg
from heddle.drawing.plan_text import plan_text
from heddle.optimizer.problem import build_problem
from heddle.optimizer.result import Result
from heddle.optimizer.search import optimize
from heddle.optimizer.solver import Run
from heddle.workload.files import load_workload

FOLDER = Path(__file__).with_name("plans")
KEPT = ("s1.json", "s1.svg", "s1.txt")


@cache
def _plan() -> Result:
    problem = build_problem(load_workload(scenario(1)))
    return optimize(problem, "exact", Run(clock=ManualClock()))


def rendered(name: str) -> str:
    """Return the text of one of the kept files as it would be written now."""
    plan = _plan()
    if name.endswith(".json"):
        return deployment_text(plan.deployment)
    if name.endswith(".svg"):
        return plan_svg(plan.deployment, builtin_catalogue().get, "s1", whole=plan.whole)
    return plan_text(plan.deployment, plan.whole) + "\n"
