"""x"""

from __future__ import annotations

from dataclasses import dataclass, field
import numpy as np

from heddle.optimizer.evaluate import can_share_gpu, cost_nano
from heddle.optimizer.migserving.candidates import Candidates
from heddle.optimizer.migserving.chromosome import *
from heddle.optimizer.migserving.greedy import EVERY_FEATURE, fast_plan
from heddle.optimizer.migserving.requirement import Configuration, Requirement, packing
from heddle.optimizer.migserving.tree_search import TreeSearch
from heddle.optimizer.packing import Slot
from heddle.optimizer.problem import RmsProblem
from heddle.optimizer.solver import Outcome, Run
from heddle.units import NANO

P = 4
C = 8
VISITS = 20
KMIN = 3
KMAX = 10
EPS = 0.05
SWAPS = 0.05
REL = 0.0


@dataclass(frozen=True)
class Chromosome:
    genes: tuple
    cost: int
    spare: float

    @property
    def rank(self):
        return (self.cost, self.spare)


class Genetic:
    name = "genetic"
    features = EVERY_FEATURE

    def solve(self, problem, run):
        q = self.q = Requirement(problem)
        c = Candidates(q)
        self.rng = run.generator()
        self.T = TreeSearch(c, self.rng)
        g = fast_plan(q, c.pool, c.mixer, run)
        pop = [self.make(g)]
        hist = [pop[0].cost // NANO]
        stale = 0
        self.acc = [0, 0, 0, 0]
        self.spares = [pop[0].spare / 1e9]
        while stale < 10:
            kids = []
            for par in pop:
                for _ in range(C * P // len(pop)):
                    k = self.child(par, run)
                    if k:
                        kids.append(k)
            seen = {}
            for x in sorted(pop + kids, key=lambda x: x.rank):
                seen.setdefault(x.genes, x)
            new = list(seen.values())[:P]
            stale = 0 if new[0].cost < pop[0].cost else stale + 1
            pop = new
            hist.append(pop[0].cost // NANO)
            self.spares.append(round(pop[0].spare / 1e9, 2))
        return Outcome(
            packing(pop[0].genes),
            statistics=dict(
                gpus_by_generation=hist,
                rollouts=self.T.rollouts.count,
                expansions=self.T.expansions,
            ),
        )

    def make(self, g):
        g = without_spare_gpus(self.q, g)
        return Chromosome(
            tuple(sorted(g, key=lambda x: x.gpu)),
            sum(x.cost for x in g),
            min(x.cost * (1 - w) for x, w in zip(g, waste(self.q, g))),
        )

    def child(self, par, run):
        genes = self.mutate(list(par.genes))
        k = int(self.rng.integers(KMIN, KMAX + 1))
        k = min(k, len(genes))
        w = waste(self.q, genes)
        e = int(np.argmax(w))
        need = self.q.need_after(genes[:e] + genes[e + 1 :])
        pr = np.maximum(w, 0) + EPS
        pr *= np.array([1 + REL * any(need[r] for r, _ in g.gains) for g in genes])
        pr[e] = 0
        drop = {e} | set(
            self.rng.choice(len(genes), k - 1, replace=False, p=pr / pr.sum()).tolist()
        )
        kept = [x for i, x in enumerate(genes) if i not in drop]
        cost = sum(genes[i].cost for i in drop)
        path = self.T.search(self.q.need_after(kept), self.q.supply_after(kept), VISITS, run, cost)
        if path is None:
            self.acc[0] += 1
            return None
        ch = self.make(kept + list(path.configurations))
        self.acc[1 if ch.cost > par.cost else 2 if ch.spare >= par.spare else 3] += 1
        return ch

    def mutate(self, genes):
        n = len(genes)
        problem = self.q.problem
        for _ in range(int(self.rng.integers(0, 1 + int(SWAPS * n)))):
            i, j = self.rng.choice(n, 2, replace=False)
            a, b = genes[i].gpu, genes[j].gpu
            pairs = [
                (x, y)
                for x, s in enumerate(a.slots)
                for y, t in enumerate(b.slots)
                if s.kind == t.kind and s.service != t.service
            ]
            if not pairs:
                continue
            x, y = pairs[int(self.rng.integers(len(pairs)))]
            sa, sb = list(a.slots), list(b.slots)
            sa[x], sb[y] = (
                Slot(sa[x].kind, b.slots[y].service),
                Slot(sb[y].kind, a.slots[x].service),
            )
            if can_share_gpu(problem, [s.service for s in sa]) and can_share_gpu(
                problem, [s.service for s in sb]
            ):
                genes[i] = self.q.configuration(a.pool, sa)
                genes[j] = self.q.configuration(b.pool, sb)
        return genes
