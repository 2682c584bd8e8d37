"""Colours for many services that people with any colour vision can tell apart.

The first seven are those of Okabe and Ito, "Color Universal Design" (2008), without
black, which would swallow labels. The other seventeen were chosen one by one, each as
far as possible from all before it in the OKLab space (Ottosson 2020), seen with normal
vision and with each of the three dichromacies as simulated by Machado, Oliveira and
Fernandes (IEEE TVCG 15(6), 2009, severity 1.0). Then the same 24 come again with a
texture. No picture relies on colour alone: every service also has a number, which
stands in its boxes and in the legend.
"""

from __future__ import annotations

from typing import NamedTuple

from heddle.drawing.svg import Box, Stroke, element, rect

_COLOURS = (
    "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00",
    "#f0e442", "#6c0c00", "#18249c", "#785460", "#b4fcc0", "#b4b484",
    "#a80000", "#6ce4b4", "#48303c", "#9c84fc", "#c0ccf0", "#b43c90",
    "#485430", "#0048b4", "#fcc06c", "#842478", "#6c7854", "#a860d8",
)  # fmt: skip
_TEXTURES = ("", "lines", "dots")
#: A texture covers a strip at the foot of a box, so that it never lies under a label.
_TEXTURE_HEIGHT = 5.0
NUM_COLOURS = len(_COLOURS)
#: How many services get a look of their own; the rest share :data:`OTHER`.
NUM_SHADES = NUM_COLOURS * len(_TEXTURES)

HATCH = "url(#free)"
NOTHING_FITS = "#f1f3f5"
RULE = "#cbd2d9"
MET = "#6b8cae"
MISSED = "#b3261e"
BOUND = "#1f2933"


class Shade(NamedTuple):
    """How a service looks: fill, texture id (or empty), and the colour of text on it."""

    colour: str
    texture: str
    ink: str


_DARK = "#10151a"
_LIGHT = "#ffffff"
OTHER = Shade("#ffffff", "", "#52606d")
_OTHER_FRAME = Stroke("#9aa5b1")


def shade(index: int) -> Shade:
    """Return the look of the service of that index, counted from 0; OTHER beyond the last."""
    if index >= NUM_SHADES:
        return OTHER
    colour = _COLOURS[index % NUM_COLOURS]
    ink = ink_on(colour)
    texture = _TEXTURES[index // NUM_COLOURS]
    tone = "light" if ink == _LIGHT else "dark"
    return Shade(colour, f"{texture}-{tone}" if texture else "", ink)


def ink_on(colour: str) -> str:
    """Return black or white, whichever has more contrast on the colour (WCAG 2, 1.4.3)."""
    return _LIGHT if _luminance(colour) < 0.18 else _DARK


def shaded(box: Box, look: Shade, radius: float = 0.0) -> str:
    """Return a rectangle that looks like a service."""
    if look is OTHER:
        return rect(box.inset(0.5), look.colour, stroke=_OTHER_FRAME, radius=radius)
    ground = rect(box, look.colour, radius=radius)
    if not look.texture:
        return ground
    height = min(_TEXTURE_HEIGHT, box.height / 5)
    strip = Box(box.x + 1, box.bottom - height, box.width - 2, height)
    return ground + rect(strip, f"url(#{look.texture})")


def definitions() -> tuple[str, ...]:
    """Return the patterns that :data:`HATCH` and the textures refer to."""
    return (
        _pattern("free", 6, "M-1,1 l2,-2 M0,6 l6,-6 M5,7 l2,-2", "#9aa5b1"),
        *(
            _pattern(f"{texture}-{tone}", size, path, colour)
            for texture, size, path in (
                ("lines", 6, "M-1,1 l2,-2 M0,6 l6,-6 M5,7 l2,-2"),
                ("dots", 5, "M1,1.5 h2 M3.5,4 h2"),
            )
            for tone, colour in (("light", _LIGHT), ("dark", _DARK))
        ),
    )


def _pattern(name: str, size: int, path: str, colour: str) -> str:
    attributes: dict[str, str | float] = {
        "id": name,
        "width": size,
        "height": size,
        "patternUnits": "userSpaceOnUse",
    }
    drawn: dict[str, str | float] = {"d": path, "stroke": colour, "fill": "none"}
    return element("pattern", attributes, element("path", drawn))


def _luminance(colour: str) -> float:
    """Return the relative luminance in [0, 1] (WCAG 2)."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
