"""Names to implementations, listed in one place, duplicates refused at start."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar

from heddle.errors import InputError, listed, nearest

T = TypeVar("T")


class Registry(Generic[T]):
    """An ordered, closed list of named factories of one protocol.

    Parameters
    ----------
    noun
        What is registered, for messages (``"solver"``).
    entries
        ``(name, factory)`` pairs in the order they are shown.
    """

    def __init__(self, noun: str, entries: Iterable[tuple[str, Callable[[], T]]]) -> None:
        self._noun = noun
        self._factories: dict[str, Callable[[], T]] = {}
        for name, factory in entries:
            if name in self._factories:
                raise ValueError(f"{noun} {name!r} is registered twice")
            self._factories[name] = factory

    def __iter__(self) -> Iterator[str]:
        return iter(self._factories)

    def create(self, name: str) -> T:
        """Return a new instance of the named entry; InputError if there is none."""
        if name not in self._factories:
            hint = nearest(name, self._factories)
            raise InputError(
                f"unknown {self._noun} {name!r}{hint}; known: {listed(self._factories, 20)}"
            )
        return self._factories[name]()
