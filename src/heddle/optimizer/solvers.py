"""Every solver by name: the one list."""

from __future__ import annotations

from heddle.optimizer.exact.solver import ExactSolver
from heddle.optimizer.solver import Solver
from heddle.registry import Registry

SOLVERS: Registry[Solver] = Registry(
    "solver",
    [
        ("exact", ExactSolver),
    ],
)
