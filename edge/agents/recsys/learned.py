"""What past orders tell: which dishes are bought together, and which at what time of day. Pure.

How likely a dish is to be bought with a cart is estimated as by a naive Bayes classifier: how often it is bought at
all, times how much more often than by chance with each dish of the cart and at this time of day. What was seen seldom
counts little: each "more often than by chance" is drawn towards 1 as if it had been seen `_DRAWN` times as by chance.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable
from functools import partial
from math import log

_DRAWN = 2.0  # orders
_HALF_SURE = 50.0  # orders at which what was learned counts as much as the rules
_ROWS = 100  # dishes of carts whose values are kept
_MOST_LIFT = 3.0  # of a logarithm: one odd pair doesn't outweigh everything


class Learned:
    """Counts of orders; each order counts a dish once, however many pieces of it."""

    def __init__(self) -> None:
        self.orders = 0
        self._bought: Counter[int] = Counter()
        self._together: dict[int, Counter[int]] = {}
        self._moments: Counter[str] = Counter()
        self._at: Counter[tuple[str, int]] = Counter()
        self._rows: dict[int, dict[int, float]] = {}  # what was worked out since the last order, by a dish of the cart
        self._bases: dict[str | None, _Row] = {}

    def add(self, dishes: Iterable[int], moment: str | None = None) -> None:
        """Learn one order, of a time of day where that is known."""
        self._count(sorted(set(dishes)), moment, 1)

    def forget(self, dishes: Iterable[int], moment: str | None = None) -> None:
        """Take back one order that was learned."""
        self._count(sorted(set(dishes)), moment, -1)

    @property
    def sureness(self) -> float:
        """How much what was learned may say, from 0 (nothing was learned) towards 1."""
        return self.orders / (self.orders + _HALF_SURE)

    def likelihood(self, cart: Collection[int], moment: str | None) -> Callable[[int], float]:
        """The logarithm of how likely a dish (its id) is to be bought with `cart`, but for a constant.

        To be asked for many dishes at once, before another order is learned.
        """
        base = self._bases.setdefault(moment, _Row(partial(self._base, moment)))
        rows = [self._rows.get(other) or self._rows.setdefault(other, self._row(other)) for other in cart]
        while len(self._rows) > _ROWS:
            self._rows.pop(next(iter(self._rows)))

        def of(dish: int) -> float:
            total = base[dish]
            for row in rows:
                total += row.get(dish, 0.0)  # what nobody bought was bought as often as by chance
            return total

        return of

    def _row(self, other: int) -> dict[int, float]:
        """`lift` of every dish that was ever bought with `other`, in one go."""
        chance = self._bought[other] / max(1, self.orders)
        beside = self._together.get(other, Counter())
        return {
            dish: _bounded(log((beside.get(dish, 0) + _DRAWN) / (bought * chance + _DRAWN)))
            for dish, bought in self._bought.items()
            if bought
        }

    def _base(self, moment: str | None, dish: int) -> float:
        """How likely the dish is at this time of day, whatever is in the cart."""
        total = log((self._bought[dish] + 0.5) / (self.orders + 1.0))
        if moment is not None and self._moments[moment]:
            by_chance = self._bought[dish] * self._moments[moment] / max(1, self.orders)
            total += _bounded(log((self._at[moment, dish] + _DRAWN) / (by_chance + _DRAWN)))
        return total

    def lift(self, dish: int, other: int) -> float:
        """The logarithm of how many times more often than by chance the two are bought together; 0 for as by chance."""
        by_chance = self._bought[dish] * self._bought[other] / max(1, self.orders)
        return _bounded(log((self.together(dish, other) + _DRAWN) / (by_chance + _DRAWN)))

    def together(self, dish: int, other: int) -> int:
        """How many orders had both."""
        return self._together.get(dish, Counter())[other]

    def bought(self, dish: int) -> int:
        """How many orders had it."""
        return self._bought[dish]

    def _count(self, dishes: list[int], moment: str | None, by: int) -> None:
        self._rows.clear()
        self._bases.clear()
        self.orders += by
        for dish in dishes:
            self._bought[dish] += by
            beside = self._together.setdefault(dish, Counter())
            for other in dishes:
                if other != dish:
                    beside[other] += by
        if moment is not None:
            self._moments[moment] += by
            for dish in dishes:
                self._at[moment, dish] += by


class _Row(dict[int, float]):
    """A value for each dish, worked out when it is first asked for."""

    def __init__(self, work_out: Callable[[int], float]) -> None:
        super().__init__()
        self._work_out = work_out

    def __missing__(self, dish: int) -> float:
        value = self[dish] = self._work_out(dish)
        return value


def _bounded(logarithm: float) -> float:
    return max(-_MOST_LIFT, min(_MOST_LIFT, logarithm))
