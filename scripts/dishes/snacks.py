"""Dishes by the piece."""

from __future__ import annotations

import math

from dishes.drawing import (
    BOWL,
    BOWL_DARK,
    CREAM,
    GOLD,
    GOLD_DARK,
    LEAF_DARK,
    LEAF_LIGHT,
    PLATE,
    PLATE_DARK,
    RED,
    RED_DARK,
    TOMATO,
    Drawing,
)


def _dip(d: Drawing, x: float, y: float, sauce: str, light: str) -> None:
    d.path(f"M{x - 32} {y}H{x + 32}L{x + 25} {y + 31}Q{x} {y + 39} {x - 25} {y + 31}z", PLATE_DARK)
    d.ellipse(x, y, 32, 11, PLATE).ellipse(x, y + 1, 26, 8, sauce).ellipse(x - 7, y - 1, 9, 2.6, light)


def chicken_nuggets(d: Drawing) -> None:
    """Nuggets with a dip."""
    d.shadow(120, 204, 92)
    for x, y, turn in (
        (78, 116, -14),
        (126, 92, 10),
        (172, 120, 24),
        (124, 134, 4),
        (64, 168, 12),
        (182, 172, -16),
    ):
        spin = f"rotate({turn} {x} {y})"
        d.path(
            f"M{x - 32} {y + 2}Q{x - 34} {y - 22} {x - 8} {y - 22}Q{x + 6} {y - 26}"
            f" {x + 20} {y - 18}Q{x + 36} {y - 10}"
            f" {x + 32} {y + 8}Q{x + 28} {y + 24} {x + 4}"
            f" {y + 22}Q{x - 30} {y + 26} {x - 32} {y + 2}z",
            GOLD_DARK,
            transform=spin,
        )
        d.path(
            f"M{x - 31} {y - 1}Q{x - 33} {y - 22} {x - 8} {y - 22}Q{x + 6} {y - 26}"
            f" {x + 20} {y - 18}Q{x + 35} {y - 10}"
            f" {x + 31} {y + 4}Q{x + 26} {y + 17} {x + 4}"
            f" {y + 15}Q{x - 28} {y + 18} {x - 31} {y - 1}z",
            GOLD,
            transform=spin,
        )
        for a, b in ((-14, -8), (4, -13), (14, 2), (-6, 6)):
            d.circle(x + a, y + b, 2.6, "#f8d38a", transform=spin)
    _dip(d, 122, 168, TOMATO, "#f3836c")


def spicy_wings(d: Drawing) -> None:
    """Glazed wings in a bowl."""
    d.shadow()
    for x, y, turn in ((78, 104, -38), (124, 84, -4), (166, 106, 34), (102, 126, -20), (146, 128, 18)):
        spin = f"rotate({turn} {x} {y})"
        d.box(x - 7, y - 58, 14, 40, CREAM, 7, transform=spin)
        d.circle(x - 6, y - 56, 8, CREAM, transform=spin).circle(x + 6, y - 56, 8, CREAM, transform=spin)
        d.path(
            f"M{x} {y - 40}C{x + 22} {y - 34} {x + 34} {y - 2} {x + 26}"
            f" {y + 20}Q{x} {y + 40} {x - 26} {y + 20}"
            f"C{x - 34} {y - 2} {x - 22}"
            f" {y - 34} {x} {y - 40}z",
            "#b4431b",
            transform=spin,
        )
        d.line(
            f"M{x - 14} {y + 4}C{x - 16} {y - 10} {x - 10} {y - 20} {x - 4} {y - 26}",
            "#ee8a4a",
            7,
            transform=spin,
        )
    d.path("M34 134H206Q204 200 150 206H90Q36 200 34 134z", BOWL).path(
        "M34 134H206Q205 146 203 152Q120 172 37 152Q35 146 34 134z", BOWL_DARK
    )
    d.line("M60 172q60 16 120 0", "#7fb0cb", 5, opacity=0.7)
    d.path("M172 134c2-26 24-34 34-56c8 24 4 50-16 60z", RED).line("M206 78c2-8 8-12 12-12", LEAF_DARK, 5)


def onion_rings(d: Drawing) -> None:
    """A leaning stack of rings."""
    d.shadow(120, 204, 90)
    for x, y, rx in ((92, 178, 56), (152, 174, 52), (116, 148, 58), (124, 118, 54), (116, 90, 50)):
        ry = rx * 0.46
        d.ellipse(x, y + 9, rx, ry, GOLD_DARK).ellipse(x, y, rx, ry, GOLD)
        d.ellipse(x, y + 1, rx * 0.52, ry * 0.46, "#8a5519").ellipse(x, y + 5, rx * 0.5, ry * 0.34, "#fff1d0")
        for n in range(9):
            a = n * math.tau / 9 + rx
            d.circle(x + rx * 0.78 * math.cos(a), y + ry * 0.76 * math.sin(a), 2.4, "#f8d38a")
    d.leaf(166, 76, 30, 50).leaf(162, 78, 26, 10, LEAF_LIGHT)


def _sticks(d: Drawing, places: list[tuple[float, float, float]], fill: str, dark: str) -> None:
    for x, top, turn in places:
        spin = f"rotate({turn} {x} 150)"
        d.box(x - 7.5, top, 15, 150 - top + 16, dark, 3, transform=spin).box(
            x - 7.5, top, 9.5, 150 - top + 16, fill, 3, transform=spin
        )


def fries_combo(d: Drawing) -> None:
    """Fries and a drink."""
    d.shadow(122, 208, 88)
    d.path("M136 70H212L202 196Q201 206 190 206H158Q147 206 146 196z", "#f5efe9").path(
        "M184 70H212L202 196Q201 206 190 206H178z", "#ddd3ca"
    )
    d.path("M140.5 110L207.5 110L203.5 166H144.5z", RED).circle(174, 138, 16, "#ffd35c")
    d.box(130, 58, 88, 15, RED_DARK, 7.5).line("M184 58L192 18L206 12", "#ffd35c", 7)
    _sticks(
        d,
        [
            (46, 78, -13),
            (64, 60, -7),
            (82, 48, -3),
            (100, 54, 2),
            (118, 64, 8),
            (134, 82, 14),
            (56, 92, -4),
            (74, 76, 1),
            (94, 82, -2),
            (112, 86, 4),
            (126, 98, 7),
        ],
        "#ffdd7a",
        "#eebb44",
    )
    d.path("M34 110Q90 146 146 110L134 196Q132 206 122 206H58Q48 206 46 196z", RED).path(
        "M116 124Q132 119 146 110L134 196Q132 206 122 206H106z", RED_DARK, opacity=0.75
    )
    d.line("M64 138L68 192M90 142V194", "#ffffff", 7, opacity=0.75)


def sweet_potato_fries(d: Drawing) -> None:
    """Orange fries in a paper cone, with a dip."""
    d.shadow(120, 206, 84)
    _sticks(
        d,
        [
            (62, 78, -20),
            (78, 56, -12),
            (94, 66, -6),
            (110, 44, -2),
            (126, 62, 4),
            (142, 52, 9),
            (158, 74, 17),
            (86, 92, -9),
            (104, 84, 0),
            (122, 90, 3),
            (138, 88, 10),
            (70, 100, -15),
            (152, 100, 13),
        ],
        "#f2913a",
        "#cf6a1d",
    )
    d.path("M50 116Q110 150 170 116L146 200Q144 206 136 206H84Q76 206 74 200z", "#f4e6cf").path(
        "M132 130Q154 125 170 116L146 200Q144 206 136 206H118z", "#dfc9a4"
    )
    d.line("M80 140L92 196M108 144V198", "#c9ab7c", 3, opacity=0.6)
    _dip(d, 178, 170, CREAM, "#ffffff")
