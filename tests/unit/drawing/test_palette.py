"""Services look different, and what is written on them can be read."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from heddle.drawing.palette import NUM_COLOURS, NUM_SHADES, OTHER, ink_on, shade

Channels = NDArray[np.float64]

#: Normal vision, then Machado, Oliveira and Fernandes (2009) at severity 1.0.
VISIONS: list[Channels] = [
    np.eye(3),
    np.array([[0.152286, 1.052583, -0.204868],
              [0.114503, 0.786281, 0.099216],
              [-0.003882, -0.048116, 1.051998]]),
    np.array([[0.367322, 0.860646, -0.227968],
              [0.280085, 0.672501, 0.047413],
              [-0.011820, 0.042940, 0.968881]]),
    np.array([[1.255528, -0.076749, -0.178779],
              [-0.078411, 0.930809, 0.147602],
              [0.004733, 0.691367, 0.303900]]),
]  # fmt: skip
TO_CONES: Channels = np.array(
    [[0.4122214708, 0.5363325363, 0.0514459929],
     [0.2119034982, 0.6806995451, 0.1073969566],
     [0.0883024619, 0.2817188376, 0.6299787005]]
)  # fmt: skip
TO_LAB: Channels = np.array(
    [[0.2104542553, 0.7936177850, -0.0040720468],
     [1.9779984951, -2.4285922050, 0.4505937099],
     [0.0259040371, 0.7827717662, -0.8086757660]]
)  # fmt: skip


def channels(colour: str) -> tuple[int, ...]:
    return tuple(int(colour[i : i + 2], 16) for i in (1, 3, 5))


def linear_channel(value: int) -> float:
    return ((value / 255 + 0.055) / 1.055) ** 2.4 if value > 10 else value / 3294.6


def luminance(colour: str) -> float:
    linear = [linear_channel(c) for c in channels(colour)]
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(a: str, b: str) -> float:
    light, dark = sorted((luminance(a), luminance(b)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_the_first_72_services_all_look_different() -> None:
    assert NUM_COLOURS == 24
    assert len({shade(i) for i in range(NUM_SHADES)}) == NUM_SHADES == 72
    assert len({shade(i).colour for i in range(NUM_COLOURS)}) == NUM_COLOURS


def test_services_beyond_share_one_look() -> None:
    assert shade(NUM_SHADES) == shade(10_000) == OTHER


def test_text_has_enough_contrast_on_every_colour() -> None:
    assert min(contrast(shade(i).colour, shade(i).ink) for i in range(NUM_SHADES)) >= 4.5


def test_ink_is_whichever_of_black_and_white_reads_better() -> None:
    for i in range(NUM_COLOURS):
        colour = shade(i).colour
        other = "#10151a" if ink_on(colour) == "#ffffff" else "#ffffff"
        assert contrast(colour, ink_on(colour)) >= contrast(colour, other) - 0.5


def test_colours_stay_apart_for_every_colour_vision() -> None:
    """The least perceptible step in OKLab is about 0.02."""
    for vision in VISIONS:
        seen = [oklab(vision, shade(i).colour) for i in range(NUM_COLOURS)]
        assert least_distance(seen) >= 0.06
        assert least_distance(seen[:16]) >= 0.075


def test_no_colour_is_taken_for_the_page() -> None:
    for vision in VISIONS:
        seen = [oklab(vision, shade(i).colour) for i in range(NUM_COLOURS)]
        assert least_distance([*seen, oklab(vision, "#ffffff")]) >= 0.06


def least_distance(seen: list[Channels]) -> float:
    return min(float(np.linalg.norm(a - b)) for a, b in combinations(seen, 2))


def oklab(vision: Channels, colour: str) -> Channels:
    """Return the OKLab coordinates (Ottosson 2020) of a colour as some eyes see it."""
    linear = np.clip(vision @ np.array([linear_channel(c) for c in channels(colour)]), 0, 1)
    seen: Channels = TO_LAB @ np.cbrt(TO_CONES @ linear)
    return seen
