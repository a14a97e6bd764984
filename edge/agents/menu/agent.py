"""The menu agent: answers searches and questions about a dish (section 7.1)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar

import msgspec

from edge.agents.menu.catalogue import Dish, DishUnknown, Menu, MenuInvalid
from edge.agents.menu.search import Finder
from edge.agents.menu.shelf import Shelf, ShelfUnusable
from edge.bus import BusError, NATSAgentBase, always, does, hears
from edge.bus.history import read_back
from edge.contract import menu as said
from edge.contract.envelope import NATSMessage
from edge.contract.errors import AskError, ErrorCode
from edge.contract.recsys import PaidOrders
from edge.contract.session import SessionEnded
from edge.contract.subjects import MENU_DETAILS, MENU_SEARCH, SESSION_ENDED, UI_UPDATE

log = logging.getLogger(__name__)

# An order's cart is on the screen before its receipt: as long as a customer may take from one to the other.
_OVERLAP = timedelta(minutes=30)
_Signature = tuple[int, int, int]


class MenuAgent(NATSAgentBase):
    """Knows the menu: finds dishes and tells all about one.

    What was sold it reads out of KIOSK_EVENTS, when it starts, whenever a customer has left and every `count_every_s`.
    With a `file` it looks every `look_every_s` whether that changed, and takes a changed menu over without a pause:
    what was asked before is answered, carts stay. A file with faults is told of in the log, and the menu stays as it
    was.
    """

    name = "menu"
    refusals: ClassVar = {DishUnknown: ErrorCode.MENU_NOT_FOUND}

    def __init__(
        self,
        nats_url: str,
        menu: Menu,
        *,
        shelf: Shelf | None = None,
        file: Path | None = None,
        look_every_s: float = 2.0,
        count_every_s: float = 60.0,
    ) -> None:
        super().__init__(nats_url)
        self.shelf = shelf or Shelf()
        self.shelf.put(menu)
        self._finder = Finder(self.shelf)
        self._file = file
        self._seen = _signature(file)
        self._look_every_s = look_every_s
        self._count_every_s = count_every_s
        self._sales_wanted = asyncio.Event()
        self._complained = False

    @property
    def menu(self) -> Menu:
        """The menu as it can be sold now."""
        return self.shelf.menu

    async def close(self) -> None:
        """Leave the bus and close the shelf."""
        await super().close()
        self.shelf.close()

    @does(MENU_SEARCH)
    def search(self, ask: said.Search) -> said.SearchResult:
        """The best matches, those that are sold out among them, marked so."""
        found = self._finder.find(
            ask.query,
            ask.tags,
            ask.dietary_filters,
            allergens=ask.avoid_allergens or (),
            at_least=None if ask.min_price is msgspec.UNSET else ask.min_price,
            at_most=None if ask.max_price is msgspec.UNSET else ask.max_price,
        )
        if not found:
            raise AskError(ErrorCode.MENU_NOT_FOUND, "No items match the search query")
        return said.SearchResult(
            items=[_found(dish, ask.language or None) for dish in found[: ask.limit]], total_matches=len(found)
        )

    @does(MENU_DETAILS)
    def details(self, ask: said.GetDetails) -> said.DetailsResult:
        """Everything about one dish."""
        return said.DetailsResult(item=_details(self.menu.dish(ask.item_id), ask.language or None))

    @hears(SESSION_ENDED)
    async def count_soon(self, _: SessionEnded) -> None:
        """A customer may have left an order behind, however the session ended."""
        self._sales_wanted.set()

    @always
    async def keep_counting(self) -> None:
        """Take what was sold off the shelf, now and from time to time."""
        while True:
            self._sales_wanted.clear()
            try:
                await self.count_sales()
            except BusError as error:
                level = logging.DEBUG if self._complained else logging.WARNING
                log.log(level, "menu: sales can't be read, stock is as it was: %s", error)
                self._complained = True
            try:
                async with asyncio.timeout(self._count_every_s):
                    await self._sales_wanted.wait()
            except TimeoutError:
                continue

    async def count_sales(self) -> None:
        """Take off the shelf what KIOSK_EVENTS says was sold; an order that is read again changes nothing.

        Raises:
            BusUnreachable: the stream doesn't answer, or this agent has no right to read it.
        """
        until = self.shelf.read_until
        since = datetime.now(UTC) if until is None else min(until, datetime.now(UTC))  # a clock may have been put back
        orders = PaidOrders()
        async for entry in read_back(self.client, UI_UPDATE.subject, since=since - _OVERLAP):
            message = entry.message
            if entry.replay_of or not isinstance(message, NATSMessage):
                continue  # a replay sells nothing
            paid = orders.read(message.session_id, message.payload)
            if paid is not None:
                self.sold(paid.order_id, paid.pieces)
            until = entry.at
        if until is not None and until != self.shelf.read_until:
            self.shelf.read_until = until

    def sold(self, order_id: str, pieces: Mapping[int, int]) -> None:
        """Take a paid order's pieces (by dish id) off the shelf; telling it again changes nothing."""
        for dish in self.shelf.sell(order_id, pieces):
            log.warning("menu: %s (%d) is sold out", dish.name, dish.id)

    @always
    async def follow_file(self) -> None:
        """Take over the menu's file whenever it changed."""
        while self._file is not None:
            await asyncio.sleep(self._look_every_s)
            await self.look()

    async def look(self) -> bool:
        """Take over the menu's file if it changed since it was last looked at; whether there is a new menu."""
        signature = await asyncio.to_thread(_signature, self._file)
        if signature is None or signature == self._seen:  # an editor may be replacing it right now
            return False
        try:
            menu = await asyncio.to_thread(Menu.load, self._file)
            new = await asyncio.to_thread(self.shelf.put, menu)
        except ShelfUnusable:
            raise
        except MenuInvalid as error:
            self._seen = signature
            for words in (*error.faults, "the changed file is not used; the menu stays as it was"):
                log.log(logging.ERROR, "menu: %s", words)  # without a traceback: it is the file's fault
            return False
        self._seen = signature
        if new:
            log.info("menu: %s was taken over, %d dishes", self._file, len(menu.dishes))
        return new


def _signature(file: Path | None) -> _Signature | None:
    """What changes when the file does; None where it can't be seen."""
    if file is None:
        return None
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


def _found(dish: Dish, language: str | None) -> said.FoundItem:
    return said.FoundItem(
        id=dish.id,
        name=dish.name_in(language),
        price=dish.price,
        image=dish.image,
        tags=dish.tags,
        available=dish.available,
        left=msgspec.UNSET if dish.left is None else dish.left,
    )


def _details(dish: Dish, language: str | None) -> said.ItemDetails:
    return said.ItemDetails(
        id=dish.id,
        name=dish.name_in(language),
        description=dish.description,
        price=dish.price,
        calories=dish.calories,
        allergens=dish.allergens,
        customizations=[said.Customization(name=each.name, price=each.price) for each in dish.customizations],
        image=dish.image,
        tags=dish.tags,
        available=dish.available,
        diets=dish.diets,
        left=msgspec.UNSET if dish.left is None else dish.left,
    )
