"""Desserts."""

from __future__ import annotations

from dishes.drawing import (
    CHOCOLATE,
    CHOCOLATE_DARK,
    CHOCOLATE_LIGHT,
    CREAM,
    CREAM_DARK,
    CRUST,
    CRUST_DARK,
    CRUST_LIGHT,
    LEAF_DARK,
    LEAF_LIGHT,
    PLATE,
    PLATE_DARK,
    PLATE_RIM,
    RED,
    Drawing,
)


def _plate(d: Drawing) -> None:
    d.shadow(120, 208, 98).ellipse(120, 196, 104, 17, PLATE_DARK).ellipse(120, 191, 104, 17, PLATE).ellipse(
        120, 191, 80, 11, PLATE_RIM
    )


def apple_pie(d: Drawing) -> None:
    """A slice of pie with its lattice."""
    _plate(d)
    d.path("M38 150L206 112V168Q206 176 198 177L48 190Q38 190 38 182z", "#e8a94f")
    d.path("M40 158L204 124V152L40 176z", "#f4d27c")
    for x, y in ((66, 164), (98, 160), (130, 153), (162, 147), (188, 142)):
        d.ellipse(x, y, 13, 7, "#fbe7a8", transform=f"rotate(-10 {x} {y})")
    d.path("M38 150L150 76Q196 84 206 112z", "#f0c069")
    d.line(
        "M74 140L168 86M112 130L190 96M96 112L150 126M128 92L186 114M62 134L100 142",
        CRUST_DARK,
        8,
        opacity=0.75,
    )
    d.path("M150 76Q196 84 206 112V128Q194 98 146 86z", CRUST).line("M152 82Q192 90 203 116", CRUST_LIGHT, 6)
    d.path("M38 150L206 112V124L38 162z", CRUST)
    d.circle(94, 78, 27, "#fffaf0").circle(86, 70, 9, "#ffffff").path(
        "M70 90q10 14 22 6q12 14 28-8q-24-18-50 2z", "#f6ead2"
    )
    d.leaf(118, 66, 26, 58)


def cheesecake(d: Drawing) -> None:
    """A slice with berries."""
    _plate(d)
    d.path("M36 128L208 98V172Q208 180 200 181L46 194Q36 194 36 186z", "#f9e3ac").path(
        "M36 172L208 150V172Q208 180 200 181L46 194Q36 194 36 186z", CRUST_DARK
    )
    d.path("M36 128L152 62Q198 70 208 98z", "#fff1cb")
    d.path(
        "M60 115L152 62Q198 70 208 98L204 99Q206 122 198 122Q190 122 190 102L166 106Q168 138"
        " 158 138Q148 138 150 109L112 115Q112 134 104 134Q96"
        " 134 98 118L60 124Q50 124 60 115z",
        "#c02a4a",
    )
    d.line("M92 104L148 72", "#e8708a", 6, opacity=0.8)
    for x, y, r in ((142, 84, 15), (168, 82, 13), (122, 98, 11)):
        d.circle(x, y, r, "#8f1733").circle(x - r * 0.3, y - r * 0.35, r * 0.28, "#e27a90")
    d.leaf(156, 68, 30, 24).leaf(152, 70, 26, -28, LEAF_LIGHT)


def brownie(d: Drawing) -> None:
    """Two squares, a scoop and some sauce."""
    _plate(d)
    for dy, top in ((0, 0), (-46, 1)):
        d.path(
            f"M44 {150 + dy}L124 {164 + dy}V{200 + dy}Q122 {202 + dy} 118 {201 + dy}L50"
            f" {188 + dy}Q44 {186 + dy} 44 {180 + dy}z",
            CHOCOLATE_DARK,
        )
        d.path(
            f"M124 {164 + dy}L196 {142 + dy}V{174 + dy}Q196 {180 + dy} 190 {182 + dy}L124 {202 + dy}z",
            CHOCOLATE,
        )
        d.path(
            f"M44 {150 + dy}L118 {130 + dy}Q122 {129 + dy} 126 {130 + dy}L196 {142 + dy}L124 {164 + dy}z",
            CHOCOLATE_LIGHT,
        )
        for x, y in ((64, 170), (92, 180), (146, 180), (172, 166)):
            d.circle(x, y + dy, 4, "#f1d9b0" if top else "#e3c391")
    d.circle(120, 78, 34, CREAM_DARK).circle(120, 74, 34, CREAM).path(
        "M86 72Q88 36 120 36Q154 36 154 72Q152 88 144 88Q136 88 136 76Q130 68 124 78V96Q124 104"
        " 117 104Q110 104 110 94V80Q104 72 98 80Q94 92 86 72z",
        CHOCOLATE_DARK,
    )
    d.line("M100 56Q106 46 118 45", CHOCOLATE_LIGHT, 6).circle(124, 34, 9, RED).line(
        "M126 26Q128 16 138 14", LEAF_DARK, 3
    )
