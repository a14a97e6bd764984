"""The virtual kiosk in fast motion, and what its customers and its attendant do there."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

from bench.customer import Customer
from bench.watch import Heard, Watch
from day.plan import Visit
from edge.agents.orchestrator import OrchestratorAgent
from edge.agents.orchestrator.timing import Timing
from edge.bus import Client
from edge.contract import ui
from edge.contract.errors import AskError
from edge.contract.hardware import PrintReceipt
from edge.contract.subjects import PERSON_DETECTED, PERSON_LEFT, PRINT_RECEIPT
from edge.contract.wire import from_fields
from edge.virtual.kiosk import VirtualKiosk
from edge.virtual.stage import Stage

# Fast motion: what a customer would wait for in vain takes a moment. What devices and payments may take stays.
FAST: Final = Timing(
    left_grace_s=0.3,
    idle_s=20.0,
    receipt_s=0.3,
    unprinted_receipt_s=5.0,
    goodbye_s=0.1,
    look_again_s=0.5,
    cancel_again_s=0.2,
    show_again_s=0.3,
)
TAP_TIMEOUT_S: Final = 3.0

_HOLD_S: Final = 0.05
_TAP_AGAIN_S: Final = 0.5
_SEEN_S: Final = 10.0  # a person's patience before they touch the screen
# A camera that was lost often is tried again every 30 s; who comes meanwhile isn't seen. Later ones have to be.
_UNSEEN_AFTER_LOSS_S: Final = 40.0
_PAYMENT_S: Final = 40.0
_ATTENDANT_TRIES: Final = 20
_OVER_S: Final = 2 * TAP_TIMEOUT_S + 20.0
_BACK_S: Final = 60.0


class FastKiosk(VirtualKiosk):
    """The virtual kiosk, its customers' waits in fast motion."""

    async def _start(self) -> None:
        await super()._start()
        for agent in self._agents:
            if isinstance(agent, OrchestratorAgent):
                agent.timing = FAST


class VisitFailed(Exception):
    """Something that a customer may count on did not happen; the text says what."""


class Day:
    """One kiosk's day: `serve` leads one customer through, and afterwards nothing is left broken.

    `papers` are the receipts' texts, `promised` the orders that customers were told are paid (order to transaction),
    `endings` how their visits ended.
    """

    def __init__(self, kiosk: FastKiosk, client: Client, watch: Watch) -> None:
        self._kiosk = kiosk
        self._watch = watch
        self._client = client
        self._stage: Stage = kiosk.stage
        self.papers: list[str] = []
        self.promised: dict[str, str] = {}
        self.endings: Counter[str] = Counter()
        self.accidents: Counter[str] = Counter()
        self.reprints = 0
        self.unseen = 0
        self._camera_back_s = -math.inf  # when it was last plugged in again, by time.monotonic
        self._printing: dict[str, PrintReceipt] = {}  # by transaction, for the attendant
        self._stage.printer.on_receipt(self._take_paper)
        watch.on_heard = self._note
        self._accidents: dict[str, Callable[[], Awaitable[None]]] = {
            "torn cards": self._tear_cards,
            "empty roll": _now(self._stage.printer.empty_roll),
            "open cover": _now(self._stage.printer.open_cover),
            "printer unplugged": _now(self._stage.printer.unplug),
            "printer stalled": _now(self._stage.printer.stall),
            "reader unplugged": self._replug_reader,
            "camera unplugged": _now(self._stage.camera.unplug),
            "microphone unplugged": _now(self._stage.microphone.unplug),
            "lights unplugged": _now(self._stage.leds.strip.unplug),
            "server killed": self._kill_server,
        }

    @property
    def malformed(self) -> list[str]:
        """What broke the contract on the bus."""
        return self._watch.malformed

    def _take_paper(self, receipt: object) -> None:
        self.papers.append(str(receipt))
        self._stage.printer.receipts.clear()  # the simulated printer keeps every piece; a lobby doesn't

    def _note(self, heard: Heard) -> None:
        if heard.subject == PRINT_RECEIPT.subject:
            with contextlib.suppress(Exception):
                ask = from_fields(heard.message.payload, PrintReceipt)
                self._printing[ask.transaction_id or ""] = ask

    # -- a customer ----------------------------------------------------------------------------------------------

    async def serve(self, visit: Visit) -> None:
        """Lead `visit` to its end, and mend what broke.

        Raises:
            VisitFailed: the kiosk let the customer down.
        """
        self._watch.forget()
        customer = Customer(self._client, self._watch)
        try:
            ending = await self._visit(visit, customer)
        except (AssertionError, TimeoutError) as error:
            raise VisitFailed(f"customer {visit.number} ({visit.ending}, {visit.accident}): {error}") from error
        finally:
            await self._mend(visit)
        self.endings[ending] += 1
        await self._reprint()
        await self._until_over(customer)

    async def _visit(self, visit: Visit, customer: Customer) -> str:
        if visit.seen:
            came_s = time.monotonic()
            await self._stage.show("customer")
            try:
                await customer.until(PERSON_DETECTED, timeout_s=_SEEN_S)
                await customer.screen("greets", _ordering)
            except AssertionError:
                if came_s > self._camera_back_s + _UNSEEN_AFTER_LOSS_S:
                    raise
                self.unseen += 1
                await customer.start()
        else:
            await customer.start()
        await self._strike(visit, "before ordering", customer)
        for dish in visit.dishes:
            await customer.order(dish)
        if visit.says and visit.accident != "microphone unplugged":
            await self._stage.say("two_iced_colas_please")
        if visit.loyalty:
            await self._stage.tap("loyalty", _HOLD_S)
        await self._strike(visit, "before paying", customer)
        match visit.ending:
            case "walks away":
                await self._stage.show("empty")
                await self._until_over(customer, FAST.idle_s)  # who wasn't seen is only missed by their idleness
                return visit.ending
            case "cancels the order":
                await customer.touch("cancel")
                await self._until_over(customer)
                return visit.ending
        await customer.go_to_pay()
        await self._strike(visit, "while paying", customer)
        if visit.ending == "cancels the payment":
            await customer.touch("cancel")
            await self._until_over(customer)
            return visit.ending
        if visit.ending == "never shows a card":
            await customer.part(ui.PaymentPrompt, lambda prompt: prompt.state != "waiting")
            await customer.touch("cancel")
            await self._until_over(customer)
            return visit.ending
        if visit.ending == "pays after a declined card":
            await self._pay(customer, "declined")
        return await self._pay_in_the_end(visit, customer)

    async def _pay_in_the_end(self, visit: Visit, customer: Customer) -> str:
        """Try again for as long as the screen offers it, as people do who are hungry."""
        for _ in range(5):
            screen = self._watch.screen()
            if screen is not None and screen.layout_mode == "payment" and _prompt(screen) != "waiting":
                await customer.touch("try_again")
                await customer.screen("asks again", lambda shown: shown.layout_mode != "payment" or _waits(shown))
            await self._pay(customer, "good")
            shows = self._watch.screen()
            if shows is not None and shows.layout_mode == "receipt":
                paid = await customer.part(ui.ReceiptInfo, lambda receipt: receipt.printed is not None)
                self.promised[paid.order_id] = paid.transaction_id
                await customer.touch("done")
                await self._until_over(customer)
                return visit.ending if paid.printed else "pays, and gets a link for a receipt"
        raise VisitFailed(f"customer {visit.number} could not pay in 5 tries")

    async def _pay(self, customer: Customer, card: str) -> None:
        """Hold a card to the reader until the screen tells how the payment went."""

        def over(screen: ui.UiUpdate) -> bool:
            return screen.layout_mode not in ("payment", "confirm") or (
                screen.layout_mode == "payment" and _prompt(screen) != "waiting"
            )

        async with asyncio.timeout(_PAYMENT_S):
            while True:
                await self._stage.tap(card, _HOLD_S)
                with contextlib.suppress(AssertionError):
                    await customer.screen("tells how the payment went", over, _TAP_AGAIN_S)
                    return

    async def _until_over(self, customer: Customer, more_s: float = 0.0) -> None:
        await customer.screen("says goodbye", lambda screen: not _ordering(screen), _OVER_S + more_s)

    # -- accidents -----------------------------------------------------------------------------------------------

    async def _strike(self, visit: Visit, moment: str, customer: Customer) -> None:
        if visit.accident is None or visit.moment != moment:
            return
        self.accidents[visit.accident] += 1
        await self._accidents[visit.accident]()
        if visit.accident == "server killed":
            await customer.until_up(timeout_s=_BACK_S)

    async def _tear_cards(self) -> None:
        for card in self._stage.cards:
            await self._stage.reader.tap(card.card, _HOLD_S, torn_after=1)

    async def _replug_reader(self) -> None:
        self._stage.reader.unplug()
        await self._stage.tap("good", _HOLD_S)
        self._stage.reader.plug()

    async def _kill_server(self) -> None:
        await self._kiosk.server.kill()
        await self._kiosk.server.start()

    # -- the attendant -------------------------------------------------------------------------------------------

    async def _mend(self, visit: Visit) -> None:
        printer = self._stage.printer
        match visit.accident:
            case "empty roll":
                printer.load_roll()
            case "open cover":
                printer.close_cover()
            case "printer unplugged":
                printer.plug()
            case "printer stalled":
                printer.resume()
            case "camera unplugged":
                self._stage.camera.plug()
                self._camera_back_s = time.monotonic()
            case "microphone unplugged":
                self._stage.microphone.plug()
            case "lights unplugged":
                self._stage.leds.strip.plug()
        if visit.seen:
            await self._stage.show("empty")
            await self._left()

    async def _left(self) -> None:
        """Wait until the camera missed whom it saw, or the next would be taken for the same."""
        seen = self._watch.all_since(0, PERSON_DETECTED)
        if len(seen) > len(self._watch.all_since(0, PERSON_LEFT)):
            await self._watch.until(PERSON_LEFT, lambda _: True, since=0, timeout_s=_BACK_S)

    async def _reprint(self) -> None:
        """Print for who paid and got no paper: as often as it takes, which must not make two of them."""
        for transaction, ask in self._printing.items():
            if any(transaction in "".join(text.split()) for text in self.papers[-3:]):
                continue
            self.reprints += 1
            for attempt in range(_ATTENDANT_TRIES):
                try:
                    await self._client.request(PRINT_RECEIPT, ask)
                    break
                except AskError:
                    if attempt + 1 == _ATTENDANT_TRIES:
                        raise
                    await self._client.wait_for_reconnect(0.5)
        self._printing.clear()


def _ordering(screen: ui.UiUpdate) -> bool:
    return screen.layout_mode not in ("attract", "goodbye")


def _prompt(screen: ui.UiUpdate) -> str:
    return next((str(each.data["state"]) for each in screen.components if each.type == "PaymentPrompt"), "")


def _waits(screen: ui.UiUpdate) -> bool:
    return _prompt(screen) == "waiting"


def _now(deed: Callable[[], None]) -> Callable[[], Awaitable[None]]:
    async def do() -> None:
        deed()

    return do


@asynccontextmanager
async def opened(kiosk: FastKiosk) -> AsyncIterator[Day]:
    """A day at a kiosk that runs."""
    client = Client(kiosk.server.url, name="lobby")
    await client.connect(wait_s=10)
    watch = Watch(client)
    await watch.open()
    try:
        yield Day(kiosk, client, watch)
    finally:
        await watch.close()
        await client.close()
