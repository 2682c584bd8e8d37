"""The fleet: which GPUs there are to plan with, how many, at what price."""

from __future__ import annotations

from dataclasses import dataclass, field

from heddle.cluster.gpu_type import GpuType
from heddle.errors import Location

DEFAULT_PER_NODE = 8
DEFAULT_PRICE_PER_HOUR = 1.0


@dataclass(frozen=True, slots=True)
class GpuPool:
    """All GPUs of one type in the fleet.

    Attributes
    ----------
    gpu_type
        The type; a fleet names each type once.
    count
        How many there are; None for as many as needed.
    per_node
        GPUs in one node; with a count, the last node may have fewer.
    price_per_hour
        Of one GPU, in any currency, above 0.
    """

    gpu_type: GpuType
    count: int | None = None
    per_node: int = DEFAULT_PER_NODE
    price_per_hour: float = DEFAULT_PRICE_PER_HOUR
    location: Location = field(default_factory=Location, compare=False)

    @property
    def num_nodes(self) -> int | None:
        """How many nodes hold them; None without a count."""
        return None if self.count is None else -(-self.count // self.per_node)
