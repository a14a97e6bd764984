"""What an order costs by our own prices: an asker's amounts are checked, never believed."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from edge.contract.errors import AskError, ErrorCode
from edge.contract.money import MINOR_UNITS, Money
from edge.contract.payment import PaidItem, ProcessPayment


@dataclass(frozen=True)
class PricedDish:
    """What is known of a dish here: `customizations` are the ways to have it and what each adds to `price`.

    `stock` is how many can still be sold; None where nobody counts.
    """

    item_id: int
    name: str
    price: Money
    customizations: Mapping[str, Money]
    available: bool
    stock: int | None = None


@dataclass(frozen=True)
class Line:
    """A checked line of an order, named as on the menu; `price` is for one piece, customizations included."""

    name: str
    qty: int
    price: Money
    customizations: tuple[str, ...] = ()
    item_id: int = 0

    @property
    def total(self) -> Money:
        """What the line costs."""
        return self.price * self.qty


def checked_lines(ask: ProcessPayment, prices: Mapping[int, PricedDish]) -> tuple[Line, ...]:
    """The order's lines, if each price and the total are what `prices` makes of them.

    The specification's own example (section 7.3) is refused: 12.99 + 2 x 5.99 is 24.97, and it says 24.99.
    Charging either would charge somebody's mistake.

    Raises:
        AskError: INVALID_REQUEST naming everything that differs or isn't known; ITEM_OUT_OF_STOCK naming
            what is sold out or running short.
    """
    faults = [fault for item in ask.items for fault in _faults(item, prices)]
    if not faults:
        due = sum(_piece(item, prices) * item.qty for item in ask.items)
        if due != ask.total.minor:
            faults.append(f"the total is {_amount(due)}, not {ask.total}")
    if faults:
        raise AskError(ErrorCode.INVALID_REQUEST, "; ".join(faults))
    lines = tuple(
        Line(prices[item.item_id].name, item.qty, item.price, tuple(item.customizations), item.item_id)
        for item in ask.items
    )
    check_stock(sold(lines), prices)
    return lines


def check_stock(wanted: Mapping[int, int], prices: Mapping[int, PricedDish]) -> None:
    """See whether as many of each dish as `wanted` says (by its id) can be sold now.

    Raises:
        AskError: ITEM_OUT_OF_STOCK naming each dish that is sold out, or of which too few are left.
    """
    short: list[str] = []
    for item_id, qty in wanted.items():
        dish = prices.get(item_id)
        if dish is None:
            short.append(f"item {item_id} is no longer on the menu")
        elif not dish.available or dish.stock == 0:
            short.append(f"{dish.name} is sold out")
        elif dish.stock is not None and dish.stock < qty:
            short.append(f"only {dish.stock} {dish.name} left, not {qty}")
    if short:
        raise AskError(ErrorCode.ITEM_OUT_OF_STOCK, "; ".join(short))


def sold(lines: Iterable[Line]) -> dict[int, int]:
    """How many of each dish, by its id; customizations make no difference to the stock."""
    counted: Counter[int] = Counter()
    for line in lines:
        counted[line.item_id] += line.qty
    return dict(counted)


def fingerprint(ask: ProcessPayment) -> str:
    """What tells two orders apart that were given the same id: the total and the lines, in any sequence.

    A loyalty card is no part of it: one may be shown at the second try.
    """
    lines = sorted([item.item_id, item.qty, item.price.minor, sorted(item.customizations)] for item in ask.items)
    return hashlib.sha256(json.dumps([ask.total.minor, lines]).encode()).hexdigest()


def _faults(item: PaidItem, prices: Mapping[int, PricedDish]) -> Iterator[str]:
    dish = prices.get(item.item_id)
    if dish is None:
        yield f"there is no item {item.item_id} ({item.name})"
        return
    unknown = [name for name in item.customizations if name not in dish.customizations]
    for name in unknown:
        yield f"{dish.name} can't be had with {name!r}"
    if len(set(item.customizations)) < len(item.customizations):
        yield f"{dish.name} names a customization twice"
    elif not unknown and (due := _piece(item, prices)) != item.price.minor:
        yield f"{dish.name} costs {_amount(due)}, not {item.price}"


def _piece(item: PaidItem, prices: Mapping[int, PricedDish]) -> int:
    """One piece's price in minor units: an int, for what an asker adds up may be beyond Money."""
    dish = prices[item.item_id]
    return dish.price.minor + sum(dish.customizations[name].minor for name in item.customizations)


def _amount(minor: int) -> str:
    return str((Decimal(minor) / MINOR_UNITS).quantize(Decimal("0.01")))
