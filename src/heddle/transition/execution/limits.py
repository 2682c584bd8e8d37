"""How patient the executor is, and how much it does at once."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ExecutionLimits:
    """Limits of one execution; the defaults suit nodes that start servers in minutes.

    Attributes
    ----------
    commands_per_node
        Commands under way at a time on one node.
    estimate_factor, grace_s
        A command that is not heard of after its estimate times the factor, and the
        grace, is looked for.
    max_attempts
        How often a step is tried, and how often a command without any trace is sent
        again, before the executor plans anew.
    backoff_s, backoff_cap_s
        The wait before the second attempt, doubled for each further one; no wait is
        longer than the cap, whatever a node asks for.
    silent_s
        How long a node may be silent before it is given up.
    hold_s
        How long a stop is held back because the floor does not hold without it.
    max_replans
        How often a new way to the target is planned; and as often one back to the
        origin, when that was asked for.
    poll_s
        The longest wait in one piece: how soon a pause is noticed.
    """

    commands_per_node: int = 8
    estimate_factor: float = 3.0
    grace_s: float = 10.0
    max_attempts: int = 5
    backoff_s: float = 1.0
    backoff_cap_s: float = 120.0
    silent_s: float = 300.0
    hold_s: float = 120.0
    max_replans: int = 4
    poll_s: float = 3600.0

    def overdue_s(self, estimate_s: float) -> float:
        """Return after how many seconds a command that is not heard of is looked for."""
        return estimate_s * self.estimate_factor + self.grace_s

    def retry_s(self, num_attempts: int, retry_after_s: float | None) -> float:
        """Return how long to wait after so many failed attempts, seconds."""
        doubled_s = self.backoff_s * 2.0 ** min(num_attempts - 1, 60)
        return min(self.backoff_cap_s, max(doubled_s, retry_after_s or 0.0))
