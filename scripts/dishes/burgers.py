"""Dishes in buns."""

from __future__ import annotations

from dishes.drawing import (
    CHEESE,
    CHEESE_DARK,
    CREAM,
    CRUST,
    CRUST_DARK,
    CRUST_LIGHT,
    GOLD,
    GOLD_DARK,
    LEAF,
    LEAF_DARK,
    LEAF_LIGHT,
    MEAT,
    MEAT_DARK,
    PLATE,
    SEED,
    TOMATO,
    Drawing,
)


def _bun_top(d: Drawing, y: float, fill: str = CRUST, dark: str = CRUST_DARK) -> None:
    d.path(f"M42 {y}C42 {y - 84} 198 {y - 84} 198 {y}Q198 {y + 9} 188 {y + 9}H52Q42 {y + 9} 42 {y}z", fill)
    d.path(f"M42 {y}Q42 {y + 9} 52 {y + 9}H188Q198 {y + 9} 198 {y}Q160 {y + 4} 42 {y}z", dark, opacity=0.55)
    d.path(
        f"M66 {y - 30}C78 {y - 52} 108 {y - 58} 126 {y - 57}",
        "none",
        stroke=CRUST_LIGHT,
        stroke_width=8,
        stroke_linecap="round",
        opacity=0.8,
    )


def _seeds(d: Drawing, y: float) -> None:
    for x, up, turn in (
        (92, 36, -24),
        (120, 44, 0),
        (149, 38, 22),
        (107, 22, -12),
        (136, 23, 14),
        (168, 20, 30),
    ):
        d.ellipse(x, y - up, 5.2, 3.2, SEED, transform=f"rotate({turn} {x} {y - up})")


def _bun_bottom(d: Drawing, y: float, fill: str = CRUST, dark: str = CRUST_DARK) -> None:
    d.path(f"M44 {y}H196V{y + 12}Q196 {y + 34} 172 {y + 34}H68Q44 {y + 34} 44 {y + 12}z", fill)
    d.path(
        f"M44 {y + 10}Q48 {y + 34} 68 {y + 34}H172Q192 {y + 34} 196 {y + 10}Q180 {y + 24} 120 {y + 24}T44 {y + 10}z",
        dark,
        opacity=0.45,
    )


def _frill(d: Drawing, y: float, fill: str = LEAF, dark: str = LEAF_DARK) -> None:
    """A lettuce leaf seen from the side."""
    waves = "".join(f"q8 {15 if n % 2 else 21} 16.7 0" for n in range(10))
    d.path(f"M36 {y}{waves}V{y - 8}H36z", fill)
    d.line(f"M38 {y - 3}H202", dark, 3, opacity=0.35)


def _patty(d: Drawing, y: float, fill: str = MEAT, dark: str = MEAT_DARK) -> None:
    d.box(40, y, 160, 23, fill, 11.5).path(f"M40 {y + 12}q80 12 160 0q-1 11-12 11H52q-11 0-12-11z", dark, opacity=0.7)


def _cheese(d: Drawing, y: float) -> None:
    d.path(f"M38 {y}H202L186 {y + 6}L168 {y + 19}L148 {y + 7}H112L92 {y + 24}L72 {y + 7}H54z", CHEESE)
    d.path(f"M38 {y}H202L198 {y + 3}H44z", CHEESE_DARK)


def _tomato(d: Drawing, y: float) -> None:
    for x in (46, 124):
        d.box(x, y, 72, 12, TOMATO, 6).box(x + 8, y + 3, 56, 3.5, "#f3836c", 2)


def volcano(d: Drawing) -> None:
    """A double burger with lava."""
    d.shadow()
    _bun_bottom(d, 170)
    _frill(d, 164)
    _patty(d, 143)
    _cheese(d, 138)
    _patty(d, 117)
    _cheese(d, 112)
    _bun_top(d, 102)
    d.path(
        "M84 62Q96 34 120 36Q146 34 158 62Q170 68 170 80Q170 90 163 90Q156"
        " 90 156 80Q150 74 144 80V98Q144 107"
        " 136 107Q128 107 128 98V82Q120 76 114 84Q114 94 107 94Q100 94"
        " 100 86Q92 76 88 84Q80 84 84 62z",
        TOMATO,
    )
    d.path("M98 56Q106 44 122 44", "none", stroke="#ff8a63", stroke_width=6, stroke_linecap="round")
    d.path("M118 40C98 26 116 14 112 2C132 10 146 24 134 40z", "#ff9d2e").path(
        "M121 40C112 32 120 26 120 18C130 24 134 32 129 40z", "#ffd35c"
    )


def garden_burger(d: Drawing) -> None:
    """A green burger."""
    d.shadow()
    _bun_bottom(d, 168)
    _frill(d, 160)
    _patty(d, 138, "#9a8b3c", "#77692a")
    for x, y in ((62, 148), (94, 152), (130, 147), (160, 153), (182, 147)):
        d.circle(x, y, 3.4, LEAF_LIGHT)
    _tomato(d, 127)
    _frill(d, 118, LEAF_LIGHT, LEAF)
    _bun_top(d, 108)
    _seeds(d, 98)
    d.leaf(124, 48, 38, 24).leaf(118, 48, 34, -32, LEAF_LIGHT)


def fish_sandwich(d: Drawing) -> None:
    """A breaded fillet in a bun."""
    d.shadow()
    _bun_bottom(d, 166, "#eeb765", "#cc8b3c")
    _frill(d, 160, LEAF_LIGHT, LEAF)
    d.box(34, 128, 172, 32, GOLD, 9).path("M34 148q86 12 172 0v4q0 8-9 8H43q-9 0-9-8z", GOLD_DARK)
    for x, y in ((52, 138), (74, 144), (98, 136), (121, 145), (146, 137), (168, 144), (189, 137)):
        d.circle(x, y, 2.6, "#f8d38a")
    d.path(
        "M44 118H196Q200 130 190 130Q182 130 180 137Q177 146 170 138Q164"
        " 130 150 130Q138 130 134 140Q130 150"
        " 122 140Q116 130 92 130Q84 130 80 136Q75 142 70"
        " 134Q66 129 54 129Q42 129 44 118z",
        CREAM,
    )
    for x, y in ((70, 124), (108, 125), (142, 124), (176, 125)):
        d.circle(x, y, 2.4, LEAF)
    _bun_top(d, 110, "#eeb765", "#cc8b3c")
    d.line("M120 52V12", "#b98a52", 4)
    d.path("M120 14H170L160 26L170 38H120z", "#3d86a8").path("M128 26q11-8 21 0q-10 8-21 0z", PLATE).path(
        "M147 26l8-6v12z", PLATE
    )
