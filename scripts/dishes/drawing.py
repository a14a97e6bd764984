"""The strokes and colours that all pictures share."""

from __future__ import annotations

SIZE_PX = 240

CRUST, CRUST_DARK, CRUST_LIGHT = "#e3a04f", "#c67f31", "#f3c583"
BREAD, SEED = "#f7dcae", "#fdf0d3"
MEAT, MEAT_DARK = "#7a4327", "#5f311b"
GOLD, GOLD_DARK = "#e9ac48", "#cc8a2c"
CHEESE, CHEESE_DARK = "#ffc93f", "#f0ac1f"
LEAF, LEAF_DARK, LEAF_LIGHT = "#6cb34a", "#468a34", "#a3d477"
TOMATO, TOMATO_DARK = "#e2492f", "#b93220"
CREAM, CREAM_DARK = "#fff6e5", "#ecdcc0"
CHOCOLATE, CHOCOLATE_DARK, CHOCOLATE_LIGHT = "#6b3d27", "#4c2818", "#8d5638"
PLATE, PLATE_DARK, PLATE_RIM = "#ffffff", "#e2dcd6", "#f3eeea"
BOWL, BOWL_DARK = "#3f6f8c", "#2f566e"
GLASS, GLASS_EDGE = "#ffffff", "#c9dbe4"
RED, RED_DARK = "#d63b2b", "#ac281b"
SHADE = "#3a1d0c"


class Drawing:
    """One picture: shapes are painted in the order they are added. Lengths in px of a 240 by 240 square."""

    def __init__(self) -> None:
        self._parts: list[str] = []

    def add(self, tag: str, fill: str, **attributes: float | str) -> Drawing:
        """Add a shape; an underscore in an attribute's name is a hyphen."""
        given = {"fill": fill, **attributes}
        words = " ".join(f'{name.replace("_", "-")}="{_number(value)}"' for name, value in given.items())
        self._parts.append(f"<{tag} {words}/>")
        return self

    def ellipse(self, x: float, y: float, rx: float, ry: float, fill: str, **more: float | str) -> Drawing:
        """An ellipse around (x, y)."""
        return self.add("ellipse", fill, cx=x, cy=y, rx=rx, ry=ry, **more)

    def circle(self, x: float, y: float, r: float, fill: str, **more: float | str) -> Drawing:
        """A circle around (x, y)."""
        return self.add("circle", fill, cx=x, cy=y, r=r, **more)

    def box(  # noqa: PLR0917 - x, y, width, height: in the order that everybody knows
        self, x: float, y: float, w: float, h: float, fill: str, round_px: float = 0, **more: float | str
    ) -> Drawing:
        """A rectangle from its upper left corner."""
        return self.add("rect", fill, x=x, y=y, width=w, height=h, rx=round_px, **more)

    def path(self, d: str, fill: str, **more: float | str) -> Drawing:
        """A filled path."""
        return self.add("path", fill, d=d, **more)

    def line(self, d: str, stroke: str, width_px: float, **more: float | str) -> Drawing:
        """A round-ended stroke."""
        return self.add(
            "path",
            "none",
            d=d,
            stroke=stroke,
            stroke_width=width_px,
            stroke_linecap="round",
            stroke_linejoin="round",
            **more,
        )

    def shadow(self, x: float = 120, y: float = 206, rx: float = 82) -> Drawing:
        """The soft shadow that everything stands on."""
        return self.ellipse(x, y, rx, rx * 0.11, SHADE, opacity=0.13)

    def leaf(self, x: float, y: float, length: float, turn: float, fill: str = LEAF) -> Drawing:
        """A leaf with its stem end at (x, y), pointing `turn` degrees clockwise from up."""
        w = length * 0.34
        place = f"translate({_number(x)} {_number(y)}) rotate({_number(turn)})"
        outline = f"M0 0C{-w:.3g} {-length * 0.3:.3g} {-w:.3g} {-length * 0.75:.3g} 0 {-length:.3g}"
        outline += f"C{w:.3g} {-length * 0.75:.3g} {w:.3g} {-length * 0.3:.3g} 0 0z"
        self.path(outline, fill, transform=place)
        return self.line(f"M0 {-length * 0.12:.3g}V{-length * 0.78:.3g}", LEAF_DARK, 2, transform=place, opacity=0.6)

    def steam(self, x: float, y: float) -> Drawing:
        """Two curls of steam rising from (x, y)."""
        for dx in (-16, 12):
            curl = f"M{x + dx} {y}c-10-12 10-18 0-32"
            self.line(curl, "#b9aca2", 5, opacity=0.55)
        return self

    def svg(self) -> str:
        """The finished file."""
        head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {SIZE_PX} {SIZE_PX}">'
        return head + "\n" + "\n".join(self._parts) + "\n</svg>\n"


def _number(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.4g}"
