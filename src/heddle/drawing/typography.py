"""How wide text is, and how it is cut to fit: estimated, since no font is at hand.

A picture is opened with whatever fonts the viewer has, so widths are those of the
widest usual one (DejaVu Sans) and text drawn in another font is a little shorter.
Every picture asks here before it writes a word into a box.
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate

#: What viewers have: Apple, Windows, Android, then anything without serifs.
FONT_STACK = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
INK = "#1f2933"
FAINT = "#5f6b7a"

ELLIPSIS = "…"

#: Advance widths in thousandths of the font size: the larger of DejaVu Sans and
#: Liberation Sans, rounded up to 50 (read from the fonts' hmtx tables).
_GLYPHS_BY_WIDTH = {
    300: "'Iijl",
    350: " ,./:;\\|·",
    400: "()-[]ft",
    450: "!r",
    500: '"*J`',
    550: "csz–",
    600: "?L_kvxy",
    650: "$0123456789FTabdeghnopqu{}",
    700: "ABEKPSVXYZ",
    750: "CNRU",
    800: "&DGHOQ",
    850: "#+<=>^w~×≤≥−",
    900: "M",
    1000: "%Wm—…",
    1050: "@",
}
_WIDTH = {glyph: width / 1000 for width, glyphs in _GLYPHS_BY_WIDTH.items() for glyph in glyphs}
_WIDE = 1.1
_OTHER = 1.1
_LATIN = 0.85
#: DejaVu Sans Bold is 12 % wider than the regular face on running text.
_BOLD = 1.15


@dataclass(frozen=True, slots=True)
class Font:
    """A size in pixels, a weight and a colour."""

    size: float
    is_bold: bool = False
    colour: str = INK


def text_width(text: str, font: Font) -> float:
    """Return the width of one line in pixels, estimated from above."""
    em = sum(_glyph_width(glyph) for glyph in text)
    return em * font.size * (_BOLD if font.is_bold else 1.0)


def fitted(text: str, width: float, font: Font) -> str:
    """Return the text, or its longest beginning with an ellipsis that fits the width.

    Empty when not even one letter and the ellipsis fit.
    """
    if text_width(text, font) <= width:
        return text
    kept = _num_glyphs(text, width - text_width(ELLIPSIS, font), font)
    return text[:kept].rstrip() + ELLIPSIS if kept else ""


def fitted_tail(text: str, width: float, font: Font) -> str:
    """Return the text, or an ellipsis and its longest end: ids differ in their ends."""
    if text_width(text, font) <= width:
        return text
    return fitted(text[::-1], width, font)[::-1]


def fitted_name(name: str, width: float, font: Font) -> str:
    """Return the name, or its beginning and its end around an ellipsis.

    Names that share a team or a region differ at one of their ends.
    """
    if text_width(name, font) <= width:
        return name
    room = width - text_width(ELLIPSIS, font)
    head = _num_glyphs(name, room / 2, font)
    tail = _num_glyphs(name[::-1], room - text_width(name[:head], font), font)
    return name[:head] + ELLIPSIS + name[len(name) - tail :] if head else ""


def first_fitting(candidates: tuple[str, ...], width: float, font: Font) -> str:
    """Return the first candidate that fits the width whole, or an empty text."""
    return next((text for text in candidates if text_width(text, font) <= width), "")


def wrapped(text: str, width: float, font: Font, max_lines: int) -> list[str]:
    """Return the text as lines that fit the width; the last one is cut when needed."""
    lines: list[str] = []
    rest = text.split()
    while rest and len(lines) < max_lines - 1:
        count = _num_words(rest, width, font)
        lines.append(fitted(" ".join(rest[:count]), width, font))
        rest = rest[count:]
    return [*lines, fitted(" ".join(rest), width, font)] if rest else lines


def _num_glyphs(text: str, width: float, font: Font) -> int:
    """Return how many glyphs from the beginning fit the width."""
    return bisect_right(list(accumulate(text_width(glyph, font) for glyph in text)), width)


def _num_words(words: list[str], width: float, font: Font) -> int:
    """Return how many words fit one line, at least one."""
    count = 1
    while count < len(words) and text_width(" ".join(words[: count + 1]), font) <= width:
        count += 1
    return count


def _glyph_width(glyph: str) -> float:
    known = _WIDTH.get(glyph)
    if known is not None:
        return known
    if unicodedata.combining(glyph):
        return 0.0
    if unicodedata.east_asian_width(glyph) in "WF":
        return _WIDE
    return _LATIN if ord(glyph) < 0x250 else _OTHER
