"""The other agents, asked in the orchestrator's terms."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final, Literal

from edge.agents.orchestrator.cart import Cart
from edge.bus import NATSAgentBase
from edge.contract import menu, recsys, ui
from edge.contract.errors import AskError, ErrorCode
from edge.contract.subjects import MENU_DETAILS, MENU_SEARCH, RECSYS_SUGGEST

log = logging.getLogger(__name__)

POPULAR_TAG: Final = "popular"
EVERYTHING: Final = 100  # the contract's largest limit
MOST_SUGGESTIONS: Final = 3

_DIETS: Final = frozenset(("vegetarian", "vegan", "pescatarian", "halal", "kosher"))  # and all that is "…-free"

TimeOfDay = Literal["breakfast", "lunch", "afternoon", "dinner", "night"]


def time_of_day(hour: int) -> TimeOfDay:
    """The part of the day that `hour` (0 to 23, local) belongs to."""
    for until, name in _DAY:
        if hour < until:
            return name
    return "night"


_DAY: Final[tuple[tuple[int, TimeOfDay], ...]] = (
    (5, "night"),
    (11, "breakfast"),
    (15, "lunch"),
    (17, "afternoon"),
    (22, "dinner"),
)


class Neighbours:
    """The menu and recommendation agents.

    What asks the menu agent raises AskError where it refuses or isn't there.
    """

    def __init__(self, agent: NATSAgentBase, now: Callable[[], datetime]) -> None:
        self._agent = agent
        self._now = now

    async def dish(self, item_id: int) -> menu.ItemDetails:
        """All about one dish."""
        return (await self._agent.request(MENU_DETAILS, menu.GetDetails(item_id=item_id))).item

    async def search(self, query: str, tags: Sequence[str] = (), limit: int = 10) -> list[menu.FoundItem]:
        """Dishes that match, best first; none is an empty list. `tags` may be diets too."""
        diets = diets_of(tags)
        others = [tag for tag in map(_written, tags) if tag not in diets]
        ask = menu.Search(query=query, tags=others, dietary_filters=diets, limit=limit)
        try:
            return (await self._agent.request(MENU_SEARCH, ask)).items
        except AskError as error:
            if error.code == ErrorCode.MENU_NOT_FOUND:
                return []
            raise

    async def popular(self, limit: int) -> list[menu.FoundItem]:
        """Dishes to begin with: the popular ones that can be had, or any where none is popular."""
        found = await self.search("", [POPULAR_TAG], limit) or await self.search("", limit=limit)
        return [dish for dish in found if dish.available]

    async def suggestions(self, cart: Cart, party_size: int, diets: Sequence[str] = ()) -> tuple[ui.Suggestion, ...]:
        """What goes well with the cart, meets `diets` and can be had; nothing where the neighbours don't answer."""
        ask = recsys.Suggest(
            cart=cart.entries(),
            dietary_filters=list(diets),
            context=recsys.Context(time_of_day=time_of_day(self._now().hour), party_size=max(1, min(party_size, 99))),
        )
        try:
            offered = (await self._agent.request(RECSYS_SUGGEST, ask)).suggestions
        except AskError as error:
            log.warning("no suggestions: %s", error)
            return ()
        found = await asyncio.gather(*(self._suggestion(each) for each in offered[:MOST_SUGGESTIONS]))
        return tuple(each for each in found if each is not None)

    async def _suggestion(self, offered: recsys.SuggestedItem) -> ui.Suggestion | None:
        """With what the menu knows of it: a suggestion names no price."""
        try:
            dish = await self.dish(offered.item_id)
        except AskError as error:
            log.info("suggestion %d left out: %s", offered.item_id, error)
            return None
        if not dish.available:
            return None
        return ui.Suggestion(item_id=dish.id, title=dish.name, pitch=offered.pitch, price=dish.price, image=dish.image)


def diets_of(tags: Sequence[str]) -> list[str]:
    """The diets among `tags`, as menus write them."""
    return [tag for tag in map(_written, tags) if tag in _DIETS or tag.endswith("-free")]


def _written(tag: str) -> str:
    return tag.lower().replace("_", "-").replace(" ", "-")
