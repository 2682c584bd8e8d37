"""Every planner of transitions by name: the one list."""

from __future__ import annotations

from heddle.registry import Registry
from heddle.transition.exchange_compact.planner import ExchangeCompact
from heddle.transition.joint.planner import Joint
from heddle.transition.request import Planner


def _joint() -> Planner:
    return Joint()


def _exchange_compact() -> Planner:
    return ExchangeCompact()


PLANNERS: Registry[Planner] = Registry(
    "strategy", [("joint", _joint), ("exchange_compact", _exchange_compact)]
)
