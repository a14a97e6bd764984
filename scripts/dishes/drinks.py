"""Drinks."""

from __future__ import annotations

import math

from dishes.drawing import (
    CHOCOLATE,
    CHOCOLATE_DARK,
    CREAM,
    CREAM_DARK,
    GLASS,
    GLASS_EDGE,
    LEAF,
    LEAF_DARK,
    LEAF_LIGHT,
    PLATE,
    PLATE_DARK,
    PLATE_RIM,
    RED,
    Drawing,
)


def _glass(d: Drawing, drink: str, dark: str, level: float) -> None:
    """A tall glass, filled up to `level` px from the top of the picture."""
    left = 74 + (level - 56) * 0.08
    d.shadow(120, 208, 52)
    d.path("M74 56H166L154 198Q153 208 142 208H98Q87 208 86 198z", GLASS, opacity=0.75)
    d.path(f"M{left:.4g} {level}H{240 - left:.4g}L151 195Q150 203 142 203H98Q90 203 89 195z", drink)
    d.path(f"M148 {level}H{240 - left:.4g}L151 195Q150 203 142 203H132z", dark, opacity=0.45)


def _glass_front(d: Drawing) -> None:
    d.line("M88 78L96 182", "#ffffff", 6, opacity=0.55)
    d.path(
        "M74 56H166L154 198Q153 208 142 208H98Q87 208 86 198z",
        "none",
        stroke=GLASS_EDGE,
        stroke_width=4,
        stroke_linejoin="round",
    )


def _ice(d: Drawing, places: list[tuple[float, float, float]]) -> None:
    for x, y, turn in places:
        d.box(x - 14, y - 14, 28, 28, "#ffffff", 6, opacity=0.45, transform=f"rotate({turn} {x} {y})")


def _citrus(d: Drawing, x: float, y: float, r: float, *, rind: str, flesh: str) -> None:
    d.circle(x, y, r, rind).circle(x, y, r * 0.86, CREAM).circle(x, y, r * 0.76, flesh)
    spokes = "".join(
        f"M{x} {y}L{x + r * 0.76 * math.cos(n * math.tau / 8):.4g} {y + r * 0.76 * math.sin(n * math.tau / 8):.4g}"
        for n in range(8)
    )
    d.line(spokes, CREAM, 3)


def iced_cola(d: Drawing) -> None:
    """Cola over ice."""
    d.line("M132 150L150 26L178 16", RED, 8)
    _glass(d, "#4a2317", "#2c120a", 74)
    _ice(d, [(104, 94, 12), (136, 100, -18), (116, 126, 30)])
    for x, y in ((104, 160), (126, 172), (138, 146), (112, 186), (98, 138)):
        d.circle(x, y, 3, "#a86a4f")
    d.ellipse(120, 74, 45, 8, "#7a4632")
    _glass_front(d)


def lemonade(d: Drawing) -> None:
    """Lemonade with mint."""
    d.line("M112 150L98 26L72 16", LEAF, 8)
    _glass(d, "#fbe27a", "#eec13d", 78)
    _ice(d, [(136, 104, 14), (104, 112, -20)])
    _citrus(d, 122, 152, 24, rind="#f5c62f", flesh="#ffe569")
    d.ellipse(120, 78, 44, 8, "#fdf0b0")
    _glass_front(d)
    d.leaf(140, 76, 36, 30).leaf(138, 76, 34, -14, LEAF_LIGHT).leaf(144, 78, 28, 66, LEAF_LIGHT)


def orange_juice(d: Drawing) -> None:
    """Juice with a slice on the rim."""
    _glass(d, "#ff9f2e", "#e57c10", 70)
    d.ellipse(120, 70, 45, 8, "#ffc06b")
    for x, y in ((106, 110), (130, 128), (114, 152), (136, 168)):
        d.ellipse(x, y, 6, 2.6, "#ffc06b", transform=f"rotate(-20 {x} {y})")
    _glass_front(d)
    _citrus(d, 164, 58, 34, rind="#f08019", flesh="#ffab42")
    d.leaf(182, 34, 26, 40)


def _bottle(d: Drawing, glass: str, dark: str, cap: str) -> None:
    d.shadow(120, 210, 44)
    d.path(
        "M104 30H136V66Q136 78 148 90Q160 102 160 118V198Q160 210 148 210H92Q80 210"
        " 80 198V118Q80 102 92 90Q104 78 104 66z",
        glass,
    )
    d.path(
        "M128 30H136V66Q136 78 148 90Q160 102 160 118V198Q160 210 148 210H136Q146 206"
        " 146 194V122Q146 104 136 92Q128 82 128 66z",
        dark,
        opacity=0.55,
    )
    d.box(99, 16, 42, 20, cap, 6)
    d.line("M92 118V190", "#ffffff", 6, opacity=0.5)


def kombucha(d: Drawing) -> None:
    """A bottle of something fermented."""
    _bottle(d, "#d9893a", "#a85f1d", "#3f8f5f")
    d.box(80, 122, 80, 58, CREAM).leaf(118, 170, 36, -34, LEAF).leaf(122, 170, 36, 34, LEAF_LIGHT)
    for x, y, r in ((112, 96, 4), (126, 108, 3), (118, 68, 3), (138, 196, 4), (106, 192, 3)):
        d.circle(x, y, r, "#ffd9a0", opacity=0.9)


def mineral_water(d: Drawing) -> None:
    """A bottle of water."""
    _bottle(d, "#a8dbee", "#6fb4d2", "#2f76a3")
    d.box(80, 122, 80, 58, "#2f76a3")
    d.path("M120 132C130 146 136 154 136 161A16 16 0 0 1 104 161C104 154 110 146 120 132z", "#d5f1fb")
    for x, y, r in ((112, 100, 4), (130, 110, 3), (120, 70, 3.5), (136, 196, 4), (108, 194, 3)):
        d.circle(x, y, r, "#ffffff", opacity=0.85)


def coffee(d: Drawing) -> None:
    """A cup of coffee with a heart of milk."""
    d.shadow(112, 208, 88)
    d.ellipse(112, 198, 92, 14, PLATE_DARK).ellipse(112, 194, 92, 14, PLATE)
    d.path("M168 118Q214 112 210 146Q206 176 160 172", "none", stroke="#f5efe9", stroke_width=15)
    d.path("M42 98H178Q178 196 128 200H94Q42 196 42 98z", "#f5efe9").path(
        "M140 98H178Q178 196 128 200H104Q146 180 140 98z", "#ddd3ca"
    )
    d.ellipse(110, 98, 68, 22, PLATE_RIM).ellipse(110, 100, 60, 17, CHOCOLATE_DARK).ellipse(110, 101, 58, 15, "#8a5231")
    d.path("M110 112C84 104 88 90 102 93Q108 94 110 98Q112 94 118 93C132 90 136 104 110 112z", CREAM)
    d.steam(110, 68)


def chocolate_shake(d: Drawing) -> None:
    """A shake with cream and a cherry."""
    d.line("M142 90L158 14", "#e9779b", 9)
    d.shadow(120, 210, 52)
    d.path("M78 84H162L148 186Q146 194 136 194H104Q94 194 92 186z", "#a56a4a").path(
        "M140 84H162L148 186Q146 194 136 194H124z", CHOCOLATE, opacity=0.5
    )
    d.path("M84 90c6 30 12 6 18 22c5 20 10-6 18 0c8 20 12-18 20-4c6 16 10-6 16-18z", CHOCOLATE_DARK)
    d.line("M92 108L101 178", "#ffffff", 6, opacity=0.4)
    d.path("M108 194H132L138 204H102z", GLASS_EDGE).ellipse(120, 206, 34, 6, GLASS_EDGE)
    d.ellipse(120, 82, 50, 16, CREAM_DARK).ellipse(120, 78, 50, 17, CREAM).ellipse(118, 60, 36, 16, CREAM_DARK)
    d.ellipse(118, 56, 36, 16, CREAM).ellipse(120, 40, 20, 12, CREAM)
    for x, y, turn in ((92, 76, 20), (112, 68, -30), (140, 76, 60), (104, 54, 70), (132, 56, 10)):
        d.box(x - 5, y - 1.8, 10, 3.6, CHOCOLATE, 1.8, transform=f"rotate({turn} {x} {y})")
    d.circle(114, 28, 12, RED).circle(110, 24, 3.4, "#f58a7d").line("M116 17Q118 6 130 2", LEAF_DARK, 3.5)
