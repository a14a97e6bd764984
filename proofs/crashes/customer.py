"""A customer who wants one meal and to pay for it once, whatever happens to the kiosk meanwhile.

They act by what the screen shows, as people do: touch what helps, hold the card to the reader again when nothing
happens, try again where that is offered, begin anew where the kiosk has forgotten them. What they see, the page saw:
each screen as it comes, and after a pause the last that the bus has kept.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from edge.bus.client import current
from edge.bus.connection import BusError
from edge.contract import ui
from edge.contract.envelope import NATSMessage
from edge.contract.errors import ContractError
from edge.contract.input import CardTap, CartAction, Touch
from edge.contract.streams import EVENTS_STREAM
from edge.contract.subjects import CARD_TAP, CART_ACTION, TOUCH, UI_UPDATE, Event
from edge.contract.wire import Payload, from_fields
from proofs.crashes.kiosk import CrashKiosk
from proofs.crashes.plan import Story

log = logging.getLogger(__name__)
P = TypeVar("P", bound=Payload)

DISH: Final = 101
AGAIN_S: Final = 1.5  # a person who sees nothing happen does it again
_LOOK_S: Final = 0.4  # a page that hears nothing looks at the last screen that was kept
_SAY_S: Final = 3.0
_VISITS: Final = 4
_REFUSALS: Final = 6  # tries to pay before they give up
_READS_S: Final = 2.0  # why it failed, before they try again


Deed = tuple[str, Callable[[], Awaitable[None]]]  # its name, and what does it


async def _nothing() -> None:
    """Wait and see."""


_WAIT: Final[Deed] = ("waits", _nothing)


class Customer:
    """Acts out `story` at `kiosk`; what they were told is the bus's own record of the screens, not theirs."""

    def __init__(self, kiosk: CrashKiosk, story: Story) -> None:
        self._kiosk = kiosk
        self._story = story
        self._screen: ui.UiUpdate | None = None
        self._cause: NATSMessage | None = None
        self._seen_stamp = ""
        self._new = asyncio.Event()
        self._last_deed = ""
        self._tapped_declined = False
        self._cancelled = False
        self._refusals = 0
        self.visits = 0
        self.paid = False
        self.deeds: list[str] = []
        self.waits_for_card = asyncio.Event()
        """A screen asked for the card."""

    # -- seeing -------------------------------------------------------------------------------------------

    async def _watch(self) -> None:
        async for _, message in self._kiosk.client.watch(UI_UPDATE.subject):
            if isinstance(message, NATSMessage):
                self._see(message)

    def _see(self, message: NATSMessage) -> None:
        if message.timestamp < self._seen_stamp:
            return  # the page does so too: an older screen doesn't come back
        if self._cause is not None and message.msg_id == self._cause.msg_id:
            return
        with contextlib.suppress(ContractError):
            self._screen = from_fields(message.payload, ui.UiUpdate)
            self._cause, self._seen_stamp = message, message.timestamp
            self._new.set()

    async def _look(self) -> None:
        """At the last screen that the bus keeps."""
        try:
            kept = await self._kiosk.client.js.get_last_msg(str(EVENTS_STREAM["name"]), UI_UPDATE.subject)
            if kept.data:
                self._see(NATSMessage.from_json(kept.data))
        except Exception as error:  # the server may be gone; the next look may tell
            log.debug("no screen: %s", error)

    def _part(self, kind: type[P]) -> P | None:
        screen = self._screen
        found = next((each for each in screen.components if each.type == kind.__name__), None) if screen else None
        return None if found is None else from_fields(found.data, kind)

    # -- doing --------------------------------------------------------------------------------------------

    async def come_and_go(self) -> None:
        """The whole visit, or visits; returns when they leave for good and the kiosk waits for the next one."""
        watching = asyncio.create_task(self._watch())
        try:
            await self._look()
            while True:
                self._new.clear()
                deed = self._decide()
                if deed is None:
                    return
                name, act = deed
                if name != self._last_deed:
                    self.deeds.append(name)
                    self._last_deed = name
                if name == "try_again":
                    await asyncio.sleep(_READS_S)
                await act()
                await self._await_change(AGAIN_S if name != "waits" else _LOOK_S)
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)

    async def _await_change(self, seconds: float) -> None:
        ends = asyncio.get_running_loop().time() + seconds
        while not self._new.is_set():
            left = ends - asyncio.get_running_loop().time()
            if left <= 0:
                return
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(left, _LOOK_S)):
                    await self._new.wait()
            if not self._new.is_set():
                await self._look()

    def _decide(self) -> Deed | None:
        """What to do about the screen; None: leave for good."""
        screen = self._screen
        layout = screen.layout_mode if screen is not None else ""
        if screen is None:
            deed: Deed | None = _WAIT
        elif layout in ("attract", "goodbye"):
            deed = self._between(screen)
        elif layout == "payment":
            deed = self._at_the_reader(screen)
        elif layout == "receipt":
            deed = self._with_receipt()
        elif layout == "confirm":
            deed = self._touch("pay") if "Pay" in screen.suggested_actions else _WAIT
        else:
            deed = self._choose(screen)
        return deed

    def _with_receipt(self) -> Deed:
        self.paid = True
        receipt = self._part(ui.ReceiptInfo)
        return _WAIT if receipt is None or receipt.printed is None else self._touch("done")

    def _between(self, screen: ui.UiUpdate) -> Deed | None:
        if self._content:
            return None if screen.layout_mode == "attract" else _WAIT
        if "Start" not in screen.suggested_actions:
            return _WAIT
        if self._last_deed != "start":
            self.visits += 1
            if self.visits > _VISITS:
                return None
        return self._touch("start")

    @property
    def _content(self) -> bool:
        """Whether they have what they came for."""
        return self.paid or self._cancelled

    def _choose(self, screen: ui.UiUpdate) -> Deed:
        cart = self._part(ui.Cart)
        if cart is None or not cart.lines:
            return "add", lambda: self._say(CART_ACTION, CartAction(action="add", item_id=DISH))
        if "Checkout" in screen.suggested_actions:
            return self._touch("checkout")
        if "Back" in screen.suggested_actions:
            return self._touch("back")
        return _WAIT

    def _at_the_reader(self, screen: ui.UiUpdate) -> Deed:
        prompt = self._part(ui.PaymentPrompt)
        if prompt is None:
            return _WAIT
        if prompt.state == "waiting":
            self.waits_for_card.set()
            if self._story == "cancels":
                self._cancelled = True
                return self._touch("cancel")
            if self._story == "races":
                return "taps and cancels", self._tap_and_cancel
            return "tap", self._tap
        if self._last_deed == "tap":
            self._refusals += 1
        if self._story == "gives up" and prompt.state == "failed":
            self._cancelled = True
        if self._cancelled or self._refusals > _REFUSALS or "Try again" not in screen.suggested_actions:
            self._cancelled = self._cancelled or self._refusals > _REFUSALS
            return self._touch("cancel")
        return self._touch("try_again")

    async def _tap_and_cancel(self) -> None:
        self._cancelled = True
        touch = self._say(TOUCH, Touch(action="cancel", component="Action"))
        await asyncio.gather(touch, self._tap())

    async def _tap(self) -> None:
        """Hold a card to the reader; nobody reads it where the hardware agent is gone."""
        if self._kiosk.pays == "terminal":
            await self._kiosk.tap_at_terminal()
        elif self._kiosk.program("hardware").up:
            card = self._kiosk.good_card
            if self._story == "declined" and not self._refusals:
                card = self._kiosk.declined_card
            await self._say(CARD_TAP, CardTap(reader="crash matrix", card=card))

    def _touch(self, action: str) -> Deed:
        return action, lambda: self._say(TOUCH, Touch(action=action, component="Action"))

    async def _say(self, event: Event[P], payload: P) -> None:
        token = current.set(self._cause)  # as the page does
        try:
            async with asyncio.timeout(_SAY_S):
                await self._kiosk.client.publish(event, payload)
        except (BusError, TimeoutError) as error:
            log.debug("%s was not heard: %s", event.subject, error)
        finally:
            current.reset(token)
