"""What the executor keeps in mind about time: when to look, to try again, to give up.

None of it is journalled: an executor that goes on after a kill looks at once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from heddle.cluster.snapshot import Snapshot
from heddle.transition.step import Step


@dataclass(slots=True)
class Watch:
    """Times on the host's clock, seconds.

    Attributes
    ----------
    look_at_s
        By open step, when to look for it if it is not heard of.
    num_resends
        By open step, how often its command was sent again.
    retry_at_s
        By failed step, when it may be tried again.
    silent_since_s
        By node, since when it was not seen.
    held_since_s
        Since when some stop is held back by its floor; None when none is.
    settling_since_s
        Since when the end is waited for of commands that belong to no open step.
    """

    look_at_s: dict[int, float] = field(default_factory=dict)
    num_resends: dict[int, int] = field(default_factory=dict)
    retry_at_s: dict[int, float] = field(default_factory=dict)
    silent_since_s: dict[str, float] = field(default_factory=dict)
    held_since_s: float | None = None
    settling_since_s: float | None = None

    def begin_leg(self) -> None:
        """Forget what was about the steps of the leg before."""
        self.look_at_s.clear()
        self.num_resends.clear()
        self.retry_at_s.clear()
        self.held_since_s = None
        self.settling_since_s = None

    def forget(self, step: Step) -> None:
        """Stop looking for a step: its end is known."""
        self.look_at_s.pop(step.id, None)
        self.num_resends.pop(step.id, None)

    def note_nodes(self, snapshot: Snapshot, now_s: float) -> frozenset[str]:
        """Take note of who did not answer; return the nodes that are back."""
        back = self.silent_since_s.keys() - snapshot.unreachable
        for node in back:
            del self.silent_since_s[node]
        for node in sorted(snapshot.unreachable):
            self.silent_since_s.setdefault(node, now_s)
        return frozenset(back)

    def next_s(self, now_s: float, awaited: Iterable[Step], pause_s: float) -> float | None:
        """Return when there is something to look at; None when there is nothing to wait for.

        What cannot be foreseen, such as a node that comes back, is looked at every
        ``pause_s``.
        """
        times = [self.look_at_s.get(step.id, now_s) for step in awaited]
        times.extend(at_s for at_s in self.retry_at_s.values() if at_s > now_s)
        is_waiting = self.held_since_s is not None or self.settling_since_s is not None
        if is_waiting or self.silent_since_s:
            times.append(now_s + pause_s)
        return min(times, default=None)
