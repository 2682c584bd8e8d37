"""What can be wrong with a deployment: one kind per promise, one sentence per case."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class FindingKind(Enum):
    """The promise that is broken."""

    DUPLICATE_GPU = "duplicate GPU"
    UNKNOWN_GPU_TYPE = "unknown GPU type"
    MIXED_NODE = "node of several types"
    CROWDED_NODE = "crowded node"
    OUT_OF_STOCK = "out of stock"
    TOO_MANY_NODES = "too many nodes"

    UNKNOWN_PROFILE = "unknown profile"
    ILLEGAL_START = "illegal start"
    OVERLAP = "overlap"
    TOO_MANY_INSTANCES = "too many instances"
    ENGINE_EXCEEDED = "engine exceeded"
    EXCLUDED_PAIR = "excluded pair"

    MISSING_SERVICE = "missing service"
    UNKNOWN_SERVICE = "unknown service"
    CHANGED_SERVICE = "changed service"

    UNKNOWN_POINT = "unknown operating point"
    ALTERED_RATE = "altered rate"
    ALTERED_LATENCY = "altered latency"
    UNMARKED_FIT = "unmarked fitted point"
    TOO_SLOW = "too slow"
    PERCENTILE_TOO_LOW = "percentile too low"
    OUT_OF_MEMORY = "out of memory"
    NOT_ALLOWED = "not allowed"

    UNDERSERVED = "underserved"
    TOO_FEW_REPLICAS = "too few replicas"
    NOT_SPREAD_OVER_GPUS = "not spread over GPUs"
    NOT_SPREAD_OVER_NODES = "not spread over nodes"
    NOT_KEPT_APART = "not kept apart"

    MISSING_GUEST = "missing best-effort service"
    UNKNOWN_GUEST = "unknown best-effort service"
    CHANGED_GUEST = "changed best-effort service"
    WRONG_LODGING = "wrong place of a best-effort service"
    WRONG_LEFT_RATE = "wrong rate left"

    WRONG_OBJECTIVE = "wrong objective"
    WRONG_GAP = "wrong gap"
    BOUND_ABOVE_OBJECTIVE = "bound above the objective"
    WRONG_OPTIMALITY = "wrong claim of optimality"
    MALFORMED_PRICE = "malformed price"
    NEGATIVE_PRICE = "negative price"
    UNKNOWN_PRICE = "price of something unknown"
    STOCK_PRICE_WITHOUT_LIMIT = "stock price without a limited stock"
    OVERPRICED_LAYOUT = "overpriced layout"
    WRONG_SERVICE_PRICE = "wrong service price"
    UNPROVED_PRICE_BOUND = "price bound not proved"
    UNPROVED_LOWER_BOUND = "lower bound not proved"
    UNDECIDED_BOUND = "bound not decided"


class Finding(NamedTuple):
    """One broken promise; the sentence names the GPU, the service and the number."""

    kind: FindingKind
    sentence: str

    def at(self, place: str) -> Finding:
        """Return the same finding with the place before its sentence."""
        return Finding(self.kind, f"{place}: {self.sentence}")
