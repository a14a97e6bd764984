"""Acting on what was said."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from edge.agents.orchestrator import phrases
from edge.agents.orchestrator.cart import Line
from edge.agents.orchestrator.checkout import Checkout
from edge.agents.orchestrator.matching import find_line, match_customization, pick_dish, words
from edge.agents.orchestrator.ordering import Ordering
from edge.agents.orchestrator.stage import Stage
from edge.agents.orchestrator.states import State, Step
from edge.contract import menu, voice
from edge.contract.errors import AskError, ErrorCode

SURE: Final = 0.5  # from this confidence on an intent is acted on without asking back
MOST_MATCHES: Final = 10


class Listening:
    """Acts on transcripts and intents. What isn't surely meant is asked back, never done."""

    def __init__(self, stage: Stage, ordering: Ordering, checkout: Checkout) -> None:
        self._stage = stage
        self._ordering = ordering
        self._checkout = checkout

    async def transcript(self, event: voice.Transcript) -> None:
        """Show what was heard."""
        self._stage.session.hush()
        self._stage.session.heard = event.text

    async def intent(self, event: voice.Intent) -> None:
        """Do what was said, or ask back."""
        session = self._stage.session
        doubtful, session.doubtful = session.doubtful, None
        session.said = session.warning = None
        session.heard = event.raw_text or session.heard
        if event.confidence < SURE and event.intent_type != "unknown":
            session.doubtful = event
            session.said = phrases.did_you_mean(event.raw_text)
            return
        if doubtful is not None and event.intent_type == "confirm":
            await self._do(doubtful)
        elif doubtful is not None and event.intent_type == "cancel":
            session.said = phrases.ALL_RIGHT
        else:
            await self._do(event)

    async def _do(self, event: voice.Intent) -> None:
        entities = event.entities
        match event.intent_type:
            case "search_menu":
                query = " ".join(spoken.item for spoken in _spoken(entities))
                await self._ordering.search(query.strip(), entities.tags)
            case "add_item":
                await self._add(entities)
            case "remove_item":
                self._remove(entities)
            case "checkout":
                self._checkout.review()
            case "confirm":
                await self._checkout.pay()
            case "cancel":
                await self._cancel(event.raw_text)
            case "help":
                self._stage.session.said = phrases.HELP
            case "unknown":
                self._stage.session.warning = phrases.NOT_UNDERSTOOD

    async def _cancel(self, text: str) -> None:
        """A bare "no" takes one step back; it ends the order only where it answers a payment."""
        if _is_a_no(text) and self._stage.session.state not in (State.PAYING, State.REFUSED):
            self._stage.session.said = phrases.ALL_RIGHT
            self._ordering.back()
        else:
            await self._checkout.cancel()

    async def _add(self, entities: voice.Entities) -> None:
        session = self._stage.session
        if not session.allows(Step.ADD):
            return
        said: list[str] = []
        warnings: list[str] = []
        unclear: list[menu.FoundItem] = []
        for spoken in _spoken(entities):
            unclear += await self._add_spoken(spoken)
            said.append(session.said or "")
            warnings.append(session.warning or "")
            session.said = session.warning = None
        if unclear:
            self._ordering.display(unclear)
            said.append(phrases.WHICH_ONE)
        session.said = " ".join(filter(None, said)) or None
        session.warning = " ".join(filter(None, warnings)) or None

    async def _add_spoken(self, spoken: voice.SpokenItem) -> list[menu.FoundItem]:
        """Add one dish; where several could be meant, return them."""
        session = self._stage.session
        neighbours = self._stage.neighbours
        try:
            item_id = spoken.item_id
            if item_id is None and not spoken.item and session.state is State.ITEM and session.dish:
                item_id = session.dish.id  # "add it"
            if item_id is None:
                found = await neighbours.search(spoken.item, limit=MOST_MATCHES) if spoken.item else []
                meant = pick_dish(spoken.item, found)
                if meant is None:
                    session.warning = None if found else phrases.nothing_found(spoken.item)
                    return found
                item_id = meant.id
            dish = await neighbours.dish(item_id)
        except AskError as error:
            session.warning = (
                phrases.nothing_found(spoken.item)
                if spoken.item and error.code == ErrorCode.MENU_NOT_FOUND
                else phrases.menu_trouble(error)
            )
            return []
        names = [each.name for each in dish.customizations]
        matched = {modifier: match_customization(modifier, names) for modifier in spoken.modifiers}
        added = self._ordering.add(dish, spoken.quantity, [name for name in matched.values() if name])
        cannot = [modifier for modifier, name in matched.items() if name is None]
        if added and cannot:
            session.warning = phrases.cannot_do(dish.name, cannot)
        return []

    def _remove(self, entities: voice.Entities) -> None:
        session = self._stage.session
        if not session.allows(Step.EDIT):
            return
        removed: list[str] = []
        missing = False
        for spoken in _spoken(entities):
            line = self._line(spoken)
            if line is None:
                missing = True
                continue
            several = entities.quantity is not None and spoken.quantity < line.quantity
            self._ordering.set_quantity(line, line.quantity - spoken.quantity if several else 0)
            removed.append(phrases.removed(line.title))
        session.said = " ".join(removed) or None
        session.warning = phrases.NOTHING_TO_REMOVE if missing else None

    def _line(self, spoken: voice.SpokenItem) -> Line | None:
        cart = self._stage.session.cart
        if spoken.item_id is not None:
            return cart.find(spoken.item_id)
        if not spoken.item:  # "remove that": the latest
            return cart.lines[-1] if cart.lines else None
        return find_line(spoken.item, cart.lines)


def _spoken(entities: voice.Entities) -> Iterator[voice.SpokenItem]:
    yield voice.SpokenItem(
        item=entities.item or "",
        item_id=entities.item_id,
        quantity=entities.quantity or 1,
        modifiers=entities.modifiers,
    )
    yield from entities.also


def _is_a_no(text: str) -> bool:
    said = words(text)
    return bool(said) and (said[0] in ("no", "nope") or "wrong" in said) and "cancel" not in said
