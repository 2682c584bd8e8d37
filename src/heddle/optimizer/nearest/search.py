"""The nearest plan: among those of (nearly) the least cost, the one that keeps most.

``nearest`` is the entry for whoever plans where something runs already: the CLI,
benchmarks, the way through a day. ``transition`` plans the way there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from heddle.cluster.deployment import Configuration, Deployment
from heddle.cluster.gpu import Gpu
from heddle.optimizer.assembly import GpuWriter, served_services
from heddle.optimizer.evaluate import cost_nano, violations
from heddle.optimizer.nearest.count_model import CountChoice, NearestProblem
from heddle.optimizer.nearest.count_search import CountAnswer, choose_counts
from heddle.optimizer.nearest.dealing import deal, parted
from heddle.optimizer.nearest.gpu_search import search_gpus
from heddle.optimizer.nearest.matching import match
from heddle.optimizer.nearest.naming import named_gpus
from heddle.optimizer.nearest.recuts import gpu_classes, recuts
from heddle.optimizer.nearest.running import Running, running_gpus
from heddle.optimizer.nearest.seats import SeatedGpu, num_staying, packing_of
from heddle.optimizer.nodes import assign_nodes
from heddle.optimizer.packing import Packing, Slot
from heddle.optimizer.problem import RmsProblem
from heddle.optimizer.result import Result
from heddle.optimizer.search import Solved, solve
from heddle.optimizer.solver import Run
from heddle.units import exact

NAME = "nearest"

Figures = Mapping[str, float | int | str | list[int]]


def nearest(
    problem: RmsProblem, running: Deployment, slack: float = 0.0, run: Run | None = None
) -> Result:
    """Return the plan within the slack of the least cost that keeps most of what runs.

    Parameters
    ----------
    running
        What runs. Its GPUs of types that the problem lacks are given up.
    slack
        How far above the least cost the plan may be, as a part of it, at least 0.

    Returns
    -------
    Result
        Its statistics say, under ``running``, ``kept``, ``most_kept`` and ``reused``,
        how many instances run, how many run on untouched, how many could at most, and
        in how many places the instance stays whatever it serves; under ``method``,
        ``counts`` when counts were chosen for it; ``searched`` when placement options
        took a search GPU by GPU; ``matched`` when options or time left only the plain
        plan, moved as near as it goes.

    Raises
    ------
    HeddleError
        As ``optimizer.search.optimize``.
    """
    limits = run or Run()
    # 1. The least cost.
    plain = solve(problem, "exact", limits)
    # 2. to 5. Within it, what is nearest.
    return nearest_to(plain, running, slack, limits)


def nearest_to(plain: Solved, running: Deployment, slack: float, run: Run) -> Result:
    """Return what :func:`nearest` does where the plan of the least cost is known already."""
    # 2. What runs, and how its GPUs could be cut to keep some of it.
    now = running_gpus(plain.problem, running)
    choices = _choices(plain, now, slack)
    # 3. Counts: GPUs, recuts and instances.
    answer = choose_counts(choices, _plain_choice(choices, plain.packing), run)
    # 4. Real GPUs: of the counts, of the plain plan moved near, or of a search GPU by GPU.
    method, seated = _seated(choices, answer, plain.packing, run)
    # 5. Check, name, certify.
    figures: Figures = {
        "running": now.num_instances,
        "most_kept": answer.most_staying,
        "method": method,
    }
    return _finished(replace(plain, run=run), running, seated, figures)


def _seated(
    choices: NearestProblem, answer: CountAnswer, plain: Packing, run: Run
) -> tuple[str, list[SeatedGpu]]:
    """Return the GPUs with their instances, and the method; without options counts say all.

    Unless time was over before there were any but those of the plain plan.
    """
    problem = choices.problem
    dealt = deal(choices, answer.choices, run)
    if dealt and not problem.has_placement_options and answer.choices[0].recuts.any():
        return "counts", dealt
    moved = parted(problem, match(choices, plain))
    is_dealt = dealt is not None and num_staying(dealt) >= num_staying(moved)
    method, best = ("counts", dealt) if is_dealt and dealt is not None else ("matched", moved)
    if num_staying(best) < answer.most_staying and not run.is_over():
        searched = search_gpus(choices, best, run)
        if searched is not None and num_staying(searched) > num_staying(best):
            return "searched", parted(problem, searched)
    return method, best


def _choices(plain: Solved, now: Running, slack: float) -> NearestProblem:
    classes = gpu_classes(now.gpus)
    return NearestProblem(
        problem=plain.problem,
        classes=classes,
        recuts=recuts(plain.problem, classes),
        stayable=now.stayable,
        most_cost=int(plain.cost * (1 + exact(slack))),
        most_instances=sum(len(gpu.slots) for gpu in plain.packing.gpus),
    )


def _plain_choice(choices: NearestProblem, packing: Packing) -> CountChoice:
    """Return the plain plan as counts, all its GPUs new."""
    problem = choices.problem
    instances = np.zeros((problem.num_services, problem.num_kinds), dtype=np.int64)
    layouts = np.zeros(len(problem.layouts), dtype=np.int64)
    for gpu, count in Counter(packing.gpus).items():
        counts = np.zeros(problem.num_kinds, dtype=np.int64)
        for kind, service in gpu.slots:
            counts[kind] += 1
            instances[service, kind] += count
        has_room = (problem.layout_counts >= counts).all(axis=1)
        layouts[np.flatnonzero(has_room & (problem.layout_pool == gpu.pool))[0]] += count
    return CountChoice(layouts, np.zeros(len(choices.recuts), dtype=np.int64), instances)


def _finished(
    plain: Solved, running: Deployment, seated: list[SeatedGpu], figures: Figures
) -> Result:
    """Check the plan, and return it with names and a certificate."""
    packing = packing_of(seated)
    wrong = violations(plain.problem, packing)
    if wrong:
        raise AssertionError(f"the nearest plan is illegal: {'; '.join(wrong[:3])}")
    configurations = _configurations(plain, running, seated)
    statistics = {**plain.outcome.statistics, **figures, **_kept(running, configurations)}
    if cost_nano(plain.problem, packing) > plain.cost:
        statistics.pop("additive_bound", None)
    outcome = replace(plain.outcome, packing=packing, statistics=statistics)
    solved = replace(plain, solver=NAME, outcome=outcome, packing=packing)
    certificate = solved.certificate()
    services = served_services(plain.problem)
    return solved.result(Deployment(services, configurations, certificate), certificate)


def _kept(running: Deployment, configurations: tuple[Configuration, ...]) -> Figures:
    """Return how many instances run on untouched, and in how many places one stays."""
    ran = {(entry.gpu, instance) for entry, instance in running.instances()}
    held = {(gpu, instance.start, instance.profile) for gpu, instance in ran}
    new = [(entry.gpu, instance) for entry in configurations for instance in entry.instances]
    return {
        "kept": sum(instance in ran for instance in new),
        "reused": sum((gpu, i.start, i.profile) in held for gpu, i in new),
    }


def _configurations(
    solved: Solved, running: Deployment, seated: list[SeatedGpu]
) -> tuple[Configuration, ...]:
    """Write the GPUs out: those that run in their order, then new ones.

    Where names would not fit the fleet's nodes all GPUs are named anew, as a plan from
    nothing is; whoever plans the transition finds the GPUs that match.
    """
    problem = solved.problem
    names = named_gpus(problem, running, seated) or _new_names(problem, seated)
    order = {entry.gpu: position for position, entry in enumerate(running.configurations)}
    writer = GpuWriter(problem, solved.bound.prices)
    found = []
    for gpu, entry in zip(names, seated, strict=True):
        packed = entry.packed()
        instances = tuple(
            writer.instance(Slot(seat.kind, seat.service), seat.placement.start)
            for seat in entry.seats
            if seat.service is not None and seat.placement is not None
        )
        instances = instances or writer.write(packed).instances
        found.append(Configuration(*gpu, instances, writer.reason(packed)))
    return tuple(sorted(found, key=lambda entry: order.get(entry.gpu, len(order))))


def _new_names(problem: RmsProblem, seated: list[SeatedGpu]) -> list[Gpu]:
    nodes = assign_nodes(problem, packing_of(seated))
    if nodes is None:
        raise AssertionError("a legal plan cannot be dealt to nodes")
    return [
        Gpu(f"gpu-{index}", f"node-{node}", problem.pools[gpu.pool].gpu_type.name)
        for index, (gpu, node) in enumerate(zip(seated, nodes, strict=True))
    ]
