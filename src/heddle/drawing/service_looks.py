"""How each service of a picture looks: its number and its shade, given out in one order.

Made by ``plan``; the bars and the legend ask it, so that they always agree.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from heddle.drawing.palette import OTHER, Shade, shade


class Look(NamedTuple):
    """The number in boxes and legend (empty for services without a row), and the shade."""

    number: str
    shade: Shade


class ServiceLooks:
    """Looks by service name: the first service gets number 1 and the first colour."""

    def __init__(self, names: Iterable[str]) -> None:
        self._looks = {name: Look(str(index + 1), shade(index)) for index, name in enumerate(names)}

    def of(self, service: str) -> Look:
        """Return the look of the service; one without a row in the legend looks like others."""
        return self._looks.get(service, Look("", OTHER))
