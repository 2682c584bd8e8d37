"""What we ask of a node: one change of one instance.

``transition.executor`` makes commands of steps and a node's driver carries them out;
``event`` is the answer. Later hosts send the same commands.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from heddle.cluster.deployment import PlannedInstance
from heddle.cluster.partition import Placement


class Action(Enum):
    """The elementary changes.

    ``START`` is done when the service on the instance is ready and has traffic;
    ``STOP`` first takes traffic away and drains.
    """

    CREATE = "create"
    DESTROY = "destroy"
    START = "start"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class Command:
    """One elementary change that a node is asked for.

    Attributes
    ----------
    id
        Unique; a node carries out a command of one id once, however often it is sent.
    action, node, gpu
        What to do, and where.
    placement
        The instance that is made, removed, or served on.
    serving
        The service and its operating point; None for create and destroy.
    """

    id: str
    action: Action
    node: str
    gpu: str
    placement: Placement
    serving: PlannedInstance | None = None
