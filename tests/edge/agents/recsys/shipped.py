"""The shipped menu as offers, joined as whoever starts the agents joins them."""

from __future__ import annotations

from edge.agents.menu.catalogue import Menu
from edge.agents.recsys.offers import Offer

OFFERS = {
    dish.id: Offer(
        item_id=dish.id,
        name=dish.name,
        category=dish.category,
        tags=frozenset(dish.tags),
        pairs_with=tuple(dish.pairs_with),
        available=dish.available,
    )
    for dish in Menu.load().dishes
}
