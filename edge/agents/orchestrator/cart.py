"""The cart: lines of dishes with customizations, and what they cost. Pure; every change is a new cart."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import msgspec

from edge.contract import menu, recsys
from edge.contract.money import Money, total

# Our limits. 99 pieces is what the contract lets one line of an order say (wire.Count).
MOST_PIECES: Final = 99
MOST_LINES: Final = 30


class CartRefusal(Exception):
    """The cart can't take that; the text is for the customer."""


@dataclass(frozen=True)
class Line:
    """Pieces of one dish, made the same way; `price` is for one, customizations included."""

    item_id: int
    title: str
    quantity: int
    price: Money
    customizations: tuple[str, ...] = ()

    @property
    def total(self) -> Money:
        """What the line costs."""
        return self.price * self.quantity

    def is_of(self, item_id: int, customizations: Sequence[str]) -> bool:
        """Whether it is that dish made that way, in whatever order the customizations are named."""
        return self.item_id == item_id and set(self.customizations) == set(customizations)


def line_of(dish: menu.ItemDetails, quantity: int, customizations: Sequence[str] = ()) -> Line:
    """`quantity` pieces of `dish`, each with `customizations`, named as on the menu.

    Raises:
        CartRefusal: sold out, or the dish can't be had that way.
    """
    if not dish.available:
        raise CartRefusal(f"Sorry, {dish.name} is sold out.")
    offered = {each.name: each.price for each in dish.customizations}
    for name in customizations:
        if name not in offered:
            raise CartRefusal(f"Sorry, {dish.name} can't be had with “{name}”.")
    chosen = [name for name in offered if name in customizations]  # the menu's order, each once
    try:
        price = total([dish.price, *(offered[name] for name in chosen)])
    except ValueError as error:
        raise CartRefusal(f"Sorry, {dish.name} can't be ordered like that.") from error
    return Line(dish.id, dish.name, quantity, price, tuple(chosen))


def at_most(dish: menu.ItemDetails, quantity: int, besides: int) -> int:
    """How many of `quantity` more pieces of `dish` can be had when `besides` are taken already."""
    return quantity if isinstance(dish.left, msgspec.UnsetType) else max(0, min(quantity, dish.left - besides))


@dataclass(frozen=True)
class Cart:
    """The order so far; no two lines are the same dish made the same way."""

    lines: tuple[Line, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.lines)

    @property
    def pieces(self) -> int:
        """How many pieces there are in all."""
        return sum(line.quantity for line in self.lines)

    @property
    def total(self) -> Money:
        """What it all costs."""
        return total([line.total for line in self.lines])

    def pieces_of(self, item_id: int) -> int:
        """How many pieces of a dish there are, however made."""
        return sum(line.quantity for line in self.lines if line.item_id == item_id)

    def find(self, item_id: int, customizations: Sequence[str] = ()) -> Line | None:
        """The line of that dish made that way.

        Without customizations, and with no plain line there, the dish's latest line: the specification's cart
        actions name no customizations.
        """
        for line in self.lines:
            if line.is_of(item_id, customizations):
                return line
        if customizations:
            return None
        return next((line for line in reversed(self.lines) if line.item_id == item_id), None)

    def add(self, new: Line) -> Cart:
        """With `new` added to its line, at the new price, or at the end.

        Raises:
            CartRefusal: that would be too much.
        """
        if new.quantity < 1:
            raise CartRefusal("Please choose at least one.")
        for line in self.lines:
            if line.is_of(new.item_id, new.customizations):
                return self._checked(
                    replace(new, quantity=line.quantity + new.quantity) if each is line else each for each in self.lines
                )
        return self._checked((*self.lines, new))

    def with_quantity(self, line: Line, quantity: int) -> Cart:
        """With `line`, one of this cart's, at `quantity` pieces; 0 or less takes it away.

        Raises:
            CartRefusal: that would be too much.
        """
        changed = (replace(each, quantity=quantity) if each is line else each for each in self.lines)
        return self._checked(each for each in changed if each.quantity > 0)

    def entries(self) -> list[recsys.CartEntry]:
        """The dishes as the recommendation agent takes them, each once."""
        pieces: dict[int, int] = {}
        for line in self.lines:
            pieces[line.item_id] = pieces.get(line.item_id, 0) + line.quantity
        return [recsys.CartEntry(item_id=item_id, quantity=count) for item_id, count in pieces.items()]

    @staticmethod
    def _checked(lines: Iterable[Line]) -> Cart:
        cart = Cart(tuple(lines))
        if cart.pieces > MOST_PIECES:
            raise CartRefusal(f"Sorry, one order can have {MOST_PIECES} pieces at most.")
        if len(cart.lines) > MOST_LINES:
            raise CartRefusal(f"Sorry, one order can have {MOST_LINES} different dishes at most.")
        try:
            cart.total  # noqa: B018 - more than Money holds is an error
        except ValueError as error:
            raise CartRefusal("Sorry, that order is too large for this kiosk.") from error
        return cart
