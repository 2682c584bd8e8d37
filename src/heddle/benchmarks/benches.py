"""Every benchmark by name: the one list."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Protocol

from heddle.benchmarks.planner import run_planner
from heddle.benchmarks.record import Record
from heddle.benchmarks.rewriter import run_rewriter
from heddle.benchmarks.runtime import TYPES, run_on_type, run_runtime
from heddle.benchmarks.runtime_cpu import run_on_cpu
from heddle.benchmarks.serving import run_serving
from heddle.benchmarks.serving_day import run_serving_day
from heddle.benchmarks.serving_shared import run_serving_shared
from heddle.benchmarks.transition import run_transition
from heddle.registry import Registry


class Bench(Protocol):
    """A benchmark: fixed work, one record."""

    def __call__(self, seed: int, *, is_quick: bool, report: Callable[[str], None]) -> Record:
        """Run it; ``report`` is told of every step."""
        ...


def _planner() -> Bench:
    return run_planner


def _transition() -> Bench:
    return run_transition


def _serving() -> Bench:
    return run_serving


def _serving_day() -> Bench:
    return run_serving_day


def _serving_shared() -> Bench:
    return run_serving_shared


def _rewriter() -> Bench:
    return run_rewriter


def _runtime() -> Bench:
    return run_runtime


def _runtime_cpu() -> Bench:
    return run_on_cpu


def _runtime_on(name: str) -> Callable[[], Bench]:
    return lambda: partial(run_on_type, name)


BENCHES: Registry[Bench] = Registry(
    "benchmark",
    [
        ("planner", _planner),
        ("transition", _transition),
        ("serving", _serving),
        ("serving_day", _serving_day),
        ("serving_shared", _serving_shared),
        ("rewriter", _rewriter),
        ("runtime", _runtime),
        ("runtime_cpu", _runtime_cpu),
        *((f"runtime_{name.casefold()}", _runtime_on(name)) for name in TYPES),
    ],
)
