"""A generated order history whose structure is known, and how well suggestions guess what was left out of an order.

The structure, drawn anew for each seed and never told to the recommender:

- every dish has a popularity (Zipf), and the menu's own `pairs_with` are noise that has nothing to do with it;
- every main has a drink, a side and a dessert of its own that go with it: whoever orders the main takes each of them
  with 55, 50 and 25 in 100, or else, with 40, 40 and 20 in 100, any other of that kind by its popularity;
- every time of day has four favourite dishes of each kind, three times as popular then;
- one order in five is for two or three people, who choose each for themselves.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from edge.agents.menu.catalogue import Menu
from edge.agents.recsys.learned import Learned
from edge.agents.recsys.offers import Offer
from edge.agents.recsys.rules import Situation
from edge.agents.recsys.suggest import suggest
from edge.assembly import offers

MOMENTS = ("breakfast", "lunch", "afternoon", "dinner", "night")
_WITH_MAIN = (("drinks", 0.55, 0.40), ("sides", 0.50, 0.40), ("desserts", 0.25, 0.20))

Suggester = Callable[[Mapping[int, int], str, int], Sequence[int]]


@dataclass(frozen=True)
class Order:
    """What a party of `people` bought at a `moment`: pieces by dish id."""

    pieces: Mapping[int, int]
    moment: str
    people: int


class Town:
    """People with tastes: the known structure, and orders that follow it."""

    def __init__(self, dishes: Mapping[int, Offer], seed: int) -> None:
        self._rng = rng = random.Random(seed)  # noqa: S311 - orders, not secrets
        self._kinds = {
            kind: [dish for dish, offer in dishes.items() if offer.category == kind]
            for kind in ("mains", "drinks", "sides", "desserts")
        }
        self._popularity: dict[int, float] = {}
        for each in self._kinds.values():
            shuffled = rng.sample(each, len(each))
            self._popularity |= {dish: 1.0 / (rank + 2) for rank, dish in enumerate(shuffled)}
        self.goes_with = {
            (main, kind): rng.choice(self._kinds[kind]) for main in self._kinds["mains"] for kind, _, _ in _WITH_MAIN
        }
        self._favourites = {
            (moment, kind): frozenset(rng.sample(each, min(4, len(each))))
            for moment in MOMENTS
            for kind, each in self._kinds.items()
        }

    def orders(self, count: int) -> list[Order]:
        """So many orders."""
        return [self._order() for _ in range(count)]

    def _order(self) -> Order:
        rng = self._rng
        moment = rng.choice(MOMENTS)
        people = rng.choices((1, 2, 3), (80, 15, 5))[0]
        pieces: Counter[int] = Counter()
        for _ in range(people):
            main = self._any("mains", moment)
            pieces[main] += 1
            for kind, own, other in _WITH_MAIN:
                chance = rng.random()
                if chance < own:
                    pieces[self.goes_with[main, kind]] += 1
                elif chance < own + (1 - own) * other:
                    pieces[self._any(kind, moment)] += 1
        return Order(pieces, moment, people)

    def _any(self, kind: str, moment: str) -> int:
        favourites = self._favourites[moment, kind]
        each = self._kinds[kind]
        weights = [self._popularity[dish] * (3 if dish in favourites else 1) for dish in each]
        return self._rng.choices(each, weights)[0]


@dataclass(frozen=True)
class HitRates:
    """How often the dish that was left out of an order is among two suggestions.

    `popularity` offers what sells most that isn't in the cart, `popularity_by_rule` the same under our rules (no two of
    a category, none of which everyone has a piece), `rules` is ours without past orders.
    """

    learned: float
    rules: float
    popularity: float
    popularity_by_rule: float

    @property
    def ratio(self) -> float:
        """Ours to the better of the two by popularity."""
        return self.learned / max(self.popularity, self.popularity_by_rule)


def hit_rates(menu: Menu, seed: int, past: int = 4000, asked: int = 1000) -> HitRates:
    """Learn `past` orders of a town, then guess in `asked` further ones the dish that was left out."""
    dishes = offers(menu)
    town = Town(dishes, seed)
    learned = Learned()
    sold: Counter[int] = Counter()
    for order in town.orders(past):
        learned.add(order.pieces, order.moment)
        sold.update(dict.fromkeys(order.pieces, 1))
    best = [dish for dish, _ in sold.most_common()]

    def ours(cart: Mapping[int, int], moment: str, people: int, model: Learned | None) -> list[int]:
        situation = Situation(tuple((dishes[dish], count) for dish, count in cart.items()), moment, None, people)
        return [each.offer.item_id for each in suggest(dishes.values(), situation, learned=model)]

    def by_rule(cart: Mapping[int, int], moment: str, people: int) -> list[int]:
        pieces: Counter[str] = Counter()
        for dish, count in cart.items():
            pieces[dishes[dish].category] += count
        room = max(people, pieces["mains"])
        chosen: dict[str, int] = {}
        for dish in best:
            if dish not in cart and pieces[dishes[dish].category] < room:
                chosen.setdefault(dishes[dish].category, dish)
        return sorted(chosen.values(), key=best.index)[:2]

    suggesters: dict[str, Suggester] = {
        "learned": lambda cart, moment, people: ours(cart, moment, people, learned),
        "rules": lambda cart, moment, people: ours(cart, moment, people, None),
        "popularity": lambda cart, moment, people: [dish for dish in best if dish not in cart][:2],
        "popularity_by_rule": by_rule,
    }
    hits: Counter[str] = Counter()
    rng = random.Random(seed + 1)  # noqa: S311 - orders, not secrets
    further = [order for order in town.orders(asked * 3) if len(order.pieces) > 1][:asked]
    for order in further:
        hidden = rng.choice(sorted(order.pieces))
        cart = {dish: count for dish, count in order.pieces.items() if dish != hidden}
        for name, suggester in suggesters.items():
            hits[name] += hidden in suggester(cart, order.moment, order.people)
    return HitRates(**{name: hits[name] / len(further) for name in suggesters})
