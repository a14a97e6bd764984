"""Draws the demonstration menu's pictures: small flat SVG illustrations, all by the same few strokes.

Run ``python scripts/draw_dishes.py`` after a change; with ``--check`` it only says whether the files in
edge/frontend/static/img are what it would draw.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from dishes import bowls, burgers, desserts, drinks, snacks, wraps
from dishes.drawing import Drawing

FOLDER = Path(__file__).resolve().parent.parent / "edge" / "frontend" / "static" / "img"

DISHES: tuple[Callable[[Drawing], None], ...] = (
    burgers.volcano,
    burgers.garden_burger,
    burgers.fish_sandwich,
    wraps.chicken_wrap,
    wraps.falafel_wrap,
    wraps.quesadilla,
    wraps.margherita_pizza,
    snacks.chicken_nuggets,
    snacks.spicy_wings,
    snacks.onion_rings,
    snacks.fries_combo,
    snacks.sweet_potato_fries,
    bowls.veggie_bowl,
    bowls.caesar_salad,
    bowls.tomato_soup,
    drinks.iced_cola,
    drinks.lemonade,
    drinks.orange_juice,
    drinks.kombucha,
    drinks.mineral_water,
    drinks.coffee,
    drinks.chocolate_shake,
    desserts.apple_pie,
    desserts.cheesecake,
    desserts.brownie,
)


def pictures() -> dict[str, str]:
    """All pictures: file name to SVG text. A file is named after its function."""
    drawn = {}
    for dish in DISHES:
        drawing = Drawing()
        dish(drawing)
        drawn[f"{dish.__name__.replace('_', '-')}.svg"] = drawing.svg()
    return drawn


def main() -> int:
    """Draw, or with --check compare; 1 when a file differs."""
    parser = argparse.ArgumentParser(description="Draw the demonstration menu's pictures.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail when a file would change")
    parser.add_argument("--folder", type=Path, default=FOLDER)
    given = parser.parse_args()
    different = []
    for name, text in pictures().items():
        path = given.folder / name
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            continue
        different.append(name)
        if not given.check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    if different:
        sys.stdout.write(f"{'differ' if given.check else 'drawn'}: {', '.join(different)}\n")
    return 1 if given.check and different else 0


if __name__ == "__main__":
    raise SystemExit(main())
