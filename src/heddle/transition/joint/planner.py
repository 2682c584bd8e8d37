"""The joint planner: the nearest placement, then the shortest order within the spare GPUs.

Listed in ``planners``; the next step is ``transition.plan``, which proves the draft.
"""

from __future__ import annotations

from heddle.transition.draft import Draft
from heddle.transition.joint.drafting import draft_of
from heddle.transition.joint.spares import Search
from heddle.transition.request import TransitionRequest


class Joint:
    """Keeps as many instances as it can, then takes as little time as it can."""

    name = "joint"

    def plan(self, request: TransitionRequest) -> Draft:
        """Return the steps and the deployment that they lead to.

        Raises
        ------
        InputError
            A GPU type or a profile is unknown, or the inventory lacks GPUs.
        NoPlanError
            No order of steps was found within the spare GPUs; the message names the
            service that blocks, and how many spare GPUs would do.
        """
        search = Search(request)
        # 1. Place the target and find an order, with as few spare GPUs as it takes.
        found = search.first()
        # 2. Shorten it, with what spare GPUs there may be.
        best = search.improved(found)
        # 3. Write the steps.
        return draft_of(request, best.placed, best.changes, best.ordered.times)
