"""Pictures with captions and questions: handwritten digits, and rendered scenes of coloured shapes.

The digits are scikit-learn's (1,797, of 8 x 8 pixels); every fourth of a class is held out. Scenes are
endless, and one in six pairs of color and shape is held out: what is seen there was never seen together.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import PIL.Image
import PIL.ImageDraw
from PIL.Image import Image

SIDE = 56
_FINE = 4  # drawn so many times as large, then made small: smooth edges
DIGITS = tuple("0123456789")
COLORS = {
    "red": (215, 30, 35),
    "green": (40, 155, 60),
    "blue": (35, 75, 205),
    "yellow": (240, 215, 40),
    "purple": (130, 45, 155),
    "orange": (240, 130, 25),
    "black": (15, 15, 15),
    "white": (245, 245, 245),
}
SHAPES = ("circle", "square", "triangle", "star", "cross", "ring")
COUNTS = ("one", "two", "three", "four")
PAIRS = list(itertools.product(COLORS, SHAPES))
HELD_OUT = [pair for i, pair in enumerate(PAIRS) if (i // 6 + i) % 6 == 0]
SEEN = [pair for pair in PAIRS if pair not in HELD_OUT]


@dataclass(frozen=True)
class Shown:
    """A picture, and what is true of it: {"digit": "7"} or {"color": ..., "shape": ..., "number": ...}."""

    image: Image
    facts: dict[str, str]

    @property
    def caption(self) -> str:
        return " ".join(f"The picture's {kind} is {value}." for kind, value in self.facts.items())


CHOICES: dict[str, tuple[str, ...]] = {
    "digit": DIGITS,
    "color": tuple(COLORS),
    "shape": SHAPES,
    "number": COUNTS,
}


def question(kind: str) -> str:
    return f"What is the picture's {kind}?"


def choice(kind: str) -> str:
    """The question with its classes named, as Doc-to-LoRA asks about pictures (arXiv 2602.15902)."""
    return f"{question(kind)} Choose exactly one of {', '.join(CHOICES[kind])}."


@cache
def _digits() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Strokes [1797, 8, 8] between 0 and 1, classes, and which are held out."""
    from sklearn.datasets import load_digits

    strokes, classes = load_digits(return_X_y=True)
    held_out = np.zeros(len(classes), bool)
    for each in range(10):
        held_out[np.flatnonzero(classes == each)[3::4]] = True
    return strokes.reshape(-1, 8, 8) / 16, classes, held_out


def held_out_digits() -> list[Shown]:
    """All digits never trained on, white on black and upright."""
    strokes, classes, held_out = _digits()
    return [
        Shown(_inked(stroke, 0, 1.0, (0, 0), (255, 255, 255), (0, 0, 0)), {"digit": str(c)})
        for stroke, c in zip(strokes[held_out], classes[held_out], strict=True)
    ]


def digit(rng: np.random.Generator) -> Shown:
    """A digit of the training part, turned, moved and inked at random."""
    strokes, classes, held_out = _digits()
    i = rng.choice(np.flatnonzero(~held_out))
    ink, paper = _contrast(rng)
    shift = (int(rng.integers(-5, 6)), int(rng.integers(-5, 6)))
    image = _inked(strokes[i], rng.uniform(-15, 15), rng.uniform(0.75, 1.0), shift, ink, paper)
    return Shown(_noisy(image, rng), {"digit": str(classes[i])})


def scene(rng: np.random.Generator, pairs: list[tuple[str, str]]) -> Shown:
    """One to four shapes of one kind and color, apart from each other."""
    color, shape = pairs[rng.integers(len(pairs))]
    count = int(rng.integers(1, 5))
    paper = _paper(rng, COLORS[color])
    image = PIL.Image.new("RGB", (SIDE * _FINE, SIDE * _FINE), paper)
    draw = PIL.ImageDraw.Draw(image)
    ink = _near(rng, COLORS[color], 14)
    for place in rng.permutation(4 if count > 1 else 1)[:count]:
        room = SIDE * _FINE / (2 if count > 1 else 1)
        radius = room * (rng.uniform(0.28, 0.42) if count > 1 else rng.uniform(0.15, 0.4))
        slack = room / 2 - radius
        x = room * (place % 2 + 0.5) + rng.uniform(-slack, slack)
        y = room * (place // 2 + 0.5) + rng.uniform(-slack, slack)
        _DRAWN[shape](draw, x, y, radius, ink, paper, rng.uniform(-0.3, 0.3))
    small = image.resize((SIDE, SIDE), PIL.Image.Resampling.BOX)
    return Shown(_noisy(small, rng), {"color": color, "shape": shape, "number": COUNTS[count - 1]})


Rgb = tuple[int, int, int]
Draw = Callable[[PIL.ImageDraw.ImageDraw, float, float, float, Rgb, Rgb, float], None]


def _circle(draw: Any, x: float, y: float, r: float, ink: Rgb, _paper: Rgb, _turn: float) -> None:
    draw.ellipse((x - r, y - r, x + r, y + r), fill=ink)


def _ring(draw: Any, x: float, y: float, r: float, ink: Rgb, paper: Rgb, turn: float) -> None:
    _circle(draw, x, y, r, ink, paper, turn)
    _circle(draw, x, y, 0.55 * r, paper, paper, turn)


def _polygon(radii: list[float], start: float) -> Draw:
    """Corners at even angles, at these shares of the radius in turn."""

    def drawn(draw: Any, x: float, y: float, r: float, ink: Rgb, _paper: Rgb, turn: float) -> None:
        angles = [start + turn + 2 * math.pi * i / len(radii) for i in range(len(radii))]
        corners = [
            (x + r * s * math.cos(a), y + r * s * math.sin(a)) for s, a in zip(radii, angles, strict=True)
        ]
        draw.polygon(corners, fill=ink)

    return drawn


def _cross(draw: Any, x: float, y: float, r: float, ink: Rgb, _paper: Rgb, turn: float) -> None:
    for angle in (turn, turn + math.pi / 2):
        along, aside = (math.cos(angle), math.sin(angle)), (-math.sin(angle), math.cos(angle))
        corners = [(a * r, b * 0.3 * r) for a, b in ((1, 1), (1, -1), (-1, -1), (-1, 1))]
        draw.polygon(
            [(x + a * along[0] + b * aside[0], y + a * along[1] + b * aside[1]) for a, b in corners], fill=ink
        )


_DRAWN: dict[str, Draw] = {
    "circle": _circle,
    "square": _polygon([1.0] * 4, math.pi / 4),
    "triangle": _polygon([1.0] * 3, -math.pi / 2),
    "star": _polygon([1.0, 0.42] * 5, -math.pi / 2),
    "cross": _cross,
    "ring": _ring,
}


def _inked(
    stroke: np.ndarray, turn: float, scale: float, shift: tuple[int, int], ink: Rgb, paper: Rgb
) -> Image:
    side = round(SIDE * scale)
    mask = PIL.Image.fromarray((stroke * 255).astype(np.uint8)).resize(
        (side, side), PIL.Image.Resampling.BICUBIC
    )
    placed = PIL.Image.new("L", (SIDE, SIDE))
    placed.paste(mask, ((SIDE - side) // 2 + shift[0], (SIDE - side) // 2 + shift[1]))
    placed = placed.rotate(turn, PIL.Image.Resampling.BILINEAR)
    return PIL.Image.composite(
        PIL.Image.new("RGB", placed.size, ink), PIL.Image.new("RGB", placed.size, paper), placed
    )


def _noisy(image: Image, rng: np.random.Generator) -> Image:
    pixels = np.asarray(image, np.float32) + rng.normal(0, rng.uniform(0, 8), (SIDE, SIDE, 3))
    return PIL.Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def _near(rng: np.random.Generator, color: Rgb, spread: int) -> Rgb:
    r, g, b = (int(np.clip(c + rng.integers(-spread, spread + 1), 0, 255)) for c in color)
    return r, g, b


def _paper(rng: np.random.Generator, ink: Rgb) -> Rgb:
    """A grayish ground that the ink stands out from."""
    while True:
        paper = _near(rng, (int(level := rng.integers(40, 216)), int(level), int(level)), 25)
        if sum(abs(a - b) for a, b in zip(ink, paper, strict=True)) > 200:
            return paper


def _contrast(rng: np.random.Generator) -> tuple[Rgb, Rgb]:
    """Two colors of any kind that stand out from each other; often white on black or black on white."""
    if rng.random() < 0.4:
        one, other = _near(rng, (235, 235, 235), 20), _near(rng, (20, 20, 20), 20)
        return (one, other) if rng.random() < 0.7 else (other, one)
    while True:
        one, other = _near(rng, (128, 128, 128), 127), _near(rng, (128, 128, 128), 127)
        if sum(abs(a - b) for a, b in zip(one, other, strict=True)) > 260:
            return one, other
