"""Customers of a kiosk that is far away: touches and cards in over its bus, screens out; every promise is noted."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, TypeVar

from edge.bus import Client
from edge.bus.connection import BusError
from edge.contract import ui
from edge.contract.envelope import NATSMessage
from edge.contract.input import CardTap, CartAction, Touch
from edge.contract.permissions import OPERATOR
from edge.contract.streams import EVENTS_STREAM
from edge.contract.subjects import CARD_TAP, CART_ACTION, TOUCH, TRANSCRIPT, UI_UPDATE, Event
from edge.contract.voice import Transcript
from edge.contract.wire import Payload, from_fields, to_bytes
from proofs.powercuts.acks import AckWriter

log = logging.getLogger(__name__)
P = TypeVar("P", bound=Payload)

# Who serves a customer; the others make it nicer.
NEEDED: Final = ("menu", "payment", "hardware", "orchestrator")
DISHES: Final = (101, 102, 103, 104, 105, 201)
_STREAM: Final = str(EVENTS_STREAM["name"])
_STEP_S: Final = 120.0  # an emulated kiosk on a busy machine; on a real one a step takes well under a second
_ACK_S: Final = 30.0
_ACK_TRIES: Final = 4
_LOOK_S: Final = 0.5
_TAP_AGAIN_S: Final = 15.0
_TOUCH_AGAIN_S: Final = 10.0
_VISITS: Final = 2
_CHATTER_S: Final = 0.2
_CARD: Final = hashlib.sha256(b"the power cuts' customer").hexdigest()


class NotServed(Exception):
    """The kiosk did not do what a customer may count on; the text says what it shows instead."""


class Customers:
    """Customers at one kiosk, one after the other. What it promises them goes into `acks`."""

    def __init__(self, client: Client, acks: AckWriter) -> None:
        self._client = client
        self._acks = acks
        self._screen: ui.UiUpdate | None = None
        self._cause: NATSMessage | None = None
        self._shown = asyncio.Condition()

    async def until_up(self, within_s: float) -> None:
        """Return once every agent that serves answers, and the bus keeps events.

        Raises:
            NotServed: not in time; the text names who is missing.
        """
        missing = [_STREAM, *NEEDED]
        try:
            async with asyncio.timeout(within_s):
                while missing:
                    missing = [agent for agent in missing if not await self._is_up(agent)]
                    if missing:
                        await asyncio.sleep(_LOOK_S)
        except TimeoutError:
            raise NotServed(f"no {', '.join(missing)} within {within_s:g} s") from None

    async def order_and_pay(self, dishes: list[int]) -> str:
        """A whole visit, from the first touch to the receipt; the order's id.

        Raises:
            NotServed: some step did not come.
        """
        await self._order(dishes)
        await self._touch("checkout")
        await self._until("asks for confirmation", lambda screen: screen.layout_mode == "confirm")
        await self._touch("pay")
        await self._part(ui.PaymentPrompt, lambda prompt: prompt.state == "waiting")
        receipt = await self._pay()
        self._acks.paid(receipt.order_id, receipt.transaction_id)
        await self._part(ui.ReceiptInfo, lambda shown: shown.printed is not None)
        await self._touch("done")
        await self._over()
        return receipt.order_id

    async def change_their_mind(self, dishes: list[int]) -> None:
        """Order and leave.

        Raises:
            NotServed: some step did not come.
        """
        await self._order(dishes)
        await self._touch("cancel")
        await self._over()

    async def chatter(self) -> None:
        """Words that the microphone half understands, for ever: events on top of what customers cause."""
        number = 0
        while True:
            number += 1
            await self._say(TRANSCRIPT, Transcript(text=f"mumble {number}", confidence=0.1, is_final=False))
            await asyncio.sleep(_CHATTER_S)

    async def watch(self) -> None:
        """Look at the screen, for ever."""
        async for _, message in self._client.watch(UI_UPDATE.subject):
            if isinstance(message, NATSMessage):
                async with self._shown:
                    self._cause = message
                    self._screen = from_fields(message.payload, ui.UiUpdate)
                    self._shown.notify_all()

    async def _order(self, dishes: list[int]) -> None:
        """Put `dishes` into the cart; from the start again where the visit before theirs ends under their hands.

        A kiosk whose power was cut in the middle of a visit goes on with it, and ends it when nobody answers.
        """
        for visit in range(1, _VISITS + 1):
            await self._begin()
            try:
                for dish in dishes:
                    await self._say(CART_ACTION, CartAction(action="add", item_id=dish))
                    await self._part(ui.Cart, lambda cart: any(line.item_id == dish for line in cart.lines))  # noqa: B023 - now
            except NotServed:
                if visit == _VISITS or self._screen is None or _ordering(self._screen):
                    raise
            else:
                return

    async def _begin(self) -> None:
        """Touch Start, again if nothing happens: a kiosk whose payment agent is still starting is out of service."""
        for _ in range(int(_STEP_S / _TOUCH_AGAIN_S)):
            await self._touch("start")
            with contextlib.suppress(NotServed):
                await self._until("greets", _ordering, _TOUCH_AGAIN_S)
                return
        await self._until("greets", _ordering)

    async def _pay(self) -> ui.ReceiptInfo:
        """Hold the card to the reader, again if nothing happens."""
        for _ in range(int(_STEP_S / _TAP_AGAIN_S)):
            await self._say(CARD_TAP, CardTap(reader="power-cuts", card=_CARD))
            try:
                return await self._part(ui.ReceiptInfo, within_s=_TAP_AGAIN_S)
            except NotServed:
                if self._screen is None or self._screen.layout_mode not in ("payment", "receipt"):
                    raise
        return await self._part(ui.ReceiptInfo)

    async def _over(self) -> None:
        await self._until("says goodbye", lambda screen: not _ordering(screen))

    async def _touch(self, action: str) -> None:
        await self._say(TOUCH, Touch(action=action, component="Action"))

    async def _say(self, event: Event[P], payload: P) -> None:
        """Publish as the contract has it, and note the acknowledgement when it comes."""
        msg_id, data = self._client.seal(to_bytes(payload), cause=self._cause)
        for attempt in range(1, _ACK_TRIES + 1):
            try:
                # Not Client.publish: it does not tell the msg_id.
                await self._client.js.publish(event.subject, data, timeout=_ACK_S, headers={"Nats-Msg-Id": msg_id})
            except Exception as error:
                if attempt == _ACK_TRIES:
                    raise NotServed(
                        f"{event.subject} was not acknowledged: {str(error) or type(error).__name__}"
                    ) from error
                await self._client.wait_for_reconnect(_LOOK_S)
            else:
                self._acks.stored(msg_id)
                return

    async def _part(self, kind: type[P], good: Callable[[P], bool] = lambda _: True, within_s: float = _STEP_S) -> P:
        def find(screen: ui.UiUpdate) -> P | None:
            parts = (from_fields(each.data, kind) for each in screen.components if each.type == kind.__name__)
            return next((part for part in parts if good(part)), None)

        found = find(await self._until(f"shows {kind.__name__}", lambda screen: find(screen) is not None, within_s))
        if found is None:
            raise NotServed(f"the screen lost its {kind.__name__}")
        return found

    async def _until(self, does: str, good: Callable[[ui.UiUpdate], bool], within_s: float = _STEP_S) -> ui.UiUpdate:
        try:
            async with asyncio.timeout(within_s), self._shown:
                while self._screen is None or not good(self._screen):
                    await self._shown.wait()
                return self._screen
        except TimeoutError:
            shows = self._screen.layout_mode if self._screen else "nothing"
            raise NotServed(f"no screen that {does} within {within_s:g} s; it shows {shows}") from None

    async def _is_up(self, what: str) -> bool:
        try:
            if what == _STREAM:  # the monitor makes it
                return bool(await self._client.js.stream_info(_STREAM))
            return await self._client.is_up(what)
        except Exception as error:  # whatever it is, it may be up at the next look
            log.debug("%s is not up: %s", what, error)
            return False


@asynccontextmanager
async def at_the_kiosk(bus_url: str, key_file: Path, acks: AckWriter, within_s: float) -> AsyncIterator[Customers]:
    """Customers of the kiosk with this bus, signed in as its operator, once it serves.

    Raises:
        NotServed: it does not within `within_s`.
    """
    client = Client(bus_url, name=OPERATOR, key_file=key_file)
    try:
        async with asyncio.timeout(within_s):
            while True:
                try:
                    await client.connect(wait_s=within_s)
                    break
                except BusError:  # the tunnel stands, and nothing is at its end yet
                    await asyncio.sleep(_LOOK_S)
    except TimeoutError:
        raise NotServed(f"no bus within {within_s:g} s") from None
    customers = Customers(client, acks)
    watching = asyncio.create_task(customers.watch())
    try:
        await customers.until_up(within_s)
        yield customers
    finally:
        watching.cancel()
        await asyncio.wait([watching])
        await client.close()


def visits(count: int, seed: int) -> list[tuple[bool, list[int]]]:
    """What each of `count` customers does: whether they pay, and what they order."""
    drawn = random.Random(seed)  # noqa: S311 - to be repeatable
    return [(number % 5 != 4, [drawn.choice(DISHES) for _ in range(drawn.randint(1, 3))]) for number in range(count)]


def _ordering(screen: ui.UiUpdate) -> bool:
    return screen.layout_mode not in ("attract", "goodbye")
