"""One scripted customer, from walking up to leaving: every step through the kiosk's real parts.

The customer is a photograph before the camera, a recorded voice, fingers on the page's subjects, and a card
that answers APDUs. What the kiosk makes of them is awaited on the bus; nothing is taken for granted.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from edge.bus import Client
from edge.bus.client import current
from edge.contract import ui
from edge.contract.envelope import NATSMessage, envelope_faults
from edge.contract.errors import ContractError
from edge.contract.input import CartAction, Touch
from edge.contract.streams import EVENTS_STREAM
from edge.contract.subjects import (
    ALL,
    CARD_TAP,
    CART_ACTION,
    INTENT,
    PERSON_DETECTED,
    PERSON_LEFT,
    SESSION_ENDED,
    SESSION_STARTED,
    SPEECH_START,
    TOUCH,
    TRANSCRIPT,
    UI_UPDATE,
    Event,
    event_on,
)
from edge.contract.wire import Payload, from_fields
from edge.virtual.stage import Stage

P = TypeVar("P", bound=Payload)

PATIENCE_S: Final = 20.0  # for each thing that should happen; all of them take well under 5 here
_TAP_AGAIN_S: Final = 3.0

Tell = Callable[["Step"], None]


class StoryFailed(Exception):
    """Something that should have happened did not; the text says what, and what happened instead."""


@dataclass
class Step:
    """One step: what the customer does, and what came of it. `took_s` is set when it is over."""

    title: str
    findings: list[str] = field(default_factory=list)
    took_s: float | None = None
    problem: str | None = None


@dataclass(frozen=True)
class _Seen:
    subject: str
    message: NATSMessage


class Story:
    """A customer at the kiosk of `stage`, watched on `bus`; each step is told when it begins and ends."""

    def __init__(self, stage: Stage, bus: Client, tell: Tell) -> None:
        self._stage = stage
        self._bus = bus
        self._tell = tell
        self._seen: list[_Seen] = []
        self._malformed: list[str] = []
        self._news = asyncio.Condition()
        self._from = 0  # where in _seen the running step began
        self._step = Step("")

    async def play(self) -> None:
        """Play all of it.

        Raises:
            StoryFailed: at the first thing that doesn't happen.
        """
        watching = asyncio.create_task(self._watch())
        try:
            await self._walk_up()
            await self._order_by_voice()
            await self._order_by_touch()
            await self._show_loyalty()
            await self._check_out()
            await self._pay()
            await self._take_the_receipt()
            await self._leave()
            await self._audit()
        finally:
            watching.cancel()
            await asyncio.wait([watching])

    # -- the steps ------------------------------------------------------------------------------------------

    async def _walk_up(self) -> None:
        async with self._telling("A person walks up"):
            await self._stage.show("customer")
            seen = await self._until(PERSON_DETECTED)
            box = seen.bounding_box
            where = f"{box.w} x {box.h} px at {box.x}, {box.y}" if box else "without a box"
            self._found(f"the detector found a face in the photograph: {seen.confidence:.0%}, {where}")
            await self._until(SESSION_STARTED)
            await self._screen("greets", lambda screen: screen.layout_mode in ("greeting", "hero_grid"))
            dishes = [each.data["title"] for each in self._latest_screen().components if each.type == "HeroItem"]
            self._found(f"the screen greets and shows {', '.join(dishes) or 'no dishes'}")

    async def _order_by_voice(self) -> None:
        sentence = "i_want_a_volcano_burger_with_extra_cheese"
        async with self._telling("Says: “I want a volcano burger with extra cheese”"):
            saying = asyncio.create_task(self._stage.say(sentence))
            await self._until(SPEECH_START)
            heard = await self._until(TRANSCRIPT, lambda each: each.is_final)
            await saying
            self._found(f"the recogniser heard: {heard.text} ({heard.confidence:.0%})")
            meant = await self._until(INTENT)
            self._found(f"meaning {meant.intent_type}: {meant.entities.item}, {', '.join(meant.entities.modifiers)}")
            cart = await self._cart("the burger in the cart", lambda cart: "Volcano Burger" in _titles(cart))
            line = cart.lines[0]
            if "Extra Cheese" not in line.customizations:
                raise StoryFailed(f"the burger came without extra cheese: {line.customizations}")
            self._found(f"in the cart: {line.quantity} x {line.title} with {line.customizations[0]}, {cart.total}")

    async def _order_by_touch(self) -> None:
        async with self._telling("Touches what is suggested"):
            shown = await self._screen("suggestions", lambda screen: _of_type(screen, "Suggestion") != [])
            offer = from_fields(_of_type(shown, "Suggestion")[0], ui.Suggestion)
            self._found(f"suggested: {offer.title}: “{offer.pitch}”")
            await self._touch(CART_ACTION, CartAction(action="add", item_id=offer.item_id, quantity=1))
            cart = await self._cart(f"{offer.title} in the cart", lambda cart: offer.title in _titles(cart))
            self._found(f"in the cart: {', '.join(_titles(cart))}; {cart.total} {cart.currency}")

    async def _show_loyalty(self) -> None:
        async with self._telling("Holds the loyalty card to the reader"):
            await self._stage.tap("loyalty")
            tap = await self._until(CARD_TAP)
            self._found(f"the card answered: {tap.loyalty_id}; its UID stayed in the reader ({tap.card[:8]}…)")
            cart = await self._cart("the loyalty id with the order", lambda cart: cart.loyalty_id == tap.loyalty_id)
            self._found(f"the order belongs to {cart.loyalty_id}")

    async def _check_out(self) -> None:
        async with self._telling("Touches Checkout, then Pay"):
            await self._touch(TOUCH, Touch(action="checkout", component="Action"))
            await self._screen("asks for confirmation", lambda screen: screen.layout_mode == "confirm")
            await self._touch(TOUCH, Touch(action="pay", component="Action"))
            shown = await self._screen("asks for the card", lambda screen: screen.layout_mode == "payment")
            prompt = from_fields(_of_type(shown, "PaymentPrompt")[0], ui.PaymentPrompt)
            self._found(f"the screen says: {prompt.message} ({prompt.total} {prompt.currency})")

    async def _pay(self) -> None:
        async with self._telling("Taps the payment card"):
            await self._stage.tap("good")
            await self._until(CARD_TAP, lambda tap: tap.loyalty_id is None)
            again = asyncio.create_task(self._tap_again("good"))
            try:
                shown = await self._screen("shows the receipt", lambda screen: screen.layout_mode == "receipt")
            finally:
                again.cancel()
            paid = from_fields(_of_type(shown, "ReceiptInfo")[0], ui.ReceiptInfo)
            self._found(f"paid {paid.total} {paid.currency}, {paid.loyalty_points_earned} points: {paid.order_id}")

    async def _tap_again(self, card: str) -> None:
        """As people do when nothing happens: a tap that comes before the payment agent waits for it is lost."""
        while True:
            await asyncio.sleep(_TAP_AGAIN_S)
            await self._stage.tap(card)

    async def _take_the_receipt(self) -> None:
        async with self._telling("Takes the receipt"):
            printed = await self._stage.printer.next_receipt(PATIENCE_S)
            shown = await self._screen("says that it is printed", _says_printed)
            paid = from_fields(_of_type(shown, "ReceiptInfo")[0], ui.ReceiptInfo)
            text = "\n".join(printed.text)
            for wanted in ("Volcano Burger", "Extra Cheese", str(paid.total)):
                if wanted not in text:
                    raise StoryFailed(f"the receipt does not show {wanted!r}:\n{text}")
            width, height = printed.image.size
            self._found(f"a receipt of {width} x {height} dots with the burger, its cheese and {paid.total}")
            for line in printed.text:
                self._found(f"  │ {line}")

    async def _leave(self) -> None:
        async with self._telling("Leaves"):
            await self._stage.show("empty")
            ended = await self._until(SESSION_ENDED)
            if ended.reason != "completed":
                raise StoryFailed(f"the session ended as {ended.reason}, not as completed")
            left = await self._until(PERSON_LEFT)
            self._found(f"the session is {ended.reason} after {ended.duration_seconds:.1f} s")
            self._found(f"the camera saw the person for {left.duration_seconds:.1f} s")
            await self._screen("waits for the next", lambda screen: screen.layout_mode == "attract")

    async def _audit(self) -> None:
        async with self._telling("Looks everything up in KIOSK_EVENTS"):
            self._from = 0
            if self._malformed:
                raise StoryFailed(f"malformed on the bus: {'; '.join(self._malformed)}")
            events = [each for each in self._seen if event_on(each.subject)]
            for each in events:
                event = event_on(each.subject)
                assert event is not None  # noqa: S101 - just asked
                try:
                    from_fields(each.message.payload, event.payload)
                except ContractError as error:
                    raise StoryFailed(f"{each.subject} breaks the contract: {error}") from error
                if faults := envelope_faults(each.message):
                    raise StoryFailed(f"{each.subject}: {', '.join(faults)}")
            stored = await self._stored_ids()
            lost = [each.subject for each in events if each.message.msg_id not in stored]
            if lost:
                raise StoryFailed(f"not in {EVENTS_STREAM['name']}: {', '.join(lost)}")
            self._found(f"{len(events)} events, all of them valid and stored")

    # -- hands and eyes -------------------------------------------------------------------------------------

    async def _touch(self, event: Event[P], payload: P) -> None:
        """Touch the page: like the page, in the session and trace of the screen."""
        screens = [each for each in self._seen if each.subject == UI_UPDATE.subject]
        token = current.set(screens[-1].message if screens else None)
        try:
            await self._bus.publish(event, payload)
        finally:
            current.reset(token)

    async def _watch(self) -> None:
        async for subject, message in self._bus.watch(ALL):
            async with self._news:
                if isinstance(message, NATSMessage):
                    self._seen.append(_Seen(subject, message))
                else:
                    self._malformed.append(f"{subject}: {message}")
                self._news.notify_all()

    async def _until(self, event: Event[P], good: Callable[[P], bool] = lambda _: True) -> P:
        """The first such event of this step that is `good`."""
        looked_at = self._from
        try:
            async with asyncio.timeout(PATIENCE_S), self._news:
                while True:
                    for each in self._seen[looked_at:]:
                        looked_at += 1
                        if each.subject == event.subject:
                            payload = from_fields(each.message.payload, event.payload)
                            if good(payload):
                                return payload
                    await self._news.wait()
        except TimeoutError:
            since = ", ".join(dict.fromkeys(each.subject for each in self._seen[self._from :])) or "nothing"
            raise StoryFailed(f"no {event.subject} as expected within {PATIENCE_S:g} s; seen: {since}") from None

    async def _screen(self, does: str, good: Callable[[ui.UiUpdate], bool]) -> ui.UiUpdate:
        """The latest screen if it is good, or the next that is."""
        if self._seen and good(self._latest_screen()):
            return self._latest_screen()
        try:
            return await self._until(UI_UPDATE, good)
        except StoryFailed:
            last = self._latest_screen()
            shown = ", ".join(component.type for component in last.components)
            raise StoryFailed(f"no screen that {does}; the last is {last.layout_mode} with {shown}") from None

    async def _cart(self, what: str, good: Callable[[ui.Cart], bool]) -> ui.Cart:
        def has(screen: ui.UiUpdate) -> bool:
            carts = _of_type(screen, "Cart")
            return bool(carts) and good(from_fields(carts[0], ui.Cart))

        return from_fields(_of_type(await self._screen(f"shows {what}", has), "Cart")[0], ui.Cart)

    def _latest_screen(self) -> ui.UiUpdate:
        for each in reversed(self._seen):
            if each.subject == UI_UPDATE.subject:
                return from_fields(each.message.payload, ui.UiUpdate)
        return ui.UiUpdate(layout_mode="attract")

    async def _stored_ids(self) -> set[str]:
        stored = set()
        async for message in self._bus.stored():
            stored.add(message.msg_id)
        return stored

    # -- telling --------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def _telling(self, title: str) -> AsyncIterator[None]:
        self._step = Step(title)
        self._from = len(self._seen)
        self._tell(self._step)
        began_s = time.monotonic()
        try:
            yield
        except StoryFailed as failure:
            self._step.problem = str(failure)
            raise
        except TimeoutError as error:
            self._step.problem = str(error) or "it took too long"
            raise StoryFailed(self._step.problem) from error
        finally:
            self._step.took_s = time.monotonic() - began_s
            self._tell(self._step)

    def _found(self, text: str) -> None:
        self._step.findings.append(text)


def _of_type(screen: ui.UiUpdate, kind: str) -> list[dict[str, Any]]:
    return [component.data for component in screen.components if component.type == kind]


def _titles(cart: ui.Cart) -> list[str]:
    return [line.title for line in cart.lines]


def _says_printed(screen: ui.UiUpdate) -> bool:
    return any(data.get("printed") is True for data in _of_type(screen, "ReceiptInfo"))
