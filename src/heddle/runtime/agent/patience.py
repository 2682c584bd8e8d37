"""How long the node agent waits for what; tests are less patient than machines."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Patience:
    """Times in seconds; the defaults are those of a real node.

    Attributes
    ----------
    backoff_s, backoff_cap_s
        The wait before an instance that died is started again, doubled each time up to
        the cap.
    healthy_s
        An instance that was ready for so long begins again with the first wait.
    grace_s
        From the request to end until a process is killed.
    killed_s
        How soon killed processes must be gone.
    poll_s
        Between two looks at whether a process is ready.
    router_s
        Between two looks at the router.
    router_away_s
        How long a start waits for a router that does not answer.
    drain_away_s
        The same for a stop: without a router nobody sends requests.
    rewrite_s
        Between two attempts to write down how a command ended.
    num_ports
        How many ports a start tries when others take them first.
    """

    backoff_s: float = 1.0
    backoff_cap_s: float = 60.0
    healthy_s: float = 60.0
    grace_s: float = 10.0
    killed_s: float = 10.0
    poll_s: float = 0.02
    router_s: float = 1.0
    router_away_s: float = 30.0
    drain_away_s: float = 5.0
    rewrite_s: float = 1.0
    num_ports: int = 3

    def wait_s(self, num_deaths: int) -> float:
        """Return how long to wait after so many deaths in a row, from 1."""
        doubled_s = self.backoff_s * 2.0 ** min(num_deaths - 1, 60)
        return min(self.backoff_cap_s, doubled_s)
