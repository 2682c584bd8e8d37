"""Every solver by name: the one list."""

from __future__ import annotations

from heddle.optimizer.baselines.mix import Mix
from heddle.optimizer.baselines.parvagpu import ParvaGpu
from heddle.optimizer.baselines.smallest import Smallest
from heddle.optimizer.baselines.whole import Whole
from heddle.optimizer.cms.solver import CMS_SOLVERS
from heddle.optimizer.exact.solver import ExactSolver
from heddle.optimizer.migserving.genetic import Genetic
from heddle.optimizer.migserving.greedy import Greedy
from heddle.optimizer.migserving.mcts import Mcts
from heddle.optimizer.solver import Solver
from heddle.registry import Registry

SOLVERS: Registry[Solver] = Registry(
    "solver",
    [
        ("exact", ExactSolver),
        ("greedy", Greedy),
        ("mcts", Mcts),
        ("genetic", Genetic),
        *CMS_SOLVERS,
        ("whole", Whole),
        ("smallest", Smallest),
        ("mix", Mix),
        ("parvagpu", ParvaGpu),
    ],
)
