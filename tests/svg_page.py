"""An SVG picture read back: its texts and rectangles, where they are, and their tooltips."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from heddle.drawing.svg import Box
from heddle.drawing.typography import Font, text_width

_NAMESPACE = "{http://www.w3.org/2000/svg}"


@dataclass(frozen=True)
class Text:
    """One label: what it shows, the box that it takes (estimated), its own tooltip."""

    shown: str
    box: Box
    tip: str


class SvgPage:
    """A parsed picture; raises when it is not well-formed."""

    def __init__(self, svg: str) -> None:
        self.root = ET.fromstring(svg)  # noqa: S314 - written by the code under test

    @property
    def box(self) -> Box:
        """The page."""
        return Box(0, 0, float(self.root.attrib["width"]), float(self.root.attrib["height"]))

    def texts(self, parent: ET.Element | None = None) -> list[Text]:
        """Return every label below an element (default: all)."""
        return [_text(node) for node in self._below(parent, "text") if _shown(node)]

    def rects(self, parent: ET.Element | None = None) -> list[Box]:
        """Return every rectangle below an element (default: all)."""
        return [_rect(node) for node in self._below(parent, "rect")]

    def tips(self) -> list[str]:
        """Return every tooltip of a group."""
        return [tip for tip, _ in self.groups()]

    def groups(self) -> Iterator[tuple[str, ET.Element]]:
        """Yield the groups that have a tooltip, with it."""
        for node in self._below(None, "g"):
            tip = node.find(f"{_NAMESPACE}title")
            if tip is not None:
                yield tip.text or "", node

    def _below(self, parent: ET.Element | None, tag: str) -> list[ET.Element]:
        return list((self.root if parent is None else parent).iter(_NAMESPACE + tag))


def overlapping(texts: list[Text]) -> list[tuple[str, str]]:
    """Return the pairs of labels whose boxes overlap by more than a pixel."""
    return [
        (a.shown, b.shown)
        for i, a in enumerate(texts)
        for b in texts[i + 1 :]
        if min(a.box.right, b.box.right) - max(a.box.x, b.box.x) > 1
        and min(a.box.bottom, b.box.bottom) - max(a.box.y, b.box.y) > 1
    ]


def is_inside(inner: Box, outer: Box) -> bool:
    """Whether a box lies in another one, to a hundredth of a pixel."""
    slack = 0.02
    return (
        inner.x >= outer.x - slack
        and inner.y >= outer.y - slack
        and inner.right <= outer.right + slack
        and inner.bottom <= outer.bottom + slack
    )


def _shown(node: ET.Element) -> str:
    """Return the label without its tooltip."""
    after = "".join(child.tail or "" for child in node)
    return (node.text or "") + after


def _text(node: ET.Element) -> Text:
    font = Font(float(node.attrib["font-size"]), node.get("font-weight") == "bold")
    width = text_width(_shown(node), font)
    left = {"start": 0.0, "middle": width / 2, "end": width}[node.get("text-anchor", "start")]
    # Capitals and digits reach 0.73 of the size above the baseline, descenders 0.2 below.
    box = Box(
        float(node.attrib["x"]) - left,
        float(node.attrib["y"]) - 0.73 * font.size,
        width,
        0.93 * font.size,
    )
    tip = node.find(f"{_NAMESPACE}title")
    return Text(_shown(node), box, (tip.text or "") if tip is not None else "")


def _rect(node: ET.Element) -> Box:
    return Box(*(float(node.attrib[key]) for key in ("x", "y", "width", "height")))
