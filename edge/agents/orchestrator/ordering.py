"""Choosing dishes and filling the cart."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

from edge.agents.orchestrator import phrases
from edge.agents.orchestrator.cart import Cart, CartRefusal, Line, at_most, line_of
from edge.agents.orchestrator.neighbours import EVERYTHING, diets_of
from edge.agents.orchestrator.screens import hero_item
from edge.agents.orchestrator.stage import Stage
from edge.agents.orchestrator.states import State, Step
from edge.agents.orchestrator.timing import Deed
from edge.bus.crashing import crash_point
from edge.contract import input as customer
from edge.contract import menu
from edge.contract.errors import AskError, ErrorCode

ADDED = crash_point("orchestrator.added", "a dish is in the cart; it is neither on the screen nor on disk")

MOST_FOUND: Final = 24  # dishes; more is no answer to a question


class Ordering:
    """Acts on the session's dishes and cart. Each act changes the session; the agent shows it afterwards."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    # -- dishes -------------------------------------------------------------------------------------------

    def display(self, found: Sequence[menu.FoundItem]) -> None:
        """Show these dishes."""
        if self._stage.session.step(Step.BROWSE):
            self._stage.session.dishes = tuple(hero_item(each) for each in found)

    async def search(self, query: str, tags: Sequence[str] = ()) -> None:
        """Show what matches; where nothing does, say so and leave the screen as it is."""
        session = self._stage.session
        if not session.allows(Step.BROWSE):
            return
        session.diets = (*session.diets, *(each for each in diets_of(tags) if each not in session.diets))
        try:
            found = await self._stage.neighbours.search(query, tags, MOST_FOUND if query or tags else EVERYTHING)
        except AskError as error:
            session.warning = phrases.menu_trouble(error)
            return
        if found:
            self.display(found)
        else:
            session.warning = phrases.nothing_found(" ".join((*tags, query)).strip())

    async def show_everything(self) -> None:
        """Show the whole menu; a diet that was asked for is no condition any more."""
        if self._stage.session.allows(Step.BROWSE):
            self._stage.session.diets = ()
        await self.search("")

    async def select(self, item_id: int) -> None:
        """Show one dish in detail."""
        if not self._stage.session.allows(Step.CHOOSE):
            return
        dish = await self._dish(item_id)
        if dish is not None and self._stage.session.step(Step.CHOOSE):
            self._stage.session.dish = dish

    def back(self) -> None:
        """Back to the dishes; from greeting and browsing there is no back."""
        if self._stage.session.state in (State.ITEM, State.CONFIRMING):
            self._stage.session.step(Step.BROWSE)

    # -- the cart -----------------------------------------------------------------------------------------

    async def act(self, event: customer.CartAction) -> None:
        """Do what a cart action says."""
        if event.action == "add":
            if event.quantity > 0 and self._stage.session.allows(Step.ADD):
                dish = await self._dish(event.item_id)
                if dish is not None:
                    self.add(dish, event.quantity, event.customizations)
            return
        line = self._stage.session.cart.find(event.item_id, event.customizations)
        if line is None:  # a page that lags behind may name what is gone
            return
        quantity = 0 if event.action == "remove" else event.quantity
        self.set_quantity(line, await self._can_be_had(line, quantity) if quantity > line.quantity else quantity)

    async def _can_be_had(self, line: Line, quantity: int) -> int:
        """As many of `quantity` as are left, with a warning; where nobody knows, the payment agent will look."""
        session = self._stage.session
        try:
            dish = await self._stage.neighbours.dish(line.item_id)
        except AskError:
            return quantity
        most = at_most(dish, quantity, session.cart.pieces_of(line.item_id) - line.quantity)
        if most < quantity:
            session.warning = phrases.only_left(dish.name, most + session.cart.pieces_of(line.item_id) - line.quantity)
        return max(most, line.quantity)

    async def add_one(self, item_id: int | None) -> None:
        """Add one plain piece, by default of the dish on the screen."""
        session = self._stage.session
        if item_id is None and session.state is State.ITEM and session.dish is not None:
            item_id = session.dish.id
        if item_id is not None:
            await self.act(customer.CartAction(action="add", item_id=item_id))

    def add(self, dish: menu.ItemDetails, quantity: int, customizations: Sequence[str] = ()) -> bool:
        """Add to the cart; False, with a warning, where that can't be."""
        session = self._stage.session
        if not session.allows(Step.ADD):
            return False
        taken = session.cart.pieces_of(dish.id)
        most = at_most(dish, quantity, taken)
        try:
            if most < 1 <= quantity and dish.available:
                raise CartRefusal(phrases.only_left(dish.name, taken))
            cart = session.cart.add(line_of(dish, most, customizations))
        except CartRefusal as refusal:
            session.warning = str(refusal)
            return False
        session.said = phrases.added(dish.name, most)
        if most < quantity:
            session.warning = phrases.only_left(dish.name, taken + most)
        self._replace_cart(cart)
        session.step(Step.ADD)
        ADDED()
        return True

    def set_quantity(self, line: Line, quantity: int) -> None:
        """Change how many pieces a line of the cart has; 0 takes it away."""
        session = self._stage.session
        if not session.allows(Step.EDIT):
            return
        try:
            cart = session.cart.with_quantity(line, quantity)
        except CartRefusal as refusal:
            session.warning = str(refusal)
            return
        if quantity < 1:
            session.said = phrases.removed(line.title)
        self._replace_cart(cart)
        session.step(Step.EDIT)

    def suggest_again(self) -> None:
        """Ask anew what goes well with the cart."""
        self._replace_cart(self._stage.session.cart)

    async def renew(self) -> list[str]:
        """Bring the cart up to date with the menu; return what changed, in words for the customer.

        Raises:
            AskError: the menu agent isn't there.
        """
        cart = Cart()
        changed: list[str] = []
        for line in self._stage.session.cart.lines:
            try:
                dish = await self._stage.neighbours.dish(line.item_id)
                most = at_most(dish, line.quantity, cart.pieces_of(line.item_id))
                if most < 1:
                    raise CartRefusal(phrases.gone(line.title))
                renewed = line_of(dish, most, line.customizations)
                cart = cart.add(renewed)
            except CartRefusal:
                changed.append(phrases.gone(line.title))
            except AskError as error:
                if error.code not in (ErrorCode.MENU_NOT_FOUND, ErrorCode.ITEM_OUT_OF_STOCK):
                    raise
                changed.append(phrases.gone(line.title))
            else:
                changed += [phrases.only_left(line.title, cart.pieces_of(line.item_id))] if most < line.quantity else []
                changed += [phrases.repriced(line.title)] if renewed.price != line.price else []
        if changed:
            self._replace_cart(cart)
        return changed

    async def _dish(self, item_id: int) -> menu.ItemDetails | None:
        """All about a dish, or None and a warning."""
        try:
            return await self._stage.neighbours.dish(item_id)
        except AskError as error:
            self._stage.session.warning = phrases.menu_trouble(error)
            return None

    def _replace_cart(self, cart: Cart) -> None:
        session = self._stage.session
        session.cart = cart
        ordered = {line.item_id for line in cart.lines}
        session.suggestions = tuple(each for each in session.suggestions if each.item_id not in ordered)
        if cart:
            self._stage.aside(partial(self._suggest, cart, session.party_size, session.diets))
        else:
            session.suggestions = ()

    async def _suggest(self, cart: Cart, party_size: int, diets: Sequence[str]) -> Deed:
        suggestions = await self._stage.neighbours.suggestions(cart, party_size, diets)

        async def present() -> None:
            session = self._stage.session
            if session.cart is cart and session.suggestions != suggestions:
                session.suggestions = suggestions
                await self._stage.show()

        return present
