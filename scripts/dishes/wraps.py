"""Dishes rolled and folded in a tortilla, and a pizza."""

from __future__ import annotations

import math
from collections.abc import Callable

from dishes.drawing import (
    CHEESE,
    CREAM,
    CRUST,
    CRUST_DARK,
    CRUST_LIGHT,
    GOLD_DARK,
    LEAF_LIGHT,
    PLATE,
    PLATE_DARK,
    PLATE_RIM,
    RED,
    RED_DARK,
    SHADE,
    TOMATO,
    TOMATO_DARK,
    Drawing,
)


def _wrap(d: Drawing, paper: str, paper_dark: str, filling: Callable[[Drawing], None]) -> None:
    d.shadow(120, 208, 52)
    filling(d)
    d.path("M76 70Q120 92 164 70L156 190Q154 206 120 206Q86 206 84 190z", "#f6dfb4")
    d.path("M132 84Q150 80 164 70L156 190Q155 202 136 205z", "#e8c88f", opacity=0.8)
    for x, y in ((94, 96), (112, 106), (100, 116), (146, 98), (128, 98)):
        d.ellipse(x, y, 5, 3, "#dcb273", opacity=0.8)
    d.path("M78 122L164 104L156 190Q154 206 120 206Q86 206 84 190z", paper)
    d.path("M142 108L164 104L156 190Q155 202 130 205.5z", paper_dark, opacity=0.5)
    d.line("M84 148L160 132M86 174L158 160", "#ffffff", 5, opacity=0.55)


def chicken_wrap(d: Drawing) -> None:
    """Chicken, lettuce and tomato in a tortilla."""

    def filling(d: Drawing) -> None:
        d.leaf(92, 92, 62, -20).leaf(120, 90, 70, 4, LEAF_LIGHT).leaf(150, 92, 60, 22)
        d.circle(98, 64, 17, TOMATO).circle(98, 64, 11, "#f3836c")
        d.box(112, 36, 26, 52, "#f0c078", 11, transform="rotate(8 125 60)").line(
            "M120 50l12 3M118 64l12 3", GOLD_DARK, 4
        )
        d.box(138, 48, 22, 42, "#e9b364", 10, transform="rotate(18 148 68)")
        d.ellipse(120, 80, 42, 10, CREAM)

    _wrap(d, RED, RED_DARK, filling)


def falafel_wrap(d: Drawing) -> None:
    """Falafel, cucumber and sauce in a tortilla."""

    def filling(d: Drawing) -> None:
        d.leaf(90, 92, 64, -24, LEAF_LIGHT).leaf(152, 92, 62, 24)
        d.circle(142, 56, 16, LEAF_LIGHT).circle(142, 56, 11, "#d9efc0")
        for x, y, r in ((100, 62, 20), (126, 46, 19), (130, 74, 18)):
            d.circle(x, y, r, "#a5703a").circle(x - 5, y - 5, r * 0.45, "#c08a50", opacity=0.8)
            d.circle(x + 7, y + 3, 2.4, "#7c4f24").circle(x - 2, y + 8, 2.2, "#7c4f24")
        d.path("M84 76Q120 62 158 74Q158 90 120 92Q84 90 84 76z", CREAM)

    _wrap(d, "#3f8f5f", "#2d6d46", filling)


def quesadilla(d: Drawing) -> None:
    """Three wedges, leaning on each other."""
    d.shadow(120, 200, 92)
    d.ellipse(120, 192, 98, 18, PLATE_DARK).ellipse(120, 187, 98, 18, PLATE).ellipse(120, 187, 74, 11, PLATE_RIM)
    for x, y, fill in ((26, -16, "#e0b068"), (-24, -8, "#eac07c"), (4, 8, "#f2cf92")):
        place = f"translate({x} {y})"
        d.path("M112 62Q120 52 128 62L188 170Q190 182 176 182H64Q50 182 52 170z", CRUST_DARK, transform=place)
        d.path(
            "M56 164L184 164Q192 184 176 186Q166 186 162 180Q156 198 148"
            " 186Q140 176 128 184Q118 196 108 184Q98"
            " 176 90 186Q82 196 76 182Q58 188 56 164z",
            CHEESE,
            transform=place,
        )
        d.path("M112 56Q120 46 128 56L188 162Q190 174 176 174H64Q50 174 52 162z", fill, transform=place)
        for a, b, length in ((104, 92, 30), (88, 120, 62), (76, 148, 88)):
            d.line(f"M{a} {b}l{length} -6", "#b9783a", 6, transform=place, opacity=0.6)
    d.circle(176, 184, 14, TOMATO).circle(171, 180, 4, "#f3836c").leaf(60, 190, 34, -70).leaf(
        62, 192, 30, -104, LEAF_LIGHT
    )


def margherita_pizza(d: Drawing) -> None:
    """A whole pizza from above."""
    d.ellipse(120, 128, 98, 98, SHADE, opacity=0.13)
    d.circle(120, 120, 98, CRUST_DARK).circle(120, 118, 97, CRUST).circle(120, 119, 80, TOMATO_DARK).circle(
        120, 118, 79, TOMATO
    )
    for n in range(14):
        a = n * math.tau / 14 + 0.2
        d.ellipse(120 + 88 * math.cos(a), 118 + 88 * math.sin(a), 7, 4, CRUST_LIGHT, opacity=0.8)
    for x, y, rx, ry in (
        (92, 82, 22, 18),
        (150, 88, 20, 22),
        (118, 126, 24, 19),
        (76, 136, 17, 20),
        (158, 146, 23, 18),
        (112, 170, 21, 15),
    ):
        d.ellipse(x, y, rx, ry, "#fbe7c2").ellipse(x - 3, y - 3, rx * 0.7, ry * 0.68, CREAM)
    d.line("M120 22V216M36 70L204 166M36 166L204 70", TOMATO_DARK, 2.5, opacity=0.45)
    for x, y, turn in (
        (118, 104, -30),
        (128, 104, 42),
        (86, 160, 200),
        (150, 124, 80),
        (134, 184, 130),
        (74, 104, -60),
    ):
        d.leaf(x, y, 30, turn)
