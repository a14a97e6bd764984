"""The menu agent: answers searches and questions about a dish (section 7.1)."""

from __future__ import annotations

from typing import ClassVar

from edge.agents.menu.catalogue import Dish, DishUnknown, Menu
from edge.agents.menu.search import Finder
from edge.bus import NATSAgentBase, does
from edge.contract import menu as said
from edge.contract.errors import AskError, ErrorCode
from edge.contract.subjects import MENU_DETAILS, MENU_SEARCH


class MenuAgent(NATSAgentBase):
    """Knows the menu: finds dishes and tells all about one."""

    name = "menu"
    refusals: ClassVar = {DishUnknown: ErrorCode.MENU_NOT_FOUND}

    def __init__(self, nats_url: str, menu: Menu) -> None:
        super().__init__(nats_url)
        self.menu = menu
        self._finder = Finder(menu)

    @does(MENU_SEARCH)
    def search(self, ask: said.Search) -> said.SearchResult:
        """The best matches, those that are sold out among them, marked so."""
        found = self._finder.find(ask.query, ask.tags, ask.dietary_filters)
        if not found:
            raise AskError(ErrorCode.MENU_NOT_FOUND, "No items match the search query")
        return said.SearchResult(items=[_found(dish) for dish in found[: ask.limit]], total_matches=len(found))

    @does(MENU_DETAILS)
    def details(self, ask: said.GetDetails) -> said.DetailsResult:
        """Everything about one dish."""
        return said.DetailsResult(item=_details(self.menu.dish(ask.item_id)))


def _found(dish: Dish) -> said.FoundItem:
    return said.FoundItem(
        id=dish.id,
        name=dish.name,
        price=dish.price,
        image=dish.image,
        tags=dish.tags,
        available=dish.available,
    )


def _details(dish: Dish) -> said.ItemDetails:
    return said.ItemDetails(
        id=dish.id,
        name=dish.name,
        description=dish.description,
        price=dish.price,
        calories=dish.calories,
        allergens=dish.allergens,
        customizations=[said.Customization(name=each.name, price=each.price) for each in dish.customizations],
        image=dish.image,
        tags=dish.tags,
        available=dish.available,
    )
