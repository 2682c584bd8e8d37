"""What stands against a transition: one broken promise, said in a sentence.

Every module of this package makes them; ``proof`` puts them in order.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Violation:
    """One way in which a transition breaks what it promises.

    ``step`` and ``service`` say where, as far as one can be named.
    """

    message: str
    step: int | None = None
    service: str | None = None

    def __str__(self) -> str:
        return self.message
