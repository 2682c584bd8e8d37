"""SVG as text: elements, shapes, fitted labels, and the document around them.

Only what every viewer understands: presentation attributes, no style sheets, no
scripts, no transforms, so that coordinates in the file are coordinates on the page.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from heddle.drawing.typography import FONT_STACK, Font, fitted

#: What XML 1.0 cannot carry, not even escaped (section 2.2, production 2).
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"}
_SPECIAL = re.compile("[&<>\"']")


class Point(NamedTuple):
    """A place on the page, pixels from the left and from the top."""

    x: float
    y: float


class Box(NamedTuple):
    """A rectangle on the page, in pixels."""

    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        """The x of its right edge."""
        return self.x + self.width

    @property
    def bottom(self) -> float:
        """The y of its lower edge."""
        return self.y + self.height

    @property
    def middle(self) -> float:
        """The x of its middle."""
        return self.x + self.width / 2

    def inset(self, margin: float) -> Box:
        """Return the box without a margin on all sides."""
        return Box(
            self.x + margin, self.y + margin, self.width - 2 * margin, self.height - 2 * margin
        )


@dataclass(frozen=True, slots=True)
class Stroke:
    """How a line is drawn; ``dash`` as SVG wants it, such as ``4 3``."""

    colour: str
    width: float = 1.0
    dash: str = ""

    def attributes(self) -> dict[str, str | float]:
        """Return the SVG attributes of it."""
        dashed: dict[str, str | float] = {"stroke-dasharray": self.dash} if self.dash else {}
        return {"stroke": self.colour, "stroke-width": self.width, **dashed}


def escaped(text: str) -> str:
    """Return text for XML content and attributes; what XML cannot carry becomes U+FFFD."""
    return _SPECIAL.sub(lambda found: _ESCAPES[found[0]], _NOT_XML.sub("\ufffd", text))


def number(value: float) -> str:
    """Return a coordinate with at most two decimals."""
    return f"{round(value, 2) + 0.0:.2f}".rstrip("0").rstrip(".")


def element(name: str, attributes: Mapping[str, str | float], *children: str) -> str:
    """Return one element; children are elements or escaped text."""
    written = "".join(
        f' {key}="{escaped(value) if isinstance(value, str) else number(value)}"'
        for key, value in attributes.items()
    )
    inner = "".join(children)
    return f"<{name}{written}>{inner}</{name}>" if inner else f"<{name}{written}/>"


def tooltip(text: str) -> str:
    """Return the child that viewers show while the pointer rests on its parent."""
    return element("title", {}, escaped(text)) if text else ""


def group(tip: str, *children: str) -> str:
    """Return elements that belong together, with a tooltip."""
    return element("g", {}, tooltip(tip), *children)


def rect(box: Box, fill: str, *, stroke: Stroke | None = None, radius: float = 0.0) -> str:
    """Return a rectangle; ``fill`` is a colour, ``none`` or ``url(#pattern)``."""
    rounded = {"rx": radius} if radius else {}
    outline = stroke.attributes() if stroke else {}
    place = {"x": box.x, "y": box.y, "width": box.width, "height": box.height}
    return element("rect", {**place, **rounded, "fill": fill, **outline})


def line(start: Point, end: Point, stroke: Stroke) -> str:
    """Return a straight line."""
    place = {"x1": start.x, "y1": start.y, "x2": end.x, "y2": end.y}
    return element("line", {**place, **stroke.attributes()})


def polyline(points: Iterable[Point], stroke: Stroke) -> str:
    """Return an open line through the points."""
    joined = " ".join(f"{number(x)},{number(y)}" for x, y in points)
    return element("polyline", {"points": joined, "fill": "none", **stroke.attributes()})


def circle(centre: Point, radius: float, fill: str, stroke: Stroke | None = None) -> str:
    """Return a disc."""
    outline = stroke.attributes() if stroke else {}
    place = {"cx": centre.x, "cy": centre.y, "r": radius}
    return element("circle", {**place, "fill": fill, **outline})


def label(
    at: Point, text: str, font: Font, *, anchor: str = "start", max_width: float | None = None
) -> str:
    """Return one line of text on the baseline ``at``; cut text keeps a tooltip.

    Parameters
    ----------
    anchor
        ``start``, ``middle`` or ``end``: which part of the text stands at the point.
    max_width
        Cut to this width in pixels; None where the caller knows that it fits.
    """
    shown = text if max_width is None else fitted(text, max_width, font)
    if not shown:
        return ""
    attributes: dict[str, str | float] = {"x": at.x, "y": at.y, "font-size": font.size}
    if font.is_bold:
        attributes["font-weight"] = "bold"
    if anchor != "start":
        attributes["text-anchor"] = anchor
    attributes["fill"] = font.colour
    full = tooltip(text) if shown != text else ""
    return element("text", attributes, full, escaped(shown))


@dataclass(frozen=True, slots=True)
class Page:
    """The size of a picture, and what it says to those who cannot see it."""

    width: float
    height: float
    title: str
    description: str


def document(page: Page, definitions: Iterable[str], body: Iterable[str]) -> str:
    """Return the SVG file: white page, definitions, then the body in drawing order."""
    attributes: dict[str, str | float] = {
        "xmlns": "http://www.w3.org/2000/svg",
        "width": page.width,
        "height": page.height,
        "viewBox": f"0 0 {number(page.width)} {number(page.height)}",
        "role": "img",
        "font-family": FONT_STACK,
    }
    parts = [
        tooltip(page.title),
        element("desc", {}, escaped(page.description)),
        element("defs", {}, *definitions),
        rect(Box(0, 0, page.width, page.height), "#ffffff"),
        *body,
    ]
    lines = "\n".join(part for part in parts if part)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{element("svg", attributes, lines)}\n'
