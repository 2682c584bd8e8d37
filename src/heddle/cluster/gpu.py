"""A physical GPU: where it is and of what type."""

from __future__ import annotations

from typing import NamedTuple


class Gpu(NamedTuple):
    """One GPU of the cluster: its id, the node that it is in, the name of its type."""

    id: str
    node: str
    gpu_type: str
