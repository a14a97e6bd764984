"""Dishes in bowls."""

from __future__ import annotations

import math

from dishes.drawing import (
    BOWL,
    BOWL_DARK,
    CREAM,
    CRUST_DARK,
    CRUST_LIGHT,
    LEAF,
    LEAF_DARK,
    LEAF_LIGHT,
    PLATE,
    PLATE_DARK,
    PLATE_RIM,
    SHADE,
    TOMATO,
    TOMATO_DARK,
    Drawing,
)


def _sector(r: float, start: float, end: float) -> str:
    a, b = math.radians(start), math.radians(end)
    x, y = 120 + r * math.cos(a), 118 + r * math.sin(a)
    return f"M120 118L{x:.1f} {y:.1f}A{r} {r} 0 0 1 {120 + r * math.cos(b):.1f} {118 + r * math.sin(b):.1f}z"


def veggie_bowl(d: Drawing) -> None:
    """A bowl from above, a vegetable to a slice."""
    d.circle(120, 128, 96, SHADE, opacity=0.13)
    d.circle(120, 120, 98, BOWL_DARK).circle(120, 118, 97, BOWL).circle(120, 118, 82, "#28495d")
    for n, fill in enumerate(("#f2913a", "#f5efdc", LEAF, "#a2356b", "#e8c15c", LEAF_LIGHT)):
        d.path(_sector(79, n * 60 - 90, n * 60 - 30), fill)
    for n in range(5):
        d.line(f"M{136 + n * 7} {60 + n * 8}l-10 36", "#d3701d", 4)
    for x, y in ((172, 100), (184, 116), (164, 118), (180, 134), (158, 106), (168, 134), (150, 120)):
        d.ellipse(x, y, 6, 3, "#d8cdae", transform=f"rotate({x} {x} {y})")
    d.leaf(134, 150, 40, 150, LEAF_DARK).leaf(144, 142, 36, 125, "#57a03e").leaf(128, 156, 36, 172, "#57a03e")
    for x, y in ((92, 158), (106, 170), (84, 172), (102, 186)):
        d.box(x - 8, y - 8, 16, 16, "#bf4f86", 3, transform=f"rotate({x} {x} {y})")
    for x, y in ((58, 114), (74, 104), (70, 126), (90, 118), (54, 132), (80, 138)):
        d.circle(x, y, 8, "#f3d98a").circle(x - 2, y - 2, 2.6, "#fbeec0")
    for n in range(4):
        d.path(
            f"M{66 + n * 11} {88 - n * 12}q16-16 34-10q-8 18-34 10z",
            "#cfe8a6",
            stroke="#6a9a3c",
            stroke_width=2.5,
        )
    d.circle(120, 118, 20, CREAM).circle(120, 118, 11, "#ffb52e").circle(116, 114, 3.4, "#ffd98a")


def caesar_salad(d: Drawing) -> None:
    """Leaves, croutons and shavings in a bowl."""
    d.shadow()
    for x, y, length, turn, fill in (
        (64, 146, 84, -38, LEAF),
        (92, 146, 104, -18, LEAF_LIGHT),
        (150, 146, 100, 18, LEAF),
        (178, 146, 86, 40, LEAF_LIGHT),
        (120, 146, 112, 2, LEAF_DARK),
        (108, 146, 80, -30, LEAF),
        (136, 146, 84, 28, LEAF_LIGHT),
        (120, 150, 74, 0, LEAF),
    ):
        d.leaf(x, y, length, turn, fill)
    for x, y, turn in ((82, 116, 12), (128, 92, 30), (160, 118, -14), (108, 128, 40)):
        d.box(x - 12, y - 12, 24, 24, CRUST_DARK, 4, transform=f"rotate({turn} {x} {y})")
        d.box(x - 12, y - 13, 24, 19, CRUST_LIGHT, 4, transform=f"rotate({turn} {x} {y})")
    for x, y, turn in ((96, 92, -20), (144, 132, 16), (66, 134, 30), (184, 128, -34)):
        d.path(f"M{x - 17} {y}q17-14 34 0q-17 4-34 0z", CREAM, transform=f"rotate({turn} {x} {y})")
    d.path("M30 140H210Q206 198 152 206H88Q34 198 30 140z", PLATE).path(
        "M158 140H210Q206 198 152 206H120Q162 190 158 140z", PLATE_DARK
    )
    d.box(26, 134, 188, 14, PLATE_RIM, 7).line("M54 174q50 20 104 8", LEAF_LIGHT, 5)


def tomato_soup(d: Drawing) -> None:
    """Soup with a swirl of cream."""
    d.shadow(120, 208, 70)
    d.path("M28 120H212Q208 186 156 202L152 208H88L84 202Q32 186 28 120z", "#f5efe9").path(
        "M160 120H212Q208 186 156 202L152 208H126Q166 180 160 120z", "#ddd3ca"
    )
    d.ellipse(120, 120, 92, 32, PLATE_RIM).ellipse(120, 122, 82, 26, TOMATO_DARK).ellipse(120, 123, 80, 24, TOMATO)
    d.line("M72 122C78 106 132 104 148 114C164 124 130 138 108 132C96 128 108 118 124 122", CREAM, 6)
    d.leaf(150, 128, 32, 70).leaf(150, 126, 28, 25, LEAF_LIGHT)
    d.steam(118, 78)
